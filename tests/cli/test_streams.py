"""Commands whose words and streams a shell has rearranged, closed or filled."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.process.child_process import ROOT

SIDECAR = [sys.executable, "-m", "sidecar"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

posix = pytest.mark.skipif(
    sys.platform == "win32", reason="descriptors are closed by a POSIX shell"
)


@pytest.mark.parametrize("command", [(), ("call",)])
def test_the_examples_of_the_help_can_be_typed_as_they_stand(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    help_text = run(*command, "--help").stdout
    found = re.search(r"sim-sidecar (call workflows\.save.*\\\n.*)\n", help_text)
    assert found is not None
    words = found[1].replace("my.db", str(tmp_path / "my.db")).replace("\\\n", " ")

    parts = [*words.partition("workflow:=")]
    done = run(*parts[0].split(), "workflow:=" + parts[2].strip().strip("'"))

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["revision"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--database", "{db}", "call", "x"),
        ("call", "--database", "{db}", "workflows.list", "category=none"),
        ("call", "workflows.list", "--database", "{db}", "category=none", "--json"),
        ("audit", "--limit", "1", "list", "--database", "{db}"),
        ("secrets", "--database", "{db}", "list"),
        ("search", "--database", "{db}", "hello", "-draft"),
        ("search", "hello", "--database", "{db}", "--", "-draft"),
    ],
)
def test_options_may_stand_anywhere_behind_the_command(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    database = tmp_path / "my.db"
    run("call", "workflows.save", 'workflow:={"name":"n","data":{}}', "--database", database)

    done = run(*(word.format(db=database) for word in words))

    if words[0].startswith("-"):
        assert done.returncode == 2
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert "items" in json.loads(done.stdout)


@posix
@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 0, ""),
        ("<&-", 0, ""),
        ("> /dev/full", 1, "No space left on device while writing the output"),
    ],
)
def test_a_closed_or_full_stream_makes_no_traceback(redirection: str, code: int, said: str) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    for command in ("call system.info --ephemeral", "openrpc"):
        script = f'"$0" -m sidecar {command} {redirection}'
        done = subprocess.run(
            ["sh", "-c", script, sys.executable],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
            env=ENVIRONMENT,
        )

        assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
        assert said in done.stderr


@posix
def test_a_reader_that_goes_away_ends_a_command_quietly(tmp_path: Path) -> None:
    for command in (["openrpc"], ["doctor", "--database", str(tmp_path / "my.db")]):
        child = subprocess.Popen(
            [*SIDECAR, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=ENVIRONMENT,
        )
        assert child.stdout is not None
        child.stdout.close()
        _none, errors = child.communicate(timeout=120)

        assert (child.returncode, errors) == (141, b"")


def test_a_log_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    place = str(tmp_path / "no" / "log")
    done = run("serve", "--ephemeral", "--log-file", place)

    assert done.returncode != 0
    assert f"The log file {place} cannot be opened" in done.stderr
