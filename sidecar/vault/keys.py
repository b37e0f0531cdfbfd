"""The root key and what is derived from it; the root key itself encrypts nothing.

By HKDF, a label each:

- dek-wrap: wraps data keys
- fingerprint: key_hash of a provider's value
- state-root: code over all rows
- audit-seal: seals the audit chain's key and checkpoints
- audit-sign: Ed25519 seed of exports
- backup-mac: code over a backup's manifest
"""

import struct
from typing import Final

from sidecar.errors import Tampered
from sidecar.vault import crypto
from sidecar.vault.crypto import BadSealError
from sidecar.wiping import wipe

LABELS: Final = (
    "dek-wrap",
    "fingerprint",
    "state-root",
    "audit-seal",
    "audit-sign",
    "backup-mac",
)
"""What is derived from the root key."""


_KEY_ID_MAX: Final = 0xFFFF_FFFF
"""A u32 in records and bindings."""


class Keys:
    """The keys of one store while it is unlocked; `wipe` ends them."""

    def __init__(self, root: bytearray, store_id: bytes) -> None:
        """Take the root key over and derive the others."""
        self.root = root
        self.store_id = store_id
        derived = {label: crypto.derive(root, store_id, label) for label in LABELS}
        self._wrap = derived["dek-wrap"]
        self.fingerprint = derived["fingerprint"]
        self.state_root = derived["state-root"]
        self.audit_seal = derived["audit-seal"]
        self.audit_sign = derived["audit-sign"]
        self.backup_mac = derived["backup-mac"]

    def wipe(self) -> None:
        """Overwrite every key."""
        for key in (
            self.root,
            self._wrap,
            self.fingerprint,
            self.state_root,
            self.audit_seal,
            self.audit_sign,
            self.backup_mac,
        ):
            wipe(key)

    def wrap_data_key(self, key_id: int, data_key: bytearray, nonce: bytes) -> bytes:
        """60 bytes: nonce, AES-256-GCM(dek-wrap, data key), tag; bound: store id and key id."""
        return nonce + crypto.seal(self._wrap, nonce, data_key, self._bound(key_id))

    def unwrap_data_key(self, key_id: int, wrapped: bytes) -> bytearray:
        """The data key.

        Raises:
            Tampered: the row is not the one that was written.
        """
        nonce = wrapped[: crypto.NONCE_BYTES]
        try:
            if len(wrapped) != crypto.NONCE_BYTES + crypto.KEY_BYTES + crypto.TAG_BYTES:
                raise BadSealError
            if not 0 <= key_id <= _KEY_ID_MAX:
                raise BadSealError
            return crypto.unseal(
                self._wrap, nonce, wrapped[crypto.NONCE_BYTES :], self._bound(key_id)
            )
        except BadSealError:
            hint = "Restore a backup with secrets, or give the keys up with secrets.reset."
            raise Tampered(what="data_key", hint=hint) from None

    def _bound(self, key_id: int) -> bytes:
        return crypto.lp(b"dek/1", self.store_id, struct.pack(">I", key_id))

    def seal_for_audit(self, purpose: str, seq: int, payload: bytes, nonce: bytes) -> bytes:
        """Nonce and sealed payload of the audit chain, bound to its purpose and entry number."""
        return nonce + crypto.seal(self.audit_seal, nonce, payload, self._audit(purpose, seq))

    def open_for_audit(self, purpose: str, seq: int, sealed: bytes) -> bytes | None:
        """The payload, None when any bit of it is another one."""
        nonce, rest = sealed[: crypto.NONCE_BYTES], sealed[crypto.NONCE_BYTES :]
        try:
            if len(nonce) != crypto.NONCE_BYTES:
                return None
            return bytes(crypto.unseal(self.audit_seal, nonce, rest, self._audit(purpose, seq)))
        except BadSealError:
            return None

    def _audit(self, purpose: str, seq: int) -> bytes:
        return crypto.lp(b"audit/1", purpose.encode(), self.store_id, struct.pack(">q", seq))
