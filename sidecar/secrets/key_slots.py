"""Slots: the root key, wrapped by one secret each.

The secret is the passphrase, a random secret in the system's keychain, or a recovery code. Every
slot wraps the same root key. There is at most one slot for a passphrase and one for a keychain.
This module makes slots, writes their rows, and names and removes their keychain items.
"""

import base64
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from sidecar import digests, limits
from sidecar.context import Context, LongContext
from sidecar.errors import Cancelled, Conflict, InvalidParams, KeychainUnavailable
from sidecar.keychain import Wait
from sidecar.redaction import add_secret
from sidecar.secrets import state
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault import crypto, slot_format
from sidecar.vault.keys import Keys
from sidecar.vocabularies import SlotKind
from sidecar.wiping import moved, wipe

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


def make_keychain_slot(ctx: Context, keys: Keys, item: "NewItem") -> SlotRow:
    """Return a slot that an item of the system's keychain opens."""
    return _make_slot(ctx, "keychain", keys, item.generation, item.secret, item.backend)


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
    digest = digests.sha256(blob)
    return SlotRow(0, kind, _LABELS[kind], backend, generation, blob, digest, ctx.clock.now_ms())


def normalize(passphrase: bytearray) -> bytearray:
    """Return the passphrase in Unicode's form NFC, so that every keyboard yields the same bytes.

    Raises:
        InvalidParams: the passphrase is not UTF-8.
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
    """Replace the slot `before`, or add a slot when that is None; return its number.

    Raises:
        Conflict: the number of slots is at its limit, or another program changed `before`.
    """
    if row.kind != "recovery" and find_slot(db, row.kind) != before:
        raise Conflict("The slots were changed in the meantime.")
    if before is not None:
        secrets.replace_slot(db, before.slot, row)
        return before.slot
    if len(secrets.slots(db)) >= limits.SLOTS_MAX:
        raise Conflict("The number of slots is at its limit.", limit=limits.SLOTS_MAX)
    return secrets.add_slot(db, row)


# --- keychain items ---------------------------------------------------------------------------


def item_name(store_id: bytes, generation: int) -> str:
    """Return the name of the keychain item of a slot of that generation."""
    return f"{store_id.hex()}/{generation}"


class NewItem(NamedTuple):
    """An item that was written to the keychain, for a slot that is yet to be written."""

    generation: int
    secret: bytearray
    backend: str


@contextmanager
def new_item(ctx: LongContext, store_id: bytes, generation: int) -> Iterator[NewItem]:
    """Put a new random secret into the system's keychain, for the block to write its slot.

    The caller has exclusive use of the keychain and holds no lock. The item is written before the
    transaction, so that after a kill the old slot still matches the old item. When the block fails,
    the new item is removed soon.

    Raises:
        KeychainUnavailable: the keychain does not store it.
    """
    name = item_name(store_id, generation)
    # An item of that name may have been waiting to be removed.
    ctx.vault.stale_items = [item for item in ctx.vault.stale_items if item != name]
    secret = moved(ctx.clock.random_bytes(crypto.KEY_BYTES))
    try:
        text = base64.b64encode(secret).decode()
        with ctx.pausing():
            backend = ctx.vault.keychain.write(name, text, keychain_wait(ctx))
        yield NewItem(generation, secret, backend)
    except BaseException:
        ctx.vault.stale_items.append(name)
        ctx.session.schedule(state.ERASE_CHORE, 0)
        raise
    finally:
        wipe(secret)


def keychain_wait(ctx: LongContext) -> Wait:
    """Return the function that a waiting request calls: it sends progress and checks for a cancel.

    A cancel takes effect here even after a passphrase was tried, because that was counted and
    logged.
    """

    def wait(waited_ms: int) -> None:
        if ctx.cancel_event.is_set():
            raise Cancelled
        ctx.progress("keychain", waited_ms // 1000, limits.KEYCHAIN_ASK_MS // 1000, "seconds")

    return wait


def item_names(db: Connection) -> list[str]:
    """Return the names of the keychain items that slots need."""
    store_id = meta.store_id(db)
    slots = [slot for slot in secrets.slots(db) if slot.kind == "keychain"]
    return [item_name(store_id, slot.generation) for slot in slots]


def remove_stale_items(ctx: LongContext) -> None:
    """Remove from the keychain the items that no slot needs; keep those that fail for a retry."""
    with suppress(KeychainUnavailable), ctx.vault.keychain.turn(timeout_ms=0):
        with ctx.reading() as db:
            needed = item_names(db)
        waiting, ctx.vault.stale_items = ctx.vault.stale_items, []
        while waiting:
            item = waiting.pop()
            try:
                if item not in needed:
                    ctx.vault.keychain.remove(item)
            except KeychainUnavailable:
                # The other items would also fail after the same wait.
                ctx.vault.stale_items += [item, *waiting]
                raise
