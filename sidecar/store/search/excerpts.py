"""Finds the words of a search in a header and cuts a snippet of the text around them.

Folding changes lengths. So a text is folded whole to see whether it has a word, and only what is
shown is folded piece by piece, each base letter with its marks, to know where the word stands.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar.folding import fold
from sidecar.store.workflows.header import NO_TAGS, Header

Field = Literal["name", "tags", "description"]
Words = tuple[str, ...]
"""Folded words and phrases."""

WINDOW_CHARS: Final = 120
"""Length of a snippet without its marks: one or two lines of a list."""

LEAD_CHARS: Final = 30
"""How many characters of a snippet are before the first word that was found."""

_ELLIPSIS: Final = "\u2026"
_PIECES: Final = re.compile(r"\S+\s*|\s+")
_JAMO: Final = re.compile(r"[\u1160-\u11ff\ud7b0-\ud7ff\uff9e\uff9f]")


class FoundWords(NamedTuple):
    """The fields that hold a word of the search, and a snippet of one of them."""

    fields: list[Field]
    excerpt: str | None


def find_words(header: Header, words: Words, *, excerpt: bool) -> FoundWords:
    """Return which fields of a header hold one of the words, and a snippet if `excerpt` is set.

    The snippet is of the description if that holds a word, because a list shows the name anyway;
    else of the name, else of the tags. It is None when no field holds a word.
    """
    fields: list[Field] = []
    name, description = fold(header.name), fold(header.description or "")
    if _holds(name, words):
        fields.append("name")
    if header.tags != NO_TAGS and _holds(fold(header.tags), words):
        fields.append("tags")
    if _holds(description, words):
        fields.append("description")
    if not (excerpt and fields):
        return FoundWords(fields, None)
    if fields[-1] == "description":
        return FoundWords(fields, _cut(header.description or "", description, words))
    if fields[0] == "name":
        return FoundWords(fields, _cut(header.name, name, words))
    tags = ", ".join(msgspec.json.decode(header.tags, type=list[str]))
    return FoundWords(fields, cut(tags, words))


def _holds(folded: str, words: Words) -> bool:
    """Return whether the folded text holds one of the words."""
    # A plain loop: for the one or two words of a query, any() costs more than the search itself.
    for word in words:  # noqa: SIM110
        if word in folded:
            return True
    return False


def best_line(lines: Iterable[str], words: Words) -> str | None:
    """Return the line that holds most of the words; None when no line holds any."""
    best, best_words = None, 0
    for line in lines:
        folded = fold(line)
        found = sum(word in folded for word in words)
        if found > best_words:
            best, best_words = line, found
    return best


def cut(text: str, words: Words) -> str:
    """Return a snippet around the first word that is found, with each found word in [ and ]."""
    return _cut(text, fold(text), words)


def _cut(text: str, folded: str, words: Words) -> str:
    """Return the snippet of a text whose folded form is known."""
    first = min((at for word in words if (at := folded.find(word)) >= 0), default=0)
    start = 0 if first <= LEAD_CHARS else _start(text, first)
    shown = text[start : start + WINDOW_CHARS]
    # From the last to the first, because a mark shifts all positions after it.
    for begin, stop in reversed(_spans(shown, words)):
        shown = f"{shown[:begin]}[{shown[begin:stop]}]{shown[stop:]}"
    end = _ELLIPSIS if start + WINDOW_CHARS < len(text) else ""
    return f"{_ELLIPSIS if start else ''}{shown}{end}"


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
    folded_chars = 0
    for piece in _PIECES.finditer(text):
        folded = len(fold(piece[0]))
        if folded_chars + folded > first:
            inside = [at for at, char in _folded_chars(piece[0]) for _ in char]
            return piece.start() + inside[min(first - folded_chars, len(inside) - 1)]
        folded_chars += folded
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


def _spans(text: str, words: Words) -> list[tuple[int, int]]:
    """Return begin and end of each word in the text, in order; those that touch are joined."""
    folded, begins, stops = _folded_with_places(text)
    found: list[tuple[int, int]] = []
    for word in words:
        place = folded.find(word)
        while place >= 0:
            found.append((begins[place], stops[place + len(word) - 1]))
            place = folded.find(word, place + len(word))
    found.sort()
    joined: list[tuple[int, int]] = []
    for begin, stop in found:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return joined


def _folded_with_places(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return the folded text, and for each of its characters begin and end of its letter."""
    if text.isascii():
        return fold(text), range(len(text)), range(1, len(text) + 1)
    letters = [*_folded_chars(text)]
    ends = [*(at for at, _ in letters[1:]), len(text)]
    begins = [at for at, letter in letters for _ in letter]
    stops = [end for end, (_, letter) in zip(ends, letters, strict=True) for _ in letter]
    return "".join(letter for _, letter in letters), begins, stops
