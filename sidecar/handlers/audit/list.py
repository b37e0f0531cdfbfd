"""`audit.list`: pages of the log's entries, and what subscribing shares with it."""

from contextlib import closing
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import InvalidParams
from sidecar.store.audit.actions import ACTIONS
from sidecar.store.audit.log import Entry, has_action, read_entries
from sidecar.store.connection import Connection
from sidecar.values import Limit, Timestamp, stored_json

Action = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description=f"One of {', '.join(sorted(ACTIONS))}; or an action in an imported log.",
    ),
]
Seq = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of an entry.")]


class AuditEntry(Struct, frozen=True):
    """An entry of the log."""

    seq: Annotated[Seq, Meta(description="Number of the entry; numbers have no gaps.")]
    action: Annotated[str, Meta(description="The act that was done.")]
    resource: Annotated[str, Meta(description="Id of what the act was done to.")]
    at: Timestamp
    details: Annotated[dict[str, Any], Meta(description="Ids, revisions and counts of the act.")]
    mac: Annotated[str, Meta(description="Code of the entry in the chain, lower-case hex.")]


def _view(entry: Entry) -> AuditEntry:
    """Return a stored entry as answers carry it."""
    return AuditEntry(*entry[:4], stored_json(entry.details), entry.mac.hex())


def refuse_unknown(db: Connection, action: str, path: str) -> None:
    """Refuse an action that this program never logs and that the log does not have.

    An imported log may have actions of the program it came from.

    Raises:
        InvalidParams: `action`, which is at `path` of the request, is not known.
    """
    if action not in ACTIONS and not has_action(db, action):
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
