"""Generates schema/vectors.json: test vectors of every sealed format, for other programs.

Bytes that are random elsewhere are counted up here, so that the file is always the same.
tests/vault/vectors.mjs, which is written from schema/security.md alone, checks it with the
cryptography of Node.
"""

import json
from collections.abc import Callable
from typing import Any

from sidecar import digests
from sidecar.store.audit import chain
from sidecar.vault import crypto, record_format, slot_format
from sidecar.vault.crypto import Cost
from sidecar.vault.keys import LABELS, Keys
from sidecar.vault.record_format import SealedSecret, WrappedKey
from sidecar.vault.recovery_code import format_code

_STORE_ID = bytes(range(0xA0, 0xB0))
_ROOT = bytes(range(32))


def _counting() -> Callable[[int], bytes]:
    """Return a replacement for random bytes: 01 01 01, then 02 02 02 and so on."""
    made = 0

    def random(size_bytes: int) -> bytes:
        nonlocal made
        made += 1
        return bytes([made]) * size_bytes

    return random


def _slot(secret: bytes, cost: Cost | None) -> dict[str, Any]:
    """Return a key slot: with `cost` that of a passphrase, else that of a random secret."""
    blob = slot_format.wrap(bytearray(_ROOT), _STORE_ID, 1, bytearray(secret), _counting(), cost)
    salt = blob[20:36]
    if cost is None:
        stretched = digests.hmac_sha256(bytearray(salt), secret)
    else:
        stretched = bytes(crypto.stretch(bytearray(secret), salt, cost))
    return {
        "secret_hex": secret.hex(),
        "stretched_hex": stretched.hex(),
        "blob_hex": blob.hex(),
        "sha256_hex": digests.sha256(blob).hex(),
        "root_key_hex": _ROOT.hex(),
    }


def _chain() -> dict[str, Any]:
    """Return two entries of the audit chain with their codes."""
    key, head, entries = bytes([7]) * 32, chain.GENESIS, []
    texts = [("workflow_save", "w1", '{"revision":1}'), ("key_access", "openai", "{}")]
    for seq, (action, resource, details) in enumerate(texts, 1):
        at = 1_700_000_000_000 + seq
        head = chain.mac(key, head, seq, at, (action.encode(), resource.encode(), details.encode()))
        key = chain.next_key(key)
        entries.append(
            {"seq": seq, "at": at, "action": action, "resource": resource, "details": details,
             "mac_hex": head.hex(), "next_key_hex": key.hex()}
        )  # fmt: skip
    return {"first_key_hex": (bytes([7]) * 32).hex(), "entries": entries}


def _secret(keys: Keys) -> dict[str, Any]:
    """Return a data key, a record sealed with it, and the code over both."""
    data_key, provider, value = bytearray([9] * 32), "openai/wörk", b"sk-0123456789"
    wrapped = keys.wrap_data_key(3, data_key, bytes([1]) * 12)
    record = record_format.seal_value(
        data_key, 3, 5, _STORE_ID, provider, bytearray(value), bytes([2]) * 12
    )
    fingerprint = record_format.key_hash(keys, provider, bytearray(value))
    row = SealedSecret(provider, record, fingerprint, 1000, 2000)
    root = record_format.state_root(keys, 5, [row], [WrappedKey(3, "active", wrapped)])
    return {
        "data_key": {"key_id": 3, "key_hex": data_key.hex(), "wrapped_hex": wrapped.hex()},
        "record": {
            "provider": provider, "value": value.decode(), "key_id": 3, "version": 5,
            "record_hex": record.hex(), "key_hash": fingerprint,
        },
        "state_root": {
            "generation": 5, "created_at": 1000, "updated_at": 2000, "data_key_state": "active",
            "root_hex": root.hex(),
        },
    }  # fmt: skip


def _anchor(keys: Keys) -> dict[str, Any]:
    """Return a sealed anchor of the audit chain."""
    payload = chain.Point(2, bytes([3]) * 32, bytes([4]) * 32).packed()
    sealed = keys.seal_for_audit("anchor", 2, payload, bytes([6]) * 12)
    return {"seq": 2, "payload_hex": payload.hex(), "sealed_hex": sealed.hex()}


def _export(keys: Keys) -> dict[str, Any]:
    """Return the signature of an exported audit log."""
    digest = digests.sha256(b"an exported log")
    return {
        "sha256_hex": digest.hex(),
        "public_key_hex": crypto.public_key(keys.audit_sign).hex(),
        "signature_hex": crypto.sign(keys.audit_sign, digest).hex(),
    }


def render() -> bytes:
    """Return the content of the file."""
    keys = Keys(bytearray(_ROOT), _STORE_ID)
    code = bytes(range(20))
    cost = Cost(19456, 2, 1)
    found = {
        "store_id_hex": _STORE_ID.hex(),
        "subkeys": {
            label: bytes(crypto.derive(bytearray(_ROOT), _STORE_ID, label)).hex()
            for label in LABELS
        },
        "slot_passphrase": {**cost._asdict(), **_slot(b"correct horse", cost)},
        "slot_random": _slot(bytes([5]) * 32, None),
        "recovery": {"code_hex": code.hex(), "text": format_code(code)},
        **_secret(keys),
        "audit_chain": _chain(),
        "audit_anchor": _anchor(keys),
        "audit_export": _export(keys),
    }
    return (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode()
