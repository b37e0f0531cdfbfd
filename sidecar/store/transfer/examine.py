"""A database that somebody else may have made: looked at before anything of it is believed.

SQLite's own checks pass triggers, views and columns that act when the file is used, and most
flipped bits; so the schema must be, statement by statement, the one a fresh file of that version
has, and every row that will be sent to a client must be what such a row can be. The file is
private to this process; it is opened read-only until its schema is known.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import apsw
import msgspec

from sidecar import limits
from sidecar.errors import DatabaseDamaged, NewerSchema
from sidecar.store import codec, meta, migrations, preflight
from sidecar.store.audit.log import chain_head
from sidecar.store.audit.verify import Head
from sidecar.store.connection import Connection, one_row
from sidecar.store.interrupt import interruptible
from sidecar.store.legacy.values import DECODED_MAX_BYTES
from sidecar.store.pragmas import configure
from sidecar.store.repair import checks
from sidecar.store.tables import TABLES
from sidecar.store.transfer import snapshot
from sidecar.store.workflows import revisions

Reason = Literal["newer", "not_ours", "schema", "content"]

_LEGACY_FORMAT: Final = 1
"""A file without a write-ahead log, as a snapshot is."""
_HEADER_BYTES: Final = 100
_STATISTICS: Final = frozenset(
    {
        ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        (
            "table",
            "sqlite_stat4",
            "sqlite_stat4",
            "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
        ),
    }
)
"""What ANALYZE may have added."""

_CONTRADICTIONS: Final = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.SQLError,
    DatabaseDamaged,
    UnicodeDecodeError,
)
"""What reading a wrong file raises; a disk that does not read at all raises something else."""

_FATAL: Final = frozenset({"structure", "file", "orphan"})
"""Findings with which a file is not served; the others are of one row, or mended by a restore."""

_BREAKS: Final = "GLOB '*[' || char(10) || char(13) || ']*'"
_NOT_JSON: Final = " UNION ALL ".join(
    f"SELECT 1 FROM {name} WHERE NOT json_valid({column}) OR {column} {_BREAKS}"  # noqa: S608 - constants
    for name, column in ((table.name, table.json_column) for table in TABLES)
    if column
)

Schema = frozenset[tuple[str, str, str, str | None]]


class Untrusted(Exception):
    """The file is not to be served."""

    def __init__(self, reason: Reason) -> None:
        """Keep why."""
        super().__init__(reason)
        self.reason = reason


class Examined(NamedTuple):
    """What is in a file that may be served."""

    schema_version: int
    store_id: bytes
    head: Head
    counts: dict[str, int]
    findings: list[checks.Finding]
    """Single rows and indexes that are not sound."""


@cache
def expected_schema(version: int) -> Schema:
    """Every statement of the schema of a fresh file of that version."""
    db = apsw.Connection(":memory:")
    try:
        for step in migrations.shipped_steps():
            if step.version <= version:
                migrations.apply(db, step, 0)
        return _schema(db)
    finally:
        db.close(True)


def _schema(db: Connection) -> Schema:
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return frozenset((str(row[0]), str(row[1]), str(row[2]), row[3]) for row in rows)


def check_header(first: bytes, size_bytes: int) -> int:
    """Judge a file by its first 100 bytes; the version of its tables.

    Raises:
        Untrusted: it is not ours, newer, or contradicts itself.
    """
    if len(first) < _HEADER_BYTES or not first.startswith(preflight.MAGIC):
        raise Untrusted("not_ours")
    try:
        header = preflight.parse_header(first)
    except DatabaseDamaged:
        raise Untrusted("content") from None
    if header.application_id != limits.APPLICATION_ID:
        raise Untrusted("not_ours")
    if header.user_version > migrations.current_version():
        raise Untrusted("newer")
    fits = header.pages * header.page_bytes == size_bytes
    if header.user_version < 1 or header.file_format != _LEGACY_FORMAT or not fits:
        raise Untrusted("content")
    return header.user_version


def examine(
    path: Path, *, cancelled: Callable[[], bool], step: Callable[[int, int], None]
) -> Examined:
    """Look at a file of this process's own; `step` is told rows looked at, and how many there are.

    Raises:
        Untrusted: it is not to be served.
        Cancelled: `cancelled` said so; `step` may raise as well.
        apsw.IOError: the disk does not read it.
    """
    with suppress(Untrusted):
        first = _examined(path, cancelled, step)
        if not first.findings:
            return first
    # Perhaps a disk that reads wrongly once: only what is found again is the file's fault.
    return _examined(path, cancelled, lambda _done, total: step(total, total))


def _examined(
    path: Path, cancelled: Callable[[], bool], step: Callable[[int, int], None]
) -> Examined:
    """Look once, with nothing of an earlier look in any cache of SQLite's."""
    with path.open("rb") as file:
        version = check_header(file.read(_HEADER_BYTES), path.stat().st_size)
    try:
        _check_schema(path, version)
        with _opened(path) as db, interruptible(db, cancelled):
            return _look(db, version, step)
    except NewerSchema:
        raise Untrusted("newer") from None
    except migrations.EditedMigration:
        raise Untrusted("schema") from None
    except _CONTRADICTIONS as fault:
        raise Untrusted("content") from fault


def _check_schema(path: Path, version: int) -> None:
    """Compare statement by statement, in a connection that can change and call nothing."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags)
    try:
        configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False)
        db.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        db.limit(apsw.SQLITE_LIMIT_LENGTH, limits.UNTRUSTED_VALUE_MAX_BYTES)
        found = _schema(db)
    finally:
        db.close(True)
    expected = expected_schema(version)
    if not (expected <= found <= expected | _STATISTICS):
        raise Untrusted("schema")


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    """Not read-only: SQLite's check would leave out the CHECK constraints."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        configure(db, cache_kib=limits.CACHE_SNAPSHOT_KIB, writable=False)
        db.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        db.limit(apsw.SQLITE_LIMIT_LENGTH, limits.UNTRUSTED_VALUE_MAX_BYTES)
        yield db
    finally:
        db.close(True)


def _look(db: Connection, version: int, step: Callable[[int, int], None]) -> Examined:
    migrations.check_shipped(db)
    _check_state(db)
    counts = checks.count_rows(db)
    total = sum(counts.values())
    findings = []
    for finding in checks.run_all(
        db, counts, lambda done: step(min(done, total), total), None, full=True
    ):
        if finding.kind in _FATAL:
            raise Untrusted("content")
        findings.append(finding)
    if db.execute(f"SELECT EXISTS ({_NOT_JSON})").get or not _are_lines(db):
        raise Untrusted("content")
    return Examined(version, meta.store_id(db), chain_head(db), snapshot.counts(db), findings)


def _check_state(db: Connection) -> None:
    """The rows without which nothing can begin."""
    largest = one_row(
        db,
        "SELECT max(coalesce((SELECT max(size_bytes) FROM workflows), 0),"
        " coalesce((SELECT max(size_bytes) FROM workflow_revisions), 0))",
    )
    fit = (
        largest[0] <= DECODED_MAX_BYTES  # what it says is what unpacking it may take
        and isinstance(meta.read(db, meta.STORE_ID), bytes)
        and isinstance(meta.read(db, meta.EPOCH), int)
        and one_row(db, "SELECT count(*) FROM audit_state")[0] == 1
    )
    if not fit:
        raise Untrusted("content")


def _are_lines(db: Connection) -> bool:
    """Whether each body that can be read is JSON on one line: it is sent as it is."""
    rows: Iterator[tuple[Any, ...]] = db.execute(
        "SELECT b.data, w.content_sha256, w.size_bytes, 0 FROM workflows AS w"
        " JOIN workflow_bodies AS b ON b.rid = w.rid"
        " UNION ALL SELECT data, sha256, size_bytes, 0 FROM workflow_revisions"
        " WHERE form IN ('stored', 'plain')"
        " UNION ALL SELECT data, sha256, NULL, 1 FROM run_summaries"
    )
    for data, sha256, size_bytes, may_be_cut in rows:
        # A damaged one is never sent, and told as a finding.
        with suppress(DatabaseDamaged):
            if not _is_line(codec.unpack(data, sha256, size_bytes), may_be_cut=may_be_cut):
                return False
    return all(_is_line(body, may_be_cut=False) for body in revisions.packed_bodies(db))


def _is_line(body: bytes, *, may_be_cut: bool) -> bool:
    if b"\n" in body or b"\r" in body:
        return False
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return may_be_cut
    return True
