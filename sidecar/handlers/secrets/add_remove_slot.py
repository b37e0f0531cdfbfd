"""`secrets.add_recovery`, `add_keychain` and `remove_slot`: other ways to unlock.

A slot wraps the root key in 128 bytes, so it is added or removed without any change to the sealed
keys. An old copy of the file still opens by the slots that it holds. Each method is one
transaction.
"""

from typing import Annotated, Any, cast

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import Conflict, KeychainUnavailable, NotFound, Tampered
from sidecar.handlers.secrets.status import SecretsStatusResult, status_result
from sidecar.secrets import key_slots, state
from sidecar.secrets.raw_params import as_json
from sidecar.secrets.sealed_rows import refuse_rolled_back
from sidecar.secrets.state import KEY_ERRORS
from sidecar.store import secrets
from sidecar.values import Count
from sidecar.vault.recovery_code import CODE_BYTES, format_code
from sidecar.wiping import moved, wipe

# --- add_recovery, add_keychain ---------------------------------------------------------------


class SecretsAddRecoveryParams(Params, frozen=True):
    """No params."""


class SecretsAddRecoveryResult(Result, frozen=True):
    """The recovery code, which is shown only this once."""

    recovery_code: Annotated[str, Meta(description="Nine groups of four, to be written on paper.")]
    slot: Annotated[Count, Meta(description="Number of its slot.")]


@method("secrets.add_recovery", long=True, sensitive=True, errors=(*KEY_ERRORS, Conflict, Tampered))
def add_recovery(ctx: LongContext, params: SecretsAddRecoveryParams) -> SecretsAddRecoveryResult:
    """Make a recovery code: 160 random bits that unlock; the code is shown only this once."""
    del params
    code = moved(ctx.clock.random_bytes(CODE_BYTES))
    try:
        with ctx.vault.mutex:
            state.require_stored_keys(ctx)
            with ctx.writing(last=True) as db:
                keys = state.require_keys(ctx)
                refuse_rolled_back(db, keys)
                row = key_slots.make_recovery_slot(ctx, keys, code)
                slot = key_slots.write_slot(db, None, row)
                ctx.audit("slot_add", "vault", slot=slot, kind="recovery")
                ctx.checkpoint_chain("slots")
            text = bytearray(format_code(code).encode())
            return SecretsAddRecoveryResult(cast(Any, as_json(text)), slot)
    finally:
        wipe(code)


class SecretsAddKeychainParams(Params, frozen=True):
    """No params."""


@method(
    "secrets.add_keychain", long=True, errors=(*KEY_ERRORS, Conflict, KeychainUnavailable, Tampered)
)
def add_keychain(ctx: LongContext, params: SecretsAddKeychainParams) -> SecretsStatusResult:
    """Let this system's keychain unlock, too; it replaces an earlier keychain.

    It is for a person who unlocks with a passphrase and does not want to be asked for it on this
    computer, or who has moved to a new computer.
    """
    del params
    with ctx.vault.keychain.turn():
        keys = state.require_stored_keys(ctx)
        with ctx.reading() as db:
            before = key_slots.find_slot(db, "keychain")
        generation = before.generation + 1 if before else 1
        with (
            key_slots.new_item(ctx, keys.store_id, generation) as item,
            ctx.vault.mutex,
            ctx.writing(last=True) as db,
        ):
            state.require_same_keys(ctx, keys)
            refuse_rolled_back(db, keys)
            row = key_slots.make_keychain_slot(ctx, keys, item)
            slot = key_slots.write_slot(db, before, row)
            ctx.audit("slot_add", "vault", slot=slot, kind="keychain")
            ctx.checkpoint_chain("slots")
            status = state.read_status(ctx, db)
        if before is not None:
            ctx.vault.stale_items.append(key_slots.item_name(keys.store_id, before.generation))
        ctx.session.schedule(state.ERASE_CHORE, 0)
        return status_result(status)


# --- remove_slot ------------------------------------------------------------------------------


class SecretsRemoveSlotParams(Params, frozen=True):
    """The slot to remove."""

    slot: Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of the slot.")]


@method("secrets.remove_slot", access="write", errors=(*KEY_ERRORS, Conflict, NotFound, Tampered))
def remove_slot(ctx: Context, params: SecretsRemoveSlotParams) -> SecretsStatusResult:
    """Remove one way to unlock; the last one cannot be removed."""
    keys = state.require_keys(ctx)
    if ctx.vault.ephemeral:
        raise Conflict("Ephemeral secrets have no slots.")
    rows = secrets.slots(ctx.db)
    found = next((row for row in rows if row.slot == params.slot), None)
    if found is None:
        raise NotFound("There is no such slot.", path="$.params.slot")
    if len(rows) == 1:
        raise Conflict("The last slot stays: without it nothing could be unlocked again.")
    refuse_rolled_back(ctx.db, keys)
    secrets.remove_slot(ctx.db, params.slot)
    ctx.audit("slot_remove", "vault", slot=params.slot, kind=found.kind)
    ctx.checkpoint_chain("slots")
    if found.kind == "keychain":
        ctx.vault.stale_items.append(key_slots.item_name(keys.store_id, found.generation))
    ctx.session.schedule(state.ERASE_CHORE, 0)
    return status_result(state.read_status(ctx, ctx.db))
