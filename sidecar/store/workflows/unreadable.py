"""Finds the earlier revisions that cannot be read because a stored body is damaged.

Nothing is repaired here. Revisions are read newest first, workflow by workflow: the body that a
revision needs (that of the next revision, or the key frame of its group) has then been read
already, so that each frame is unpacked once and at most two bodies are in memory.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sidecar.errors import DatabaseDamaged
from sidecar.store.connection import Connection
from sidecar.store.rows import as_text
from sidecar.store.workflows import revisions

_ALL: Final = (
    "SELECT v.workflow, CAST(w.id AS BLOB), v.revision, CAST(v.metadata AS BLOB), v.form,"
    " v.data, v.sha256, v.size_bytes"
    " FROM workflow_revisions v CROSS JOIN workflows w ON w.rid = v.workflow"
    " ORDER BY v.workflow DESC, v.revision DESC"
)
_CURRENT: Final = (
    "SELECT w.revision, w.content_sha256, w.size_bytes, b.data FROM workflows w"
    " LEFT JOIN workflow_bodies b ON b.rid = w.rid WHERE w.rid = ?"
)


class DamagedBody(NamedTuple):
    """A stored body that is damaged, and the revisions that need it."""

    workflow_id: str
    revision: int
    """The revision with the damaged body; it can be the current one, which others share."""
    revisions: list[int]
    """The earlier revisions that cannot be read, oldest first: this one and those that need it."""


class _Row(NamedTuple):
    """One earlier revision with its packed body."""

    rid: int
    workflow_id: bytes
    revision: int
    metadata: bytes
    form: revisions.Form
    data: bytes | None
    sha256: bytes
    size_bytes: int


class _SharedBody(NamedTuple):
    """The body of the last revision that has one; older revisions without a body share it."""

    sha256: bytes
    size_bytes: int
    damaged: int | None
    """The revision whose damage makes it unreadable; None when it can be read."""


def find_damaged_bodies(
    db: Connection, step: Callable[[int], None], on_body: Callable[[bytes], None]
) -> Iterator[DamagedBody]:
    """Yield every damaged body that an earlier revision needs.

    `step` is called with the number of revisions done so far, `on_body` with each body that an
    earlier revision has of its own and that can be read.
    """
    scan: _Scan | None = None
    for done, row in enumerate(map(_Row._make, db.execute(_ALL)), 1):
        if scan is None or scan.rid != row.rid:
            if scan is not None:
                yield from scan.found()
            scan = _Scan(db, row.rid, as_text(row.workflow_id), on_body)
        scan.check(row)
        step(done)
    if scan is not None:
        yield from scan.found()


class _Key(NamedTuple):
    """The key frame of the current group."""

    group: int
    revision: int | None
    body: bytes | None
    """None when the frame is damaged or the group has none."""


class _Scan:
    """Checks the revisions of one workflow, newest first."""

    def __init__(
        self, db: Connection, rid: int, workflow_id: str, on_body: Callable[[bytes], None]
    ) -> None:
        self.rid = rid
        self._on_body = on_body
        self._db = db
        self._id = workflow_id
        self._key: _Key | None = None
        self._shared: _SharedBody | None = None
        self._found: dict[int, list[int]] = {}

    def check(self, row: _Row) -> None:
        """Check the next older revision."""
        if row.form == "same":
            damaged = self._check_shared(row)
        else:
            damaged = self._check_own(row)
            self._shared = _SharedBody(row.sha256, row.size_bytes, damaged)
        if damaged is None and not revisions.is_metadata(row.metadata):
            damaged = row.revision
        if damaged is not None:
            self._found.setdefault(damaged, []).append(row.revision)

    def found(self) -> Iterator[DamagedBody]:
        """Yield the damaged bodies, the newest first."""
        for damaged, unreadable in self._found.items():
            yield DamagedBody(self._id, damaged, sorted(unreadable))

    def _check_own(self, row: _Row) -> int | None:
        """Return whose damage makes a revision with its own body unreadable; None if sound."""
        key = self._key_of(row.revision) if row.form == "delta" else None
        if key is not None and key.revision is not None and key.body is None:
            return key.revision
        key_body = None if key is None else key.body
        try:
            body = revisions.open_body(row.form, row.data, row.sha256, row.size_bytes, key_body)
        except DatabaseDamaged:
            return row.revision
        self._on_body(body)
        return None

    def _key_of(self, revision: int) -> _Key:
        """Return the key frame of a revision's group."""
        group = revisions.group_start(revision)
        if self._key is None or self._key.group != group:
            self._key = self._load_key(group)
        return self._key

    def _load_key(self, group: int) -> _Key:
        """Read and unpack the key frame of a group."""
        frame = revisions.key_frame(self._db, self.rid, group)
        if frame is None:
            return _Key(group, None, None)
        try:
            body = revisions.open_body("key", frame.data, frame.sha256, frame.size_bytes)
        except DatabaseDamaged:
            return _Key(group, frame.revision, None)
        return _Key(group, frame.revision, body)

    def _check_shared(self, row: _Row) -> int | None:
        """Return whose damage makes a revision with a shared body unreadable; None if sound."""
        shared = self._shared = self._shared or self._current()
        if (row.sha256, row.size_bytes) != (shared.sha256, shared.size_bytes):
            return row.revision
        return shared.damaged

    def _current(self) -> _SharedBody:
        """Read and unpack the current body of the workflow."""
        row: Any = self._db.execute(_CURRENT, (self.rid,)).fetchone()
        revision, sha256, size_bytes, data = row
        try:
            revisions.open_body("stored", data, sha256, size_bytes)
        except DatabaseDamaged:
            return _SharedBody(sha256, size_bytes, revision)
        return _SharedBody(sha256, size_bytes, None)
