"""Run the command line as a person at a terminal does, through a pseudo-terminal. POSIX only."""

import os
import select
import sys
import time
from pathlib import Path

from tests.process.child_process import ROOT, started
from tests.process.child_process import environment as variables

_FORCING = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "CLICOLOR", "TTY_COMPATIBLE", "LINES")
"""Variables that decide about colour or size; a test sets those that it is about."""


def at_terminal(
    *words: str | Path,
    columns: int = 160,
    environment: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run a command at a terminal; return its exit code, and all that it wrote there."""
    ours, theirs = os.openpty()
    own = {name: value for name, value in variables().items() if name not in _FORCING}
    process = started()(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**own, "TERM": "xterm", "COLUMNS": str(columns), **(environment or {})},
        start_new_session=True,
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not data:
            break
        output += data
    os.close(ours)
    return process.wait(120), output.decode().replace("\r\n", "\n")


def type_at_terminal(words: list[str], typed: list[tuple[str, str]]) -> str:
    """Run a command on a terminal, type an answer after each question; return all it shows."""
    terminal, theirs = os.openpty()
    process = started()(
        [sys.executable, "-m", "sidecar", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=variables(),
        start_new_session=True,
    )
    os.close(theirs)
    shown, deadline = "", time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:
                break
        if typed and typed[0][0] in shown:
            os.write(terminal, typed.pop(0)[1].encode() + b"\n")
    os.close(terminal)
    process.wait(120)
    return shown
