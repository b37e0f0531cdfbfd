"""Reads pages of workflow headers by keyset: a page costs the same at any depth.

Each order has a partial index over the workflows that are not archived, and a page is one search in
it from the key of the last row of the page before. The first page starts from a key before all
rows, so that it is the same statement. A filter that is not part of the order's index is checked
for each row on the way, and nothing is sorted. Only archived workflows, which have no such indexes,
are sorted.

Names are compared without ASCII case, as SQLite's NOCASE does, and equal names by id. Equal times
are ordered by `rid`.
"""

from functools import cache
from typing import Final, Literal, NamedTuple

from sidecar.store.connection import Connection
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header

OrderBy = Literal["updated_at", "created_at", "name"]
Key = tuple[int, int] | tuple[str, str]
"""The values of the order's two columns in the last row of a page; the next begins after it."""

_LAST_TIME: Final = (2**63 - 1, 2**63 - 1)
_FIRST_TIME: Final = (-1, -1)
_FIRST_NAME: Final = ("", "")
_LAST_NAME: Final = (b"", b"")
"""SQLite sorts a blob after every text."""


class Filter(NamedTuple):
    """Which workflows to list: archived ones only or others only; None sets no condition."""

    category: str | None = None
    tag: str | None = None
    archived: bool = False


HAS_TAG: Final = (
    "EXISTS (SELECT 1 FROM workflow_tags t WHERE t.tag = ? AND t.updated_at = w.updated_at"
    " AND t.workflow = w.rid)"
)
"""The condition that a workflow has a tag: one look-up, because the tag's row has updated_at."""


@cache
def _page_sql(
    order_by: OrderBy, *, descending: bool, category: bool, tag: bool, archived: bool
) -> str:
    """Return the statement for a list; its values are tag, category, key and limit, if given."""
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
        # The plus stops the planner from using the category's index and sorting the rows.
        indexed = order_by == "updated_at" and not by_tag_index
        conditions.append(f"{'' if indexed else '+'}w.category = ?")
    collate = " COLLATE NOCASE" if order_by == "name" else ""
    compare, direction = ("<", " DESC") if descending else (">", "")
    # The collation is on the parameter: on the column it would prevent the use of the index.
    conditions.append(f"({keys[0]}, {keys[1]}) {compare} (?{collate}, ?)")
    return (
        f"SELECT {COLUMNS} FROM {source}"  # noqa: S608 - constants
        f" WHERE {' AND '.join(conditions)}"
        f" ORDER BY {keys[0]}{collate}{direction}, {keys[1]}{direction} LIMIT ?"
    )


def _start(order_by: OrderBy, *, descending: bool) -> tuple[object, object]:
    """Return a key before the first row."""
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
    """Return at most `limit` headers after the row with the key `after`; None: the first page."""
    sql = _page_sql(
        order_by,
        descending=descending,
        category=wanted.category is not None,
        tag=wanted.tag is not None,
        archived=wanted.archived,
    )
    given = [value for value in (wanted.tag, wanted.category) if value is not None]
    start = after or _start(order_by, descending=descending)
    return HEADERS.read(db, sql, (*given, *start, limit))


def key_of(header: Header, order_by: OrderBy) -> Key:
    """Return the key of a row; the next page begins after it."""
    if order_by == "name":
        return header.name, header.id
    return (header.updated_at if order_by == "updated_at" else header.created_at), header.rid
