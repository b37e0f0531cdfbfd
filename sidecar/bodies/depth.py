"""Finds out whether a JSON text nests deeper than is allowed, without recursion."""

from array import array
from contextlib import suppress
from itertools import accumulate
from typing import Final

import msgspec

from sidecar import limits

_BRACKETS_QUOTES: Final = b'[]{}"'
_NOT_BRACKETS_QUOTES: Final = bytes(code for code in range(256) if code not in _BRACKETS_QUOTES)
_NOT_BRACKETS: Final = bytes(code for code in range(256) if code not in b"[]{}")
_STEPS: Final = bytes(1 if code in b"[{" else 255 for code in range(256))
_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")
_INDENT_MAX: Final = 128 * limits.MIB
"""Bounds the size that a hostile text can have when it is indented, one space a level."""


def exceeds(text: bytes, most: int = limits.DEPTH_MAX) -> bool:
    """Return whether a JSON text nests deeper than `most`; brackets in strings do not count.

    Most texts have too few opening brackets. Nearly all others are decided by msgspec's formatter:
    the text nests too deep when a line of the indented text starts at that depth. The brackets of
    all others, and of malformed text, are counted.
    """
    openers = count_openers(text)
    if openers <= most:
        return False
    if _can_be_indented(text, openers):
        with suppress(msgspec.DecodeError, RecursionError):
            # No line is indented this far unless the text nests as deep as is allowed.
            if b"\n" + b" " * most not in msgspec.json.format(text, indent=1):
                return False
    return _nests_too_deep(_brackets(text), most)


def is_shallow(text: bytes, most: int) -> bool:
    """Return whether well-formed JSON is sure to nest no deeper than `most`; False says nothing.

    Its deepest place is in the first half of its brackets, after as many opening ones, or in the
    second half, before as many closing ones. Text that is not well-formed may lack the closing
    ones. One pass over the text takes two thirds of the time of counting each bracket in it.
    """
    brackets = text.translate(None, _NOT_BRACKETS)
    middle = len(brackets) // 2
    return (
        len(brackets[:middle].translate(None, b"]}")) <= most
        and len(brackets[middle:].translate(None, b"[{")) <= most
    )


def count_openers(text: bytes) -> int:
    """Return the number of opening brackets, an upper bound of the depth."""
    return text.count(b"{") + text.count(b"[")


def exceeds_without_copy(text: bytes, most: int) -> bool:
    """Return what `exceeds` returns, without a copy of the text: a step for each byte."""
    depth = 0
    is_string = is_escaped = False
    for code in text:
        if is_string:
            is_string = is_escaped or code != _QUOTE
            is_escaped = code == _BACKSLASH and not is_escaped
        elif code == _QUOTE:
            is_string = True
        else:
            depth += (code in b"[{") - (code in b"]}")
            if depth > most:
                return True
    return False


def _can_be_indented(text: bytes, openers: int) -> bool:
    """Return whether the indented text is small enough; each line is as long as it is deep."""
    if openers * len(text) <= _INDENT_MAX:
        return True
    lines = text.count(b",") + 2 * openers
    return openers * lines <= _INDENT_MAX


def _brackets(text: bytes) -> bytes:
    """Return the brackets of a JSON text that are not in strings.

    Escapes are removed first, then everything but brackets and quotes. Two adjacent quotes can be
    removed as well: what is inside a string stays inside a string.
    """
    if b"\\" in text:
        text = _without_escapes(text)
    brackets = text.translate(None, _NOT_BRACKETS_QUOTES).replace(b'""', b"")
    return b"".join(brackets.split(b'"')[::2])


def _without_escapes(text: bytes) -> bytes:
    """Return the text without backslashes and the characters that they escape.

    Splitting at one byte is as fast as memchr; a search for two bytes takes 4 ns a byte.
    """
    pieces = text.split(b"\\")
    if b"" in pieces:
        # Adjacent backslashes escape each other in pairs from the left.
        pieces = text.replace(b"\\\\", b"").split(b"\\")
    return b"".join([pieces[0], *[piece[1:] for piece in pieces[1:]]])


def _nests_too_deep(brackets: bytes, most: int) -> bool:
    """Return whether brackets nest too deep: exact, with one step for each bracket."""
    steps = array("b", brackets.translate(_STEPS))
    return max(accumulate(steps), default=0) > most
