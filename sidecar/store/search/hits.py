"""Finds the workflows that a query asks for, in order.

Hits come in stages, each without those of the stages before:

1. `HEADS`: name, tags and description have all terms as words.
2. `HEADS_BEGUN`: the last term may be the beginning of a word.
3. `PARTS`: they have them as parts of words.
4. `TEXTS`: header and body together have them as words.
5. `TEXTS_BEGUN`: the last term may be the beginning of a word.

Whole words are asked for by themselves because FTS5 collects what begins with a text from many
places, for the hits and again for their ranks: 9 ms for all words that begin with `node`.

A query without terms finds the newest workflows. Within a stage the best ranked (bm25) come first;
where a stage has more than `limits.SEARCH_RANKED_MAX` hits the newest come first, because ranking
them would take long.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search import indexes
from sidecar.store.search.query import Terms
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header
from sidecar.store.workflows.list import Filter, has_tag

HEADS, HEADS_BEGUN, PARTS, TEXTS, TEXTS_BEGUN, NEWEST = range(6)
"""The numbers of the stages."""

NEED_BODY: Final = (TEXTS, TEXTS_BEGUN)
"""The stages of hits that the header alone would not have found."""

_INDEXES: Final = (indexes.HEADS, indexes.HEADS, indexes.PARTS, indexes.TEXTS, indexes.TEXTS)
_WEIGHTS: Final = ", 10.0, 5.0, 2.0"
"""Of the columns of the indexes of headers, for bm25: a word in the name counts most."""

_LATEST: Final = (2**63 - 1, 0)
_ARCHIVED: Final = "SELECT rid FROM workflows WHERE archived_at IS NOT NULL"
_STATE: Final = f"SELECT (SELECT max(rid) FROM workflows), EXISTS ({_ARCHIVED})"  # noqa: S608 - constants
_SHORT: Final = f"SELECT rowid FROM {indexes.HEADS} WHERE {indexes.HEADS} MATCH ?"  # noqa: S608 - constants
_EXCLUDED: Final = (
    f"SELECT rowid FROM {indexes.TEXTS} WHERE {indexes.TEXTS} MATCH ? UNION ALL {_SHORT}"  # noqa: S608 - constants
)


class Hit(NamedTuple):
    """A workflow that was found."""

    stage: int
    rank: float
    """Its bm25, below 0, the lower the better; its time of change where the newest come first."""
    rid: int


Found = tuple[Hit, Header]
"""A hit with its header."""


class Asked(NamedTuple):
    """The conditions of a search."""

    db: Connection
    terms: Terms
    wanted: Filter

    def stages(self) -> list[tuple[int, str]]:
        """Return the stages that can have hits, in order, and what each index is asked for."""
        terms = self.terms
        asked = (terms.match, terms.begun, terms.parts, terms.match, terms.begun)
        return [(stage, match) for stage, match in enumerate(asked) if match] or [(NEWEST, "")]


def find_hits(asked: Asked, most: int, after: Hit | None = None) -> tuple[list[Hit], bool]:
    """Return the first `most` hits in order, or all, and whether there may be more.

    With `after` they are those behind that hit, where it stands now or would stand.
    """
    hits: list[Hit] = []
    seen: set[int] = set()
    last, some_archived = asked.db.execute(_STATE).get
    # The numbers of rows begin at 1.
    few = (last or 0) <= limits.SEARCH_RANKED_MAX
    for stage, match in asked.stages():
        if after is not None and stage < after.stage and match:
            seen.update(_rids(asked.db, stage, match))
            continue
        start = after if after is not None and stage == after.stage else None
        among = _rids_first(asked, stage, match, few=few) if match else None
        if among is not None and seen.issuperset(among):
            continue
        limit = most - len(hits)
        ranked: list[Hit] = []
        if not match or len(among or ()) > limits.SEARCH_RANKED_MAX:
            rows: Iterable[Hit] = _newest(asked, stage, among, start)
        else:
            most_rows = limit + len(seen) if start is None else -1
            ranked = _ranked(asked, stage, match, most_rows, some_archived=some_archived)
            rows = ranked if start is None else _behind(ranked, start)
        hits += islice((hit for hit in rows if hit.rid not in seen), limit)
        if len(hits) >= most:
            return hits, True
        seen.update(among or [hit.rid for hit in ranked])
    return hits, False


def _behind(hits: list[Hit], start: Hit) -> list[Hit]:
    """Return the hits behind one that is among them, or behind its rank."""
    for place, hit in enumerate(hits):
        if hit.rid == start.rid:
            return hits[place + 1 :]
    # A place in the order of time, from before there were so few hits, says nothing here.
    return hits if start.rank > 0 else [hit for hit in hits if hit[1:] > start[1:]]


def _rids(db: Connection, stage: int, match: str) -> list[int]:
    """Return all that an index finds, whatever the filter, in order."""
    # As one text, which takes half the time of a row for each.
    sql = f"SELECT json_group_array(rowid) FROM {_matching(stage)}"  # noqa: S608 - constants
    return msgspec.json.decode(db.execute(sql, (match,)).get, type=list[int])


def _matching(stage: int) -> str:
    """Return the index of a stage, for a statement, with the condition that it matches a value."""
    return f"{_INDEXES[stage]} AS f WHERE {_INDEXES[stage]} MATCH ?"


def _where(asked: Asked, key: str, stage: int | None = None) -> tuple[str, list[object]]:
    """Return the conditions of a filter, and of a query in a stage, for a hit of a key; values."""
    wanted, terms = asked.wanted, asked.terms
    found: list[str] = []
    values: list[object] = []
    for column, value in (("category", wanted.category), ("source", wanted.source)):
        if value is not None:
            found.append(f" AND w.{column} = ?")
            values.append(value)
    if wanted.tags:
        found.append(f" AND {has_tag(len(wanted.tags))}")
        values += wanted.tags
    if stage is not None and terms.excluded:
        found.append(f" AND {key} NOT IN ({_EXCLUDED})")
        values += (terms.excluded, terms.excluded)
    if stage == PARTS and terms.short:
        found.append(f" AND {key} IN ({_SHORT})")
        values.append(terms.short)
    return "".join(found), values


def _rids_first(asked: Asked, stage: int, match: str, *, few: bool) -> list[int] | None:
    """Return all that an index finds, in order; None where they are to be ranked at once.

    To find them takes a fraction of the time that ranking takes, and the beginnings and parts of
    words often find nothing that whole words have not.
    """
    if few and stage in (HEADS, TEXTS):
        return None
    finished = asked.terms.finished if match == asked.terms.begun else ""
    if finished and not few:
        # Where all terms but the last one find few, the beginnings of words are not collected.
        most = limits.SEARCH_RANKED_MAX
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {_matching(stage)} LIMIT ?)"  # noqa: S608 - constants
        count = asked.db.execute(sql, (finished, most + 1)).get
        if count <= most:
            return None if count else []
    return _rids(asked.db, stage, match)


def _ranked(asked: Asked, stage: int, match: str, limit: int, *, some_archived: bool) -> list[Hit]:
    """Return at most `limit` hits of a stage, best first; all with a limit of -1."""
    index, wanted = _INDEXES[stage], asked.wanted
    conditions, values = _where(asked, "f.rowid", stage)
    join, weights = "", "" if stage in NEED_BODY else _WEIGHTS
    if wanted.category is not None or wanted.tags or wanted.source is not None:
        join = " CROSS JOIN workflows AS w ON w.rid = f.rowid"
        conditions += f" AND {_archived(wanted)}"
    elif some_archived or wanted.archived:
        # Reading a row of each hit takes as long as ranking it.
        conditions += f" AND f.rowid {'' if wanted.archived else 'NOT '}IN ({_ARCHIVED})"
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = asked.db.execute(
        f"SELECT f.rowid, bm25({index}{weights}) AS score FROM {index} AS f{join}"  # noqa: S608 - constants
        f" WHERE {index} MATCH ?{conditions} ORDER BY score, f.rowid LIMIT ?",
        (match, *values, limit),
    )
    # FTS5 has no rank for a row of which it lacks the size, as in a damaged index.
    return [Hit(stage, score or 0.0, rid) for rid, score in rows]


def _archived(wanted: Filter) -> str:
    """Return the condition that a row is archived, or not, as is wanted."""
    return f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL"


def _newest(asked: Asked, stage: int, among: list[int] | None, start: Hit | None) -> Iterator[Hit]:
    """Yield the hits of a stage, the one changed last first; None: among all.

    What they are among is in order.
    """
    conditions, values = _where(asked, "+w.rid", stage)
    key = _LATEST if start is None or start.rank < 0 else (int(start.rank), start.rid)
    rows = asked.db.execute(
        f"SELECT w.rid, w.updated_at FROM workflows AS w WHERE {_archived(asked.wanted)}"  # noqa: S608 - constants
        f" AND (w.updated_at, w.rid) < (?, ?){conditions} ORDER BY w.updated_at DESC, w.rid DESC",
        (*key, *values),
    )
    for rid, at in rows:
        if among is None or among[min(bisect_left(among, rid), len(among) - 1)] == rid:
            yield Hit(stage, float(at if isinstance(at, int | float) else 0), rid)


def read_headers(asked: Asked, hits: list[Hit]) -> list[Found]:
    """Return the hits that are there and pass the filter, with their headers."""
    conditions, values = _where(asked, "w.rid")
    found = HEADERS.read(
        asked.db,
        f"SELECT {COLUMNS} FROM json_each(?) AS f CROSS JOIN workflows AS w ON w.rid = f.value"  # noqa: S608 - constants
        f" WHERE {_archived(asked.wanted)}{conditions}",
        (str([hit.rid for hit in hits]), *values),
    )
    if len(found) == len(hits):  # nearly always; they are in the order of the hits
        return [*zip(hits, found, strict=True)]
    by_rid = {header.rid: header for header in found}
    return [(hit, by_rid[hit.rid]) for hit in hits if hit.rid in by_rid]
