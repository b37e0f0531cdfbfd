"""The one normalisation of text: documents, queries and the order of names all go through it.

`fold` removes what readers of a script do not count as a difference: case, accents, widths and
ligatures, invisible characters, frames around a letter. What they do count stays: voiced kana,
vowel signs of Thai and of Indian scripts, the short i of Cyrillic. Folded text is composed (NFC),
the same for composed and decomposed input and for upper and lower case, and folding it again
changes nothing.

`words` is folded text as the ASCII tokenizer of FTS5 reads it, which takes every character beyond
ASCII for a part of a word: punctuation becomes spaces, and each character of a script without
spaces a word of its own. Symbols stand behind all words, so that a phrase is found over an arrow or
an emoji that was not typed.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import groupby
from typing import Final, TypeVar

from sidecar import limits

T = TypeVar("T")

VERSION: Final = f"1/{unicodedata.unidata_version}"
"""Version of the folding, with that of Python's Unicode tables: texts folded by another version
are folded again."""

# Of the Arabic script letters that one keyboard has and the other lacks, as Lucene's normalisers
# for Arabic and Persian take them: alef maksura and Farsi yeh, keheh, teh marbuta; and tatweel,
# which only fills lines.
_LETTERS: Final = {
    "\u00e6": "ae", "\u0153": "oe", "\u00f0": "d", "\u00fe": "th", "\u0131": "i", "\u0138": "k",
    "\u014b": "ng", "\u1d79": "g", "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643",
    "\u0629": "\u0647", "\u06c0": "\u0647", "\u06d5": "\u0647", "\u0640": "",
}  # fmt: skip
"""Letters without a decomposition, and what they are folded to."""

_KEPT: Final = {"\u0438\u0306": "\u0439", "\u0443\u0306": "\u045e", "\u0456\u0308": "\u0457"}
"""Cyrillic letters of their own that decompose: short i, short u, yi. The root collation of CLDR
keeps them apart too."""


_INVISIBLE: Final = (
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Invisible characters that are not format characters (category Cf)."""


_POINTS_FIRST, _POINTS_LAST, _ACCENT_FIRST, _ACCENT_LAST = 10, 36, 200, 234
"""Combining classes: points of Hebrew, Arabic and Syriac; accents above, below and through.

Vowel signs and tones of other scripts have classes between them, or none."""


_STROKED: Final = r"LATIN SMALL (?:LETTER|LIGATURE) ([A-Z]{1,2}) WITH "
"""The names of letters with a stroke or hook."""


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Return a compiled pattern; a start, which needs none, would take 3 ms for all of them."""
    return re.compile(text)


@lru_cache(limits.FOLDED_CHARACTERS_MAX)
def _fold_character(char: str) -> str:
    """Return the folded form of one decomposed, case-folded character; "" when it is dropped."""
    if char.isascii():
        return char
    if char in _LETTERS:
        return _LETTERS[char]
    combining = unicodedata.combining(char)
    if _POINTS_FIRST <= combining <= _POINTS_LAST or _ACCENT_FIRST <= combining <= _ACCENT_LAST:
        return ""
    category = unicodedata.category(char)
    if category in ("Cf", "Me") or _pattern(_INVISIBLE).match(char):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    stroked = _pattern(_STROKED).match(unicodedata.name(char, ""))
    return stroked[1].lower() if stroked else char


def fold(text: str) -> str:
    """Return the text without what does not count when it is searched for or sorted."""
    if text.isascii():
        return text.lower()
    if "\n" in text:  # most lines of most texts are ASCII
        return "\n".join(map(fold, text.split("\n")))
    text = _pattern(_BEYOND_ASCII).sub(_folded, text.lower())
    # Of the marks that stay only this one joins a character of ASCII: a stroke through <, = or >.
    return unicodedata.normalize("NFC", text) if "\u0338" in text else text


def _of_run(function: Callable[[str], T]) -> Callable[[re.Match[str]], T]:
    """Let a function take what a pattern has found; its results for short texts are remembered.

    A language has few letters beyond ASCII, and they are often alone.
    """
    remembered = lru_cache(limits.FOLDED_RUNS_MAX)(function)

    def of_run(run: re.Match[str]) -> T:
        text = run[0]
        return remembered(text) if len(text) <= limits.FOLDED_RUN_MAX_CHARS else function(text)

    return of_run


@_of_run
def _folded(text: str) -> str:
    """Return the folded form of characters beyond ASCII."""
    # As NFKC_Casefold is defined: folding the case can give text that decomposes further.
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    for decomposed, letter in _KEPT.items():
        text = text.replace(decomposed, letter)
    return unicodedata.normalize("NFC", "".join(map(_fold_character, text)))


# Patterns begin with a single character, for which Python looks by a faster loop.
_BEYOND_ASCII: Final = r"[^\x00-\x7f\xb7][^\x00-\x7f\xb7]*(?:[,.]? [^\x00-\x7f\xb7]+)*"
"""What is looked at by the character: words beyond ASCII, those of a sentence together. Most of
most texts is ASCII, and stays as it is; and so does the joint."""


_NUMBERS: Final = r"[0-9](?<![0-9]{2})[0-9]*+(?:[.:/-][0-9]++)+"
"""Numbers that belong together: an address, a date, a version, a time, a range."""

_JOINT: Final = "\u00b7"
_JOINED: Final = str.maketrans(dict.fromkeys(".:/-", _JOINT))


_LONE: Final = (
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f40-\u0fbc\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"  # Tibetan, Myanmar
    "\u1780-\u17d3\u1950-\u19df\u1a20-\u1aad"  # Khmer, Tai
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"  # kana and marks of repetition
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3"  # Han, Hangul
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
    "]"
)
"""Scripts without spaces between words, and Hangul, for parts of words."""


@lru_cache(limits.FOLDED_CHARACTERS_MAX)
def _as_word(char: str) -> str:
    """Return a character as it is within a word, between spaces, or as a space."""
    if char.isascii() or char == _JOINT:
        return char
    if _pattern(_LONE).match(char):
        return f" {char} "
    return char if unicodedata.category(char)[0] in "LMN" else " "


def words(folded: str) -> str:
    """Return folded text as words between spaces, for the ASCII tokenizer and for queries."""
    return " ".join(words_and_symbols(folded))


def words_and_symbols(folded: str) -> tuple[str, str]:
    """Return the words of a folded text, and its symbols, such as emoji, in their order.

    The parts of an address, date, version or other number with separators are one word, joined by
    U+00B7: as a phrase of short numbers, which occur everywhere, it would take 70 ms to find.
    """
    text = _pattern(_NUMBERS).sub(_joined, folded)
    if folded.isascii():
        return text, ""
    symbols: list[str] = []

    def separate(run: re.Match[str]) -> str:
        in_words, found = _separated(run)
        symbols.append(found)
        return in_words

    find = _pattern(_BEYOND_ASCII).sub
    lines = [line if line.isascii() else find(separate, line) for line in text.split("\n")]
    return "\n".join(lines), " ".join(char for char, _ in groupby("".join(symbols)))


@_of_run
def _separated(text: str) -> tuple[str, str]:
    """Return characters beyond ASCII as they are within words, and the symbols among them."""
    symbols = {char for char in set(text) if unicodedata.category(char)[0] == "S"}
    in_words = "".join(map(_as_word, text))
    return in_words, "".join(filter(symbols.__contains__, text)) if symbols else ""


def _joined(number: re.Match[str]) -> str:
    """Return numbers that belong together as one word.

    Those behind a letter stay apart, as in an id or a hash, but not those behind a version's v.
    """
    before = number.string[max(0, number.start() - 2) : number.start()]
    if before[-1:].isalpha() and not (before[-1] == "v" and not before[:-1].isalnum()):
        return number[0]
    return f" {number[0].translate(_JOINED)} "


def apart(text: str) -> str:
    """Return a text with spaces where small letters meet capitals: lastFrame as last Frame."""
    return text if text.islower() else _pattern(_SEAM).sub(lambda capital: f" {capital[0]}", text)


_SEAM: Final = r"[A-Z](?:(?<=[a-z0-9][A-Z])|(?<=[A-Z]{2})(?=[a-z]))"
"""A capital that begins a word although no space is before it."""


def sort_key(name: str) -> str:
    """Return the text by which names are ordered: folded, and numbers by their value.

    Each number begins with its length, so that 2 is before 10; `Flow 2` is `flow 12` and
    `Flow 10` is `flow 210`.
    """
    return _pattern("[0-9]+").sub(_by_value, fold(name))


def _by_value(number: re.Match[str]) -> str:
    """Return a number with its length before it: a digit, or a colon and three digits."""
    digits = number[0].lstrip("0")
    length = len(digits)
    return f"{length}{digits}" if length < 10 else f":{length:03}{digits}"  # noqa: PLR2004 - a digit
