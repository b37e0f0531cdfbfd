"""Parses a search query into terms, and writes what each index is asked for.

Any text is a valid query. Words within "..." form a phrase and must be side by side, and a minus
before a word or phrase excludes it; everything else is words. What an index is asked for is written
as MATCH text with every term quoted, so that a query cannot use the syntax of FTS5.
"""

import re
from typing import Final, NamedTuple

import msgspec

from sidecar import limits
from sidecar.bodies.text import spaced
from sidecar.store.search.excerpts import fold

TRIGRAM_MIN_CHARS: Final = 3
"""The shortest text that the trigram index can find."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_TOKENS: Final = re.compile(r"[^\W_]+")

_YO: Final = {"\u0435": "\u0451", "\u0415": "\u0401"}
_WITHOUT_YO: Final = str.maketrans({yo: ie for ie, yo in _YO.items()})
_SPELLED_PLACES_MAX: Final = 8
"""How many letters of one term are spelled both ways; a term with more is a phrase."""


class Terms(NamedTuple):
    """The terms of a query, for each index and for the comparison with texts."""

    all: list[str]
    words: str | None
    """MATCH text for the word index; None when a term has no word."""
    trigrams: str | None
    """MATCH text for the trigram index; None when all terms are too short for it."""
    short: str
    """JSON array of LIKE patterns for the terms that are too short for trigrams."""
    scan: bool
    """Whether headers must be scanned: no index finds the terms, or all terms are excluded."""
    body: str | None
    """MATCH text for the index of bodies, which cannot find phrases; None without words."""
    together: list[str]
    """Phrases that a body must hold, each as `in_words` returns it."""
    literal: list[str]
    """Folded terms without a word, such as an emoji, which the index of bodies does not have."""
    excluded: str | None
    """MATCH text of what headers must not hold."""
    excluded_words: str | None
    """MATCH text of single words that header and body must not hold."""
    excluded_like: str
    """JSON array of LIKE patterns that headers must not match, for scripts without spaces."""
    compared: int
    """How many LIKE patterns are compared with each header."""
    suspect: str | None
    """MATCH text of bodies with all words of an excluded phrase, which may be side by side."""
    excluded_together: list[str]
    """Phrases that a body must not hold, each as `in_words` returns it."""


def parse(query: str) -> Terms:
    """Parse a query. One with exclusions alone asks for the newest workflows without them."""
    wanted: dict[str, None] = {}
    unwanted: dict[str, None] = {}
    for piece in _PIECES.finditer(_CONTROLS.sub(" ", query)):
        text = " ".join((piece["phrase"] if piece["word"] is None else piece["word"]).split())
        # ASCII punctuation alone is no term, but a symbol such as an emoji is.
        if text and (not text.isascii() or _is_wordlike(text)):
            (unwanted if piece["minus"] else wanted)[text] = None
    return _terms(list(wanted), list(unwanted))


def _terms(terms: list[str], unwanted: list[str]) -> Terms:
    """Return the terms for each index, from the wanted and the excluded terms."""
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
        together=_phrases(terms, tokens),
        literal=[fold(term) for term in terms if not _is_wordlike(term)],
        excluded=" OR ".join(map(_any_of, excluded)) or None,
        excluded_words=" OR ".join(_any_of(parts[0]) for _, parts in out if len(parts) == 1)
        or None,
        excluded_like=_like_array(unlike),
        compared=len(short) + len(unlike),
        suspect=" OR ".join(f"({_all_of(parts)})" for _, parts in rows) or None,
        excluded_together=[f"{in_words(term)} " for term, _ in rows],
    )


def _phrases(terms: list[str], tokens: list[list[str]]) -> list[str]:
    """Return the terms of several words; only the last word of a query may be unfinished."""
    last = len(terms) - 1
    return [
        in_words(term) + ("" if place == last else " ")
        for place, (term, parts) in enumerate(zip(terms, tokens, strict=True))
        if parts[1:]
    ]


def in_words(text: str) -> str:
    """Return the words of a text as the word index has them: folded, with a space before each."""
    return "".join(f" {token}" for token in _TOKENS.findall(fold(spaced(text))))


def _is_wordlike(term: str) -> bool:
    """Return whether a term has a letter or a digit."""
    return any(map(str.isalnum, term))


def _quote(term: str) -> str:
    """Return a term quoted as a string of FTS5."""
    return '"' + term.replace('"', '""') + '"'


def _all_of(terms: list[str], *, unfinished: bool = False) -> str:
    """Return MATCH text for all terms; `unfinished` lets the last be the beginning of a word."""
    *first, last = terms
    return " AND ".join([*map(_any_of, first), _any_of(last, "*" if unfinished else "")])


def _any_of(term: str, mark: str = "") -> str:
    """Return MATCH text for any spelling of a term."""
    spellings = [_quote(each) + mark for each in _spellings(term)]
    return spellings[0] if len(spellings) == 1 else f"({' OR '.join(spellings)})"


def _spellings(term: str) -> list[str]:
    """Return a term, and if it has a Cyrillic ie or yo, the term with the other letter.

    Many people write ie for yo, and the indexes fold Latin diacritics only. Nearly every word has
    at most one yo.
    """
    plain = term.translate(_WITHOUT_YO)
    places = [place for place, char in enumerate(plain) if char in _YO][:_SPELLED_PLACES_MAX]
    other = (f"{plain[:place]}{_YO[plain[place]]}{plain[place + 1 :]}" for place in places)
    return list(dict.fromkeys((term, plain, *other)))


def _body_match(tokens: list[list[str]]) -> str | None:
    """Return MATCH text for all words of the terms; None when there are no words."""
    found = list(dict.fromkeys(token for parts in tokens for token in parts))
    return _all_of(found, unfinished=True) if found else None


def _like_array(terms: list[str]) -> str:
    """Return LIKE patterns for the terms as a JSON array."""
    patterns = [_like(term) for term in terms]
    return msgspec.json.encode(patterns).decode() if patterns else "[]"


def _like(term: str) -> str:
    """Return the LIKE pattern for texts that hold a term."""
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
