"""`audit.list`: pages of the log's entries. `audit.subscribe`, `audit.unsubscribe`: its events."""

from contextlib import closing
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.errors import InvalidParams
from sidecar.notifications import ChainHead
from sidecar.store.audit.log import (
    Entry,
    chain_head,
    count_entries,
    has_action,
    pruned_through,
    read_entries,
)
from sidecar.store.connection import Connection
from sidecar.values import Count, Limit, Timestamp
from sidecar.vocabularies import AUDIT_ACTIONS, AuditAction

Action = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description=f"One of {', '.join(sorted(AUDIT_ACTIONS))}; or an action in an imported log.",
    ),
]
Seq = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of an entry.")]


class AuditEntry(MayBeDamaged, frozen=True):
    """An entry of the log."""

    seq: Annotated[Seq, Meta(description="Number of the entry; numbers have no gaps.")]
    action: AuditAction
    resource: Annotated[str, Meta(description="Id of what the act was done to.")]
    at: Timestamp
    details: Annotated[dict[str, Any], Meta(description="Ids, revisions and counts of the act.")]
    mac: Annotated[str, Meta(description="Code of the entry in the chain, lower-case hex.")]


def _view(entry: Entry) -> AuditEntry:
    """Return a stored entry as answers carry it."""
    return AuditEntry(*entry.members(), damaged=entry.damaged)


def refuse_unknown(db: Connection, action: str, path: str) -> None:
    """Refuse an action that this program never logs and that the log does not have.

    An imported log may have actions of the program it came from.

    Raises:
        InvalidParams: `action`, which is at `path` of the request, is not known.
    """
    if action not in AUDIT_ACTIONS and not has_action(db, action):
        raise InvalidParams("There is no such action.", path=path)


class AuditListParams(Params, frozen=True):
    """Which entries to list; every filter that is absent matches all of them."""

    after: Annotated[Seq, Meta(description="Only entries with a higher number; absent: all.")] = 0
    action: Annotated[Action | None, Meta(description="Only entries of this action.")] = None
    resource: Annotated[
        Annotated[str, Meta(max_length=limits.ID_TEXT_MAX_CHARS)] | None,
        Meta(description="Only entries about this id."),
    ] = None
    from_at: Annotated[
        Timestamp | None, Meta(description="Only entries of this time or later.")
    ] = None
    to_at: Annotated[Timestamp | None, Meta(description="Only entries before this time.")] = None
    limit: Limit = limits.PAGE_DEFAULT


class AuditListResult(Result, frozen=True):
    """A page of entries."""

    items: Annotated[list[AuditEntry], Meta(description="Oldest first.")]
    next_after: Annotated[
        int | None, Meta(description="The `after` of the next page; null on the last page.")
    ]


@method("audit.list", access="read")
def list_entries(ctx: Context, params: AuditListParams) -> AuditListResult:
    """List entries of the audit log, oldest first, a page at a time."""
    if params.action is not None:
        refuse_unknown(ctx.db, params.action, "$.params.action")
    found = read_entries(
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
            # The first entry is always sent, so that each page gets further.
            if items and (room < 0 or len(items) == params.limit):
                return AuditListResult(items, items[-1].seq)
            items.append(view)
    return AuditListResult(items, None)


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
    pruned_through: Annotated[
        Count,
        Meta(
            description="Newest entry that was pruned, 0 for none: with an `after` below it entries"
            " are missing from the replay."
        ),
    ]
    head: Annotated[ChainHead, Meta(description="The newest entry.")]


@method("audit.subscribe", access="read")
def subscribe(ctx: Context, params: AuditSubscribeParams) -> AuditSubscribeResult:
    """Send audit and change events from now on, after the stored entries that `after` asks for.

    Only entries are replayed, no change events: a host that was away takes the ids from the
    entries and asks for what it shows. recipes.md has the steps.
    """
    for index, action in enumerate(params.actions or []):
        refuse_unknown(ctx.db, action, f"$.params.actions[{index}]")
    actions = None if params.actions is None else frozenset(params.actions)
    head = chain_head(ctx.db)
    # An `after` beyond the newest entry is of another log: then all entries to come are new.
    after = None if params.after is None else min(params.after, head.seq)
    replayed = 0 if after is None else count_entries(ctx.db, after, actions)
    ctx.session.subscribe(actions, after)
    return AuditSubscribeResult(
        replayed, pruned_through(ctx.db), ChainHead(head.seq, head.mac.hex())
    )


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
