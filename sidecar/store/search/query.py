"""Parses a search query into terms, and writes what each index is asked for.

Any text is a valid query. Words within "..." form a phrase and must be side by side, and a minus
before a word or phrase excludes it; everything else is words. What an index is asked for is written
as MATCH text with every term quoted, so that a query cannot use the syntax of FTS5.
"""

import re
from itertools import compress
from operator import not_
from typing import Final, NamedTuple

from sidecar.folding import apart, fold, words_and_symbols

_PART_MIN_CHARS: Final = 3
"""The shortest text that the index by trigrams can find."""

_AND: Final = " AND "
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_SHOWN: Final = re.compile(r"[0-9]+(?:[.:/-][0-9]+)+|[^\x00-/:-@\[-`{-\x7f\s]+")


class Terms(NamedTuple):
    """The MATCH texts for the indexes; empty for an index that is not queried."""

    match: str
    """All terms as words."""
    begun: str
    """All terms as words; the last one may be the beginning of a word."""
    finished: str
    """All but the last term."""
    parts: str
    """The terms that may be parts of words."""
    short: str
    """The terms that are too short for it, as words."""
    excluded: str
    """The terms that workflows must not have."""
    shown: tuple[str, ...]
    """Folded words and phrases to mark in a snippet."""


def parse(query: str) -> Terms:
    """Parse a query. One with exclusions alone asks for the newest workflows without them."""
    wanted: dict[str, _Term] = {}
    unwanted: dict[str, _Term] = {}
    for piece in _PIECES.finditer(_CONTROLS.sub(" ", query)):
        text = piece["phrase"] or piece["word"]
        if text and (term := _read(text)) is not None:
            (unwanted if piece["minus"] else wanted)[text] = term
    terms = [*wanted.values()]
    whole = [term.whole for term in terms]
    begun = whole[:-1] + [term.begun for term in terms[-1:]]
    long = [len(term.text) >= _PART_MIN_CHARS for term in terms]
    return Terms(
        _AND.join(whole),
        _AND.join(begun),
        _AND.join(whole[:-1]),
        _AND.join([quoted(term.text) for term in compress(terms, long)]),
        _AND.join(compress(begun, map(not_, long))),
        " OR ".join([term.whole for term in unwanted.values()]),
        tuple(dict.fromkeys([word for term in terms for word in term.shown])),
    )


class _Term(NamedTuple):
    """A word or phrase of a query; a word that is written as lastFrame also as its words apart."""

    text: str
    """Folded, with single spaces."""
    whole: str
    """MATCH text for it."""
    begun: str
    """MATCH text for it where it may be the beginning of a word."""
    shown: list[str]
    """The folded words of the term; connected numbers stay together."""


def _read(text: str) -> _Term | None:
    """Return a term; None where the text has no word."""
    whole: list[str] = []
    begun: list[str] = []
    shown: list[str] = []
    for form in dict.fromkeys((text, apart(text))):
        folded = fold(form)
        in_words, symbols = words_and_symbols(folded)
        shown += _SHOWN.findall(folded)
        has_words = _SHOWN.search(in_words)
        if not (has_words or symbols):
            return None
        # The indexes have symbols behind all words.
        behind = [quoted(symbols)] if symbols else []
        for forms, mark in ((whole, ""), (begun, "*")):
            found = [quoted(in_words) + mark, *behind] if has_words else behind
            forms.append(f"({_AND.join(found)})")
    return _Term(
        " ".join(fold(text).split()),
        f"({' OR '.join(whole)})",
        f"({' OR '.join(begun)})",
        shown,
    )


def quoted(text: str) -> str:
    """Return a text quoted as a string of FTS5."""
    return '"' + text.replace('"', '""') + '"'
