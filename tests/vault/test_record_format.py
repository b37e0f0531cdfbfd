"""The format of sealed values: what they are bound to, and that no changed bit is accepted."""

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import SidecarError, Tampered
from sidecar.vault import crypto, record_format
from sidecar.vault.keys import Keys
from sidecar.vault.record_format import SealedSecret, WrappedKey

STORE = bytes(range(16))
KEY = bytearray(range(32))


def seal(value: bytes, provider: str = "openai", version: int = 5, store: bytes = STORE) -> bytes:
    """Return the record of a value."""
    nonce = os.urandom(12)
    return record_format.seal_value(KEY, 3, version, store, provider, bytearray(value), nonce)


def unseal(record: bytes, provider: str = "openai", store: bytes = STORE) -> bytes:
    """Return the value of a record."""
    return bytes(record_format.open_value(KEY, store, provider, record))


@given(st.binary(min_size=1, max_size=300))
def test_a_value_comes_back_as_it_was(value: bytes) -> None:
    record = seal(value)

    assert unseal(record) == value
    assert record_format.data_key_id(record) == 3
    assert value not in record or len(value) < 3


def test_the_longest_value_fits() -> None:
    value = b"x" * 16384

    assert unseal(seal(value)) == value


def test_security_04_no_flipped_bit_of_a_record_is_accepted() -> None:
    record = seal(b"sk-0123456789abcdef")
    accepted = []
    for bit in range(len(record) * 8):
        flipped = bytearray(record)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            unseal(bytes(flipped))
        except Tampered:
            continue
        accepted.append(bit)

    assert accepted == []


def test_a_record_opens_for_no_other_provider_store_or_length() -> None:
    record = seal(b"value")

    for provider, store, given_record in (
        ("openaI", STORE, record),
        ("openai", bytes(16), record),
        ("openai", STORE, record[:-1]),
        ("openai", STORE, record + b"\0"),
        ("openai", STORE, b""),
    ):
        with pytest.raises(Tampered):
            unseal(given_record, provider, store)


def test_security_15_equal_values_give_different_records_and_lengths_are_hidden() -> None:
    assert len({seal(b"same")[14:26] for _ in range(1000)}) == 1000
    assert len(seal(b"k" * 20)) == len(seal(b"k" * 40)) == 26 + 64 + 16


def test_security_14_key_hash_is_keyed_and_differs_by_store_and_provider() -> None:
    one, other = Keys(bytearray(32), STORE), Keys(bytearray(32), bytes(16))
    value = bytearray(b"sk-0123456789")
    hashes = {
        record_format.key_hash(one, "openai", value),
        record_format.key_hash(other, "openai", value),
        record_format.key_hash(one, "anthropic", value),
        record_format.key_hash(one, "opena", bytearray(b"i" + value)),
    }

    assert len(hashes) == 4
    assert record_format.key_hash(one, "openai", value) in hashes
    plain = {hashlib.sha256(text).hexdigest()[:32] for text in (value, b"openai" + value)}
    assert plain.isdisjoint(each.removeprefix("k1:") for each in hashes)


def test_security_04_no_flipped_bit_of_a_wrapped_data_key_is_accepted() -> None:
    keys = Keys(bytearray(range(32)), STORE)
    wrapped = keys.wrap_data_key(7, bytearray(KEY), os.urandom(12))
    accepted = []
    for bit in range(len(wrapped) * 8):
        flipped = bytearray(wrapped)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            keys.unwrap_data_key(7, bytes(flipped))
        except SidecarError:
            continue
        accepted.append(bit)

    assert accepted == []
    assert keys.unwrap_data_key(7, wrapped) == KEY
    for key_id, given_bytes in ((8, wrapped), (7, wrapped[:-1]), (7, b"")):
        with pytest.raises(Tampered):
            keys.unwrap_data_key(key_id, given_bytes)


def test_the_state_root_changes_with_every_field_it_covers() -> None:
    keys = Keys(bytearray(range(32)), STORE)
    row = SealedSecret("openai", seal(b"v"), "k1:00", 1, 2)
    key = WrappedKey(1, "active", b"wrapped")
    rows = [
        row._replace(provider="openaj"),
        row._replace(encrypted_value=b"other"),
        row._replace(key_hash="k1:01"),
        row._replace(created_at=2),
        row._replace(updated_at=3),
    ]
    changed = [(1, [each], [key]) for each in rows]
    others = [
        (2, [row], [key]),
        (1, [], [key]),
        (1, [row, row._replace(provider="b")], [key]),
        (1, [row], []),
        (1, [row], [key._replace(state="retired")]),
        (1, [row], [key._replace(wrapped=b"w")]),
        (1, [row], [key._replace(key_id=2)]),
    ]
    roots = {
        record_format.state_root(keys, *each) for each in [(1, [row], [key]), *changed, *others]
    }

    assert len(roots) == 1 + len(changed) + len(others)


def test_wiped_keys_are_zeros() -> None:
    root = bytearray(range(32))
    keys = Keys(root, STORE)
    parts = [keys.fingerprint, keys.state_root, keys.audit_seal, keys.audit_sign, keys.backup_mac]

    keys.wipe()

    assert [bytes(part) for part in (root, *parts)] == [bytes(32)] * 6
    assert crypto.KEY_BYTES == 32
