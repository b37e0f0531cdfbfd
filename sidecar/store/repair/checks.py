"""The checks of `system.check`: file, references, indexes, bodies, revisions and audit log.

Each check is a function that yields findings: where the fault is, what it is, and a cure that a
person can apply. Nothing is repaired here. If a check cannot go on because of damage, that is a
finding too, and the other checks still run.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import apsw

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store import codec, meta, schema, settings, tables
from sidecar.store.audit.verify import Opener, verify_chain
from sidecar.store.columns import find_damaged_rows, id_of
from sidecar.store.connection import Connection, one_row
from sidecar.store.rows import as_text, read_cells
from sidecar.store.search import indexes
from sidecar.store.search.compare_index import find_wrong
from sidecar.store.sqlite_errors import suspects_damage
from sidecar.store.workflows import tags
from sidecar.store.workflows.unreadable import find_damaged_bodies
from sidecar.vocabularies import FindingKind

Step = Callable[[int], None]
"""Called with the number of rows that are done; may raise to stop the check."""

OnBody = Callable[[bytes], None]
"""Called with a whole body that was unpacked and is sound; may raise to stop."""

COUNTED: Final = {table.checked_as: table.name for table in tables.TABLES if table.checked_as}
"""The tables that are checked row by row, by the names of their counts."""

_RESTORE: Final = "Keep a copy of the file, then restore a backup."
_MEND_ROW: Final = "Save over it, set it again or delete it; system.recover mends all such rows."
_DAMAGE: Final = (apsw.CorruptError, apsw.NotADBError, DatabaseDamaged, UnicodeDecodeError)


class Finding(NamedTuple):
    """One fault that a check found."""

    kind: FindingKind
    where: str
    detail: str
    cure: str


def _by_hand(*statements: str) -> str:
    """Return a cure with SQL, for a fault that no method can cause and no method can cure."""
    sql = "; ".join(statements)
    return f"Keep a copy of the file. End the process, then run in the sqlite3 tool: {sql};"


# --- all checks -----------------------------------------------------------------------------


def count_rows(db: Connection) -> dict[str, int]:
    """Return how many rows there are to check, by table."""
    return {name: tables.count(db, table) for name, table in COUNTED.items()}


def run_all(
    db: Connection,
    total: dict[str, int],
    step: Step,
    opener: Opener | None,
    *,
    full: bool,
    on_body: OnBody = lambda _body: None,
) -> Iterator[Finding]:
    """Run all checks that need no write; `step` is called with the number of rows done.

    `total` is the result of `count_rows`. `opener` decrypts the seals of the audit log; it is None
    while the vault is locked. `on_body` is given every whole body that can be read, once for each
    place where it is stored: a summary that was cut is not whole.
    """
    done = 0
    reported: set[tuple[str, str]] = set()

    def within(rows: int) -> None:
        step(done + rows)

    for where, rows, findings in (
        ("database", 0, identity(db)),
        ("database", 0, own_values(db)),
        ("database", 0, foreign(db)),
        ("database", 0, structure(db, full=full)),
        ("database", 0, references(db)),
        ("database", 0, (Finding("row", *each, _MEND_ROW) for each in find_damaged_rows(db))),
        ("search", 0, index_rows(db)),
        ("workflows", 0, headers(db)),
        ("workflow_bodies", total["workflows"], bodies(db, within, on_body)),
        ("workflow_revisions", total["revisions"], revisions(db, within, on_body)),
        ("run_summaries", total["summaries"], summaries(db, within, on_body)),
        ("access_log", total["audit_entries"], audit_chain(db, within, opener)),
    ):
        within(0)
        ended: list[Finding] = []
        with damage_as_finding(ended, where):
            for finding in findings:
                # One finding for an index is enough: its cure rebuilds the whole index.
                if finding[:2] not in reported:
                    yield finding
                if finding.kind in ("index", "search_index"):
                    reported.add(finding[:2])
        yield from ended
        done += rows


@contextmanager
def damage_as_finding(found: list[Finding], where: str) -> Iterator[None]:
    """Add a finding to `found` when damage ends the body of the `with` statement."""
    try:
        yield
    except (*_DAMAGE, apsw.SQLError) as fault:
        if isinstance(fault, apsw.SQLError) and not suspects_damage(fault):
            raise
        found.append(Finding("structure", where, "It cannot be read completely.", _RESTORE))


# --- the file -------------------------------------------------------------------------------


def identity(db: Connection) -> Iterator[Finding]:
    """Check the file's mark and version; with other values the next start refuses the file."""
    version = one_row(db, "SELECT max(version) FROM migrations")[0]
    for name, expected in (("application_id", limits.APPLICATION_ID), ("user_version", version)):
        if db.pragma(name) != expected:
            yield Finding(
                "file",
                name,
                "The file's header has another value; the next start will refuse the file.",
                _by_hand(f"PRAGMA {name} = {expected}"),
            )


def own_values(db: Connection) -> Iterator[Finding]:
    """Check the values that the program itself goes by: facts about the file, and settings."""
    for key in meta.impossible_keys(db):
        cure = "Keep a copy of the file, then recover it."
        if key == meta.PURGE_PENDING:
            cure = "Run system.purge."
        yield Finding("value", f"meta {key}", "It has an impossible value.", cure)
    for key in settings.impossible_keys(db):
        detail = "It has an impossible value; the default is used."
        yield Finding("value", f"settings {key}", detail, "Set or reset it.")


def foreign(db: Connection) -> Iterator[Finding]:
    """Find the objects of the schema that other programs have added."""
    for text in schema.describe(schema.foreign_objects(db)):
        yield Finding(
            "foreign",
            text,
            "It is not of this program; backups, restores and recoveries omit it.",
            "Keep it in a database of its own, and drop it here.",
        )


_SEARCH_INDEX: Final = re.compile(
    rf"fts5.*\b({'|'.join(indexes.INDEXES)})\b",
    re.IGNORECASE,
)
_PLAIN_INDEX: Final = re.compile(r"(?:missing from|differ from|entries in|of) index (\w+)$")

_ROW_OF: Final = re.compile(r"^(?:CHECK constraint failed in|(?:non-)?\w+ value in) (\w+)")


def structure(db: Connection, *, full: bool) -> Iterator[Finding]:
    """Run SQLite's check of pages and records; `full` also compares indexes with their tables."""
    for (text,) in db.execute(f"PRAGMA {'integrity_check' if full else 'quick_check'}"):
        if text != "ok":
            yield _of_structure(str(text))


def _of_structure(text: str) -> Finding:
    """Return the finding for a message of SQLite's check; other checks say more on cells."""
    search, plain = _SEARCH_INDEX.search(text), _PLAIN_INDEX.search(text)
    if search is not None:
        return _of_search(search[1], "It is damaged; searches may fail or miss workflows.")
    if plain is not None:
        return _of_index(plain[1], "It does not match its table.")
    row = _ROW_OF.search(text)
    if row is not None:
        return Finding("constraint", row[1], text[:200], _MEND_ROW)
    return Finding("structure", "database", text[:200], _RESTORE)


def _of_index(name: str, detail: str) -> Finding:
    """Return a finding about an index, which the program rebuilds by itself."""
    cure = "It is being rebuilt from its table; check again later."
    return Finding("index", name, detail, cure)


def references(db: Connection) -> Iterator[Finding]:
    """Check for rows whose owner is missing; no method shows or deletes such rows."""
    orphans: dict[tuple[str, str, int], int] = {}
    for table, _rid, parent, key in db.execute("PRAGMA foreign_key_check"):
        orphans[table, parent, key] = orphans.get((table, parent, key), 0) + 1
    for (table, parent, key), count in orphans.items():
        column, parent_column = one_row(
            db, 'SELECT "from", "to" FROM pragma_foreign_key_list(?) WHERE id = ?', (table, key)
        )
        cure = _by_hand(
            f"DELETE FROM {table} WHERE {column} NOT IN (SELECT {parent_column} FROM {parent})"  # noqa: S608 - a text for people
        )
        yield Finding("orphan", table, f"{count} rows belong to no row of {parent}.", cure)


# --- the search indexes -----------------------------------------------------------------------


def index_rows(db: Connection) -> Iterator[Finding]:
    """Check that each search index has the workflows of the table, apart from pending ones."""
    if not schema.has_table(db, indexes.HEADS):
        return  # a file of an earlier version, whose indexes a restore builds again
    pending_rows = dict.fromkeys(indexes.INDEXES, "SELECT rid FROM header_pending")
    pending_rows[indexes.TEXTS] += " UNION ALL SELECT rid FROM text_pending"
    for name, pending in pending_rows.items():
        missing, surplus = one_row(
            db,
            "SELECT (SELECT count(*) FROM workflows"  # noqa: S608 - constants
            f" WHERE rid NOT IN (SELECT id FROM {name}_docsize)"
            f" AND rid NOT IN ({pending})),"
            f" (SELECT count(*) FROM {name}_docsize WHERE id NOT IN (SELECT rid FROM workflows)"
            f" AND id NOT IN ({pending}))",
        )
        if missing or surplus:
            detail = f"It lacks {missing} workflows and has {surplus} that were deleted."
            yield _of_search(name, detail)


def index_words(
    db: Connection, step: Step, names: tuple[str, ...] = indexes.INDEXES
) -> list[Finding]:
    """Check that search indexes have the words of the workflows that are not pending.

    `db` must read one snapshot.
    """
    wrong = find_wrong(db, step, names)
    return [_of_search(name, "It has other words than the workflows.") for name in wrong]


def index_words_of_copy(db: Connection) -> list[Finding]:
    """Check the index of headers by words, of a file that no other connection has open."""
    return index_words(db, lambda _done: None, (indexes.HEADS,))


def _of_search(name: str, detail: str) -> Finding:
    """Return a finding about a search index, which the product rebuilds by itself."""
    cure = "It is being rebuilt from the workflows; check again later."
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
# A damaged cell of a workflow is a finding of its own.
_ROW_OF_TAG: Final = "tag = j.value AND updated_at = w.updated_at AND workflow = w.rid"
_TAGS: Final = (
    f"SELECT EXISTS (SELECT 1 FROM workflows AS w, {tags.EACH_TAG} AS j WHERE j.type = 'text'"  # noqa: S608 - constants
    f" AND NOT EXISTS (SELECT 1 FROM workflow_tags WHERE {_ROW_OF_TAG}))"
    " OR EXISTS (SELECT 1 FROM workflow_tags AS t LEFT JOIN workflows AS w ON w.rid = t.workflow"
    f" WHERE w.rid IS NULL OR ({tags.CAN_HAVE_ROWS} AND (t.updated_at IS NOT w.updated_at"
    f" OR t.tag NOT IN (SELECT value FROM {tags.EACH_TAG}))))"
)
_SUMMARIES: Final = (
    "SELECT r.id FROM runs AS r WHERE (r.summary_bytes IS NULL) ="
    " EXISTS (SELECT 1 FROM run_summaries AS s WHERE s.rid = r.rid)"
)
_WRONG_SUMMARY: Final = "Its summary is missing, or it has one without a size."


def headers(db: Connection) -> Iterator[Finding]:
    """Check what is stored twice: counts of runs, tags by row, and which runs have a summary."""
    checked: tuple[tuple[FindingKind, str, str, str], ...] = (
        ("header", _RUNS, "Its run_count or last_run_at does not match its runs.", _COUNT_RUNS),
        ("summary", _SUMMARIES, _WRONG_SUMMARY, "Delete the run."),
    )
    for kind, sql, detail, cure in checked:
        for (name,) in read_cells(db, 1, sql):
            yield Finding(kind, as_text(name), detail, cure)
    if one_row(db, _TAGS)[0]:
        yield _of_index(tags.TABLE, "It does not match the tags of the workflows.")


_SAVE: Final = (
    "Save it again with another body, or delete it. The damaged body then remains only among its"
    " revisions."
)


def bodies(db: Connection, step: Step, on_body: OnBody) -> Iterator[Finding]:
    """Unpack every body and compare it with its header."""
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT w.rid, b.data, w.content_sha256, w.size_bytes, w.stored_bytes FROM workflows AS w"
        " LEFT JOIN workflow_bodies AS b ON b.rid = w.rid ORDER BY w.rid"
    )
    for done, (rid, data, sha256, size_bytes, stored_bytes) in enumerate(rows, 1):
        body = _unpacked(data, sha256, size_bytes)
        if body is None:
            found = "missing" if data is None else "damaged"
            yield Finding("body", id_of(db, "workflows", rid), f"The body is {found}.", _SAVE)
        else:
            on_body(body)
            if len(data) != stored_bytes:
                detail = "Its stored_bytes does not match its body."
                yield Finding("header", id_of(db, "workflows", rid), detail, _SAVE)
        step(done)


_UNREADABLE: Final = (
    "Take it from a backup. Otherwise it remains until it is pruned or its workflow is deleted."
)


def revisions(db: Connection, step: Step, on_body: OnBody) -> Iterator[Finding]:
    """Unpack every earlier revision and compare it with its hash."""
    for found in find_damaged_bodies(db, step, on_body):
        detail = f"Earlier revisions that cannot be read: {_numbers(found.revisions)}."
        where = f"{found.workflow_id} revision {found.revision}"
        yield Finding("revision", where, detail, _UNREADABLE)


def _numbers(ascending: list[int]) -> str:
    """Return numbers as text with ranges: 1, 2, 3, 7 becomes `1-3, 7`."""
    ranges: list[tuple[int, int]] = []
    for number in ascending:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def summaries(db: Connection, step: Step, on_body: OnBody) -> Iterator[Finding]:
    """Unpack every run summary and compare it with its hash."""
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT r.rid, s.data, s.sha256, r.summary_bytes <= ? FROM run_summaries AS s"
        " JOIN runs AS r ON r.rid = s.rid ORDER BY s.rid",
        (limits.SUMMARY_KEPT_BYTES,),
    )
    for done, (rid, data, sha256, whole) in enumerate(rows, 1):
        body = _unpacked(data, sha256, None)
        if body is None:
            where = id_of(db, "runs", rid)
            yield Finding("summary", where, "The summary is damaged.", "Delete the run.")
        elif whole:
            on_body(body)
        step(done)


def _unpacked(data: bytes, sha256: bytes, size_bytes: int | None) -> bytes | None:
    """Return packed bytes unpacked; None when that fails or they do not match their hash."""
    try:
        return codec.unpack(data, sha256, size_bytes)
    except DatabaseDamaged:
        return None


# --- the audit log ----------------------------------------------------------------------------


def audit_chain(db: Connection, step: Step, opener: Opener | None = None) -> Iterator[Finding]:
    """Verify the audit log as far as it can be verified without or with the vault's keys."""
    verdict = verify_chain(db, None, lambda done, _total: step(done), opener)
    if verdict.status not in ("ok", "unsealed", "locked"):
        yield Finding(
            "audit_chain",
            f"access_log {verdict.first_bad_seq}",
            f"The chain is {verdict.status} ({verdict.reason}).",
            "Keep a copy of the file and find out who wrote to it. An earlier backup has the log.",
        )
