"""What a command prints arrives byte for byte and whole, or the command says that it did not."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import result_of, run
from tests.process.child_process import ROOT

SIDECAR = [sys.executable, "-m", "sidecar"]
SMALL_PIPE_BYTES = 4096
BODY = '{"big":7615917337495251231,"f":0.10000000000000000001,"z":-0,"e":1e400,"k":1,"k":2}'

linux = pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database whose list of workflows is longer than any pipe used here."""
    database = tmp_path / "my.db"
    items = [
        {"workflow": {"id": f"w{number}", "name": "n" * 500, "description": "d" * 400, "data": {}}}
        for number in range(100)
    ]
    words = ("workflows.save_many", f"items:={json.dumps(items)}")
    result_of("call", *words, "--database", database)
    return database


def test_a_body_goes_through_call_byte_for_byte(tmp_path: Path) -> None:
    """Big and small numbers, numbers beyond a double, and a member that comes twice."""
    place = ("--database", tmp_path / "my.db")
    run("call", "workflows.save", f'workflow:={{"id":"a","name":"n","data":{BODY}}}', *place)

    printed = run("call", "workflows.get", "id=a", *place).stdout

    assert f'"data":{BODY}' in printed


def test_params_on_stdin_may_stand_on_many_lines_and_keep_their_numbers(tmp_path: Path) -> None:
    database = tmp_path / "my.db"
    params = f'\ufeff{{\n "workflow":\r\n{{"id":"a","name":"n",\n"data":{BODY}}}}}'
    for encoding in ("utf-8", "utf-16"):
        done = subprocess.run(
            [*SIDECAR, "call", "workflows.save", "--stdin", "--database", str(database)],
            input=params.removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding),
            capture_output=True,
            check=False,
            timeout=120,
            cwd=ROOT,
            env=environment(),
        )
        assert done.returncode == 0, done.stderr

    assert f'"data":{BODY}' in run("call", "workflows.get", "id=a", "--database", database).stdout


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[1", "1 2", "{'a':1}", "[" * 100_000])
def test_a_param_that_is_no_json_is_refused(text: str) -> None:
    done = run("call", "system.ping", f"x:={text}", "--ephemeral")

    assert done.returncode == 2
    assert "is not JSON" in done.stderr


# --- streams ----------------------------------------------------------------------------------


def commands(database: Path) -> Iterator[list[str]]:
    """Commands with a long output, each of which writes it in another way."""
    place = ["--database", str(database)]
    yield [*SIDECAR, "openrpc"]
    yield [*SIDECAR, "call", "workflows.list", "limit:=100", *place]
    yield [*SIDECAR, "search", "n", "--limit", "100", *place]
    yield [*SIDECAR, "call", "--help"]
    yield [*SIDECAR, "--version"]


@linux
def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything(database: Path) -> None:
    for command in commands(database):
        options = {"cwd": ROOT, "env": environment(), "timeout": 60}
        whole = subprocess.run(command, capture_output=True, check=True, **options).stdout  # type: ignore[call-overload]
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALL_PIPE_BYTES)
        os.set_blocking(writer, False)
        child = subprocess.Popen(command, stdout=writer, cwd=ROOT, env=environment())
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            first = pipe.read(1)
            # The pipe is full now, or the command has ended; only then is it read on.
            assert first + pipe.read() == whole
        assert child.wait(60) == 0


FULL_DISK = 'mount -t tmpfs -o size=4k none "$0" && exec "$@" > "$0/out"'
"""Mounts a disk of one page, seen by this command alone, and writes the output of another to it."""


@linux
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_never_a_success(database: Path, tmp_path: Path, unbuffered: str) -> None:
    """A write onto a disk that becomes full takes a part, and the next one fails."""
    disk = tmp_path / "disk"
    disk.mkdir()
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, str(disk)]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    for command in list(commands(database))[:3]:
        done = subprocess.run(
            [*alone, *command],
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
            cwd=ROOT,
            env=environment(PYTHONUNBUFFERED=unbuffered),
        )
        said = b"sim-sidecar: No space left on device while writing the output\n"
        assert (done.returncode, done.stderr) == (1, said), command


@linux
def test_params_from_a_non_blocking_stdin_are_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    child = subprocess.Popen(
        [*SIDECAR, "call", "system.ping", "--stdin", "--ephemeral"],
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
    )
    os.close(reader)
    # It has nothing to read while it starts, and then no end of input for some time.
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1.0)
    os.write(writer, b"{}")
    os.close(writer)

    out, errors = child.communicate(timeout=120)

    assert (child.returncode, errors) == (0, b"")
    assert b'"at":' in out


# --- words ------------------------------------------------------------------------------------


def test_a_database_may_have_a_name_that_looks_like_an_option(tmp_path: Path) -> None:
    for words in (
        ("call", "system.ping", "--database=-x.db"),
        ("search", "hello", "--database=-x.db"),
        ("stats", "--database=-x.db"),
        ("doctor", "--database=-x.db"),
    ):
        done = run(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), words

    assert (tmp_path / "-x.db").exists()


@pytest.mark.parametrize("command", ["call", "serve", "doctor"])
def test_no_escape_sequence_among_the_words_reaches_the_terminal(command: str) -> None:
    done = run(command, "--\x1b]0;title\x07", "\x1b[31mred\u202e")

    assert done.returncode == 2
    assert "\\x1b]0;title\\x07" in done.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stderr)
