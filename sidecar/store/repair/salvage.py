"""Every row that can still be read of a damaged file, into a new one.

Tables are walked by their row numbers. Where a page cannot be read, the range is halved until
what is unreadable is single rows: a plain scan ends at the first bad page, this loses that page's
rows alone. What is kept twice is not copied but made anew: tags, counts, search indexes. A row
that does not fit the new file's columns is not taken.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import apsw

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.tables import TABLES

_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, UnicodeDecodeError)
_WITHOUT_BODY: Final = (
    "SELECT count(*) FROM workflows WHERE rid NOT IN (SELECT rid FROM workflow_bodies)"
)
_WITHOUT_SUMMARY: Final = (
    "SELECT count(*) FROM runs WHERE summary_bytes IS NOT NULL"
    " AND rid NOT IN (SELECT rid FROM run_summaries)"
)

Step = Callable[[str, int], None]
"""Told the table and how many of its rows were copied; may raise to stop."""


class Salvaged(NamedTuple):
    """Rows by table."""

    copied: dict[str, int]
    lost: dict[str, int]


class _Table(NamedTuple):
    """How a table is walked."""

    name: str
    columns: list[str]
    key: list[str]
    by_number: bool
    """Whether its key is the row's number."""


def copy(source: Connection, target: Connection, step: Step) -> Salvaged:
    """Copy what can be read into a new file's tables, in the caller's transaction.

    Foreign keys must be off; rows whose owner is lost go with it.
    """
    copied: dict[str, int] = {}
    lost: dict[str, int] = {}
    # The first rows of a new file give way to those that were saved.
    has_state = _reads_one(source, "SELECT 1 FROM audit_state")
    if has_state:
        target.execute("DELETE FROM audit_state")
    for table in _tables(target):
        unreadable: list[object] = []
        copied[table.name] = rejected = 0
        for row in _rows(source, table, unreadable):
            if _put(target, table, row):
                copied[table.name] += 1
            else:
                rejected += 1
            if (copied[table.name] + rejected) % limits.SALVAGE_STEP_ROWS == 0:
                step(table.name, copied[table.name])
        expected = _expected(source, table)
        missing = (len(unreadable) if expected is None else expected - copied[table.name]) or 0
        lost[table.name] = max(0, missing, rejected)
    for name, count in _drop_orphans(target).items():
        copied[name] -= count
        lost[name] = lost.get(name, 0) + count
    if not has_state:
        _go_on_from_last_entry(target)
    lost["workflow_bodies"] = _number(target, _WITHOUT_BODY)
    lost["run_summaries"] = _number(target, _WITHOUT_SUMMARY)
    return Salvaged(copied, {name: count for name, count in lost.items() if count})


def make_derived(db: Connection) -> None:
    """Write what is kept twice: tags by row, and the counts of runs."""
    db.execute("UPDATE workflows SET tags = '[]' WHERE NOT json_valid(tags)")
    db.execute("DELETE FROM workflow_tags")
    db.execute(
        "INSERT INTO workflow_tags (tag, updated_at, workflow) SELECT DISTINCT t.value,"
        " w.updated_at, w.rid FROM workflows AS w, json_each(w.tags) AS t WHERE t.type = 'text'"
    )
    db.execute(
        "UPDATE workflows AS w SET (run_count, last_run_at) ="
        " (SELECT count(*), max(started_at) FROM runs WHERE workflow = w.rid)"
    )


def _tables(target: Connection) -> Iterator[_Table]:
    names = [table.name for table in TABLES if not table.derived]
    # Owners before what belongs to them costs nothing and reads better.
    for name in sorted(names, key=lambda name: (name != "workflows", name)):
        columns: list[Any] = target.execute(
            "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,)
        ).fetchall()
        key = [column for column, _, place in columns if place]
        numbered = [kind for _, kind, place in columns if place] == ["INTEGER"]
        yield _Table(name, [column for column, _, _ in columns], key, numbered)


def _rows(db: Connection, table: _Table, unreadable: list[object]) -> Iterator[tuple[Any, ...]]:
    columns = ", ".join(table.columns)
    if table.by_number:
        sql = (
            f"SELECT {table.key[0]}, {columns} FROM {table.name} NOT INDEXED"  # noqa: S608 - names of our own schema
            f" WHERE {table.key[0]} BETWEEN ? AND ? ORDER BY {table.key[0]}"
        )
        high = _highest(db, table)
        if high is None:
            high = _highest_readable(db, sql)
            unreadable.append(high + 1)  # at least
        yield from _by_number(db, sql, high, unreadable)
        return
    yield from _from_both_ends(db, table, columns, unreadable)


def _by_number(
    db: Connection, sql: str, high: int, unreadable: list[object]
) -> Iterator[tuple[Any, ...]]:
    """Rows numbered up to `high`; ranges that cannot be read are halved."""
    if not _any_readable(db, sql, high):
        unreadable.append(high)
        return
    ranges = [(0, high)]
    while ranges:
        low, high = ranges.pop()
        try:
            for number, *row in db.execute(sql, (low, high)):
                low = number + 1
                yield tuple(row)
        except _DAMAGE:
            if low >= high:
                unreadable.append(low)
                continue
            middle = (low + high) // 2
            ranges += [(middle + 1, high), (low, middle)]


def _any_readable(db: Connection, sql: str, high: int) -> bool:
    """Whether a table lets itself be looked into anywhere: without its root nothing does."""
    places = (high * place // limits.SALVAGE_PROBES for place in range(limits.SALVAGE_PROBES))
    return any(_is_readable(db, sql, number) for number in places)


def _highest_readable(db: Connection, sql: str) -> int:
    """About the highest number that can be looked for, where the highest row cannot.

    Every number above the last page's first fails alike, up to any guess: from there down by
    halves, each looked into at so many places that what is overlooked is a thousandth of it.
    0.3 s where nothing can be read.
    """
    high = limits.SALVAGE_GUESS_ROWS
    while high:
        low = high // 2
        step = max(1, (high - low) // limits.SALVAGE_PROBES)
        for number in range(high, low, -step):
            if _is_readable(db, sql, number):
                return number + step
        high = low
    return 0


def _is_readable(db: Connection, sql: str, number: int) -> bool:
    """Whether the place of a number can be looked at, be there a row or not."""
    try:
        db.execute(sql, (number, number)).fetchall()
    except (*_DAMAGE, apsw.SQLError):
        return False
    return True


def _from_both_ends(
    db: Connection, table: _Table, columns: str, unreadable: list[object]
) -> Iterator[tuple[Any, ...]]:
    """Rows with a key that cannot be halved: forwards to the damage, then backwards to it."""
    key = ", ".join(table.key) or "rowid"
    seen: set[tuple[object, ...]] = set()
    for way in ("ASC", "DESC"):
        order = ", ".join(f"{column} {way}" for column in table.key) or f"rowid {way}"
        try:
            for row in db.execute(f"SELECT {key}, {columns} FROM {table.name} ORDER BY {order}"):  # noqa: S608 - see above
                here, found = row[: len(table.key) or 1], row[len(table.key) or 1 :]
                if here not in seen:
                    seen.add(here)
                    yield found
        except (*_DAMAGE, apsw.SQLError):
            unreadable.append(way)
            continue
        return


def _put(target: Connection, table: _Table, row: tuple[Any, ...]) -> bool:
    """Write one row over the one of its key, if there is one; whether the file took it."""
    others = [column for column in table.columns if column not in table.key]
    names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
    update = ", ".join(f"{column} = excluded.{column}" for column in others)
    conflict = f"({', '.join(table.key)}) DO {f'UPDATE SET {update}' if update else 'NOTHING'}"
    sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 - see above
    try:
        target.execute(f"{sql} ON CONFLICT {conflict}" if table.key else sql, row)
    except (apsw.ConstraintError, apsw.MismatchError):
        return False
    return True


def _highest(db: Connection, table: _Table) -> int | None:
    """The highest row number, from the table or, where its edge is damaged, from an index."""
    key = table.key[0]
    places = ["NOT INDEXED", *(f"INDEXED BY {name}" for name in _indexes(db, table))]
    for place in places:
        try:
            found = db.execute(f"SELECT max({key}) FROM {table.name} {place}").get  # noqa: S608 - see above
        except (*_DAMAGE, apsw.SQLError):
            continue
        return int(found or 0)
    return None


def _expected(db: Connection, table: _Table) -> int | None:
    """How many rows an index that can be read says there are; None where none can."""
    for name in _indexes(db, table):
        try:
            return int(db.execute(f"SELECT count(*) FROM {table.name} INDEXED BY {name}").get)  # noqa: S608 - see above
        except (*_DAMAGE, apsw.SQLError):
            continue
    return None


def _indexes(db: Connection, table: _Table) -> list[str]:
    """Indexes that hold every row of a table."""
    try:
        return [
            str(name)
            for (name,) in db.execute(
                "SELECT name FROM pragma_index_list(?) WHERE NOT partial", (table.name,)
            )
        ]
    except _DAMAGE:
        return []


def _reads_one(db: Connection, sql: str) -> bool:
    try:
        return db.execute(sql).fetchone() is not None
    except (*_DAMAGE, apsw.SQLError):
        return False


def _drop_orphans(db: Connection) -> dict[str, int]:
    """Remove rows whose owner is lost, and theirs; how many of each table."""
    gone: dict[str, int] = {}
    while True:
        orphans = list(db.execute('SELECT DISTINCT "table", rowid FROM pragma_foreign_key_check'))
        if not orphans:
            return gone
        for name, number in orphans:
            db.execute(f"DELETE FROM {name} WHERE rowid = ?", (number,))  # noqa: S608 - see above
            gone[name] = gone.get(name, 0) + 1


def _number(db: Connection, sql: str) -> int:
    return int(db.execute(sql).get)


def _go_on_from_last_entry(db: Connection) -> None:
    """The chain's state is lost: new entries follow the last one, and verify says what broke."""
    last = db.execute("SELECT seq, mac FROM access_log ORDER BY seq DESC LIMIT 1").fetchone()
    if last is not None:
        db.execute("UPDATE audit_state SET seq = ?, head = ?", last)
