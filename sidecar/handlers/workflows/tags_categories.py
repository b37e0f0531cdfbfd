"""`workflows.tags`, `workflows.categories` and `workflows.rename_tag`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.handlers.workflows.checks import refuse_nul
from sidecar.notifications import WorkflowsChanged
from sidecar.pages import page_of
from sidecar.store.connection import Connection
from sidecar.store.workflows.tags import count_categories, count_tagged, count_tags, replace_tag
from sidecar.values import Category, Count, CursorParam, Limit, NextCursor, Tag

RENAME_STEP = 50
"""Workflows that are changed in one step; each takes 0.2 ms, as a save without its body does."""


class WorkflowsTagsParams(Params, frozen=True):
    """Which page of tags to list."""

    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsTagCount(msgspec.Struct, frozen=True):
    """A tag that live workflows have."""

    tag: Tag
    workflows: Annotated[Count, Meta(description="How many live workflows have it.")]


class WorkflowsTagsResult(Result, frozen=True):
    """A page of the tags that live workflows have."""

    items: Annotated[list[WorkflowsTagCount], Meta(description="By tag, in code point order.")]
    next_cursor: NextCursor


@method("workflows.tags", access="read")
def tags(ctx: Context, params: WorkflowsTagsParams) -> WorkflowsTagsResult:
    """List the tags of live workflows with the number of workflows that have each."""
    page, next_cursor = page_of(count_tags(ctx.db), _name, params.limit, params.cursor)
    return WorkflowsTagsResult([WorkflowsTagCount(*row) for row in page], next_cursor)


def _name(row: tuple[str, int]) -> tuple[str]:
    """Return what lists of tags and of categories are sorted by."""
    return (str(row[0]),)


class WorkflowsCategoriesParams(Params, frozen=True):
    """Which page of categories to list."""

    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsCategoryCount(msgspec.Struct, frozen=True):
    """A category of live workflows."""

    category: Category
    workflows: Annotated[Count, Meta(description="How many live workflows are in it.")]


class WorkflowsCategoriesResult(Result, frozen=True):
    """A page of the categories of live workflows."""

    items: Annotated[
        list[WorkflowsCategoryCount], Meta(description="By category, in code point order.")
    ]
    next_cursor: NextCursor


@method("workflows.categories", access="read")
def categories(
    ctx: Context,
    params: WorkflowsCategoriesParams,
) -> WorkflowsCategoriesResult:
    """List the categories of live workflows with the number of workflows in each."""
    page, next_cursor = page_of(count_categories(ctx.db), _name, params.limit, params.cursor)
    return WorkflowsCategoriesResult([WorkflowsCategoryCount(*row) for row in page], next_cursor)


class WorkflowsRenameTagParams(Params, frozen=True):
    """The tag to rename, and its new text."""

    tag: Annotated[Tag, Meta(description="The tag as it is now, compared exactly.")]
    new_tag: Annotated[
        Tag, Meta(description="Its new text; a workflow that has this tag already has it once.")
    ]


class WorkflowsRenameTagResult(Result, frozen=True):
    """How many workflows had the tag."""

    workflows_changed: Annotated[Count, Meta(description="Workflows in which the tag was renamed.")]


@method("workflows.rename_tag", long=True)
def rename_tag(ctx: LongContext, params: WorkflowsRenameTagParams) -> WorkflowsRenameTagResult:
    """Rename a tag in every workflow, archived ones too; the revision of each rises by one.

    Many workflows are changed in steps; after a cancel those changed so far stay renamed.
    """
    refuse_nul("$.params", new_tag=params.new_tag)
    if params.tag == params.new_tag:
        return WorkflowsRenameTagResult(0)
    with ctx.reading() as db:
        total = count_tagged(db, params.tag)
    done = 0
    while total - done > RENAME_STEP:
        with ctx.writing() as db:
            changed = _rename_step(ctx, db, params, RENAME_STEP)
        done += changed
        ctx.progress("workflows", done, total, "workflows")
        if changed < RENAME_STEP:
            break
    with ctx.writing(last=True) as db:
        done += _rename_step(ctx, db, params, None)
    ctx.progress("workflows", done, done, "workflows")
    return WorkflowsRenameTagResult(done)


def _rename_step(
    ctx: LongContext, db: Connection, params: WorkflowsRenameTagParams, limit: int | None
) -> int:
    """Rename the tag in at most `limit` workflows, with one audit entry; return how many."""
    changed = replace_tag(db, params.tag, params.new_tag, limit, ctx.clock.now_ms())
    if changed:
        ctx.audit("tag_rename", "tags", workflows=len(changed))
    for header in changed:
        ctx.emit(WorkflowsChanged(header.id, header.revision, "saved", ctx.audit_seq))
    return len(changed)
