"""Ways to the root key: opening one with what a person gave, and making one.

Owns the throttle: after three wrong ones in a row each further try has to wait, also after a
respawn, and is refused without deriving anything. Whoever has the file is not slowed by it; a
looping client is.
"""

import base64
import unicodedata
from typing import Literal, NamedTuple

from sidecar import limits
from sidecar.clock import Clock
from sidecar.context import Context, LongContext
from sidecar.errors import (
    InvalidParams,
    KdfPolicy,
    KeychainUnavailable,
    Locked,
    NotInitialized,
    SlotDamaged,
    Tampered,
    Throttled,
    WrongPassphrase,
)
from sidecar.keychain import Keychain
from sidecar.redaction import hold
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault import crypto, recovery, slots
from sidecar.vault.crypto import Cost
from sidecar.vault.vault import Vault
from sidecar.wiping import wipe

OPENING_ERRORS = (
    KdfPolicy,
    Locked,
    NotInitialized,
    SlotDamaged,
    Tampered,
    Throttled,
    WrongPassphrase,
)
"""What a method may be refused with that opens a slot anew."""

SlotKind = Literal["passphrase", "keychain", "recovery"]


class Opened(NamedTuple):
    """A root key, the slot it came from, and that slot anew where its cost was below today's."""

    root: bytearray
    slot: SlotRow
    renewed: SlotRow | None = None


def normalised(passphrase: bytearray) -> bytearray:
    """The passphrase in Unicode's form NFC, so that every keyboard types the same one."""
    if passphrase.isascii():
        return passphrase
    try:
        composed = bytearray(unicodedata.normalize("NFC", passphrase.decode()).encode())
    except UnicodeDecodeError:
        raise InvalidParams("The passphrase is not UTF-8.") from None
    hold(composed)
    return composed


def item_name(store_id: bytes, generation: int) -> str:
    """What a slot's item is called in the keychain."""
    return f"{store_id.hex()}/{generation}"


def item_names(db: Connection) -> list[str]:
    """What the items are called that slots need."""
    store_id = meta.store_id(db)
    found = [slot for slot in secrets.slots(db) if slot.kind == "keychain"]
    return [item_name(store_id, slot.generation) for slot in found]


def keychain_of(vault: Vault, expected: str | None = None) -> Keychain:
    """The keychain of this system.

    Raises:
        KeychainUnavailable: there is none, or another one than the slot was made with.
    """
    named = vault.find_keychain()
    if expected is not None and named.name != expected:
        raise KeychainUnavailable(
            "The key lies in another keychain than the one that is here.",
            hint="Start where it was made, or unlock with the recovery code.",
            expected=expected,
            found=named.name,
        )
    return Keychain(named)


# --- the throttle -----------------------------------------------------------------------------


def check_throttle(ctx: LongContext) -> None:
    """Refuse a try that comes too soon after wrong ones.

    Raises:
        Throttled: with how long to wait.
    """
    with ctx.reading() as db:
        state = secrets.state(db)
    over = state.failures - limits.UNLOCK_FREE_TRIES
    if over < 0:
        return
    delay_ms = min(limits.UNLOCK_DELAY_MAX_MS, 1000 << min(over, 10))
    now_ms = ctx.clock.now_ms()
    if now_ms < state.failed_at:
        # A clock that was set back must not make the wait as long as it was wrong.
        with ctx.writing() as db:
            secrets.date_failure(db, now_ms)
    since_ms = max(0, now_ms - state.failed_at)
    if since_ms < delay_ms:
        raise Throttled(retry_after_ms=delay_ms - since_ms)


def count_failure(ctx: LongContext) -> None:
    """Remember a wrong one, whatever becomes of the request."""
    with ctx.writing() as db:
        secrets.count_failure(db, ctx.clock.now_ms())


# --- opening ----------------------------------------------------------------------------------


def open_with_text(ctx: LongContext, kind: SlotKind, text: bytearray) -> Opened:
    """The root key by a passphrase or a recovery code.

    Raises:
        Throttled: it comes too soon after wrong ones; nothing was derived.
        WrongPassphrase: no slot of this kind takes it.
        SlotDamaged, KdfPolicy: the only slot of this kind cannot be used.
    """
    check_throttle(ctx)
    ctx.check_cancelled()
    # What cannot be a code at all, for a slip of the pen, is no try: it costs no wait.
    secret = _secret_of(kind, text)
    try:
        return _try_slots(ctx, kind, secret)
    except WrongPassphrase:
        count_failure(ctx)
        raise


def _secret_of(kind: SlotKind, text: bytearray) -> bytearray:
    if kind != "recovery":
        return normalised(text)
    code = recovery.read(text)
    hold(code)
    return code


def _try_slots(ctx: LongContext, kind: SlotKind, secret: bytearray) -> Opened:
    with ctx.reading() as db:
        store_id = meta.store_id(db)
        found = [slot for slot in secrets.slots(db) if slot.kind == kind]
    fault: Exception | None = None
    for slot in found:
        try:
            root = slots.unwrap(slot.blob, slot.sha256, store_id, secret)
        except (WrongPassphrase, SlotDamaged) as refused:
            # A damaged slot must not hide that the other one was given the wrong code.
            if not (isinstance(refused, SlotDamaged) and isinstance(fault, WrongPassphrase)):
                fault = refused
        else:
            return Opened(root, slot, _renewed(ctx, root, store_id, slot, secret))
    raise fault or _none_of(kind)


def _renewed(
    ctx: Context, root: bytearray, store_id: bytes, slot: SlotRow, secret: bytearray
) -> SlotRow | None:
    """The slot at today's cost, None when it is no cheaper than that."""
    cost = slots.cost_of(slot.blob, slot.sha256)
    today = ctx.vault.cost
    # More memory for fewer passes may be the dearer of the two: what counts is the product.
    if cost is None or cost.memory_kib * cost.passes >= today.memory_kib * today.passes:
        return None
    return passphrase_slot(ctx, root, store_id, slot.generation + 1, secret)


def _none_of(kind: SlotKind) -> Exception:
    if kind == "keychain":
        return KeychainUnavailable("No slot of this store lies in a keychain.", found=None)
    return WrongPassphrase(f"This store has no slot for a {_WORDS[kind]}.")


_WORDS = {"passphrase": "passphrase", "recovery": "recovery code"}


def open_with_keychain(ctx: LongContext) -> Opened:
    """The root key by the item in the system's keychain.

    Raises:
        KeychainUnavailable: no slot, another keychain, no answer, or the item is gone.
    """
    with ctx.reading() as db:
        store_id = meta.store_id(db)
        found = [slot for slot in secrets.slots(db) if slot.kind == "keychain"]
    if not found:
        raise _none_of("keychain")
    slot = found[0]
    chain = keychain_of(ctx.vault, slot.backend)
    text = chain.read(item_name(store_id, slot.generation))
    if text is None:
        raise KeychainUnavailable(
            "The keychain no longer has this store's item.",
            hint="Unlock with the passphrase or the recovery code.",
            expected=slot.backend,
            found=chain.name,
        )
    try:
        secret = bytearray(base64.b64decode(text, validate=True))
    except ValueError:
        raise Tampered("The keychain's item is not this slot's.", what="keychain") from None
    # What a rekey that was killed has left behind.
    ctx.vault.stale_items += [item_name(store_id, slot.generation + step) for step in (-1, 1)]
    try:
        return Opened(slots.unwrap(slot.blob, slot.sha256, store_id, secret), slot)
    except WrongPassphrase:
        raise Tampered("The keychain's item is not this slot's.", what="keychain") from None
    finally:
        wipe(secret)


# --- making -----------------------------------------------------------------------------------


def passphrase_slot(
    ctx: Context, root: bytearray, store_id: bytes, generation: int, passphrase: bytearray
) -> SlotRow:
    """A slot for a passphrase at today's cost; the passphrase stays the caller's to wipe."""
    cost = ctx.vault.cost
    return make(ctx.clock, "passphrase", root, store_id, generation, passphrase, cost)


def make(
    clock: Clock,
    kind: SlotKind,
    root: bytearray,
    store_id: bytes,
    generation: int,
    secret: bytearray,
    cost: Cost | None,
    *,
    backend: str | None = None,
) -> SlotRow:
    """A row that `secret` opens."""
    blob = slots.wrap(root, store_id, generation, secret, clock.random_bytes, cost)
    digest = crypto.sha256(blob)
    return SlotRow(0, kind, _LABELS[kind], backend, generation, blob, digest, clock.now_ms())


_LABELS: dict[SlotKind, str] = {
    "passphrase": "Passphrase",
    "keychain": "This computer's keychain",
    "recovery": "Recovery code",
}


def keychain_slot(ctx: Context, root: bytearray, store_id: bytes, generation: int) -> SlotRow:
    """A slot whose secret has been put into the system's keychain.

    Raises:
        KeychainUnavailable: it does not keep it.
    """
    backend, secret = _write_keychain_item(ctx.vault, ctx.clock, store_id, generation)
    try:
        return make(
            ctx.clock, "keychain", root, store_id, generation, secret, None, backend=backend
        )
    finally:
        wipe(secret)


def _write_keychain_item(
    vault: Vault, clock: Clock, store_id: bytes, generation: int
) -> tuple[str, bytearray]:
    """Put a fresh random secret into the keychain; the back end's name and the secret.

    Raises:
        KeychainUnavailable: it does not keep it.
    """
    chain = keychain_of(vault)
    secret = bytearray(clock.random_bytes(crypto.KEY_BYTES))
    name = item_name(store_id, generation)
    # An item of that name may have been waiting to be removed.
    vault.stale_items = [item for item in vault.stale_items if item != name]
    chain.write(name, base64.b64encode(secret).decode())
    return chain.name, secret


def remove_stale_items(vault: Vault) -> None:
    """Take out of the keychain what no slot needs; what cannot be is tried again at the next."""
    waiting, vault.stale_items = vault.stale_items, []
    for item in waiting:
        try:
            keychain_of(vault).remove(item)
        except KeychainUnavailable:
            vault.stale_items.append(item)
