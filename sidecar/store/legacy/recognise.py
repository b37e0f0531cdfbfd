"""Decides whether a SQLite file is a legacy file, by the shape of its tables.

The first program wrote no `application_id` and no `user_version`, and its own migration from
version 0 to 1 fails on its own tables. Numbers therefore say nothing; the five tables and their
columns do.
"""

from pathlib import Path

import apsw

from sidecar import files, limits
from sidecar.store.connection import Connection
from sidecar.store.database_files import copy_with, private_folder
from sidecar.store.pragmas import set_pragma

COLUMNS = {
    "workflows": "id name description data tags category created_at updated_at",
    "runs": "id workflow_id status started_at completed_at duration_ms summary error_message"
    " blocks_executed tokens_used api_calls_made",
    "settings": "key value value_type description updated_at",
    "secrets": "provider encrypted_value key_hash created_at updated_at",
    "access_log": "id action resource timestamp details",
}
"""The five tables of a legacy file, each with the names of its columns."""

_OPTIONAL = {"workflows": {"search_text"}}
"""Columns that not every legacy file has."""

_OF_SQLITE = {"sqlite_schema", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4"}
_SCHEMA_VERSIONS = {"0", "1"}


def is_legacy(db: Connection) -> bool:
    """Return whether an open file has exactly the five tables of a legacy file.

    Their columns must be the same. The full-text index may be missing. A `schema_version` in the
    settings must be 0 or 1.
    """
    tables = db.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'").fetchall()
    ordinary = {name for name, kind in tables if kind == "table" and name not in _OF_SQLITE}
    virtual = {name for name, kind in tables if kind == "virtual"}
    if ordinary != set(COLUMNS) or not virtual <= {"workflows_fts"}:
        return False
    for table, wanted in COLUMNS.items():
        rows = db.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        extra = {name for (name,) in rows} ^ set(wanted.split())
        if not extra <= _OPTIONAL.get(table, set()):
            return False
    version = db.execute("SELECT value FROM settings WHERE key = 'schema_version'").fetchone()
    return version is None or str(version[0]) in _SCHEMA_VERSIONS


def is_legacy_file(path: Path) -> bool:
    """Return whether the file at `path` is a legacy file, without changing it or its folder.

    A file without a journal beside it is opened with `immutable=1`, which takes no lock and
    creates no `-shm`. A file with a journal is examined in a copy elsewhere, because SQLite would
    apply the journal to the file itself.

    Raises:
        apsw.Error: SQLite cannot read the file as a database.
    """
    journals = [name for name in ("-wal", "-journal") if files.beside(path, name).exists()]
    if not journals:
        return _is_legacy_at(f"{path.absolute().as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY)
    with private_folder() as folder:
        copied = copy_with(path, folder, journals)
        return _is_legacy_at(copied.as_uri(), apsw.SQLITE_OPEN_READWRITE)


def _is_legacy_at(uri: str, flags: int) -> bool:
    """Open the file at `uri` for a moment and return whether it is a legacy file."""
    db = apsw.Connection(uri, flags=flags | apsw.SQLITE_OPEN_URI)
    try:
        db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        set_pragma(db, "cache_size", -limits.CACHE_SHORT_LIVED_KIB, -limits.CACHE_SHORT_LIVED_KIB)
        return is_legacy(db)
    finally:
        db.close(True)
