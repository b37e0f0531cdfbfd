"""Tests that backups made by an attacker are rejected with a reason, and nothing is changed.

Each is packed as a sound one, with a manifest that describes its content.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar.archive.manifest import Head, Manifest
from sidecar.archive.read import read_database
from sidecar.archive.write import partial_file, publish_backup, write_backup
from sidecar.errors import BackupRejected
from sidecar.store import codec, meta, verified_copy
from sidecar.store.audit.log import chain_head
from sidecar.store.transfer import snapshot
from sidecar.store.workflows import frames
from sidecar.store.workflows.header import load
from tests.harness import Bench
from tests.made_workflows import save

Harm = Callable[[apsw.Connection], object]


STORE_ID = "ab" * 16


def statements(*sql: str) -> Harm:
    """Return a function that harms a database by SQL statements."""

    def do(db: apsw.Connection) -> None:
        for each in sql:
            db.execute(each).fetchall()

    return do


def in_schema(table: str, old: str, new: str) -> Harm:
    """Return a function that changes a statement of the schema as no ALTER can."""
    sql = f"UPDATE sqlite_schema SET sql = replace(sql, '{old}', '{new}') WHERE name = '{table}'"  # noqa: S608 - a test's own
    return statements("PRAGMA writable_schema = ON", sql)


def sound(bench: Bench, folder: Path) -> tuple[Path, Manifest]:
    """Make a sound backup and return its database, which the test changes, and its manifest."""
    path = Path(bench.call("backups.create")["path"])
    folder.mkdir()
    database = folder / "made.db"
    with database.open("wb") as file:
        manifest = read_database(path, file.write, lambda _done: None)
    path.unlink()
    return database, manifest


def packed(database: Path, manifest: Manifest, **claims: Any) -> Path:
    """Pack a database as a backup with a manifest that describes it, as far as it can be read."""
    db = apsw.Connection(str(database))
    try:
        found: dict[str, Any] = {
            "counts": snapshot.count_rows(db),
            "store_id": meta.store_id(db).hex(),
            "schema_version": max(0, int(db.pragma("user_version"))),
        }
        head = chain_head(db)
        found["head"] = Head(head.seq, head.mac.hex())
    except Exception:  # noqa: BLE001 - then the manifest of the sound one is used
        found = {}
    finally:
        db.close()
    fields = {name: getattr(manifest, name) for name in manifest.__struct_fields__}
    fields |= {**found, "database_bytes": database.stat().st_size, **claims}
    target = database.with_name("hostile.db.zst")
    with partial_file(target, STORE_ID) as partial:
        write_backup(database, partial, Manifest(**fields), step=lambda _done: None)
        publish_backup(partial, target)
    return target


def rejection_of(bench: Bench, path: Path) -> str:
    """Return why a backup is rejected; check that verify agrees and that nothing was changed."""
    before, names = rows_of(bench), files_beside(bench)
    with pytest.raises(BackupRejected) as caught:
        bench.call("backups.restore", path=str(path))
    reason = str(caught.value.data["reason"])
    verified = bench.call("backups.verify", path=str(path))
    assert (verified["ok"], [each["kind"] for each in verified["findings"]]) == (False, [reason])
    assert (rows_of(bench), files_beside(bench)) == (before, names)
    assert bench.rows("SELECT DISTINCT action FROM access_log ORDER BY seq DESC LIMIT 1") == [
        ("backup_rejected",)
    ]
    return reason


def rows_of(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables except those of the audit log."""
    tables = verified_copy.table_counts(bench.store.db)
    names = [name for name in tables if name not in ("access_log", "audit_state")]
    return {name: bench.rows(f"SELECT * FROM {name}") for name in names}  # noqa: S608 - our tables


def files_beside(bench: Bench) -> set[str]:
    """Return the names of the files in the folder of the database."""
    return {path.name for path in bench.store.path.parent.iterdir() if path.is_file()}


HARM: dict[str, tuple[Harm, str]] = {
    "a trigger that deletes the secrets": (
        statements(
            "CREATE TRIGGER evil AFTER INSERT ON access_log BEGIN DELETE FROM secrets; END"
        ),
        "schema",
    ),
    "a trigger instead of ours": (
        in_schema("workflows_pending_insert", "header_pending", "text_pending"),
        "schema",
    ),
    "a view in place of a table": (
        statements(
            "DROP TABLE legacy_secrets",
            "CREATE VIEW legacy_secrets AS SELECT 'x' AS provider, 1 AS created_at",
        ),
        "schema",
    ),
    "a view": (statements("CREATE VIEW extra AS SELECT * FROM secrets"), "schema"),
    "a virtual table": (statements("CREATE VIRTUAL TABLE extra USING fts5 (x)"), "schema"),
    "a virtual table of another module": (
        statements("CREATE VIRTUAL TABLE extra USING rtree (id, a, b)"),
        "schema",
    ),
    "one table more": (statements("CREATE TABLE extra (x)"), "schema"),
    "one table less": (statements("DROP TABLE legacy_secrets"), "schema"),
    "one index less": (statements("DROP INDEX workflows_name"), "schema"),
    "a generated column": (
        statements("ALTER TABLE settings ADD COLUMN g TEXT AS (upper(value)) VIRTUAL"),
        "schema",
    ),
    "an index on an expression": (
        statements("CREATE INDEX extra ON settings (upper(value))"),
        "schema",
    ),
    "a CHECK that calls a function": (
        in_schema("settings", "description TEXT", "description TEXT CHECK (length(key))"),
        "schema",
    ),
    "a default that calls a function": (
        in_schema("settings", "description TEXT", "description TEXT DEFAULT (random())"),
        "schema",
    ),
    "statistics of another form": (
        statements(
            "ANALYZE",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_schema SET sql = replace(sql, 'tbl', 'tbx') WHERE name = 'sqlite_stat1'",
        ),
        "schema",
    ),
    "another program's number": (statements("PRAGMA application_id = 7"), "not_ours"),
    "no program's number": (statements("PRAGMA application_id = 0"), "not_ours"),
    "a newer version": (statements("PRAGMA user_version = 99"), "newer"),
    "no version": (statements("PRAGMA user_version = 0"), "content"),
    "a write-ahead log": (statements("PRAGMA journal_mode = WAL"), "content"),
    "a step we never shipped": (
        statements("INSERT INTO migrations VALUES (7, 'evil', '00', 1)"),
        "newer",
    ),
    "a step with another text": (statements("UPDATE migrations SET sha256 = '00'"), "schema"),
    "a row that belongs to none": (
        statements("PRAGMA foreign_keys = OFF", "DELETE FROM workflows WHERE id = 'w1'"),
        "content",
    ),
    "a value that breaks its CHECK": (
        statements("PRAGMA ignore_check_constraints = ON", "UPDATE runs SET status = 'evil'"),
        "content",
    ),
    "no state of the log": (statements("DELETE FROM audit_state"), "content"),
    "no number of the store": (statements("DELETE FROM meta WHERE key = 'store_id'"), "content"),
    "a store number that is a text": (
        statements("UPDATE meta SET value = 'x' WHERE key = 'store_id'"),
        "content",
    ),
    "a body that claims to be huge": (
        statements("UPDATE workflows SET size_bytes = 1 << 40"),
        "content",
    ),
    "a setting that breaks the line": (
        statements("UPDATE settings SET value = '1' || char(10) || '{}' WHERE key = 'theme'"),
        "content",
    ),
    "a setting that is no JSON": (
        statements("UPDATE settings SET value = '{' WHERE key = 'theme'"),
        "content",
    ),
    "tags that are no JSON": (statements("UPDATE workflows SET tags = '[1'"), "content"),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARM)
def test_security_24_a_hostile_database_is_refused(bench: Bench, tmp_path: Path, harm: str) -> None:
    do, reason = HARM[harm]
    database, manifest = sound(bench, tmp_path / "elsewhere")
    db = apsw.Connection(str(database))
    do(db)
    db.close()

    assert rejection_of(bench, packed(database, manifest)) == reason


def put_body(database: Path, body: bytes) -> None:
    """Give every workflow of a file this body, with the hash and the sizes that fit it."""
    made = codec.pack(body)
    db = apsw.Connection(str(database))
    db.execute("UPDATE workflow_bodies SET data = ?", (made.data,))
    db.execute(
        "UPDATE workflows SET content_sha256 = ?, size_bytes = ?, stored_bytes = ?",
        (made.sha256, made.size_bytes, made.stored_bytes),
    )
    db.close()


DEEP = b"[" * 513 + b"]" * 513


@pytest.mark.parametrize("body", [b"{}\n{}", b"no json", b"", b'["\xff"]', DEEP, b"[" * 100_000])
def test_a_body_that_would_break_the_line_is_refused(
    bench: Bench, tmp_path: Path, body: bytes
) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    put_body(database, body)

    assert rejection_of(bench, packed(database, manifest)) == "content"


@pytest.mark.parametrize(
    "body", [b'{"a":\n1}', b'{"a"\r:1}\r', '["\u2028"]'.encode(), b"[1e999]", b"9" * 5000]
)
def test_a_backup_with_a_body_of_any_kind_is_restored(
    bench: Bench, tmp_path: Path, body: bytes
) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    put_body(database, body)

    restored = bench.call("backups.restore", path=str(packed(database, manifest)))

    assert restored["findings"] == []
    stored = load(bench.store.db, "w1")
    assert stored is not None
    assert stored.body() == body


def test_a_summary_that_is_no_json_is_refused(bench: Bench, tmp_path: Path) -> None:
    save(bench, "w1", data=[2])
    bench.call("runs.start", workflow_id="w1", id="cut")
    bench.call("runs.finish", id="cut", status="success", summary=[1])
    database, manifest = sound(bench, tmp_path / "elsewhere")
    made = codec.pack(b"{}{}")
    db = apsw.Connection(str(database))
    db.execute("UPDATE run_summaries SET data = ?, sha256 = ?", (made.data, made.sha256))
    db.close()

    assert rejection_of(bench, packed(database, manifest)) == "content"


def test_an_earlier_body_that_would_break_the_line_is_refused(bench: Bench, tmp_path: Path) -> None:
    save(bench, "w1", data=[2])
    database, manifest = sound(bench, tmp_path / "elsewhere")
    body = b"{}\n{}"
    db = apsw.Connection(str(database))
    db.execute(
        "UPDATE workflow_revisions SET form = 'key', data = ?, sha256 = ?, size_bytes = ?",
        (frames.pack(body), codec.fingerprint(body), len(body)),
    )
    db.close()

    assert rejection_of(bench, packed(database, manifest)) == "content"


@pytest.mark.parametrize(
    "claims",
    [
        {"counts": {"workflows": 99}},
        {"store_id": "11" * 16},
        {"schema_version": 7},
        {"head": Head(99, "00" * 32)},
        {"head": Head(6, "00" * 32)},
    ],
)
def test_a_manifest_that_contradicts_its_database_is_refused(
    bench: Bench, tmp_path: Path, claims: dict[str, Any]
) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")

    assert rejection_of(bench, packed(database, manifest, **claims)) == "content"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not a database, only long enough" * 500, "not_ours"),
        (b"SQLite format 3\0" + bytes(4080), "content"),
        (bytes(8192), "not_ours"),
    ],
    ids=["text", "a header of zeros", "zeros"],
)
def test_what_is_no_database_is_refused_by_its_first_bytes(
    bench: Bench, tmp_path: Path, content: bytes, reason: str
) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    database.write_bytes(content)

    assert rejection_of(bench, packed(database, manifest)) == reason


def test_another_programs_database_is_refused(bench: Bench, tmp_path: Path) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    database.unlink()
    db = apsw.Connection(str(database))
    db.execute("CREATE TABLE t (x)")
    db.close()

    assert rejection_of(bench, packed(database, manifest)) == "not_ours"


@pytest.mark.parametrize("page", [1, 2, 5, 20, -1])
def test_a_page_that_was_overwritten_is_refused(bench: Bench, tmp_path: Path, page: int) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    content = bytearray(database.read_bytes())
    start = (page * 4096) % len(content)
    content[start : start + 4096] = bytes([0xA5]) * 4096
    database.write_bytes(content)

    assert rejection_of(bench, packed(database, manifest)) == "content"


def test_a_file_with_statistics_is_taken(bench: Bench) -> None:
    with bench.store.writing() as db:
        db.execute("ANALYZE").fetchall()

    name = bench.call("backups.create")["name"]

    assert bench.call("backups.verify", name=name)["ok"]
    assert bench.call("backups.restore", name=name)["findings"] == []
