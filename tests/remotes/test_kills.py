"""Kills of the courier and of the serving process at every step of a push."""

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.errors import RemoteUnavailable
from sidecar.own_command import own_command
from sidecar.remotes import session
from tests.harness import Bench
from tests.remotes.remote_benches import PASSPHRASE, folder_place, remote_bench
from tests.vault_benches import secret_bench

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


def is_whole(bench: Bench) -> bool:
    """Whether a push now succeeds, and the remote then has everything, soundly."""
    bench.call("remotes.push")
    verdict = bench.call("remotes.verify", deep=True)
    (status,) = bench.call("remotes.status")["remotes"]
    listed = bench.call("remotes.list")["backups"]
    return bool(verdict["ok"] and listed) and status["due_backups"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_push_goes_on_after_a_courier_has_ended_at_any_step(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    for step in range(1, 30):
        place = folder_place(tmp_path / f"remote{step}")
        with remote_bench(tmp_path / f"db{step}", place) as (bench, _):
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
            assert is_whole(bench), step
            own = bench.call("remotes.status")["remotes"][0]["device"]
            assert bench.call("remotes.list")["backups"][0]["device"] == own, step
    assert steps == 7  # a look at the next head; keys, log and backup, each with its head


def test_a_push_goes_on_after_the_serving_process_was_killed_at_any_step(tmp_path: Path) -> None:
    steps = 0
    for step in range(1, 30):
        folder = tmp_path / f"db{step}"
        with remote_bench(folder, folder_place(tmp_path / f"remote{step}")) as (_bench, _):
            pass
        command = [sys.executable, "-m", "tests.remotes.killed_push", str(folder), str(step)]
        done = subprocess.run(command, cwd=ROOT, check=False, timeout=120)
        with secret_bench(folder) as bench:
            bench.call("secrets.unlock", passphrase=PASSPHRASE)
            assert is_whole(bench), step
        if done.returncode == 0:
            break
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
