"""Finds the words of a search in a header and cuts a snippet of the text around them.

Folding changes lengths. So where a word stands in a text is known by how much of it folds to what
is before the word.
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter
from typing import Final, Literal

import msgspec

from sidecar.folding import fold
from sidecar.store.workflows.header import NO_TAGS, Header

Field = Literal["name", "tags", "description", "body"]
Words = tuple[str, ...]
"""Folded words and phrases."""

WINDOW_CHARS: Final = 120
"""Length of a snippet without its marks: one or two lines of a list."""

LEAD_CHARS: Final = 30
"""How many characters of a snippet are before the first word that was found."""

_ELLIPSIS: Final = "\u2026"
_STEP_CHARS: Final = 1024
"""How much of a long text is folded at a time to find a place in it."""


def find_words(header: Header, words: Words, *, excerpt: bool) -> tuple[list[Field], str | None]:
    """Return which fields of a header hold one of the words, and a snippet if `excerpt` is set.

    The snippet is of the description if that holds a word, because a list shows the name anyway;
    else of the name, else of the tags. It is None when no field holds a word.
    """
    fields: list[Field] = []
    _, text, description, tags = header[:4]
    folded = fold(text)
    first = _first(folded, words)
    if first >= 0:
        fields.append("name")
    if tags != NO_TAGS and _first(fold(tags), words) >= 0:
        fields.append("tags")
    if description:
        other = fold(description)
        place = _first(other, words)
        if place >= 0:
            fields.append("description")
            text, folded, first = description, other, place
    if not (fields and excerpt):
        return fields, None
    if first < 0:
        return fields, cut(", ".join(msgspec.json.decode(tags, type=list[str])), words)
    return fields, _cut(text, folded, first, words)


def _first(folded: str, words: Words) -> int:
    """Return where the first word of a folded text is; -1 when it holds none of them."""
    if len(words) == 1:  # most searches
        return folded.find(words[0])
    return min((at for word in words if (at := folded.find(word)) >= 0), default=-1)


def best_line(lines: Iterable[str], words: Words) -> str | None:
    """Return the line that holds most of the words; None when no line holds any."""
    counted = ((sum(map(fold(line).__contains__, words)), line) for line in lines)
    count, best = max(counted, key=itemgetter(0), default=(0, ""))
    return best if count else None


def cut(text: str, words: Words) -> str:
    """Return a snippet around the first word that is found, with each found word in [ and ]."""
    folded = fold(text)
    return _cut(text, folded, _first(folded, words), words)


def _cut(text: str, folded: str, first: int, words: Words) -> str:
    """Return the snippet of a text whose folded form is known, and its first word in it."""
    plain = text.isascii()
    begin = 0 if first <= LEAD_CHARS else first if plain else _place(text, first)
    start = max(0, begin - LEAD_CHARS)
    if start:  # after a space, so that no word is cut
        start = text.find(" ", start, begin) + 1 or start
    end = start + WINDOW_CHARS
    shown = text[start:end]
    spans = _found(folded[start:end] if plain else fold(shown), words)
    if not plain:  # a letter is marked whole, with the marks on it
        spans = [
            (_place(shown, begin), max(_place(shown, stop), _place(shown, stop - 1) + 1))
            for begin, stop in spans
        ]
    # From the last to the first, because a mark shifts all positions after it.
    for begin, stop in reversed(spans):
        shown = f"{shown[:begin]}[{shown[begin:stop]}]{shown[stop:]}"
    return f"{_ELLIPSIS if start else ''}{shown}{_ELLIPSIS if end < len(text) else ''}"


def _place(text: str, place: int) -> int:
    """Return the position in a text of the letter that is at a position of its folded form."""
    start = 0
    while start + _STEP_CHARS < len(text) and (
        place >= (size := len(fold(text[start : start + _STEP_CHARS])))
    ):
        place -= size
        start += _STEP_CHARS
    ends = range(start, min(start + _STEP_CHARS, len(text)) + 1)
    return ends[bisect_right(ends, place, key=lambda end: len(fold(text[start:end]))) - 1]


def _found(folded: str, words: Words) -> list[tuple[int, int]]:
    """Return begin and end of each word in a folded text, of those that touch as of one."""
    found: list[tuple[int, int]] = []
    for word in words:
        stop = 0
        while (place := folded.find(word, stop)) >= 0:
            stop = place + len(word)
            found.append((place, stop))
    if len(found) < 2:  # noqa: PLR2004 - nothing to join, as in most snippets
        return found
    found.sort()
    joined = found[:1]
    for begin, stop in found[1:]:
        if begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return joined
