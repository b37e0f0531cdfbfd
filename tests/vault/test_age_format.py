"""Sealing in the age format, beside the tools `age` and rage (`pyrage`)."""

import base64
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from sidecar.vault import age_format, crypto
from sidecar.vault.crypto import BadSealError
from tests.remotes import age_tool

SECRET = bytes(range(32))
PUBLIC = crypto.exchange_public(SECRET)
CHUNK = age_format.CHUNK_BYTES
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77)

needs_age = pytest.mark.skipif(age_tool.age_command() is None, reason="the tool age is missing")


def sealed(plain: bytes, pieces: int = 1) -> bytes:
    """The sealed file of `plain`, given in several pieces."""
    step = max(1, len(plain) // pieces)
    parts = [plain[at : at + step] for at in range(0, len(plain), step)]
    return b"".join(age_format.seal(PUBLIC, parts, os.urandom))


def opened(file: bytes, step: int = 10**9, secret: bytes = SECRET) -> bytes:
    """What a sealed file holds, read in pieces of `step` bytes."""
    parts = [file[at : at + step] for at in range(0, len(file), step)]
    return b"".join(age_format.unseal(secret, parts))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_is_opened_and_has_the_foretold_size(size: int) -> None:
    plain = os.urandom(size)

    file = sealed(plain, pieces=3)

    assert len(file) == age_format.sealed_size(size)
    assert opened(file) == opened(file, step=1000) == plain


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_the_tool_age_opens_what_is_sealed_here(tmp_path: Path, size: int) -> None:
    plain = os.urandom(size)

    assert age_tool.decrypt(tmp_path, SECRET, sealed(plain)) == plain


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_what_the_tool_age_seals_is_opened_here(size: int) -> None:
    plain = os.urandom(size)

    assert opened(age_tool.encrypt(PUBLIC, plain)) == plain


@pytest.mark.parametrize("size", SIZES)
def test_rage_opens_what_is_sealed_here_and_the_other_way_round(size: int) -> None:
    x25519 = pytest.importorskip("pyrage", reason="pyrage is missing").x25519
    pyrage = pytest.importorskip("pyrage")
    plain = os.urandom(size)
    identity = x25519.Identity.from_str(age_tool.identity_text(SECRET))
    recipient = x25519.Recipient.from_str(age_tool.recipient_text(PUBLIC))

    assert pyrage.decrypt(sealed(plain), [identity]) == plain
    assert opened(pyrage.encrypt(plain, [recipient])) == plain


VECTORS = json.loads(Path(__file__).with_name("age_vectors.json").read_text("utf-8"))
"""The test vectors of age (C2SP CCTV) with an X25519 identity, without the three of 16 MB."""


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
@pytest.mark.parametrize("step", [7, 10**9])
def test_the_test_vectors_of_age_are_opened_or_refused(vector: dict[str, Any], step: int) -> None:
    file = zlib.decompress(base64.b64decode(vector["file"]))
    found = []
    for each in vector["identities"]:
        try:
            found.append(opened(file, step, age_tool.identity_of(each)))
        except BadSealError:
            continue

    hashes = [hashlib.sha256(each).hexdigest() for each in found]
    assert hashes == ([vector["sha256"]] if vector["opens"] else [])


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BadSealError):
        opened(sealed(b"text"), secret=bytes(32))


def test_every_flipped_bit_is_found() -> None:
    file = sealed(b"a short text")

    for bit in range(8 * len(file)):
        changed = bytearray(file)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSealError):
            opened(bytes(changed))


@pytest.mark.parametrize("size", [0, 10, CHUNK, 2 * CHUNK, 2 * CHUNK + 5])
def test_every_cut_at_a_chunk_and_every_addition_is_found(size: int) -> None:
    file = sealed(os.urandom(size))
    start = age_format.OVERHEAD_BYTES
    cuts = {0, 1, start - 1, start, len(file) - 1}
    cuts |= set(range(start, len(file), CHUNK + crypto.TAG_BYTES))

    for changed in [*(file[:cut] for cut in cuts), file + b"\0", file + file[start:]]:
        with pytest.raises(BadSealError):
            opened(changed)


def test_swapped_chunks_are_found() -> None:
    file = sealed(os.urandom(3 * CHUNK))
    start, step = age_format.OVERHEAD_BYTES, CHUNK + crypto.TAG_BYTES
    swapped = file[:start] + file[start + step : start + 2 * step] + file[start : start + step]

    with pytest.raises(BadSealError):
        opened(swapped + file[start + 2 * step :])


def test_a_recipient_of_low_order_is_refused() -> None:
    with pytest.raises(BadSealError):
        list(age_format.seal(bytes(32), [b"text"], os.urandom))
