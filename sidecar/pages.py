"""Pages of lists that are read whole: the items of one answer, and the cursor of the next page."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from sidecar import limits
from sidecar.decode_errors import read_cursor
from sidecar.values import encode_cursor, query_mark

T = TypeVar("T")


def take_page(found: Iterable[T], limit: int) -> tuple[list[T], bool]:
    """Return the items that one answer holds, at most `limit`, and whether there are more.

    The first item is always among them, so that each page gets further.
    """
    items: list[T] = []
    room = limits.ANSWER_MAX_BYTES - limits.ANSWER_ROOM_BYTES
    for item in found:
        room -= len(msgspec.json.encode(item)) + 1
        if items and (room < 0 or len(items) == limit):
            return items, True
        items.append(item)
    return items, False


def page_of(
    found: Sequence[T],
    key: Callable[[T], tuple[Any, ...]],
    limit: int,
    cursor: str | None,
    *filters: object,
    kinds: tuple[type, ...] = (str,),
    descending: bool = False,
) -> tuple[Sequence[T], str | None]:
    """Return a page of a sorted list and the cursor of the next page.

    `key` is what the list is sorted by, of the types `kinds`, and no two items have the same;
    `filters` are the params that the list depends on.

    Raises:
        InvalidParams: the cursor was made for other params, or is no cursor of this program.
    """
    mark = query_mark(*filters)
    if cursor is not None:
        last = read_cursor(cursor, mark, *kinds)
        found = [item for item in found if (key(item) < last if descending else key(item) > last)]
    page = found[:limit]
    return page, encode_cursor(mark, *key(page[-1])) if len(found) > limit else None
