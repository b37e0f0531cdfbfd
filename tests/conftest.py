"""How hypothesis works here: the same examples everywhere, and nothing left in the checkout."""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(Path(__file__).parents[1] / ".cache" / "hypothesis")
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine is no fault of the code
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("ci"), derandomize=False, max_examples=5000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
