"""Which sealed provider keys in a database file can be opened with the root key in memory.

The file may be an older copy, another database's, or one that an attacker has changed. A key that
does not open is omitted from the answer; it is not an error.
"""

from sidecar.errors import Tampered
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.vault import record_format
from sidecar.vault.keys import Keys
from sidecar.vault.vault import Vault
from sidecar.wiping import wipe


def openable_providers(vault: Vault, db: Connection) -> list[str] | None:
    """Return the providers with a key in `db` that opens; None while the vault is locked.

    The caller must hold the store's lock, so that the vault stays unlocked meanwhile.
    """
    if vault.keys is None or vault.ephemeral:
        return None
    data_keys = _unwrap_data_keys(vault.keys, db)
    try:
        return [
            row.provider
            for row in secrets.all_secrets(db)
            if _opens(vault.keys, data_keys, row.provider, row.encrypted_value)
        ]
    finally:
        for key in data_keys.values():
            wipe(key)


def is_own_root(vault: Vault, db: Connection) -> bool:
    """Return whether the vault's root key unwraps every data key in `db`."""
    if vault.keys is None or vault.ephemeral:
        return False
    unwrapped = _unwrap_data_keys(vault.keys, db)
    for key in unwrapped.values():
        wipe(key)
    is_complete = len(unwrapped) == len(secrets.data_keys(db))
    return meta.store_id(db) == vault.keys.store_id and is_complete


def _unwrap_data_keys(keys: Keys, db: Connection) -> dict[int, bytearray]:
    """Return the data keys that the root key unwraps, by id; the caller must wipe them."""
    unwrapped = {}
    for row in secrets.data_keys(db):
        try:
            unwrapped[row.key_id] = keys.unwrap_data_key(row.key_id, row.wrapped)
        except Tampered:
            continue
    return unwrapped


def _opens(keys: Keys, data_keys: dict[int, bytearray], provider: str, record: bytes) -> bool:
    """Return whether a sealed provider key opens with one of the data keys."""
    try:
        data_key = data_keys.get(record_format.data_key_id(record))
        if data_key is None:
            return False
        wipe(record_format.open_value(data_key, keys.store_id, provider, record))
    except Tampered:
        return False
    return True
