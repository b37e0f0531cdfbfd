"""Where in a header the words of a search stand, and a short cut of the text around them.

Works on the plain text, so that hits of every index, and of none, are shown the same way. Case
and diacritics are folded one character to one, which keeps positions right.
"""

import re
import unicodedata
from typing import Final, Literal, NamedTuple

import msgspec

from sidecar.store.workflows.header import Header

Field = Literal["name", "tags", "description"]

WINDOW_CHARS: Final = 120
"""Length of a snippet without its marks: one line of a list, two at most."""

LEAD_CHARS: Final = 30
"""How much of it stands before the first word found."""

_ELLIPSIS: Final = "\u2026"
_WORDS: Final = re.compile(r"[^\W_]+")


class Seen(NamedTuple):
    """Which fields hold a word of the search, and an excerpt of one of them."""

    fields: list[Field]
    excerpt: str | None


class _Folding(dict[int, str]):
    """One folded character for each code point, found when first met."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        # A syllable or kana is a letter of its own; what it decomposes to is another one.
        if 0xAC00 <= code <= 0xD7A3 or 0x3040 <= code <= 0x30FF:  # noqa: PLR2004 - Unicode blocks
            self[code] = char
            return char
        base = unicodedata.normalize("NFKD", char)[0].lower()
        # A few characters fold to several; those stay as they are, or positions would shift.
        self[code] = folded = base if len(base) == 1 else char
        return folded


_folding: Final = _Folding()


def fold(text: str) -> str:
    """The text without case and diacritics, of the same length."""
    return text.lower() if text.isascii() else text.translate(_folding)


def words_to_find(terms: list[str]) -> list[str]:
    """The folded words to look for: those a term consists of, or the term where it has none."""
    found: dict[str, None] = {}
    for term in terms:
        folded = fold(term)
        found.update(dict.fromkeys(_WORDS.findall(folded) or [folded]))
    return list(found)


def find_words(header: Header, words: list[str], *, excerpt: bool) -> Seen:
    """Find the words in a header.

    The excerpt is of the description where a word stands there, since the name is shown anyway,
    else of the name, else of the tags; None when it is not asked for or no field has a word.
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
        return Seen(fields, None)
    if fields[-1] == "description":
        return Seen(fields, _cut(header.description or "", description, words))
    if fields[0] == "name":
        return Seen(fields, _cut(header.name, name, words))
    return Seen(fields, cut(", ".join(msgspec.json.decode(header.tags, type=list[str])), words))


def _holds(folded: str, words: list[str]) -> bool:
    # A plain loop: for the one or two words of a query, any() costs more than the search itself.
    for word in words:  # noqa: SIM110
        if word in folded:
            return True
    return False


def cut(text: str, words: list[str]) -> str:
    """A window of the text around the first word found, with each word in [ and ]."""
    return _cut(text, fold(text), words)


def _cut(text: str, folded: str, words: list[str]) -> str:
    places = [place for word in words if (place := folded.find(word)) >= 0]
    first = min(places, default=0)
    start = _word_start(text, first - LEAD_CHARS, first) if first > LEAD_CHARS else 0
    end = start + WINDOW_CHARS
    shown = text[start:end]
    spans = _spans(folded[start:end], words)
    # From the last to the first, so that the places before a mark stay right.
    for begin, stop in reversed(spans):
        shown = f"{shown[:begin]}[{shown[begin:stop]}]{shown[stop:]}"
    return f"{_ELLIPSIS if start else ''}{shown}{_ELLIPSIS if end < len(text) else ''}"


def _word_start(text: str, start: int, first: int) -> int:
    """Move the window's start behind the next space, so that it does not begin inside a word."""
    space = text.find(" ", start, first)
    return start if space < 0 else space + 1


def _spans(folded: str, words: list[str]) -> list[tuple[int, int]]:
    """Where the words stand in a text, in order, those that overlap or touch joined."""
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
