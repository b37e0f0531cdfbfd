"""What system.check looks at: the file, its references, indexes, bodies, revisions, audit log.

Each look yields findings: where, what, and a cure that a person can apply. Nothing is repaired
here. Damage met on the way is a finding of its own and ends that look alone: whoever asks about a
damaged file wants all that can still be told.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import apsw

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec, tables
from sidecar.store import sqlite_errors as faults
from sidecar.store.audit.verify import Opener, verify_chain
from sidecar.store.connection import Connection, one_row
from sidecar.store.search import indexes
from sidecar.store.workflows.unreadable import find_damaged_bodies

Step = Callable[[int], None]
"""Called with the rows done so far; may raise to stop."""

COUNTED: Final = {table.checked_as: table.name for table in tables.TABLES if table.checked_as}
"""The tables that are looked at row by row, by the names of their counts."""

_RESTORE: Final = "Keep a copy of the file, then go back to a copy made before."
_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, DatabaseDamaged, UnicodeDecodeError)


class Finding(NamedTuple):
    """One thing that is not as it should be."""

    kind: str
    where: str
    detail: str
    cure: str


def _by_hand(*statements: str) -> str:
    """A cure that takes SQL: for what no method can mend, since it cannot happen by methods."""
    sql = "; ".join(statements)
    return f"Keep a copy of the file. With the process ended, in the sqlite3 tool: {sql};"


# --- what is looked at, in order ------------------------------------------------------------


def count_rows(db: Connection) -> dict[str, int]:
    """What there is to be checked."""
    return {name: tables.count(db, table) for name, table in COUNTED.items()}


def run_all(
    db: Connection,
    total: dict[str, int],
    step: Step,
    opener: Opener | None,
    *,
    full: bool,
) -> Iterator[Finding]:
    """Everything that can be seen without writing; `step` is told of the rows of `total`.

    `opener` opens what is sealed of the audit log, None while that is locked.
    """
    done = 0
    told: set[tuple[str, str]] = set()

    def within(rows: int) -> None:
        step(done + rows)

    for where, rows, findings in (
        ("database", 0, identity(db)),
        ("database", 0, structure(db, full=full)),
        ("database", 0, references(db)),
        ("search", 0, index_rows(db)),
        ("workflows", 0, headers(db)),
        ("workflow_bodies", total["workflows"], bodies(db, within)),
        ("workflow_revisions", total["revisions"], earlier(db, within)),
        ("run_summaries", total["summaries"], summaries(db, within)),
        ("access_log", total["audit_entries"], audit_chain(db, within, opener)),
    ):
        within(0)
        ended: list[Finding] = []
        with damage_as_finding(ended, where):
            for finding in findings:
                # An index is told of once: its cure mends all of it.
                if finding[:2] not in told:
                    yield finding
                if finding.kind in ("index", "search_index"):
                    told.add(finding[:2])
        yield from ended
        done += rows


@contextmanager
def damage_as_finding(found: list[Finding], where: str) -> Iterator[None]:
    """Turn damage that ends what is done here into a finding."""
    try:
        yield
    except (*_DAMAGE, apsw.SQLError) as fault:
        if isinstance(fault, apsw.SQLError) and not faults.suspects_damage(fault):
            raise
        found.append(Finding("structure", where, "It cannot be read to its end.", _RESTORE))


# --- the file -------------------------------------------------------------------------------


def identity(db: Connection) -> Iterator[Finding]:
    """Whether the file still says whose it is and which version; else no next start takes it."""
    version = one_row(db, "SELECT max(version) FROM migrations")[0]
    for name, expected in (("application_id", limits.APPLICATION_ID), ("user_version", version)):
        if db.pragma(name) != expected:
            yield Finding(
                "file",
                name,
                "The file's header does not say what it should; the next start will refuse it.",
                _by_hand(f"PRAGMA {name} = {expected}"),
            )


_SEARCH_INDEX: Final = re.compile(
    rf"fts5.*\b({'|'.join((*indexes.HEADER_INDEXES, indexes.TEXT_INDEX))})\b",
    re.IGNORECASE,
)
_PLAIN_INDEX: Final = re.compile(r"(?:missing from|differ from|entries in|of) index (\w+)$")


def structure(db: Connection, *, full: bool) -> Iterator[Finding]:
    """SQLite's own check: pages and records; with `full` also that indexes match their tables."""
    for (text,) in db.execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}"):
        if text != "ok":
            yield _of_structure(str(text))


def _of_structure(text: str) -> Finding:
    search, plain = _SEARCH_INDEX.search(text), _PLAIN_INDEX.search(text)
    if search is not None:
        return _of_search(search[1], "It is damaged; searches may fail or miss something.")
    if plain is not None:
        cure = "It is being made anew from its table; check again in a while."
        return Finding("index", plain[1], "It does not match its table.", cure)
    return Finding("structure", "database", text[:200], _RESTORE)


def references(db: Connection) -> Iterator[Finding]:
    """Rows whose owner is gone, by table: no method shows or deletes them."""
    orphans: dict[tuple[str, str, int], int] = {}
    for table, _rid, parent, key in db.execute("PRAGMA foreign_key_check"):
        orphans[table, parent, key] = orphans.get((table, parent, key), 0) + 1
    for (table, parent, key), count in orphans.items():
        mine, theirs = one_row(
            db, 'SELECT "from", "to" FROM pragma_foreign_key_list(?) WHERE id = ?', (table, key)
        )
        cure = _by_hand(
            f"DELETE FROM {table} WHERE {mine} NOT IN (SELECT {theirs} FROM {parent})"  # noqa: S608 - a text for people
        )
        yield Finding("orphan", table, f"{count} rows belong to no row of {parent}.", cure)


# --- the search indexes -----------------------------------------------------------------------


def index_rows(db: Connection) -> Iterator[Finding]:
    """Whether each search index has the workflows of the table; those it is to follow are apart."""
    waiting = dict.fromkeys(indexes.HEADER_INDEXES, "SELECT rid FROM header_pending")
    waiting[indexes.TEXT_INDEX] = (
        "SELECT rid FROM header_pending UNION ALL SELECT rid FROM text_pending"
    )
    for name, pending in waiting.items():
        missing, surplus = one_row(
            db,
            "SELECT (SELECT count(*) FROM workflows"  # noqa: S608 - constants
            f" WHERE rid NOT IN (SELECT id FROM {name}_docsize)"
            f" AND rid NOT IN ({pending})),"
            f" (SELECT count(*) FROM {name}_docsize WHERE id NOT IN (SELECT rid FROM workflows)"
            f" AND id NOT IN ({pending}))",
        )
        if missing or surplus:
            yield _of_search(name, f"It lacks {missing} workflows and has {surplus} that are gone.")


def index_words(db: Connection, name: str) -> Finding | None:
    """Whether an index of headers says what the table says; needs a connection that may write.

    The index must have been brought up first. FTS5 asks for a write to be checked against its
    table, so this holds the lock: 5 us a workflow for the larger index.
    """
    try:
        db.execute(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")  # noqa: S608 - a constant
    except (apsw.CorruptError, apsw.SQLError) as fault:
        if not faults.suspects_damage(fault):
            raise
        return wrong_words(name)
    return None


def index_words_of_copy(db: Connection) -> list[Finding]:
    """The same of all indexes of headers, in a file that nobody else has open; none is brought up.

    Where there are findings the connection is not used again.
    """
    if indexes.has_pending_headers(db):
        return []
    texts = (index_words(db, name) for name in indexes.HEADER_INDEXES)
    return [finding for finding in texts if finding is not None]


def wrong_words(name: str) -> Finding:
    """The finding for an index whose words are not those of the workflows."""
    return _of_search(name, "It says something else than the workflows.")


def not_updated(name: str) -> Finding:
    """The finding for an index that could not be brought up."""
    return _of_search(name, "It cannot follow the workflows.")


def _of_search(name: str, detail: str) -> Finding:
    cure = "It is being made anew from the workflows; check again in a while."
    return Finding("search_index", name, detail, cure)


# --- workflows and runs -----------------------------------------------------------------------

_RUNS_OF: Final = "FROM runs WHERE workflow = w.rid"
_RUNS: Final = (
    "SELECT w.id FROM workflows AS w"  # noqa: S608 - a constant
    f" WHERE (w.run_count, w.last_run_at) IS NOT (SELECT count(*), max(started_at) {_RUNS_OF})"
)
_COUNT_RUNS: Final = _by_hand(
    "UPDATE workflows AS w SET (run_count, last_run_at) ="  # noqa: S608 - a constant
    f" (SELECT count(*), max(started_at) {_RUNS_OF})"
)
_TAGS: Final = (
    "SELECT w.id FROM workflows AS w WHERE NOT json_valid(w.tags) OR"
    " (SELECT json_group_array(value) FROM (SELECT value FROM json_each(w.tags) ORDER BY value))"
    " IS NOT (SELECT json_group_array(tag) FROM (SELECT tag FROM workflow_tags"
    " WHERE workflow = w.rid AND updated_at = w.updated_at ORDER BY tag))"
    " OR EXISTS (SELECT 1 FROM workflow_tags"
    " WHERE workflow = w.rid AND updated_at != w.updated_at)"
)
_SUMMARIES: Final = (
    "SELECT r.id FROM runs AS r WHERE (r.summary_bytes IS NULL) ="
    " EXISTS (SELECT 1 FROM run_summaries AS s WHERE s.rid = r.rid)"
)
_ANEW: Final = "Set its tags to others, then to its own again."


def headers(db: Connection) -> Iterator[Finding]:
    """What is kept beside a workflow or a run to be quick, against what it is kept of."""
    for kind, sql, detail, cure in (
        ("header", _RUNS, "Its run_count or last_run_at is not that of its runs.", _COUNT_RUNS),
        ("header", _TAGS, "Lists by tag do not find it as its tags say.", _ANEW),
        ("summary", _SUMMARIES, "Its summary is missing, or one too many.", "Delete the run."),
    ):
        for (name,) in db.execute(sql):
            yield Finding(kind, str(name), detail, cure)


_SAVE: Final = (
    "Save it again with a body that differs from the one before (which stays among its revisions,"
    " as damaged as it is), or delete it."
)


def bodies(db: Connection, step: Step) -> Iterator[Finding]:
    """Every body unpacked and compared with its header."""
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT w.id, b.data, w.content_sha256, w.size_bytes, w.stored_bytes FROM workflows AS w"
        " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid ORDER BY w.rid"
    )
    for done, (workflow_id, data, sha256, size_bytes, stored_bytes) in enumerate(rows, 1):
        if data is None:
            yield Finding("body", workflow_id, "The body is missing.", _SAVE)
        elif not _is_sound(data, sha256, size_bytes):
            yield Finding("body", workflow_id, "The body is damaged.", _SAVE)
        elif len(data) != stored_bytes:
            yield Finding("header", workflow_id, "Its stored_bytes is not that of its body.", _SAVE)
        step(done)


_UNREADABLE: Final = (
    "Take it from a copy made before; else it stays until it is pruned, or its workflow deleted."
)


def earlier(db: Connection, step: Step) -> Iterator[Finding]:
    """Every earlier revision unpacked and compared with its hash."""
    for found in find_damaged_bodies(db, step):
        detail = f"Earlier revisions that cannot be read: {_numbers(found.revisions)}."
        where = f"{found.workflow_id} revision {found.revision}"
        yield Finding("revision", where, detail, _UNREADABLE)


def _numbers(ascending: list[int]) -> str:
    """1, 2, 3, 7 as `1-3, 7`."""
    runs: list[tuple[int, int]] = []
    for number in ascending:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def summaries(db: Connection, step: Step) -> Iterator[Finding]:
    """Every run summary unpacked and compared with its hash."""
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT r.id, s.data, s.sha256 FROM run_summaries AS s"
        " JOIN runs AS r ON r.rid = s.rid ORDER BY s.rid"
    )
    for done, (run_id, data, sha256) in enumerate(rows, 1):
        if not _is_sound(data, sha256, None):
            yield Finding("summary", run_id, "The summary is damaged.", "Delete the run.")
        step(done)


def _is_sound(data: bytes, sha256: bytes, size_bytes: int | None) -> bool:
    try:
        codec.unpack(data, sha256, size_bytes)
    except DatabaseDamaged:
        return False
    return True


# --- the audit log ----------------------------------------------------------------------------


def audit_chain(db: Connection, step: Step, opener: Opener | None = None) -> Iterator[Finding]:
    """Whether the log is the one that was written here, as far as that can be told."""
    verdict = verify_chain(db, None, lambda done, _total: step(done), opener)
    if verdict.status not in ("ok", "unsealed", "locked"):
        yield Finding(
            "audit_chain",
            f"access_log {verdict.first_bad_seq}",
            f"The chain is {verdict.status} ({verdict.reason}).",
            "Keep a copy of the file and find out who wrote to it; a copy made before has the log.",
        )
