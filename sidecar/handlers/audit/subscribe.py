"""`audit.subscribe` and `audit.unsubscribe`."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.handlers.audit.list import Action, Seq, refuse_unknown
from sidecar.notifications import ChainHead
from sidecar.store.audit.log import chain_head, count_entries
from sidecar.values import Count


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
        refuse_unknown(ctx.db, action, f"$.params.actions[{index}]")
    actions = None if params.actions is None else frozenset(params.actions)
    head = chain_head(ctx.db)
    # A reader ahead of the log knew another one: what comes from now on is new to it all the same.
    after = None if params.after is None else min(params.after, head.seq)
    replayed = 0 if after is None else count_entries(ctx.db, after, actions)
    ctx.session.subscribe(actions, after)
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
