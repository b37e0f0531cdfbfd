"""The commands that show what is in a database: JSON in a pipe, tables on a terminal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import at_terminal

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line with its output in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo leaves."""
    folder = tmp_path_factory.mktemp("browse")
    assert command("demo", "--keep", folder).returncode == 0
    return folder / "sim.db"


def told(*words: str | Path) -> Any:
    """What a command prints, which is one line of JSON."""
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_search_finds_by_what_is_inside(database: Path) -> None:
    (item,) = told("search", "gardener", "--database", database)["items"]

    assert (item["name"], item["matched_in"]) == ("Greenhouse watch", ["body"])


def test_search_keeps_to_tag_and_category(database: Path) -> None:
    assert told("search", "mail", "--tag", "nothing", "--database", database)["items"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("mail", "-invoice"),
        ("-invoice", "mail"),
        ("mail", "--limit", "5", "-invoice"),
        ("--limit=5", "--json", "-invoice", "--", "mail"),
        ("mail -invoice",),
    ],
    ids=" ".join,
)
def test_a_word_behind_a_minus_must_not_be_there(database: Path, words: tuple[str, ...]) -> None:
    every = told("search", "mail", "--database", database)["items"]
    found = told("search", "--database", database, *words)["items"]

    assert {item["id"] for item in every} == {"demo-invoices", "demo-reminders"}
    assert [item["id"] for item in found] == ["demo-reminders"]


def test_a_minus_word_alone_is_a_word(database: Path) -> None:
    (item,) = told("search", "-gardener", "--database", database)["items"]

    assert item["name"] == "Greenhouse watch"


@pytest.mark.parametrize("words", [(), ("--drafts",), ("a", "--limit"), ("a", "--limit", "x")])
def test_a_search_without_words_or_with_unknown_options_is_wrong_usage(
    words: tuple[str, ...],
) -> None:
    assert command("search", *words).returncode == 2


def test_history_lists_the_revisions(database: Path) -> None:
    items = told("history", "demo-invoices", "--database", database)["items"]

    numbers = [item["revision"] for item in items]
    assert numbers == [*range(len(numbers), 0, -1)]
    assert len(numbers) > 1


def test_runs_are_those_of_a_status(database: Path) -> None:
    assert told("runs", "demo-invoices", "--database", database)["items"]
    assert told("runs", "--status", "error", "--database", database)["items"] == []


def test_stats_tell_what_there_is(database: Path) -> None:
    assert told("stats", "--database", database)["workflows"] == 6


def test_an_unknown_workflow_is_told_with_exit_code_one(database: Path) -> None:
    done = command("history", "nobody", "--database", database)

    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no workflow by that id." in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("search", "gardener"), "Greenhouse watch"),
        (("search", "gardner"), "Nothing"),
        (("history", "demo-invoices"), "Invoice intake"),
        (("runs",), "success"),
        (("stats",), "workflows"),
    ],
)
def test_a_terminal_shows_tables(database: Path, words: tuple[str, ...], shown: str) -> None:
    code, text = at_terminal(*words, "--database", database)

    assert code == 0
    assert shown in text
    assert not text.lstrip().startswith("{")


@pytest.mark.parametrize("name", ["search", "history", "runs", "stats"])
def test_each_command_teaches_by_examples(name: str) -> None:
    done = command(name, "--help")

    assert done.returncode == 0
    assert f"sim-sidecar {name}" in done.stdout
