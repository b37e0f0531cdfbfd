"""Slots: the root key, wrapped by one secret each.

The secret is the passphrase, a random secret in the system's keychain, or a recovery code. Every
slot wraps the same root key. There is at most one slot for a passphrase and one for a keychain.
This module makes slots, writes their rows, and names and removes their keychain items.
"""

import base64
import unicodedata
from typing import Literal

from sidecar import limits
from sidecar.context import Context
from sidecar.errors import Conflict, InvalidParams, KeychainUnavailable
from sidecar.keychain import Keychain
from sidecar.redaction import add_secret
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault import crypto, slot_format
from sidecar.vault.keys import Keys
from sidecar.vault.vault import Vault
from sidecar.wiping import wipe

SlotKind = Literal["passphrase", "keychain", "recovery"]

_LABELS: dict[SlotKind, str] = {
    "passphrase": "Passphrase",
    "keychain": "This computer's keychain",
    "recovery": "Recovery code",
}

# --- making a slot ----------------------------------------------------------------------------


def make_passphrase_slot(
    ctx: Context, keys: Keys, generation: int, passphrase: bytearray
) -> SlotRow:
    """Return a slot that the passphrase opens; stretching it costs what the vault says."""
    return _make_slot(ctx, "passphrase", keys, generation, normalize(passphrase))


def make_recovery_slot(ctx: Context, keys: Keys, code: bytearray) -> SlotRow:
    """Return a slot that the recovery code opens."""
    return _make_slot(ctx, "recovery", keys, 1, code)


def make_keychain_slot(ctx: Context, keys: Keys, generation: int) -> SlotRow:
    """Put a new random secret into the system's keychain; return a slot that it opens.

    Raises:
        KeychainUnavailable: the keychain does not store it.
    """
    chain = system_keychain(ctx.vault)
    name = item_name(keys.store_id, generation)
    # An item of that name may have been waiting to be removed.
    ctx.vault.stale_items = [item for item in ctx.vault.stale_items if item != name]
    secret = bytearray(ctx.clock.random_bytes(crypto.KEY_BYTES))
    try:
        chain.write(name, base64.b64encode(secret).decode())
        return _make_slot(ctx, "keychain", keys, generation, secret, chain.name)
    finally:
        wipe(secret)


def _make_slot(
    ctx: Context,
    kind: SlotKind,
    keys: Keys,
    generation: int,
    secret: bytearray,
    backend: str | None = None,
) -> SlotRow:
    """Wrap the root key by the secret; return the row of the slot, without its number."""
    cost = ctx.vault.cost if kind == "passphrase" else None
    random = ctx.clock.random_bytes
    blob = slot_format.wrap(keys.root, keys.store_id, generation, secret, random, cost)
    digest = crypto.sha256(blob)
    return SlotRow(0, kind, _LABELS[kind], backend, generation, blob, digest, ctx.clock.now_ms())


def normalize(passphrase: bytearray) -> bytearray:
    """Return the passphrase in Unicode's form NFC, so that every keyboard types the same one.

    Raises:
        InvalidParams: it is not UTF-8.
    """
    if passphrase.isascii():
        return passphrase
    try:
        composed = bytearray(unicodedata.normalize("NFC", passphrase.decode()).encode())
    except UnicodeDecodeError:
        raise InvalidParams("The passphrase is not UTF-8.") from None
    add_secret(composed)
    return composed


# --- the rows of slots ------------------------------------------------------------------------


def find_slot(db: Connection, kind: str) -> SlotRow | None:
    """Return the first slot of a kind, None when there is none."""
    return next((row for row in secrets.slots(db) if row.kind == kind), None)


def write_slot(db: Connection, before: SlotRow | None, row: SlotRow) -> int:
    """Write a slot in the place of `before`, or add it when that is None; return its number.

    Raises:
        Conflict: there are as many slots as there may be, or another program changed `before`.
    """
    if row.kind != "recovery" and find_slot(db, row.kind) != before:
        raise Conflict("The slots were changed meanwhile.")
    if before is not None:
        secrets.replace_slot(db, before.slot, row)
        return before.slot
    if len(secrets.slots(db)) >= limits.SLOTS_MAX:
        raise Conflict("There are as many slots as there may be.", limit=limits.SLOTS_MAX)
    return secrets.add_slot(db, row)


# --- keychain items ---------------------------------------------------------------------------


def item_name(store_id: bytes, generation: int) -> str:
    """Return the name of the keychain item of a slot of that generation."""
    return f"{store_id.hex()}/{generation}"


def item_names(db: Connection) -> list[str]:
    """Return the names of the keychain items that slots need."""
    store_id = meta.store_id(db)
    slots = [slot for slot in secrets.slots(db) if slot.kind == "keychain"]
    return [item_name(store_id, slot.generation) for slot in slots]


def system_keychain(vault: Vault, expected: str | None = None) -> Keychain:
    """Return the keychain of this system.

    Raises:
        KeychainUnavailable: there is none, or it is not the `expected` one of the slot.
    """
    named = vault.find_keychain()
    if expected is not None and named.name != expected:
        raise KeychainUnavailable(
            "The slot is for another keychain than that of this system.",
            hint="Start where the slot was made, or unlock with the recovery code.",
            expected=expected,
            found=named.name,
        )
    return Keychain(named)


def remove_stale_items(vault: Vault) -> None:
    """Remove from the keychain the items that no slot needs; keep those that fail for a retry."""
    waiting, vault.stale_items = vault.stale_items, []
    for item in waiting:
        try:
            system_keychain(vault).remove(item)
        except KeychainUnavailable:
            vault.stale_items.append(item)
