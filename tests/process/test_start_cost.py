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
    names = (start.MODULES, start.RATIO, start.RATIO_NEW)
    base: start.Figures = {
        "python": "3.11",
        "build": "a",
        **dict(zip(names, (200, 1.5, 1.6), strict=True)),
    }
    most = dict(zip(names, (206, 1.545, 1.648), strict=True))
    more = dict(zip(names, (207, 1.546, 1.649), strict=True))

    assert start.worse({**base, **most}, base) == []
    assert start.worse({**base, **more}, base) == [
        "modules: 207, at most 206",
        "instructions_ratio: 1.546, at most 1.545",
        "instructions_ratio_new_database: 1.649, at most 1.648",
    ]
    other_build = {**base, **more, "build": "b"}
    assert start.worse(other_build, base) == ["modules: 207, at most 206"]
    assert start.worse({**other_build, "python": "3.12"}, base) == []
