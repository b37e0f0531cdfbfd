"""A search query taken apart: any text is valid, and only two marks mean anything in it.

"..." holds words that must stand together, a minus before a word or phrase excludes it; all else
is words. What each index can find of that is said here as MATCH text, with every term quoted, so
that FTS5's own syntax is out of reach.
"""

import re
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.text import spaced
from sidecar.store.search.excerpts import fold

TRIGRAM_MIN_CHARS: Final = 3
"""Shortest text the trigram index can find."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_TOKENS: Final = re.compile(r"[^\W_]+")

_YO: Final = {"\u0435": "\u0451", "\u0415": "\u0401"}
_WITHOUT_YO: Final = str.maketrans({yo: ie for ie, yo in _YO.items()})
_SPELLED_PLACES_MAX: Final = 8
"""Letters of one term that other spellings are made of: longer ones are phrases."""


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
    """Whether headers must be looked through: no index finds the terms, or there are none."""
    body: str | None
    """The MATCH text for the index of bodies, which knows no phrases."""
    together: list[str]
    """Rows of words, as `in_words` gives them, that a body found must hold side by side."""
    literal: list[str]
    """Folded terms without a word, such as an emoji, that no index of words knows."""
    excluded: str | None
    """The MATCH text of what headers must not hold."""
    excluded_words: str | None
    """The same for the index of bodies, single words only."""
    excluded_like: str
    """JSON array of LIKE patterns of what headers must not hold, for scripts without spaces."""
    compared: int
    """How many texts those two arrays compare with each header."""
    suspect: str | None
    """The MATCH text of bodies that hold all words of some row that they must not hold."""
    excluded_together: list[str]
    """Rows of words that a body must not hold side by side."""


def parse(query: str) -> Terms:
    """Take a query apart; with nothing but exclusions the newest without them are asked for."""
    wanted: dict[str, None] = {}
    unwanted: dict[str, None] = {}
    for piece in _PIECES.finditer(_CONTROLS.sub(" ", query)):
        text = " ".join((piece["phrase"] if piece["word"] is None else piece["word"]).split())
        # ASCII punctuation by itself is no term, while a symbol such as an emoji may be all of one.
        if text and (not text.isascii() or _is_wordlike(text)):
            (unwanted if piece["minus"] else wanted)[text] = None
    return _terms(list(wanted), list(unwanted))


def _terms(terms: list[str], unwanted: list[str]) -> Terms:
    wordlike = bool(terms) and all(map(_is_wordlike, terms))
    long = [term for term in terms if len(term) >= TRIGRAM_MIN_CHARS]
    short = [term for term in terms if len(term) < TRIGRAM_MIN_CHARS]
    tokens = [_TOKENS.findall(spaced(term)) for term in terms]
    excluded = [term for term in unwanted if _is_wordlike(term) and spaced(term) == term]
    out = [(term, _TOKENS.findall(spaced(term))) for term in unwanted]
    rows = [(term, parts) for term, parts in out if parts[1:]]
    short = short[: limits.SEARCH_SHORT_MAX]
    unlike = [term for term in unwanted if term not in excluded][: limits.SEARCH_SHORT_MAX]
    return Terms(
        all=terms,
        words=_all_of(terms, unfinished=True) if wordlike else None,
        trigrams=_all_of(long) if long else None,
        short=_like_array(short),
        scan=(not terms and bool(unwanted))
        or (not long and any(not term.isascii() for term in short)),
        body=_body_match(tokens),
        together=_rows(terms, tokens),
        literal=[fold(term) for term in terms if not _is_wordlike(term)],
        excluded=" OR ".join(map(_any_of, excluded)) or None,
        excluded_words=" OR ".join(_any_of(parts[0]) for _, parts in out if len(parts) == 1)
        or None,
        excluded_like=_like_array(unlike),
        compared=len(short) + len(unlike),
        suspect=" OR ".join(f"({_all_of(parts)})" for _, parts in rows) or None,
        excluded_together=[f"{in_words(term)} " for term, _ in rows],
    )


def _rows(terms: list[str], tokens: list[list[str]]) -> list[str]:
    """The terms of several words; only the last word of the query may be unfinished."""
    last = len(terms) - 1
    return [
        in_words(term) + ("" if place == last else " ")
        for place, (term, parts) in enumerate(zip(terms, tokens, strict=True))
        if parts[1:]
    ]


def in_words(text: str) -> str:
    """The words of a text as an index of words sees them, folded, a space before each."""
    return "".join(f" {token}" for token in _TOKENS.findall(fold(spaced(text))))


def _is_wordlike(term: str) -> bool:
    return any(map(str.isalnum, term))


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _all_of(terms: list[str], *, unfinished: bool = False) -> str:
    """MATCH text for all of the terms; the very last may be the beginning of a word."""
    *first, last = terms
    return " AND ".join([*map(_any_of, first), _any_of(last, "*" if unfinished else "")])


def _any_of(term: str, mark: str = "") -> str:
    """MATCH text for a term in each of its spellings."""
    spellings = [_quote(each) + mark for each in _spellings(term)]
    return spellings[0] if len(spellings) == 1 else f"({' OR '.join(spellings)})"


def _spellings(term: str) -> list[str]:
    """The term, and where it has a Cyrillic ie or yo, what it is with the other one.

    The two are one letter to most who write; the indexes fold Latin marks only. A word has one
    yo at most, nearly always.
    """
    plain = term.translate(_WITHOUT_YO)
    places = [place for place, char in enumerate(plain) if char in _YO][:_SPELLED_PLACES_MAX]
    other = (f"{plain[:place]}{_YO[plain[place]]}{plain[place + 1 :]}" for place in places)
    return list(dict.fromkeys((term, plain, *other)))


def _body_match(tokens: list[list[str]]) -> str | None:
    found = list(dict.fromkeys(token for parts in tokens for token in parts))
    return _all_of(found, unfinished=True) if found else None


def _like_array(terms: list[str]) -> str:
    patterns = [_like(term) for term in terms]
    return msgspec.json.encode(patterns).decode() if patterns else "[]"


def _like(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
