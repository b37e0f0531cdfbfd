"""Where a start finds its database, its folder and its passphrase, and what stands in the way."""

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.errors import ExitCode
from tests.described_errors import assert_start_failed
from tests.process.child_process import ROOT, WAIT_S, Child, ended, environment, product, until
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("cheap_keys")

PASSPHRASE = b"correct horse battery staple"


def refusal(child: Child) -> dict[str, object]:
    """The one line on stderr of a start that was refused, which came before anything else."""
    assert child.rest() == []
    (line,) = child.stderr_text().splitlines()
    said: dict[str, object] = json.loads(line)
    assert_start_failed(said)
    assert said["exit_code"] == child.wait_exit()
    return said


# --- files beside the database ----------------------------------------------------------------


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    "suffix",
    ["-wal", "-journal", "-shm", ".lock", ".swap", ".known", ".staged", ".ballast", ".before-v1"],
)
def test_a_named_pipe_beside_the_database_is_refused_and_not_waited_for(
    suffix: str,
    existing: bool,  # noqa: FBT001 - a parameter of the test
    spawn: Spawn,
    tmp_path: Path,
) -> None:
    database = tmp_path / "sim.db"
    if existing:
        spawn(product("--database", database)).finish()
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    os.mkfifo(tmp_path / ("sim.db" + suffix))

    child = spawn(product("--database", database), ready=False)

    assert ended(child.pid)
    said = refusal(child)
    assert said["exit_code"] == ExitCode.STORAGE
    assert f"sim.db{suffix} is a named pipe" in str(said["message"])


def test_a_link_to_a_named_pipe_is_no_file_either(spawn: Spawn, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "sim.db-wal").symlink_to(tmp_path / "pipe")

    child = spawn(product("--database", tmp_path / "sim.db"), ready=False)

    assert "is a named pipe" in str(refusal(child)["message"])


def test_a_named_pipe_for_the_log_is_refused_without_a_reader_and_used_with_one(
    spawn: Spawn, tmp_path: Path
) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    options = product("--database", tmp_path / "sim.db", "--log-file", pipe, "--log-level", "info")

    refused = spawn(options, ready=False)
    assert str(refusal(refused)["message"]).startswith(f"The log file {pipe} cannot be opened")

    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    spawn(options).finish()
    assert b'"stopping"' in os.read(reader, 65536)
    os.close(reader)


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\U0001f600"])
def test_a_name_too_long_for_its_companions_is_refused_with_its_length(
    letter: str, spawn: Spawn, tmp_path: Path
) -> None:
    size = len(letter.encode())
    longest = letter * (212 // size)

    spawn(product("--database", tmp_path / longest)).finish()
    child = spawn(product("--database", tmp_path / (longest + letter)), ready=False)

    said = refusal(child)
    assert f"has {len(longest.encode()) + size} bytes; it can have 212" in str(said["message"])
    assert [
        each.name for each in tmp_path.iterdir() if each.name.startswith(longest + letter)
    ] == []


# --- the folder for user data -----------------------------------------------------------------

STRANGER = ["unshare", "--user", "--map-user=54321"]
"""Starts a program as a user without an entry in the list of users."""


def start_in(
    folder: Path, *, command: list[str], **variables: str
) -> "subprocess.CompletedProcess[bytes]":
    """Start it in `folder`, with these environment variables and no others, and end it."""
    return subprocess.run(
        command,
        input=b"",
        capture_output=True,
        check=False,
        timeout=120,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables},
    )


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_folder_is_told_how_to_name_a_database(
    home: str | None, tmp_path: Path
) -> None:
    if subprocess.run([*STRANGER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not become another one")
    variables = {} if home is None else {"HOME": home}

    done = start_in(tmp_path, command=[*STRANGER, *product()], **variables)
    shown = start_in(
        tmp_path, command=[*STRANGER, sys.executable, "-m", "sidecar", "stats"], **variables
    )

    said = json.loads(done.stderr)
    assert (done.returncode, done.stdout) == (ExitCode.STORAGE, b"")
    assert (said["event"], said["exit_code"]) == ("start_failed", ExitCode.STORAGE)
    assert "--database" in said["hint"]
    assert b"HOME is not set to an absolute path" in shown.stderr
    assert b"Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("home", [None, "relative"])
def test_the_list_of_users_names_the_folder_where_home_does_not(
    home: str | None, tmp_path: Path
) -> None:
    code = "from sidecar import config; print(config.user_data_folder())"
    variables = {} if home is None else {"HOME": home}

    done = start_in(tmp_path, command=[sys.executable, "-c", code], **variables)

    folder = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local/share/sim-sidecar"
    assert done.stdout.decode().strip() == str(folder)


def test_a_relative_folder_for_user_data_is_ignored(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": "relative"}
    done = start_in(tmp_path, command=product(), **variables)

    assert done.returncode == 0
    database = json.loads(done.stdout.splitlines()[0])["params"]["database"]
    assert database == str(tmp_path / "home/.local/share/sim-sidecar/sim.db")


# --- the passphrase ---------------------------------------------------------------------------


@pytest.fixture
def locked(spawn: Spawn, database: Path) -> Path:
    """A database whose secrets PASSPHRASE unlocks."""
    child = spawn(product("--database", database))
    child.result("secrets.initialize", {"passphrase": PASSPHRASE.decode()})
    child.finish()
    return database


def start_with(spawn: Spawn, database: Path, written: bytes) -> tuple[Child, int]:
    """Start it with a descriptor for the passphrase that stays open after `written`."""
    reader, writer = os.pipe()
    argv = product("--database", database, "--passphrase-fd", str(reader))
    child = spawn(argv, ready=False, inherit=[reader])
    os.close(reader)
    os.write(writer, written)
    return child, writer


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\nmore"])
def test_one_line_is_the_passphrase_although_the_descriptor_stays_open(
    end: bytes, spawn: Spawn, locked: Path
) -> None:
    child, writer = start_with(spawn, locked, PASSPHRASE + end)

    assert child.wait_ready().ready["secrets"] == "unlocked"
    os.close(writer)


def test_a_descriptor_that_gives_no_line_is_waited_for_a_limited_time(
    spawn: Spawn, locked: Path
) -> None:
    """Then it serves, locked: a host that waits for `system.ready` for ever learns nothing."""
    began = time.monotonic()
    child, writer = start_with(spawn, locked, PASSPHRASE)

    assert child.wait_ready().ready["secrets"] == "locked"
    assert time.monotonic() - began > 9.0
    assert until(lambda: "gave no line in time" in child.stderr_text())
    os.close(writer)


HOST = """
import os, subprocess, sys
reader, writer = os.pipe()
child = subprocess.Popen(
    [*sys.argv[1:], "--passphrase-fd", str(reader)], stdin=subprocess.PIPE, pass_fds=[reader]
)
if os.fork() == 0:
    for descriptor in (1, 2):
        os.close(descriptor)
    os.read(int(os.environ["HELD"]), 1)  # a worker that holds the descriptor, until the test ends
    os._exit(0)
print(child.pid, flush=True)
sys.stdin.read()
os._exit(1)
"""


def test_no_passphrase_is_waited_for_after_the_host_has_died(locked: Path) -> None:
    held, hold = os.pipe()
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, *product("--database", locked)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(HELD=str(held)),
        pass_fds=(held,),
        cwd=ROOT,
    )
    assert host.stdout is not None
    assert host.stdin is not None
    pid = int(host.stdout.readline())
    lock = locked.with_name(locked.name + ".lock")
    assert until(lock.exists)  # it waits for the passphrase from here on, or will in a moment

    host.stdin.close()
    host.wait(WAIT_S)

    assert ended(pid)
    assert not lock.exists()
    host.stdout.close()
    os.close(hold)
    os.close(held)
