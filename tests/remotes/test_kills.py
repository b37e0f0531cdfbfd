"""Kills of the courier and of the serving process at every step of a push."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sidecar.errors import RemoteUnavailable
from sidecar.own_command import own_command
from sidecar.remotes import session
from tests.harness import Bench
from tests.remotes.remote_benches import PASSPHRASE, folder_place, remote_bench
from tests.vault_benches import secret_bench

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


class Prepared(NamedTuple):
    """The folder of a database with a remote, the remote, and copies of both as they were made."""

    database: Path
    remote: Path
    copies: Path

    def put_back(self) -> Path:
        """Have both as they were made; return the folder of the database."""
        for folder in (self.database, self.remote):
            shutil.rmtree(folder)
            shutil.copytree(self.copies / folder.name, folder)
        return self.database


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Make a database with a remote, to which nothing was pushed."""
    folder = tmp_path_factory.mktemp("prepared")
    made = Prepared(folder / "db", folder / "remote", folder / "copies")
    with remote_bench(made.database, folder_place(made.remote)):
        pass
    for each in (made.database, made.remote):
        shutil.copytree(each, made.copies / each.name)
    return made


@contextmanager
def unlocked(folder: Path) -> Iterator[Bench]:
    """Open the database again, and unlock its secrets."""
    with secret_bench(folder) as bench:
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
        yield bench


def pushed_whole(bench: Bench) -> list[Any]:
    """Push, which must succeed; return the backups if the remote then has everything, soundly."""
    bench.call("remotes.push")
    verdict = bench.call("remotes.verify", deep=True)
    (status,) = bench.call("remotes.status")["remotes"]
    listed: list[Any] = bench.call("remotes.list")["backups"]
    return listed if verdict["ok"] and status["due_backups"] == 0 else []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_push_goes_on_after_a_courier_has_ended_at_any_step(
    when: str, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    for step in range(1, 30):
        with unlocked(prepared.put_back()) as bench:
            script = [sys.executable, str(FOLDER / "ending_courier.py"), str(step), when]
            monkeypatch.setattr(session, "own_command", lambda _word, script=script: script)
            try:
                bench.call("remotes.push")
            except RemoteUnavailable:
                steps += 1
            else:
                break
            finally:
                monkeypatch.setattr(session, "own_command", own_command)
            listed = pushed_whole(bench)
            own = bench.call("remotes.status")["remotes"][0]["device"]
            assert [each["device"] for each in listed][:1] == [own], step
    assert steps == 7  # a look at the next head; keys, log and backup, each with its head


def test_a_push_goes_on_after_the_serving_process_was_killed_at_any_step(
    prepared: Prepared,
) -> None:
    steps = 0
    command = [sys.executable, "-m", "tests.remotes.killed_push"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as pushes:
        assert pushes.stdin is not None
        assert pushes.stdout is not None
        for step in range(1, 30):
            folder = prepared.put_back()
            pushes.stdin.write(json.dumps([str(folder), step]) + "\n")
            pushes.stdin.flush()
            ended = os.waitstatus_to_exitcode(int(pushes.stdout.readline()))
            with unlocked(folder) as bench:
                assert pushed_whole(bench), step
            if ended == 0:
                break
            assert ended == -signal.SIGKILL
            steps += 1
    assert steps == 14  # as above, each with its answer, after the address


def test_the_courier_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    code = (
        "import os\n"
        "from sidecar.courier_protocol import Open, parse_address\n"
        "from sidecar.remotes.session import Session\n"
        f"s = Session(Open(parse_address({(tmp_path / 'remote').as_uri()!r})), lambda: False)\n"
        "s.names('v1')\n"
        "print(s.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60
    )

    # The pipe of stdout is the killed process's; the courier's end is seen by its process.
    pid = int(done.stdout)
    waited = subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], check=False, timeout=120)
    assert waited.returncode == 0
