"""The age v1 format, in which everything that is pushed to a remote is sealed, except key slots.

C2SP describes it in age.md. A file is sealed for one X25519 recipient, a public key, so sealing it
needs no secret. The ordinary `age` tool opens what is sealed here, and what that tool seals for one
recipient is opened here. A file has a header of text and a payload:

    age-encryption.org/v1
    -> X25519 <ephemeral public key>
    <file key, sealed by ChaCha20-Poly1305 under HKDF(shared secret)>
    --- <HMAC-SHA256 of the header under HKDF(file key, "header")>

The payload is 16 random bytes and chunks of 64 KiB, each sealed under HKDF(file key, those bytes,
"payload") with its number as the nonce; the last byte of the nonce marks the last chunk, so that a
cut is found.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Final

from sidecar import digests
from sidecar.vault import crypto
from sidecar.vault.crypto import BadSealError, ChunkCipher

Random = Callable[[int], bytes]

CHUNK_BYTES: Final = 64 * 1024
_SEALED_BYTES: Final = CHUNK_BYTES + crypto.TAG_BYTES
_INTRO: Final = b"age-encryption.org/v1\n"
_LABEL: Final = b"age-encryption.org/v1/X25519"
_FILE_KEY_BYTES: Final = 16
_NONCE_BYTES: Final = 16
_NO_NONCE: Final = bytes(12)
"""The nonce of a key that seals only once."""
_HEADER_BYTES: Final = len(_INTRO) + len(b"-> X25519 \n\n--- \n") + 3 * 43
"""Length of a header with one recipient: three values of 32 bytes in base64 without padding."""
OVERHEAD_BYTES: Final = _HEADER_BYTES + _NONCE_BYTES
"""Size of a file that is sealed here, without its chunks."""
_HEADER_MAX_BYTES: Final = 64 * 1024
"""Longest header that is read: other tools add random stanzas, and other recipients."""
_HEADER_END: Final = re.compile(rb"\n--- [A-Za-z0-9+/]{43}\n")
_STANZA: Final = re.compile(
    rb"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63})\n"
)
"""A stanza: its words, and its body in lines of 64 letters, the last of which is shorter."""
_KIND: Final = b"X25519"


def sealed_size(plain_bytes: int) -> int:
    """Return the size of a sealed file with this many bytes of content."""
    chunks = max(1, -(-plain_bytes // CHUNK_BYTES))
    return OVERHEAD_BYTES + plain_bytes + chunks * crypto.TAG_BYTES


def seal(recipient: bytes, pieces: Iterable[bytes], random: Random) -> Iterator[bytes]:
    """Yield the sealed file of the bytes in `pieces`, which may have any lengths."""
    ephemeral, file_key, nonce = random(32), random(_FILE_KEY_BYTES), random(_NONCE_BYTES)
    share = crypto.exchange_public(ephemeral)
    wrap = crypto.hkdf(crypto.exchange(ephemeral, recipient), share + recipient, _LABEL)
    body = ChunkCipher(wrap).seal(_NO_NONCE, file_key)
    header = _INTRO + b"-> X25519 " + _encode(share) + b"\n" + _encode(body) + b"\n---"
    yield header + b" " + _encode(_header_mac(file_key, header)) + b"\n" + nonce
    cipher = ChunkCipher(crypto.hkdf(file_key, nonce, b"payload"))
    for number, (chunk, is_last) in enumerate(_chunks(pieces, CHUNK_BYTES)):
        yield cipher.seal(_nonce(number, is_last=is_last), chunk)


def unseal(secret: bytes | bytearray, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of a file that was sealed for the public half of `secret`.

    Bytes that were yielded before an error are authentic, but incomplete.

    Raises:
        BadSealError: the file is sealed for another key, or was changed or cut.
    """
    rest = iter(pieces)
    start = bytearray()
    while not (found := _HEADER_END.search(start)) or len(start) < found.end() + _NONCE_BYTES:
        piece = next(rest, None)
        if piece is None or (not found and len(start) > _HEADER_MAX_BYTES):
            raise BadSealError
        start += piece
    payload_at = found.end() + _NONCE_BYTES
    header, nonce = bytes(start[: found.end()]), bytes(start[found.end() : payload_at])
    cipher = ChunkCipher(crypto.hkdf(_open_header(secret, header), nonce, b"payload"))
    sealed = _chunks(chain([bytes(start[payload_at:])], rest), _SEALED_BYTES)
    for number, (chunk, is_last) in enumerate(sealed):
        plain = cipher.unseal(_nonce(number, is_last=is_last), chunk)
        if not plain and number:
            raise BadSealError  # an empty last chunk is only that of an empty file
        yield plain


def check_recipient(secret: bytes | bytearray, start: bytes) -> None:
    """Check that a file that begins with these bytes is sealed for the public half of `secret`.

    Raises:
        BadSealError: it is not, or its header is longer than these bytes.
    """
    found = _HEADER_END.search(start)
    if not found:
        raise BadSealError
    _open_header(secret, start[: found.end()])


def _open_header(secret: bytes | bytearray, header: bytes) -> bytes:
    """Return the file key from a header; the stanzas of other recipients are skipped.

    Raises:
        BadSealError: the header is malformed, or the file is sealed for other keys only.
    """
    covered, _, code = header[:-1].rpartition(b" ")
    public = crypto.exchange_public(secret)
    found = None
    for share, body in _stanzas(covered):
        wrap = crypto.hkdf(crypto.exchange(secret, share), share + public, _LABEL)
        with suppress(BadSealError):
            found = found or ChunkCipher(wrap).unseal(_NO_NONCE, body)
    if found is None or not digests.equal(_header_mac(found, covered), _decode(code)):
        raise BadSealError
    return found


def _stanzas(covered: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield share and body of each stanza of our kind; those of other kinds need only be whole.

    Raises:
        BadSealError: the header is malformed.
    """
    if not covered.startswith(_INTRO):
        raise BadSealError
    at, end = len(_INTRO), len(covered) - len(b"---")
    while at < end:
        stanza = _STANZA.match(covered, at, end)
        if stanza is None:
            raise BadSealError
        at = stanza.end()
        kind, *words = stanza[1].split(b" ")
        body = stanza[2].replace(b"\n", b"")
        if kind != _KIND:
            _decode(body, size=None)
        elif len(words) == 1:
            yield _decode(words[0]), _decode(body)
        else:
            raise BadSealError


def _header_mac(file_key: bytes, covered: bytes) -> bytes:
    return digests.hmac_sha256(crypto.hkdf(file_key, b"", b"header"), covered)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11) + bytes([is_last])


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[tuple[memoryview, bool]]:
    """Yield chunks of `size` bytes, and whether each is the last, which may be shorter."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) > size:
            whole = (len(held) - 1) // size * size
            view = memoryview(bytes(held[:whole]))
            del held[:whole]
            for at in range(0, whole, size):
                yield view[at : at + size], False
    yield memoryview(bytes(held)), True


def _encode(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _decode(text: bytes, size: int | None = 32) -> bytes:
    """Decode canonical base64 without padding of so many bytes, or of any number.

    Raises:
        BadSealError: it is something else.
    """
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise BadSealError from None
    if size not in (None, len(data)) or _encode(data) != text:
        raise BadSealError
    return data
