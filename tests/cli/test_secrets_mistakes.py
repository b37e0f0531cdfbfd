"""`sim-sidecar secrets` when people forget, mistype or leave something out."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sidecar import limits
from tests.cli.commands import run_with_texts
from tests.cli.terminal import type_at_terminal
from tests.cli.test_secrets import PASSPHRASE, VALUE, run
from tests.process.child_process import ROOT

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed on as POSIX does"),
    pytest.mark.usefixtures("cheap_keys"),
]


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a database whose secrets hold one key."""
    folder = tmp_path_factory.mktemp("vault")
    found = ("--database", folder / "sim.db")
    run("secrets", "init", *found, passphrase=PASSPHRASE)
    run("secrets", "set", "openai", "--stdin", *found, stdin=VALUE, passphrase=PASSPHRASE)
    return folder


@pytest.fixture
def place(vault: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """Copy that database for one test; return the options that name the copy."""
    shutil.copytree(vault, tmp_path / "own")
    return ("--database", tmp_path / "own" / "sim.db")


def test_a_forgotten_passphrase_is_replaced_by_the_recovery_code(
    place: tuple[str | Path, ...],
) -> None:
    code = json.loads(run("secrets", "recovery", "--json", *place, passphrase=PASSPHRASE).stdout)
    words = ["secrets", "passphrase", "--recovery", *map(str, place)]

    shown = type_at_terminal(
        words,
        [
            ("Recovery code:", code["recovery_code"]),
            ("New passphrase:", "another"),
            ("Once more:", "another"),
        ],
    )

    assert "The passphrase was changed." in shown
    got = run("secrets", "get", "openai", *place, passphrase="another")
    assert got.stdout == f"{VALUE}\n"


def test_a_script_changes_a_passphrase_through_two_descriptors(
    place: tuple[str | Path, ...],
) -> None:
    done = run_with_texts(
        "secrets", "passphrase", *place,
        passphrase_fd=PASSPHRASE.encode(), new_passphrase_fd=b"another\n",
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert run("secrets", "get", "openai", *place, passphrase="another").stdout == f"{VALUE}\n"


def test_a_reset_says_how_many_keys_are_lost_and_waits_for_a_yes(
    place: tuple[str | Path, ...],
) -> None:
    asked = run("secrets", "reset", *place)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "lost for good: 1." in asked.stderr
    shown = type_at_terminal(["secrets", "reset", *map(str, place)], [("[y/N]", "no")])
    assert "Nothing was changed." in shown

    done = run("secrets", "reset", "--yes", *place)

    assert (done.returncode, done.stderr) == (0, "")
    (item,) = json.loads(run("secrets", "list", *place).stdout)["items"]
    assert (item["provider"], item["state"]) == ("openai", "enter_again")
    assert run("secrets", "init", *place, passphrase="another").returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--recovery"),
        ("init", "--ephemeral"),
        ("get", "openai", "--stdin"),
        ("status", "--keychain"),
        ("rotate", "--yes"),
        ("set", "openai", "--stdin", "--passphrase-fd", "0"),
        ("get", "openai", "--passphrase-fd", "77"),
        ("get", "openai", "--passphrase-fd", "-1"),
        ("rekey", "--keychain"),
    ],
    ids=str,
)
def test_an_option_without_effect_is_refused(
    place: tuple[str | Path, ...], words: tuple[str, ...]
) -> None:
    options = () if "--ephemeral" in words else place
    done = run("secrets", *words, *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_a_descriptor_or_terminal_without_a_passphrase_is_reported(
    place: tuple[str | Path, ...],
) -> None:
    get = run_with_texts("secrets", "get", "openai", *place, passphrase_fd=b"\xff\xfe")
    empty = run_with_texts("secrets", "get", "openai", *place, passphrase_fd=b"\n")
    closed = type_at_terminal(
        ["secrets", "get", "openai", *map(str, place)], [("Passphrase:", "\x04")]
    )

    assert (get.returncode, "holds no UTF-8" in get.stderr) == (2, True)
    assert (empty.returncode, "holds no passphrase" in empty.stderr) == (2, True)
    assert "Traceback" not in closed + get.stderr + empty.stderr


def test_a_throttled_command_says_how_long_to_wait(place: tuple[str | Path, ...]) -> None:
    with closing(sqlite3.connect(place[1])) as db, db:
        # So many that the wait is the longest, the last of them before the clock was set back: the
        # wait begins with the next try, however long that takes to start.
        failed = (20, time.time_ns() // 1_000_000 + 3_600_000)
        db.execute("UPDATE vault_state SET failures = ?, failed_at = ?", failed)

    done = run("secrets", "get", "openai", *place, passphrase=PASSPHRASE)

    assert done.returncode == 1
    assert f"wait: {limits.UNLOCK_DELAY_MAX_MS // 1000} s" in done.stderr


def test_a_secret_among_the_arguments_of_call_is_refused(tmp_path: Path) -> None:
    place = ("--database", tmp_path / "sim.db")
    for words in (
        ("secrets.unlock", f"passphrase={PASSPHRASE}"),
        ("secrets.set", "provider=x", f"value={VALUE}"),
        ("secrets.unlock", "recovery_code=0000"),
        ("secrets.change_passphrase", "old_passphrase=a", "new_passphrase=b"),
    ):
        done = run("call", *words, *place)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is a secret" in done.stderr

    params = json.dumps({"passphrase": PASSPHRASE})
    done = run("call", "secrets.initialize", "--stdin", *place, stdin=params)
    assert json.loads(done.stdout)["state"] == "unlocked"
    wrong = run("call", "system.ping", "--stdin", *place, stdin="[]")
    assert (wrong.returncode, "one JSON object" in wrong.stderr) == (2, True)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_other_programs_cannot_read_the_memory_of_a_command_with_secrets(
    place: tuple[str | Path, ...],
) -> None:
    code = (
        "import ctypes, sys\n"
        "from sidecar import __main__\n"
        f"__main__.main({['secrets', 'status', *map(str, place)]!r})\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True,
        timeout=120,
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "0"


def test_a_malformed_expected_head_is_explained(place: tuple[str | Path, ...]) -> None:
    done = run("audit", "verify", "--expect", "foo", *place, passphrase=PASSPHRASE)

    assert (done.returncode, done.stdout) == (2, "")
    assert "SEQ:MAC" in done.stderr
