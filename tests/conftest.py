"""Settings for all tests: hypothesis, signals, a folder for caches, and more tries for the slow.

A test that was only too slow (`promptness.py`) is run again: what a busy machine delays is in time
another time, what the code delays is late each time.
"""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.assertion import rewrite
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.cheap_keys import CHEAP_KEYS
from tests.promptness import TooSlowError

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

OTHER_LIMITS = "SIM_TEST_LIMITS"
"""The variable with the limits for what tests start, see `other_limits/sitecustomize.py`."""

TRIES = 6
"""How often a test is run that is too slow each time."""

set_hypothesis_home_dir(CACHE / "hypothesis")

# Under nohup or in the background of a shell some signals are ignored, and a child would go on
# ignoring them. A signal that has a handler here is the default one again in every program started.
for number in set(signal.Signals) - {signal.SIGPIPE}:
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# The suite starts a thousand processes. Where bytecode cannot be written next to the sources, each
# would compile the program again, which takes a minute; and each process of the run would compile
# all tests, which takes as long as 200 of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(CACHE / "bytecode")
sys.dont_write_bytecode = False

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


@pytest.fixture(scope="module")
def usual_limits() -> Iterator[None]:
    """Have what the tests of a module start keep the limits that the product has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(OTHER_LIMITS)
        yield


@pytest.fixture(scope="module")
def cheap_keys() -> Iterator[None]:
    """Have what the tests of a module start derive keys as cheaply as the policy allows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OTHER_LIMITS, f"{os.environ.get(OTHER_LIMITS, '')} {CHEAP_KEYS}")
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Set the limits of what tests start, and prepare the tests."""
    own = getattr(config, "workerinput", None)
    if own is not None or not config.getoption("numprocesses", None):
        # Not before the processes of the run are started, which would take them too. A process
        # that serves loads all modules 0.1 s after its start, which costs twice what the start does
        # and which most tests do not need.
        os.environ["PYTHONPATH"] = str(Path(__file__).with_name("other_limits"))
        os.environ[OTHER_LIMITS] = "MODULES_FIRST_MS=3000"
    if own is not None:
        _rewrite_a_part(config, own)


def _rewrite_a_part(config: pytest.Config, own: dict[str, Any]) -> None:
    """Rewrite the assertions of a part of the tests; other processes of the run do the others.

    They all begin at once, and each would rewrite all of them.
    """
    number, count = int(own["workerid"].removeprefix("gw")), own["workercount"]
    for path in sorted(Path(__file__).parent.rglob("test_*.py"))[number::count]:
        kept = rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)
        if rewrite.try_makedirs(kept.parent) and rewrite._read_pyc(path, kept) is None:
            digest, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, digest, kept)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long; the others stay in order."""
    order = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish() -> None:
    """Have the collector of garbage leave alone what lives as long as the run."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test, and run it again, with fixtures of its own, when it was only too slow."""
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(TRIES)):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not left or not any(hasattr(each, "too_slow") for each in reports):
            break
        item._initrequest()  # type: ignore[attr-defined]  # its fixtures are made anew
    for report in reports:
        report.tries = TRIES - left  # type: ignore[attr-defined]
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Mark the report of a test that was only too slow."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(TooSlowError):
        report.too_slow = True  # type: ignore[attr-defined]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which tests were in time only when they were run again."""
    for report in terminalreporter.stats.get("passed", []):
        if getattr(report, "tries", 1) > 1:
            terminalreporter.write_line(f"in time at try {report.tries}: {report.nodeid}")
