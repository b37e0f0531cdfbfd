"""`sim-sidecar import` from outside: what it prints and how it ends."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.bodies.made_documents import N8N
from tests.cli.commands import result_of, run
from tests.cli.terminal import at_terminal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    (made / "a.json").write_text(json.dumps({**N8N, "id": "w1"}))
    return made


def test_import_makes_the_database_and_imports_into_it(folder: Path, tmp_path: Path) -> None:
    database = tmp_path / "new.db"

    result = result_of("import", folder, "--database", database)

    assert (result["created"], result["items"][0]["id"]) == (1, "w1")
    listed = result_of("call", "workflows.list", "--database", database)["items"]
    assert [(each["name"], each["source"]) for each in listed] == [("Invoices", "n8n")]
    assert result_of("import", folder, "--skip", "--database", database)["skipped"] == 1


def test_import_ends_with_1_when_something_was_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "b.json").write_text('{"n": NaN}')

    done = run("import", folder, "--dry-run", "--database", tmp_path / "new.db")

    assert done.returncode == 1
    assert [each["reason"] for each in json.loads(done.stdout)["items"]] == [None, "not_json"]


def test_a_dry_run_makes_no_database(folder: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    planned = result_of("import", folder, "--dry-run", "--database", tmp_path / "new.db")

    assert (planned["created"], sorted(tmp_path.rglob("*"))) == (1, before)
    assert result_of("import", folder, "--database", tmp_path / "new.db") == planned


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_import_shows_a_person_what_was_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "b\x1b[1m.json").write_text("{")

    code, text = at_terminal("import", folder, "--database", tmp_path / "new.db")

    assert code == 1
    assert "Created 1, replaced 0, skipped 0, refused 1." in " ".join(
        re.sub(r"\x1b\[[0-9;]*m", "", text).split()
    )
    assert "not json" in text
    assert "\x1b[1m.json" not in text
