"""The objects of a database's schema: those of this program, and foreign ones that others added.

A tool that replicates the file keeps tables in it; a person adds a view or an index for reports.
Nothing here is served from such objects. A backup is made without them, since a file that holds
them is refused: a view or a trigger of another program can act when the file is used.
"""

from functools import cache
from typing import Final, NamedTuple

import apsw

from sidecar.store import migrations
from sidecar.store.pragmas import Connection


class SchemaObject(NamedTuple):
    """One row of the schema: a table, index, view or trigger."""

    type: str
    name: str
    table: str
    sql: str | None


Schema = frozenset[SchemaObject]

ALLOWED: Final = frozenset(
    SchemaObject("table", name, name, f"CREATE TABLE {name}({columns})")
    for name, columns in (
        ("sqlite_stat1", "tbl,idx,stat"),
        ("sqlite_stat4", "tbl,idx,neq,nlt,ndlt,sample"),
        ("sqlite_sequence", "name,seq"),
    )
)
"""Tables that SQLite adds for ANALYZE, and for a foreign AUTOINCREMENT table, and never drops."""


@cache
def expected_schema(version: int) -> Schema:
    """Return every object of the schema that a new file of a version has."""
    db = apsw.Connection(":memory:")
    try:
        for step in migrations.shipped_steps():
            if step.version <= version:
                migrations.apply(db, step, 0)
        return read_schema(db)
    finally:
        db.close(True)


def read_schema(db: Connection) -> Schema:
    """Return every object of the schema of a file."""
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return frozenset(SchemaObject(str(row[0]), str(row[1]), str(row[2]), row[3]) for row in rows)


def has_table(db: Connection, name: str) -> bool:
    """Return whether a file has a table."""
    sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ? AND type = 'table')"
    return bool(db.execute(sql, (name,)).get)


def foreign_objects(db: Connection) -> list[SchemaObject]:
    """Return the objects whose names no object of this program has, in the order to drop them.

    What comes and goes with another object, as the index of a primary key, is not listed.
    """
    expected = expected_schema(int(db.pragma("user_version"))) | ALLOWED
    names = {each.name for each in expected}
    found = [each for each in read_schema(db) if each.name not in names and each.sql is not None]
    behind = tuple(f"{each.name}_" for each in found if _is_virtual(each))
    order = ("trigger", "view", "index", "table")
    return sorted(
        (each for each in found if each.type != "table" or not each.name.startswith(behind)),
        key=lambda each: (order.index(each.type), not _is_virtual(each), each.name),
    )


def describe(found: list[SchemaObject]) -> list[str]:
    """Return the type and name of each object, as `view late_runs`."""
    return [f"{each.type} {each.name}" for each in found]


def drop_foreign_objects(db: Connection) -> list[str]:
    """Drop all foreign objects of a copy; return the type and name of each, as `view late_runs`.

    A module of virtual tables that this program does not have cannot drop its tables: their rows
    of the schema are deleted. The connection must not be in a transaction.
    """
    found = foreign_objects(db)
    if not found:
        return []
    db.execute("PRAGMA foreign_keys = OFF").fetchall()
    for each in found:
        quoted = each.name.replace('"', '""')
        try:
            db.execute(f'DROP {each.type} IF EXISTS "{quoted}"').fetchall()
        except apsw.SQLError:
            _forget(db, each.name)
    # The tables behind a virtual table whose module is missing are ordinary tables by now.
    for rest in foreign_objects(db):
        quoted = rest.name.replace('"', '""')
        db.execute(f'DROP {rest.type} IF EXISTS "{quoted}"').fetchall()
    db.execute("PRAGMA foreign_keys = ON").fetchall()
    return describe(found)


def _forget(db: Connection, name: str) -> None:
    """Delete the schema's row of a virtual table, which has no pages of its own."""
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    db.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)
    db.execute("DELETE FROM sqlite_schema WHERE name = ? AND rootpage = 0", (name,)).fetchall()
    db.execute("PRAGMA writable_schema = RESET").fetchall()
    db.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)


def _is_virtual(each: SchemaObject) -> bool:
    """Return whether an object is a virtual table."""
    return (each.sql or "").upper().startswith("CREATE VIRTUAL")
