"""Finds the words of a search in a header and cuts a snippet of the text around them.

It works on the plain text, so that hits of all stages are shown in the same way. Case and
diacritics are folded character by character, so that positions stay the same.
"""

import re
import unicodedata
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar.store.workflows.header import Header

Field = Literal["name", "tags", "description"]

WINDOW_CHARS: Final = 120
"""Length of a snippet without its marks: one or two lines of a list."""

LEAD_CHARS: Final = 30
"""How many characters of a snippet are before the first word that was found."""

_ELLIPSIS: Final = "\u2026"
_WORDS: Final = re.compile(r"[^\W_]+")


class FoundWords(NamedTuple):
    """The fields that hold a word of the search, and a snippet of one of them."""

    fields: list[Field]
    excerpt: str | None


class _Folding(dict[int, str]):
    """The folded character of each code point, computed when it is first needed."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        # A Hangul syllable or kana decomposes into other letters, so it stays as it is.
        if 0xAC00 <= code <= 0xD7A3 or 0x3040 <= code <= 0x30FF:  # noqa: PLR2004 - Unicode blocks
            self[code] = char
            return char
        base = unicodedata.normalize("NFKD", char)[0].lower()
        # A few characters fold to several; they stay as they are, or positions would shift.
        self[code] = folded = base if len(base) == 1 else char
        return folded


_folding: Final = _Folding()


def fold(text: str) -> str:
    """Return the text without case and diacritics; its length stays the same."""
    return text.lower() if text.isascii() else text.translate(_folding)


def words_to_find(terms: list[str]) -> list[str]:
    """Return the folded words of all terms; a term without a word is taken as it is."""
    found: dict[str, None] = {}
    for term in terms:
        folded = fold(term)
        found.update(dict.fromkeys(_WORDS.findall(folded) or [folded]))
    return list(found)


def find_words(header: Header, words: list[str], *, excerpt: bool) -> FoundWords:
    """Return which fields of a header hold one of the words, and a snippet if `excerpt` is set.

    The snippet is of the description if that holds a word, because a list shows the name anyway;
    else of the name, else of the tags. It is None when no field holds a word.
    """
    fields: list[Field] = []
    name = fold(header.name)
    if _holds(name, words):
        fields.append("name")
    if _holds(fold(header.tags), words):
        fields.append("tags")
    description = fold(header.description) if header.description else ""
    if _holds(description, words):
        fields.append("description")
    if not (excerpt and fields):
        return FoundWords(fields, None)
    if fields[-1] == "description":
        return FoundWords(fields, _cut(header.description or "", description, words))
    if fields[0] == "name":
        return FoundWords(fields, _cut(header.name, name, words))
    return FoundWords(
        fields, cut(", ".join(msgspec.json.decode(header.tags, type=list[str])), words)
    )


def _holds(folded: str, words: list[str]) -> bool:
    """Return whether the folded text holds one of the words."""
    # A plain loop: for the one or two words of a query, any() costs more than the search itself.
    for word in words:  # noqa: SIM110
        if word in folded:
            return True
    return False


def cut(text: str, words: list[str]) -> str:
    """Return a snippet around the first word that is found, with each found word in [ and ]."""
    return _cut(text, fold(text), words)


def _cut(text: str, folded: str, words: list[str]) -> str:
    """Return the snippet of a text whose folded form is known."""
    places = [place for word in words if (place := folded.find(word)) >= 0]
    first = min(places, default=0)
    start = _word_start(text, first - LEAD_CHARS, first) if first > LEAD_CHARS else 0
    end = start + WINDOW_CHARS
    shown = text[start:end]
    spans = _spans(folded[start:end], words)
    # From the last to the first, because a mark shifts all positions after it.
    for begin, stop in reversed(spans):
        shown = f"{shown[:begin]}[{shown[begin:stop]}]{shown[stop:]}"
    return f"{_ELLIPSIS if start else ''}{shown}{_ELLIPSIS if end < len(text) else ''}"


def _word_start(text: str, start: int, first: int) -> int:
    """Return the start of the window, moved to after a space so that no word is cut."""
    space = text.find(" ", start, first)
    return start if space < 0 else space + 1


def _spans(folded: str, words: list[str]) -> list[tuple[int, int]]:
    """Return begin and end of each word in the text, in order; those that touch are joined."""
    found: list[tuple[int, int]] = []
    for word in words:
        place = folded.find(word)
        while place >= 0:
            found.append((place, place + len(word)))
            place = folded.find(word, place + len(word))
    if len(found) < 2:  # noqa: PLR2004 - nothing to sort or join
        return found
    found.sort()
    joined = found[:1]
    for begin, stop in found[1:]:
        if begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return joined
