"""Settings for all tests: the profiles of hypothesis, and the folder for caches."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

LONGEST = (
    "clients/test_rust.py",
    "process/test_reader.py",
    "inspector/test_browser.py",
    "faults/test_damaged_rows.py",
    "clients/test_hostile_peers.py",
    "remotes/test_contract.py",
    "remotes/test_hostile.py",
    "remotes/test_failures.py",
    "clients/test_typescript.py",
    "clients/test_python_supervisor.py",
    "cli/test_commands.py",
    "cli/test_search_and_lists.py",
    "cli/test_backups.py",
    "cli/test_secrets_mistakes.py",
    "process/test_lifetime.py",
    "process/test_lines.py",
    "process/test_secrets_kills.py",
    "faults/test_restore_over_damage.py",
    "scenarios/test_scenarios.py",
    "handlers/test_workflows_search_pages.py",
)
"""Files that take long, the longest first: begun last, one would run alone at the end."""

CACHE = Path(__file__).parents[1] / ".cache"

set_hypothesis_home_dir(CACHE / "hypothesis")

# The suite starts a thousand processes. Where bytecode cannot be written next to the sources, each
# would compile the program again, which takes a minute.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(CACHE / "bytecode")

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine must not fail a test
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("ci"), derandomize=False, max_examples=5000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long; the others stay in order."""
    order = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
