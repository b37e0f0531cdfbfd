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

from itertools import islice
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search.indexes import HEADS as HEADS_INDEX
from sidecar.store.search.indexes import PARTS as PARTS_INDEX
from sidecar.store.search.indexes import TEXTS as TEXTS_INDEX
from sidecar.store.search.query import Terms
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header
from sidecar.store.workflows.list import Filter, has_tag

HEADS, HEADS_BEGUN, PARTS, TEXTS, TEXTS_BEGUN, NEWEST = range(6)
"""The numbers of the stages."""

_INDEXES: Final = (HEADS_INDEX, HEADS_INDEX, PARTS_INDEX, TEXTS_INDEX, TEXTS_INDEX)
_LATEST: Final = (2**63 - 1, 0)
_EXCLUDED: Final = (
    "{} NOT IN"  # noqa: S608 - constants
    f" (SELECT rowid FROM {TEXTS_INDEX} WHERE {TEXTS_INDEX} MATCH ?"
    f" UNION ALL SELECT rowid FROM {HEADS_INDEX} WHERE {HEADS_INDEX} MATCH ?)"
)


class Hit(NamedTuple):
    """A workflow that was found."""

    stage: int
    rank: float
    """Its bm25, below 0, the lower the better; its time of change where the newest come first."""
    rid: int

    @property
    def score(self) -> float:
        """How good the hit is: higher is better, 0 where hits are not ranked."""
        return max(0.0, -self.rank)

    @property
    def needs_body(self) -> bool:
        """Whether the header alone would not have been found."""
        return self.stage in (TEXTS, TEXTS_BEGUN)


class Asked(NamedTuple):
    """What is to be found."""

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


class _Conditions(list[tuple[str, tuple[object, ...]]]):
    """The conditions of a WHERE clause, each with its values."""

    def add(self, text: str, *values: object) -> None:
        """Add a condition with its values."""
        self.append((text, values))

    @property
    def values(self) -> list[object]:
        """The values of all conditions, in order."""
        return [value for _, values in self for value in values]

    def __str__(self) -> str:
        return " AND ".join(text for text, _ in self)


def find_hits(asked: Asked, most: int, after: Hit | None = None) -> tuple[list[Hit], bool]:
    """Return hits in order, at least `most` if there are so many, and whether there may be more.

    With `after` they are those behind that hit, where it stands now or would stand.
    """
    hits: list[Hit] = []
    seen: set[int] = set()
    for stage, match in asked.stages():
        if after is not None and stage < after.stage:
            seen.update(_rids(asked.db, stage, match))
            continue
        start = after if after is not None and stage == after.stage else None
        limit = most + len(seen)
        among = None if match is None else _many(asked, stage, match)
        if match is None or among is not None:
            rows = behind = _newest(asked, stage, among, start, limit)
        else:
            rows = _ranked(asked, stage, match, limit if start is None else -1)
            behind = rows if start is None else _behind(rows, start)
        hits += [hit for hit in behind if hit.rid not in seen]
        if len(hits) >= most:
            return hits, True
        seen.update(among or (), (hit.rid for hit in rows))
    return hits, False


def _behind(hits: list[Hit], start: Hit) -> list[Hit]:
    """Return the hits behind one that is among them, or behind its rank."""
    for place, hit in enumerate(hits):
        if hit.rid == start.rid:
            return hits[place + 1 :]
    # A place in the order of time, from before there were so few hits, says nothing here.
    return hits if start.rank > 0 else [hit for hit in hits if hit[1:] > start[1:]]


def _rids(db: Connection, stage: int, match: str | None) -> list[int]:
    """Return all that an index finds, whatever the filter."""
    if match is None:
        return []
    # As one text, which takes half the time of a row for each.
    sql = f"SELECT json_group_array(rowid) FROM {_matching(stage)}"  # noqa: S608 - constants
    return msgspec.json.decode(db.execute(sql, (match,)).get, type=list[int])


def _matching(stage: int) -> str:
    """Return the index of a stage, for a statement, with the condition that it matches a value."""
    return f"{_INDEXES[stage]} AS f WHERE {_INDEXES[stage]} MATCH ?"


def _filtered(asked: Asked, *, by_rid: str | None) -> _Conditions:
    """Return the conditions that all hits fulfil; `by_rid` names their key where no row is read."""
    wanted, conditions = asked.wanted, _Conditions()
    no = "" if wanted.archived else "NOT "
    if by_rid is not None:
        archived = "SELECT rid FROM workflows WHERE archived_at IS NOT NULL"
        conditions.add(f"{by_rid} {no}IN ({archived})")
    else:
        conditions.add(f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL")
    if wanted.category is not None:
        conditions.add("w.category = ?", wanted.category)
    if wanted.tags:
        conditions.add(has_tag(len(wanted.tags)), *wanted.tags)
    if wanted.source is not None:
        conditions.add("w.source = ?", wanted.source)
    return conditions


def _many(asked: Asked, stage: int, match: str) -> set[int] | None:
    """Return all that an index finds when it is too much to be ranked; else None."""
    most = limits.SEARCH_RANKED_MAX
    if (asked.db.execute("SELECT max(rid) FROM workflows").get or 0) <= most:
        return None  # the numbers of rows begin at 1
    # Where all terms but the last one find few, the beginnings of words need not be counted.
    bounds = (asked.terms.finished if match == asked.terms.begun else None, match)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {_matching(stage)} LIMIT ?)"  # noqa: S608 - constants
    if any(asked.db.execute(sql, (each, most + 1)).get <= most for each in bounds if each):
        return None
    return set(_rids(asked.db, stage, match))


def _ranked(asked: Asked, stage: int, match: str, limit: int) -> list[Hit]:
    """Return at most `limit` hits of a stage, best first; all with a limit of -1."""
    terms = asked.terms
    # Reading a row of each hit takes as long as ranking it.
    wanted = asked.wanted
    joined = bool(wanted.tags) or (wanted.category, wanted.source) != (None, None)
    conditions = _filtered(asked, by_rid=None if joined else "f.rowid")
    if terms.excluded is not None:
        conditions.add(_EXCLUDED.format("f.rowid"), terms.excluded, terms.excluded)
    if stage == PARTS and terms.short is not None:
        conditions.add(_has_words("f.rowid"), terms.short)
    index = _INDEXES[stage]
    join = " CROSS JOIN workflows AS w ON w.rid = f.rowid" if joined else ""
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = asked.db.execute(
        f"SELECT f.rowid, f.rank FROM {index} AS f{join} WHERE {index} MATCH ? AND {conditions}"  # noqa: S608 - constants
        " ORDER BY f.rank, f.rowid LIMIT ?",
        (match, *conditions.values, limit),
    )
    # FTS5 has no rank for a row of which it lacks the size, as in a damaged index.
    return [Hit(stage, rank or 0.0, rid) for rid, rank in rows]


def _has_words(key: str) -> str:
    """Return the condition that a header has words."""
    return f"{key} IN (SELECT rowid FROM {HEADS_INDEX} WHERE {HEADS_INDEX} MATCH ?)"  # noqa: S608 - constants


def _newest(
    asked: Asked, stage: int, among: set[int] | None, start: Hit | None, limit: int
) -> list[Hit]:
    """Return at most `limit` hits of a stage, the one changed last first; None: among all."""
    terms = asked.terms
    conditions = _filtered(asked, by_rid=None)
    key = _LATEST if start is None or start.rank < 0 else (int(start.rank), start.rid)
    conditions.add("(w.updated_at, w.rid) < (?, ?)", *key)
    if stage == PARTS and terms.short is not None:
        conditions.add(_has_words("+w.rid"), terms.short)
    if terms.excluded is not None:
        conditions.add(_EXCLUDED.format("w.rid"), terms.excluded, terms.excluded)
    rows = asked.db.execute(
        f"SELECT w.rid, w.updated_at FROM workflows w WHERE {conditions}"  # noqa: S608 - constants
        " ORDER BY w.updated_at DESC, w.rid DESC",
        tuple(conditions.values),
    )
    found = (row for row in rows if among is None or row[0] in among)
    return [
        Hit(stage, float(at if isinstance(at, int | float) else 0), rid)
        for rid, at in islice(found, limit)
    ]


def read_headers(asked: Asked, hits: list[Hit]) -> list[tuple[Hit, Header]]:
    """Return the hits that are there and pass the filter, with their headers."""
    conditions = _filtered(asked, by_rid=None)
    found = HEADERS.read(
        asked.db,
        f"SELECT {COLUMNS} FROM json_each(?) AS f CROSS JOIN workflows w ON w.rid = f.value"  # noqa: S608 - constants
        f" WHERE {conditions}",
        (f"[{','.join(str(hit.rid) for hit in hits)}]", *conditions.values),
    )
    by_rid = {header.rid: header for header in found}
    return [(hit, by_rid[hit.rid]) for hit in hits if hit.rid in by_rid]
