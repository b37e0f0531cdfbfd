"""`audit.list`: pages of the log's entries."""

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


def refuse_unknown(db: Connection, action: str, path: str) -> None:
    """Refuse what is neither of our actions nor in the log, which may be an imported one."""
    if action not in ACTIONS and not has_action(db, action):
        raise InvalidParams("There is no such action.", path=path)


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
            # One entry alone is always sent, so that every page gets further.
            if items and (room < 0 or len(items) == params.limit):
                return AuditListResult(items, items[-1].seq)
            items.append(view)
    return AuditListResult(items, None)
