"""A revision of a workflow, current or earlier, for the methods that read one."""

import msgspec

from sidecar.errors import NotFound
from sidecar.store.connection import Connection
from sidecar.store.workflows import header as headers
from sidecar.store.workflows import revisions
from sidecar.store.workflows import save as saves
from sidecar.store.workflows.header import Header
from sidecar.store.workflows.revisions import Metadata, Revised
from sidecar.store.workflows.save import Content


def content_of(metadata: Metadata) -> Content:
    """A revision's content beside its body, as a save takes it."""
    return Content(
        metadata.name, metadata.description, saves.tags_text(metadata.tags), metadata.category
    )


def must_load(db: Connection, header: Header, revision: int, member: str = "revision") -> Revised:
    """A revision of a workflow, the current one included.

    Raises:
        NotFound: it was never made, or it has been pruned.
        DatabaseDamaged: its body is not the one that was saved.
    """
    if revision == header.revision:
        stored = headers.load(db, header.id)
        if stored is not None:
            content = saves.content_of(header)
            metadata = Metadata(
                content.name,
                content.description,
                msgspec.json.decode(content.tags, type=list[str]),
                content.category,
            )
            return Revised(metadata, stored.body(), header.updated_at, header.stored_bytes)
    found = revisions.load(db, header, revision)
    if found is None:
        raise NotFound(
            "There is no such revision; it was never made, or has been pruned.",
            path=f"$.params.{member}",
            revision=header.revision,
        )
    return found
