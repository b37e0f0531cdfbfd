"""`workflows.update_many`: changes what a list shows of several workflows, in one transaction."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Archived, DatabaseDamaged, InvalidParams, NotFound
from sidecar.handlers.workflows import checks, save
from sidecar.handlers.workflows.archive import archive_one, unarchive_one
from sidecar.handlers.workflows.views import WorkflowsItemError
from sidecar.store.workflows.header import Content, Header, tags_text
from sidecar.values import Revision, Tag, Timestamp, WorkflowId

Tags = Annotated[list[Tag], Meta(max_length=limits.TAGS_MAX)]


class WorkflowsUpdateManyParams(Params, frozen=True):
    """The workflows, and what to change in each; what is absent stays as it is."""

    ids: Annotated[
        list[WorkflowId],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 ids; they are changed in order.",
        ),
    ]
    archived: Annotated[
        bool | None,
        Meta(
            description="true: archive them, after the other changes; false: unarchive them, before"
            " the other changes; null or absent: they stay as they are."
        ),
    ] = None
    category: Annotated[
        save.CategoryParam | None,
        Meta(description="Their category, 1 to 64 characters; null or absent: it stays."),
    ] = None
    add_tags: Annotated[
        Tags | None,
        Meta(
            description="Tags to add, at most 64, after those that each workflow has; null or"
            " absent: none."
        ),
    ] = None
    remove_tags: Annotated[
        Tags | None,
        Meta(
            description="Tags to remove, at most 64, before others are added; null or absent: none."
        ),
    ] = None


class WorkflowsUpdateManyUpdated(msgspec.Struct, frozen=True):
    """A workflow after the changes."""

    revision: Revision
    changed: Annotated[
        bool, Meta(description="False when everything was so already: then nothing was written.")
    ]
    updated_at: Timestamp
    archived_at: Annotated[
        Timestamp | None, Meta(description="When it was archived; null while it is live.")
    ]


class WorkflowsUpdateManyItem(msgspec.Struct, frozen=True):
    """The result for one id."""

    id: WorkflowId
    updated: Annotated[
        WorkflowsUpdateManyUpdated | None,
        Meta(description="The workflow after the changes; null after an error: it is as before."),
    ]
    error: Annotated[
        WorkflowsItemError | None, Meta(description="Its error; null when there is none.")
    ]


class WorkflowsUpdateManyResult(Result, frozen=True):
    """The result for each id."""

    items: Annotated[list[WorkflowsUpdateManyItem], Meta(description="In the order of the params.")]


@method("workflows.update_many", access="write")
def update_many(ctx: Context, params: WorkflowsUpdateManyParams) -> WorkflowsUpdateManyResult:
    """Archive, unarchive, categorise or tag several workflows in one transaction.

    An error of one workflow (`not_found`, `archived`, `database_damaged`, or `invalid_params` when
    it would have too many tags) is in its result, and the others are changed nevertheless. Each is
    changed as by workflows.update, workflows.archive and workflows.unarchive: with their audit
    entries, events and revisions.
    """
    checks.refuse_nul("$.params", category=params.category)
    checks.refuse_nul_in("$.params.add_tags", params.add_tags or [])
    return WorkflowsUpdateManyResult(
        [_update_or_skip(ctx, params, index) for index in range(len(params.ids))]
    )


def _update_or_skip(
    ctx: Context, params: WorkflowsUpdateManyParams, index: int
) -> WorkflowsUpdateManyItem:
    """Change one workflow under a savepoint; an error that is its own undoes its changes alone."""
    workflow_id = params.ids[index]
    try:
        with ctx.savepoint():
            updated = _update(ctx, params, workflow_id, f"$.params.ids[{index}]")
    except (Archived, DatabaseDamaged, InvalidParams, NotFound) as fault:
        return WorkflowsUpdateManyItem(workflow_id, None, WorkflowsItemError.of(fault))
    return WorkflowsUpdateManyItem(workflow_id, updated, None)


def _update(
    ctx: Context, params: WorkflowsUpdateManyParams, workflow_id: str, path: str
) -> WorkflowsUpdateManyUpdated:
    """Change one workflow, the id of which is at `path` of the request."""
    changes_content = bool(params.category or params.add_tags or params.remove_tags)
    find = checks.must_find_to_change if changes_content else checks.must_find
    old = find(ctx.db, workflow_id, path)
    now = old
    if params.archived is False:
        unarchive_one(ctx, old)
        now = old._replace(archived_at=None)
    if changes_content:
        checks.refuse_archived(now, path)
        saved = save.save_revision(ctx, now, _content(old, params), None)
        now = now._replace(revision=saved.revision, updated_at=saved.updated_at)
    if params.archived:
        now = now._replace(archived_at=archive_one(ctx, now))
    return WorkflowsUpdateManyUpdated(now.revision, now != old, now.updated_at, now.archived_at)


def _content(old: Header, params: WorkflowsUpdateManyParams) -> Content:
    """Return the content of a workflow after the changes.

    Raises:
        InvalidParams: it would have more tags than a workflow can have.
    """
    removed = params.remove_tags or ()
    tags = [tag for tag in msgspec.json.decode(old.tags, type=list[str]) if tag not in removed]
    tags = list(dict.fromkeys([*tags, *(params.add_tags or ())]))
    if len(tags) > limits.TAGS_MAX:
        raise InvalidParams(
            f"The workflow would have more than {limits.TAGS_MAX} tags.", path="$.params.add_tags"
        )
    return old.content._replace(tags=tags_text(tags), category=params.category or old.category)
