"""Recovery codes: 160 random bits to be written down on paper.

A code is written as nine groups of four letters and digits in Crockford's base32, which has no I,
L, O or U. Eight groups are the code. The ninth is a check, which finds a typing mistake before any
key is derived: the first 20 bits of SHA-256 over the code's bytes. A code is read without regard
to case, spaces and hyphens; O is read as 0, I and L as 1.
"""

from typing import Final

from sidecar import digests
from sidecar.errors import WrongPassphrase
from sidecar.wiping import wipe

CODE_BYTES: Final = 20
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES: Final = {**{letter: n for n, letter in enumerate(_ALPHABET)}, "O": 0, "I": 1, "L": 1}
_DIGITS, _CHECK_DIGITS, _GROUP = 32, 4, 4


def _base32(number: int, digits: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(digits)))


def _check_digits(code: bytes | bytearray) -> str:
    return _base32(int.from_bytes(digests.sha256(bytes(code))[:3]) >> 4, _CHECK_DIGITS)


def format_code(code: bytes | bytearray) -> str:
    """Return the text of a code, as a person writes it down."""
    text = _base32(int.from_bytes(code), _DIGITS) + _check_digits(code)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def parse_code(text: bytearray) -> bytearray:
    """Return the 20 bytes of a code that a person typed.

    Raises:
        WrongPassphrase: the text is not a recovery code, or has a typing mistake.
    """
    letters = [chr(byte).upper() for byte in text if byte not in b" -\t\r\n"]
    if len(letters) != _DIGITS + _CHECK_DIGITS or not _VALUES.keys() >= set(letters):
        raise WrongPassphrase("That is not a recovery code, which has nine groups of four.")
    number = 0
    for letter in letters[:_DIGITS]:
        number = number << 5 | _VALUES[letter]
    code = bytearray(number.to_bytes(CODE_BYTES))
    check = "".join(_ALPHABET[_VALUES[letter]] for letter in letters[_DIGITS:])
    if check != _check_digits(code):
        wipe(code)
        raise WrongPassphrase("The recovery code has a typing mistake.")
    return code
