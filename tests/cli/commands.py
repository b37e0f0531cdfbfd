"""Run the command line as a script does: no terminal, output in a pipe."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.process.child_process import ROOT, environment

Done = subprocess.CompletedProcess[str]


def run(*words: object, cwd: Path = ROOT) -> Done:
    """Run one command to its end, in a process that `forked.py` makes where the system can."""
    if sys.platform == "win32":
        return run_afresh(*words, cwd=cwd)
    return run_forked(*words, cwd=cwd)


def run_afresh(*words: object, cwd: Path = ROOT) -> Done:
    """Run one command to its end, in a process that loads its modules."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )


def run_forked(
    *words: object,
    texts: Mapping[str, bytes] | None = None,
    cwd: Path = ROOT,
    stdin: str = "",
    own_session: bool = False,
) -> Done:
    """Run one command as `run` does; each option in `texts` names a descriptor with its text."""
    texts = texts or {}
    from tests.cli.forked import start_forked

    given = [holding(text) for text in (stdin.encode(), *texts.values())]
    options: list[str] = []
    for option, descriptor in zip(texts, given[1:], strict=True):
        options += [f"--{option.replace('_', '-')}", str(descriptor)]
    output, writer = os.pipe()
    with tempfile.TemporaryFile() as errors, os.fdopen(output, "rb") as reader:
        ended = start_forked(
            [*map(str, words), *options],
            {0: given[0], 1: writer, 2: errors.fileno(), **{each: each for each in given[1:]}},
            cwd=cwd,
            variables=environment(),
            own_session=own_session,
        )
        for descriptor in (*given, writer):
            os.close(descriptor)
        stdout = reader.read().decode()
        code = ended()
        errors.seek(0)
        return subprocess.CompletedProcess([*map(str, words)], code, stdout, errors.read().decode())


def holding(text: bytes) -> int:
    """Return a descriptor to read a short text from."""
    reader, writer = os.pipe()
    os.write(writer, text)
    os.close(writer)
    return reader


def result_of(*words: object) -> Any:
    """Run a command that must succeed; return the line of JSON that it prints."""
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
