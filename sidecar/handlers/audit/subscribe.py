"""`audit.subscribe` and `audit.unsubscribe`: whether the client is sent events."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.handlers.audit.list import Action, Seq, refuse_unknown
from sidecar.notifications import ChainHead
from sidecar.store.audit.log import chain_head, count_entries
from sidecar.values import Count


class AuditSubscribeParams(Params, frozen=True):
    """Which events to send."""

    actions: Annotated[
        Annotated[list[Action], Meta(max_length=64)] | None,
        Meta(description="Only entries of these actions; absent or null: of all."),
    ] = None
    after: Annotated[
        Seq | None,
        Meta(description="Send stored entries with a higher number first; absent or null: none."),
    ] = None


class AuditSubscribeResult(Result, frozen=True):
    """What is sent first, and the head of the log."""

    replayed: Annotated[Count, Meta(description="Number of stored entries that are sent first.")]
    head: Annotated[ChainHead, Meta(description="The newest entry.")]


@method("audit.subscribe", access="read")
def subscribe(ctx: Context, params: AuditSubscribeParams) -> AuditSubscribeResult:
    """Send audit and change events from now on, after the stored entries that `after` asks for."""
    for index, action in enumerate(params.actions or []):
        refuse_unknown(ctx.db, action, f"$.params.actions[{index}]")
    actions = None if params.actions is None else frozenset(params.actions)
    head = chain_head(ctx.db)
    # An `after` beyond the newest entry is of another log: then all entries to come are new.
    after = None if params.after is None else min(params.after, head.seq)
    replayed = 0 if after is None else count_entries(ctx.db, after, actions)
    ctx.session.subscribe(actions, after)
    return AuditSubscribeResult(replayed, ChainHead(head.seq, head.mac.hex()))


class AuditUnsubscribeParams(Params, frozen=True):
    """No params."""


class AuditUnsubscribeResult(Result, frozen=True):
    """Nothing is returned."""


@method("audit.unsubscribe")
def unsubscribe(ctx: Context, params: AuditUnsubscribeParams) -> AuditUnsubscribeResult:
    """Stop sending audit and change events."""
    del params
    ctx.session.unsubscribe()
    return AuditUnsubscribeResult()
