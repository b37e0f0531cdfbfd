"""`runs.get` and `runs.list`."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import DatabaseDamaged, InvalidParams, NotFound
from sidecar.handlers.runs.views import (
    FromAt,
    Run,
    RunWithSummary,
    Status,
    ToAt,
    WorkflowFilter,
    must_find,
    run_fields,
)
from sidecar.store import codec
from sidecar.store.runs import rows
from sidecar.values import (
    Cursor,
    Limit,
    NextCursor,
    RunId,
    decode_cursor,
    encode_cursor,
    query_mark,
    stored_json,
)


class RunsGetParams(Params, frozen=True):
    """The run to read."""

    id: RunId


class RunsGetResult(Result, frozen=True):
    """The run."""

    run: Annotated[RunWithSummary, Meta(description="The run with its summary.")]


@method("runs.get", access="read", errors=(NotFound, DatabaseDamaged))
def get(ctx: Context, params: RunsGetParams) -> RunsGetResult:
    """Return a run with its summary."""
    run = must_find(ctx, params.id)
    stored = rows.load_summary(ctx.db, run.rid)
    summary = stored_json(codec.unpack(*stored)) if stored else None
    return RunsGetResult(RunWithSummary(*run_fields(run, summary)))


class RunsListParams(Params, frozen=True):
    """Which runs to list; every filter that is absent matches all of them."""

    workflow_id: WorkflowFilter = None
    status: Annotated[Status | None, Meta(description="Only runs in this status.")] = None
    from_at: FromAt = None
    to_at: ToAt = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: Annotated[
        Cursor | None, Meta(description="`next_cursor` of the page before; absent: the first page.")
    ] = None


class RunsListResult(Result, frozen=True):
    """A page of runs without their summaries."""

    items: Annotated[list[Run], Meta(description="Newest first.")]
    next_cursor: NextCursor


@method("runs.list", access="read", errors=(NotFound,))
def list_runs(ctx: Context, params: RunsListParams) -> RunsListResult:
    """List runs without their summaries, newest first, a page at a time."""
    workflow = None
    if params.workflow_id is not None:
        workflow = rows.find_workflow(ctx.db, params.workflow_id)
        if workflow is None:
            raise NotFound("No workflow has that id.", path="$.params.workflow_id")
    mark = query_mark(params.workflow_id, params.status, params.from_at, params.to_at)
    before = None
    if params.cursor is not None:
        keys = decode_cursor(params.cursor, str, int, int)
        if keys is None or keys[0] != mark:
            raise InvalidParams(
                "The cursor does not belong to these params; begin again without one.",
                path="$.params.cursor",
            )
        before = (int(keys[1]), int(keys[2]))
    found = rows.read_page(
        ctx.db,
        before,
        params.limit + 1,
        workflow=workflow,
        status=params.status,
        from_at=params.from_at,
        to_at=params.to_at,
    )
    page = found[: params.limit]
    more = len(found) > params.limit
    cursor = encode_cursor(mark, page[-1].started_at, page[-1].rid) if more else None
    return RunsListResult([Run(*run_fields(run)) for run in page], cursor)
