"""Finds the words of a search in a header and cuts a snippet of the text around them.

Folding changes lengths. So a text is folded whole to see whether it has a word, and only what is
shown is folded piece by piece, each base letter with its marks, to know where the word stands.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
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
_PIECES: Final = re.compile(r"\S+\s*|\s+")
_JAMO: Final = re.compile(r"[\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f]")


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
        if first < 0 and excerpt:
            text = ", ".join(msgspec.json.decode(tags, type=list[str]))
            folded = fold(text)
            first = _first(folded, words)
    if description:
        other = fold(description)
        place = _first(other, words)
        if place >= 0:
            fields.append("description")
            text, folded, first = description, other, place
    return fields, _cut(text, folded, words, first) if excerpt and fields else None


def _first(folded: str, words: Words) -> int:
    """Return where the first word of a folded text is; -1 when it holds none of them."""
    if len(words) == 1:  # most searches
        return folded.find(words[0])
    return min((at for word in words if (at := folded.find(word)) >= 0), default=-1)


def best_line(lines: Iterable[str], words: Words) -> str | None:
    """Return the line that holds most of the words; None when no line holds any."""
    folded = ((fold(line), line) for line in lines)
    found = ((sum(word in text for word in words), line) for text, line in folded)
    count, best = max(found, key=itemgetter(0), default=(0, ""))
    return best if count else None


def cut(text: str, words: Words) -> str:
    """Return a snippet around the first word that is found, with each found word in [ and ]."""
    folded = fold(text)
    return _cut(text, folded, words, _first(folded, words))


def _cut(text: str, folded: str, words: Words, first: int) -> str:
    """Return the snippet of a text whose folded form is known, and its first word in it."""
    start = 0 if first <= LEAD_CHARS else _start(text, first)
    end = start + WINDOW_CHARS
    shown = text[start:end]
    if text.isascii():
        spans = _found(folded[start:end], words)
    else:
        folded, begins, stops = _folded_with_places(shown)
        spans = [(begins[begin], stops[stop - 1]) for begin, stop in _found(folded, words)]
    # From the last to the first, because a mark shifts all positions after it.
    for begin, stop in reversed(_joined(spans) if len(spans) > 1 else spans):
        shown = f"{shown[:begin]}[{shown[begin:stop]}]{shown[stop:]}"
    return f"{_ELLIPSIS if start else ''}{shown}{_ELLIPSIS if end < len(text) else ''}"


def _start(text: str, first: int) -> int:
    """Return where a snippet begins whose first word is at `first` in the folded text."""
    if not text.isascii():
        first = _unfolded(text, first)
    start = max(0, first - LEAD_CHARS)
    # After a space, so that no word is cut.
    space = text.find(" ", start, first)
    return start if space < 0 or not start else space + 1


def _unfolded(text: str, first: int) -> int:
    """Return the position in a text of a position in its folded form."""
    for piece in _PIECES.finditer(text):
        folded = len(fold(piece[0]))
        if first < folded:
            _, begins, _ = _folded_with_places(piece[0])
            return piece.start() + begins[min(first, len(begins) - 1)]
        first -= folded
    return 0


def _folded_chars(text: str) -> Iterator[tuple[int, str]]:
    """Yield the position and the folded form of each letter with its marks."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not _continues(text[at]):
            yield start, fold(text[start:at])
            start = at


def _continues(char: str) -> bool:
    """Return whether a character belongs to the letter before it."""
    return not char.isascii() and (
        unicodedata.category(char)[0] == "M"
        or unicodedata.category(char) == "Cf"
        or _JAMO.match(char) is not None
    )


def _found(folded: str, words: Words) -> list[tuple[int, int]]:
    """Return begin and end of each word in a folded text."""
    found: list[tuple[int, int]] = []
    for word in words:
        place = folded.find(word)
        while place >= 0:
            stop = place + len(word)
            found.append((place, stop))
            place = folded.find(word, stop)
    return found


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for begin, stop in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return joined


def _folded_with_places(text: str) -> tuple[str, list[int], list[int]]:
    """Return the folded text, and for each of its characters begin and end of its letter."""
    letters = [*_folded_chars(text)]
    ends = [*(at for at, _ in letters[1:]), len(text)]
    begins = [at for at, letter in letters for _ in letter]
    stops = [end for end, (_, letter) in zip(ends, letters, strict=True) for _ in letter]
    return "".join(letter for _, letter in letters), begins, stops
