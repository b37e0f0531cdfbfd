"""Finds the workflows that a query asks for, a page at a time.

A page is filled in stages; each stage adds what the stages before did not find:

1. Hits of the word index in name, tags and description, best bm25 first. Every term must occur;
   the last term may be the beginning of a word.
2. Hits of the trigram index: terms of three or more characters as parts of words, and in scripts
   without spaces. Shorter terms are compared with the text of these hits.
3. If all terms are short and not ASCII, their scan over the newest workflows.
4. Hits of the index of bodies, which holds the text of header and body together.
5. For a query without terms, the newest workflows.

No index can answer whether words are side by side in a body. That is checked in the bodies of the
candidates, a limited number for each page; a page that reaches the limit ends early, and the next
page continues there.

The rank of a hit changes whenever the number of workflows changes, but the order of two hits
hardly ever does. A page therefore continues after its last hit with the rank that this hit has
now. If that hit is gone, it continues with the hit that followed it.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search import indexes
from sidecar.store.search.body_lines import Budget, holds_phrases
from sidecar.store.search.query import Terms
from sidecar.store.workflows.header import COLUMNS, HEADERS, Header
from sidecar.store.workflows.list import Filter, Order, has_tag, list_workflows

WORDS, TRIGRAMS, SCAN, BODY, NEWEST = range(5)
"""The numbers of the stages in a cursor."""


class Place(NamedTuple):
    """Where the next page continues: stage, rank (or time) and rid of the last hit."""

    stage: int
    rank: float
    rid: int
    next_rid: int = 0
    """The rid of the hit that followed in the same stage; 0 when none is known."""


class Hit(NamedTuple):
    """A workflow that was found; `rank` is its bm25 (lower is better) or its time of change."""

    header: Header
    stage: int
    rank: float

    def place(self, following: "Hit | None" = None) -> Place:
        """Return where the page after this hit continues; `following` is the hit after it."""
        next_rid = 0
        if following is not None and following.stage == self.stage:
            next_rid = following.header.rid
        return Place(self.stage, self.rank, self.header.rid, next_rid)

    def own_place(self) -> Place:
        """Return the place from which a page begins with this hit, the first of its stage."""
        if self.stage == SCAN:
            return Place(SCAN, self.rank, self.header.rid + 1)
        return Place(self.stage, self.rank, 0, self.header.rid)


class Found(NamedTuple):
    """The hits of a page; `stopped` is where to continue when a limit ended the page early."""

    hits: list[Hit]
    stopped: Place | None = None


class _Request(NamedTuple):
    """What a stage has to find."""

    db: Connection
    terms: Terms
    wanted: Filter
    after: Place | None
    limit: int
    budget: Budget


class _Conditions:
    """The conditions of a WHERE clause and their values, in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.values: list[object] = []

    def add(self, text: str, *values: object) -> None:
        """Add a condition with its values."""
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
    """Return the condition that an index does not find the workflow; its value is a MATCH text."""
    return f"w.rid NOT IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)"  # noqa: S608 - constants


def _conditions(asked: _Request, stage: int) -> _Conditions:
    """Return what all stages require: the filter, no excluded term, no hit of the word index."""
    terms, wanted = asked.terms, asked.wanted
    conditions = _Conditions()
    if stage == SCAN:
        conditions.add(_HOLDS_ALL, terms.short)
    conditions.add(f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL")
    if wanted.category is not None:
        conditions.add("w.category = ?", wanted.category)
    if wanted.tags:
        conditions.add(has_tag(len(wanted.tags)), *wanted.tags)
    if terms.excluded is not None:
        conditions.add(_not_in("workflows_fts"), terms.excluded)
    if terms.excluded_words is not None:
        conditions.add(_not_in(indexes.TEXT_INDEX), terms.excluded_words)
    if terms.excluded_like != "[]":
        conditions.add(f"NOT {_HOLDS_ANY}", terms.excluded_like)
    if stage != WORDS and terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    return conditions


def _unconfirmed(asked: _Request, stage: int) -> tuple[str, tuple[object, ...]]:
    """Return a column, and its values, that is 1 when the candidate's body must be compared."""
    terms = asked.terms
    if stage == BODY and (terms.together or terms.literal):
        return "1", ()
    if terms.suspect is None:
        return "0", ()
    index = indexes.TEXT_INDEX
    return f"w.rid IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)", (terms.suspect,)  # noqa: S608 - constants


def _candidate_count(asked: _Request, suspect: str) -> int:
    """Return how many candidates to read for a page: more when some may turn out to be no hits."""
    return asked.limit if suspect == "0" else max(asked.limit, limits.SEARCH_CONFIRM_MAX)


def _confirmed(asked: _Request, candidates: list[tuple[Hit, int]], fetched: int) -> Found:
    """Return the candidates that are hits; `stopped` is set when the budget left some unchecked."""
    hits: list[Hit] = []
    last: Place | None = None
    for hit, suspect in candidates:
        if suspect:
            if not asked.budget.takes(hit.header):
                return Found(hits, last or asked.after or hit.own_place())
            if not holds_phrases(asked.db, hit.header, asked.terms, wanted=hit.stage == BODY):
                last = hit.place()
                continue
        last = hit.place()
        hits.append(hit)
        if len(hits) >= asked.limit:
            return Found(hits)
    return Found(hits, last if len(candidates) >= fetched else None)


def _ranked(asked: _Request, index: str, stage: int, match: str, conditions: _Conditions) -> Found:
    """Return hits of one index, best first."""
    if asked.after is not None:
        # Only on further pages, because comparing ranks makes FTS5 compute each twice.
        conditions.add(
            "(f.rank, f.rowid) > (?, ?)", *_continue_after(asked.db, index, match, asked.after)
        )
    suspect, values = _unconfirmed(asked, stage)
    fetched = _candidate_count(asked, suspect)
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = HEADERS.read_wide(
        asked.db,
        2,
        f"SELECT {COLUMNS}, f.rank, {suspect} FROM {index} f"  # noqa: S608 - constants
        " CROSS JOIN workflows w ON w.rid = f.rowid"
        f" WHERE {index} MATCH ? AND {conditions} ORDER BY f.rank, f.rowid LIMIT ?",
        (*values, match, *conditions.values, fetched),
    )
    # FTS5 has no rank for a row of which it lacks the size, as in a damaged index.
    found = [(Hit(header, stage, rank or 0.0), open_) for header, (rank, open_) in rows]
    return _confirmed(asked, found, fetched)


def _continue_after(db: Connection, index: str, match: str, after: Place) -> tuple[float, int]:
    """Return the current rank and the rid after which the next page begins.

    Of the last hit and the one that followed it, the one that is earlier now is used: if one of
    them was edited, a hit may be returned twice, but none is missed.
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


def _by_words(asked: _Request) -> Found:
    """Stage 1: hits of the word index."""
    if asked.terms.words is None:
        return Found([])
    conditions = _conditions(asked, WORDS)
    return _ranked(asked, "workflows_fts", WORDS, asked.terms.words, conditions)


def _by_trigrams(asked: _Request) -> Found:
    """Stage 2: hits of the trigram index that the word index does not find."""
    terms = asked.terms
    if terms.trigrams is None:
        return Found([])
    conditions = _conditions(asked, TRIGRAMS)
    if terms.short != "[]":
        conditions.add(_HOLDS_ALL, terms.short)
    return _ranked(asked, "workflows_trigram", TRIGRAMS, terms.trigrams, conditions)


def _by_scan(asked: _Request) -> Found:
    """Stage 3: compare short terms with the headers of the newest workflows."""
    terms, after = asked.terms, asked.after
    if not terms.scan:
        return Found([])
    start = (int(after.rank), after.rid) if after else _NEWEST_KEY
    oldest = _scan_end(asked) if terms.all else _OLDEST_KEY
    cut = _scan_cut(asked, start, oldest)
    conditions = _conditions(asked, SCAN)
    suspect, values = _unconfirmed(asked, SCAN)
    fetched = _candidate_count(asked, suspect)
    rows = HEADERS.read_wide(
        asked.db,
        1,
        f"SELECT {COLUMNS}, {suspect} FROM workflows w WHERE w.archived_at"  # noqa: S608 - constants
        f" IS {'NOT ' if asked.wanted.archived else ''}NULL"
        " AND (w.updated_at, w.rid) < (?, ?) AND (w.updated_at, w.rid) >= (?, ?)"
        f" AND {conditions} ORDER BY w.updated_at DESC, w.rid DESC LIMIT ?",
        (*values, *start, *(cut or oldest), *conditions.values, fetched),
    )
    found = [(Hit(each, SCAN, float(each.updated_at)), open_) for each, (open_,) in rows]
    hits, stopped = _confirmed(asked, found, fetched)
    if cut is not None and stopped is None and len(hits) < asked.limit:
        stopped = Place(SCAN, float(cut[0]), cut[1])
    return Found(hits, stopped)


_NEWEST_KEY: Final = (2**63 - 1, 0)
_OLDEST_KEY: Final = (-(2**63), 0)


def _scan_end(asked: _Request) -> tuple[int, int]:
    """Return (updated_at, rid) of the oldest workflow that a scan reads.

    Older workflows are found by the index of bodies.
    """
    row = asked.db.execute(
        "SELECT updated_at, rid FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if asked.wanted.archived else ''}NULL"
        f" ORDER BY updated_at DESC, rid DESC LIMIT 1 OFFSET {limits.SEARCH_SCAN_MAX - 1}"
    ).fetchone()
    return (row[0], row[1]) if row else _OLDEST_KEY


def _scan_cut(
    asked: _Request, start: tuple[int, int], oldest: tuple[int, int]
) -> tuple[int, int] | None:
    """Return (updated_at, rid) of the last workflow that one page may scan; None when all fit."""
    header_size = "octet_length(name) + octet_length(tags) + ifnull(octet_length(description), 0)"
    source = (
        f"SELECT updated_at, rid, {header_size} AS size FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if asked.wanted.archived else ''}NULL"
        " AND (updated_at, rid) < (?, ?) AND (updated_at, rid) >= (?, ?)"
        f" ORDER BY updated_at DESC, rid DESC LIMIT {limits.SEARCH_SCAN_MAX + 1}"
    )
    most_bytes = limits.SEARCH_SCAN_BYTES // max(1, asked.terms.compared)
    sums: list[Any] = asked.db.execute(
        f"SELECT count(*), ifnull(sum(size), 0) FROM ({source})",  # noqa: S608 - constants
        (*start, *oldest),
    ).fetchall()
    ((count, total),) = sums
    if count <= limits.SEARCH_SCAN_MAX and total <= most_bytes:
        return None
    cut: tuple[int, int] | None = None
    scanned_bytes = 0
    for place, (updated_at, rid, size) in enumerate(asked.db.execute(source, (*start, *oldest))):
        scanned_bytes += size
        if cut is not None and (place >= limits.SEARCH_SCAN_MAX or scanned_bytes > most_bytes):
            break
        cut = (updated_at, rid)
    return cut


def _by_body(asked: _Request) -> Found:
    """Stage 4: hits of the index of header and body that the stages before do not find."""
    terms = asked.terms
    if terms.body is None:
        return Found([])
    conditions = _conditions(asked, BODY)
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


def _newest(asked: _Request) -> Found:
    """Stage 5: the newest workflows, for a query without terms."""
    if asked.terms.all or asked.terms.scan:
        return Found([])
    after = asked.after
    key = (int(after.rank), after.rid) if after else None
    headers = list_workflows(
        asked.db, asked.wanted, Order("updated_at", descending=True), after=key, limit=asked.limit
    )
    return Found([Hit(header, NEWEST, float(header.updated_at)) for header in headers])


_STAGES: Final[dict[int, Callable[[_Request], Found]]] = {
    WORDS: _by_words,
    TRIGRAMS: _by_trigrams,
    SCAN: _by_scan,
    BODY: _by_body,
    NEWEST: _newest,
}


def find_hits(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> Found:
    """Return at most `limit` hits after `after`, from one stage after the other."""
    hits: list[Hit] = []
    budget = Budget(limits.SEARCH_CONFIRM_MAX, limits.SEARCH_CONFIRM_BYTES)
    for stage, run in _STAGES.items():
        if after is None or stage >= after.stage:
            start = after if after is not None and stage == after.stage else None
            asked = _Request(db, terms, wanted, start, limit - len(hits), budget)
            found = run(asked)
            hits += found.hits
            if found.stopped is not None or len(hits) >= limit:
                return Found(hits, found.stopped)
    return Found(hits)
