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

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_IN_WORDS: Final = re.compile(r"[^\W_]|[^\x00-\x7f\s]")
_SHOWN: Final = re.compile(r"[0-9]+(?:[.:/-][0-9]+)+|[^\x00-/:-@\[-`{-\x7f\s]+")


class Terms(NamedTuple):
    """The MATCH texts for the indexes; None for an index that is not queried."""

    match: str | None
    """All terms as words."""
    begun: str | None
    """All terms as words; the last one may be the beginning of a word."""
    finished: str | None
    """All but the last term."""
    parts: str | None
    """The terms that may be parts of words."""
    short: str | None
    """The terms that are too short for it, as words."""
    excluded: str | None
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
        _all_of(whole),
        _all_of(begun),
        _all_of(whole[:-1]),
        _all_of([quoted(term.text) for term in compress(terms, long)]),
        None if all(long) else _all_of([*compress(begun, map(not_, long))]),
        " OR ".join([term.whole for term in unwanted.values()]) or None,
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
    separate = apart(text)
    whole: list[str] = []
    begun: list[str] = []
    shown: list[str] = []
    for form in (text,) if separate == text else (text, separate):
        folded = fold(form)
        in_words, symbols = words_and_symbols(folded)
        shown += _SHOWN.findall(folded)
        # The indexes have symbols behind all words.
        behind = [quoted(symbols)] if symbols else []
        for forms, mark in ((whole, ""), (begun, "*")):
            found = [quoted(in_words) + mark, *behind] if _IN_WORDS.search(in_words) else behind
            if not found:
                return None
            forms.append(found[0] if len(found) == 1 else f"({' AND '.join(found)})")
    one = len(whole) == 1
    return _Term(
        " ".join(fold(text).split()),
        whole[0] if one else f"({' OR '.join(whole)})",
        begun[0] if one else f"({' OR '.join(begun)})",
        shown,
    )


def _all_of(matches: list[str]) -> str | None:
    """Return MATCH text for all of several; None when there is none."""
    return " AND ".join(matches) or None


def quoted(text: str) -> str:
    """Return a text quoted as a string of FTS5."""
    return '"' + text.replace('"', '""') + '"'
