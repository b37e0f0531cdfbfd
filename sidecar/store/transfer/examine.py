"""Examines a database that another program may have made or changed, before it is used.

SQLite's own checks admit triggers, views and columns that act when the file is used, and most
flipped bits. So each statement of the schema must be the one that a new file of this version has,
and every row that would be sent to a client must be valid. The file is private to this process,
and is opened read-only until its schema is known.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

import apsw

from sidecar import limits
from sidecar.bodies.parse import is_json
from sidecar.errors import DatabaseDamaged, NewerSchema
from sidecar.store import meta, migrations, preflight, settings
from sidecar.store.audit.log import chain_head
from sidecar.store.audit.verify import Head
from sidecar.store.connection import Connection, one_row
from sidecar.store.interrupt import interruptible
from sidecar.store.legacy.values import DECODED_MAX_BYTES
from sidecar.store.pragmas import configure
from sidecar.store.repair import checks
from sidecar.store.schema import ALLOWED, expected_schema, read_schema
from sidecar.store.tables import TABLES
from sidecar.store.transfer import snapshot
from sidecar.store.unserved_file import open_file

Reason = Literal["newer", "not_ours", "schema", "content"]

_ROLLBACK_FORMAT: Final = 1
"""The file format of a database without a write-ahead log, as a snapshot is."""
_HEADER_BYTES: Final = 100
_CONTRADICTIONS: Final = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.SQLError,
    DatabaseDamaged,
    UnicodeDecodeError,
)
"""Raised while reading a file with wrong content; a disk that fails raises others."""

_FATAL: Final = frozenset({"structure", "file", "orphan", "constraint"})
"""Kinds of findings with which a file is refused. Others concern one row, or a restore repairs
them."""

_IMPOSSIBLE_STATE: Final = " UNION ALL ".join(
    f"SELECT 1 FROM {table.name} WHERE {column} NOT BETWEEN 0 AND {limits.SAFE_INTEGER_MAX // 2}"  # noqa: S608 - constants
    for table in TABLES
    for column in table.rising
)
"""Finds a number that cannot rise any more: with it no act could be logged."""

_BREAKS: Final = "GLOB '*[' || char(10) || char(13) || ']*'"
_NOT_JSON: Final = " UNION ALL ".join(
    f"SELECT 1 FROM {name} WHERE NOT json_valid({column}) OR {column} {_BREAKS}"  # noqa: S608 - constants
    for name, column in ((table.name, table.json_column) for table in TABLES)
    if column
)


class Untrusted(Exception):
    """The file must not be served."""

    def __init__(self, reason: Reason) -> None:
        """Store the reason."""
        super().__init__(reason)
        self.reason = reason


class Examined(NamedTuple):
    """Facts about a file that may be served."""

    schema_version: int
    store_id: bytes
    head: Head
    counts: dict[str, int]
    findings: list[checks.Finding]
    """Single rows and indexes that are damaged."""


def check_header(first: bytes, size_bytes: int) -> int:
    """Check the first 100 bytes of a file; return the version of its tables.

    Raises:
        Untrusted: it is of another program, of a newer version, or invalid.
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
    if header.user_version < 1 or header.file_format != _ROLLBACK_FORMAT or not fits:
        raise Untrusted("content")
    return header.user_version


def examine(
    path: Path, *, cancelled: Callable[[], bool], step: Callable[[int, int], None]
) -> Examined:
    """Examine a file that nothing else has open.

    `step` receives the number of rows examined and of all rows; it may raise to stop.

    Raises:
        Untrusted: the file must not be served.
        Cancelled: `cancelled` returned True.
        apsw.IOError: the disk cannot read the file.
    """
    with suppress(Untrusted):
        first = _examine_once(path, cancelled, step)
        if not first.findings:
            return first
    # The disk may have read something wrongly: only what is found again is in the file.
    return _examine_once(path, cancelled, lambda _done, total: step(total, total))


def _examine_once(
    path: Path, cancelled: Callable[[], bool], step: Callable[[int, int], None]
) -> Examined:
    """Examine the file through connections of its own, so that nothing is read from a cache."""
    with path.open("rb") as file:
        version = check_header(file.read(_HEADER_BYTES), path.stat().st_size)
    try:
        _check_schema(path, version)
        with _open(path) as db, interruptible(db, cancelled):
            return _examine_content(db, version, step)
    except NewerSchema:
        raise Untrusted("newer") from None
    except migrations.EditedMigration:
        raise Untrusted("schema") from None
    except _CONTRADICTIONS as fault:
        raise Untrusted("content") from fault


def _check_schema(path: Path, version: int) -> None:
    """Compare the schema with the expected one, through a connection that can change nothing.

    Raises:
        Untrusted: they differ.
    """
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(f"{path.as_uri()}?immutable=1", flags=flags)
    try:
        configure(db, cache_kib=limits.CACHE_SHORT_LIVED_KIB, writable=False)
        db.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        db.limit(apsw.SQLITE_LIMIT_LENGTH, limits.UNTRUSTED_VALUE_MAX_BYTES)
        found = read_schema(db)
    finally:
        db.close(True)
    expected = expected_schema(version)
    if not (expected <= found <= expected | ALLOWED):
        raise Untrusted("schema")


@contextmanager
def _open(path: Path) -> Iterator[Connection]:
    """Open the file, so that it can be read only and no value takes too much memory."""
    with open_file(path, cache_kib=limits.CACHE_SNAPSHOT_KIB, writable=False) as db:
        db.limit(apsw.SQLITE_LIMIT_ATTACHED, 0)
        db.limit(apsw.SQLITE_LIMIT_LENGTH, limits.UNTRUSTED_VALUE_MAX_BYTES)
        yield db


def _examine_content(db: Connection, version: int, step: Callable[[int, int], None]) -> Examined:
    migrations.check_shipped(db)
    _check_single_rows(db)
    counts = checks.count_rows(db)
    total = sum(counts.values())
    findings = []
    # A damaged body is never sent, and there is a finding for it.
    for finding in checks.run_all(
        db,
        counts,
        lambda done: step(min(done, total), total),
        None,
        full=True,
        on_body=_refuse_unless_json,
    ):
        if finding.kind in _FATAL:
            raise Untrusted("content")
        findings.append(finding)
    if db.execute(f"SELECT EXISTS ({_NOT_JSON})").get:
        raise Untrusted("content")
    return Examined(version, meta.store_id(db), chain_head(db), snapshot.count_rows(db), findings)


def _check_single_rows(db: Connection) -> None:
    """Check the rows that the program itself goes by, and the sizes of bodies.

    Raises:
        Untrusted: one of them is invalid.
    """
    largest = one_row(
        db,
        "SELECT max(coalesce((SELECT max(size_bytes) FROM workflows), 0),"
        " coalesce((SELECT max(size_bytes) FROM workflow_revisions), 0))",
    )
    fit = (
        isinstance(largest[0], int)
        and largest[0] <= DECODED_MAX_BYTES  # unpacking a body allocates the size that its row says
        and not meta.impossible_keys(db)
        and not settings.impossible_keys(db)
        and one_row(db, "SELECT count(*) FROM audit_state")[0] == 1
        and not db.execute(_IMPOSSIBLE_STATE).get
    )
    if not fit:
        raise Untrusted("content")


def _refuse_unless_json(body: bytes) -> None:
    """Refuse a body that is not JSON, since bodies are sent as they are.

    Raises:
        Untrusted: it is not.
    """
    if not is_json(body):
        raise Untrusted("content")
