"""Run the command line as a person at a terminal does, through a pseudo-terminal. POSIX only."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FORCING = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "CLICOLOR", "TTY_COMPATIBLE", "LINES")


def at_terminal(
    *words: str | Path,
    columns: int = 160,
    environment: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run a command at a terminal; return its exit code, and all that it wrote there."""
    import pty

    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in _FORCING}
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**kept, "TERM": "xterm", "COLUMNS": str(columns), **(environment or {})},
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
    return process.wait(30), output.decode().replace("\r\n", "\n")
