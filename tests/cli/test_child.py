"""The child that commands talk to: nothing it writes to stderr stops its answers."""

from pathlib import Path

import pytest

from sidecar.cli.child import Child, ChildEnded

PIPE_BYTES = 1024 * 1024
"""More than any system's pipe holds: its writer waits until the other end reads."""

FLOOD = f"""
import os, threading

def flood():
    while True:
        os.write(2, b"x" * 99 + b"\\n")

os.write(2, b"y" * {PIPE_BYTES * 3})
for _ in range({PIPE_BYTES // 100}):
    os.write(2, b"x" * 99 + b"\\n")
"""
"""Run by every Python at its start: it writes a line without end to stderr, then many lines."""


def before_it_starts(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every Python that the test starts run this code first."""
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def options(tmp_path: Path) -> list[str]:
    return ["--database", str(tmp_path / "data" / "sim.db"), "--no-events"]


def test_a_child_that_floods_stderr_still_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_the_time = "threading.Thread(target=flood, daemon=True).start()\n"
    before_it_starts(FLOOD + all_the_time, tmp_path, monkeypatch)

    child = Child(options(tmp_path))
    answers = [child.call("system.ping") for _ in range(20)]

    assert [list(answer) for answer in answers] == [["at"]] * 20
    assert child.close() == 0


def test_the_last_line_of_a_flood_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = """os.write(2, b'{"message": "no more"}\\n'); os._exit(7)\n"""
    before_it_starts(FLOOD + last, tmp_path, monkeypatch)

    with pytest.raises(ChildEnded) as ended:
        Child(options(tmp_path))

    assert (str(ended.value), ended.value.exit_code) == ("no more", 7)


def test_of_a_line_without_end_a_bounded_piece_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = f"import os; os.write(2, b'z' * {PIPE_BYTES * 3 + 1}); os._exit(7)\n"
    before_it_starts(code, tmp_path, monkeypatch)

    with pytest.raises(ChildEnded) as ended:
        Child(options(tmp_path))

    assert set(str(ended.value)) == {"z"}
    assert len(str(ended.value)) <= 64 * 1024
