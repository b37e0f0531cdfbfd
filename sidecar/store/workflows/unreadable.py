"""Looks at every earlier revision and tells which cannot be read any more, and through which.

Owns nothing that is stored and repairs nothing. Revisions are read newest first, workflow by
workflow: what a revision leans on (the next one's body, or the key frame of its group) is then at
hand, so that every frame is unpacked once and two bodies at most are in memory.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sidecar.errors import DatabaseDamaged
from sidecar.store.connection import Connection
from sidecar.store.workflows import revisions

_ALL: Final = (
    "SELECT v.workflow, w.id, v.revision, v.metadata, v.form, v.data, v.sha256, v.size_bytes"
    " FROM workflow_revisions v CROSS JOIN workflows w ON w.rid = v.workflow"
    " ORDER BY v.workflow DESC, v.revision DESC"
)
_CURRENT: Final = (
    "SELECT w.revision, w.content_sha256, w.size_bytes, b.data FROM workflows w"
    " LEFT JOIN workflow_bodies b ON b.rid = w.rid WHERE w.rid = ?"
)


class Lost(NamedTuple):
    """A stored body that is damaged, and what is lost with it."""

    workflow_id: str
    revision: int
    """The revision whose body is damaged; the current one's where others share that."""
    revisions: list[int]
    """The earlier revisions that cannot be read, oldest first: it and those that lean on it."""


class _Row(NamedTuple):
    """One earlier revision, whole."""

    rid: int
    workflow_id: str
    revision: int
    metadata: str
    form: revisions.Form
    data: bytes | None
    sha256: bytes
    size_bytes: int


class _Held(NamedTuple):
    """The body that revisions without one of their own share: the next newer that has one."""

    sha256: bytes
    size_bytes: int
    root: int | None
    """The revision whose damage lost it; None when it is sound."""


def find(db: Connection, step: Callable[[int], None]) -> Iterator[Lost]:
    """Every damaged body of an earlier revision; `step` is told of the revisions done so far."""
    look: _Look | None = None
    for done, row in enumerate(map(_Row._make, db.execute(_ALL)), 1):
        if look is None or look.rid != row.rid:
            if look is not None:
                yield from look.found()
            look = _Look(db, row.rid, row.workflow_id)
        look.at(row)
        step(done)
    if look is not None:
        yield from look.found()


class _Key(NamedTuple):
    """The key frame of the group that is looked at."""

    group: int
    revision: int | None
    body: bytes | None
    """None when it is damaged, or there is none."""


class _Look:
    """The look at one workflow's revisions, from its newest on."""

    def __init__(self, db: Connection, rid: int, workflow_id: str) -> None:
        self.rid = rid
        self._db = db
        self._id = workflow_id
        self._key: _Key | None = None
        self._held: _Held | None = None
        self._lost: dict[int, list[int]] = {}

    def at(self, row: _Row) -> None:
        """Look at the next older revision."""
        if row.form == "same":
            root = self._by_sharing(row)
        else:
            root = self._by_itself(row)
            self._held = _Held(row.sha256, row.size_bytes, root)
        if root is None and not revisions.is_metadata(row.metadata):
            root = row.revision
        if root is not None:
            self._lost.setdefault(root, []).append(row.revision)

    def found(self) -> Iterator[Lost]:
        """What was lost, newest damage first."""
        for root, lost in self._lost.items():
            yield Lost(self._id, root, sorted(lost))

    def _by_itself(self, row: _Row) -> int | None:
        """Whose damage loses a revision that has a body of its own."""
        key = self._key_of(row.revision) if row.form == "delta" else None
        if key is not None and key.revision is not None and key.body is None:
            return key.revision
        key_body = None if key is None else key.body
        try:
            revisions.open_body(row.form, row.data, row.sha256, row.size_bytes, key_body)
        except DatabaseDamaged:
            return row.revision
        return None

    def _key_of(self, revision: int) -> _Key:
        group = revisions.group_start(revision)
        if self._key is None or self._key.group != group:
            self._key = self._load_key(group)
        return self._key

    def _load_key(self, group: int) -> _Key:
        frame = revisions.key_frame(self._db, self.rid, group)
        if frame is None:
            return _Key(group, None, None)
        try:
            body = revisions.open_body("key", frame.data, frame.sha256, frame.size_bytes)
        except DatabaseDamaged:
            return _Key(group, frame.revision, None)
        return _Key(group, frame.revision, body)

    def _by_sharing(self, row: _Row) -> int | None:
        """Whose damage loses a revision that shares the next one's body."""
        held = self._held = self._held or self._current()
        if (row.sha256, row.size_bytes) != (held.sha256, held.size_bytes):
            return row.revision
        return held.root

    def _current(self) -> _Held:
        row: Any = self._db.execute(_CURRENT, (self.rid,)).fetchone()
        revision, sha256, size_bytes, data = row
        try:
            revisions.open_body("stored", data, sha256, size_bytes)
        except DatabaseDamaged:
            return _Held(sha256, size_bytes, revision)
        return _Held(sha256, size_bytes, None)
