"""`sim-sidecar secrets` and `audit`: passphrases come by descriptor or terminal, never by argv."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import run_with_texts
from tests.cli.terminal import type_at_terminal

PASSPHRASE = "correct horse"
VALUE = "sk-live-0123456789abcdefWXYZ"

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed on as POSIX does"),
    pytest.mark.usefixtures("cheap_keys"),
]


def run(*words: str | Path, stdin: str = "", passphrase: str | None = None) -> Any:
    """Run a command without a terminal, with the passphrase in a descriptor of its own."""
    if passphrase is None:
        return run_with_texts(*words, stdin=stdin)
    return run_with_texts(*words, stdin=stdin, passphrase_fd=passphrase.encode() + b"\n")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database whose secrets hold one key."""
    path = tmp_path_factory.mktemp("secrets") / "sim.db"
    place = ("--database", path)
    assert run("secrets", "init", *place, passphrase=PASSPHRASE).returncode == 0
    stored = run("secrets", "set", "openai", "--stdin", *place, stdin=VALUE, passphrase=PASSPHRASE)
    assert (stored.returncode, stored.stdout) == (0, "The key of openai was stored.\n")
    return path


def test_a_key_is_printed_by_get_alone(database: Path) -> None:
    place = ("--database", database)
    got = run("secrets", "get", "openai", *place, passphrase=PASSPHRASE)
    listed = run("secrets", "list", *place, passphrase=PASSPHRASE)

    assert (got.stdout, got.stderr) == (f"{VALUE}\n", "")
    (item,) = json.loads(listed.stdout)["items"]
    assert (item["provider"], item["hint"]) == ("openai", "WXYZ")
    assert VALUE not in listed.stdout


def test_a_list_needs_no_passphrase_and_shows_no_hint_then(database: Path) -> None:
    (item,) = json.loads(run("secrets", "list", "--database", database).stdout)["items"]

    assert (item["provider"], item["hint"]) == ("openai", None)


def test_a_wrong_passphrase_and_a_missing_one_are_reported(database: Path) -> None:
    wrong = run("secrets", "get", "openai", "--database", database, passphrase="wrong")
    missing = run("secrets", "get", "openai", "--database", database)

    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "wrong_passphrase" in wrong.stderr
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "--passphrase-fd" in missing.stderr


@pytest.mark.parametrize(
    "words", [("set",), ("get",), ("status", "openai"), ("rotate", "openai")], ids=str
)
def test_a_missing_or_superfluous_provider_is_refused(
    database: Path, words: tuple[str, ...]
) -> None:
    done = run("secrets", *words, "--database", database)

    assert done.returncode == 2
    assert "PROVIDER" in done.stderr


def test_a_recovery_code_is_made_and_keys_are_replaced(database: Path) -> None:
    place = ("--database", database)
    code = run("secrets", "recovery", *place, passphrase=PASSPHRASE).stdout
    rotated = run("secrets", "rotate", *place, passphrase=PASSPHRASE)
    rekeyed = run("secrets", "rekey", "--json", *place, passphrase=PASSPHRASE)

    assert any(line.strip().count("-") == 8 for line in code.splitlines())
    assert rotated.stdout == "The data key was replaced. Keys encrypted again: 1.\n"
    assert json.loads(rekeyed.stdout)["resealed"] == 1
    got = run("secrets", "get", "openai", *place, passphrase=PASSPHRASE)
    assert got.stdout == f"{VALUE}\n"


def test_the_log_is_listed_verified_and_exported(database: Path, tmp_path: Path) -> None:
    place = ("--database", database)
    listed = json.loads(run("audit", "list", "--limit", "2", *place).stdout)["items"]
    verified = run("audit", "verify", *place, passphrase=PASSPHRASE)
    locked = run("audit", "verify", "--locked", *place)
    exported = run("audit", "export", tmp_path / "log.jsonl", *place, passphrase=PASSPHRASE)

    assert len(listed) == 2
    assert json.loads(verified.stdout)["status"] == "ok"
    assert json.loads(locked.stdout)["status"] == "locked"
    assert (
        json.loads(exported.stdout)["audit_entries"]
        == len((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()) - 2
    )
    forked = run("audit", "verify", "--expect", f"1:{'0' * 64}", *place, passphrase=PASSPHRASE)
    assert (forked.returncode, json.loads(forked.stdout)["status"]) == (1, "forked")


@pytest.mark.parametrize("words", [("export",), ("prune",), ("prune", "--dry-run")], ids=str)
def test_audit_acts_without_what_they_need_are_refused(
    database: Path, words: tuple[str, ...]
) -> None:
    done = run("audit", *words, "--database", database, passphrase=PASSPHRASE)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sim-sidecar audit")


def test_a_terminal_is_asked_and_does_not_show_what_is_typed(tmp_path: Path) -> None:
    place = ["--database", str(tmp_path / "sim.db")]
    first = type_at_terminal(
        ["secrets", "init", *place], [("New passphrase:", PASSPHRASE), ("Once more:", PASSPHRASE)]
    )
    second = type_at_terminal(
        ["secrets", "set", "openai", *place],
        [("Passphrase:", PASSPHRASE), ("Key of openai:", VALUE)],
    )

    assert "Secrets are set up" in first
    assert "The key of openai was stored" in second
    assert PASSPHRASE not in first + second
    assert VALUE not in second
