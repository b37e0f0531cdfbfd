"""Legacy files are recognised by shape and migrated with nothing lost."""

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from sidecar.errors import DatabaseDamaged, NotOurs
from sidecar.store import codec, migrations
from sidecar.store.audit.verify import verify_chain
from sidecar.store.legacy.migrate import Counts, migrate
from sidecar.store.open_close import close_store, open_store
from tests.store import legacy_files
from tests.store.legacy_files import SECONDS, packed
from tests.store.still_clock import NOW_MS, SteadyClock, folder_hashes, names

MS = SECONDS * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sim.db"


def asked(path: Path, query: str, *values: str) -> list[tuple[object, ...]]:
    db = apsw.Connection(str(path))
    try:
        return list(db.execute(query, values))
    finally:
        db.close()


def body_of(path: Path, workflow_id: str) -> bytes:
    query = (
        "SELECT data, content_sha256, size_bytes FROM workflow_bodies JOIN workflows USING (rid)"
        " WHERE id = ?"
    )
    data, sha256, size_bytes = asked(path, query, workflow_id)[0]
    assert isinstance(data, bytes)
    assert isinstance(sha256, bytes)
    assert isinstance(size_bytes, int)
    return codec.unpack(data, sha256, size_bytes)


# --- recognised by shape --------------------------------------------------------------------


@pytest.mark.parametrize("search_text", ["absent", "plain", "generated"])
@pytest.mark.parametrize("fts", [True, False])
@pytest.mark.parametrize("schema_version", [None, "0", "1"])
@pytest.mark.parametrize("wal", [True, False])
def test_every_shape_of_a_legacy_file_is_migrated(
    path: Path,
    search_text: legacy_files.SearchText,
    schema_version: str | None,
    *,
    fts: bool,
    wal: bool,
) -> None:
    legacy_files.build(
        path,
        search_text=search_text,
        fts=fts,
        indexes=fts,
        schema_version=schema_version,
        wal=wal,
    )

    opened = open_store(path, SteadyClock())

    assert (opened.migrated_from, opened.schema_version, opened.created) == (
        0,
        migrations.current_version(),
        False,
    )
    assert opened.runs_interrupted == 1
    assert opened.store.db.execute("SELECT count(*) FROM workflows").get == 3
    close_store(opened.store)


def other_number(path: Path) -> None:
    legacy_files.build(path, schema_version="2")


def more_tables(path: Path) -> None:
    legacy_files.build(path, fill=lambda db: db.execute("CREATE TABLE mine (x)").close())


def fewer_tables(path: Path) -> None:
    legacy_files.build(path, fill=lambda db: db.execute("DROP TABLE secrets").close())


def more_columns(path: Path) -> None:
    legacy_files.build(path, fill=lambda db: db.execute("ALTER TABLE runs ADD mine").close())


def fewer_columns(path: Path) -> None:
    drop = "ALTER TABLE runs DROP COLUMN tokens_used"
    legacy_files.build(path, fill=lambda db: db.execute(drop).close())


def another_index(path: Path) -> None:
    create = "CREATE VIRTUAL TABLE other USING fts5(x)"
    legacy_files.build(path, fill=lambda db: db.execute(create).close())


def foreign_in_wal_mode(path: Path) -> None:
    db = apsw.Connection(str(path))
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("CREATE TABLE workflows (id)")
    db.close()


def foreign_with_hot_wal(path: Path) -> None:
    source = path.with_name("source.db")
    db = apsw.Connection(str(source))
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("CREATE TABLE workflows (id)")
    for suffix in ("", "-wal"):
        found = source.with_name(source.name + suffix)
        path.with_name(path.name + suffix).write_bytes(found.read_bytes())
    db.close()
    source.unlink()


@pytest.mark.parametrize(
    "build",
    [
        other_number,
        more_tables,
        fewer_tables,
        more_columns,
        fewer_columns,
        another_index,
        foreign_in_wal_mode,
        foreign_with_hot_wal,
    ],
)
def test_any_other_shape_is_not_ours_and_untouched(
    path: Path, build: Callable[[Path], None]
) -> None:
    build(path)
    before = folder_hashes(path.parent)

    with pytest.raises(NotOurs):
        open_store(path, SteadyClock())

    assert folder_hashes(path.parent) == before


def test_rows_still_in_the_wal_are_migrated(path: Path) -> None:
    source = legacy_files.build(path.with_name("source.db"), wal=True)
    db = apsw.Connection(str(source))
    legacy_files.workflow(db, "late", packed({"x": 1}))
    for suffix in ("", "-wal"):
        found = source.with_name(source.name + suffix)
        path.with_name(path.name + suffix).write_bytes(found.read_bytes())
    db.close()

    close_store(open_store(path, SteadyClock()).store)

    assert body_of(path, "late") == b'{"x": 1}'


# --- how rows are moved ---------------------------------------------------------------------


@pytest.fixture
def migrated(path: Path) -> Path:
    """A migrated file with rows of every kind, which was not opened yet."""
    migrate(legacy_files.build(path), SteadyClock())
    return path


def test_workflows_keep_everything_and_their_row_numbers(migrated: Path) -> None:
    kept = (1, MS, MS + 5000, None)

    assert asked(
        migrated,
        "SELECT rid, id, name, description, tags, category, revision, created_at, updated_at,"
        " archived_at, run_count, last_run_at FROM workflows ORDER BY rid",
    ) == [
        (7, "w1", "Alpha", "first", '["x","y"]', "general", *kept, 2, MS + 100_000),
        (8, "w2", "Beta", None, "[]", "general", *kept, 1, MS),
        (9, "w3", "Gamma", None, '["broken [tags"]', "general", *kept, 0, None),
    ]
    assert asked(migrated, "SELECT tag, updated_at, workflow FROM workflow_tags ORDER BY tag") == [
        ("broken [tags", MS + 5000, 9),
        ("x", MS + 5000, 7),
        ("y", MS + 5000, 7),
    ]


def test_the_body_is_the_data_of_a_packed_workflow_byte_for_byte(migrated: Path) -> None:
    assert body_of(migrated, "w1") == b'{"b": 1.10,  "a": [2, 1]}'


def test_the_body_is_the_value_itself_when_the_id_is_anothers(migrated: Path) -> None:
    assert body_of(migrated, "w2") == b'{"id": "other", "data": 1}'


def test_a_blob_that_does_not_decode_is_kept_and_reads_as_damaged(migrated: Path) -> None:
    query = "SELECT data FROM workflow_bodies WHERE rid = 9"
    assert asked(migrated, query) == [(b"not gzip",)]
    assert asked(migrated, "SELECT size_bytes, stored_bytes FROM workflows WHERE rid = 9") == [
        (0, 8)
    ]
    with pytest.raises(DatabaseDamaged):
        body_of(migrated, "w3")


def test_what_was_migrated_is_to_be_indexed(migrated: Path) -> None:
    rows = asked(migrated, "SELECT rid FROM header_pending")

    assert rows == asked(migrated, "SELECT rid FROM workflows ORDER BY rid")


def test_runs_keep_everything_in_milliseconds(migrated: Path) -> None:
    assert asked(
        migrated,
        "SELECT id, workflow, revision, status, started_at, seen_at, completed_at, duration_ms,"
        " error_message, blocks_executed, tokens_used, api_calls_made, summary_bytes"
        " FROM runs ORDER BY rid",
    ) == [
        ("r1", 7, 1, "success", MS, MS + 2000, MS + 2000, 2000, None, 3, 0, 0, 12),
        ("r2", 7, 1, "running", MS + 100_000, MS + 100_000) + (None,) * 3 + (0, 0, 0, None),
        ("r3", 8, 1, "error", MS, MS + 2000, MS + 2000, 2000, "boom", 0, 0, 0, 0),
    ]
    summaries = asked(migrated, "SELECT data, sha256 FROM run_summaries ORDER BY rid")
    data, sha256 = summaries[0]
    assert isinstance(data, bytes)
    assert isinstance(sha256, bytes)
    assert codec.unpack(data, sha256) == b'{"ok": true}'
    assert summaries[1] == (b"torn", bytes(32))


def test_settings_are_typed_and_their_version_row_is_gone(path: Path) -> None:
    def fill(db: apsw.Connection) -> None:
        db.execute(
            "INSERT INTO settings (key, value, value_type, updated_at)"
            " VALUES ('odd', 'many', 'number', ?)",
            (SECONDS,),
        )

    migrate(legacy_files.build(path, schema_version="1", fill=fill), SteadyClock())

    found = {
        str(key): (value, value_type)
        for key, value, value_type in asked(path, "SELECT key, value, value_type FROM settings")
    }
    assert "schema_version" not in found
    assert found.items() >= {
        ("theme", ('"dark"', "string")),
        ("auto_save_interval", ("30", "number")),
        ("enable_telemetry", ("false", "boolean")),
        ("odd", ('"many"', "string")),
    }


def test_of_stronghold_secrets_provider_and_times_are_moved(migrated: Path) -> None:
    query = "SELECT provider, created_at, updated_at FROM legacy_secrets"
    assert asked(migrated, query) == [("openai", MS, MS + 1000)]
    assert asked(migrated, "SELECT count(*) FROM secrets") == [(0,)]


def test_the_access_log_continues_as_a_chain(migrated: Path) -> None:
    counts = (
        '{"workflows":3,"runs":3,"settings":7,"secrets":1,"access_log":3,"damaged_bodies":1,'
        '"damaged_summaries":1,"orphan_runs":1}'
    )
    assert asked(migrated, "SELECT action, resource, at, details FROM access_log ORDER BY seq") == [
        ("key_access", "r", MS, '{"a":1}'),
        ("key_update", "r", MS, '{"text":"plain"}'),
        ("export", "r", MS, "{}"),
        ("migrate", "database", NOW_MS, f'{{"from":0,"to":1,"counts":{counts}}}'),
        *(
            ("migrate", "database", NOW_MS, f'{{"from":{version},"to":{version + 1}}}')
            for version in range(1, migrations.current_version())
        ),
    ]
    db = apsw.Connection(str(migrated))
    verdict = verify_chain(db, None, lambda _done, _total: None)
    db.close()
    assert (verdict.status, verdict.reason) == ("unsealed", None)


def test_the_old_content_is_kept_with_the_runs_that_have_no_workflow(migrated: Path) -> None:
    copy = migrated.with_name("sim.db.before-v1")

    assert asked(copy, "SELECT id, workflow_id FROM runs WHERE id = 'r4'") == [("r4", "gone")]
    assert names(migrated.parent) == ["sim.db", "sim.db.before-v1"]


def test_the_new_file_can_shrink_and_is_sound(migrated: Path) -> None:
    pragmas = ("auto_vacuum", "user_version", "quick_check")
    assert [asked(migrated, f"PRAGMA {name}")[0][0] for name in pragmas] == [
        2,
        migrations.current_version(),
        "ok",
    ]


def test_odd_rows_are_tolerated(path: Path) -> None:
    def fill(db: apsw.Connection) -> None:
        legacy_files.workflow(db, None, packed({}), name=None, created_at="2023-07-22T04:26:40Z")
        legacy_files.workflow(
            db, "t", packed([1]), name="n" * 900, updated_at="soon", tags="[1,null]"
        )

    migrate(legacy_files.build(path, not_null=False, fill=fill), SteadyClock())

    assert asked(path, "SELECT id, name, created_at, updated_at, tags FROM workflows") == [
        ("new-1", "", MS, MS + 5000, "[]"),
        ("t", "n" * 900, MS, MS, '["1"]'),
    ]


def test_a_stale_index_of_a_legacy_file_does_not_matter(path: Path) -> None:
    def fill(db: apsw.Connection) -> None:
        legacy_files.rows(db)
        db.execute("INSERT OR REPLACE INTO workflows (id, name, data) VALUES ('w2', 'New', x'00')")
        db.execute("DELETE FROM workflows_fts_docsize")

    counts = migrate(legacy_files.build(path, fill=fill), SteadyClock())

    assert (counts.workflows, counts.damaged_bodies) == (3, 2)


def test_an_empty_legacy_file_gets_its_defaults(path: Path) -> None:
    counts = migrate(legacy_files.build(path, fill=lambda _db: None), SteadyClock())

    assert counts == Counts(settings=7)
