"""Reads and writes runs: a narrow header row for each, and its summary in a table of its own.

The workflow's row has the number of its runs and the time of the last one; every function that
adds or deletes a run updates both. Only a running run can change; the statements check this.

Pages are read by keyset over plain ascending indexes: 0.04 ms at any depth of a million runs,
where a row-value comparison over a DESC index took 1 470 ms after ANALYZE. A page of one workflow
is read from its index alone, except for the few error messages. The first page begins below a
value that no run reaches, not even a damaged one, so that every page is the same statement.

These tables are paid for when a run is recorded. Measured against a program in Rust with plainer
ones: a Python process that does nothing but the statements of a start and a finish takes 1.22 times
its time, and 1.05 times with the tables of that program; the product takes 1.3 to 1.4 times.
"""

from typing import Final, Literal, NamedTuple

from sidecar.limits import SAFE_INTEGER_MAX
from sidecar.store.codec import Packed
from sidecar.store.connection import Connection
from sidecar.store.rows import DAMAGED_NAME, RowKind, read_cells
from sidecar.values import Count, Revision, Timestamp
from sidecar.vocabularies import RunStatus, SummaryState


def as_status(cell: object) -> RunStatus:
    """Return the status in a cell, `error` in place of a damaged one, as rows are shown."""
    match cell:
        case "running" | "success" | "error" | "cancelled":
            return cell
    return "error"


class RunHeader(NamedTuple):
    """A run without its summary; the order is that of answers."""

    rid: int
    id: str
    workflow_id: str
    revision: Revision
    status: RunStatus
    interrupted_at: Timestamp | None
    waiting: Literal[0, 1]
    trigger: str | None
    started_at: Timestamp
    completed_at: Timestamp | None
    duration_ms: Count | None
    error_message: str | None
    message_truncated: Literal[0, 1]
    summary_state: SummaryState | None
    summary_bytes: Count | None
    blocks_executed: Count
    tokens_used: Count
    api_calls_made: Count
    pinned: Literal[0, 1]
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


RUNS: Final = RowKind("runs", RunHeader, "id")
"""The rows of a run without its summary."""


class Owner(NamedTuple):
    """The columns of a workflow that the start of a run needs."""

    rid: int
    revision: int
    archived_at: int | None


class Counters(NamedTuple):
    """The resources that a run has used so far; None leaves the stored number."""

    blocks_executed: int | None
    tokens_used: int | None
    api_calls_made: int | None


_COLUMNS = (
    " r.revision, r.status, r.interrupted_at, r.waiting, r.trigger, r.started_at, r.completed_at,"
    " r.duration_ms, CASE WHEN r.has_message THEN"
    " (SELECT e.error_message FROM runs AS e WHERE e.rid = r.rid) END, r.message_truncated,"
    " r.summary_state, r.summary_bytes, r.blocks_executed, r.tokens_used, r.api_calls_made,"
    " r.pinned FROM runs AS r"
)
_HEADER = f"SELECT r.rid, r.id, w.id,{_COLUMNS} JOIN workflows AS w ON w.rid = r.workflow"
_HEADER_BY_ID = f"{_HEADER} WHERE r.id = ?"
_HEADER_OF_ONE = f"SELECT r.rid, r.id, ?,{_COLUMNS}"
"""The runs of one workflow, whose id is given so that its row need not be read."""
_AFTER_ALL: Final = b"\xff"
"""A start after every other: SQLite sorts a blob after numbers and texts."""
_NEWEST_FIRST = " ORDER BY r.started_at DESC, r.rid DESC LIMIT ?"


def find_owner(db: Connection, workflow_id: str) -> Owner | None:
    """Return the workflow that has the id; None when there is none."""
    row = db.execute(
        "SELECT rid, revision, archived_at FROM workflows WHERE id = ?", (workflow_id,)
    ).fetchone()
    return Owner(*row) if row else None


def has_workflow(db: Connection, workflow_id: str) -> bool:
    """Return whether a workflow has the id, read from an index alone."""
    return db.execute("SELECT 1 FROM workflows WHERE id = ?", (workflow_id,)).get is not None


def find_any(db: Connection, run_id: str) -> RunHeader | None:
    """Return the run that has the id, also a damaged one; None when there is none.

    A run the id of which is damaged is found by the id that lists show in its place.
    """
    found = RUNS.find(db, _HEADER_BY_ID, (run_id,))
    if found is not None or not run_id.startswith(DAMAGED_NAME):
        return found
    number = run_id.removeprefix(DAMAGED_NAME)
    if number.isdecimal():
        found = RUNS.find(db, _HEADER + " WHERE r.rid = ?", (int(number),))
    return found if found is not None and found.id == run_id else None


def find(db: Connection, run_id: str) -> RunHeader | None:
    """Return the run that has the id; None when there is none.

    Raises:
        DatabaseDamaged: a cell of its row is damaged.
    """
    found = find_any(db, run_id)
    return RUNS.refuse_damaged(found) if found is not None and found.damaged else found


class Start(NamedTuple):
    """The columns that the start of a run sets."""

    id: str
    workflow: int
    revision: int
    started_at: int
    seen_at: int
    trigger: str | None


def start(db: Connection, began: Start) -> None:
    """Insert a running run, and count it on its workflow."""
    db.execute(
        "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at, trigger)"
        " VALUES (?, ?, ?, 'running', ?, ?, ?)",
        began,
    )
    db.execute(
        "UPDATE workflows SET run_count = run_count + 1,"
        " last_run_at = max(coalesce(last_run_at, 0), ?) WHERE rid = ?",
        (began.started_at, began.workflow),
    )


def update_progress(
    db: Connection, rid: int, counters: Counters, at: int, *, waiting: bool | None
) -> None:
    """Store the counters of a running run, the time at which it was last heard of, and its wait.

    `waiting` None leaves what is stored.
    """
    db.execute(
        "UPDATE runs SET seen_at = ?, waiting = coalesce(?, waiting),"
        " blocks_executed = coalesce(?, blocks_executed),"
        " tokens_used = coalesce(?, tokens_used), api_calls_made = coalesce(?, api_calls_made)"
        " WHERE rid = ? AND status = 'running'",
        (at, waiting, *counters, rid),
    )


def resume(db: Connection, rid: int) -> None:
    """Let an interrupted run run again."""
    db.execute(
        "UPDATE runs SET status = 'running', interrupted_at = NULL, completed_at = NULL,"
        " duration_ms = NULL, error_message = NULL"
        " WHERE rid = ? AND interrupted_at IS NOT NULL",
        (rid,),
    )


class Ending(NamedTuple):
    """The columns that the end of a run sets."""

    status: RunStatus
    completed_at: int
    duration_ms: int
    error_message: str | None
    message_truncated: bool
    summary_state: SummaryState | None
    summary_bytes: int | None
    stored_bytes: int | None


def finish(db: Connection, rid: int, ending: Ending, counters: Counters) -> None:
    """Store how a running run ended, with its last counters."""
    db.execute(
        "UPDATE runs SET status = ?, completed_at = ?, duration_ms = ?, error_message = ?,"
        " message_truncated = ?, summary_state = ?, waiting = 0,"
        " summary_bytes = ?, stored_bytes = ?, blocks_executed = coalesce(?, blocks_executed),"
        " tokens_used = coalesce(?, tokens_used), api_calls_made = coalesce(?, api_calls_made)"
        " WHERE rid = ? AND status = 'running'",
        (*ending, *counters, rid),
    )


def put_summary(db: Connection, rid: int, summary: Packed) -> None:
    """Store the summary of a run that has ended."""
    db.execute(
        "INSERT INTO run_summaries (rid, data, sha256) VALUES (?, ?, ?)",
        (rid, summary.data, summary.sha256),
    )


def load_summary(db: Connection, rid: int) -> tuple[bytes, bytes] | None:
    """Return the packed summary of a run and its hash; None when the run has none."""
    row = db.execute("SELECT data, sha256 FROM run_summaries WHERE rid = ?", (rid,)).fetchone()
    return (row[0], row[1]) if row else None


class RunFilter(NamedTuple):
    """Which runs to list; None does not limit.

    `from_at` is part of the interval of start times and `to_at` is not.
    """

    workflow_id: str | None = None
    statuses: tuple[str, ...] | None = None
    """Any of these, at least one."""
    interrupted: bool | None = None
    waiting: bool | None = None
    trigger: str | None = None
    from_at: int | None = None
    to_at: int | None = None


def _conditions(wanted: RunFilter) -> tuple[list[str], list[object]]:
    """Return the conditions of a filter but for the statuses, and their values in order."""
    conditions, values = list[str](), list[object]()
    for condition, value in (
        ("r.workflow = (SELECT rid FROM workflows WHERE id = ?)", wanted.workflow_id),
        ("r.trigger = ?", wanted.trigger),
        ("r.started_at >= ?", wanted.from_at),
        ("r.started_at < ?", wanted.to_at),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.interrupted is not None:
        conditions.append(f"r.interrupted_at IS {'NOT ' if wanted.interrupted else ''}NULL")
    if wanted.waiting is not None:
        conditions.append(
            "r.status = 'running' AND r.waiting = 1" if wanted.waiting else "r.waiting = 0"
        )
    return conditions, values


def read_page(
    db: Connection, before: tuple[int, int] | None, limit: int, wanted: RunFilter
) -> list[RunHeader]:
    """Return at most `limit` runs, newest first, that come after the last run of the page before.

    `before` is that run's (started_at, rid), None for the first page. Of several statuses, the
    runs of each are read in their order and merged: sorting would read all of them for each page.
    """
    started_at, rid = before or (_AFTER_ALL, SAFE_INTEGER_MAX)
    conditions, values = _conditions(wanted)
    conditions += ["r.started_at <= ?", "(r.started_at < ? OR r.rid < ?)"]
    values += [started_at, started_at, rid]
    head = _HEADER
    if wanted.workflow_id is not None:
        head = _HEADER_OF_ONE
        values.insert(0, wanted.workflow_id)
    where = " AND ".join(conditions)
    if wanted.statuses is None:
        return RUNS.read(db, f"{head} WHERE {where}{_NEWEST_FIRST}", (*values, limit))
    sql = " UNION ALL ".join([f"{head} WHERE {where} AND r.status = ?"] * len(wanted.statuses))
    each = [value for status in wanted.statuses for value in (*values, status)]
    return RUNS.read(db, sql + _NEWEST_FIRST, (*each, limit))


def key_after(db: Connection, run: RunHeader) -> tuple[int, int]:
    """Return the (started_at, rid) after which the next page begins.

    Of a damaged run the start is read as it is stored; where it is no time, the page begins after
    all runs that it can stand among.
    """
    if not run.damaged:
        return run.started_at, run.rid
    (cell,) = next(read_cells(db, 1, "SELECT started_at FROM runs WHERE rid = ?", (run.rid,)))
    if isinstance(cell, int) and abs(cell) < SAFE_INTEGER_MAX:
        return cell, run.rid
    number = cell if isinstance(cell, int | float) else SAFE_INTEGER_MAX
    return int(min(number, SAFE_INTEGER_MAX)), SAFE_INTEGER_MAX


def count(db: Connection, wanted: RunFilter, most: int) -> int:
    """Return how many runs match, counted up to `most`."""
    conditions, values = _conditions(wanted)
    if wanted.statuses is not None:
        conditions.append(f"r.status IN ({', '.join('?' * len(wanted.statuses))})")
        values += wanted.statuses
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM runs AS r{where} LIMIT ?)"  # noqa: S608 - constants
    return int(db.execute(sql, (*values, most)).get)


def delete(db: Connection, run: RunHeader) -> None:
    """Delete a run and its summary, and update the counts of its workflow."""
    db.execute("DELETE FROM runs WHERE rid = ?", (run.rid,))
    db.execute(
        "UPDATE workflows SET run_count = run_count - 1, last_run_at ="
        " (SELECT max(started_at) FROM runs WHERE workflow = workflows.rid) WHERE id = ?",
        (run.workflow_id,),
    )
