"""Text that others wrote is shown on a terminal, and never controls it."""

import json
import re
import sys
from pathlib import Path

import pytest

from sidecar.cli.child import Child
from sidecar.cli.failures import explain
from sidecar.cli.terminal_text import json_text, visible
from tests.cli.commands import run
from tests.cli.terminal import at_terminal

EVIL = "Evil \x1b[31mRED\x1b]0;owned\x07 \x9b31m \u202eback\u2066 \x7f end"
SHOWN = r"Evil \x1b[31mRED\x1b]0;owned\x07 \x9b31m \u202eback\u2066 \x7f end"

OWN = re.compile(r"\x1b\[[0-9;]*m")
"""The control sequences of our own tables: styles, which end where they began."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with a workflow and a run full of control characters."""
    path = tmp_path_factory.mktemp("visible") / "sim.db"
    workflow = {"id": "evil", "name": EVIL, "tags": [EVIL], "data": {"note": f"word {EVIL}"}}
    child = Child(["--database", str(path), "--no-events"])
    child.call("workflows.save", {"workflow": workflow})
    child.call("runs.start", {"workflow_id": "evil", "id": "run-1"})
    child.call("runs.finish", {"id": "run-1", "status": "error", "error_message": EVIL})
    assert child.close() == 0
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
@pytest.mark.parametrize(
    "words",
    [
        ("search", "evil"),
        ("history", "evil"),
        ("runs",),
        ("call", "workflows.get", "id=evil"),
        ("call", "workflows.get", "id=evil", "--json"),
    ],
)
def test_no_control_character_in_stored_text_reaches_a_terminal(
    database: Path, words: tuple[str, ...]
) -> None:
    done, output = at_terminal(*words, "--database", database, columns=400)

    assert done == 0
    acting = set(
        re.findall(r"[^\n\x20-\x7e\xa0-\u200d\u2010-\u2027\u2100-\uffff]", OWN.sub("", output))
    )
    assert acting == set()
    assert "\x1b[31mRED" not in output
    assert r"1b[31mRED" in OWN.sub("", output)


def test_control_characters_are_escaped_and_all_others_stay() -> None:
    assert visible(EVIL) == SHOWN
    assert visible("two\nlines\tand a tab") == r"two\nlines\tand a tab"
    for text in ("Grüße 要約 עברית", "👩\u200d🔧", "नमस्\u200cते", "[bold]not markup[/]"):
        assert visible(text) == text


def test_escaped_json_is_the_same_value() -> None:
    value = {EVIL: [EVIL, "Grüße 要約", 1.5, None]}

    assert json.loads(json_text(value)) == value
    assert visible(json_text(value)) == json_text(value)


def test_control_characters_in_an_error_are_escaped() -> None:
    data = {"slug": EVIL, "path": EVIL, "hint": EVIL, "did_you_mean": [EVIL, EVIL]}
    text = explain({"code": 1, "message": EVIL, "data": data})

    assert text.splitlines() == [
        f"{SHOWN} ({SHOWN})",
        f"  at: {SHOWN}",
        f"  hint: {SHOWN}",
        f"  did you mean: {SHOWN}, {SHOWN}",
    ]


def test_control_characters_in_the_reason_of_an_end_are_escaped(tmp_path: Path) -> None:
    place = tmp_path / "a\x1b[31mb"
    place.write_bytes(b"no folder")
    done = run("call", "system.ping", "--database", place / "sim.db")

    assert done.returncode != 0
    assert "\x1b" not in done.stderr
    assert done.stderr


def test_a_pipe_gets_the_text_unchanged(database: Path) -> None:
    done = run("history", "evil", "--database", database)

    assert json.loads(done.stdout)["items"][0]["name"] == EVIL
