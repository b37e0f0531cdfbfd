"""Builds legacy files in every shape they can have, with rows in all their tables."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import apsw

SearchText = Literal["absent", "plain", "generated"]
SECONDS = 1_690_000_000

_SEARCH_TEXT = {
    "absent": "",
    "plain": ", search_text TEXT",
    "generated": ", search_text TEXT GENERATED ALWAYS AS (name || ' ' ||"
    " COALESCE(description, '') || ' ' || COALESCE(tags, '')) STORED",
}
_WORKFLOWS = """
CREATE TABLE workflows (
    id TEXT PRIMARY KEY, name TEXT {not_null}, description TEXT, data BLOB NOT NULL, tags TEXT,
    category TEXT DEFAULT 'general',
    created_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')){search_text}
);
"""
_FTS = """
CREATE VIRTUAL TABLE workflows_fts USING fts5(
    name, description, tags, content='workflows', content_rowid='rowid'
);
CREATE TRIGGER workflows_fts_insert AFTER INSERT ON workflows BEGIN
    INSERT INTO workflows_fts(rowid, name, description, tags)
    VALUES (new.rowid, new.name, new.description, new.tags);
END;
CREATE TRIGGER workflows_fts_delete AFTER DELETE ON workflows BEGIN
    INSERT INTO workflows_fts(workflows_fts, rowid, name, description, tags)
    VALUES('delete', old.rowid, old.name, old.description, old.tags);
END;
CREATE TRIGGER workflows_fts_update AFTER UPDATE ON workflows BEGIN
    INSERT INTO workflows_fts(workflows_fts, rowid, name, description, tags)
    VALUES('delete', old.rowid, old.name, old.description, old.tags);
    INSERT INTO workflows_fts(rowid, name, description, tags)
    VALUES (new.rowid, new.name, new.description, new.tags);
END;
"""
_OTHERS = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'success', 'error', 'cancelled')),
    started_at INTEGER NOT NULL, completed_at INTEGER,
    duration_ms INTEGER GENERATED ALWAYS AS (
        CASE WHEN completed_at IS NOT NULL
        THEN (completed_at - started_at) * 1000 ELSE NULL END
    ) STORED,
    summary BLOB, error_message TEXT,
    blocks_executed INTEGER DEFAULT 0, tokens_used INTEGER DEFAULT 0,
    api_calls_made INTEGER DEFAULT 0,
    FOREIGN KEY (workflow_id) REFERENCES workflows(id) ON DELETE CASCADE
);
CREATE TABLE settings (
    key TEXT PRIMARY KEY, value TEXT NOT NULL,
    value_type TEXT NOT NULL DEFAULT 'string'
        CHECK (value_type IN ('string', 'number', 'boolean', 'json')),
    description TEXT, updated_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now'))
);
INSERT INTO settings (key, value, value_type, description) VALUES
('app_version', '1.0.0', 'string', 'Application version'),
('theme', 'dark', 'string', 'UI theme preference'),
('auto_save_interval', '30', 'number', 'Auto-save interval in seconds'),
('default_ai_provider', 'openai', 'string', 'Default AI provider'),
('execution_timeout', '300', 'number', 'Workflow execution timeout in seconds'),
('canvas_grid_size', '20', 'number', 'Canvas grid size in pixels'),
('enable_telemetry', 'false', 'boolean', 'Enable usage telemetry');
CREATE TABLE secrets (
    provider TEXT PRIMARY KEY, encrypted_value BLOB NOT NULL, key_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now'))
);
CREATE TABLE access_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, action TEXT NOT NULL, resource TEXT NOT NULL,
    timestamp INTEGER NOT NULL DEFAULT (strftime('%s', 'now')), details TEXT
);
"""
_INDEXES = """
CREATE INDEX idx_runs_workflow_started ON runs(workflow_id, started_at DESC);
CREATE INDEX idx_runs_status_started ON runs(status, started_at DESC);
CREATE INDEX idx_access_log_timestamp ON access_log(timestamp DESC);
CREATE INDEX idx_workflows_name ON workflows(name);
"""


def packed(value: object) -> bytes:
    """A blob as the first program packed it."""
    return gzip.compress(value if isinstance(value, bytes) else json.dumps(value).encode())


def build(
    path: Path,
    *,
    search_text: SearchText = "generated",
    fts: bool = True,
    indexes: bool = True,
    not_null: bool = True,
    schema_version: str | None = None,
    wal: bool = False,
    fill: Callable[[apsw.Connection], None] | None = None,
) -> Path:
    """Write a legacy file at `path`."""
    db = apsw.Connection(str(path))
    if wal:
        db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute(
        _WORKFLOWS.format(
            search_text=_SEARCH_TEXT[search_text], not_null="NOT NULL" if not_null else ""
        )
    ).fetchall()
    db.execute((_FTS if fts else "") + _OTHERS + (_INDEXES if indexes else "")).fetchall()
    if schema_version is not None:
        db.execute(
            "INSERT INTO settings (key, value) VALUES ('schema_version', ?)", (schema_version,)
        )
    (fill or rows)(db)
    db.close()
    return path


def workflow(db: apsw.Connection, workflow_id: str | None, data: bytes, **columns: object) -> None:
    """Insert one workflow; columns not named get usual values."""
    values = {
        "rowid": None,
        "name": f"name of {workflow_id}",
        "description": None,
        "tags": None,
        "category": "general",
        "created_at": SECONDS,
        "updated_at": SECONDS + 5,
        **columns,
    }
    _insert(db, "workflows", {"id": workflow_id, "data": data, **values})


def run(db: apsw.Connection, run_id: str, workflow_id: str, **columns: object) -> None:
    """Insert one run."""
    values = {"status": "success", "started_at": SECONDS, "completed_at": SECONDS + 2, **columns}
    _insert(db, "runs", {"id": run_id, "workflow_id": workflow_id, **values})


def _insert(db: apsw.Connection, table: str, row: dict[str, object]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    query = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - names of our own
    db.execute(query, tuple(row.values()))


def rows(db: apsw.Connection) -> None:
    """Insert rows of every kind, odd ones too; the first workflow leaves a gap in the rowids."""
    whole = b'{"id": "w1", "name": "n", "data": {"b": 1.10,  "a": [2, 1]}}'
    workflow(db, "w1", packed(whole), rowid=7, name="Alpha", tags='["x","y"]', description="first")
    workflow(db, "w2", packed(b'{"id": "other", "data": 1}'), name="Beta", category=None)
    workflow(db, "w3", b"not gzip", name="Gamma", tags="broken [tags")
    run(db, "r1", "w1", summary=packed({"ok": True}), blocks_executed=3, tokens_used=None)
    run(db, "r2", "w1", status="running", completed_at=None, started_at=SECONDS + 100)
    run(db, "r3", "w2", status="error", error_message="boom", summary=b"torn")
    run(db, "r4", "gone")
    db.execute(
        "INSERT INTO secrets (provider, encrypted_value, key_hash, created_at, updated_at)"
        " VALUES ('openai', x'00', 'h', ?, ?)",
        (SECONDS, SECONDS + 1),
    )
    for action, details in (("key_access", '{"a":1}'), ("key_update", "plain"), ("export", None)):
        db.execute(
            "INSERT INTO access_log (action, resource, timestamp, details) VALUES (?, 'r', ?, ?)",
            (action, SECONDS, details),
        )
