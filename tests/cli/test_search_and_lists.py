"""`search`, `history`, `runs` and `stats`: JSON in a pipe, tables on a terminal."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import result_of, run
from tests.cli.terminal import at_terminal

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the database that a demo leaves."""
    folder = tmp_path_factory.mktemp("browse")
    assert run("demo", "--keep", folder).returncode == 0
    return folder / "sim.db"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the database that two demos leave."""
    folder = tmp_path_factory.mktemp("twice")
    assert [run("demo", "--keep", folder).returncode for _ in range(2)] == [0, 0]
    return folder / "sim.db"


def test_search_finds_by_what_is_inside(database: Path) -> None:
    (item,) = result_of("search", "gardener", "--database", database)["items"]

    assert (item["name"], item["matched_in"]) == ("Greenhouse watch", ["body"])


def test_search_finds_only_workflows_of_a_tag(database: Path) -> None:
    assert result_of("search", "mail", "--tag", "nothing", "--database", database)["items"] == []


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
    every = result_of("search", "mail", "--database", database)["items"]
    found = result_of("search", "--database", database, *words)["items"]

    assert {item["name"] for item in every} == {"Invoice intake", "Rechnungs-Erinnerung"}
    assert [item["name"] for item in found] == ["Rechnungs-Erinnerung"]


def test_a_minus_word_alone_finds_all_the_others(database: Path) -> None:
    names = {
        item["name"] for item in result_of("search", "-gardener", "--database", database)["items"]
    }

    assert len(names) > 1
    assert "Greenhouse watch" not in names


@pytest.mark.parametrize("words", [(), ("--drafts",), ("a", "--limit"), ("a", "--limit", "x")])
def test_a_search_without_words_or_with_unknown_options_is_wrong_usage(
    words: tuple[str, ...],
) -> None:
    assert run("search", *words).returncode == 2


def test_history_lists_the_revisions(database: Path) -> None:
    items = result_of("history", "demo-invoices", "--database", database)["items"]

    numbers = [item["revision"] for item in items]
    assert numbers == [*range(len(numbers), 0, -1)]
    assert len(numbers) > 1


def test_diff_compares_the_last_save_with_the_one_before_it(database: Path) -> None:
    place = ("--database", database)
    revision = result_of("history", "demo-invoices", *place)["items"][0]["revision"]
    asked = ("--from", str(revision - 1), "--to", str(revision))

    found = result_of("diff", "demo-invoices", *place)

    assert found == result_of("diff", "demo-invoices", *asked, *place)
    assert [field["name"] for field in found["metadata"]] == ["tags"]


def test_runs_are_listed_by_workflow_and_status(database: Path) -> None:
    assert result_of("runs", "demo-invoices", "--database", database)["items"]
    assert result_of("runs", "--status", "error", "--database", database)["items"] == []


def test_stats_count_the_workflows(database: Path) -> None:
    assert result_of("stats", "--database", database)["workflows"] == 6


def test_an_unknown_workflow_ends_with_exit_code_one(database: Path) -> None:
    done = run("history", "missing", "--database", database)

    assert (done.returncode, done.stdout) == (1, "")
    assert "No workflow has that id." in done.stderr


@posix
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("search", "gardener"), "Greenhouse watch"),
        (("search", "gardner"), "Nothing"),
        (("history", "demo-invoices"), "Invoice intake"),
        (("diff", "demo-invoices"), "~ tags: "),
        (("runs",), "success"),
        (("stats",), "workflows"),
    ],
)
def test_a_terminal_shows_tables(database: Path, words: tuple[str, ...], shown: str) -> None:
    code, text = at_terminal(*words, "--database", database)

    assert code == 0
    assert shown in text
    assert not text.lstrip().startswith("{")


COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-7]|38|9[0-7])")


@posix
@pytest.mark.parametrize(
    "words", [("search", "invoice"), ("audit", "list")], ids=" ".join,
)  # fmt: skip
def test_tables_have_colour_on_a_terminal_that_wants_it(
    database: Path, words: tuple[str, ...]
) -> None:
    def has_colour(*options: str, environment: dict[str, str] | None = None) -> bool:
        code, text = at_terminal(*words, *options, "--database", database, environment=environment)
        assert code == 0
        return COLOUR.search(text) is not None

    assert has_colour()
    assert not has_colour(environment={"NO_COLOR": "1"})
    assert not has_colour(environment={"TERM": "dumb"})
    assert not has_colour("--json")
    assert "\x1b" not in run(*words, "--database", database).stdout


@posix
def test_words_found_are_coloured_and_bracketed_only_without_colour(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    data = {"note": "see [draft] or [Invoice] or re-invoice"}
    workflow = {"id": "a", "name": "A", "data": data}
    result_of("call", "workflows.save", f"workflow:={json.dumps(workflow)}", "--database", database)

    _, coloured = at_terminal("search", "INVOICE", "--database", database)
    no_colour = {"NO_COLOR": "1"}
    _, plain = at_terminal("search", "INVOICE", "--database", database, environment=no_colour)

    on, off = "\x1b[1;33m", "\x1b[0m"
    assert f"see [draft] or [{on}Invoice{off}] or re-{on}invoice{off}" in coloured
    assert "see [draft] or [[Invoice]] or re-[invoice]" in plain


@posix
def test_the_suggested_word_stands_on_one_line(database: Path) -> None:
    code, text = at_terminal("search", "invoce", "--database", database, columns=80)

    assert (code, text) == (0, "Nothing found. Did you mean: invoice\n")


@posix
@pytest.mark.parametrize("word", ["gardener", "nothing-like-it"])
def test_a_terminal_says_what_a_search_does_not_look_at(tmp_path: Path, word: str) -> None:
    database, folder = tmp_path / "sim.db", tmp_path / "flows"
    folder.mkdir()
    words = " ".join(f"gardener{number}" for number in range(30_000))
    (folder / "long.json").write_text(json.dumps({"nodes": [{"text": words}]}))
    result_of("import", folder, "--database", database)

    _, text = at_terminal("search", word, "--database", database, columns=80)

    assert "Some workflows have more text than a search looks at." in text


@posix
@pytest.mark.parametrize(
    "words", [("search", "a"), ("history", "demo-invoices"), ("runs",)], ids=lambda words: words[0]
)
def test_a_terminal_says_that_a_limit_cut_the_list(twice: Path, words: tuple[str, ...]) -> None:
    _, cut = at_terminal(*words, "--limit", "1", "--database", twice)
    _, whole = at_terminal(*words, "--limit", "100", "--database", twice)

    assert "There is more; --limit shows up to 500." in cut
    assert "There is more" not in whole


@posix
def test_a_run_is_shown_with_its_id(database: Path) -> None:
    items = result_of("runs", "--database", database)["items"]
    _, text = at_terminal("runs", "--database", database)

    assert items
    assert all(item["id"] in text for item in items)


@posix
def test_a_list_without_runs_says_so(database: Path) -> None:
    words = ("runs", "demo-invoices", "--status", "error", "--database", database)

    assert at_terminal(*words) == (0, "No runs.\n")


def test_archived_workflows_are_searched_only_when_asked_for(tmp_path: Path) -> None:
    place = ("--database", tmp_path / "sim.db")
    for name in ("live", "gone"):
        workflow: dict[str, Any] = {"id": name, "name": f"word {name}", "data": {}}
        result_of("call", "workflows.save", f"workflow:={json.dumps(workflow)}", *place)
    result_of("call", "workflows.archive", "id=gone", *place)

    assert [item["id"] for item in result_of("search", "word", *place)["items"]] == ["live"]
    assert [item["id"] for item in result_of("search", "word", "--archived", *place)["items"]] == [
        "gone"
    ]


@posix
def test_no_id_is_broken_however_narrow_the_terminal(tmp_path: Path) -> None:
    place = ("--database", tmp_path / "sim.db")
    workflow = {"name": "Hello " * 60, "data": {"nodes": [{"text": "hello"}]}}
    made = result_of("call", "workflows.save", f"workflow:={json.dumps(workflow)}", *place)["id"]
    started = result_of("call", "runs.start", f"workflow_id={made}", *place)["run"]["id"]

    for columns in (160, 80, 40):
        _code, runs = at_terminal("runs", *place, columns=columns)
        assert made in runs
        assert started in runs
    _code, found = at_terminal("search", "hello", *place, columns=40)
    assert made in found
    assert len(found.splitlines()) < 20
