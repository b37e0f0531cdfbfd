"""A search query taken apart: any text is valid, and only two marks mean anything in it.

"..." holds words that must stand together, a minus before a word or phrase excludes it; all else
is words. What each index can find of that is said here as MATCH text, with every term quoted, so
that FTS5's own syntax is out of reach.
"""

import re
from typing import Final, NamedTuple

import msgspec

from sidecar.bodies.text import spaced
from sidecar.store.excerpts import fold

TRIGRAM_MIN_CHARS: Final = 3
"""Shortest text the trigram index can find."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_TOKENS: Final = re.compile(r"[^\W_]+")


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
    """Whether only comparing the text itself can find the terms in a header."""
    body: str | None
    """The MATCH text for the index of bodies, which knows no phrases."""
    together: list[str]
    """Rows of words, as `in_words` gives them, that a body found must hold side by side."""
    excluded: str | None
    """The MATCH text of what headers must not hold."""
    excluded_words: str | None
    """The same for the index of bodies, single words only."""
    excluded_like: str
    """JSON array of LIKE patterns of what headers must not hold, for scripts without spaces."""


def parse(query: str) -> Terms:
    """Take a query apart; with nothing but exclusions their marks mean nothing."""
    wanted: dict[str, None] = {}
    unwanted: dict[str, None] = {}
    for piece in _PIECES.finditer(_CONTROLS.sub(" ", query)):
        text = " ".join((piece["phrase"] if piece["word"] is None else piece["word"]).split())
        # ASCII punctuation by itself is no term, while a symbol such as an emoji may be all of one.
        if text and (not text.isascii() or _is_wordlike(text)):
            (unwanted if piece["minus"] else wanted)[text] = None
    if not wanted:
        wanted, unwanted = unwanted, {}
    return _terms(list(wanted), list(unwanted))


def _terms(terms: list[str], unwanted: list[str]) -> Terms:
    wordlike = bool(terms) and all(map(_is_wordlike, terms))
    long = [_quote(term) for term in terms if len(term) >= TRIGRAM_MIN_CHARS]
    short = [term for term in terms if len(term) < TRIGRAM_MIN_CHARS]
    tokens = [_TOKENS.findall(spaced(term)) for term in terms]
    excluded = [term for term in unwanted if _is_wordlike(term) and spaced(term) == term]
    single = [term for term in excluded if len(_TOKENS.findall(term)) == 1]
    return Terms(
        all=terms,
        words=" ".join(map(_quote, terms)) + "*" if wordlike else None,
        trigrams=" ".join(long) if long else None,
        short=_like_array(short),
        scan=not long and any(not term.isascii() for term in short),
        body=_body_match(tokens) if wordlike else None,
        together=[in_words(term) for term, parts in zip(terms, tokens, strict=True) if parts[1:]],
        excluded=" OR ".join(map(_quote, excluded)) or None,
        excluded_words=" OR ".join(map(_quote, single)) or None,
        excluded_like=_like_array([term for term in unwanted if term not in excluded]),
    )


def in_words(text: str) -> str:
    """The words of a text as an index of words sees them, folded, a space before each."""
    return "".join(f" {token}" for token in _TOKENS.findall(spaced(fold(text))))


def _is_wordlike(term: str) -> bool:
    return any(map(str.isalnum, term))


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _body_match(tokens: list[list[str]]) -> str | None:
    """All tokens of all terms; the very last may be the beginning of a word."""
    found = list(dict.fromkeys(token for parts in tokens for token in parts))
    return " ".join(map(_quote, found)) + "*" if found else None


def _like_array(terms: list[str]) -> str:
    patterns = [_like(term) for term in terms]
    return msgspec.json.encode(patterns).decode() if patterns else "[]"


def _like(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
