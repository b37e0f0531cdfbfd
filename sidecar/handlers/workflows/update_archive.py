"""`workflows.update`, `duplicate`, `archive` and `unarchive`: changes that leave the body alone."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import (
    check_expected,
    must_find,
    refuse_archived,
    refuse_nul,
    refuse_nul_in,
)
from sidecar.handlers.workflows.save import CategoryParam, Description, Expected, Name
from sidecar.handlers.workflows.save import change as write_change
from sidecar.handlers.workflows.save import create as write_new
from sidecar.handlers.workflows.views import WorkflowsSaveResult, unchanged
from sidecar.notifications import WorkflowsChanged
from sidecar.store import codec
from sidecar.store.workflows import delete as remove
from sidecar.store.workflows import header as headers
from sidecar.store.workflows import save as saves
from sidecar.store.workflows.save import Content
from sidecar.values import Id, Tag, Timestamp, WorkflowId

COPY_SUFFIX = " (copy)"


class WorkflowsUpdateParams(Params, frozen=True):
    """Which workflow, and what to set; members left out stay as they are."""

    id: WorkflowId
    name: Annotated[Name, Meta(description="1 to 512 characters; absent: stays.")] | UnsetType = (
        UNSET
    )
    description: Annotated[
        Description | UnsetType | None,
        Meta(description="At most 16384 characters; null clears it; absent: stays."),
    ] = UNSET
    tags: Annotated[
        Annotated[list[Tag], Meta(max_length=limits.TAGS_MAX)] | UnsetType,
        Meta(description="All its tags, at most 64, duplicates fold; absent: they stay."),
    ] = UNSET
    category: Annotated[
        CategoryParam | UnsetType, Meta(description="1 to 64 characters; absent: stays.")
    ] = UNSET
    expected_revision: Expected = None


@method("workflows.update", access="write", errors=(NotFound, Archived, Conflict))
def update(ctx: Context, params: WorkflowsUpdateParams) -> WorkflowsSaveResult:
    """Change a workflow's name, description, tags or category without sending its body.

    Its revision rises unless nothing changes: then nothing is written.
    """
    refuse_nul(
        "$.params",
        name=params.name or None,
        description=params.description or None,
        category=params.category or None,
    )
    if params.tags is not UNSET:
        refuse_nul_in("$.params.tags", params.tags)
    old = must_find(ctx.db, params.id)
    refuse_archived(old)
    check_expected(old, params.expected_revision)
    content = Content(
        old.name if params.name is UNSET else params.name,
        old.description if params.description is UNSET else params.description,
        old.tags if params.tags is UNSET else saves.tags_text(params.tags),
        old.category if params.category is UNSET else params.category,
    )
    if content == saves.content_of(old):
        return unchanged(old)
    return write_change(ctx, old, content, None)


class WorkflowsDuplicateParams(Params, frozen=True):
    """Which workflow, and what its copy is called."""

    id: WorkflowId
    new_id: Annotated[
        Id | None, Meta(description="Id of the copy; one is made when null or absent.")
    ] = None
    name: Annotated[
        Name | None,
        Meta(description="Name of the copy; null or absent: the name with ` (copy)` behind it."),
    ] = None


@method("workflows.duplicate", access="write", errors=(NotFound, Conflict, DatabaseDamaged))
def duplicate(ctx: Context, params: WorkflowsDuplicateParams) -> WorkflowsSaveResult:
    """Copy a workflow, archived or not, to a new live one at revision 1 without runs."""
    refuse_nul("$.params", new_id=params.new_id, name=params.name)
    stored = headers.load(ctx.db, params.id)
    if stored is None:
        raise NotFound("There is no workflow by that id.", path="$.params.id")
    new_id = params.new_id
    if new_id is None:
        new_id = ctx.clock.new_id()
    elif taken := headers.find(ctx.db, new_id):
        raise Conflict(
            "There is a workflow by that id already.",
            path="$.params.new_id",
            revision=taken.revision,
            updated_at=taken.updated_at,
        )
    kept = limits.NAME_MAX_CHARS - len(COPY_SUFFIX)
    name = params.name or stored.header.name[:kept] + COPY_SUFFIX
    content = saves.content_of(stored.header)._replace(name=name)
    # Unpacked and packed again, so that damage is found here and not copied.
    packed = codec.pack(stored.body(), stored.header.content_sha256)
    return write_new(ctx, new_id, content, packed)


class WorkflowsArchiveParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsArchiveResult(Result, frozen=True):
    """Since when it is archived."""

    id: WorkflowId
    archived_at: Timestamp


@method("workflows.archive", access="write", errors=(NotFound,))
def archive(ctx: Context, params: WorkflowsArchiveParams) -> WorkflowsArchiveResult:
    """Take a workflow out of the lists and refuse changes to it; again changes nothing."""
    header = must_find(ctx.db, params.id)
    if header.archived_at is not None:
        return WorkflowsArchiveResult(header.id, header.archived_at)
    archived_at = ctx.clock.now_ms()
    remove.set_archived(ctx.db, header.rid, archived_at)
    ctx.audit("workflow_archive", header.id)
    ctx.emit(WorkflowsChanged(header.id, header.revision, "archived"))
    return WorkflowsArchiveResult(header.id, archived_at)


class WorkflowsUnarchiveParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsUnarchiveResult(Result, frozen=True):
    """That it is live."""

    id: WorkflowId
    archived_at: Annotated[None, Meta(description="Always null: it is live.")]


@method("workflows.unarchive", access="write", errors=(NotFound,))
def unarchive(ctx: Context, params: WorkflowsUnarchiveParams) -> WorkflowsUnarchiveResult:
    """Bring an archived workflow back as it was; one that is live stays as it is."""
    header = must_find(ctx.db, params.id)
    if header.archived_at is not None:
        remove.set_archived(ctx.db, header.rid, None)
        ctx.audit("workflow_unarchive", header.id)
        ctx.emit(WorkflowsChanged(header.id, header.revision, "unarchived"))
    return WorkflowsUnarchiveResult(header.id, None)
