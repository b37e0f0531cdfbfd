"""Opens a slot with the secret of a person or of the keychain, which yields the root key.

This module has the throttle: after three wrong passphrases or codes in a row each further try must
wait, also after a restart, and is refused before any key is derived. It slows down a client in a
loop, but not a thief of the file.

Every method that takes a passphrase or a code tries it through `open_slot`. Once it is tried, a
cancel has no effect on the request: a wrong secret is counted and logged before it is answered, and
a correct one completes the request. So a cancel does not save a try, and the time until the answer
reveals no more than the answer.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from msgspec import UNSET, Raw, UnsetType

from sidecar import errors, limits, log
from sidecar.context import Context, LongContext
from sidecar.redaction import add_secret
from sidecar.secrets import key_slots
from sidecar.secrets.raw_params import take_passphrase, take_recovery_code
from sidecar.secrets.sealed_rows import is_untampered, refuse_rolled_back
from sidecar.store import meta, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault import slot_format
from sidecar.vault.keys import Keys
from sidecar.vault.recovery_code import parse_code
from sidecar.vocabularies import SlotKind
from sidecar.wiping import wipe

OPENING_ERRORS = (
    errors.Conflict,
    errors.KdfPolicy,
    errors.KeychainUnavailable,
    errors.Locked,
    errors.NotInitialized,
    errors.SlotDamaged,
    errors.Tampered,
    errors.Throttled,
    errors.WrongPassphrase,
)
"""The refusals of a method that opens a slot."""


class KeychainProof(NamedTuple):
    """The slot for the keychain, and the text of its item."""

    slot: SlotRow
    text: str


class Proof(NamedTuple):
    """A secret that opens a slot: a passphrase, a recovery code or, with neither, the keychain."""

    passphrase: Raw | bytearray | UnsetType = UNSET
    recovery_code: Raw | UnsetType = UNSET
    passphrase_path: str = "$.params.passphrase"  # noqa: S105 - a path
    keychain: "KeychainProof | None" = None


class Opened(NamedTuple):
    """An opened slot, and the keys it gave, which the caller wipes."""

    keys: Keys
    slot: SlotRow
    renewed: SlotRow | None = None
    """The slot to write in its place, when its cost is lower than that of new slots."""


def open_slot(ctx: LongContext, proof: Proof) -> Opened:
    """Return the keys of the slot that the proof opens.

    Raises:
        InvalidParams: the passphrase or code is no string, empty or too long.
        Throttled: the try comes too soon after wrong ones; nothing was derived.
        WrongPassphrase: no slot of the kind opens with the passphrase or code.
        SlotDamaged, KdfPolicy: the only slot of the kind cannot be used.
        KeychainUnavailable: there is no slot for a keychain, or its item cannot be read.
        Tampered: the keychain's item is not the slot's, or the slot or the rows of keys are
            those of an earlier time.
    """
    opened = _open_slot(ctx, proof)
    try:
        with ctx.reading(snapshot=True) as db:
            # Rows that do not fit their own state root are refused when they are used.
            if is_untampered(db, opened.keys):
                refuse_rolled_back(db, opened.keys)
    except BaseException:
        opened.keys.wipe()
        raise
    return opened


def _open_slot(ctx: LongContext, proof: Proof) -> Opened:
    """Open a slot of the kind that the proof is for."""
    if not isinstance(proof.recovery_code, UnsetType):
        code = take_recovery_code(proof.recovery_code, "$.params.recovery_code")
        return _open_with_text(ctx, "recovery", code)
    if proof.keychain is not None:
        return _open_with_keychain(ctx, proof.keychain)
    passphrase = proof.passphrase
    if not isinstance(passphrase, bytearray):
        passphrase = take_passphrase(passphrase, proof.passphrase_path)
    return _open_with_text(ctx, "passphrase", passphrase)


# --- passphrases and recovery codes -----------------------------------------------------------


def _open_with_text(ctx: LongContext, kind: SlotKind, text: bytearray) -> Opened:
    """Open a slot with a passphrase or a recovery code; count a wrong one for the throttle."""
    _refuse_too_soon(ctx)
    # A typing mistake in a code is found before anything is derived: it does not count as a try.
    secret = _secret_of(kind, text)
    ctx.check_cancelled()
    ctx.pass_cancel()
    try:
        return _try_slots(ctx, kind, secret)
    except errors.WrongPassphrase:
        _count_failure(ctx)
        raise


def _count_failure(ctx: LongContext) -> None:
    """Count a wrong try in the file, and in memory where the file cannot be written."""
    try:
        with ctx.writing() as db:
            secrets.count_failure(db, ctx.clock.now_ms())
    except Exception as fault:  # noqa: BLE001 - the try is refused in any case
        ctx.vault.unwritten_failures += 1
        ctx.vault.unwritten_failed_at = ctx.clock.monotonic_ms()
        log.error("failure_not_counted", kind=type(fault).__name__)


def clear_failures(ctx: LongContext, db: Connection) -> None:
    """Forget the wrong tries, after a right one."""
    secrets.clear_failures(db)
    ctx.vault.unwritten_failures = 0


def _refuse_too_soon(ctx: LongContext) -> None:
    """Refuse a try that comes too soon after wrong ones.

    Raises:
        Throttled: with the time to wait.
    """
    with ctx.reading() as db:
        state = secrets.state(db)
    unwritten = ctx.vault.unwritten_failures
    over = state.failures + unwritten - limits.UNLOCK_FREE_TRIES
    if over < 0:
        return
    delay_ms = min(limits.UNLOCK_DELAY_MAX_MS, 1000 << min(over, 10))
    now_ms = ctx.clock.now_ms()
    if now_ms < state.failed_at:
        # Setting the clock back must not extend the wait by the same amount.
        with ctx.writing() as db:
            secrets.set_failure_time(db, now_ms)
    since_ms = max(0, now_ms - state.failed_at)
    if unwritten:
        elapsed_ms = ctx.clock.monotonic_ms() - ctx.vault.unwritten_failed_at
        since_ms = min(since_ms, int(elapsed_ms))
    if since_ms < delay_ms:
        raise errors.Throttled(retry_after_ms=delay_ms - since_ms)


def _secret_of(kind: SlotKind, text: bytearray) -> bytearray:
    """Return the secret that a text stands for: a normalized passphrase, or a code's bytes."""
    if kind != "recovery":
        return key_slots.normalize(text)
    code = parse_code(text)
    add_secret(code)
    return code


def _try_slots(ctx: LongContext, kind: SlotKind, secret: bytearray) -> Opened:
    """Open the first slot of the kind that the secret opens."""
    with ctx.reading() as db:
        store_id = meta.store_id(db)
        slots = [slot for slot in secrets.slots(db) if slot.kind == kind]
    fault: Exception | None = None
    for slot in slots:
        try:
            keys = _unwrap(slot, store_id, secret)
        except (errors.WrongPassphrase, errors.SlotDamaged) as refused:
            # A damaged slot must not hide that another slot was given the wrong code.
            if not isinstance(fault, errors.WrongPassphrase):
                fault = refused
        else:
            return Opened(keys, slot, _renew(ctx, keys, slot, secret))
    name = "recovery code" if kind == "recovery" else "passphrase"
    raise fault or errors.WrongPassphrase(f"This store has no slot for a {name}.")


def _unwrap(slot: SlotRow, store_id: bytes, secret: bytearray) -> Keys:
    """Return the root key of a slot, with the keys derived from it."""
    return Keys(slot_format.unwrap(slot.blob, slot.sha256, store_id, secret), store_id)


def _renew(ctx: Context, keys: Keys, slot: SlotRow, secret: bytearray) -> SlotRow | None:
    """Return the slot with the cost of new slots, None when its cost is high enough."""
    cost = slot_format.read_cost(slot.blob, slot.sha256)
    wanted = ctx.vault.cost
    # More memory for fewer passes may cost more: what counts is the product.
    if cost is None or cost.memory_kib * cost.passes >= wanted.memory_kib * wanted.passes:
        return None
    return key_slots.make_passphrase_slot(ctx, keys, slot.generation + 1, secret)


# --- the keychain -----------------------------------------------------------------------------


@contextmanager
def ask_keychain(ctx: LongContext, proof: Proof) -> Iterator[Proof]:
    """Read the keychain's item for the block, when the keychain is the proof.

    The caller holds no lock: the keychain may ask a person, and other requests do not wait for it.

    Raises:
        KeychainUnavailable: there is no slot for a keychain, or its item cannot be read.
    """
    if proof[:2] != (UNSET, UNSET):
        yield proof
        return
    with ctx.vault.keychain.turn():
        yield proof._replace(keychain=_read_item(ctx))


def _read_item(ctx: LongContext) -> KeychainProof:
    """Return the slot for the keychain with its item."""
    with ctx.reading() as db:
        store_id = meta.store_id(db)
        slot = key_slots.find_slot(db, "keychain")
    if slot is None:
        raise errors.KeychainUnavailable("This store has no slot for a keychain.", found=None)
    item = key_slots.item_name(store_id, slot.generation)
    with ctx.pausing():
        found = ctx.vault.keychain.read(item, slot.backend, key_slots.keychain_wait(ctx))
    if found.text is None:
        raise errors.KeychainUnavailable(
            "The keychain no longer has this store's item.",
            hint="Unlock with the passphrase or the recovery code.",
            expected=slot.backend,
            found=found.name,
        )
    return KeychainProof(slot, found.text)


def _open_with_keychain(ctx: LongContext, proof: KeychainProof) -> Opened:
    """Open the slot whose secret is an item in the system's keychain."""
    with ctx.reading() as db:
        store_id = meta.store_id(db)
        slot = key_slots.find_slot(db, "keychain")
    if slot is None or slot != proof.slot:
        raise errors.Conflict("The slots were changed in the meantime.")
    secret = bytearray()
    try:
        secret += base64.b64decode(proof.text, validate=True)
        opened = Opened(_unwrap(slot, store_id, secret), slot)
    except (ValueError, errors.WrongPassphrase):
        raise errors.Tampered("The keychain's item is not this slot's.", what="keychain") from None
    finally:
        wipe(secret)
    # A killed rekey leaves items of neighbouring generations.
    ctx.vault.stale_items += [
        key_slots.item_name(store_id, slot.generation + step) for step in (-1, 1)
    ]
    return opened
