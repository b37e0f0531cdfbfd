"""`workflows.delete` and `workflows.delete_many`: a workflow with all that belongs to it.

Many runs go in short batches first, each a transaction of its own, the workflow last; a cancel
between two batches leaves the workflow with its newer runs. Deleting asks for a purge.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.checks import must_find
from sidecar.handlers.workflows.views import WorkflowsItemError
from sidecar.notifications import WorkflowsChanged
from sidecar.store import purge
from sidecar.store.workflows import remove
from sidecar.values import Count, WorkflowId


class WorkflowsDeleteParams(Params, frozen=True):
    """Which workflow."""

    id: WorkflowId


class WorkflowsDeleteResult(Result, frozen=True):
    """What went with it."""

    id: WorkflowId
    runs_deleted: Annotated[Count, Meta(description="Runs deleted with it.")]
    revisions_deleted: Annotated[Count, Meta(description="Earlier revisions deleted with it.")]


@method("workflows.delete", long=True, frees=True, errors=(NotFound,))
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


@method("workflows.delete_many", long=True, frees=True)
def delete_many(ctx: LongContext, params: WorkflowsDeleteManyParams) -> WorkflowsDeleteManyResult:
    """Delete several workflows one after the other; one that fails does not stop the others."""
    items: list[WorkflowsDeleteManyItem] = []
    total = len(params.ids)
    for done, workflow_id in enumerate(params.ids):
        ctx.progress("workflows", done, total, "workflows")
        items.append(_delete_one(ctx, workflow_id, last=done == total - 1))
    ctx.progress("workflows", total, total, "workflows")
    return WorkflowsDeleteManyResult(items)


def _delete_one(ctx: LongContext, workflow_id: str, *, last: bool) -> WorkflowsDeleteManyItem:
    try:
        deleted = delete_one(ctx, workflow_id, last=last, shows_runs=False)
    except NotFound as fault:
        error = WorkflowsItemError(fault.code, fault.slug, fault.message)
        return WorkflowsDeleteManyItem(workflow_id, None, error)
    return WorkflowsDeleteManyItem(workflow_id, deleted, None)


def delete_one(
    ctx: LongContext, workflow_id: str, *, last: bool, shows_runs: bool = True, **details: str
) -> WorkflowsDeleteResult:
    """Delete one workflow; with `last` its events follow the answer, `details` go into its entry.

    Raises:
        NotFound: there is none, or somebody else deleted it meanwhile.
    """
    with ctx.reading() as db:
        total = remove.count_runs(db, must_find(db, workflow_id).rid)
    runs_before = 0
    while total - runs_before > limits.RUNS_DELETE_INLINE_MAX:
        gone = _delete_run_batch(ctx, workflow_id)
        runs_before += gone
        if shows_runs:
            ctx.progress("runs", runs_before, total, "rows")
        if gone < limits.RUNS_DELETE_BATCH:
            break
    with ctx.writing(last=last) as db:
        deleted = remove.delete(db, must_find(db, workflow_id).rid)
        runs = runs_before + deleted.runs
        counts = {"runs": runs, "revisions": deleted.revisions}
        ctx.audit("workflow_delete", workflow_id, **counts, **details)
        ctx.emit(WorkflowsChanged(workflow_id, None, "deleted"))
    ctx.session.schedule(purge.CHORE, limits.PURGE_PAUSE_MS)
    if shows_runs:
        ctx.progress("runs", runs, runs, "rows")
    return WorkflowsDeleteResult(workflow_id, runs, deleted.revisions)


def _delete_run_batch(ctx: LongContext, workflow_id: str) -> int:
    """Delete the oldest runs in one short step, with an audit entry of its own.

    The entry is the step's and not the whole delete's, since a cancel may leave it at that.
    """
    with ctx.writing() as db:
        header = must_find(db, workflow_id)
        gone = remove.delete_oldest_runs(db, header.rid, limits.RUNS_DELETE_BATCH)
        ctx.audit("run_delete", workflow_id, runs=gone)
    return gone
