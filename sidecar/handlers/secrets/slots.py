"""The ways to unlock: `secrets.change_passphrase`, `add_recovery`, `add_keychain`, `remove_slot`,
and `reset` for when none is left.

A slot wraps the root key in 128 bytes, so that one comes, goes or changes without any record
being touched; a copy of the old file still opens the old way what it holds. Each is one
transaction. A passphrase that was forgotten, or a keychain that was left behind, is replaced by
who can still prove another way.
"""

from typing import Annotated, Any, Literal, cast

from msgspec import UNSET, Meta, UnsetType

from sidecar import limits, purging
from sidecar.catalog import Params, Result, method
from sidecar.context import Context, LongContext
from sidecar.errors import (
    Conflict,
    KeychainUnavailable,
    NotFound,
    NotInitialized,
)
from sidecar.handlers.secrets.unlock import SecretsStatusResult, exactly_one, told
from sidecar.secrets import slots
from sidecar.secrets import state as guard
from sidecar.secrets.raw_params import Passphrase, RecoveryCode, as_json, take, take_passphrase
from sidecar.store import audit, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.values import Count
from sidecar.vault import recovery
from sidecar.vault.keys import Keys
from sidecar.wiping import wipe

# --- change_passphrase ------------------------------------------------------------------------


class SecretsChangePassphraseParams(Params, frozen=True):
    """The new passphrase, and exactly one proof."""

    new_passphrase: Passphrase
    old_passphrase: Passphrase | UnsetType = UNSET
    recovery_code: RecoveryCode | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="The system's keychain is the proof.")
    ] = UNSET


@method(
    "secrets.change_passphrase",
    long=True,
    errors=(*slots.OPENING_ERRORS, Conflict, KeychainUnavailable),
)
def change_passphrase(
    ctx: LongContext, params: SecretsChangePassphraseParams
) -> SecretsStatusResult:
    """Set another passphrase, or the first one where only a keychain unlocks.

    The old one is needed also while unlocked. Who has forgotten it unlocks with the recovery code
    or the keychain and proves the same here.
    """
    kind = exactly_one(
        old_passphrase=params.old_passphrase,
        recovery_code=params.recovery_code,
        keychain=params.keychain,
    )
    new = slots.normalised(take_passphrase(params.new_passphrase, "$.params.new_passphrase"))
    with ctx.vault.turn:
        keys = guard.opened_on_disk(ctx)
        found = _proven(ctx, kind, params)
        try:
            return _set_passphrase(ctx, keys, found, new)
        finally:
            wipe(found.root)


def _proven(ctx: LongContext, kind: str, params: SecretsChangePassphraseParams) -> slots.Opened:
    if kind == "keychain":
        return slots.open_with_keychain(ctx)
    if kind == "recovery_code":
        code = take(params.recovery_code, "$.params.recovery_code", 128)
        return slots.open_with_text(ctx, "recovery", code)
    old = take_passphrase(params.old_passphrase, "$.params.old_passphrase")
    return slots.open_with_text(ctx, "passphrase", old)


def _set_passphrase(
    ctx: LongContext, keys: Keys, found: slots.Opened, new: bytearray
) -> SecretsStatusResult:
    with ctx.reading() as db:
        before = _slot_of(db, "passphrase")
    generation = before.generation + 1 if before else 1
    row = slots.passphrase_slot(ctx, found.root, keys.store_id, generation, new)
    with ctx.writing(last=True) as db:
        guard.opened(ctx)
        secrets.forget_failures(db)
        slot = _put(db, before, row)
        ctx.audit("passphrase_change", "vault", slot=slot, proof=found.slot.kind)
        result = told(ctx, db)
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    return result


def _slot_of(db: Connection, kind: str) -> SlotRow | None:
    """The slot of a kind that there is one of at most."""
    return next((row for row in secrets.slots(db) if row.kind == kind), None)


def _put(db: Connection, before: SlotRow | None, row: SlotRow) -> int:
    """Put a slot in the place of the one there was, or beside the others; its number.

    Raises:
        Conflict: there are as many as are kept, or somebody else changed that one meanwhile.
    """
    if _slot_of(db, row.kind) != before and row.kind != "recovery":
        raise Conflict("The slots were changed meanwhile.")
    if before is not None:
        secrets.replace_slot(db, before.slot, row)
        return before.slot
    if len(secrets.slots(db)) >= limits.SLOTS_MAX:
        raise Conflict("There are as many slots as are kept.", limit=limits.SLOTS_MAX)
    return secrets.add_slot(db, row)


# --- add_recovery, add_keychain ---------------------------------------------------------------


class SecretsAddRecoveryParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsAddRecoveryResult(Result, frozen=True):
    """The code, told this once."""

    recovery_code: Annotated[str, Meta(description="Nine groups of four, to be written on paper.")]
    slot: Annotated[Count, Meta(description="Number of its slot.")]


@method("secrets.add_recovery", long=True, sensitive=True, errors=(*guard.ERRORS, Conflict))
def add_recovery(ctx: LongContext, params: SecretsAddRecoveryParams) -> SecretsAddRecoveryResult:
    """Make a recovery code: 160 random bits that open everything; it is told only this once."""
    del params
    code = bytearray(ctx.clock.random_bytes(recovery.CODE_BYTES))
    try:
        with ctx.vault.turn:
            guard.opened_on_disk(ctx)
            with ctx.writing(last=True) as db:
                keys = guard.opened(ctx)
                row = slots.make(ctx.clock, "recovery", keys.root, keys.store_id, 1, code, None)
                slot = _put(db, None, row)
                ctx.audit("slot_add", "vault", slot=slot, kind="recovery")
            text = bytearray(recovery.spell(code).encode())
            return SecretsAddRecoveryResult(cast(Any, as_json(text)), slot)
    finally:
        wipe(code)


class SecretsAddKeychainParams(Params, frozen=True):
    """Nothing to choose."""


@method("secrets.add_keychain", long=True, errors=(*guard.ERRORS, Conflict, KeychainUnavailable))
def add_keychain(ctx: LongContext, params: SecretsAddKeychainParams) -> SecretsStatusResult:
    """Let this system's keychain unlock too, in the place of another one that did.

    For who unlocks with a passphrase and does not want to be asked on this computer, or has moved
    to a new one.
    """
    del params
    with ctx.vault.turn:
        keys = guard.opened_on_disk(ctx)
        with ctx.reading() as db:
            before = _slot_of(db, "keychain")
        # The new item first: killed in between, the old slot and the old item still fit.
        generation = before.generation + 1 if before else 1
        item = slots.item_name(keys.store_id, generation)
        try:
            row = slots.keychain_slot(ctx, keys.root, keys.store_id, generation)
            with ctx.writing(last=True) as db:
                if guard.opened(ctx) is not keys:
                    raise Conflict("Secrets were locked meanwhile.")
                slot = _put(db, before, row)
                ctx.audit("slot_add", "vault", slot=slot, kind="keychain")
                result = told(ctx, db)
        except BaseException:
            ctx.vault.stale_items.append(item)
            raise
        if before is not None:
            ctx.vault.stale_items.append(slots.item_name(keys.store_id, before.generation))
        ctx.session.schedule(guard.SETTLE_CHORE, 0)
        return result


# --- remove_slot ------------------------------------------------------------------------------


class SecretsRemoveSlotParams(Params, frozen=True):
    """Which slot."""

    slot: Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of the slot.")]


@method("secrets.remove_slot", access="write", errors=(*guard.ERRORS, Conflict, NotFound))
def remove_slot(ctx: Context, params: SecretsRemoveSlotParams) -> SecretsStatusResult:
    """Remove one way to unlock; the last one stays."""
    keys = guard.opened(ctx)
    if ctx.vault.ephemeral:
        raise Conflict("Ephemeral secrets have no slots.")
    rows = secrets.slots(ctx.db)
    found = next((row for row in rows if row.slot == params.slot), None)
    if found is None:
        raise NotFound("There is no such slot.", path="$.params.slot")
    if len(rows) == 1:
        raise Conflict("The last slot stays: without it nothing could be unlocked again.")
    secrets.remove_slot(ctx.db, params.slot)
    ctx.audit("slot_remove", "vault", slot=params.slot, kind=found.kind)
    if found.kind == "keychain":
        ctx.vault.stale_items.append(slots.item_name(keys.store_id, found.generation))
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    return told(ctx, ctx.db)


# --- reset ------------------------------------------------------------------------------------


class SecretsResetParams(Params, frozen=True):
    """What the person has been told."""

    losing: Annotated[
        Count, Meta(description="How many keys are given up: `count` of `secrets.status`.")
    ]


@method("secrets.reset", long=True, frees_space=True, errors=(Conflict, NotInitialized))
def reset(ctx: LongContext, params: SecretsResetParams) -> SecretsStatusResult:
    """Give up every provider key and every way to unlock; `secrets.initialize` begins anew.

    For when nothing unlocks any more: the passphrase is forgotten and there is no recovery code,
    or the rows are damaged and no backup has them. Nothing else in the database is touched. The
    providers are listed as `enter_again`. What the audit log sealed under the old keys stays to
    be read, and can be verified no more; verifying starts here.
    """
    with ctx.vault.turn:
        with ctx.writing(last=True) as db:
            state = guard.state(ctx, db)
            if state == "uninitialized":
                raise NotInitialized
            if state == "ephemeral":
                raise Conflict("Ephemeral secrets end with the process, or with secrets.lock.")
            count = secrets.count(db)
            if count != params.losing:
                raise Conflict(
                    f"Keys that would be lost: {count}, not {params.losing}; ask the person again.",
                    path="$.params.losing",
                )
            stale = slots.item_names(db)
            secrets.forget_all(db)
            audit.restart_unsealed(db)
            # Before the entry: it is the first that nothing of the old keys seals.
            ctx.vault.lock()
            ctx.audit("vault_reset", "vault", lost=count)
            purging.request(ctx)
            result = told(ctx, db)
        ctx.vault.stale_items += stale
        ctx.session.schedule(guard.SETTLE_CHORE, 0)
        return result
