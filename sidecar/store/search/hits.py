"""Search over workflows: hits in name, tags and description, then those inside bodies alone.

A page is filled in stages, each behind the one before. First the hits of the word index, best
bm25 first: every term must be there, the last one may be the beginning of a word. Then what only
the trigram index finds: terms of three characters and more as substrings, also inside words and
in scripts without spaces. Terms too short for trigrams are compared with the text itself, among
the trigram hits where there are any, else, for scripts whose words are that short, over the
newest workflows. Then what only the text of header and body together holds. A query without
terms lists the newest.

What no index can tell, words side by side inside a body, is looked for in the candidates
themselves, within a bound for one page. Where it ends a page early, the next one goes on there.

A page continues behind its last hit by what that one's rank is now, or before the hit that was
to follow where the last one is gone: a rank moves with every change of the number of workflows,
but two workflows hardly ever change their order.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search import indexes
from sidecar.store.search.body_lines import Budget, says
from sidecar.store.search.query import Terms
from sidecar.store.workflows.header import COLUMNS, WIDTH, Header
from sidecar.store.workflows.list import HAS_TAG, Filter, list_workflows

WORDS, TRIGRAMS, SCAN, BODY, NEWEST = range(5)
"""The stages, by their number in a cursor."""


class Place(NamedTuple):
    """Where a page continues: the last hit's stage, rank (or time) and rid."""

    stage: int
    rank: float
    rid: int
    next_rid: int = 0
    """The hit that was to follow in the same stage; 0 where none is known."""


class Hit(NamedTuple):
    """A workflow found; `rank` is bm25's, lower is better, or the time where none ranks."""

    header: Header
    stage: int
    rank: float

    def place(self, following: "Hit | None" = None) -> Place:
        """Where a page behind this hit continues."""
        next_rid = 0
        if following is not None and following.stage == self.stage:
            next_rid = following.header.rid
        return Place(self.stage, self.rank, self.header.rid, next_rid)

    def here(self) -> Place:
        """Where a page that begins with this hit continues, as the first of its stage."""
        if self.stage == SCAN:
            return Place(SCAN, self.rank, self.header.rid + 1)
        return Place(self.stage, self.rank, 0, self.header.rid)


class Found(NamedTuple):
    """The hits of a page, and where to go on when a bound, not the last hit, ended it."""

    hits: list[Hit]
    stopped: Place | None = None


class _Asked(NamedTuple):
    """What a stage is asked for."""

    db: Connection
    terms: Terms
    wanted: Filter
    after: Place | None
    limit: int
    budget: Budget


class _Conditions:
    """The conditions of a statement with their values, in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.values: list[object] = []

    def add(self, text: str, *values: object) -> None:
        """One more."""
        self.texts.append(text)
        self.values += values

    def __str__(self) -> str:
        return " AND ".join(self.texts)


_HOLDS_ANY: Final = (
    "EXISTS (SELECT 1 FROM json_each(?) s WHERE w.name LIKE s.value ESCAPE '\\'"
    " OR w.tags LIKE s.value ESCAPE '\\' OR ifnull(w.description, '') LIKE s.value ESCAPE '\\')"
)
_HOLDS_ALL: Final = (
    "NOT EXISTS (SELECT 1 FROM json_each(?) s WHERE NOT ("
    "w.name LIKE s.value ESCAPE '\\' OR w.tags LIKE s.value ESCAPE '\\'"
    " OR ifnull(w.description, '') LIKE s.value ESCAPE '\\'))"
)


def _not_in(index: str) -> str:
    return f"w.rid NOT IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)"  # noqa: S608 - constants


def _narrow(conditions: _Conditions, asked: _Asked) -> None:
    """What every stage asks of a workflow beside its own words."""
    terms, wanted = asked.terms, asked.wanted
    conditions.add(f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL")
    if wanted.category is not None:
        conditions.add("w.category = ?", wanted.category)
    if wanted.tag is not None:
        conditions.add(HAS_TAG, wanted.tag)
    if terms.excluded is not None:
        conditions.add(_not_in("workflows_fts"), terms.excluded)
    if terms.excluded_words is not None:
        conditions.add(_not_in(indexes.TEXT_INDEX), terms.excluded_words)
    if terms.excluded_like != "[]":
        conditions.add(f"NOT {_HOLDS_ANY}", terms.excluded_like)


def _suspect(asked: _Asked, stage: int) -> tuple[str, tuple[object, ...]]:
    """A column that says whether a candidate's text has to be looked into."""
    terms = asked.terms
    if stage == BODY and (terms.together or terms.literal):
        return "1", ()
    if terms.suspect is None:
        return "0", ()
    index = indexes.TEXT_INDEX
    return f"w.rid IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)", (terms.suspect,)  # noqa: S608 - constants


def _fetched(asked: _Asked, suspect: str) -> int:
    """How many candidates to read for a page, of which some may turn out to be none."""
    return asked.limit if suspect == "0" else max(asked.limit, limits.SEARCH_CONFIRM_MAX)


def _confirmed(asked: _Asked, candidates: list[tuple[Hit, int]], fetched: int) -> Found:
    """The candidates that are hits; `stopped` where a bound leaves some of them open."""
    hits: list[Hit] = []
    last: Place | None = None
    for hit, suspect in candidates:
        if suspect:
            if not asked.budget.takes(hit.header):
                return Found(hits, last or asked.after or hit.here())
            if not says(asked.db, hit.header, asked.terms, wanted=hit.stage == BODY):
                last = hit.place()
                continue
        last = hit.place()
        hits.append(hit)
        if len(hits) >= asked.limit:
            return Found(hits)
    return Found(hits, last if len(candidates) >= fetched else None)


def _ranked(asked: _Asked, index: str, stage: int, match: str, conditions: _Conditions) -> Found:
    """Hits of one index, best first."""
    if asked.after is not None:
        # Only on further pages: comparing ranks makes FTS5 work each out a second time.
        conditions.add("(f.rank, f.rowid) > (?, ?)", *_behind(asked.db, index, match, asked.after))
    suspect, values = _suspect(asked, stage)
    fetched = _fetched(asked, suspect)
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = asked.db.execute(
        f"SELECT {COLUMNS}, f.rank, {suspect} FROM {index} f"  # noqa: S608 - constants
        " CROSS JOIN workflows w ON w.rid = f.rowid"
        f" WHERE {index} MATCH ? AND {conditions} ORDER BY f.rank, f.rowid LIMIT ?",
        (*values, match, *conditions.values, fetched),
    )
    found = [(Hit(Header(*row[:WIDTH]), stage, row[WIDTH]), row[WIDTH + 1]) for row in rows]
    return _confirmed(asked, found, fetched)


def _behind(db: Connection, index: str, match: str, after: Place) -> tuple[float, int]:
    """The rank and rid a page begins behind, by the ranks of now.

    Of the last hit and the one to follow the earlier counts: when one of them was edited, a hit
    may come twice, but none is lost.
    """
    places: list[tuple[float, int]] = []
    for rid, behind in ((after.rid, after.rid), (after.next_rid, after.next_rid - 1)):
        rank = db.execute(
            f"SELECT rank FROM {index} WHERE {index} MATCH ? AND rowid = ?",  # noqa: S608 - constants
            (match, rid),
        ).get
        if rank is not None:
            places.append((rank, behind))
    return min(places, default=(after.rank, after.rid))


def _by_words(asked: _Asked) -> Found:
    if asked.terms.words is None:
        return Found([])
    conditions = _Conditions()
    _narrow(conditions, asked)
    return _ranked(asked, "workflows_fts", WORDS, asked.terms.words, conditions)


def _by_trigrams(asked: _Asked) -> Found:
    terms = asked.terms
    if terms.trigrams is None:
        return Found([])
    conditions = _Conditions()
    _narrow(conditions, asked)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    if terms.short != "[]":
        conditions.add(_HOLDS_ALL, terms.short)
    return _ranked(asked, "workflows_trigram", TRIGRAMS, terms.trigrams, conditions)


def _by_scan(asked: _Asked) -> Found:
    terms, after = asked.terms, asked.after
    if not terms.scan:
        return Found([])
    start = (int(after.rank), after.rid) if after else _NEWEST_KEY
    oldest = _scan_end(asked) if terms.all else _OLDEST_KEY
    cut = _scan_cut(asked, start, oldest)
    conditions = _Conditions()
    conditions.add(_HOLDS_ALL, terms.short)
    _narrow(conditions, asked)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    suspect, values = _suspect(asked, SCAN)
    fetched = _fetched(asked, suspect)
    rows = asked.db.execute(
        f"SELECT {COLUMNS}, {suspect} FROM workflows w WHERE w.archived_at"  # noqa: S608 - constants
        f" IS {'NOT ' if asked.wanted.archived else ''}NULL"
        " AND (w.updated_at, w.rid) < (?, ?) AND (w.updated_at, w.rid) >= (?, ?)"
        f" AND {conditions} ORDER BY w.updated_at DESC, w.rid DESC LIMIT ?",
        (*values, *start, *(cut or oldest), *conditions.values, fetched),
    )
    headers = [(Header(*row[:WIDTH]), row[WIDTH]) for row in rows]
    found = [(Hit(each, SCAN, float(each.updated_at)), open_) for each, open_ in headers]
    hits, stopped = _confirmed(asked, found, fetched)
    if cut is not None and stopped is None and len(hits) < asked.limit:
        stopped = Place(SCAN, float(cut[0]), cut[1])
    return Found(hits, stopped)


_NEWEST_KEY: Final = (2**63 - 1, 0)
_OLDEST_KEY: Final = (-(2**63), 0)


def _scan_end(asked: _Asked) -> tuple[int, int]:
    """The oldest workflow that a scan for terms comes to; the index of bodies knows the others."""
    row = asked.db.execute(
        "SELECT updated_at, rid FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if asked.wanted.archived else ''}NULL"
        f" ORDER BY updated_at DESC, rid DESC LIMIT 1 OFFSET {limits.SEARCH_SCAN_MAX - 1}"
    ).fetchone()
    return (row[0], row[1]) if row else _OLDEST_KEY


def _scan_cut(
    asked: _Asked, start: tuple[int, int], oldest: tuple[int, int]
) -> tuple[int, int] | None:
    """The last workflow that one page may look through; None where all are within its bounds."""
    said = "octet_length(name) + octet_length(tags) + ifnull(octet_length(description), 0)"
    source = (
        f"SELECT updated_at, rid, {said} AS said FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if asked.wanted.archived else ''}NULL"
        " AND (updated_at, rid) < (?, ?) AND (updated_at, rid) >= (?, ?)"
        f" ORDER BY updated_at DESC, rid DESC LIMIT {limits.SEARCH_SCAN_MAX + 1}"
    )
    most_bytes = limits.SEARCH_SCAN_BYTES // max(1, asked.terms.compared)
    sums: list[Any] = asked.db.execute(
        f"SELECT count(*), ifnull(sum(said), 0) FROM ({source})",  # noqa: S608 - constants
        (*start, *oldest),
    ).fetchall()
    ((count, total),) = sums
    if count <= limits.SEARCH_SCAN_MAX and total <= most_bytes:
        return None
    cut: tuple[int, int] | None = None
    looked_bytes = 0
    for place, (updated_at, rid, size) in enumerate(asked.db.execute(source, (*start, *oldest))):
        looked_bytes += size
        if cut is not None and (place >= limits.SEARCH_SCAN_MAX or looked_bytes > most_bytes):
            break
        cut = (updated_at, rid)
    return cut


def _by_body(asked: _Asked) -> Found:
    """Hits of header and body together; texts that must stand together are looked for in them."""
    terms = asked.terms
    if terms.body is None:
        return Found([])
    conditions = _Conditions()
    _narrow(conditions, asked)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    if terms.trigrams is not None and terms.short == "[]":
        conditions.add(_not_in("workflows_trigram"), terms.trigrams)
    elif terms.trigrams is not None:
        conditions.add(
            f"({_not_in('workflows_trigram')} OR NOT {_HOLDS_ALL})", terms.trigrams, terms.short
        )
    if terms.scan:
        conditions.add(
            f"((w.updated_at, w.rid) < (?, ?) OR NOT {_HOLDS_ALL})",
            *_scan_end(asked),
            terms.short,
        )
    return _ranked(asked, indexes.TEXT_INDEX, BODY, terms.body, conditions)


def _newest(asked: _Asked) -> Found:
    if asked.terms.all or asked.terms.scan:
        return Found([])
    after = asked.after
    key = (int(after.rank), after.rid) if after else None
    headers = list_workflows(
        asked.db, asked.wanted, "updated_at", descending=True, after=key, limit=asked.limit
    )
    return Found([Hit(header, NEWEST, float(header.updated_at)) for header in headers])


_STAGES: Final[dict[int, Callable[[_Asked], Found]]] = {
    WORDS: _by_words,
    TRIGRAMS: _by_trigrams,
    SCAN: _by_scan,
    BODY: _by_body,
    NEWEST: _newest,
}


def find_hits(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> Found:
    """At most `limit` hits behind `after`, best first; a stage begins when the last is dry."""
    hits: list[Hit] = []
    budget = Budget(limits.SEARCH_CONFIRM_MAX, limits.SEARCH_CONFIRM_BYTES)
    for stage, run in _STAGES.items():
        if after is None or stage >= after.stage:
            start = after if after is not None and stage == after.stage else None
            asked = _Asked(db, terms, wanted, start, limit - len(hits), budget)
            found = run(asked)
            hits += found.hits
            if found.stopped is not None or len(hits) >= limit:
                return Found(hits, found.stopped)
    return Found(hits)
