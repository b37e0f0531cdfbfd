"""`workflows.update`, which leaves the body as it is, and `workflows.duplicate`."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sidecar import limits
from sidecar.catalog import Params, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, NotFound
from sidecar.handlers.workflows import checks, save
from sidecar.handlers.workflows.views import Name, WorkflowsSaveResult
from sidecar.store.workflows.header import Content, find, load, tags_text
from sidecar.values import Id, Tag, WorkflowId


class WorkflowsUpdateParams(Params, frozen=True):
    """The workflow, and what to set; members that are absent stay as they are."""

    id: WorkflowId
    name: (
        Annotated[Name, Meta(description="1 to 512 characters; null or absent: it stays.")]
        | UnsetType
    ) = UNSET
    description: Annotated[
        save.Description | UnsetType | None,
        Meta(description="At most 16384 characters; null removes it; absent: it stays."),
    ] = UNSET
    tags: Annotated[
        Annotated[list[Tag], Meta(max_length=limits.TAGS_MAX)] | UnsetType | None,
        Meta(
            description="All its tags, at most 64, each kept once; null removes them; absent: they"
            " stay."
        ),
    ] = UNSET
    category: Annotated[
        save.CategoryParam | UnsetType | None,
        Meta(description="1 to 64 characters; null: `general` again; absent: it stays."),
    ] = UNSET
    expected_revision: save.Expected = None


@method("workflows.update", access="write", errors=(NotFound, Archived, Conflict))
def update(ctx: Context, params: WorkflowsUpdateParams) -> WorkflowsSaveResult:
    """Change a workflow's name, description, tags or category without sending its body.

    The revision rises by one unless nothing changes: then nothing is written.
    """
    checks.refuse_nul(
        "$.params",
        name=params.name or None,
        description=params.description or None,
        category=params.category or None,
    )
    if params.tags is not UNSET:
        checks.refuse_nul_in("$.params.tags", params.tags or [])
    old = checks.must_find_to_change(ctx.db, params.id)
    checks.refuse_archived(old)
    checks.check_expected(old, params.expected_revision)
    content = Content(
        old.name if params.name is UNSET else params.name,
        old.description if params.description is UNSET else params.description,
        old.tags if params.tags is UNSET else tags_text(params.tags or []),
        old.category if params.category is UNSET else params.category or save.CATEGORY_DEFAULT,
    )
    return save.save_revision(ctx, old, content, None)


COPY_SUFFIX = " (copy)"


class WorkflowsDuplicateParams(Params, frozen=True):
    """The workflow to copy, and the id and name of the copy."""

    id: WorkflowId
    new_id: Annotated[
        Id | None, Meta(description="Id of the copy; a new one when null or absent.")
    ] = None
    name: Annotated[
        Name | None,
        Meta(description="Name of the copy; null or absent: the name followed by ` (copy)`."),
    ] = None


@method("workflows.duplicate", access="write", errors=(NotFound, Conflict))
def duplicate(ctx: Context, params: WorkflowsDuplicateParams) -> WorkflowsSaveResult:
    """Copy a workflow, archived or not, to a new live one at revision 1 without runs."""
    checks.refuse_nul("$.params", new_id=params.new_id, name=params.name)
    stored = load(ctx.db, params.id)
    if stored is None:
        raise NotFound("No workflow has that id.", path="$.params.id")
    new_id = params.new_id
    if new_id is None:
        new_id = ctx.clock.new_id()
    elif taken := find(ctx.db, new_id):
        raise Conflict(
            "A workflow has that id already.",
            path="$.params.new_id",
            revision=taken.revision,
            updated_at=taken.updated_at,
        )
    name_chars = limits.NAME_MAX_CHARS - len(COPY_SUFFIX)
    name = params.name or stored.header.name[:name_chars] + COPY_SUFFIX
    content = stored.header.content._replace(name=name)
    # The body is unpacked here and packed again, so that damage is found and not copied.
    return save.save_new(ctx, new_id, content, stored.body(), stored.header.content_sha256)
