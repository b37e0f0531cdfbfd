"""Every finding of `system.check` is provoked on a real file, and its cure is applied."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import limits
from sidecar.errors import AuditUnavailable
from sidecar.store.search import indexes
from tests.harness import Bench, open_bench
from tests.made_workflows import save
from tests.store import legacy_files
from tests.store.damaged_rows import check, fill, meddle

CHECKED = {"workflows": 3, "revisions": 0, "summaries": 1, "audit_entries": 4}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        fill(opened)
        yield opened


def test_a_sound_file_has_no_findings_and_writes_nothing(bench: Bench) -> None:
    sound = {"ok": True, "findings": [], "checked": CHECKED}

    assert bench.call("system.check") == sound
    assert bench.call("system.check", full=True) == sound
    assert bench.audited() == []


def test_pending_index_updates_are_no_finding(bench: Bench) -> None:
    save(bench, "w4", name="new")
    save(bench, "w1", name="renamed", data={"nodes": [2]})
    bench.call("workflows.delete", id="w2")
    for number in range(limits.HEADER_STEP):
        save(bench, f"more-{number}")

    assert check(bench) == []
    assert check(bench, full=True) == []


# --- findings that SQL cures ------------------------------------------------------------------

_FTS_DELETE = "DELETE FROM {} WHERE rowid = 1"
_FTS_INSERT = "INSERT INTO {0} (rowid, name, description, tags) VALUES (99, 'x', 'y', '')"
_ZERO_DATA = "UPDATE {0}_data SET block = zeroblob(length(block)) WHERE id > 10"
_RENAME = "UPDATE workflows SET name = 'other' WHERE id = 'w2'"
BY_HAND: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "application id": (["PRAGMA application_id = 7"], [("file", "application_id")]),
    "user version": (["PRAGMA user_version = 7"], [("file", "user_version")]),
    "orphan run": (
        ["INSERT INTO runs (id, workflow, revision, status, started_at, seen_at)"
         " VALUES ('r', 99, 1, 'error', 1, 1)"],
        [("orphan", "runs")],
    ),
    "orphan body": (
        ["INSERT INTO workflow_bodies VALUES (99, x'00')", "DELETE FROM text_pending"],
        [("orphan", "workflow_bodies")],
    ),
    "orphan summary": (
        ["INSERT INTO run_summaries VALUES (99, x'00', x'00')"],
        [("orphan", "run_summaries")],
    ),
    "orphan revision": (
        ["INSERT INTO workflow_revisions (workflow, revision, metadata, form, sha256, size_bytes,"
         " created_at) VALUES (99, 1, '{}', 'same', x'', 1, 1)"],
        [("orphan", "workflow_revisions")],
    ),
    "run count": (["UPDATE workflows SET run_count = 9 WHERE id = 'w1'"], [("header", "w1")]),
    "newest run": (["UPDATE workflows SET last_run_at = 9 WHERE id = 'w1'"], [("header", "w1")]),
    "no run at all": (["UPDATE workflows SET last_run_at = 9 WHERE id = 'w2'"], [("header", "w2")]),
    "word row missing": (
        [_FTS_DELETE.format("search_heads")], [("search_index", "search_heads")],
    ),
    "trigram row missing": (
        [_FTS_DELETE.format("search_parts")], [("search_index", "search_parts")],
    ),
    "text row missing": (
        ["DELETE FROM search_texts WHERE rowid = 1"], [("search_index", "search_texts")],
    ),
    "word row surplus": (
        [_FTS_INSERT.format("search_heads")], [("search_index", "search_heads")],
    ),
    "text row surplus": (
        ["INSERT INTO search_texts (rowid, text) VALUES (99, 'x')"],
        [("search_index", "search_texts")],
    ),
    "word index damaged": (
        [_ZERO_DATA.format("search_heads")], [("search_index", "search_heads")],
    ),
    "trigram index damaged": (
        [_ZERO_DATA.format("search_parts")], [("search_index", "search_parts")],
    ),
    "text index damaged": (
        [_ZERO_DATA.format("search_texts")], [("search_index", "search_texts")],
    ),
}  # fmt: skip


def apply_cure(bench: Bench) -> None:
    """Run the SQL of the first finding's cure, as a person would."""
    cure = bench.call("system.check", full=True)["findings"][0]["cure"]
    text, found, sql = cure.partition("in the sqlite3 tool: ")
    assert found, text
    meddle(bench, *sql.removesuffix(";").split("; "))
    bench.store.reopen()
    while indexes.update_step(bench.store):
        pass


def update_indexes(bench: Bench) -> None:
    """Update the indexes, as the process does while no requests wait."""
    while indexes.update_step(bench.store):
        pass


OF_SEARCH = {
    name: case
    for name, case in BY_HAND.items()
    if all(kind == "search_index" for kind, _ in case[1])
}
for _name in OF_SEARCH:
    del BY_HAND[_name]


@pytest.mark.parametrize(("statements", "found"), OF_SEARCH.values(), ids=OF_SEARCH)
def test_a_wrong_search_index_is_found_and_rebuilt(
    bench: Bench, statements: list[str], found: list[tuple[str, str]]
) -> None:
    meddle(bench, *statements)

    assert check(bench) == found
    update_indexes(bench)
    assert check(bench, full=True) == []
    assert bench.call("workflows.search", query="post")["items"]


@pytest.mark.parametrize(("statements", "found"), BY_HAND.values(), ids=BY_HAND)
def test_a_finding_is_reported_once_and_its_sql_cures_it(
    bench: Bench, statements: list[str], found: list[tuple[str, str]]
) -> None:
    meddle(bench, *statements)

    assert check(bench) == found
    assert check(bench, full=True) == found
    apply_cure(bench)
    assert check(bench, full=True) == []


@pytest.mark.parametrize("index", indexes.INDEXES)
def test_an_index_with_other_words_is_found_by_a_full_check(bench: Bench, index: str) -> None:
    update_indexes(bench)
    (column, *_) = (row[1] for row in bench.rows(f"PRAGMA table_info({index})"))
    meddle(
        bench,
        f"DELETE FROM {index} WHERE rowid = 1",  # noqa: S608 - constants
        f"INSERT INTO {index} (rowid, {column}) VALUES (1, 'other words')",  # noqa: S608 - constants
    )

    assert check(bench) == []
    assert check(bench, full=True) == [("search_index", index)]
    update_indexes(bench)
    assert check(bench, full=True) == []


def test_as_many_other_words_in_an_index_are_found_by_a_full_check(bench: Bench) -> None:
    update_indexes(bench)
    size = bench.rows("SELECT sz FROM search_texts_docsize WHERE id = 1")[0][0][0]
    same = " ".join(["other"] * size)
    meddle(
        bench,
        "DELETE FROM search_texts WHERE rowid = 1",
        f"INSERT INTO search_texts (rowid, text) VALUES (1, '{same}')",  # noqa: S608 - ours
    )

    assert check(bench) == []
    assert check(bench, full=True) == [("search_index", "search_texts")]
    update_indexes(bench)
    assert check(bench, full=True) == []


def test_an_ordinary_index_that_lacks_rows_is_found_once_by_a_full_check(bench: Bench) -> None:
    hide = "DELETE FROM sqlite_schema WHERE name = 'runs_started'"
    (row,) = bench.rows("SELECT * FROM sqlite_schema WHERE name = 'runs_started'")
    meddle(bench, "PRAGMA writable_schema = ON", hide)
    meddle(bench, "UPDATE runs SET started_at = started_at - 1")
    meddle(bench, "UPDATE workflows SET last_run_at = last_run_at - 1 WHERE id = 'w1'")
    values = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in row)
    meddle(bench, "PRAGMA writable_schema = ON", f"INSERT INTO sqlite_schema VALUES ({values})")  # noqa: S608 - its own row

    assert check(bench, full=True) == [("index", "runs_started")]
    assert check(bench, full=True) == []


# --- findings that a method cures -------------------------------------------------------------


def _save_changed(bench: Bench) -> None:
    save(bench, "w1", name="mail", tags=["a", "b"], data={"nodes": [2]})


def _delete_run(bench: Bench) -> None:
    bench.call("runs.delete", id="r1")


Cure = Callable[[Bench], None]
BY_METHOD: dict[str, tuple[str, tuple[str, str], Cure]] = {
    "body": (
        "UPDATE workflow_bodies SET data = x'00' WHERE rid = 1", ("body", "w1"), _save_changed,
    ),
    "other body": (
        "UPDATE workflow_bodies SET data = (SELECT data FROM workflow_bodies WHERE rid = 2)"
        " WHERE rid = 1",
        ("body", "w1"),
        _save_changed,
    ),
    "body gone": ("DELETE FROM workflow_bodies WHERE rid = 1", ("body", "w1"), _save_changed),
    "size": ("UPDATE workflows SET size_bytes = 3 WHERE rid = 1", ("body", "w1"), _save_changed),
    "hash": (
        "UPDATE workflows SET content_sha256 = x'00' WHERE rid = 1", ("body", "w1"), _save_changed,
    ),
    "stored size": (
        "UPDATE workflows SET stored_bytes = 3 WHERE rid = 1", ("header", "w1"), _save_changed,
    ),
    "summary": ("UPDATE run_summaries SET data = x'00'", ("summary", "r1"), _delete_run),
    "summary's hash": ("UPDATE run_summaries SET sha256 = x'00'", ("summary", "r1"), _delete_run),
    "summary gone": ("DELETE FROM run_summaries", ("summary", "r1"), _delete_run),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "found", "cure"), BY_METHOD.values(), ids=BY_METHOD)
def test_a_finding_names_its_row_and_a_method_cures_it(
    bench: Bench, statement: str, found: tuple[str, str], cure: Cure
) -> None:
    meddle(bench, statement)

    assert check(bench) == [found]
    assert check(bench, full=True) == [found]
    cure(bench)
    left = [("revision", "w1 revision 1")] if found == ("body", "w1") else []
    assert check(bench, full=True) == left
    bench.call("workflows.delete", id="w1")
    assert check(bench, full=True) == []


def test_tags_that_are_no_json_are_a_finding(bench: Bench) -> None:
    meddle(bench, "UPDATE workflows SET tags = '[' WHERE id = 'w1'", "DELETE FROM header_pending")

    assert check(bench) == [("row", "workflows 1")]


ROWS_OF_TAGS = {
    "one gone": "DELETE FROM workflow_tags WHERE tag = 'a'",
    "one too many": (
        "INSERT INTO workflow_tags SELECT 'c', updated_at, rid FROM workflows WHERE rid = 1"
    ),
    "of another time": "UPDATE workflow_tags SET updated_at = 3",
    "of no workflow": "INSERT INTO workflow_tags VALUES ('x', 1, 99), ('y', 1, 99)",
}


@pytest.mark.parametrize("statement", ROWS_OF_TAGS.values(), ids=ROWS_OF_TAGS)
def test_rows_of_tags_that_do_not_match_the_workflows_are_written_again(
    bench: Bench, statement: str
) -> None:
    before = bench.rows("SELECT * FROM workflow_tags")
    meddle(bench, statement)

    assert check(bench) == [("index", "workflow_tags")]
    assert check(bench) == []
    assert before == bench.rows("SELECT * FROM workflow_tags") != []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM workflow_tags WHERE tag = 'a'",
        "UPDATE workflow_tags SET updated_at = 3 WHERE tag = 'a'",
        "UPDATE workflows SET updated_at = 3",
        "UPDATE workflows SET tags = '[\"a\"' WHERE rid = 1",
        "UPDATE workflows SET tags = '[\"a\",7]' WHERE rid = 1",
    ],
)
def test_a_deleted_workflow_leaves_no_rows_of_tags_that_did_not_match_it(
    bench: Bench, statement: str
) -> None:
    assert len(bench.rows("SELECT * FROM workflow_tags WHERE workflow = 1")) == 2
    meddle(bench, statement)

    bench.call("workflows.delete", id="w1")

    assert bench.rows("SELECT * FROM workflow_tags WHERE workflow = 1") == []


def test_damage_that_the_import_of_a_legacy_file_moved_is_reported(tmp_path: Path) -> None:
    legacy_files.build(tmp_path / "test.db", fill=legacy_files.rows)
    with open_bench(tmp_path) as opened:
        assert sorted(kind for kind, _where in check(opened, full=True)) == ["body", "summary"]


# --- damage -----------------------------------------------------------------------------------


def overwrite(bench: Bench, table: str, data: bytes) -> None:
    """Overwrite the first page of a table in the file itself."""
    bench.store.checkpoint()
    (page,) = bench.rows("SELECT rootpage FROM sqlite_schema WHERE name = ?", table)[0]
    page_bytes = bench.rows("PRAGMA page_size")[0][0]
    with bench.store.path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(data)


def test_a_check_that_damage_ends_is_a_finding_and_the_others_still_run(bench: Bench) -> None:
    overwrite(bench, "workflow_bodies", b"\xff" * 100)
    meddle(bench, "UPDATE access_log SET at = 1 WHERE seq = 2")

    found = check(bench)

    assert ("structure", "database") in found
    assert ("structure", "workflow_bodies") in found
    assert ("audit_chain", "access_log 2") in found


def test_a_destroyed_file_header_is_a_finding(bench: Bench) -> None:
    bench.store.checkpoint()
    with bench.store.path.open("r+b") as file:
        file.write(bytes(16))

    assert ("structure", "database") in check(bench)


# --- the audit log ----------------------------------------------------------------------------


def test_a_broken_chain_is_a_finding_at_its_entry(bench: Bench) -> None:
    meddle(bench, "UPDATE access_log SET resource = 'x' WHERE seq = 3")

    (finding,) = bench.call("system.check")["findings"]

    assert (finding["kind"], finding["where"]) == ("audit_chain", "access_log 3")
    assert finding["detail"] == "The chain is tampered (mac)."
    assert "find out who wrote" in finding["cure"]


def test_findings_are_audited_with_their_count(bench: Bench) -> None:
    meddle(bench, "UPDATE workflows SET run_count = 9, last_run_at = NULL")
    bench.call("system.check")

    assert bench.audited() == [("check_findings", "database", {"findings": 3})]


def test_findings_are_reported_although_the_log_takes_no_entry(bench: Bench) -> None:
    meddle(bench, "DELETE FROM audit_state")

    assert check(bench) == [("audit_chain", "access_log 1")]
    with pytest.raises(AuditUnavailable):
        save(bench, "w4")
    assert bench.store.lock.acquire(blocking=False)


def test_no_finding_repeats_a_title(bench: Bench) -> None:
    """Findings are shown to people who help: they hold ids and names of tables, never content."""
    save(bench, "w9", name="my private title", tags=["private"], data=["private"])
    meddle(
        bench,
        "UPDATE workflow_bodies SET data = x'00'",
        "DELETE FROM workflow_tags",
        _ZERO_DATA.format("search_heads"),
    )
    findings: Any = bench.call("system.check", full=True)["findings"]

    assert len(findings) > 3
    assert re.findall("private", str(findings)) == []
