"""Verified copies of a database, such as the copy before a migration: `<database>.before-vN`.

VACUUM INTO writes one consistent file, refuses a damaged source and leaves deleted bytes behind.
A copy gets its name only after it was checked and synced; the copy of an earlier migration is
removed only when a later migration has succeeded.
"""

from pathlib import Path

import apsw

from sidecar import files, limits
from sidecar.errors import DatabaseDamaged
from sidecar.store.database_files import remove_database
from sidecar.store.pragmas import Connection, configure
from sidecar.store.traces import BEFORE

_FINDINGS_MAX = 1000
_ABOUT_VALUES = (
    "NULL value in ",
    "CHECK constraint failed in ",
    "NUMERIC value in ",
    "TEXT value in ",
)
"""Findings about a value that does not fit its column: legacy files are not STRICT."""


def table_counts(db: Connection) -> dict[str, int]:
    """Count the rows of every ordinary table in the file; shadow tables of indexes are left out."""
    rows = db.execute(
        "SELECT name FROM pragma_table_list"
        " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " ORDER BY name"
    )
    names = [str(name) for (name,) in rows]
    # A name cannot be bound; quoted, whatever a foreign file calls its tables stays a name.
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
    counts = {}
    for name in names:
        query = f"SELECT count(*) FROM {quoted[name]}"  # noqa: S608 - quoted above
        counts[name] = int(db.execute(query).get)
    return counts


def check(db: Connection, *, lenient: bool = False) -> None:
    """Let SQLite check the whole file before it is migrated.

    `lenient` ignores values that do not fit their columns, and search indexes: a legacy file is
    read value by value, and its index is built again.

    Raises:
        DatabaseDamaged: something was found.
    """
    message = "The database is damaged and was not migrated; recover it first."
    try:
        rows = db.execute(f"PRAGMA quick_check({_FINDINGS_MAX})").fetchall()
    except apsw.CorruptError as fault:
        raise DatabaseDamaged(message) from fault
    findings = [str(row[0]) for row in rows if row[0] != "ok"]
    if lenient:
        findings = [
            finding
            for finding in findings
            if not finding.startswith(_ABOUT_VALUES) and "_fts" not in finding
        ]
    if findings:
        raise DatabaseDamaged(message)


def make_before_migration(
    db: Connection, path: Path, version: int, *, lenient: bool = False, vfs: str | None = None
) -> Path:
    """Copy the database behind `db`, at `path`, before the migration to `version`.

    Return the path of the copy.

    Raises:
        DatabaseDamaged: the copy is not equal to the database.
    """
    copy = files.beside(path, f"{BEFORE}{version}")
    partial = files.beside(copy, ".partial")
    remove_database(partial)
    try:
        write(db, partial, lenient=lenient, vfs=vfs)
        files.sync_file(partial)
        partial.replace(copy)
    except BaseException:
        remove_database(partial)
        raise
    files.sync_folder(path.parent)
    return copy


def write(db: Connection, copy: Path, *, lenient: bool = False, vfs: str | None = None) -> None:
    """Write a copy of the database behind `db` to a file that does not exist yet, and verify it.

    Raises:
        DatabaseDamaged: the copy is not equal to the database.
    """
    files.create_private(copy)
    db.execute("VACUUM INTO ?", (str(copy),)).fetchall()
    _compare(db, copy, lenient=lenient, vfs=vfs)


def _compare(db: Connection, path: Path, *, lenient: bool, vfs: str | None) -> None:
    copy = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    try:
        configure(copy, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False)
        check(copy, lenient=lenient)
        if table_counts(copy) != table_counts(db):
            raise DatabaseDamaged("The copy lacks rows; nothing was changed.")
    finally:
        copy.close(True)


def remove_earlier(path: Path, newest: Path) -> None:
    """Remove the copies of earlier migrations, when the one that made `newest` has succeeded."""
    prefix = path.name + BEFORE
    for other in path.parent.iterdir():
        version = other.name.removeprefix(prefix).removesuffix(".partial")
        if other.name.startswith(prefix) and version.isdecimal() and other != newest:
            other.unlink(missing_ok=True)
