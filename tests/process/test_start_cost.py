"""What a start imports, held against the recorded figure; `build/dev.py check` counts more."""

from pathlib import Path

import pytest

from tests.bench import start
from tests.bench.instructions import prepare


@pytest.mark.skipif(
    start.version() != start.recorded()["python"], reason="recorded with another Python"
)
def test_a_start_imports_hardly_more_modules_than_are_recorded(tmp_path: Path) -> None:
    prepare(tmp_path, None)
    found = {**start.recorded(), start.MODULES: start.modules(tmp_path)}

    assert start.worse(found, start.recorded()) == []


def test_three_percent_more_modules_or_instructions_are_too_many() -> None:
    base: start.Figures = {"python": "3.11", start.MODULES: 200, start.RATIO: 1.5}

    assert start.worse({**base, start.MODULES: 206, start.RATIO: 1.545}, base) == []
    assert start.worse({**base, start.MODULES: 207, start.RATIO: 1.546}, base) == [
        "modules: 207, at most 206",
        "instructions_ratio: 1.546, at most 1.545",
    ]
    assert start.worse({**base, "python": "3.12", start.MODULES: 300}, base) == []
