"""Lists of headers by keyset: a page costs the same at any depth of any number of rows.

Every order has a partial index over the live workflows, and a page is one search in it from the
key of the last row before. The first page starts from a key beyond all rows, so that it is the
same statement. Filters that are not part of an order's index are checked on the way along it,
never by sorting; only the archived ones, which have no such indexes, are sorted.

Names compare without ASCII case, as SQLite's NOCASE does, then by id; times then by `rid`.
"""

from functools import cache
from typing import Final, Literal, NamedTuple

from sidecar.store.connection import Connection
from sidecar.store.workflows.header import COLUMNS, Header

OrderBy = Literal["updated_at", "created_at", "name"]
Key = tuple[int, int] | tuple[str, str]
"""Where a page begins: the values of the order's two columns in the last row before it."""

_LAST_TIME: Final = (2**63 - 1, 2**63 - 1)
_FIRST_TIME: Final = (-1, -1)
_FIRST_NAME: Final = ("", "")
_LAST_NAME: Final = (b"", b"")
"""A blob sorts after every text."""


class Filter(NamedTuple):
    """Which workflows; None leaves a member open. Archived ones alone, or live ones alone."""

    category: str | None = None
    tag: str | None = None
    archived: bool = False


HAS_TAG: Final = (
    "EXISTS (SELECT 1 FROM workflow_tags t WHERE t.tag = ? AND t.updated_at = w.updated_at"
    " AND t.workflow = w.rid)"
)
"""One look-up by whole primary key, since a tag's row repeats updated_at."""


@cache
def _page_sql(
    order_by: OrderBy, *, descending: bool, category: bool, tag: bool, archived: bool
) -> str:
    """The statement of one shape of list; its parameters are tag, category, key, limit."""
    by_tag_index = tag and order_by == "updated_at"
    source = "workflows w"
    keys = ("w.name", "w.id") if order_by == "name" else (f"w.{order_by}", "w.rid")
    conditions = [f"w.archived_at IS {'NOT ' if archived else ''}NULL"]
    if by_tag_index:
        source = "workflow_tags t CROSS JOIN workflows w ON w.rid = t.workflow"
        keys = ("t.updated_at", "t.workflow")
        conditions.append("t.tag = ?")
    elif tag:
        conditions.append(HAS_TAG)
    if category:
        # The plus keeps the planner from taking the category's index and sorting what it finds.
        indexed = order_by == "updated_at" and not by_tag_index
        conditions.append(f"{'' if indexed else '+'}w.category = ?")
    collate = " COLLATE NOCASE" if order_by == "name" else ""
    compare, direction = ("<", " DESC") if descending else (">", "")
    # The collation stands on the parameter: on the column it would hide the index's first key.
    conditions.append(f"({keys[0]}, {keys[1]}) {compare} (?{collate}, ?)")
    return (
        f"SELECT {COLUMNS} FROM {source}"  # noqa: S608 - constants
        f" WHERE {' AND '.join(conditions)}"
        f" ORDER BY {keys[0]}{collate}{direction}, {keys[1]}{direction} LIMIT ?"
    )


def _start(order_by: OrderBy, *, descending: bool) -> tuple[object, object]:
    if order_by == "name":
        return _LAST_NAME if descending else _FIRST_NAME
    return _LAST_TIME if descending else _FIRST_TIME


def list_workflows(
    db: Connection,
    wanted: Filter,
    order_by: OrderBy,
    *,
    descending: bool,
    after: Key | None,
    limit: int,
) -> list[Header]:
    """At most `limit` headers behind the row whose key is `after`; None begins the list."""
    sql = _page_sql(
        order_by,
        descending=descending,
        category=wanted.category is not None,
        tag=wanted.tag is not None,
        archived=wanted.archived,
    )
    given = [value for value in (wanted.tag, wanted.category) if value is not None]
    start = after or _start(order_by, descending=descending)
    return [Header(*row) for row in db.execute(sql, (*given, *start, limit))]


def key_of(header: Header, order_by: OrderBy) -> Key:
    """The key a page after this row begins from."""
    if order_by == "name":
        return header.name, header.id
    return (header.updated_at if order_by == "updated_at" else header.created_at), header.rid
