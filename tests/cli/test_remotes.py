"""`sim-sidecar remotes` and `restore --from` as a person runs them."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.commands import result_of, run_with_texts
from tests.cli.test_secrets import PASSPHRASE, VALUE, run
from tests.made_workflows import flow

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed on as POSIX does"),
    pytest.mark.usefixtures("cheap_keys"),
]


def test_the_walk_of_the_readme_brings_everything_to_a_new_machine(tmp_path: Path) -> None:
    place = ("--database", tmp_path / "here" / "sim.db")
    remote = tmp_path / "remote"
    remote.mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    assert run("secrets", "init", *place, passphrase=PASSPHRASE).returncode == 0
    run("secrets", "set", "openai", "--stdin", *place, stdin=VALUE, passphrase=PASSPHRASE)
    early = run("remotes", "set", remote, *place, passphrase=PASSPHRASE)
    made = run("secrets", "recovery", "--json", *place, passphrase=PASSPHRASE)
    code = json.loads(made.stdout)["recovery_code"]
    result_of("call", "workflows.save", f"workflow:={json.dumps(flow('w1'))}", *place)

    done = run("remotes", "set", remote, *place, passphrase=PASSPHRASE)
    pushed = run("remotes", "push", *place, passphrase=PASSPHRASE)
    listed = run("remotes", "list", *place, passphrase=PASSPHRASE)
    sound = run("remotes", "verify", *place, passphrase=PASSPHRASE)
    status = result_of("remotes", "status", *place)

    assert "secrets.add_recovery" in early.stderr
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True)
    assert pushed.returncode == 0  # of what the unlock has pushed already it says nothing
    assert len(json.loads(listed.stdout)["backups"]) >= 1
    assert (sound.returncode, json.loads(sound.stdout)["ok"]) == (0, True)
    assert status["remotes"][0]["failure"] is None

    there = ("--database", tmp_path / "there" / "sim.db")
    words = ("restore", "--from", remote.as_uri(), *there)
    wrong = run_with_texts(*words, secrets_fd=("0000-" * 8 + "0000\n").encode())
    assert wrong.returncode == 1
    assert not (tmp_path / "there" / "sim.db").exists()
    restored = run_with_texts(*words, secrets_fd=(code + "\n").encode())
    assert restored.returncode == 0, restored.stderr
    got = run("secrets", "get", "openai", *there, passphrase=PASSPHRASE)
    assert got.stdout == VALUE + "\n"
    assert result_of("call", "workflows.get", "id=w1", *there)["workflow"]["id"] == "w1"
    entries = result_of("call", "audit.list", "action=restore", *there)["items"]
    assert len(entries) == 1


def test_what_an_act_of_remotes_has_no_use_for_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"

    place: list[str | Path] = ["--database", database]
    for words in (["set", *place], ["push", "x", *place], ["status", "--ephemeral"]):
        assert run("remotes", *words).returncode == 2
    assert not database.exists()


def test_a_backup_and_a_remote_cannot_both_be_restored(tmp_path: Path) -> None:
    done = run("restore", "x.db.zst", "--from", "file:///y", "--database", tmp_path / "sim.db")

    assert (done.returncode, "not both" in done.stderr) == (2, True)
