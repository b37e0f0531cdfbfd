"""`runs.start` and `runs.progress`: record a run while it is executed."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, InvalidParams, NotFound
from sidecar.handlers.runs.running import note_start, resume, tell
from sidecar.handlers.runs.views import Run, Trigger, must_find, run_view
from sidecar.store.runs import rows
from sidecar.store.runs.rows import Counters, Start
from sidecar.values import Revision, RunId, Timestamp, WorkflowId
from sidecar.vocabularies import RunStatus

# --- runs.start -------------------------------------------------------------------------------


class RunsStartParams(Params, frozen=True):
    """The workflow that is executed, and what is known of the run."""

    workflow_id: WorkflowId
    id: Annotated[RunId | None, Meta(description="Id of the run; a new one when absent.")] = None
    revision: Annotated[
        Revision | None,
        Meta(description="Revision that is executed; the current one when absent."),
    ] = None
    trigger: Annotated[
        Trigger | None,
        Meta(description="What caused the run, in the words of the app, 1 to 64 characters."),
    ] = None
    started_at: Annotated[
        Timestamp | None,
        Meta(description="When it began, not in the future; now when absent."),
    ] = None


class RunsStartResult(Result, frozen=True):
    """The run, and whether this call made it."""

    run: Annotated[Run, Meta(description="The whole run as it is now.")]
    created: Annotated[bool, Meta(description="False when a run with this id was there already.")]


@method("runs.start", access="write", errors=(NotFound, Archived, Conflict))
def start(ctx: Context, params: RunsStartParams) -> RunsStartResult:
    """Start a run; starting the same id on the same workflow again changes nothing."""
    db = ctx.db
    if params.id is not None:
        run = rows.find(db, params.id)
        if run is not None:
            if run.workflow_id != params.workflow_id:
                raise Conflict("A run of another workflow has that id.", path="$.params.id")
            return RunsStartResult(run_view(run), created=False)
    workflow = rows.find_owner(db, params.workflow_id)
    if workflow is None:
        raise NotFound("No workflow has that id.", path="$.params.workflow_id")
    if workflow.archived_at is not None:
        raise Archived(path="$.params.workflow_id")
    revision = params.revision or workflow.revision
    if revision > workflow.revision:
        raise NotFound("The workflow has no such revision yet.", path="$.params.revision")
    run_id, now = params.id or ctx.clock.new_id(), ctx.clock.now_ms()
    at = now if params.started_at is None else params.started_at
    if at > now:
        raise InvalidParams("A run cannot start in the future.", path="$.params.started_at")
    began = Start(run_id, workflow.rid, revision, at, now, params.trigger)
    rows.start(db, began)
    if params.started_at is None:
        note_start(ctx, run_id, at)
    tell(ctx, run_id, params.workflow_id, "running", "started")
    return RunsStartResult(_begun(began, params.workflow_id), created=True)


def _begun(began: Start, workflow_id: str) -> Run:
    """Return a run that has just begun, which need not be read, as lists show it."""
    return Run(
        began.id, workflow_id, began.revision, "running", False, False, began.trigger,
        began.started_at, None, None, None, False, None, None, 0, 0, 0, False,
    )  # fmt: skip


# --- runs.progress ----------------------------------------------------------------------------

_Total = Annotated[
    float,
    Meta(
        ge=0,
        le=limits.SAFE_INTEGER_MAX,
        multiple_of=1,
        # A whole number that is written as 12.0 is an integer in JSON Schema, too.
        extra_json_schema={"type": "integer"},
    ),
]
BlocksExecuted = Annotated[
    _Total | None, Meta(description="Blocks executed so far; absent or null: as before.")
]
TokensUsed = Annotated[
    _Total | None, Meta(description="Tokens used so far; absent or null: as before.")
]
ApiCallsMade = Annotated[
    _Total | None, Meta(description="API calls made so far; absent or null: as before.")
]


def counters(blocks: float | None, tokens: float | None, calls: float | None) -> Counters:
    """Return the totals of a request as whole numbers."""
    return Counters(
        None if blocks is None else int(blocks),
        None if tokens is None else int(tokens),
        None if calls is None else int(calls),
    )


class RunsProgressParams(Params, frozen=True):
    """What a run has used so far: totals, not increments; and whether it waits."""

    id: RunId
    blocks_executed: BlocksExecuted = None
    tokens_used: TokensUsed = None
    api_calls_made: ApiCallsMade = None
    waiting: Annotated[
        bool | None,
        Meta(
            description="true: a person or a time is awaited, and a restart does not interrupt the"
            " run; false: no longer; absent or null: as before."
        ),
    ] = None


class RunsProgressResult(Result, frozen=True):
    """The run, which is running."""

    id: RunId
    status: Annotated[RunStatus, Meta(description="Always `running`.")]
    waiting: Annotated[bool, Meta(description="Whether it awaits a person or a time.")]
    resumed: Annotated[
        bool, Meta(description="Whether it was interrupted, and this call took it up again.")
    ]


@method("runs.progress", access="write", errors=(NotFound, Conflict))
def progress(ctx: Context, params: RunsProgressParams) -> RunsProgressResult:
    """Record what a running run has used so far, whether it waits, and that it is running now.

    An interrupted run is resumed.
    """
    run = must_find(ctx, params.id)
    resumed = resume(ctx, run)
    if run.status != "running" and not resumed:
        raise Conflict("The run has ended.", path="$.params.id", status=run.status)
    totals = counters(params.blocks_executed, params.tokens_used, params.api_calls_made)
    rows.update_progress(ctx.db, run.rid, totals, ctx.clock.now_ms(), waiting=params.waiting)
    if not resumed:
        tell(ctx, run.id, run.workflow_id, "running", "progress")
    waiting = bool(run.waiting) if params.waiting is None else params.waiting
    return RunsProgressResult(run.id, "running", waiting, resumed)
