"""The rows of provider keys: checked as a whole, sealed and opened.

The state root is an HMAC over all rows. It is compared before a row is used and computed again
after one is written: a row that another program swapped, put back to an earlier state, added or
removed makes it differ. Then nothing is read or written any more until all keys have been
deleted; deleting stays possible.

The state root cannot detect that all rows were replaced by earlier ones together. So each
checkpoint of the audit log holds the marks of the vault (`store.vault_marks`); every write adds
one. They are compared before a write, when a slot opens, and by `audit.verify`.
"""

import struct

from sidecar import digests, limits, purging
from sidecar.context import Context
from sidecar.errors import Tampered
from sidecar.store import secrets
from sidecar.store.audit.log import is_sealed_by_other_key, newest_marks
from sidecar.store.connection import Connection
from sidecar.store.secrets import SecretRow
from sidecar.store.vault_marks import agrees_with
from sidecar.vault import crypto, record_format
from sidecar.vault.keys import Keys
from sidecar.vault.record_format import SealedSecret, WrappedKey
from sidecar.wiping import moved, wipe

_HINT = (
    "Restore a backup, or delete every key here and enter the keys again; when nothing unlocks,"
    " delete them with secrets.reset."
)

# --- the state root ---------------------------------------------------------------------------


def _compute_root(db: Connection, keys: Keys) -> bytes:
    """Return the HMAC over the rows as they are now.

    Raises:
        Tampered: a number in the rows is invalid.
    """
    try:
        return record_format.state_root(
            keys,
            secrets.state(db).generation,
            [SealedSecret(*row[:5]) for row in secrets.all_secrets(db)],
            [WrappedKey(*row[:3]) for row in secrets.data_keys(db)],
        )
    except struct.error:
        raise Tampered(what="rows", hint=_HINT) from None


def is_untampered(db: Connection, keys: Keys) -> bool:
    """Return whether the rows are those that were last written by this program."""
    root = secrets.state(db).root
    try:
        return root is not None and digests.equal(_compute_root(db, keys), root)
    except Tampered:
        return False


def refuse_tampered(db: Connection, keys: Keys) -> None:
    """Refuse to use rows that another program has changed.

    Raises:
        Tampered: a row is not the one that was written, or a row was added or removed.
    """
    if not is_untampered(db, keys):
        raise Tampered(what="rows", hint=_HINT)


def agrees_with_log(db: Connection, keys: Keys) -> bool:
    """Return whether rows and slots are those of the newest checkpoint of the audit log.

    True also for a checkpoint that holds no marks, or is damaged: `audit.verify` reports that.
    """
    vault = newest_marks(db, keys.open_for_audit)
    if vault is None:
        return not is_sealed_by_other_key(db, keys.open_for_audit)
    return agrees_with(db, vault)


def refuse_rolled_back(db: Connection, keys: Keys) -> None:
    """Refuse rows and slots of an earlier time.

    Raises:
        Tampered: the audit log holds the marks of a later vault.
    """
    if not agrees_with_log(db, keys):
        raise Tampered(
            "The keys or slots do not match their marks in the audit log: another program"
            " has replaced them by earlier ones.",
            what="rollback",
            hint=_HINT,
        )


def refuse_changed(ctx: Context, db: Connection, keys: Keys) -> None:
    """Refuse to write where another program has changed rows, or put back earlier ones.

    Raises:
        Tampered: as `refuse_tampered` and `refuse_rolled_back`.
    """
    refuse_tampered(db, keys)
    if not ctx.vault.ephemeral:
        refuse_rolled_back(db, keys)


def write_root(db: Connection, keys: Keys) -> None:
    """Write the state root of the rows as they are now."""
    secrets.set_root(db, _compute_root(db, keys))


# --- data keys --------------------------------------------------------------------------------


def unwrap_data_keys(db: Connection, keys: Keys) -> dict[int, bytearray]:
    """Return every data key by its id.

    Raises:
        Tampered: a wrapped key is not the one that was written.
    """
    return {
        row.key_id: keys.unwrap_data_key(row.key_id, row.wrapped) for row in secrets.data_keys(db)
    }


def add_data_key(ctx: Context, db: Connection, keys: Keys) -> tuple[int, bytearray]:
    """Draw a data key and write it, wrapped; return its id and the key.

    The id is higher than that of any data key before.
    """
    key_id = secrets.next_generation(db)
    data_key = moved(ctx.clock.random_bytes(crypto.KEY_BYTES))
    nonce = ctx.clock.random_bytes(crypto.NONCE_BYTES)
    wrapped = keys.wrap_data_key(key_id, data_key, nonce)
    secrets.add_data_key(db, key_id, wrapped, ctx.clock.now_ms())
    return key_id, data_key


def needs_rotation(ctx: Context, db: Connection) -> bool:
    """Return whether the newest data key has sealed too many records, or is too old."""
    newest = secrets.data_keys(db)[-1]
    oldest_allowed = ctx.clock.now_ms() - limits.DATA_KEY_MAX_MS
    return newest.seal_count >= limits.SEALS_MAX or newest.created_at < oldest_allowed


# --- values -----------------------------------------------------------------------------------


def purge_soon(ctx: Context) -> None:
    """Request a purge, which erases a deleted or replaced record from the file."""
    if not ctx.vault.ephemeral:
        purging.request(ctx)


def find_row(db: Connection, provider: str) -> SecretRow | None:
    """Return the row of a provider, None when there is none."""
    return next((row for row in secrets.all_secrets(db) if row.provider == provider), None)


def seal_value(
    ctx: Context,
    db: Connection,
    keys: Keys,
    data_key: tuple[int, bytearray],
    provider: str,
    value: bytearray,
) -> tuple[bytes, str]:
    """Seal a provider's key under a data key; return the record and the fingerprint."""
    key_id, key = data_key
    version = secrets.next_generation(db)
    secrets.count_seal(db, key_id)
    nonce = ctx.clock.random_bytes(crypto.NONCE_BYTES)
    return (
        record_format.seal_value(key, key_id, version, keys.store_id, provider, value, nonce),
        record_format.key_hash(keys, provider, value),
    )


def open_value(ctx: Context, keys: Keys, row: SecretRow) -> bytearray:
    """Return the value of a row, in a buffer that the caller wipes.

    Raises:
        Tampered: the row is not the one that was written.
    """
    data_key = ctx.vault.data_key(record_format.data_key_id(row.encrypted_value))
    if data_key is None:
        raise Tampered(what="record", provider=row.provider)
    return record_format.open_value(data_key, keys.store_id, row.provider, row.encrypted_value)


def reseal_values(
    ctx: Context, db: Connection, old: Keys, new: Keys, data_key: tuple[int, bytearray]
) -> int:
    """Seal every value again under the new data key, delete the other data keys; return the count.

    Raises:
        Tampered: a record does not open; no value may be lost over it.
    """
    rows = secrets.all_secrets(db)
    for row in rows:
        value = open_value(ctx, old, row)
        try:
            record, fingerprint = seal_value(ctx, db, new, data_key, row.provider, value)
        finally:
            wipe(value)
        secrets.reseal(db, row.provider, record, fingerprint)
    secrets.delete_data_keys_below(db, data_key[0])
    return len(rows)
