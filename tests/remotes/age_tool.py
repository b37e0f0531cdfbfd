"""The ordinary `age` tools beside our sealing: keys as text, and calls of `age` and `pyrage`."""

import shutil
import subprocess
from pathlib import Path

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _checksum(values: list[int]) -> int:
    made = 1
    for value in values:
        top, made = made >> 25, (made & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            made ^= term if top >> bit & 1 else 0
    return made


def bech32(prefix: str, data: bytes) -> str:
    """Return data as Bech32 (BIP 173), as age writes its keys."""
    number, digits = int.from_bytes(data) << 4, 52
    values = [number >> 5 * place & 31 for place in reversed(range(digits))]
    head = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    code = _checksum([*head, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [code >> 5 * place & 31 for place in reversed(range(6))]
    return prefix + "1" + "".join(_LETTERS[each] for each in values)


def recipient_text(public: bytes) -> str:
    """Return a public key as age writes it."""
    return bech32("age", public)


def identity_text(secret: bytes) -> str:
    """Return a secret key as age writes it."""
    return bech32("age-secret-key-", secret).upper()


def identity_of(text: str) -> bytes:
    """Return a secret key that age wrote, without a look at its checksum."""
    number = 0
    for letter in text.lower().rpartition("1")[2][:-6]:
        number = number << 5 | _LETTERS.index(letter)
    return (number >> 4).to_bytes(32)


def age_command() -> str | None:
    """Return the path of the tool `age`, or None where it is not installed."""
    return shutil.which("age")


def decrypt(folder: Path, secret: bytes, sealed: bytes) -> bytes:
    """Open a file with the tool `age`."""
    key = folder / "key.txt"
    key.write_text(identity_text(secret) + "\n", encoding="ascii")
    done = subprocess.run(
        [str(age_command()), "--decrypt", "-i", str(key)],
        input=sealed,
        capture_output=True,
        check=True,
    )
    return done.stdout


def encrypt(public: bytes, plain: bytes) -> bytes:
    """Seal a file with the tool `age`."""
    done = subprocess.run(
        [str(age_command()), "-r", recipient_text(public)],
        input=plain,
        capture_output=True,
        check=True,
    )
    return done.stdout
