"""Runs a command with its pipes, and writes every line that passes to a file.

Usage: recorder.py FILE COMMAND ARGUMENT...    A line of the file begins with `>` or `<`.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO


def main(path: Path, command: list[str]) -> int:
    """Run the command and return its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with path.open("ab", buffering=0) as record:
        reader = threading.Thread(
            target=_copy, args=(sys.stdin.buffer, process.stdin, record, b"> "), daemon=True
        )
        reader.start()
        _copy(process.stdout, sys.stdout.buffer, record, b"< ")
    return process.wait()


def _copy(source: IO[bytes], target: IO[bytes], record: IO[bytes], mark: bytes) -> None:
    """Copy lines to the target and to the record until the source ends."""
    for line in source:
        record.write(mark + line)
        target.write(line)
        target.flush()
    target.close()


if __name__ == "__main__":
    # Not sys.exit: it would wait for the thread that reads stdin.
    os._exit(main(Path(sys.argv[1]), sys.argv[2:]))
