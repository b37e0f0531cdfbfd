"""Run the command line as a script does: no terminal, output in a pipe."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.process.child_process import ROOT, environment, started

Done = subprocess.CompletedProcess[str]


def run(*words: object, cwd: Path = ROOT, stdin: str = "", **options: Any) -> Done:
    """Run one command to its end."""
    return _run(started(), words, cwd=cwd, stdin=stdin, **options)


def run_afresh(*words: object) -> Done:
    """Run one command to its end, in a process that loads its modules."""
    return _run(subprocess.Popen, words, cwd=ROOT, stdin="")


def _run(
    start: "type[subprocess.Popen[Any]]", words: tuple[object, ...], *, stdin: str, **options: Any
) -> Done:
    command = [sys.executable, "-m", "sidecar", *map(str, words)]
    pipe = subprocess.PIPE
    with start(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
        env=environment(),
        **options,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def run_with_texts(*words: object, stdin: str = "", **texts: bytes) -> Done:
    """Run a command without a terminal; each option in `texts` names a descriptor with its text."""
    options, inherit = [], []
    for option, text in texts.items():
        reader, writer = os.pipe()
        os.write(writer, text)
        os.close(writer)
        options += [f"--{option.replace('_', '-')}", str(reader)]
        inherit.append(reader)
    done = run(*words, *options, stdin=stdin, pass_fds=inherit, start_new_session=True)
    for descriptor in inherit:
        os.close(descriptor)
    return done


def result_of(*words: object) -> Any:
    """Run a command that must succeed; return the line of JSON that it prints."""
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
