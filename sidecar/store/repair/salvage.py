"""Copies every row that can be read of a damaged file into a new one.

Tables are read by row number. Where a page cannot be read, the range of numbers is halved until
only single rows are unreadable. An ordinary scan would end at the first bad page; this loses the
rows of that page alone. What is stored twice is not copied but rebuilt: tags by row, counts and
search indexes. Of a workflow, a run or a revision with damaged cells the rest is copied, with other
values in their place. A row of another table that does not fit its columns is not copied.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import apsw

from sidecar import limits
from sidecar.store import meta
from sidecar.store.columns import Columns
from sidecar.store.connection import Connection
from sidecar.store.rows import read_cells
from sidecar.store.tables import MENDED, TABLES
from sidecar.store.workflows import tags

_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, apsw.IOError, UnicodeDecodeError)
_WITHOUT_BODY: Final = (
    "SELECT count(*) FROM workflows WHERE rid NOT IN (SELECT rid FROM workflow_bodies)"
)
_WITHOUT_SUMMARY: Final = (
    "SELECT count(*) FROM runs WHERE summary_bytes IS NOT NULL"
    " AND rid NOT IN (SELECT rid FROM run_summaries)"
)

_LOG_BEGINS: Final = "SELECT min(seq) = 1 FROM access_log"
_OF_LOG: Final = "SELECT 1 FROM access_log"
_ENTRY: Final = _OF_LOG + " WHERE action IN ({})"
_SIGNS: Final = {
    "workflows": _ENTRY.format("'workflow_save', 'migrate'"),
    "workflow_revisions": "SELECT 1 FROM workflows WHERE revision > 1",
    "runs": "SELECT 1 FROM workflows WHERE run_count > 0",
    "audit_anchors": _ENTRY.format("'vault_initialize', 'audit_sealed', 'audit_prune'"),
    "secrets": _ENTRY.format("'key_update'"),
    "legacy_secrets": _ENTRY.format("'migrate'"),
    "key_slots": _ENTRY.format("'vault_initialize'"),
    "data_keys": _ENTRY.format("'vault_initialize'"),
    "remotes": _ENTRY.format("'remote_set'"),
    "remote_heads": _ENTRY.format("'remote_push'"),
    "remote_identities": _ENTRY.format("'remote_push'"),
}
"""What shows, in what was copied, that a table of which nothing can be read had rows; the tables
that are not here always have some. A log that is not there from its beginning shows nothing."""

Step = Callable[[str, int], None]
"""Called with a table and the number of its rows copied so far; may raise to stop."""


class Salvaged(NamedTuple):
    """How many rows were copied and how many are lost, by table."""

    copied: dict[str, int]
    lost: dict[str, int]


class _Table(NamedTuple):
    """A table and how its rows are read."""

    name: str
    columns: list[str]
    defaults: list[str]
    """The value of a column, as SQL, when the file is of a version without that column."""
    key: list[str]
    by_number: bool
    """Whether the key is the row number, so that ranges of it can be halved."""
    allowed: Columns
    """The values that the cells may have."""


def copy_readable_rows(source: Connection, target: Connection, step: Step) -> Salvaged:
    """Copy what can be read into the tables of a new file, in the caller's transaction.

    Foreign keys must not be enforced meanwhile. Rows whose owner is lost are deleted at the end
    and count as lost.
    """
    copied: dict[str, int] = {}
    lost: dict[str, int] = {}
    unknown: list[str] = []
    # The state row of the new file is replaced by that of the damaged one.
    has_state = _has_sound_state(source, Columns(target, "audit_state"))
    if has_state:
        target.execute("DELETE FROM audit_state")
    for table in _tables(target):
        unreadable: list[object] = []
        copied[table.name] = rejected = 0
        for row in _rows(source, table, unreadable):
            if _put(target, table, mended(table.allowed, row)):
                copied[table.name] += 1
            else:
                rejected += 1
            if (copied[table.name] + rejected) % limits.SALVAGE_STEP_ROWS == 0:
                step(table.name, copied[table.name])
        expected = _expected(source, table)
        if unreadable and expected is None and not (copied[table.name] or rejected):
            unknown.append(table.name)
        missing = len(unreadable) if expected is None else expected - copied[table.name]
        lost[table.name] = max(0, missing, rejected)
    for name in unknown:
        lost[name] = int(_had_rows(target, name, lost))
    for name, count in _drop_orphans(target).items():
        copied[name] -= count
        lost[name] = lost.get(name, 0) + count
    if not has_state:
        _continue_from_last_entry(target)
    lost["workflow_bodies"] = int(target.execute(_WITHOUT_BODY).get)
    lost["run_summaries"] = int(target.execute(_WITHOUT_SUMMARY).get)
    return Salvaged(copied, {name: count for name, count in lost.items() if count})


def _had_rows(target: Connection, name: str, lost: dict[str, int]) -> bool:
    """Return whether a table had rows, by what was copied of others, or may have had some."""
    sign = _SIGNS.get(name)
    if sign is None or target.execute(sign).fetchone() is not None:
        return True
    if sign.startswith(_OF_LOG):
        return lost["access_log"] > 0 or target.execute(_LOG_BEGINS).get != 1
    return lost["workflows"] > 0


def rebuild_derived(db: Connection) -> None:
    """Write what follows from other columns: tags by row, counts of runs, states of summaries."""
    db.execute("UPDATE workflows SET tags = '[]' WHERE NOT json_valid(tags)")
    tags.write_all_again(db)
    db.execute(
        "UPDATE runs SET summary_state = iif(summary_bytes > ?, 'truncated', 'kept')"
        " WHERE summary_state IS NULL AND summary_bytes IS NOT NULL",
        (limits.SUMMARY_KEPT_BYTES,),
    )
    db.execute(
        "UPDATE workflows AS w SET (run_count, last_run_at) ="
        " (SELECT count(*), max(started_at) FROM runs WHERE workflow = w.rid)"
    )


def _tables(target: Connection) -> Iterator[_Table]:
    """Yield the tables to copy, workflows first."""
    names = [table.name for table in TABLES if not table.derived]
    for name in sorted(names, key=lambda name: (name != "workflows", name)):
        columns: list[Any] = target.execute(
            "SELECT name, type, pk, coalesce(dflt_value, 'NULL') FROM pragma_table_xinfo(?)"
            " WHERE hidden = 0",
            (name,),
        ).fetchall()
        key = [column for column, _, place, _ in columns if place]
        numbered = [kind for _, kind, place, _ in columns if place] == ["INTEGER"]
        names = [column for column, _, _, _ in columns]
        defaults = [default for _, _, _, default in columns]
        yield _Table(name, names, defaults, key, numbered, Columns(target, name))


def mended(allowed: Columns, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return a row with other values in place of damaged cells; None when it is not to be copied.

    What names the row in another table cannot be replaced, nor can a sealed cell or one that holds
    a whole value.
    """
    damaged = allowed.damaged_cells(row)
    if allowed.table == "meta" and not (row[0] in meta.KEYS and meta.is_possible(*row)):
        return None
    if not damaged:
        return row
    if allowed.table not in MENDED or not {"rid", "workflow", "metadata", "form"}.isdisjoint(
        damaged
    ):
        return None
    cells = dict(zip(allowed.names, row, strict=True)) | allowed.replaced(row, damaged)
    return tuple(cells.values())


def _rows(db: Connection, table: _Table, unreadable: list[object]) -> Iterator[tuple[Any, ...]]:
    """Yield the readable rows of a table; an entry in `unreadable` stands for each that is not."""
    if not _is_known(db, table.name):
        unreadable.append(table.name)
        return
    columns = _selected(db, table)
    if table.by_number:
        sql = (
            f"SELECT {table.key[0]}, {columns} FROM {table.name} NOT INDEXED"  # noqa: S608 - names of this program's schema
            f" WHERE {table.key[0]} BETWEEN ? AND ? ORDER BY {table.key[0]}"
        )
        high = _highest(db, table)
        if high is None:
            high = _highest_readable(db, sql)
            unreadable.append(high + 1)  # at least
        yield from _by_number(db, sql, len(table.columns) + 1, high, unreadable)
        return
    yield from _from_both_ends(db, table, columns, unreadable)


def _is_known(db: Connection, name: str) -> bool:
    """Return whether the schema can be read and has the table."""
    try:
        db.execute(f"EXPLAIN SELECT 1 FROM {name}").fetchall()  # noqa: S608 - see above
    except (*_DAMAGE, apsw.SQLError):
        return False
    return True


def _selected(db: Connection, table: _Table) -> str:
    """Return the columns to select; a file of an earlier version lacks some: their defaults."""
    try:
        rows = db.execute("SELECT name FROM pragma_table_xinfo(?)", (table.name,))
        known = {str(name) for (name,) in rows}
    except _DAMAGE:
        known = set()
    return ", ".join(
        name if not known or name in known else f"{default} AS {name}"
        for name, default in zip(table.columns, table.defaults, strict=True)
    )


def _by_number(
    db: Connection, sql: str, width: int, high: int, unreadable: list[object]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows with numbers up to `high`; halve ranges that cannot be read.

    `sql` selects `width` columns, the first of which is the number.
    """
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
        except _DAMAGE as fault:
            if low >= high:
                if isinstance(fault, UnicodeDecodeError):
                    for _number, *row in read_cells(db, width, sql, (low, low)):
                        yield tuple(row)
                else:
                    unreadable.append(low)
                continue
            middle = (low + high) // 2
            ranges += [(middle + 1, high), (low, middle)]


def _any_readable(db: Connection, sql: str, high: int) -> bool:
    """Return whether a table can be read anywhere; without its root page nothing can be."""
    places = (high * place // limits.SALVAGE_PROBES for place in range(limits.SALVAGE_PROBES))
    return any(_is_readable(db, sql, number) for number in places)


def _highest_readable(db: Connection, sql: str) -> int:
    """Return about the highest readable row number, when the highest row cannot be read.

    Every number beyond the damaged last page fails in the same way. The search therefore begins at
    a number that no table reaches and goes down by halves. Each half is probed at so many places
    that at most a thousandth of it is missed. It takes 0.3 s when nothing can be read.
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
    """Return whether looking up a row number succeeds, whether or not there is such a row."""
    try:
        db.execute(sql, (number, number)).fetchall()
    except (*_DAMAGE, apsw.SQLError):
        return False
    return True


def _from_both_ends(
    db: Connection, table: _Table, columns: str, unreadable: list[object]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table without row numbers: forwards to the damage, then backwards."""
    key = ", ".join(table.key) or "rowid"
    done: set[tuple[object, ...]] = set()
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in table.key) or f"rowid {direction}"
        try:
            sql = f"SELECT {key}, {columns} FROM {table.name} ORDER BY {order} LIMIT -1"  # noqa: S608 - see above
            for row in read_cells(db, sql.split(" FROM ", maxsplit=1)[0].count(",") + 1, sql):
                key_values, values = row[: len(table.key) or 1], row[len(table.key) or 1 :]
                if key_values not in done:
                    done.add(key_values)
                    yield values
        except (*_DAMAGE, apsw.SQLError):
            unreadable[:] = [direction]  # both ways end at the same rows, of unknown number
            continue
        return


def _put(target: Connection, table: _Table, row: tuple[Any, ...] | None) -> bool:
    """Insert a row, or update the row that has its key; return whether it fits the table."""
    if row is None:
        return False
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
    """Return the highest row number, from the table or if that fails from an index."""
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
    """Return the number of rows according to a readable index; None when none is readable."""
    for name in _indexes(db, table):
        try:
            return int(db.execute(f"SELECT count(*) FROM {table.name} INDEXED BY {name}").get)  # noqa: S608 - see above
        except (*_DAMAGE, apsw.SQLError):
            continue
    return None


def _indexes(db: Connection, table: _Table) -> list[str]:
    """Return the names of the indexes that have every row of a table."""
    try:
        return [
            str(name)
            for (name,) in db.execute(
                "SELECT name FROM pragma_index_list(?) WHERE NOT partial", (table.name,)
            )
        ]
    except _DAMAGE:
        return []


def _has_sound_state(db: Connection, allowed: Columns) -> bool:
    """Return whether the state row of the audit log can be read and is what it may be."""
    sql = f"SELECT {', '.join(allowed.names)} FROM {allowed.table}"  # noqa: S608 - see above
    try:
        return any(
            not allowed.damaged_cells(row) for row in read_cells(db, len(allowed.names), sql)
        )
    except (*_DAMAGE, apsw.SQLError):
        return False


def _drop_orphans(db: Connection) -> dict[str, int]:
    """Delete rows whose owner is lost, and rows they own; return how many, by table."""
    deleted: dict[str, int] = {}
    while True:
        orphans = list(db.execute('SELECT DISTINCT "table", rowid FROM pragma_foreign_key_check'))
        if not orphans:
            return deleted
        for name, number in orphans:
            db.execute(f"DELETE FROM {name} WHERE rowid = ?", (number,))  # noqa: S608 - see above
            deleted[name] = deleted.get(name, 0) + 1


def _continue_from_last_entry(db: Connection) -> None:
    """Let new audit entries follow the last one, because the chain's state row is lost.

    `audit.verify` then reports where the chain is broken.
    """
    last = db.execute("SELECT seq, mac FROM access_log ORDER BY seq DESC LIMIT 1").fetchone()
    if last is not None:
        db.execute("UPDATE audit_state SET seq = ?, head = ?", last)
