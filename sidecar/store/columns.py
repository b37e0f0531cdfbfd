"""The valid values of the columns of each table, read from the schema, and rows with other values.

STRICT and CHECK keep this program from writing anything else, but not another program and not the
disk. A text must be UTF-8, a number neither negative nor larger than JavaScript holds exactly, and
JSON must be one line.
"""

import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple

import apsw
from msgspec import Meta, Raw, ValidationError, convert, json

from sidecar import limits
from sidecar.store.pragmas import Connection
from sidecar.store.rows import (
    AS_IS,
    DAMAGED_NAME,
    UNFIT,
    as_text,
    key_mark,
    read_cells,
    replacement,
)
from sidecar.store.tables import TABLES
from sidecar.values import Revision

_NUMBER: Final = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX)]
_OF_TYPE: Final[dict[str, Any]] = {"INTEGER": _NUMBER, "TEXT": str, "BLOB": bytes, "ANY": Any}
_CHOICE: Final = re.compile(r"CHECK \((\w+) IN \(([^)]*)\)\)")
_PAGE: Final = " WHERE rowid > ? ORDER BY rowid LIMIT ?"
_JSON_TYPES: Final[dict[str, Any]] = {"tags": list[str]}


class DamagedRow(NamedTuple):
    """A row with damaged cells."""

    name: str
    """The row number, or the key in a table without row numbers."""
    columns: list[str]
    """The columns of the damaged cells."""


class Columns:
    """The stored columns of a table, and what each of them may hold."""

    def __init__(self, db: Connection, table: str) -> None:
        """Read the columns from the schema of a file, whose tables this program has made."""
        rows: list[Any] = db.execute(
            'SELECT name, type, "notnull" OR pk, pk FROM pragma_table_xinfo(?) WHERE hidden = 0',
            (table,),
        ).fetchall()
        sql = str(db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).get)
        choices = {name: literal_eval(f"({values},)") for name, values in _CHOICE.findall(sql)}
        self.table = table
        self.names = [str(row[0]) for row in rows]
        self.key = [str(name) for name, _, _, place in rows if place]
        self.has_numbers = "WITHOUT ROWID" not in sql
        self.types = [
            _type_of(name, kind, choices.get(name), required=bool(required))
            for name, kind, required, _ in rows
        ]
        page: Any = (Any, *self.types)
        self._page_type: Any = list[tuple[page]]
        json_column = next(each.json_column for each in TABLES if each.name == table)
        self._json = self.names.index(json_column) if json_column else None

    def damaged_cells(self, row: tuple[Any, ...]) -> list[str]:
        """Return the columns of a row that hold something else than they may."""
        found: list[str] = []
        for index, (name, kind, cell) in enumerate(zip(self.names, self.types, row, strict=True)):
            try:
                convert(cell, kind, builtin_types=AS_IS)
                if index == self._json:
                    _check_json(name, cell)
            except UNFIT:
                found.append(name)
        return found

    def replaced(self, row: tuple[Any, ...], columns: list[str]) -> dict[str, Any]:
        """Return values in place of the damaged cells of a row, by column."""
        cells = dict(zip(self.names, row, strict=True))
        types = dict(zip(self.names, self.types, strict=True))
        values = {name: replacement(cells[name], types[name]) for name in columns}
        if self._json is not None and self.names[self._json] in values:
            values[self.names[self._json]] = "[]"
        if "id" in values:
            values["id"] = f"{DAMAGED_NAME}{cells['rid']}"
        return values

    def find_damaged(self, db: Connection) -> Iterator[DamagedRow]:
        """Yield the rows of the table that have damaged cells."""
        cells = ", ".join(map(_checked_cell, self.names, self.types))
        number, rest = ("rowid", _PAGE) if self.has_numbers else ("NULL", "")
        sql = f"SELECT {number}, {cells} FROM {self.table}{rest}"  # noqa: S608 - names of this program's schema
        last = -(2**63)
        while True:
            rows, sound = self._read_page(db, sql, (last, limits.CHECK_PAGE_ROWS) if rest else ())
            if not sound:
                for row in rows:
                    columns = self.damaged_cells(row[1:])
                    if columns:
                        yield DamagedRow(self._name(row), columns)
            if not rest or len(rows) < limits.CHECK_PAGE_ROWS:
                return
            last = rows[-1][0]

    def _read_page(
        self, db: Connection, sql: str, values: tuple[object, ...]
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """Return the rows of a statement, and whether all of them are sound."""
        try:
            rows: list[tuple[Any, ...]] = db.execute(sql, values).fetchall()
            convert(rows, self._page_type, builtin_types=AS_IS)
            if self._json is not None:
                for row in rows:
                    _check_json(self.names[self._json], row[self._json + 1])
        except UNFIT:
            return list(read_cells(db, len(self.names) + 1, sql, values)), False
        return rows, True

    def _name(self, row: tuple[Any, ...]) -> str:
        """Return the number or the key of a row, as people are shown it."""
        if self.has_numbers:
            return str(row[0])
        keys = [row[1 + self.names.index(name)] for name in self.key]
        return " ".join(
            each if isinstance(each, str) else f"{DAMAGED_NAME}{key_mark(each)}" for each in keys
        )


def find_damaged_rows(db: Connection) -> Iterator[tuple[str, str]]:
    """Yield where each row with damaged cells is, and which they are, over all tables.

    A file of an earlier version lacks some.
    """
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in TABLES:
        if table.name not in there:
            continue
        for found in Columns(db, table.name).find_damaged(db):
            # That of a revision is reported with the revisions that cannot be read for it.
            if found.columns != ["metadata"]:
                yield f"{table.name} {found.name}", f"Damaged cells: {', '.join(found.columns)}."


def id_of(db: Connection, table: str, rid: int) -> str:
    """Return the id of a workflow or a run, of which damage may leave a part only."""
    sql = f"SELECT id FROM {table} WHERE rid = ?"  # noqa: S608 - a constant name
    return as_text(next(read_cells(db, 1, sql, (rid,)))[0])


def mend(db: Connection, table: str, number: int) -> list[str]:
    """Replace the damaged cells of one row in the caller's transaction; return their columns.

    Triggers are off meanwhile: they would copy the old text into a table that refuses it. The
    indexes of the table are built again first, because one may still hold what was there before
    the damage, and SQLite then refuses to change the row.
    """
    columns = Columns(db, table)
    sql = f"SELECT {', '.join(columns.names)} FROM {table} WHERE rowid = ?"  # noqa: S608 - a constant name
    (row,) = read_cells(db, len(columns.names), sql, (number,))
    values = columns.replaced(row, columns.damaged_cells(row))
    db.execute(f"REINDEX {table}")
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    try:
        for name, value in values.items():
            db.execute(f"UPDATE {table} SET {name} = ? WHERE rowid = ?", (value, number))  # noqa: S608 - constant names
    finally:
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
    return list(values)


def _type_of(name: str, kind: str, choice: tuple[Any, ...] | None, *, required: bool) -> Any:
    """Return the type of what a column may hold."""
    found: Any = Literal[choice] if choice else _OF_TYPE[kind]
    if name == "revision":
        found = Revision
    return found if required else found | None


def _checked_cell(name: str, kind: Any) -> str:
    """Return the SQL of a cell to check; of bytes only the type is read, whatever their size."""
    if kind in (bytes, bytes | None):
        return f"CASE WHEN typeof({name}) = 'blob' THEN x'' ELSE {name} END"
    return name


def _check_json(column: str, text: str) -> None:
    """Check JSON text that is sent as it is stored: of its type, and one line."""
    json.decode(text, type=_JSON_TYPES.get(column, Raw))
    if "\n" in text or "\r" in text:
        raise ValidationError
