"""The rows of sealed provider keys, key slots and data keys, none of which is opened here.

The rows of an ephemeral vault are in a database in memory (`create_in_memory`) with the same
tables, so that every function here works for both. `vault_state` has one row with what concerns
all rows: the generation, which rises with every write and is the version of what was written; the
authentication code over all rows; and the number of wrong passphrases in succession.

Every content of the tables can be read: a damaged cell is replaced, so that it is found by the
authentication codes, as any other change is, instead of failing the request.
"""

from typing import Final, Literal, NamedTuple

import apsw

from sidecar import limits
from sidecar.errors import DatabaseDamaged
from sidecar.store.connection import Connection, one_row
from sidecar.store.pragmas import set_pragma
from sidecar.store.rows import DAMAGED_NAME, RowKind, key_mark, read_cells
from sidecar.store.tables import SEALED_SECRETS, carried_with, has_rows
from sidecar.values import Count, Timestamp
from sidecar.vocabularies import SlotKind

_STATE: Final = "SELECT generation, root, failures, failed_at FROM vault_state WHERE one = 1"


class SecretRow(NamedTuple):
    """A provider key, sealed."""

    provider: str
    encrypted_value: bytes
    key_hash: str
    created_at: Timestamp
    updated_at: Timestamp
    last_used_at: Timestamp | None
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class LegacyRow(NamedTuple):
    """A provider with a key that the customer's first program sealed, and that cannot be opened."""

    provider: str
    created_at: Timestamp
    updated_at: Timestamp
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class SlotRow(NamedTuple):
    """One way to unlock: the root key, wrapped for a passphrase, a keychain or a recovery code."""

    slot: int
    kind: SlotKind
    label: str
    backend: str | None
    generation: Count
    blob: bytes
    sha256: bytes
    created_at: Timestamp
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class DataKeyRow(NamedTuple):
    """A data key, wrapped with a key that is derived from the root key."""

    key_id: int
    state: Literal["active", "retired"]
    wrapped: bytes
    seal_count: Count
    created_at: Timestamp
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


class State(NamedTuple):
    """The row of `vault_state`; `root` is the authentication code over all rows."""

    generation: Count
    root: bytes | None
    failures: Count
    failed_at: Timestamp
    damaged: bool = False
    """Whether a cell of the row is damaged; another value is in its place here."""


_SECRETS: Final = RowKind("secrets", SecretRow, "provider")
_LEGACY: Final = RowKind("legacy_secrets", LegacyRow, "provider")
_SLOTS: Final = RowKind("key_slots", SlotRow, "slot")
_DATA_KEYS: Final = RowKind("data_keys", DataKeyRow, "key_id")
_STATES: Final = RowKind("vault_state", State, "generation")


def create_in_memory(like: Connection) -> Connection:
    """Return a database in memory with the tables of secrets that `like` has, empty."""
    db = apsw.Connection(":memory:")
    set_pragma(db, "secure_delete", 1, 1)
    for table in carried_with("secrets"):
        db.execute(one_row(like, "SELECT sql FROM sqlite_schema WHERE name = ?", (table,))[0])
    reset_state(db)
    return db


# --- what concerns all rows -------------------------------------------------------------------


def state(db: Connection) -> State:
    """Return the row of `vault_state`.

    Raises:
        DatabaseDamaged: there is none.
    """
    found = _STATES.find(db, _STATE, ())
    if found is None:
        raise DatabaseDamaged(table="vault_state")
    return found


def next_generation(db: Connection) -> int:
    """Raise the generation; return it, as the version of what the caller is about to write."""
    generation = state(db).generation + 1
    db.execute("UPDATE vault_state SET generation = ?", (generation,))
    return generation


def set_root(db: Connection, root: bytes) -> None:
    """Store the authentication code over all rows."""
    db.execute("UPDATE vault_state SET root = ?", (root,))


def count_failure(db: Connection, at: int) -> int:
    """Count a wrong passphrase at the time `at`; return how many there were in succession."""
    failures = state(db).failures + 1
    db.execute("UPDATE vault_state SET failures = ?, failed_at = ?", (failures, at))
    return failures


def set_failure_time(db: Connection, at: int) -> None:
    """Change the time of the last wrong passphrase, after the clock was set back."""
    db.execute("UPDATE vault_state SET failed_at = ? WHERE failures > 0", (at,))


def clear_failures(db: Connection) -> None:
    """Set the count of wrong passphrases to 0, after a right one."""
    db.execute("UPDATE vault_state SET failures = 0, failed_at = 0 WHERE failures IS NOT 0")


def reset_state(db: Connection) -> None:
    """Give `vault_state` the row that it has before secrets are set up."""
    db.execute("INSERT OR REPLACE INTO vault_state (one) VALUES (1)")


# --- sealed keys ------------------------------------------------------------------------------


def all_secrets(db: Connection) -> list[SecretRow]:
    """Return every sealed key, ordered by provider."""
    return _SECRETS.read(
        db,
        "SELECT provider, encrypted_value, key_hash, created_at, updated_at, last_used_at"
        " FROM secrets ORDER BY provider LIMIT -1",
    )


def legacy_rows(db: Connection) -> list[LegacyRow]:
    """Return every provider with a key that a person has to enter again, in order."""
    return _LEGACY.read(
        db,
        "SELECT provider, created_at, updated_at FROM legacy_secrets ORDER BY provider LIMIT -1",
    )


def count(db: Connection) -> int:
    """Return the number of sealed keys."""
    return int(one_row(db, "SELECT count(*) FROM secrets")[0])


def put(db: Connection, row: SecretRow) -> None:
    """Insert or replace a sealed key, which then no longer has to be entered again."""
    db.execute(
        "INSERT INTO secrets (provider, encrypted_value, key_hash, created_at, updated_at,"
        " last_used_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (provider) DO UPDATE SET encrypted_value = excluded.encrypted_value,"
        " key_hash = excluded.key_hash, updated_at = excluded.updated_at",
        row[:6],
    )
    delete_legacy(db, row.provider)


def reseal(db: Connection, provider: str, encrypted_value: bytes, key_hash: str) -> None:
    """Replace a record by the same value sealed with another data key; its times stay."""
    db.execute(
        "UPDATE secrets SET encrypted_value = ?, key_hash = ? WHERE provider = ?",
        (encrypted_value, key_hash, provider),
    )


def note_use(db: Connection, provider: str, at: int) -> None:
    """Store when a key was last read."""
    db.execute("UPDATE secrets SET last_used_at = ? WHERE provider = ?", (at, provider))


def delete(db: Connection, provider: str) -> bool:
    """Delete the sealed key with the name that a list shows; return whether there was one."""
    return _delete_named(db, "secrets", provider)


def delete_legacy(db: Connection, provider: str) -> bool:
    """Delete a provider that has to be entered again; return whether there was one."""
    return _delete_named(db, "legacy_secrets", provider)


def _delete_named(db: Connection, table: str, provider: str) -> bool:
    rows = read_cells(db, 2, f"SELECT rowid, provider FROM {table}")  # noqa: S608 - ours
    found = [rowid for rowid, name in rows if provider in (name, DAMAGED_NAME + key_mark(name))]
    db.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(rowid,) for rowid in found])  # noqa: S608 - ours
    return bool(found)


# --- slots ------------------------------------------------------------------------------------


def slots(db: Connection) -> list[SlotRow]:
    """Return every slot, in the order of their creation."""
    return _SLOTS.read(
        db,
        "SELECT slot, kind, label, backend, generation, blob, sha256, created_at FROM key_slots"
        " ORDER BY slot LIMIT -1",
    )


def has_keychain_slot(db: Connection) -> bool:
    """Return whether the system's keychain opens the secrets; damaged rows do not matter."""
    return bool(db.execute("SELECT 1 FROM key_slots WHERE kind = 'keychain'").fetchall())


def providers(db: Connection) -> list[str]:
    """Return the names of the providers that have a sealed key, in order."""
    return [row.provider for row in all_secrets(db)]


def has_slots(db: Connection) -> bool:
    """Return whether there is a way to unlock, so that secrets were set up."""
    return has_rows(db, "key_slots")


def add_slot(db: Connection, row: SlotRow) -> int:
    """Insert a slot, the number of which is ignored; return the number that it was given."""
    db.execute(
        "INSERT INTO key_slots (kind, label, backend, generation, blob, sha256, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row[1:8],
    )
    return db.last_insert_rowid()


def replace_slot(db: Connection, slot: int, row: SlotRow) -> None:
    """Replace the blob of a slot and the place of its secret; number, label and time stay."""
    db.execute(
        "UPDATE key_slots SET generation = ?, backend = ?, blob = ?, sha256 = ? WHERE slot = ?",
        (row.generation, row.backend, row.blob, row.sha256, slot),
    )


def remove_slot(db: Connection, slot: int) -> bool:
    """Delete a slot; return whether there was one of this number."""
    db.execute("DELETE FROM key_slots WHERE slot = ?", (slot,))
    return db.changes() > 0


def delete_all(db: Connection) -> int:
    """Delete every sealed key, data key and slot; return how many sealed keys there were.

    Their keys must be entered again, except those of a provider with a damaged name, which a
    person cannot enter. The generation continues to rise.
    """
    db.executemany(
        "INSERT INTO legacy_secrets (provider, created_at, updated_at) VALUES (?, ?, ?)"
        " ON CONFLICT (provider) DO NOTHING",
        [
            (row.provider, row.created_at, row.updated_at)
            for row in all_secrets(db)
            if not (row.damaged and row.provider.startswith(DAMAGED_NAME))
        ],
    )
    gone = count(db)
    for table in SEALED_SECRETS:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name
    next_generation(db)
    db.execute("UPDATE vault_state SET root = NULL, failures = 0, failed_at = 0")
    return gone


# --- data keys --------------------------------------------------------------------------------


def data_keys(db: Connection) -> list[DataKeyRow]:
    """Return every wrapped data key, the oldest first."""
    return _DATA_KEYS.read(
        db,
        "SELECT key_id, state, wrapped, seal_count, created_at FROM data_keys"
        " ORDER BY key_id LIMIT -1",
    )


def add_data_key(db: Connection, key_id: int, wrapped: bytes, at: int) -> None:
    """Insert a data key, which is the active one from now on."""
    db.execute(
        "INSERT INTO data_keys (key_id, state, wrapped, created_at) VALUES (?, 'active', ?, ?)",
        (key_id, wrapped, at),
    )


def count_seal(db: Connection, key_id: int) -> None:
    """Count one more use of a data key, each with a nonce of its own.

    A damaged count becomes the highest one, with which the key is replaced.
    """
    db.execute(
        "UPDATE data_keys SET seal_count ="
        " iif(typeof(seal_count) = 'integer' AND seal_count BETWEEN 0 AND ?1, seal_count + 1, ?1)"
        " WHERE key_id = ?2",
        (limits.SEALS_MAX, key_id),
    )


def delete_data_keys_below(db: Connection, key_id: int) -> None:
    """Delete the data keys before `key_id`, with which nothing is sealed any more."""
    db.execute("DELETE FROM data_keys WHERE key_id < ?", (key_id,))
