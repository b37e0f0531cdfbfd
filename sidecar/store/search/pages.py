"""Pages of a search, which lose and repeat nothing although ranks move between them.

The rank of every hit changes with each save and delete. So a store remembers, for its last
searches that have more than a page, which workflows the first page had, and from the second page
on the order of all others. A cursor names that memory and a position in it. After a restart, or
when other searches took its place, a page continues behind where its last hit stands by then.
"""

from array import array
from collections import OrderedDict
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
    """The order of a search."""

    def __init__(self, epoch: int, sent: frozenset[int]) -> None:
        """Remember what the first page had; the rest follows with the second page."""
        self.epoch = epoch
        self.sent = sent
        self.is_made = self.goes_on = False
        self._stages = bytearray()
        self._ranks = array("d")
        self._rids = array("q")

    def fill(self, hits: list[Hit], *, goes_on: bool) -> None:
        """Remember the hits after the first page; `goes_on` says that there may be more."""
        kept = [hit for hit in hits if hit.rid not in self.sent]
        self._stages = bytearray(hit.stage for hit in kept)
        self._ranks = array("d", (hit.rank for hit in kept))
        self._rids = array("q", (hit.rid for hit in kept))
        self.is_made, self.goes_on, self.sent = True, goes_on, frozenset()

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
        memory, position, order = new_id, 0, _remember(asked, store, new_id, frozenset())
        _make(asked, order, Hit(place.stage, place.rank, place.rid))
    found: list[Found] = []
    while len(found) < most:
        hits = order.hits(position, position + most)
        if not hits:
            if not (order.goes_on and position):
                break
            last = order.hits(position - 1, position)[0]
            memory, position, order = new_id, 0, _remember(asked, store, new_id, frozenset())
            _make(asked, order, last)
            continue
        positions = {hit.rid: at for at, hit in enumerate(hits, position + 1)}
        found += [
            Found(hit, header, memory, positions[hit.rid])
            for hit, header in read_headers(asked, hits)
        ]
        position += len(hits)
    return found[:most]


def place_after(
    asked: Asked, store: Store, new_id: int, sent: list[Found], *, is_first: bool
) -> Place:
    """Return where the page after `sent` begins."""
    last = sent[-1]
    if is_first:
        _remember(asked, store, new_id, frozenset(each.header.rid for each in sent))
        return Place(new_id, 0, *last.hit)
    return Place(last.memory, last.position, *last.hit)


def _make(asked: Asked, order: _Order, after: Hit | None) -> None:
    """Find the order of all hits, or of those behind one."""
    hits, goes_on = find_hits(asked, limits.SEARCH_RANKED_MAX, after)
    order.fill(hits, goes_on=goes_on)


def _remember(asked: Asked, store: Store, memory: int, sent: frozenset[int]) -> _Order:
    """Begin to remember an order; the one that was used least recently is forgotten."""
    orders = _orders.setdefault(store, OrderedDict())
    orders[memory] = order = _Order(meta.epoch(asked.db), sent)
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
        _make(asked, order, None)
    return order
