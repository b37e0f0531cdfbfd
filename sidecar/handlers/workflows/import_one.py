"""Imports one document: decides by the policy what becomes of it, and writes it.

The same document from the same place makes no second workflow, so that an import that was
cancelled or killed is finished by the same call. That needs no note of what was done: an id that is
made depends on the place and the content only, and an id that the file has is compared by content.
"""

import uuid
from pathlib import PurePosixPath
from typing import NamedTuple

from sidecar import digests, limits
from sidecar.context import LongContext
from sidecar.documents.split import Document
from sidecar.errors import DatabaseDamaged, EmptyBody
from sidecar.handlers.workflows.archive import archive_one
from sidecar.handlers.workflows.automatic import PACK_CHORE
from sidecar.handlers.workflows.import_documents import Policy
from sidecar.handlers.workflows.save import CATEGORY_DEFAULT, refuse_emptying
from sidecar.notifications import WorkflowsChanged
from sidecar.store.connection import Connection
from sidecar.store.workflows import header
from sidecar.store.workflows.header import Content, Header, tags_text
from sidecar.store.workflows.imported import (
    Packed,
    find_imported,
    has_body,
    insert_imported,
    write_revision,
)
from sidecar.vocabularies import ImportOutcome, ImportReason


class Incoming(NamedTuple):
    """One document that is to be imported."""

    path: str
    """The name of its file within the import."""
    origin: str
    """The name of its file, to tell it from those of other imports."""
    document: Document
    packed: Packed
    derived_id: str
    """The id that it gets when the one it has is not free."""

    @property
    def source_id(self) -> str | None:
        """Identifies the document when it is imported again: its own id, else its file."""
        if self.document.source is None or self.document.source_id is not None:
            return self.document.source_id
        place = self.document.place
        known = self.origin if place is None else f"{self.origin}#{place}"
        return known[-limits.SOURCE_ID_MAX_CHARS :] or None

    @property
    def name(self) -> str:
        """The name of the document, or of its file."""
        if self.document.name:
            return self.document.name
        place = self.document.place
        stem = PurePosixPath(self.path.replace("\0", "")).stem.strip() or "Imported"
        number = "" if place is None else f" {place + 1}"
        return stem[: limits.NAME_MAX_CHARS - len(number)] + number


class Planned(NamedTuple):
    """A workflow that a dry run would have made."""

    id: str
    content_sha256: bytes


class Done(NamedTuple):
    """The result of a document."""

    outcome: ImportOutcome
    id: str | None
    reason: ImportReason | None = None


def derive_id(key: str, origin: str, document: Document, sha256: bytes) -> str:
    """Return an id, in the form of a UUID, that the same document of the same import gets again."""
    place = "" if document.place is None else str(document.place)
    parts = [key, origin, place, document.own_id or ""]
    digest = digests.new_sha256()
    digest.update(sha256)
    for part in parts:
        digest.update(len(part).to_bytes(4) + part.encode(errors="replace"))
    made = bytearray(digest.digest()[:16])
    made[6], made[8] = made[6] & 0x0F | 0x80, made[8] & 0x3F | 0x80  # version 8, RFC 9562
    return str(uuid.UUID(bytes=bytes(made)))


class Importer:
    """Imports documents one after the other, each in the transaction that the caller has begun."""

    def __init__(self, ctx: LongContext, policy: Policy, *, dry_run: bool) -> None:
        """Import by a policy; a dry run writes nothing and remembers what it would have written."""
        self._ctx = ctx
        self._policy = policy
        self._dry_run = dry_run
        self._done_ids: set[str | None] = set()
        """The workflows of this import: a later document from the same place is another workflow,
        or the two would replace each other at every call."""
        self._planned: dict[str, bytes] = {}
        """In a dry run: the fingerprints of the bodies of new workflows, by id."""
        self._planned_ids: dict[tuple[str | None, str | None], str] = {}
        """In a dry run: the ids of new workflows, by their source and source id."""

    def import_one(self, db: Connection, incoming: Incoming) -> Done:
        """Import one document."""
        try:
            done = self._import(db, incoming)
        except DatabaseDamaged:
            return Done("refused", None, "database_damaged")
        self._done_ids.add(done.id)
        return done

    def _import(self, db: Connection, incoming: Incoming) -> Done:
        """Import one document by the policy."""
        if self._policy == "new":
            return self._create(db, incoming)
        known = self._find_known(db, incoming)
        if known is not None and self._policy == "skip":
            return Done("skipped", known.id, "exists")
        if known is None or known.id in self._done_ids:
            return self._create(db, incoming)
        return self._replace(db, known, incoming)

    def _find_known(self, db: Connection, incoming: Incoming) -> Header | Planned | None:
        """Return the workflow that the document was imported as, or that has its id.

        Of several workflows from one place it is the one that has the document's id.
        """
        document, source_id = incoming.document, incoming.source_id
        planned = self._planned_ids.get((document.source, source_id or document.own_id))
        if planned is not None:
            return Planned(planned, self._planned[planned])
        own = header.find(db, document.own_id) if document.own_id else None
        if document.source is None:
            return own
        if own is not None and (own.source, own.source_id) == (document.source, source_id):
            return own
        return find_imported(db, document.source, source_id) if source_id else None

    def _create(self, db: Connection, incoming: Incoming) -> Done:
        """Write a new workflow, unless the same document from the same place is there."""
        workflow_id, own_id = incoming.derived_id, incoming.document.own_id
        if self._is_taken(db, workflow_id):
            return Done("skipped", workflow_id, "already_imported")
        if own_id is not None and self._is_imported(db, own_id, incoming):
            return Done("skipped", own_id, "already_imported")
        if own_id is not None and not self._is_taken(db, own_id):
            workflow_id = own_id
        if self._dry_run:
            self._planned[workflow_id] = incoming.packed.sha256
            origin = (incoming.document.source, incoming.source_id or workflow_id)
            self._planned_ids.setdefault(origin, workflow_id)
        else:
            self._write_new(db, workflow_id, incoming)
        return Done("created", workflow_id)

    def _is_taken(self, db: Connection, workflow_id: str) -> bool:
        """Return whether a workflow has an id, or would have it after a dry run."""
        return workflow_id in self._planned or header.find_any(db, workflow_id) is not None

    def _is_imported(self, db: Connection, workflow_id: str, incoming: Incoming) -> bool:
        """Return whether the workflow of an id is this document as it was imported before."""
        sha256 = incoming.packed.sha256
        if self._planned.get(workflow_id) == sha256:
            return True
        found = header.find_any(db, workflow_id)
        if found is None or found.damaged:
            return False
        origin = (incoming.document.source, incoming.source_id)
        return (found.source, found.source_id) == origin and has_body(db, found, sha256)

    def _write_new(self, db: Connection, workflow_id: str, incoming: Incoming) -> None:
        """Write a new workflow with its audit entry, and emit its event."""
        document, ctx = incoming.document, self._ctx
        content = Content(
            incoming.name,
            document.description,
            tags_text(document.tags or []),
            document.category or CATEGORY_DEFAULT,
        )
        origin = (document.source, incoming.source_id)
        now_ms = ctx.clock.now_ms()
        new = insert_imported(db, workflow_id, content, incoming.packed, origin, now_ms)
        ctx.audit("workflow_import", new.id, revision=new.revision, created=True)
        ctx.emit(WorkflowsChanged(new.id, new.revision, "created", ctx.audit_seq))
        if document.archived:
            archive_one(ctx, new)

    def _replace(self, db: Connection, old: Header | Planned, incoming: Incoming) -> Done:
        """Write the next revision of a workflow; what the document does not say stays."""
        ctx, document = self._ctx, incoming.document
        if isinstance(old, Planned):
            is_same = old.content_sha256 == incoming.packed.sha256
            return Done("skipped", old.id, "unchanged") if is_same else Done("replaced", old.id)
        if old.archived_at is not None:
            return Done("refused", old.id, "archived")
        try:
            refuse_emptying(ctx, old, document.body, "$.params")
        except EmptyBody:
            return Done("refused", old.id, "empty_body")
        content = Content(
            document.name or old.name,
            old.description if document.description is None else document.description,
            old.tags if document.tags is None else tags_text(document.tags),
            document.category or old.category,
        )
        if content == old.content and incoming.packed.sha256 == old.content_sha256:
            return Done("skipped", old.id, "unchanged")
        if not self._dry_run:
            new = write_revision(db, old, content, incoming.packed, ctx.clock.now_ms())
            ctx.audit("workflow_import", new.id, revision=new.revision, created=False)
            ctx.emit(WorkflowsChanged(new.id, new.revision, "saved", ctx.audit_seq))
            ctx.session.schedule(PACK_CHORE, limits.PACK_PAUSE_MS)
        return Done("replaced", old.id)
