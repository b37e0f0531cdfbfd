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
from collections.abc import Iterator
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
_LATEST: Final = (2**63 - 1, 0)
_LAST: Final = "SELECT max(rid) FROM workflows"
_ARCHIVED: Final = "SELECT rid FROM workflows WHERE archived_at IS NOT NULL"
_LISTED: Final = "SELECT value FROM json_each(?)"
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

    def stages(self) -> list[tuple[int, str | None]]:
        """Return the stages that can have hits, in order, and what each index is asked for."""
        terms = self.terms
        if terms.match is None:
            return [(NEWEST, None)]
        asked = (terms.match, terms.begun, terms.parts, terms.match, terms.begun)
        return [(stage, match) for stage, match in enumerate(asked) if match is not None]


def find_hits(asked: Asked, most: int, after: Hit | None = None) -> tuple[list[Hit], bool]:
    """Return hits in order, at least `most` if there are so many, and whether there may be more.

    With `after` they are those behind that hit, where it stands now or would stand.
    """
    hits: list[Hit] = []
    passed: set[int] = set()
    # The numbers of rows begin at 1.
    few = (asked.db.execute(_LAST).get or 0) <= limits.SEARCH_RANKED_MAX
    for stage, match in asked.stages():
        if after is not None and stage < after.stage and match is not None:
            passed.update(_rids(asked.db, stage, match))
            continue
        start = after if after is not None and stage == after.stage else None
        limit = most - len(hits) + len(passed)
        among = None if match is None or few else _counted(asked, stage, match)
        if among == []:
            continue
        if match is None or among is not None:
            rows = behind = [*islice(_newest(asked, stage, among, start, hits), limit)]
        else:
            rows = _ranked(asked, stage, match, hits, limit if start is None else -1)
            behind = rows if start is None else _behind(rows, start)
        hits += [hit for hit in behind if hit.rid not in passed] if passed else behind
        if len(hits) >= most:
            return hits, True
        if start is not None:
            passed.update(among or (), (hit.rid for hit in rows))
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


def _where(
    asked: Asked, key: str, stage: int | None = None, without: list[Hit] | None = None
) -> tuple[str, list[object]]:
    """Return the conditions of a filter, and of a query in a stage, for a hit of a key; values.

    Hits of the stages before are left out by `without`.
    """
    wanted, terms = asked.wanted, asked.terms
    found: list[str] = []
    values: list[object] = []
    if wanted.category is not None:
        found.append(" AND w.category = ?")
        values.append(wanted.category)
    if wanted.tags:
        found.append(f" AND {has_tag(len(wanted.tags))}")
        values += wanted.tags
    if wanted.source is not None:
        found.append(" AND w.source = ?")
        values.append(wanted.source)
    if stage is not None and terms.excluded is not None:
        found.append(f" AND {key} NOT IN ({_EXCLUDED})")
        values += (terms.excluded, terms.excluded)
    if stage == PARTS and terms.short is not None:
        found.append(f" AND {key} IN ({_SHORT})")
        values.append(terms.short)
    if without:
        found.append(f" AND {key} NOT IN ({_LISTED})")
        values.append(_as_json(without))
    return "".join(found), values


def _as_json(hits: list[Hit]) -> str:
    """Return the keys of hits as a JSON array."""
    return str([hit.rid for hit in hits])


def _counted(asked: Asked, stage: int, match: str) -> list[int] | None:
    """Return all that an index finds, in order, or None when it is few enough to be ranked.

    It is empty when nothing is found: to rank that would take as long as to find it.
    """
    most = limits.SEARCH_RANKED_MAX
    finished = asked.terms.finished if match == asked.terms.begun else None
    if finished is not None:
        # Where all terms but the last one find few, the beginnings of words are not collected.
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {_matching(stage)} LIMIT ?)"  # noqa: S608 - constants
        count = asked.db.execute(sql, (finished, most + 1)).get
        if count <= most:
            return None if count else []
    rids = _rids(asked.db, stage, match)
    return None if 0 < len(rids) <= most else rids


def _ranked(asked: Asked, stage: int, match: str, without: list[Hit], limit: int) -> list[Hit]:
    """Return at most `limit` hits of a stage, best first; all with a limit of -1."""
    index, wanted = _INDEXES[stage], asked.wanted
    conditions, values = _where(asked, "f.rowid", stage, without)
    if wanted.category is None and not wanted.tags and wanted.source is None:
        # Reading a row of each hit takes as long as ranking it.
        join, archived = "", f"f.rowid {'' if wanted.archived else 'NOT '}IN ({_ARCHIVED})"
    else:
        join, archived = " CROSS JOIN workflows AS w ON w.rid = f.rowid", _archived(wanted)
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = asked.db.execute(
        f"SELECT f.rowid, f.rank FROM {index} AS f{join} WHERE {index} MATCH ? AND {archived}"  # noqa: S608 - constants
        f"{conditions} ORDER BY f.rank, f.rowid LIMIT ?",
        (match, *values, limit),
    )
    # FTS5 has no rank for a row of which it lacks the size, as in a damaged index.
    return [Hit(stage, rank or 0.0, rid) for rid, rank in rows]


def _archived(wanted: Filter) -> str:
    """Return the condition that a row is archived, or not, as is wanted."""
    return f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL"


def _newest(
    asked: Asked, stage: int, among: list[int] | None, start: Hit | None, without: list[Hit]
) -> Iterator[Hit]:
    """Yield the hits of a stage, the one changed last first; None: among all.

    What they are among is in order.
    """
    conditions, values = _where(asked, "+w.rid", stage, without)
    key = _LATEST if start is None or start.rank < 0 else (int(start.rank), start.rid)
    rows = asked.db.execute(
        f"SELECT w.rid, w.updated_at FROM workflows AS w WHERE {_archived(asked.wanted)}"  # noqa: S608 - constants
        f" AND (w.updated_at, w.rid) < (?, ?){conditions} ORDER BY w.updated_at DESC, w.rid DESC",
        (*key, *values),
    )
    for rid, at in rows:
        if among is None or _is_in(among, rid):
            yield Hit(stage, float(at if isinstance(at, int | float) else 0), rid)


def _is_in(rids: list[int], rid: int) -> bool:
    """Return whether a list in order has a value."""
    return rids[min(bisect_left(rids, rid), len(rids) - 1)] == rid


def read_headers(asked: Asked, hits: list[Hit]) -> list[Found]:
    """Return the hits that are there and pass the filter, with their headers."""
    conditions, values = _where(asked, "w.rid")
    found = HEADERS.read(
        asked.db,
        f"SELECT {COLUMNS} FROM json_each(?) AS f CROSS JOIN workflows AS w ON w.rid = f.value"  # noqa: S608 - constants
        f" WHERE {_archived(asked.wanted)}{conditions}",
        (_as_json(hits), *values),
    )
    if len(found) == len(hits):  # nearly always; they are in the order of the hits
        return [*zip(hits, found, strict=True)]
    by_rid = {header.rid: header for header in found}
    return [(hit, by_rid[hit.rid]) for hit in hits if hit.rid in by_rid]
