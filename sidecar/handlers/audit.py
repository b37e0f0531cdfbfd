"""Methods of the audit log: reading it, streaming it, and verifying its chain."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import InvalidParams
from sidecar.notifications import ChainHead
from sidecar.store import audit
from sidecar.store.audit import Entry
from sidecar.store.audit_actions import ACTIONS
from sidecar.values import Count, Limit, Timestamp, stored_json

Action = Annotated[str, Meta(min_length=1, max_length=64, description="One of the known actions.")]
Seq = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of an entry.")]


class AuditEntry(Struct, frozen=True):
    """One entry of the log."""

    seq: Annotated[Seq, Meta(description="Number of the entry, without gaps.")]
    action: Annotated[str, Meta(description="What was done.")]
    resource: Annotated[str, Meta(description="Id of what it was done to.")]
    at: Timestamp
    details: Annotated[dict[str, Any], Meta(description="Ids, revisions and counts only.")]
    mac: Annotated[str, Meta(description="Chain code, lower-case hex.")]


def _view(entry: Entry) -> AuditEntry:
    return AuditEntry(
        entry.seq,
        entry.action,
        entry.resource,
        entry.at,
        stored_json(entry.details),
        entry.mac.hex(),
    )


def _known(action: str, path: str) -> None:
    if action not in ACTIONS:
        raise InvalidParams("There is no such action.", path=path)


# --- audit.list -------------------------------------------------------------------------------


class AuditListParams(Params, frozen=True):
    """Which entries; absent filters let all through."""

    after: Annotated[Seq, Meta(description="Only entries numbered above it; absent: all.")] = 0
    action: Annotated[Action | None, Meta(description="Only of this action.")] = None
    resource: Annotated[
        Annotated[str, Meta(max_length=limits.ID_TEXT_MAX_CHARS)] | None,
        Meta(description="Only about this id."),
    ] = None
    from_at: Annotated[Timestamp | None, Meta(description="Only at or after.")] = None
    to_at: Annotated[Timestamp | None, Meta(description="Only before.")] = None
    limit: Limit = limits.PAGE_DEFAULT


class AuditListResult(Result, frozen=True):
    """One page of entries."""

    items: Annotated[list[AuditEntry], Meta(description="Oldest first.")]
    next_after: Annotated[
        int | None, Meta(description="Give it as `after` for the next page; null on the last.")
    ]


@method("audit.list", access="read")
def list_entries(ctx: Context, params: AuditListParams) -> AuditListResult:
    """List entries of the audit log, oldest first."""
    if params.action is not None:
        _known(params.action, "$.params.action")
    entries = audit.page(
        ctx.db,
        params.after,
        params.limit + 1,
        action=params.action,
        resource=params.resource,
        from_at=params.from_at,
        to_at=params.to_at,
    )
    page = entries[: params.limit]
    more = len(entries) > params.limit
    return AuditListResult([_view(entry) for entry in page], page[-1].seq if more else None)


# --- audit.subscribe, audit.unsubscribe -------------------------------------------------------


class AuditSubscribeParams(Params, frozen=True):
    """Which events to stream."""

    actions: Annotated[
        Annotated[list[Action], Meta(max_length=64)] | None,
        Meta(description="Only of these actions; absent or null: all."),
    ] = None
    after: Annotated[
        Seq | None, Meta(description="Replay entries numbered above it first; absent: none.")
    ] = None


class AuditSubscribeResult(Result, frozen=True):
    """What is going to be sent."""

    replayed: Annotated[Count, Meta(description="How many stored entries are sent first.")]
    head: Annotated[ChainHead, Meta(description="Head of the chain now.")]


@method("audit.subscribe", access="read")
def subscribe(ctx: Context, params: AuditSubscribeParams) -> AuditSubscribeResult:
    """Stream audit and change events from now on, replaying missed entries first if asked."""
    for index, action in enumerate(params.actions or []):
        _known(action, f"$.params.actions[{index}]")
    actions = None if params.actions is None else frozenset(params.actions)
    replayed = 0 if params.after is None else audit.count_after(ctx.db, params.after, actions)
    head = audit.head(ctx.db)
    ctx.session.subscribe(actions, params.after)
    return AuditSubscribeResult(replayed, ChainHead(head.seq, head.mac.hex()))


class AuditUnsubscribeParams(Params, frozen=True):
    """Nothing to choose."""


class AuditUnsubscribeResult(Result, frozen=True):
    """Nothing to tell."""


@method("audit.unsubscribe")
def unsubscribe(ctx: Context, params: AuditUnsubscribeParams) -> AuditUnsubscribeResult:
    """Stop `audit.event` and `workflows.changed`."""
    del params
    ctx.session.unsubscribe()
    return AuditUnsubscribeResult()


# --- audit.verify -----------------------------------------------------------------------------


class AuditAnchor(Struct, frozen=True, forbid_unknown_fields=True):
    """A head that the shell has kept outside the database."""

    seq: Annotated[int, Meta(ge=1, le=limits.SAFE_INTEGER_MAX, description="Number of the entry.")]
    mac: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="Its code, lower-case hex.")]


class AuditVerifyParams(Params, frozen=True):
    """What the chain is held against."""

    expect: Annotated[
        AuditAnchor | None, Meta(description="A head kept outside that the chain must contain.")
    ] = None


class AuditVerifyResult(Result, frozen=True):
    """What the walk over the chain found."""

    status: Annotated[
        Literal[
            "ok", "unsealed", "locked", "tampered", "truncated", "rolled_back", "forked", "pruned"
        ],
        Meta(description="`unsealed`: sound, but nothing is sealed yet."),
    ]
    first_bad_seq: Annotated[int | None, Meta(description="First entry that does not fit.")]
    reason: Annotated[
        Literal["mac", "gap", "state_head", "expect"] | None, Meta(description="What does not fit.")
    ]
    verified_from: Annotated[Count, Meta(description="First entry walked over.")]
    verified_to: Annotated[Count, Meta(description="Last sound entry.")]
    pruned_through: Annotated[Count, Meta(description="Newest entry that was pruned, 0 for none.")]
    head: Annotated[ChainHead, Meta(description="Head by the chain's state row.")]


@method("audit.verify", long=True)
def verify(ctx: LongContext, params: AuditVerifyParams) -> AuditVerifyResult:
    """Recompute the whole chain and compare its end with the state row and an outside anchor."""
    expect = None if params.expect is None else (params.expect.seq, params.expect.mac)

    def step(done: int, total: int) -> None:
        ctx.check_cancelled()
        ctx.progress("verify", done, total, "entries")

    with ctx.reading() as db:
        db.execute("BEGIN")
        found = audit.verify(db, expect, step)
    head = ChainHead(found.head.seq, found.head.mac.hex())
    return AuditVerifyResult(*found[:-1], head=head)  # type: ignore[arg-type]  # one by one the same
