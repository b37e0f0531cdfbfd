"""`audit.list`, `audit.subscribe` and `audit.unsubscribe`."""

from contextlib import closing
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import InvalidParams
from sidecar.notifications import ChainHead
from sidecar.store.audit import log as audit
from sidecar.store.audit.actions import ACTIONS
from sidecar.store.audit.log import Entry
from sidecar.store.connection import Connection
from sidecar.values import Count, Limit, Timestamp, stored_json

Action = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description=f"One of {', '.join(sorted(ACTIONS))}; or one of an imported log's.",
    ),
]
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


def _refuse_unknown(db: Connection, action: str, path: str) -> None:
    """Refuse what is neither of our actions nor in the log, which may be an imported one."""
    if action not in ACTIONS and not audit.has_action(db, action):
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
        _refuse_unknown(ctx.db, params.action, "$.params.action")
    found = audit.entries(
        ctx.db,
        params.after,
        params.limit + 1,
        action=params.action,
        resource=params.resource,
        from_at=params.from_at,
        to_at=params.to_at,
    )
    items: list[AuditEntry] = []
    room = limits.ANSWER_MAX_BYTES - limits.ANSWER_ROOM_BYTES
    with closing(found):
        for entry in found:
            view = _view(entry)
            room -= len(msgspec.json.encode(view)) + 1
            # One entry alone is always sent, so that every page gets further.
            if items and (room < 0 or len(items) == params.limit):
                return AuditListResult(items, items[-1].seq)
            items.append(view)
    return AuditListResult(items, None)


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
        _refuse_unknown(ctx.db, action, f"$.params.actions[{index}]")
    actions = None if params.actions is None else frozenset(params.actions)
    head = audit.head(ctx.db)
    # A reader ahead of the log knew another one: what comes from now on is new to it all the same.
    after = None if params.after is None else min(params.after, head.seq)
    replayed = 0 if after is None else audit.count_after(ctx.db, after, actions)
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
