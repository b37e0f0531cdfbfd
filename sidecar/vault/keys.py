"""The root key and the keys derived from it; the root key itself encrypts nothing.

HKDF derives one key for each of these labels:

- dek-wrap: wraps data keys
- fingerprint: makes the `key_hash` of a provider's key
- state-root: makes the HMAC over all rows of keys
- audit-seal: seals the first key and the checkpoints of the audit chain
- audit-sign: the Ed25519 seed that signs exports of the audit log
- backup-mac: makes the HMAC over a backup's manifest
- remote-wrap: wraps the keys and the credentials of remotes
"""

import struct
from typing import Final

from sidecar.errors import Tampered
from sidecar.vault import crypto
from sidecar.vault.crypto import BadSealError, length_prefixed
from sidecar.wiping import wipe

LABELS: Final = (
    "dek-wrap",
    "fingerprint",
    "state-root",
    "audit-seal",
    "audit-sign",
    "backup-mac",
    "remote-wrap",
)
"""The labels of the keys that are derived from the root key."""

_KEY_ID_MAX: Final = 0xFFFF_FFFF
"""Records and bound data hold the id of a data key as a u32."""


class Keys:
    """The keys of one store while it is unlocked; call `wipe` when they are no longer needed."""

    def __init__(self, root: bytearray, store_id: bytes) -> None:
        """Derive the other keys; `wipe` overwrites the root key too."""
        self.root = root
        self.store_id = store_id
        derived = {label: crypto.derive(root, store_id, label) for label in LABELS}
        self._all = (root, *derived.values())
        self._wrap = derived["dek-wrap"]
        self.fingerprint = derived["fingerprint"]
        self.state_root = derived["state-root"]
        self.audit_seal = derived["audit-seal"]
        self.audit_sign = derived["audit-sign"]
        self.backup_mac = derived["backup-mac"]
        self._remote_wrap = derived["remote-wrap"]

    def wipe(self) -> None:
        """Overwrite every key."""
        for key in self._all:
            wipe(key)

    def wrap_data_key(self, key_id: int, data_key: bytearray, nonce: bytes) -> bytes:
        """Seal a data key: 60 bytes, the nonce, AES-256-GCM(dek-wrap, data key) and the tag.

        They are bound to the store id and the key's id.
        """
        return nonce + crypto.seal(self._wrap, nonce, data_key, self._data_key_bound(key_id))

    def unwrap_data_key(self, key_id: int, wrapped: bytes) -> bytearray:
        """Return the data key that `wrap_data_key` sealed.

        Raises:
            Tampered: the id or the sealed bytes are not those that were written.
        """
        nonce = wrapped[: crypto.NONCE_BYTES]
        try:
            if len(wrapped) != crypto.NONCE_BYTES + crypto.KEY_BYTES + crypto.TAG_BYTES:
                raise BadSealError
            if not 0 <= key_id <= _KEY_ID_MAX:
                raise BadSealError
            return crypto.unseal(
                self._wrap, nonce, wrapped[crypto.NONCE_BYTES :], self._data_key_bound(key_id)
            )
        except BadSealError:
            hint = "Restore a backup with secrets, or delete the keys with secrets.reset."
            raise Tampered(what="data_key", hint=hint) from None

    def _data_key_bound(self, key_id: int) -> bytes:
        return length_prefixed(b"dek/1", self.store_id, struct.pack(">I", key_id))

    def seal_for_audit(self, purpose: str, seq: int, payload: bytes, nonce: bytes) -> bytes:
        """Seal a payload of the audit chain, bound to its purpose and the number of an entry."""
        return nonce + crypto.seal(self.audit_seal, nonce, payload, self._audit_bound(purpose, seq))

    def open_for_audit(self, purpose: str, seq: int, sealed: bytes) -> bytes | None:
        """Return a payload that `seal_for_audit` sealed, None when any bit of it was changed."""
        if not isinstance(sealed, bytes):
            return None  # the cell is damaged
        nonce, rest = sealed[: crypto.NONCE_BYTES], sealed[crypto.NONCE_BYTES :]
        try:
            if len(nonce) != crypto.NONCE_BYTES:
                return None
            return bytes(
                crypto.unseal(self.audit_seal, nonce, rest, self._audit_bound(purpose, seq))
            )
        except BadSealError:
            return None

    def _audit_bound(self, purpose: str, seq: int) -> bytes:
        return length_prefixed(b"audit/1", purpose.encode(), self.store_id, struct.pack(">q", seq))

    def seal_for_remotes(self, what: str, name: bytes, payload: bytearray, nonce: bytes) -> bytes:
        """Seal keys or credentials of remotes, bound to their purpose and name."""
        bound = self._remote_bound(what, name)
        return nonce + crypto.seal(self._remote_wrap, nonce, payload, bound)

    def open_for_remotes(self, what: str, name: bytes, sealed: bytes) -> bytearray:
        """Return what `seal_for_remotes` sealed, in a buffer that the caller wipes.

        Raises:
            BadSealError: the bytes were changed, or sealed under another root key.
        """
        nonce, rest = sealed[: crypto.NONCE_BYTES], sealed[crypto.NONCE_BYTES :]
        if len(nonce) != crypto.NONCE_BYTES:
            raise BadSealError
        return crypto.unseal(self._remote_wrap, nonce, rest, self._remote_bound(what, name))

    def _remote_bound(self, what: str, name: bytes) -> bytes:
        return length_prefixed(b"remote/1", what.encode(), self.store_id, name)
