"""Log lines on stderr: one JSON object a line, never anything on stdout.

A reader that never empties stderr must not stop the process, so lines go through a bounded
queue to a daemon thread, and those that do not fit are counted, not waited for. The thread
starts with the first line. Callers pass names, ids and numbers; texts of exceptions only where
they are ours.
"""

import os
import threading
import time
from collections import deque
from typing import Any, Final

import msgspec

from sidecar import limits
from sidecar.redaction import redact_all

LEVELS: Final = ("debug", "info", "warning", "error")
"""From the most to the least talkative."""


class _Writer:
    """The queue and its thread."""

    def __init__(self) -> None:
        self.level = LEVELS.index("warning")
        self.descriptor = 2
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._writing = False

    def put(self, line: bytes) -> None:
        with self._changed:
            if len(self._lines) >= limits.STDERR_BOUND_LINES:
                self._dropped += 1
                return
            self._lines.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                while not self._lines:
                    self._changed.wait()
                line = self._lines.popleft()
                dropped, self._dropped = self._dropped, 0
                self._writing = True
            if dropped:
                line += _format("warning", "log_lines_dropped", {"lost": dropped})
            try:
                while line:
                    line = line[os.write(self.descriptor, line) :]
            except OSError:
                # Nobody reads stderr any more; there is nowhere left to say so.
                return

    def flush(self, timeout_ms: float) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._thread is None or (not self._lines and not self._writing),
                timeout_ms / 1000,
            )


_writer: Final = _Writer()


def configure(level: str, path: str | None) -> None:
    """Choose the lowest level written, and a file instead of stderr.

    Raises:
        OSError: the file cannot be opened.
    """
    _writer.level = LEVELS.index(level)
    if path is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        _writer.descriptor = os.open(path, flags, 0o600)


def _format(level: str, event: str, fields: dict[str, Any]) -> bytes:
    told = redact_all(fields)
    record = {"at": time.time_ns() // 1_000_000, "level": level, "event": event, **told}
    return msgspec.json.encode(record) + b"\n"


def _log(level: str, event: str, fields: dict[str, Any]) -> None:
    if LEVELS.index(level) >= _writer.level:
        _writer.put(_format(level, event, fields))


def debug(event: str, **fields: Any) -> None:
    """Say what only somebody debugging wants to know."""
    _log("debug", event, fields)


def info(event: str, **fields: Any) -> None:
    """Say what happened."""
    _log("info", event, fields)


def warning(event: str, **fields: Any) -> None:
    """Say what went wrong for one request."""
    _log("warning", event, fields)


def error(event: str, **fields: Any) -> None:
    """Say what went wrong in the product itself."""
    _log("error", event, fields)


def flush(timeout_ms: float = 200) -> None:
    """Wait for the queue to be written, within a bound."""
    _writer.flush(timeout_ms)
