"""`workflows.delete` and `workflows.delete_many`: delete workflows with all that belongs to them.

A workflow with many runs or large revisions is deleted in short steps, each a transaction of its
own: first its runs, oldest first, then its revisions, then the workflow with the rest. A cancel
between two steps leaves the workflow with its newer runs and revisions. Every step requests a
purge.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import NotFound
from sidecar.handlers.workflows.views import WorkflowsItemError
from sidecar.notifications import WorkflowsChanged
from sidecar.repair.mend import find_to_change
from sidecar.store.connection import Connection
from sidecar.store.workflows.delete import (
    Deleted,
    count_runs,
    delete_part,
    delete_workflow,
    is_small,
)
from sidecar.store.workflows.header import find_any
from sidecar.values import Count, WorkflowId


class WorkflowsDeleteParams(Params, frozen=True):
    """The workflow to delete."""

    id: WorkflowId


class WorkflowsDeleteResult(Result, frozen=True):
    """The workflow that was deleted, and what was deleted with it."""

    id: WorkflowId
    runs_deleted: Annotated[Count, Meta(description="Runs deleted with it.")]
    revisions_deleted: Annotated[Count, Meta(description="Earlier revisions deleted with it.")]


@method("workflows.delete", long=True, frees_space=True, errors=(NotFound,))
def delete(ctx: LongContext, params: WorkflowsDeleteParams) -> WorkflowsDeleteResult:
    """Delete a workflow, archived or not, with its body, revisions and runs, for good."""
    return delete_one(ctx, params.id, last=True)


class WorkflowsDeleteManyParams(Params, frozen=True):
    """The workflows to delete."""

    ids: Annotated[
        list[WorkflowId],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 ids; they are deleted in order.",
        ),
    ]


class WorkflowsDeleteManyItem(msgspec.Struct, frozen=True):
    """The result for one id."""

    id: WorkflowId
    deleted: Annotated[
        WorkflowsDeleteResult | None,
        Meta(description="The result of workflows.delete; null when it failed."),
    ]
    error: Annotated[
        WorkflowsItemError | None, Meta(description="Its error; null when it was deleted.")
    ]


class WorkflowsDeleteManyResult(Result, frozen=True):
    """The result for each id."""

    items: Annotated[list[WorkflowsDeleteManyItem], Meta(description="In the order of the params.")]


@method("workflows.delete_many", long=True, frees_space=True)
def delete_many(ctx: LongContext, params: WorkflowsDeleteManyParams) -> WorkflowsDeleteManyResult:
    """Delete several workflows one after the other; the failure of one does not stop the others."""
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
    """Delete one of several workflows; report it when no workflow has the id."""
    try:
        deleted = delete_one(ctx, workflow_id, last=last, reports_runs=False)
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
    reports_runs: bool = True,
    archived_before: int | None = None,
    **details: str,
) -> WorkflowsDeleteResult:
    """Delete one workflow; `details` go into its audit entry.

    With `last` its events are sent after the answer. With `reports_runs` its runs are the
    progress of the request. With `archived_before` the workflow is deleted only while it is
    archived since before that time.

    Raises:
        NotFound: no workflow has that id, or not any more, or it is not archived any more.
    """
    with ctx.reading() as db:
        total = count_runs(db, _find(db, workflow_id, archived_before))
    runs = revisions = 0
    while not _is_small(ctx, workflow_id, archived_before):
        part = _delete_part(ctx, workflow_id, archived_before)
        runs, revisions = runs + part.runs, revisions + part.revisions
        if reports_runs:
            ctx.progress("runs", runs, total, "rows")
    with ctx.writing(last=last) as db:
        find_to_change(db, workflow_id)
        rest = delete_workflow(db, _find(db, workflow_id, archived_before))
        runs, revisions = runs + rest.runs, revisions + rest.revisions
        ctx.audit("workflow_delete", workflow_id, runs=runs, revisions=revisions, **details)
        ctx.emit(WorkflowsChanged(workflow_id, None, "deleted", ctx.audit_seq))
        purging.request(ctx)
    if reports_runs:
        ctx.progress("runs", runs, runs, "rows")
    return WorkflowsDeleteResult(workflow_id, runs, revisions)


def _find(db: Connection, workflow_id: str, archived_before: int | None) -> int:
    """Return the key of the workflow, or raise NotFound when it is not to be deleted any more."""
    header = find_any(db, workflow_id)
    if header is None:
        raise NotFound("No workflow has that id.", path="$.params.id")
    if archived_before is not None and (
        header.archived_at is None or header.archived_at >= archived_before
    ):
        raise NotFound("The workflow is not archived any more.")
    return header.rid


def _is_small(ctx: LongContext, workflow_id: str, archived_before: int | None) -> bool:
    """Return whether what is left of the workflow can be deleted in one step."""
    with ctx.reading() as db:
        return is_small(db, _find(db, workflow_id, archived_before))


def _delete_part(ctx: LongContext, workflow_id: str, archived_before: int | None) -> Deleted:
    """Delete the oldest runs, or when none is left the oldest revisions, in one short step.

    The step has an audit entry of its own, since a cancel may make it the last one.
    """
    with ctx.writing() as db:
        part = delete_part(db, _find(db, workflow_id, archived_before))
        if part.runs:
            ctx.audit("run_delete", workflow_id, runs=part.runs)
        if part.revisions:
            ctx.audit("revision_prune", workflow_id, revisions=part.revisions)
        purging.request(ctx)
    return part
