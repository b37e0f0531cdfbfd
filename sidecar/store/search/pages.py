"""Pages of a search, which lose and repeat nothing although ranks move between them.

The rank of every hit changes with each save and delete. So a store remembers, for its last
searches that have more than a page, which workflows the first page had, and from the second page
on the order of all others. A cursor names that memory and a position in it. After a restart, or
when other searches took its place, a page continues behind where its last hit stands by then.
"""

from array import array
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sidecar import limits
from sidecar.store import meta
from sidecar.store.connection import Store
from sidecar.store.search.hits import Asked, Hit, find_hits, read_headers
from sidecar.store.workflows.header import Header


class Place(NamedTuple):
    """Where the next page begins: behind a hit, at a position of an order that is remembered."""

    memory: int
    position: int
    stage: int
    rank: float
    rid: int


class Found(NamedTuple):
    """A hit of a page, with its header and the position behind it."""

    hit: Hit
    header: Header
    memory: int = 0
    position: int = 0


class _Order:
    """The order of a search, without the hits that were listed before it was made.

    Where very many are found, a part of the order is made at a time.
    """

    def __init__(self, epoch: int, listed: Iterable[int], after: Hit | None) -> None:
        """Begin without hits; all, or those behind `after`, are found with the next page."""
        self.epoch = epoch
        self._listed = frozenset(listed)
        self._after = after
        self.is_made = self.goes_on = False
        self._rids = array("q")
        self._stages = bytearray()
        self._ranks = array("d")

    def make(self, asked: Asked) -> None:
        """Find the hits; when called again, those after the ones found."""
        known = self._listed.union(self._rids)
        most = limits.SEARCH_RANKED_MAX + len(known)
        hits, self.goes_on = find_hits(asked, most, self._after)
        hits = [hit for hit in hits if hit.rid not in known]
        self._rids.extend(hit.rid for hit in hits)
        self._stages.extend(hit.stage for hit in hits)
        self._ranks.extend(hit.rank for hit in hits)
        self.is_made = True

    def hits(self, start: int, stop: int) -> list[Hit]:
        """Return the hits at some positions."""
        places = range(start, min(stop, len(self._rids)))
        return [Hit(self._stages[at], self._ranks[at], self._rids[at]) for at in places]


_orders: Final[WeakKeyDictionary[Store, OrderedDict[int, _Order]]] = WeakKeyDictionary()


def first_page(asked: Asked, most: int) -> list[Found]:
    """Return the first `most` hits."""
    hits, more = find_hits(asked, most)
    found = read_headers(asked, hits[:most])
    if len(found) < most and (more or len(hits) > most):
        # The index has some that were deleted a moment ago.
        hits, _ = find_hits(asked, limits.SEARCH_RANKED_MAX)
        found = read_headers(asked, hits)[:most]
    return [Found(*each) for each in found]


def next_page(asked: Asked, store: Store, new_id: int, place: Place, most: int) -> list[Found]:
    """Return at most `most` hits behind a place; a new order is remembered by `new_id`."""
    memory, position = place.memory, max(0, place.position)
    order = _recall(asked, store, memory)
    if order is None:
        after = Hit(place.stage, place.rank, place.rid)
        memory, position, order = new_id, 0, _remember(asked, store, new_id, (), after)
        order.make(asked)
    found: list[Found] = []
    while len(found) < most:
        hits = order.hits(position, position + most)
        if not hits:
            if not order.goes_on:
                break
            order.make(asked)
            continue
        places = {hit.rid: at for at, hit in enumerate(hits, position + 1)}
        headers = read_headers(asked, hits)
        found += [Found(hit, header, memory, places[hit.rid]) for hit, header in headers]
        position += len(hits)
    return found[:most]


def place_after(
    asked: Asked, store: Store, new_id: int, sent: list[Found], *, is_first: bool
) -> Place:
    """Return where the page after `sent` begins."""
    last = sent[-1]
    if is_first:
        _remember(asked, store, new_id, (each.header.rid for each in sent))
        return Place(new_id, 0, *last.hit)
    return Place(last.memory, last.position, *last.hit)


def _remember(
    asked: Asked, store: Store, memory: int, listed: Iterable[int], after: Hit | None = None
) -> _Order:
    """Begin to remember an order; the one that was used least recently is forgotten."""
    orders = _orders.setdefault(store, OrderedDict())
    orders[memory] = order = _Order(meta.epoch(asked.db), listed, after)
    if len(orders) > limits.SEARCH_ORDERS_MAX:
        orders.popitem(last=False)
    return order


def _recall(asked: Asked, store: Store, memory: int) -> _Order | None:
    """Return a remembered order of this state of the database; None when it is forgotten."""
    orders = _orders.get(store, OrderedDict())
    order = orders.get(memory)
    if order is None or order.epoch != meta.epoch(asked.db):
        return None
    orders.move_to_end(memory)
    if not order.is_made:
        order.make(asked)
    return order
