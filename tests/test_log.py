"""Tests of the log: each line is a JSON object, and logging never waits."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits, log


class Logged:
    """A log for one test, and what it has written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that are written."""
        log.flush(2000)
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    writer = log._Writer()
    monkeypatch.setattr(log, "_writer", writer)
    path = tmp_path / "log.jsonl"
    log.configure("info", str(path))
    yield Logged(path)
    log.flush(2000)
    os.close(writer.descriptor)


def test_a_line_is_one_json_object_with_time_level_and_event(logged: Logged) -> None:
    log.error("disk_failed", slug="storage_failed", text="a\nb é")

    (line,) = logged.lines()

    assert isinstance(line.pop("at"), int)
    assert line == {
        "level": "error", "event": "disk_failed", "slug": "storage_failed", "text": "a\nb é",
    }  # fmt: skip


def test_lines_below_the_level_are_not_written(logged: Logged) -> None:
    log.debug("a")
    log.info("b")
    log.warning("c")

    assert [line["event"] for line in logged.lines()] == ["b", "c"]


@pytest.mark.parametrize("level", log.LEVELS)
def test_every_level_can_be_chosen(logged: Logged, level: str) -> None:
    log.configure(level, None)
    for name in log.LEVELS:
        getattr(log, name)("said")

    assert [line["level"] for line in logged.lines()] == [*log.LEVELS[log.LEVELS.index(level) :]]


def test_the_file_is_its_owners_and_is_added_to(logged: Logged) -> None:
    log.warning("first")
    logged.lines()
    log.configure("info", str(logged.path))
    log.warning("second")

    assert [line["event"] for line in logged.lines()] == ["first", "second"]
    if os.name == "posix":
        assert logged.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="links and FIFOs of POSIX")
def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="log"):
        log.configure("info", str(tmp_path / "log"))


def test_a_reader_that_never_reads_is_not_waited_for_and_the_lost_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, descriptor = os.pipe()
    writer = log._Writer()
    writer.descriptor = descriptor
    monkeypatch.setattr(log, "_writer", writer)
    sent = 3 * limits.STDERR_BOUND_LINES
    for number in range(sent):
        log.warning("event", number=number, pad="x" * 500)
    log.flush(10)  # returns although nothing reads stderr

    received = bytearray()

    def read_on() -> None:
        while data := os.read(reader, 1 << 16):
            received.extend(data)

    thread = threading.Thread(target=read_on)
    thread.start()
    log.flush(5000)
    os.close(descriptor)
    thread.join()
    os.close(reader)
    lines = [json.loads(line) for line in bytes(received).splitlines()]

    lost = sum(line["lost"] for line in lines if line["event"] == "log_lines_dropped")
    assert lost > 0
    assert lost + sum(line["event"] == "event" for line in lines) == sent


def test_a_reader_that_has_gone_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = log._Writer()
    writer.descriptor = descriptor
    monkeypatch.setattr(log, "_writer", writer)
    for _ in range(2 * limits.STDERR_BOUND_LINES):
        log.warning("event")
    log.flush(10)

    assert writer._thread is not None
    writer._thread.join(60)
    assert not writer._thread.is_alive()
    assert 0 < len(writer._lines) <= limits.STDERR_BOUND_LINES
    os.close(descriptor)
