"""The format of slots: what opens one, and which of three errors anything else is."""

import os
import time

import pytest

from sidecar import digests, limits
from sidecar.errors import KdfPolicy, SidecarError, SlotDamaged, WrongPassphrase
from sidecar.vault import slot_format
from sidecar.vault.crypto import Cost
from tests.promptness import assert_at_most

FLOOR = Cost(limits.KDF_MEMORY_MIN_KIB, limits.KDF_PASSES_MIN, 1)
STORE = bytes(16)
ROOT = bytes(range(32))


def wrap(secret: bytes, cost: Cost | None) -> bytes:
    """Return a slot that a secret opens."""
    return slot_format.wrap(bytearray(ROOT), STORE, 1, bytearray(secret), os.urandom, cost)


def unwrap(blob: bytes, secret: bytes, store: bytes = STORE) -> bytes:
    """Return the root key that a slot gives to a secret; the SHA-256 beside it fits."""
    return bytes(slot_format.unwrap(blob, digests.sha256(blob), store, bytearray(secret)))


@pytest.mark.parametrize("cost", [FLOOR, None], ids=["passphrase", "random"])
def test_only_its_secret_opens_a_slot(cost: Cost | None) -> None:
    blob = wrap(b"open sesame", cost)

    assert len(blob) == slot_format.SLOT_BYTES
    assert unwrap(blob, b"open sesame") == ROOT
    for other in (b"open sesamE", b"open sesame ", b""):
        with pytest.raises(WrongPassphrase):
            unwrap(blob, other)
    with pytest.raises(WrongPassphrase):
        unwrap(blob, b"open sesame", bytes([1]) * 16)


def test_security_15_salt_and_nonce_differ_each_time() -> None:
    blobs = {wrap(b"same", None) for _ in range(100)}

    assert len({blob[20:36] for blob in blobs}) == 100
    assert len({blob[36:48] for blob in blobs}) == 100
    assert len({blob[48:96] for blob in blobs}) == 100


def test_security_04_no_flipped_bit_of_a_slot_is_accepted() -> None:
    """All 1 024 bits, with a SHA-256 that fits: a wrong key or form must be found without it."""
    blob = wrap(b"secret", None)
    accepted = []
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            unwrap(bytes(flipped), b"secret")
        except SidecarError:
            continue
        accepted.append(bit)

    assert accepted == []


def test_security_05_damage_and_a_wrong_secret_are_different_errors() -> None:
    blob = wrap(b"secret", None)
    digest = digests.sha256(blob)
    flipped = bytes([*blob[:-1], blob[-1] ^ 1])

    with pytest.raises(SlotDamaged):
        slot_format.unwrap(flipped, digest, STORE, bytearray(b"secret"))
    with pytest.raises(SlotDamaged):
        slot_format.unwrap(blob[:-1], digests.sha256(blob[:-1]), STORE, bytearray(b"secret"))
    with pytest.raises(WrongPassphrase):
        slot_format.unwrap(blob, digest, STORE, bytearray(b"other"))


@pytest.mark.parametrize(
    "cost",
    [
        Cost(2**31, 3, 4),
        Cost(64 * 1024, 2**32 - 1, 4),
        Cost(64 * 1024, 3, 0),
        Cost(64 * 1024, 3, 17),
        Cost(limits.KDF_MEMORY_MIN_KIB - 1, 3, 4),
        Cost(64 * 1024, limits.KDF_PASSES_MIN - 1, 4),
        Cost(0, 0, 0),
    ],
    ids=str,
)
def test_security_06_a_cost_out_of_bounds_is_refused_before_anything_is_derived(
    cost: Cost,
) -> None:
    sound = wrap(b"secret", FLOOR)
    blob = sound[:8] + b"".join(number.to_bytes(4) for number in cost) + sound[20:]
    began = time.process_time()

    with pytest.raises(KdfPolicy):
        unwrap(blob, b"secret")
    assert_at_most(0.05, time.process_time() - began)
