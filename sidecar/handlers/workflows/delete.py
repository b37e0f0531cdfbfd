"""`workflows.delete` and `workflows.delete_many`: a workflow with all that belongs to it.

What is much goes in short steps first, runs and then revisions, each a transaction of its own, the
workflow last; a cancel between two steps leaves the workflow with what is newer. Deleting asks for
a purge.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.checks import must_find
from sidecar.handlers.workflows.views import WorkflowsItemError
from sidecar.notifications import WorkflowsChanged
from sidecar.store.connection import Connection
from sidecar.store.workflows.delete import (
    Deleted,
    count_runs,
    delete_part,
    delete_workflow,
    is_small,
)
from sidecar.values import Count, WorkflowId


class WorkflowsDeleteParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsDeleteResult(Result, frozen=True):
    """What went with it."""

    id: WorkflowId
    runs_deleted: Annotated[Count, Meta(description="Runs deleted with it.")]
    revisions_deleted: Annotated[Count, Meta(description="Earlier revisions deleted with it.")]


@method("workflows.delete", long=True, frees_space=True, errors=(NotFound,))
def delete(ctx: LongContext, params: WorkflowsDeleteParams) -> WorkflowsDeleteResult:
    """Delete a workflow, archived or not, with its body, revisions and runs, for good."""
    return delete_one(ctx, params.id, last=True)


class WorkflowsDeleteManyParams(Params, frozen=True):
    """Which workflows."""

    ids: Annotated[
        list[WorkflowId],
        Meta(max_length=limits.MANY_MAX_ITEMS, description="At most 100 ids, taken in order."),
    ]


class WorkflowsDeleteManyItem(msgspec.Struct, frozen=True):
    """What became of one."""

    id: WorkflowId
    deleted: Annotated[
        WorkflowsDeleteResult | None, Meta(description="As workflows.delete; null if it failed.")
    ]
    error: Annotated[
        WorkflowsItemError | None, Meta(description="Why it failed; null if it was deleted.")
    ]


class WorkflowsDeleteManyResult(Result, frozen=True):
    """One entry for each id, in the same order."""

    items: Annotated[list[WorkflowsDeleteManyItem], Meta(description="In the order given.")]


@method("workflows.delete_many", long=True, frees_space=True)
def delete_many(ctx: LongContext, params: WorkflowsDeleteManyParams) -> WorkflowsDeleteManyResult:
    """Delete several workflows one after the other; one that fails does not stop the others."""
    items: list[WorkflowsDeleteManyItem] = []
    total = len(params.ids)
    for done, workflow_id in enumerate(params.ids):
        ctx.progress("workflows", done, total, "workflows")
        items.append(_delete_one(ctx, workflow_id, done, last=done == total - 1))
    ctx.progress("workflows", total, total, "workflows")
    return WorkflowsDeleteManyResult(items)


def _delete_one(
    ctx: LongContext, workflow_id: str, index: int, *, last: bool
) -> WorkflowsDeleteManyItem:
    try:
        deleted = delete_one(ctx, workflow_id, last=last, shows_runs=False)
    except NotFound as fault:
        fault.data["path"] = f"$.params.ids[{index}]"
        error = WorkflowsItemError.of(fault)
        return WorkflowsDeleteManyItem(workflow_id, None, error)
    return WorkflowsDeleteManyItem(workflow_id, deleted, None)


def delete_one(
    ctx: LongContext,
    workflow_id: str,
    *,
    last: bool,
    shows_runs: bool = True,
    archived_before: int | None = None,
    **details: str,
) -> WorkflowsDeleteResult:
    """Delete one workflow; with `last` its events follow the answer, `details` go into its entry.

    With `archived_before` it goes only while it is archived since before that time.

    Raises:
        NotFound: there is none, or somebody else deleted it or took it back meanwhile.
    """
    with ctx.reading() as db:
        total = count_runs(db, _find(db, workflow_id, archived_before))
    before = Deleted(0, 0)
    while not _fits_one_step(ctx, workflow_id, archived_before):
        gone = _delete_step(ctx, workflow_id, archived_before)
        before = Deleted(before.runs + gone.runs, before.revisions + gone.revisions)
        if shows_runs:
            ctx.progress("runs", before.runs, total, "rows")
    with ctx.writing(last=last) as db:
        deleted = delete_workflow(db, _find(db, workflow_id, archived_before))
        runs, revisions = before.runs + deleted.runs, before.revisions + deleted.revisions
        ctx.audit("workflow_delete", workflow_id, runs=runs, revisions=revisions, **details)
        ctx.emit(WorkflowsChanged(workflow_id, None, "deleted"))
        purging.request(ctx)
    if shows_runs:
        ctx.progress("runs", runs, runs, "rows")
    return WorkflowsDeleteResult(workflow_id, runs, revisions)


def _find(db: Connection, workflow_id: str, archived_before: int | None) -> int:
    """The workflow's rid, if it is still to go."""
    header = must_find(db, workflow_id)
    if archived_before is not None and (
        header.archived_at is None or header.archived_at >= archived_before
    ):
        raise NotFound("It is not in the trash any more.")
    return header.rid


def _fits_one_step(ctx: LongContext, workflow_id: str, archived_before: int | None) -> bool:
    with ctx.reading() as db:
        return is_small(db, _find(db, workflow_id, archived_before))


def _delete_step(ctx: LongContext, workflow_id: str, archived_before: int | None) -> Deleted:
    """Delete the oldest runs, then revisions, in one short step with an audit entry of its own.

    The entry is the step's and not the whole delete's, since a cancel may leave it at that.
    """
    with ctx.writing() as db:
        gone = delete_part(db, _find(db, workflow_id, archived_before))
        if gone.runs:
            ctx.audit("run_delete", workflow_id, runs=gone.runs)
        if gone.revisions:
            ctx.audit("revision_prune", workflow_id, revisions=gone.revisions)
        purging.request(ctx)
    return gone
