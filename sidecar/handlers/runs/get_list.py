"""`runs.get` and `runs.list`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.bodies.parse import is_json
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.errors import NotFound
from sidecar.handlers.runs.views import (
    FromAt,
    Run,
    RunWithSummary,
    ToAt,
    Trigger,
    WorkflowFilter,
    must_find,
    run_view,
)
from sidecar.store import codec
from sidecar.store.runs import rows
from sidecar.store.runs.rows import RunFilter, RunHeader
from sidecar.values import (
    Cursor,
    Limit,
    NextCursor,
    RunId,
    Total,
    TotalCapped,
    TotalParam,
    encode_cursor,
    query_mark,
    stored_json,
)
from sidecar.vocabularies import RunStatus


class RunsGetParams(Params, frozen=True):
    """The run to read."""

    id: RunId


class RunsGetResult(Result, frozen=True):
    """The run."""

    run: Annotated[RunWithSummary, Meta(description="The run with its summary.")]


@method("runs.get", access="read", errors=(NotFound,))
def get(ctx: Context, params: RunsGetParams) -> RunsGetResult:
    """Return a run with its summary."""
    run = must_find(ctx, params.id)
    stored = rows.load_summary(ctx.db, run.rid)
    summary = stored_json(_as_json(codec.unpack(*stored), run)) if stored else None
    shown = msgspec.structs.asdict(run_view(run))
    return RunsGetResult(RunWithSummary(**shown, summary=summary))


def _as_json(summary: bytes, run: RunHeader) -> bytes:
    """Return a stored summary as JSON; some that were cut have been stored without quotes."""
    if run.summary_state != "truncated" or is_json(summary):
        return summary
    return msgspec.json.encode(summary.decode(errors="ignore"))


class RunsListParams(Params, frozen=True):
    """Which runs to list; every filter that is absent matches all of them."""

    workflow_id: WorkflowFilter = None
    statuses: Annotated[
        list[RunStatus] | None,
        Meta(description="Only runs in any of these statuses; null, empty or absent: in any."),
    ] = None
    interrupted: Annotated[
        bool | None, Meta(description="true: only interrupted runs; false: only others.")
    ] = None
    waiting: Annotated[
        bool | None, Meta(description="true: only waiting runs; false: only others.")
    ] = None
    trigger: Annotated[Trigger | None, Meta(description="Only runs with this trigger.")] = None
    from_at: FromAt = None
    to_at: ToAt = None
    limit: Limit = limits.PAGE_DEFAULT
    cursor: Annotated[
        Cursor | None, Meta(description="`next_cursor` of the page before; absent: the first page.")
    ] = None
    total: TotalParam = None


class RunsListResult(Result, frozen=True):
    """A page of runs without their summaries."""

    items: Annotated[list[Run], Meta(description="Newest first.")]
    next_cursor: NextCursor
    total: Total
    total_capped: TotalCapped


@method("runs.list", access="read", errors=(NotFound,))
def list_runs(ctx: Context, params: RunsListParams) -> RunsListResult:
    """List runs without their summaries, newest first, a page at a time."""
    wanted = _filter(params)
    before = None
    if params.cursor is not None:
        started_at, rid = read_cursor(params.cursor, query_mark(*wanted), int, int)
        before = (started_at, rid)
    found = rows.read_page(ctx.db, before, params.limit + 1, wanted)
    if not found:
        _must_have_workflow(ctx, params.workflow_id)
    page = found[: params.limit]
    cursor = None
    if len(found) > params.limit:
        cursor = encode_cursor(query_mark(*wanted), *rows.key_after(ctx.db, page[-1]))
    items = [run_view(run) for run in page]
    if not params.total:
        return RunsListResult(items, cursor, None, total_capped=False)
    total = rows.count(ctx.db, wanted, limits.TOTAL_MAX + 1)
    capped = total > limits.TOTAL_MAX
    return RunsListResult(items, cursor, total - capped, capped)


def _must_have_workflow(ctx: Context, workflow_id: str | None) -> None:
    """Refuse the id of no workflow, of which there are no runs.

    Raises:
        NotFound: no workflow has the id.
    """
    if workflow_id is not None and not rows.has_workflow(ctx.db, workflow_id):
        raise NotFound("No workflow has that id.", path="$.params.workflow_id")


def _filter(params: RunsListParams) -> RunFilter:
    """Return the filter that the params describe."""
    return RunFilter(
        params.workflow_id,
        tuple(sorted(set(params.statuses))) if params.statuses else None,
        params.interrupted,
        params.waiting,
        params.trigger,
        params.from_at,
        params.to_at,
    )
