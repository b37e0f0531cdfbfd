"""Which sealed keys of a file open under the root key that is unlocked now.

A file may be an older copy, another store's, or one that somebody has meddled with: whatever does
not open is only said not to.
"""

from sidecar.errors import Tampered
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.vault import records
from sidecar.vault.keys import Keys
from sidecar.vault.vault import Vault
from sidecar.wiping import wipe


def openable(vault: Vault, db: Connection) -> list[str] | None:
    """Whose keys in the file open, by name; None while nothing is unlocked that could tell.

    The caller holds the store's lock, without which the vault may be locked meanwhile.
    """
    if vault.keys is None or vault.ephemeral:
        return None
    data_keys = _data_keys(vault.keys, db)
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
    """Whether every data key in the file lies under the root key that is unlocked now."""
    if vault.keys is None or vault.ephemeral:
        return False
    found = _data_keys(vault.keys, db)
    for key in found.values():
        wipe(key)
    return meta.store_id(db) == vault.keys.store_id and len(found) == len(secrets.data_keys(db))


def _data_keys(keys: Keys, db: Connection) -> dict[int, bytearray]:
    """Those that the root key unwraps, by id; the caller wipes them."""
    found = {}
    for row in secrets.data_keys(db):
        try:
            found[row.key_id] = keys.unwrap_data_key(row.key_id, row.wrapped)
        except Tampered:
            continue
    return found


def _opens(keys: Keys, data_keys: dict[int, bytearray], provider: str, record: bytes) -> bool:
    try:
        data_key = data_keys.get(records.key_id_of(record))
        if data_key is None:
            return False
        wipe(records.open_value(data_key, keys.store_id, provider, record))
    except Tampered:
        return False
    return True
