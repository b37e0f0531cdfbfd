"""The bench's count of instructions: what it reads of callgrind, and what it judges by."""

import shutil
from pathlib import Path

import pytest

from tests.bench import instructions
from tests.bench.instructions import MODULES, middle, spread, worse

STATUS = """\
events: Ir
threads: 1 2
events-1: 1431172504
frames-1: 1
events-1-0: 1429440642
events-2: 54796
"""


def test_the_count_is_that_of_all_threads_without_their_frames() -> None:
    assert instructions.instructions(STATUS) == 1431172504 + 54796


def test_an_answer_without_counts_is_no_count() -> None:
    with pytest.raises(RuntimeError, match="no instruction counts"):
        instructions.instructions("no process with that id")


def test_one_disturbed_measure_changes_the_spread_and_not_the_figure() -> None:
    measured = [{"get": 100.0}, {"get": 125.0}, {"get": 100.0}]

    assert middle(measured) == {"get": 100.0}
    assert spread(measured, "get") == 0.25


def test_an_operation_over_the_bound_is_worse_and_more_modules_are_not() -> None:
    base = {"get": 100.0, "save": 100.0, MODULES: 300.0}

    assert worse(base, {"get": 103.1, "save": 102.9, MODULES: 400.0}, 1.03) == ["get"]


def test_without_valgrind_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert instructions.main([]) == 3
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.bench
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
@pytest.mark.timeout(600)
def test_every_operation_of_the_checkout_is_counted(tmp_path: Path) -> None:
    instructions.prepare(tmp_path / "00", None)

    figures = instructions.measure(tmp_path / "00")

    assert len(figures) == 15
    assert all(figure > 0 for figure in figures.values())
