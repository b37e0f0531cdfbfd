"""Search over name, tags and description of workflows: any text is a valid query.

A page is filled in stages, each behind the one before. First the hits of the word index, best
bm25 first: every term must be there, the last one may be the beginning of a word. Then what only
the trigram index finds: terms of three characters and more as substrings, also inside words and
in scripts without spaces. Terms too short for trigrams are compared with the text itself, among
the trigram hits where there are any, else, for scripts whose words are that short, over the
newest workflows. A query without terms lists the newest.

A page continues behind (stage, rank, rid) of its last hit. Ranks shift a little when workflows
change between two pages, so a hit can then be seen twice or missed, as in any ranked search.
"""

import re
from functools import cache
from typing import Final, NamedTuple

import msgspec

from sidecar.store.connection import Connection
from sidecar.store.workflows import pages
from sidecar.store.workflows.header import COLUMNS, WIDTH, Header
from sidecar.store.workflows.pages import HAS_TAG, Filter

TRIGRAM_MIN_CHARS: Final = 3
"""Shortest text the trigram index can find."""

SCAN_MAX: Final = 20_000
"""Newest workflows looked through for terms that no index can find: about 20 ms."""

WORDS, TRIGRAMS, SCAN, NEWEST = range(4)
"""The stages, by their number in a cursor."""

_STAGES: Final = (WORDS, TRIGRAMS, SCAN, NEWEST)

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class Terms(NamedTuple):
    """A query taken apart."""

    all: list[str]
    words: str | None
    """The MATCH text for the word index; None when a term holds nothing that it indexes."""
    trigrams: str | None
    """The MATCH text for the trigram index; None when every term is too short for it."""
    short: str
    """JSON array of LIKE patterns for the terms that trigrams cannot find."""
    scan: bool
    """Whether only comparing the text itself can find the terms."""


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


def parse(query: str) -> Terms:
    """Take a query apart; nothing in it has a meaning beyond its words."""
    found = dict.fromkeys(_CONTROLS.sub(" ", query).split())
    # ASCII punctuation by itself is no term, while a symbol such as an emoji may be all of one.
    terms = [term for term in found if not term.isascii() or _is_wordlike(term)]
    quoted = [_quote(term) for term in terms]
    wordlike = bool(terms) and all(map(_is_wordlike, terms))
    long = [_quote(term) for term in terms if len(term) >= TRIGRAM_MIN_CHARS]
    short = [term for term in terms if len(term) < TRIGRAM_MIN_CHARS]
    return Terms(
        all=terms,
        words=" ".join(quoted) + "*" if wordlike else None,
        trigrams=" ".join(long) if long else None,
        short=msgspec.json.encode([_like(term) for term in short]).decode() if short else "[]",
        scan=not long and any(not term.isascii() for term in short),
    )


def _is_wordlike(term: str) -> bool:
    return any(map(str.isalnum, term))


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _like(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


_HOLDS_SHORT: Final = (
    "NOT EXISTS (SELECT 1 FROM json_each(?) s WHERE NOT ("
    "w.name LIKE s.value ESCAPE '\\' OR w.tags LIKE s.value ESCAPE '\\'"
    " OR ifnull(w.description, '') LIKE s.value ESCAPE '\\'))"
)
_NOT_BY_WORDS: Final = (
    "f.rowid NOT IN (SELECT rowid FROM workflows_fts WHERE workflows_fts MATCH ?)"
)


@cache
def _ranked_sql(
    table: str, wanted: tuple[bool, bool, bool], *, but: bool, short: bool, further: bool
) -> str:
    """The statement of a ranked stage; its parameters follow its conditions, then the limit."""
    category, tag, archived = wanted
    conditions = [
        f"{table} MATCH ?",
        f"w.archived_at IS {'NOT ' if archived else ''}NULL",
        *(["w.category = ?"] if category else []),
        *([HAS_TAG] if tag else []),
        *([_NOT_BY_WORDS] if but else []),
        *([_HOLDS_SHORT] if short else []),
        # Only on further pages: comparing ranks makes FTS5 work each out a second time.
        *(["(f.rank, f.rowid) > (?, ?)"] if further else []),
    ]
    # With rowid in the order FTS5 leaves the sorting to SQLite, which is faster by a third.
    return (
        f"SELECT {COLUMNS}, f.rank FROM {table} f CROSS JOIN workflows w ON w.rid = f.rowid"  # noqa: S608 - constants
        f" WHERE {' AND '.join(conditions)} ORDER BY f.rank, f.rowid LIMIT ?"
    )


def _filter_shape(wanted: Filter) -> tuple[bool, bool, bool]:
    return wanted.category is not None, wanted.tag is not None, wanted.archived


def _filter_values(wanted: Filter) -> list[object]:
    return [value for value in (wanted.category, wanted.tag) if value is not None]


def _by_words(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.words is None:
        return []
    sql = _ranked_sql(
        "workflows_fts", _filter_shape(wanted), but=False, short=False, further=after is not None
    )
    start = (after.rank, after.rid) if after else ()
    rows = db.execute(sql, (terms.words, *_filter_values(wanted), *start, limit))
    return [Hit(Header(*row[:WIDTH]), WORDS, row[WIDTH]) for row in rows]


def _by_trigrams(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.trigrams is None:
        return []
    short = terms.short != "[]"
    sql = _ranked_sql(
        "workflows_trigram",
        _filter_shape(wanted),
        but=terms.words is not None,
        short=short,
        further=after is not None,
    )
    values: list[object] = [terms.trigrams, *_filter_values(wanted)]
    values += [terms.words] if terms.words is not None else []
    values += [terms.short] if short else []
    values += [after.rank, after.rid] if after else []
    rows = db.execute(sql, (*values, limit))
    return [Hit(Header(*row[:WIDTH]), TRIGRAMS, row[WIDTH]) for row in rows]


@cache
def _scan_sql(wanted: tuple[bool, bool, bool], *, but: bool) -> str:
    category, tag, archived = wanted
    conditions = [
        _HOLDS_SHORT,
        *(["w.category = ?"] if category else []),
        *([HAS_TAG] if tag else []),
        *(
            ["w.rid NOT IN (SELECT rowid FROM workflows_fts WHERE workflows_fts MATCH ?)"]
            if but
            else []
        ),
        "(w.updated_at, w.rid) < (?, ?)",
    ]
    return (
        f"SELECT {COLUMNS} FROM (SELECT * FROM workflows"  # noqa: S608 - constants
        f" WHERE archived_at IS {'NOT ' if archived else ''}NULL"
        f" ORDER BY updated_at DESC, rid DESC LIMIT {SCAN_MAX}) w"
        f" WHERE {' AND '.join(conditions)} ORDER BY w.updated_at DESC, w.rid DESC LIMIT ?"
    )


def _by_scan(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if not terms.scan:
        return []
    sql = _scan_sql(_filter_shape(wanted), but=terms.words is not None)
    values: list[object] = [terms.short, *_filter_values(wanted)]
    values += [terms.words] if terms.words is not None else []
    start = (int(after.rank), after.rid) if after else (2**63 - 1, 0)
    rows = db.execute(sql, (*values, *start, limit))
    headers = [Header(*row) for row in rows]
    return [Hit(header, SCAN, float(header.updated_at)) for header in headers]


def _newest(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    if terms.all:
        return []
    key = (int(after.rank), after.rid) if after else None
    headers = pages.page(db, wanted, "updated_at", descending=True, after=key, limit=limit)
    return [Hit(header, NEWEST, float(header.updated_at)) for header in headers]


_SEARCHES: Final = dict(zip(_STAGES, (_by_words, _by_trigrams, _by_scan, _newest), strict=True))


def search(
    db: Connection, terms: Terms, wanted: Filter, after: Place | None, limit: int
) -> list[Hit]:
    """At most `limit` hits behind `after`, best first; a stage begins when the last is dry."""
    hits: list[Hit] = []
    for stage, run in _SEARCHES.items():
        if after is None or stage >= after.stage:
            start = after if after is not None and stage == after.stage else None
            hits += run(db, terms, wanted, start, limit - len(hits))
            if len(hits) >= limit:
                break
    return hits
