"""Parses stored bodies: the one way in for everything that reads what is inside a body.

JSON sets no bound to its numbers, and bodies are stored as they were sent. A number that a double
does not hold exactly, such as 1e999 or 0.10000000000000000001, is returned as `msgspec.Raw` with
the number's own text, and so is an integer with more digits than Python converts. Two of them are
equal when they are written alike, and they are encoded as they were written.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

from sidecar import limits, memory_room
from sidecar.bodies import depth

_HELD_MAX_CHARS: Final = 400
"""Longest text of a number that may be a double: 5e-324 without its exponent has 326 digits."""


class NotJSON(Exception):
    """A text that is no body."""


def is_json(text: bytes) -> bool:
    """Return whether a text can be a body: JSON in UTF-8 that does not nest too deep."""
    if depth.exceeds(text):
        return False
    try:
        if not text.isascii():
            text.decode()
        msgspec.json.decode(text, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def parse(body: bytes, *, rounded: bool = False) -> Any:
    """Return the value of a body.

    With `rounded` most numbers are the nearest doubles instead: a body that is full of fractions is
    read five times as fast, for a reader who looks at its texts only.

    Raises:
        NotJSON: it is not JSON, or nests deeper than Python's stack allows.
        OSError: there is no memory for a large one.
    """
    if len(body) > limits.PARSE_UNASKED_BYTES:
        memory_room.require(2 * len(body))
    try:
        return msgspec.json.decode(body) if rounded else _decode(body)
    except msgspec.ValidationError:
        return _parse_long_numbers(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJSON from None


def _number(text: str) -> float | Raw:
    """Return a number that has a fraction or an exponent."""
    value = float(text)
    written = repr(value)
    # The text of an infinite value has no digits, which is how it differs from every number.
    if written == text or (len(text) <= _HELD_MAX_CHARS and _digits(written) == _digits(text)):
        return value
    return Raw(text)


_decode: Final = msgspec.json.Decoder(float_hook=_number).decode


def _integer(text: str) -> int | Raw:
    """Return a number without a fraction and an exponent."""
    try:
        return int(text)
    except ValueError:
        return Raw(text)


def _parse_long_numbers(body: bytes) -> Any:
    """Return the value of a body with an integer that msgspec refuses; it has no hook for these."""
    import json  # noqa: PLC0415 - 7 ms that next to no body needs

    if not is_json(body):  # json takes more than JSON
        raise NotJSON
    return json.loads(body, parse_float=_number, parse_int=_integer)


def _digits(text: str) -> tuple[str, int]:
    """Return the digits of a number without zeros around them, and the place of the last."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).rstrip("0")
    if not digits.strip("0"):
        return "", 0
    zeros = len(whole) + len(fraction) - len(digits)
    return digits.lstrip("0"), int(exponent or "0") - len(fraction) + zeros
