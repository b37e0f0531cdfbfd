"""Pages of a search, which lose and repeat nothing although ranks move between them.

The rank of every hit changes with each save and delete. So a store remembers, for its last
searches that have more than a page, which workflows the first page had, and from the second page
on the order of all others. A cursor names that memory and a position in it. After a restart, or
when other searches took its place, a page continues behind where its last hit stands by then.

What the last first pages had is remembered, too, until something changes: people come back to a
search, and delete what they have typed last.
"""

import os
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sidecar import limits
from sidecar.store import meta
from sidecar.store.connection import Connection, Store
from sidecar.store.search.hits import Asked, Found, Hit, find_hits, read_headers
from sidecar.store.search.query import Terms
from sidecar.store.workflows.header import Header
from sidecar.store.workflows.list import Filter


class Place(NamedTuple):
    """Where the next page begins: behind a hit, at a position of an order that is remembered."""

    memory: int
    position: int
    stage: int
    rank: float
    rid: int


class _Order:
    """The order of a search, without the hits that were listed before it was made.

    Where very many are found, a part of the order is made at a time.
    """

    def __init__(self, epoch: int, listed: Iterable[int], after: Hit | None) -> None:
        """Start without hits; the next page finds all, or those behind `after`."""
        self.epoch = epoch
        self._listed = frozenset(listed)
        self._after = after
        self._goes_on = True
        self._rids = array("q")
        self._stages = bytearray()
        self._ranks = array("d")

    def hits(self, asked: Asked, start: int, most: int) -> list[Hit]:
        """Return the hits from a position on; what is not found yet is found first."""
        while start >= len(self._rids) and self._goes_on:
            known = self._listed.union(self._rids)
            hits, self._goes_on = find_hits(
                asked, limits.SEARCH_RANKED_MAX + len(known), self._after
            )
            for hit in hits:
                if hit.rid not in known:
                    self._stages.append(hit.stage)
                    self._ranks.append(hit.rank)
                    self._rids.append(hit.rid)
        places = range(start, min(start + most, len(self._rids)))
        return [Hit(self._stages[at], self._ranks[at], self._rids[at]) for at in places]

    def position_behind(self, hit: Hit, start: int) -> int:
        """Return the position behind a hit, which is not before `start`."""
        return self._rids.index(hit.rid, start) + 1


_numbers: Final = count(int.from_bytes(os.urandom(6)))
"""Numbers of orders; those that a process before this one gave begin elsewhere."""

_orders: Final[WeakKeyDictionary[Store, OrderedDict[int, _Order]]] = WeakKeyDictionary()


class _Firsts(NamedTuple):
    """What first pages had in a state of the database: hits, and whether there may be more."""

    state: tuple[int, int]
    hits: dict[tuple[Terms, Filter, int], tuple[list[Hit], bool]]


_firsts: Final[WeakKeyDictionary[Connection, _Firsts]] = WeakKeyDictionary()


def find_page(
    asked: Asked,
    store: Store,
    place: Place | None,
    most: int,
    count_fitting: Callable[[list[Header]], int],
) -> tuple[list[Found], Place | None]:
    """Return a page of at most `most` hits, and where the next one begins; None at the end.

    Of a page only as many are taken as `count_fitting` returns.
    """
    order: _Order | None = None
    if place is None:
        memory, start = 0, 0
        found = _first_hits(asked, store, most + 1)
    else:
        memory, start = place.memory, max(0, place.position)
        order = _recall(asked, store, memory)
        if order is None:
            start = 0
            memory, order = _remember(asked, store, (), Hit(*place[2:]))
        found = _hits_of(asked, order, start, most + 1)
    page = found[: count_fitting([header for _, header in found[:most]])]
    if len(found) == len(page):
        return page, None
    last = page[-1][0]
    if order is None:
        memory, _ = _remember(asked, store, (hit.rid for hit, _ in page))
        return page, Place(memory, 0, *last)
    return page, Place(memory, order.position_behind(last, start), *last)


def _first_hits(asked: Asked, store: Store, most: int) -> list[Found]:
    """Return the first `most` hits."""
    hits, more = _find_or_recall(asked, store, most)
    found = read_headers(asked, hits)
    if more and len(found) < most:
        # The index has some that were deleted a moment ago.
        found = read_headers(asked, find_hits(asked, limits.SEARCH_RANKED_MAX)[0])
    return found[:most]


def _find_or_recall(asked: Asked, store: Store, most: int) -> tuple[list[Hit], bool]:
    """Return what `find_hits` does, without finding it again while nothing was changed.

    The count of changes tells those of this connection, also of the indexes and undone ones;
    data_version tells those of others.
    """
    if store.in_transaction:
        return find_hits(asked, most)  # what it has changed may be undone without a count
    state = (asked.db.total_changes(), int(asked.db.pragma("data_version")))
    firsts = _firsts.get(asked.db)
    if firsts is None or firsts.state != state:
        _firsts[asked.db] = firsts = _Firsts(state, {})
    key = (asked.terms, asked.wanted, most)
    found = firsts.hits.get(key)
    if found is None:
        if len(firsts.hits) == limits.SEARCH_FIRSTS_MAX:
            del firsts.hits[next(iter(firsts.hits))]
        firsts.hits[key] = found = find_hits(asked, most)
    return found


def _hits_of(asked: Asked, order: _Order, position: int, most: int) -> list[Found]:
    """Return at most `most` hits from a position of an order on."""
    found: list[Found] = []
    while len(found) < most and (hits := order.hits(asked, position, most)):
        found += read_headers(asked, hits)
        position += len(hits)
    return found[:most]


def _remember(
    asked: Asked, store: Store, listed: Iterable[int], after: Hit | None = None
) -> tuple[int, _Order]:
    """Begin to remember an order; the one that was used least recently is forgotten."""
    orders = _orders.setdefault(store, OrderedDict())
    memory = next(_numbers)
    orders[memory] = order = _Order(meta.epoch(asked.db), listed, after)
    if len(orders) > limits.SEARCH_ORDERS_MAX:
        orders.popitem(last=False)
    return memory, order


def _recall(asked: Asked, store: Store, memory: int) -> _Order | None:
    """Return a remembered order of this state of the database; None when it is forgotten."""
    orders = _orders.get(store, OrderedDict())
    order = orders.get(memory)
    if order is None or order.epoch != meta.epoch(asked.db):
        return None
    orders.move_to_end(memory)
    return order
