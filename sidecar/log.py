"""Writes the log to stderr, one JSON object a line, and never to stdout.

A program that never reads stderr must not stop this process. Lines therefore go through a bounded
queue to a daemon thread, which starts with the first line; lines that do not fit into the queue
are dropped and counted. Callers log names, ids and numbers, and texts of exceptions only when the
program itself has written them.
"""

import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Final

import msgspec

from sidecar import descriptors, limits
from sidecar.redaction import redact_all

LEVELS: Final = ("debug", "info", "warning", "error")
"""The levels, from the one that logs most to the one that logs least."""


class _Writer:
    """The queue of lines and the thread that writes them."""

    def __init__(self) -> None:
        self.level = LEVELS.index("warning")
        self.descriptor = 2
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._writing = False

    def put(self, line: bytes) -> None:
        """Queue a line; drop and count it when the queue is full."""
        with self._changed:
            if len(self._lines) >= limits.STDERR_BOUND_LINES:
                self._dropped += 1
                return
            self._lines.append(line)
            if self._thread is None:
                thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no further thread: a later line or the end tries again
                    return
                self._thread = thread
            self._changed.notify_all()

    def _write_lines(self) -> None:
        """Write queued lines until nothing can be written any more; runs in the thread."""
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
                descriptors.write_all(self.descriptor, line)
            except OSError:
                # stderr is closed; there is no other place to report that.
                return

    def flush(self, timeout_ms: float) -> None:
        """Wait until all queued lines are written, at most `timeout_ms`.

        Where there could not be a thread, they are written here.
        """
        if self._thread is None:
            with suppress(OSError):
                descriptors.write_all(self.descriptor, b"".join(self._lines))
            self._lines.clear()
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._lines and not self._writing, timeout_ms / 1000)


_writer: Final = _Writer()


def configure(level: str, path: str | None) -> None:
    """Set the lowest level that is written, and a file to write to instead of stderr.

    Raises:
        OSError: the file cannot be opened.
    """
    _writer.level = LEVELS.index(level)
    if path is not None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        flags |= getattr(os, "O_NONBLOCK", 0)  # a named pipe without a reader is refused
        _writer.descriptor = os.open(path, flags, 0o600)


def _format(level: str, event: str, fields: dict[str, Any]) -> bytes:
    """Return a log line, with secrets redacted."""
    now_ms = time.time_ns() // 1_000_000
    record = {"at": now_ms, "level": level, "event": event, **redact_all(fields)}
    return msgspec.json.encode(record) + b"\n"


def _log(level: str, event: str, fields: dict[str, Any]) -> None:
    """Write a line unless its level is too low."""
    if LEVELS.index(level) >= _writer.level:
        _writer.put(_format(level, event, fields))


def debug(event: str, **fields: Any) -> None:
    """Log an event that matters only when the program is debugged."""
    _log("debug", event, fields)


def info(event: str, **fields: Any) -> None:
    """Log an event that is no fault."""
    _log("info", event, fields)


def warning(event: str, **fields: Any) -> None:
    """Log a fault that affects one request, or that the process can deal with."""
    _log("warning", event, fields)


def error(event: str, **fields: Any) -> None:
    """Log a fault of the program itself."""
    _log("error", event, fields)


def flush(timeout_ms: float = 200) -> None:
    """Wait until all queued lines are written, at most `timeout_ms`."""
    _writer.flush(timeout_ms)
