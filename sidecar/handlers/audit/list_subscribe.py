"""`audit.list`: pages of the log's entries. `audit.subscribe`, `audit.unsubscribe`: its events."""

from contextlib import closing
from typing import Annotated, Any

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.errors import InvalidParams
from sidecar.notifications import ChainHead
from sidecar.pages import take_page
from sidecar.store.audit.log import (
    Entry,
    EntryFilter,
    chain_head,
    count_entries,
    has_action,
    pruned_through,
    read_entries,
)
from sidecar.store.connection import Connection
from sidecar.values import (
    Count,
    CursorParam,
    Limit,
    NextCursor,
    Timestamp,
    encode_cursor,
    query_mark,
)
from sidecar.vocabularies import AuditAction, names_of

_ACTIONS = names_of(AuditAction)

Action = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description=f"One of {', '.join(sorted(_ACTIONS))}; or an action in an imported log.",
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
    if action not in _ACTIONS and not has_action(db, action):
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
    descending: Annotated[
        bool, Meta(description="true: the newest first; absent or null: the oldest first.")
    ] = False
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class AuditListResult(Result, frozen=True):
    """A page of entries."""

    items: Annotated[
        list[AuditEntry], Meta(description="Oldest first, or newest first with `descending`.")
    ]
    next_cursor: NextCursor


@method("audit.list", access="read")
def list_entries(ctx: Context, params: AuditListParams) -> AuditListResult:
    """List entries of the audit log, a page at a time.

    A host that follows the log stores the number of the last entry and passes it as `after`: the
    cursor of the last page is null even if entries are added later.
    """
    if params.action is not None:
        refuse_unknown(ctx.db, params.action, "$.params.action")
    wanted = EntryFilter(params.action, params.resource, params.from_at, params.to_at)
    mark, after = query_mark(*wanted, params.after, params.descending), params.after
    if params.cursor is not None:
        (last,) = read_cursor(params.cursor, mark, int)
        if params.descending:
            wanted = wanted._replace(before=last)
        else:
            after = last
    found = read_entries(ctx.db, after, params.limit + 1, wanted, descending=params.descending)
    with closing(found):
        items, more = take_page(map(_view, found), params.limit)
    return AuditListResult(items, encode_cursor(mark, items[-1].seq) if more else None)


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

    Only entries are replayed, no change events: a host that catches up takes the ids from the
    entries and reads the data that it shows. recipes.md has the steps.
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
