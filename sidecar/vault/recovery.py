"""Recovery codes: 160 random bits to be written down on paper.

Eight groups of four letters and digits in Crockford's base32, which has no I, L, O or U, and one
more group that finds a slip of the pen before anything is derived: the first 20 bits of SHA-256
over the code's bytes. Read without regard to case, spaces, hyphens, and O for 0, I or L for 1.
"""

from typing import Final

from sidecar.errors import WrongPassphrase
from sidecar.vault import crypto
from sidecar.wiping import wipe

CODE_BYTES: Final = 20
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = {**{letter: n for n, letter in enumerate(_ALPHABET)}, "O": 0, "I": 1, "L": 1}
_DIGITS, _CHECK_DIGITS, _GROUP = 32, 4, 4


def _spell(number: int, digits: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(digits)))


def _check(code: bytes | bytearray) -> str:
    return _spell(int.from_bytes(crypto.sha256(bytes(code))[:3]) >> 4, _CHECK_DIGITS)


def spell(code: bytes | bytearray) -> str:
    """How a person writes it."""
    text = _spell(int.from_bytes(code), _DIGITS) + _check(code)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read(text: bytearray) -> bytearray:
    """The code's bytes.

    Raises:
        WrongPassphrase: it is no recovery code, or one with a slip of the pen.
    """
    letters = [chr(byte).upper() for byte in text if byte not in b" -\t\r\n"]
    wrong = len(letters) != _DIGITS + _CHECK_DIGITS or any(each not in _READ_AS for each in letters)
    if wrong:
        raise WrongPassphrase("That is not a recovery code: it has nine groups of four.")
    number = 0
    for letter in letters[:_DIGITS]:
        number = number << 5 | _READ_AS[letter]
    code = bytearray(number.to_bytes(CODE_BYTES))
    check = "".join(_ALPHABET[_READ_AS[letter]] for letter in letters[_DIGITS:])
    if check != _check(code):
        wipe(code)
        raise WrongPassphrase("The recovery code has a typing mistake.")
    return code
