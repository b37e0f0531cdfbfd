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
        base = unicodedata.normalize("NFKD", char)[0].lower()
        # A few characters fold to several; those stay as they are, or positions would shift.
        self[code] = folded = base if len(base) == 1 else char
        return folded


_folding: Final = _Folding()


def fold(text: str) -> str:
    """The text without case and diacritics, of the same length."""
    return text.lower() if text.isascii() else text.translate(_folding)


def words_of(terms: list[str]) -> list[str]:
    """The folded words to look for: those a term consists of, or the term where it has none."""
    found: dict[str, None] = {}
    for term in terms:
        folded = fold(term)
        found.update(dict.fromkeys(_WORDS.findall(folded) or [folded]))
    return list(found)


def look(header: Header, words: list[str], *, excerpt: bool) -> Seen:
    """Find the words in a header.

    The excerpt is of the description where a word stands there, since the name is shown anyway,
    else of the name, else of the tags; None when it is not asked for or no field has a word.
    """
    description = header.description or ""
    texts: tuple[tuple[Field, str], ...] = (
        ("name", header.name),
        ("tags", header.tags),
        ("description", description),
    )
    fields: list[Field] = []
    for field, text in texts:
        folded = fold(text)
        if any(word in folded for word in words):
            fields.append(field)
    if not (excerpt and fields):
        return Seen(fields, None)
    if "description" in fields:
        source = description
    elif "name" in fields:
        source = header.name
    else:
        source = ", ".join(msgspec.json.decode(header.tags, type=list[str]))
    return Seen(fields, cut(source, words))


def cut(text: str, words: list[str]) -> str:
    """A window of the text around the first word found, with each word in [ and ]."""
    folded = fold(text)
    places = [place for word in words if (place := folded.find(word)) >= 0]
    first = min(places, default=0)
    start = _word_start(text, max(0, first - LEAD_CHARS), first)
    end = min(len(text), start + WINDOW_CHARS)
    parts = [_ELLIPSIS] if start else []
    done = start
    for begin, stop in _spans(folded, words, start, end):
        parts += (text[done:begin], "[", text[begin:stop], "]")
        done = stop
    parts.append(text[done:end])
    if end < len(text):
        parts.append(_ELLIPSIS)
    return "".join(parts)


def _word_start(text: str, start: int, first: int) -> int:
    """Move the window's start behind the next space, so that it does not begin inside a word."""
    if not start:
        return 0
    space = text.find(" ", start, first)
    return start if space < 0 else space + 1


def _spans(folded: str, words: list[str], start: int, end: int) -> list[tuple[int, int]]:
    """Where the words stand within a window, in order, overlapping ones joined."""
    found: list[tuple[int, int]] = []
    for word in words:
        place = folded.find(word, start, end)
        while place >= 0:
            found.append((place, place + len(word)))
            place = folded.find(word, place + len(word), end)
    found.sort()
    joined: list[tuple[int, int]] = []
    for begin, stop in found:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return joined
