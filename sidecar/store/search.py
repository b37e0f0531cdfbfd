"""Search over workflows: hits in name, tags and description, then those inside bodies alone.

A page is filled in stages, each behind the one before. First the hits of the word index, best
bm25 first: every term must be there, the last one may be the beginning of a word. Then what only
the trigram index finds: terms of three characters and more as substrings, also inside words and
in scripts without spaces. Terms too short for trigrams are compared with the text itself, among
the trigram hits where there are any, else, for scripts whose words are that short, over the
newest workflows. Then what only the text of header and body together holds. A query without
terms lists the newest.

A page continues behind (stage, rank, rid) of its last hit. Ranks shift a little when workflows
change between two pages, so a hit can then be seen twice or missed, as in any ranked search.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from sidecar import limits
from sidecar.store import search_index
from sidecar.store.connection import Connection
from sidecar.store.query import Terms, in_words
from sidecar.store.workflows import pages
from sidecar.store.workflows.header import COLUMNS, WIDTH, Header
from sidecar.store.workflows.pages import HAS_TAG, Filter

WORDS, TRIGRAMS, SCAN, BODY, NEWEST = range(5)
"""The stages, by their number in a cursor."""


class Place(NamedTuple):
    """Where a page continues: the last hit's stage, rank (or time) and rid."""

    stage: int
    rank: float
    rid: int


class Hit(NamedTuple):
    """A workflow found; `rank` is bm25's, lower is better, or the time where none ranks."""

    header: Header
    stage: int
    rank: float

    @property
    def place(self) -> Place:
        """Where a page behind this hit continues."""
        return Place(self.stage, self.rank, self.header.rid)


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


def _narrow(conditions: _Conditions, terms: Terms, wanted: Filter) -> None:
    """What every stage asks of a workflow beside its own words."""
    conditions.add(f"w.archived_at IS {'NOT ' if wanted.archived else ''}NULL")
    if wanted.category is not None:
        conditions.add("w.category = ?", wanted.category)
    if wanted.tag is not None:
        conditions.add(HAS_TAG, wanted.tag)
    if terms.excluded is not None:
        conditions.add(_not_in("workflows_fts"), terms.excluded)
    if terms.excluded_words is not None:
        conditions.add(_not_in(search_index.TEXT_INDEX), terms.excluded_words)
    if terms.excluded_like != "[]":
        conditions.add(f"NOT {_HOLDS_ANY}", terms.excluded_like)


def _ranked(
    db: Connection, index: str, stage: int, conditions: _Conditions, after: Place | None, limit: int
) -> list[Hit]:
    """Hits of one index, best first."""
    if after is not None:
        # Only on further pages: comparing ranks makes FTS5 work each out a second time.
        conditions.add("(f.rank, f.rowid) > (?, ?)", after.rank, after.rid)
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    rows = db.execute(
        f"SELECT {COLUMNS}, f.rank FROM {index} f CROSS JOIN workflows w ON w.rid = f.rowid"  # noqa: S608 - constants
        f" WHERE {conditions} ORDER BY f.rank, f.rowid LIMIT ?",
        (*conditions.values, limit),
    )
    return [Hit(Header(*row[:WIDTH]), stage, row[WIDTH]) for row in rows]


def _by_words(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.words is None:
        return []
    conditions = _Conditions()
    conditions.add("workflows_fts MATCH ?", terms.words)
    _narrow(conditions, terms, wanted)
    return _ranked(db, "workflows_fts", WORDS, conditions, after, limit)


def _by_trigrams(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.trigrams is None:
        return []
    conditions = _Conditions()
    conditions.add("workflows_trigram MATCH ?", terms.trigrams)
    _narrow(conditions, terms, wanted)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    if terms.short != "[]":
        conditions.add(_HOLDS_ALL, terms.short)
    return _ranked(db, "workflows_trigram", TRIGRAMS, conditions, after, limit)


def _by_scan(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if not terms.scan:
        return []
    conditions = _Conditions()
    conditions.add(_HOLDS_ALL, terms.short)
    _narrow(conditions, terms, wanted)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    start = (int(after.rank), after.rid) if after else (2**63 - 1, 0)
    conditions.add("(w.updated_at, w.rid) < (?, ?)", *start)
    rows = db.execute(
        f"SELECT {COLUMNS} FROM (SELECT * FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if wanted.archived else ''}NULL"
        f" ORDER BY updated_at DESC, rid DESC LIMIT {limits.SEARCH_SCAN_MAX}) w"
        f" WHERE {conditions} ORDER BY w.updated_at DESC, w.rid DESC LIMIT ?",
        (*conditions.values, limit),
    )
    headers = [Header(*row) for row in rows]
    return [Hit(header, SCAN, float(header.updated_at)) for header in headers]


def _by_body(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    """Hits of header and body together; texts that must stand together are looked for in them.

    At most `limits.SEARCH_CONFIRM_MAX` are looked into for one page, the best ranked.
    """
    if terms.body is None:
        return []
    index = search_index.TEXT_INDEX
    conditions = _Conditions()
    conditions.add(f"{index} MATCH ?", terms.body)
    _narrow(conditions, terms, wanted)
    if terms.words is not None:
        conditions.add(_not_in("workflows_fts"), terms.words)
    if terms.trigrams is not None and terms.short == "[]":
        conditions.add(_not_in("workflows_trigram"), terms.trigrams)
    if terms.scan:
        conditions.add(f"NOT {_HOLDS_ALL}", terms.short)
    if not terms.together:
        return _ranked(db, index, BODY, conditions, after, limit)
    hits: list[Hit] = []
    looked_bytes = 0
    for hit in _ranked(db, index, BODY, conditions, after, limits.SEARCH_CONFIRM_MAX):
        looked_bytes += hit.header.size_bytes
        if len(hits) >= limit or looked_bytes > limits.SEARCH_CONFIRM_BYTES:
            break
        if _holds_together(db, hit.header, terms.together):
            hits.append(hit)
    return hits


def _holds_together(db: Connection, header: Header, texts: list[str]) -> bool:
    said = (header.name, header.tags, header.description or "", *lines_of(db, header))
    words = in_words("\n".join(said))
    return all(text in words for text in texts)


def lines_of(db: Connection, header: Header) -> list[str]:
    """The text inside a workflow's body, a string a line; a damaged body says nothing."""
    data = db.execute("SELECT data FROM workflow_bodies WHERE rid = ?", (header.rid,)).get
    return search_index.body_text(header.content_sha256, header.size_bytes, data).split("\n")


def _newest(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.all:
        return []
    key = (int(after.rank), after.rid) if after else None
    headers = pages.page(db, wanted, "updated_at", descending=True, after=key, limit=limit)
    return [Hit(header, NEWEST, float(header.updated_at)) for header in headers]


_Stage = Callable[[Connection, Terms, Filter, Place | None, int], list[Hit]]
_STAGES: Final[dict[int, _Stage]] = {
    WORDS: _by_words,
    TRIGRAMS: _by_trigrams,
    SCAN: _by_scan,
    BODY: _by_body,
    NEWEST: _newest,
}


def search(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    """At most `limit` hits behind `after`, best first; a stage begins when the last is dry."""
    hits: list[Hit] = []
    for stage, run in _STAGES.items():
        if after is None or stage >= after.stage:
            start = after if after is not None and stage == after.stage else None
            hits += run(db, terms, wanted, start, limit - len(hits))
            if len(hits) >= limit:
                break
    return hits
