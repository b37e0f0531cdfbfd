"""Renewing keys: `rotate` replaces the data key, `rekey` replaces the root key too.

Each is one transaction: after a kill at any moment either the old keys open everything or the new
ones do. Keys change in memory once the transaction is on disk.

A rekey is for a person who fears that a thief has an old copy of the file and its passphrase. It
wraps the new root key in new slots. A slot for a recovery code is removed, because the
code is needed to wrap the new key, and it exists only on paper.
"""

from contextlib import ExitStack, suppress
from typing import NamedTuple

from msgspec import UNSET, Raw, UnsetType

from sidecar import purging
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, SidecarError
from sidecar.secrets import key_slots, remote_identities, sealed_rows, state
from sidecar.secrets.open_slot import Proof, open_slot
from sidecar.secrets.raw_params import take_passphrase
from sidecar.store import secrets
from sidecar.store.audit.log import add_checkpoint, reseal_log, restart_log_sealed
from sidecar.store.secrets import SlotRow
from sidecar.store.vault_marks import read_marks
from sidecar.vault import crypto
from sidecar.vault.keys import Keys
from sidecar.wiping import moved

ROTATE_CHORE = "secrets_rotate"
"""Name of the chore that rotates when the data key is due."""


class Renewed(NamedTuple):
    """The generation after the renewal, and how many values were sealed again."""

    generation: int
    resealed: int


# --- rotate -----------------------------------------------------------------------------------


def rotate(ctx: LongContext) -> Renewed:
    """Seal every value under a new data key and delete the old one.

    Raises:
        Locked, NotInitialized, Conflict: there are no keys, or they are ephemeral.
        Tampered: a row is not the one that was written.
    """
    with ctx.vault.mutex:
        return _rotate(ctx)


def _rotate(ctx: LongContext, **details: str) -> Renewed:
    state.require_stored_keys(ctx)
    with ctx.writing(last=True) as db:
        keys = state.require_keys(ctx)
        sealed_rows.refuse_changed(ctx, db, keys)
        data_key = sealed_rows.add_data_key(ctx, db, keys)
        resealed = sealed_rows.reseal_values(ctx, db, keys, keys, data_key)
        sealed_rows.write_root(db, keys)
        ctx.audit("vault_rotate", "vault", resealed=resealed, **details)
        ctx.checkpoint_chain("rows")
        purging.request(ctx)
        generation = secrets.state(db).generation
    ctx.vault.replace_data_keys(dict([data_key]))
    ctx.session.schedule(state.ERASE_CHORE, 0)
    return Renewed(generation, resealed)


def rotate_if_due(ctx: LongContext) -> None:
    """Rotate when the data key has sealed too many records, or is too old."""
    with ctx.vault.mutex:
        with ctx.store.lock:
            if ctx.vault.keys is None or ctx.vault.ephemeral:
                return
            if not sealed_rows.needs_rotation(ctx, ctx.store.db):
                return
        with suppress(SidecarError):
            _rotate(ctx, by="timer")


# --- rekey ------------------------------------------------------------------------------------


class _NewSlots(NamedTuple):
    """The slots for a new root key: numbers and rows to replace, numbers to remove."""

    replaced: list[tuple[int, SlotRow]]
    removed: list[int]
    stale_items: list[str]


def rekey(ctx: LongContext, passphrase: Raw | UnsetType) -> Renewed:
    """Replace the root key, every slot and the data key; remove recovery codes.

    The passphrase is the one of the slot, and stays the same.

    Raises:
        Locked, NotInitialized: there are no keys.
        InvalidParams: the passphrase is missing, or there is no slot for one.
        Conflict: the secrets are ephemeral, only recovery codes are left, or the secrets were
            locked meanwhile.
        Tampered: a row is not the one that was written.
        KeychainUnavailable: the keychain does not store the new item.
        Throttled, WrongPassphrase and so on: as `open_slot`.
    """
    keys = state.require_stored_keys(ctx)
    with ctx.reading() as db:
        slots = secrets.slots(db)
    with ExitStack() as stack:
        old_slot = next((slot for slot in slots if slot.kind == "keychain"), None)
        if old_slot is not None:
            stack.enter_context(ctx.vault.keychain.turn())
        with ctx.vault.mutex:
            text = _prove_passphrase(ctx, slots, passphrase)
        item = None
        if old_slot is not None:
            made = key_slots.new_item(ctx, keys.store_id, old_slot.generation + 1)
            item = stack.enter_context(made)
        stack.enter_context(ctx.vault.mutex)
        new = Keys(moved(ctx.clock.random_bytes(crypto.KEY_BYTES)), keys.store_id)
        try:
            made_slots = _make_new_slots(ctx, slots, new, text, item)
            return _replace_root_key(ctx, keys, new, slots, made_slots)
        except BaseException:
            if ctx.vault.keys is not new:
                new.wipe()
            raise


def _prove_passphrase(
    ctx: LongContext, slots: list[SlotRow], raw: Raw | UnsetType
) -> bytearray | None:
    """Return the passphrase once it has opened its slot; None when there is no slot for one."""
    needed = any(slot.kind == "passphrase" for slot in slots)
    if needed != (raw is not UNSET):
        text = "The passphrase is needed." if needed else "There is no slot for a passphrase."
        raise InvalidParams(text, path="$.params.passphrase")
    if not needed:
        return None
    passphrase = take_passphrase(raw, "$.params.passphrase")
    open_slot(ctx, Proof(passphrase)).keys.wipe()
    return passphrase


def _make_new_slots(
    ctx: LongContext,
    slots: list[SlotRow],
    new: Keys,
    passphrase: bytearray | None,
    item: key_slots.NewItem | None,
) -> _NewSlots:
    """Wrap the new root key in a new slot for each old one, except for recovery codes."""
    made = _NewSlots([], [], [])
    for slot in slots:
        generation = slot.generation + 1
        if slot.kind == "passphrase" and passphrase is not None:
            row = key_slots.make_passphrase_slot(ctx, new, generation, passphrase)
        elif slot.kind == "keychain" and item is not None:
            row = key_slots.make_keychain_slot(ctx, new, item)
            made.stale_items.append(key_slots.item_name(new.store_id, slot.generation))
        else:
            made.removed.append(slot.slot)
            continue
        made.replaced.append((slot.slot, row))
    if not made.replaced:
        raise Conflict("Only recovery codes are left, and they cannot be carried over.")
    return made


def _replace_root_key(
    ctx: LongContext, old: Keys, new: Keys, before: list[SlotRow], slots: _NewSlots
) -> Renewed:
    """Write the new slots, seal every value again, seal the audit log again, and unlock."""
    with ctx.writing(last=True) as db:
        state.require_same_keys(ctx, old)
        if secrets.slots(db) != before:
            raise Conflict("The slots were changed in the meantime.")
        sealed_rows.refuse_changed(ctx, db, old)
        for number, row in slots.replaced:
            secrets.replace_slot(db, number, row)
        for number in slots.removed:
            secrets.remove_slot(db, number)
        data_key = sealed_rows.add_data_key(ctx, db, new)
        resealed = sealed_rows.reseal_values(ctx, db, old, new, data_key)
        sealed_rows.write_root(db, new)
        remote_identities.rewrap(db, old, new, ctx.clock)
        ended = len(slots.removed)
        ctx.audit("vault_rekey", "vault", resealed=resealed, recovery_slots_ended=ended)
        sealer = ctx.chain_sealer(new)
        fresh_key = ctx.clock.random_bytes(crypto.KEY_BYTES)
        if reseal_log(db, old.open_for_audit, sealer):
            add_checkpoint(db, sealer, fresh_key, read_marks(db))
        else:
            # A damaged part of the log must not keep the old keys in use.
            restart_log_sealed(db, sealer, fresh_key)
        purging.request(ctx)
        generation = secrets.state(db).generation
    ctx.vault.unlock(new, dict([data_key]), state.read_clocks(ctx))
    ctx.vault.stale_items += slots.stale_items
    ctx.session.schedule(state.ERASE_CHORE, 0)
    return Renewed(generation, resealed)
