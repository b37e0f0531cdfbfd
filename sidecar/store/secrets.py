"""Sealed provider keys, key slots and data keys: rows only, nothing is opened here.

The rows of an ephemeral vault live in a database of their own in memory (`in_memory`), with the
same tables, so that every function here serves both. `vault_state` holds what belongs to all
rows at once: the generation, which rises with every write and is the version of what was
written, the code over all rows, and how often in a row a passphrase was wrong.

Whatever stands in the tables can be read: texts are taken as bytes, so that a flipped bit in one
is found by the codes over it, as any other is, and does not end the request that would tell.
"""

from typing import Any, Final, NamedTuple

import apsw

from sidecar.store.connection import Connection, one_row
from sidecar.store.pragmas import set_pragma
from sidecar.store.tables import SEALED, carried_with, has_rows

_SEALED: Final = [table for table in carried_with("secrets") if table in SEALED]


class SecretRow(NamedTuple):
    """One sealed key."""

    provider: str
    encrypted_value: bytes
    key_hash: str
    created_at: int
    updated_at: int
    last_used_at: int | None


class LegacyRow(NamedTuple):
    """A provider whose key an older program sealed; it cannot be opened here."""

    provider: str
    created_at: int
    updated_at: int


class SlotRow(NamedTuple):
    """One way to the root key."""

    slot: int
    kind: str
    label: str
    backend: str | None
    generation: int
    blob: bytes
    sha256: bytes
    created_at: int


class DataKeyRow(NamedTuple):
    """One wrapped data key."""

    key_id: int
    state: str
    wrapped: bytes
    seal_count: int
    created_at: int


class State(NamedTuple):
    """What belongs to all rows at once."""

    generation: int
    root: bytes | None
    failures: int
    failed_at: int


def in_memory(like: Connection) -> Connection:
    """An empty database in memory with the tables of secrets, as `like` has them."""
    db = apsw.Connection(":memory:")
    set_pragma(db, "secure_delete", 1, 1)
    for table in carried_with("secrets"):
        db.execute(one_row(like, "SELECT sql FROM sqlite_schema WHERE name = ?", (table,))[0])
    reset_state(db)
    return db


# --- what belongs to all rows -----------------------------------------------------------------


def state(db: Connection) -> State:
    """Generation, code over all rows, and wrong passphrases in a row."""
    return State(
        *one_row(db, "SELECT generation, root, failures, failed_at FROM vault_state WHERE one = 1")
    )


def next_generation(db: Connection) -> int:
    """The version of what is about to be written; no other write ever has it."""
    db.execute("UPDATE vault_state SET generation = generation + 1")
    return state(db).generation


def set_root(db: Connection, root: bytes) -> None:
    """Keep the code over all rows as they are now."""
    db.execute("UPDATE vault_state SET root = ?", (root,))


def count_failure(db: Connection, at: int) -> int:
    """One more wrong passphrase; how many in a row that makes."""
    db.execute("UPDATE vault_state SET failures = failures + 1, failed_at = ?", (at,))
    return state(db).failures


def date_failure(db: Connection, at: int) -> None:
    """Have the last wrong passphrase be of now: its time was told by a clock since set back."""
    db.execute("UPDATE vault_state SET failed_at = ? WHERE failures > 0", (at,))


def forget_failures(db: Connection) -> None:
    """The right passphrase ends the row of wrong ones."""
    db.execute("UPDATE vault_state SET failures = 0, failed_at = 0 WHERE failures > 0")


def reset_state(db: Connection) -> None:
    """Give `vault_state` the row that it has before secrets are set up."""
    db.execute("INSERT OR REPLACE INTO vault_state (one) VALUES (1)")


def is_initialized(db: Connection) -> bool:
    """Whether there is anything only a key can open: then no new root key may be made."""
    return any(has_rows(db, table) for table in _SEALED)


# --- sealed keys ------------------------------------------------------------------------------


def all_secrets(db: Connection) -> list[SecretRow]:
    """Every sealed key, by provider."""
    rows = db.execute(
        "SELECT CAST(provider AS BLOB), encrypted_value, CAST(key_hash AS BLOB), created_at,"
        " updated_at, last_used_at FROM secrets ORDER BY provider"
    )
    return [
        SecretRow(_text(provider), value, _text(key_hash), *times)
        for provider, value, key_hash, *times in rows
    ]


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")


def legacy(db: Connection) -> list[LegacyRow]:
    """Every provider whose key has to be entered again, by provider."""
    rows = db.execute(
        "SELECT CAST(provider AS BLOB), created_at, updated_at FROM legacy_secrets"
        " ORDER BY provider"
    )
    return [LegacyRow(_text(provider), *times) for provider, *times in rows]


def count(db: Connection) -> int:
    """How many sealed keys there are."""
    return int(one_row(db, "SELECT count(*) FROM secrets")[0])


def put(db: Connection, row: SecretRow) -> None:
    """Insert or replace a sealed key; one to be entered again has been."""
    db.execute(
        "INSERT INTO secrets (provider, encrypted_value, key_hash, created_at, updated_at,"
        " last_used_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (provider) DO UPDATE SET encrypted_value = excluded.encrypted_value,"
        " key_hash = excluded.key_hash, updated_at = excluded.updated_at",
        row,
    )
    delete_legacy(db, row.provider)


def reseal(db: Connection, provider: str, encrypted_value: bytes, key_hash: str) -> None:
    """Put the same value under another key; its times stay."""
    db.execute(
        "UPDATE secrets SET encrypted_value = ?, key_hash = ? WHERE provider = ?",
        (encrypted_value, key_hash, provider),
    )


def used(db: Connection, provider: str, at: int) -> None:
    """Note that a key was read."""
    db.execute("UPDATE secrets SET last_used_at = ? WHERE provider = ?", (at, provider))


def delete(db: Connection, provider: str) -> bool:
    """Remove a sealed key; False when there was none. It goes by the name that a list shows."""
    return _delete_named(db, "secrets", provider)


def delete_legacy(db: Connection, provider: str) -> bool:
    """Remove what has to be entered again; False when there was none."""
    return _delete_named(db, "legacy_secrets", provider)


def _delete_named(db: Connection, table: str, provider: str) -> bool:
    rows: list[Any] = db.execute(f"SELECT rowid, CAST(provider AS BLOB) FROM {table}").fetchall()  # noqa: S608 - ours
    found = [rowid for rowid, name in rows if _text(name) == provider]
    db.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(rowid,) for rowid in found])  # noqa: S608 - ours
    return bool(found)


# --- slots ------------------------------------------------------------------------------------


def slots(db: Connection) -> list[SlotRow]:
    """Every slot, in the order they were made."""
    rows = db.execute(
        "SELECT slot, kind, CAST(label AS BLOB), CAST(backend AS BLOB), generation, blob, sha256,"
        " created_at FROM key_slots ORDER BY slot"
    )
    return [
        SlotRow(slot, kind, _text(label), None if backend is None else _text(backend), *rest)
        for slot, kind, label, backend, *rest in rows
    ]


def providers(db: Connection) -> list[str]:
    """Return the names of the providers that have a sealed key, in order."""
    return [row.provider for row in all_secrets(db)]


def has_slots(db: Connection) -> bool:
    """Whether secrets were set up: there is a way to unlock them."""
    return has_rows(db, "key_slots")


def add_slot(db: Connection, row: SlotRow) -> int:
    """Insert a slot (its own number does not matter); returns its number."""
    db.execute(
        "INSERT INTO key_slots (kind, label, backend, generation, blob, sha256, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row[1:],
    )
    return db.last_insert_rowid()


def replace_slot(db: Connection, slot: int, row: SlotRow) -> None:
    """Rewrite one slot's 128 bytes, and where its secret lies; number, name and time stay."""
    db.execute(
        "UPDATE key_slots SET generation = ?, backend = ?, blob = ?, sha256 = ? WHERE slot = ?",
        (row.generation, row.backend, row.blob, row.sha256, slot),
    )


def remove_slot(db: Connection, slot: int) -> bool:
    """Remove a slot; False when there is none of that number."""
    db.execute("DELETE FROM key_slots WHERE slot = ?", (slot,))
    return db.changes() > 0


def forget_all(db: Connection) -> int:
    """Remove every sealed key, data key and slot; how many sealed keys there were.

    Their providers are to be entered again. The generation goes on rising, also from what only a
    damaged file holds.
    """
    db.execute(
        "INSERT INTO legacy_secrets (provider, created_at, updated_at)"
        " SELECT provider, created_at, updated_at FROM secrets WHERE true"
        " ON CONFLICT (provider) DO NOTHING"
    )
    gone = count(db)
    for table in _SEALED:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own
    db.execute(
        "UPDATE vault_state SET generation = max(generation, 0) + 1, root = NULL, failures = 0,"
        " failed_at = 0"
    )
    return gone


# --- data keys --------------------------------------------------------------------------------


def data_keys(db: Connection) -> list[DataKeyRow]:
    """Every wrapped data key, oldest first."""
    rows = db.execute(
        "SELECT key_id, state, wrapped, seal_count, created_at FROM data_keys ORDER BY key_id"
    )
    return [DataKeyRow(*row) for row in rows]


def add_data_key(db: Connection, key_id: int, wrapped: bytes, at: int) -> None:
    """Insert the active data key."""
    db.execute(
        "INSERT INTO data_keys (key_id, state, wrapped, created_at) VALUES (?, 'active', ?, ?)",
        (key_id, wrapped, at),
    )


def count_seal(db: Connection, key_id: int) -> None:
    """One more nonce used under a data key."""
    db.execute("UPDATE data_keys SET seal_count = seal_count + 1 WHERE key_id = ?", (key_id,))


def delete_data_keys_below(db: Connection, key_id: int) -> None:
    """Drop the data keys that nothing is sealed with any more."""
    db.execute("DELETE FROM data_keys WHERE key_id < ?", (key_id,))
