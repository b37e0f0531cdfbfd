"""The one place where rows of the database become values.

A stored cell is foreign input: a flipped bit or another program can have put anything there, also
what the column's type forbids. `RowKind.read` converts a whole page of rows at once and checks it
against the annotations of a NamedTuple: 120 us for 500 rows of fifteen columns, where building them
unchecked took 210 us. Only when a row does not fit is the page read again, cell by cell and as
bytes. A cell that does not fit is then replaced, and the row is marked as damaged.
"""

from collections.abc import Iterator
from typing import Any, Final, Generic, Protocol, TypeVar, get_type_hints

import msgspec
from msgspec import convert

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store.pragmas import Connection

UNFIT: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The exceptions of the conversion of a damaged cell, and of text that is not UTF-8."""

AS_IS: Final = (bytes,)
"""Types that are taken as they are: a text in place of bytes is not decoded from base64."""

_REPLACEMENTS: Final = (None, 0, 1, b"", "error", "json", "plain", "retired", "passphrase")
"""The values that replace a damaged cell; the first one that fits is used."""

DAMAGED_NAME: Final = "damaged."
"""How the id of a row begins that is shown and found by another id, as its own is damaged: by the
number of the row, or in a table without such numbers by the bytes of its key in hexadecimal."""

_MARK_BYTES: Final = 28
"""How many bytes of a damaged key are shown: the longest that fits into the name of a setting."""


class Row(Protocol):
    """A NamedTuple with the columns of a statement, and whether one of them was replaced."""

    @property
    def damaged(self) -> bool:
        """Whether a cell of the row is damaged and was replaced."""


T = TypeVar("T", bound=Row)


class RowKind(Generic[T]):
    """The rows of one table that fit one NamedTuple, the last field of which is `damaged`."""

    def __init__(
        self, table: str, row: type[T], name: str, *, json: tuple[str, Any] | None = None
    ) -> None:
        """`name` is the field that names a row; `json` a field with JSON text, and its type."""
        self.table = table
        self._row: Any = row
        self._page: Any = list[row]  # type: ignore[valid-type]
        # The names alone: resolving the annotations is left to the first damaged row.
        self._fields = _names(row)[:-1]
        self.width = len(self._fields)
        self._name = name
        self._json = None if json is None else self._fields.index(json[0])
        self._decode = msgspec.json.Decoder(msgspec.Raw if json is None else json[1]).decode

    def read(self, db: Connection, sql: str, values: tuple[object, ...] = ()) -> list[T]:
        """Return the rows of a statement that selects the fields in their order."""
        try:
            return self._fitting(db.execute(sql, values).fetchall())
        except UNFIT:
            return [self._replaced(cells) for cells in read_cells(db, self.width, sql, values)]

    def read_wide(
        self, db: Connection, more: int, sql: str, values: tuple[object, ...]
    ) -> list[tuple[T, tuple[Any, ...]]]:
        """Return the rows of a statement that selects `more` columns after the fields.

        These are not checked.
        """
        width = self.width
        try:
            found = db.execute(sql, values).fetchall()
            fitting = self._fitting([row[:width] for row in found])
            return [(row, each[width:]) for row, each in zip(fitting, found, strict=True)]
        except UNFIT:
            return [
                (self._replaced(cells[:width]), cells[width:])
                for cells in read_cells(db, width + more, sql, values)
            ]

    def find(self, db: Connection, sql: str, values: tuple[object, ...]) -> T | None:
        """Return the row of a statement, also a damaged one; None when there is none."""
        try:
            row = db.execute(sql, values).fetchone()
            return None if row is None else self._fit(row)
        except UNFIT:
            return self.read(db, sql, values)[0]

    def find_wide(
        self, db: Connection, more: int, sql: str, values: tuple[object, ...]
    ) -> tuple[T, tuple[Any, ...]] | None:
        """Return the row of a statement that selects `more` columns after the fields, or None."""
        try:
            row = db.execute(sql, values).fetchone()
            return None if row is None else (self._fit(row[: self.width]), row[self.width :])
        except UNFIT:
            return self.read_wide(db, more, sql, values)[0]

    def fit(self, cells: tuple[Any, ...]) -> T:
        """Return the row with these cells, of which a text that is not UTF-8 is given as bytes."""
        try:
            return self._fit(cells)
        except UNFIT:
            return self._replaced(cells)

    def refuse_damaged(self, row: T) -> T:
        """Return a row that is sound.

        Raises:
            DatabaseDamaged: a cell of it is damaged; the error names the table and the row.
        """
        if row.damaged:
            raise DatabaseDamaged(table=self.table, row=str(getattr(row, self._name)))
        return row

    def _fit(self, found: tuple[Any, ...]) -> T:
        """Convert one row, which fits."""
        row: T = convert(found, self._row, builtin_types=AS_IS)
        if self._json is not None:
            text = found[self._json]
            self._decode(text)
            if "\n" in text or "\r" in text:
                raise msgspec.ValidationError
        return row

    def _fitting(self, found: list[Any]) -> list[T]:
        """Convert rows, all of which fit."""
        rows: list[T] = convert(found, self._page, builtin_types=AS_IS)
        if self._json is not None:
            index, decode = self._json, self._decode
            texts = {row[index] for row in found}
            for text in texts:
                decode(text)
            joined = "".join(texts)
            if "\n" in joined or "\r" in joined:
                raise msgspec.ValidationError
        return rows

    def _check_json(self, text: str) -> None:
        """Check a JSON text that answers carry as it is: it must be of its type, on one line."""
        self._decode(text)
        if "\n" in text or "\r" in text:
            raise msgspec.ValidationError

    def _replaced(self, cells: tuple[Any, ...]) -> T:
        """Return a row with a replacement for every cell that does not fit."""
        types = get_type_hints(self._row, include_extras=True)
        values: dict[str, Any] = {}
        damaged: set[str] = set()
        for index, (name, cell) in enumerate(zip(self._fields, cells, strict=True)):
            try:
                values[name] = convert(cell, types[name], builtin_types=AS_IS)
                if index == self._json:
                    self._check_json(cell)
            except UNFIT:
                damaged.add(name)
                values[name] = replacement(cell, types[name])
                if index == self._json:
                    values[name] = self._replaced_json(cell)
        if self._name in damaged and isinstance(values[self._name], str):
            key = cells[self._fields.index(self._name)]
            values[self._name] = f"{DAMAGED_NAME}{values.get('rid') or key_mark(key)}"
        replaced: T = self._row(**values, damaged=bool(damaged))
        return replaced

    def _replaced_json(self, cell: object) -> str:
        """Return JSON text in place of a damaged one: its own on one line, or an empty value."""
        own = str(cell).replace("\n", " ").replace("\r", " ")
        for text in (own, "null", "[]"):
            try:
                self._check_json(text)
            except UNFIT:
                continue
            return text
        raise DatabaseDamaged(table=self.table)


def _names(row: Any) -> tuple[str, ...]:
    """Return the names of the fields of a NamedTuple."""
    fields: tuple[str, ...] = row._fields
    return fields


def read_cells(
    db: Connection, width: int, sql: str, values: tuple[object, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `width` columns cell by cell; a text that is not UTF-8 comes as bytes."""
    names = [f"c{index}" for index in range(width)]
    cells = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in names)
    rows = db.execute(f"WITH q({', '.join(names)}) AS ({sql}) SELECT {cells} FROM q", values)  # noqa: S608 - constant statements
    for row in rows:
        yield tuple(_cell(row[at], row[at + 1]) for at in range(0, 2 * width, 2))


def read_any(
    db: Connection, width: int, sql: str, values: tuple[object, ...] = ()
) -> list[tuple[Any, ...]]:
    """Return rows of `width` columns; when a text is not UTF-8 such texts come as bytes."""
    try:
        return db.execute(sql, values).fetchall()
    except UnicodeDecodeError:
        return list(read_cells(db, width, sql, values))


def _cell(kind: str, stored: bytes | None) -> object:
    """Return the value of a cell that was read as bytes; bytes when it is a text not in UTF-8."""
    if stored is None or kind == "blob":
        return stored
    if kind == "integer":
        return int(stored)
    return float(stored) if kind == "real" else text_or_bytes(stored)


def text_or_bytes(stored: bytes | None) -> str | bytes | None:
    """Return a text that was read as bytes; bytes that are not UTF-8 stay bytes."""
    try:
        return None if stored is None else stored.decode()
    except UnicodeDecodeError:
        return stored


def key_mark(cell: object) -> str:
    """Return the text by which a row with a damaged key is shown and found."""
    stored = cell if isinstance(cell, bytes) else str(cell).encode()
    return stored[:_MARK_BYTES].hex()


def fits(cell: object, kind: Any) -> bool:
    """Return whether a cell, or a tuple of cells, is of a type."""
    try:
        convert(cell, kind, builtin_types=AS_IS)
    except UNFIT:
        return False
    return True


def as_text(cell: object) -> str:
    """Return what can be read of a cell that should be a text."""
    return cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell)


def replacement(cell: object, kind: Any) -> Any:
    """Return a value of a type in place of a damaged cell: its readable text, or an empty one."""
    for each in (as_text(cell), *_REPLACEMENTS):
        try:
            return convert(each, kind, builtin_types=AS_IS)
        except msgspec.ValidationError:
            continue
    raise DatabaseDamaged


def bounded_sum(column: str) -> str:
    """Return a sum in SQL that stops at the largest integer that JavaScript holds exactly.

    SQLite's own sum() would fail with an overflow.
    """
    return f"CAST(min(total({column}), {limits.SAFE_INTEGER_MAX}) AS INTEGER)"
