"""Reads pages of workflow headers by keyset: a page costs the same at any depth.

Each order has a partial index over the workflows that are not archived, and a page is one search in
it from the key of the last row of the page before. The first page starts from a key before all
rows, so that it is the same statement. A filter that is not part of the order's index is checked
for each row on the way, and nothing is sorted: the rows of several tags are merged. Only archived
workflows, which have no such indexes, are sorted, and the few of a rare tag, category or source,
which such a search would have to read the whole index to find.

Names are ordered by their stored key (`folding.sort_key`), and equal ones by id. Equal times are
ordered by `rid`. By `last_run_at`, workflows that never ran come last in both directions: they
are a list of their own, by `rid`, which begins where the other one ends.
"""

import math
from functools import cache
from typing import Final, Literal, NamedTuple, cast

from sidecar import limits
from sidecar.limits import SAFE_INTEGER_MAX
from sidecar.store.connection import Connection
from sidecar.store.rows import DAMAGED_NAME, as_text, read_cells
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header

OrderBy = Literal["updated_at", "created_at", "last_run_at", "name"]
Key = tuple[int, int] | tuple[str, str]
"""The values of the order's two columns in the last row of a page; the next begins after it."""

_AFTER_ALL: Final = (b"\xff" * 9, b"\xff")
"""A key after every row: SQLite sorts a blob after numbers and texts, also in a damaged cell."""

_AFTER_NAMES: Final = ("\U0010ffff" * 4, "")
_FIRST_TIME: Final = (-SAFE_INTEGER_MAX, -1)

_BY_NUMBER: Final = "\0damaged."
"""In a key, the beginning of the id of a row with an id that no text is equal to: its number."""

NEVER: Final = -SAFE_INTEGER_MAX
"""In a key, the time of the last run of a workflow that never ran."""


class Filter(NamedTuple):
    """Which workflows to list: archived ones only or others only; no more conditions by default."""

    category: str | None = None
    tags: tuple[str, ...] = ()
    """Tags of which a workflow has one at least."""
    archived: bool = False
    source: str | None = None
    source_id: str | None = None


class Order(NamedTuple):
    """In which order to list workflows."""

    by: OrderBy
    descending: bool


_Few = Literal["tags", "category", "source", "source_id"]


class _Shape(NamedTuple):
    """The parts of a query on which the text of a page's statement depends."""

    order: Order
    tags: int
    category: bool
    archived: bool
    never_run: bool
    """Whether the page is one of workflows that never ran, which is ordered by `rid` alone."""
    few: _Few | None
    """The filter by which the rows are found, and then sorted; None: by the order's index."""
    source: bool = False
    after_number: bool = False
    """Whether the id that the page begins after is that of the row with a number."""


def has_tag(tags: int) -> str:
    """Return the condition that a workflow has any of so many tags: a look-up for each.

    The rows of tags have updated_at, and with it they are found by their primary key.
    """
    return (
        f"EXISTS (SELECT 1 FROM workflow_tags t WHERE t.tag IN ({_places(tags)})"  # noqa: S608 - constants
        " AND t.updated_at = w.updated_at AND t.workflow = w.rid)"
    )


_IN_CATEGORY: Final = "FROM workflows c WHERE c.archived_at IS NULL AND c.category = ?"
_FROM_SOURCE: Final = "FROM workflows s WHERE s.archived_at IS NULL AND s.source = ?"


def _tagged(tags: int) -> str:
    return f"FROM workflow_tags t WHERE t.tag IN ({_places(tags)})"


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _is_by_tag_index(shape: _Shape) -> bool:
    """Return whether the rows of tags are read in their own order, which is by `updated_at`."""
    return shape.tags > 0 and shape.order.by == "updated_at" and shape.few is None


def _keys(shape: _Shape) -> tuple[str, ...]:
    """Return the columns that a page is ordered by, which no two rows have in common."""
    if shape.never_run:
        return ("w.rid",)
    if _is_by_tag_index(shape):
        return ("t.updated_at", "t.workflow")
    return ("w.name_key", "w.id") if shape.order.by == "name" else (f"w.{shape.order.by}", "w.rid")


@cache
def _page_sql(shape: _Shape) -> str:
    """Return the statement for a page; `_values` returns its values."""
    order = shape.order
    direction = " DESC" if order.descending else ""
    if _is_by_tag_index(shape) and shape.tags > 1:
        # UNION merges the rows of the tags, each in its order, and keeps a workflow once; it needs
        # no further sorting, as SQLite sees.
        rows = _rows_sql(shape, "t.updated_at AS at, t.workflow AS rid")
        return (
            f"SELECT {COLUMNS} FROM ({' UNION '.join([rows] * shape.tags)}"  # noqa: S608 - constants
            f" ORDER BY at{direction}, rid{direction} LIMIT ?) AS k"
            " CROSS JOIN workflows w ON w.rid = k.rid"
            f" ORDER BY k.at{direction}, k.rid{direction}"
        )
    by = ", ".join(f"{key}{direction}" for key in _keys(shape))
    return f"{_rows_sql(shape, COLUMNS)} ORDER BY {by} LIMIT ?"


def _rows_sql(shape: _Shape, columns: str) -> str:
    """Return the statement of all rows after a key, in any order; by the index of tags, of one."""
    order, keys = shape.order, _keys(shape)
    source = "workflows w" if shape.few is None else "workflows w NOT INDEXED"
    conditions = [f"w.archived_at IS {'NOT ' if shape.archived else ''}NULL"]
    if _is_by_tag_index(shape):
        source = "workflow_tags t CROSS JOIN workflows w ON w.rid = t.workflow"
        conditions.append("t.tag = ?")
    elif shape.few == "tags":
        conditions.append(f"w.rid IN (SELECT t.workflow {_tagged(shape.tags)})")
    elif shape.tags:
        conditions.append(has_tag(shape.tags))
    if shape.few == "category":
        conditions.append(f"w.rid IN (SELECT c.rid {_IN_CATEGORY})")
    elif shape.category:
        # The plus stops the planner from using the category's index and sorting the rows.
        indexed = order.by == "updated_at" and not (shape.tags or shape.source)
        conditions.append(f"{'' if indexed else '+'}w.category = ?")
    if shape.few == "source_id":
        conditions.append("w.rid IN (SELECT i.rid FROM workflows i WHERE i.source_id = ?)")
    if shape.few == "source":
        conditions.append(f"w.rid IN (SELECT s.rid {_FROM_SOURCE})")
    elif shape.source:
        indexed = order.by == "updated_at" and not (shape.tags or shape.category)
        conditions.append(f"{'' if indexed else '+'}w.source = ?")
    if shape.never_run:
        conditions.append("w.last_run_at IS NULL")
    sign = "<" if order.descending else ">"
    conditions.append(f"({', '.join(keys)}) {sign} ({_after_places(shape)})")
    return f"SELECT {columns} FROM {source} WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants


def _after_places(shape: _Shape) -> str:
    """Return the places of the key that a page begins after."""
    if shape.after_number:
        return "?, (SELECT d.id FROM workflows d WHERE d.rid = ?)"
    return _places(len(_keys(shape)))


def _start(order: Order) -> Key:
    """Return a key before the first row."""
    if order.descending:
        return cast(Key, _AFTER_ALL)
    return ("", "") if order.by == "name" else _FIRST_TIME


def list_workflows(
    db: Connection, wanted: Filter, order: Order, *, after: Key | None, limit: int
) -> list[Header]:
    """Return at most `limit` headers after the row with the key `after`; None: the first page."""
    start = _start(order) if after is None else after
    if order.by != "last_run_at":
        return _page(db, wanted, order, start, limit)
    found: list[Header] = []
    if after is None or after[0] != NEVER:
        found = _page(db, wanted, order, start, limit)
        start = _start(order)
    if len(found) < limit:
        found += _page(db, wanted, order, start[1:], limit - len(found))
    return found


def _page(
    db: Connection, wanted: Filter, order: Order, after: tuple[object, ...], limit: int
) -> list[Header]:
    """Return at most `limit` headers of those that ran; after a `rid` alone, of the others."""
    shape = _shape(db, wanted, order, never_run=len(after) == 1)
    number = str(after[-1]).removeprefix(_BY_NUMBER)
    if order.by == "name" and number != after[-1] and number.isdecimal():
        shape, after = shape._replace(after_number=True), (after[0], int(number))
    return HEADERS.read(db, _page_sql(shape), _values(shape, wanted, after, limit))


def _shape(db: Connection, wanted: Filter, order: Order, *, never_run: bool) -> _Shape:
    """Return the shape of a page's statement."""
    tags, has_category = len(wanted.tags), wanted.category is not None
    has_source = wanted.source is not None
    few: _Few | None = None
    filters = (tags > 0) + has_category + has_source
    by_own_index = order.by == "updated_at" and filters == 1
    if wanted.source_id is not None:
        few = "source_id"
    elif filters and not by_own_index and not wanted.archived:
        if tags and order.by != "updated_at" and _are_few(db, _tagged(tags), wanted.tags):
            few = "tags"
        elif has_category and _are_few(db, _IN_CATEGORY, (wanted.category,)):
            few = "category"
        elif has_source and _are_few(db, _FROM_SOURCE, (wanted.source,)):
            few = "source"
    return _Shape(order, tags, has_category, wanted.archived, never_run, few, has_source)


def _are_few(db: Connection, rows: str, values: tuple[object, ...]) -> bool:
    """Return whether so few rows are found that they can be sorted for each page."""
    most = limits.LIST_SORT_MAX
    sql = f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT ?)"  # noqa: S608 - constants
    return int(db.execute(sql, (*values, most + 1)).get) <= most


def _values(
    shape: _Shape, wanted: Filter, after: tuple[object, ...], limit: int
) -> tuple[object, ...]:
    """Return the values of `_page_sql`."""
    by = (wanted.category, wanted.source_id, wanted.source)
    others = tuple(each for each in by if each is not None)
    if not _is_by_tag_index(shape):
        return (*wanted.tags, *others, *after, limit)
    return (*(value for tag in wanted.tags for value in (tag, *others, *after)), limit)


def count_workflows(db: Connection, wanted: Filter, most: int) -> int:
    """Return how many workflows all pages of a list have together, counted up to `most`."""
    order = Order("updated_at", descending=True)
    shape = _shape(db, wanted, order, never_run=False)
    sql = f"SELECT count(*) FROM ({_page_sql(shape)})"  # noqa: S608 - constants
    return int(db.execute(sql, _values(shape, wanted, _start(order), most)).get)


def has_truncated(db: Connection, *, archived: bool) -> bool:
    """Return whether there are workflows with more text than the search indexes take."""
    no = "NOT " if archived else ""
    sql = f"SELECT 1 FROM workflows WHERE text_truncated = 1 AND archived_at IS {no}NULL"  # noqa: S608 - constants
    return bool(db.execute(f"SELECT EXISTS ({sql})").get)


def key_after(db: Connection, header: Header, wanted: Filter, order: Order) -> Key | None:
    """Return a key after which the next page begins; None when no row can follow.

    The cell that a damaged row is ordered by is read as it is stored. Where it is no time, the
    page begins after all rows that it can stand among.
    """
    if order.by == "name":
        sql = "SELECT typeof(name_key) = 'blob', name_key FROM workflows WHERE rid = ?"
        is_blob, stored = next(read_cells(db, 2, sql, (header.rid,)))
        if is_blob:
            return _AFTER_NAMES if order.descending else None
        name_key = as_text(stored)
        if not header.id.startswith(DAMAGED_NAME):
            return name_key, header.id
        return name_key, f"{_BY_NUMBER}{header.rid}"
    if not header.damaged:
        return _time_of(header, order.by), header.rid
    sql = f"SELECT {order.by} FROM workflows WHERE rid = ?"  # noqa: S608 - a name of our own
    values: tuple[object, ...] = (header.rid,)
    if _is_by_tag_index(_shape(db, wanted, order, never_run=False)):
        sql = f"SELECT t.updated_at {_tagged(len(wanted.tags))} AND t.workflow = ?"
        values = (*wanted.tags, header.rid)
    cell = next(read_cells(db, 1, sql, values))[0]
    if cell is None or (type(cell) is int and abs(cell) < SAFE_INTEGER_MAX):
        return (NEVER if cell is None else cell), header.rid
    number = cell if isinstance(cell, int | float) else math.inf
    if order.descending:
        return int(min(number, SAFE_INTEGER_MAX)), SAFE_INTEGER_MAX
    if number < SAFE_INTEGER_MAX:
        return math.ceil(number), -1
    return (NEVER, -1) if order.by == "last_run_at" else None


def _time_of(header: Header, order_by: OrderBy) -> int:
    """Return the time that a sound row is ordered by."""
    if order_by == "last_run_at":
        return NEVER if header.last_run_at is None else header.last_run_at
    return header.created_at if order_by == "created_at" else header.updated_at
