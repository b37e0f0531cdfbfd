"""Settings for all tests: the profiles of hypothesis, and the folder for caches."""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

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
