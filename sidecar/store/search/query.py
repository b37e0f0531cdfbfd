"""Parses a search query into terms, and writes what each index is asked for.

Any text is a valid query. Words within "..." form a phrase and must be side by side, and a minus
before a word or phrase excludes it; everything else is words. What an index is asked for is written
as MATCH text with every term quoted, so that a query cannot use the syntax of FTS5.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from sidecar.folding import apart, fold, words, words_and_symbols

_PART_MIN_CHARS: Final = 3
"""The shortest text that the index by trigrams can find."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PIECES: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))')
_IN_WORDS: Final = re.compile(r"[^\W_]|[^\x00-\x7f\s]")
_SHOWN: Final = re.compile(r"[0-9]+(?:[.:/-][0-9]+)+|[^\x00-/:-@\[-`{-\x7f\s]+")


class Terms(NamedTuple):
    """What the indexes are asked for; each is MATCH text, and None where nothing is asked."""

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
    """What workflows must not have."""
    shown: tuple[str, ...]
    """Folded words and phrases to mark in a snippet."""


def parse(query: str) -> Terms:
    """Parse a query. One with exclusions alone asks for the newest workflows without them."""
    wanted: dict[str, None] = {}
    unwanted: dict[str, None] = {}
    for piece in _PIECES.finditer(_CONTROLS.sub(" ", query)):
        text = piece["phrase"] if piece["word"] is None else piece["word"]
        if _IN_WORDS.search(words(fold(text))):
            (unwanted if piece["minus"] else wanted)[text] = None
    terms = [*wanted]
    folded = [" ".join(fold(term).split()) for term in terms]
    finished = [_any_form(term) for term in terms[:-1]]
    begun = finished + [_any_form(term, "*") for term in terms[-1:]]
    return Terms(
        match=_all_of([*finished, *map(_any_form, terms[-1:])]),
        begun=_all_of(begun),
        finished=_all_of(finished),
        parts=_all_of(_quote(text) for text in folded if len(text) >= _PART_MIN_CHARS),
        short=_all_of(
            form for form, text in zip(begun, folded, strict=True) if len(text) < _PART_MIN_CHARS
        ),
        excluded=" OR ".join(map(_any_form, unwanted)) or None,
        shown=tuple(dict.fromkeys(word for term in terms for word in _shown(term))),
    )


def _all_of(matches: Iterable[str]) -> str | None:
    """Return MATCH text for all of several; None when there is none."""
    return " AND ".join(matches) or None


def _any_form(term: str, mark: str = "") -> str:
    """Return MATCH text for a term; the mark `*` lets it be the beginning of a word.

    One that is written as lastFrame is also found by its words apart.
    """
    forms = [_form(form, mark) for form in dict.fromkeys((term, apart(term)))]
    return forms[0] if len(forms) == 1 else f"({' OR '.join(forms)})"


def _form(text: str, mark: str) -> str:
    """Return MATCH text for a text as it is written; the indexes have symbols behind all words."""
    in_words, symbols = words_and_symbols(fold(text))
    found = [_quote(in_words) + mark] if _IN_WORDS.search(in_words) else []
    if symbols:
        found.append(_quote(symbols))
    return found[0] if len(found) == 1 else f"({' AND '.join(found)})"


def _quote(text: str) -> str:
    """Return a text quoted as a string of FTS5."""
    return '"' + text.replace('"', '""') + '"'


def _shown(term: str) -> list[str]:
    """Return the folded words of a term; numbers that belong together stay so."""
    return [
        word for form in dict.fromkeys((term, apart(term))) for word in _SHOWN.findall(fold(form))
    ]
