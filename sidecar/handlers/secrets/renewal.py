"""`secrets.rotate`, `rekey`, `change_passphrase`, `add_recovery` and `remove_slot`.

Each is one transaction: killed anywhere, the old keys open everything or the new ones do, and
there is no half-way state to go on from. Keys change in memory when the transaction is on disk.

- rotate: a new data key, every record sealed anew, the old data key gone.
- rekey: a new root key too, and so every slot anew. For who fears that an old copy of the file
  and its passphrase are in other hands. A recovery code cannot be wrapped anew without the
  paper it is on: those slots end.
- change_passphrase: one slot's 128 bytes; no record is touched, and a copy of the old file with
  the old passphrase still opens what it holds.
"""

from contextlib import suppress
from typing import Annotated, Any, NamedTuple, cast

from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import Context, LongContext
from sidecar.errors import (
    Conflict,
    InvalidParams,
    KeychainUnavailable,
    Locked,
    NotFound,
    NotInitialized,
    SidecarError,
    SlotDamaged,
    Tampered,
    Throttled,
    WrongPassphrase,
)
from sidecar.handlers.secrets import guard, slots
from sidecar.handlers.secrets.opening import SecretsStatusResult, told
from sidecar.handlers.secrets.params import Passphrase, as_json, take
from sidecar.handlers.secrets.values import open_row
from sidecar.store import audit, purge, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.values import Count
from sidecar.vault import crypto, records, recovery
from sidecar.vault.keys import Keys
from sidecar.wiping import wipe

_ERRORS = (Locked, NotInitialized)
_OPENING = (*_ERRORS, SlotDamaged, Tampered, Throttled, WrongPassphrase)


def _opened(ctx: LongContext) -> Keys:
    """The keys, for a method that changes them.

    Raises:
        Conflict: they are ephemeral; there is nothing on disk to renew.
    """
    with ctx.store.lock:
        keys = guard.opened(ctx)
        if ctx.vault.ephemeral:
            raise Conflict("Ephemeral secrets end with the process; nothing of them is renewed.")
    return keys


# --- rotate -----------------------------------------------------------------------------------


class SecretsRotateParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsRotateResult(Result, frozen=True):
    """What was sealed anew."""

    generation: Annotated[Count, Meta(description="Rises with every write of a secret or key.")]
    resealed: Annotated[Count, Meta(description="How many keys were sealed anew.")]


@method("secrets.rotate", long=True, errors=(*_ERRORS, Conflict, Tampered))
def rotate(ctx: LongContext, params: SecretsRotateParams) -> SecretsRotateResult:
    """Seal every key anew under a new data key; the old one is gone from the file."""
    del params
    with ctx.vault.turn:
        return _rotate(ctx)


def _rotate(ctx: LongContext, **details: str) -> SecretsRotateResult:
    _opened(ctx)
    with ctx.writing(last=True) as db:
        keys = guard.opened(ctx)
        guard.check_whole(db, keys)
        key_id, data_key = guard.new_data_key(ctx, db, keys)
        resealed = _reseal(ctx, db, keys, keys, key_id, data_key)
        guard.write_root(db, keys)
        ctx.audit("vault_rotate", "vault", resealed=resealed, **details)
        purge.ask(db)
        generation = secrets.state(db).generation
    ctx.vault.replace_data_keys({key_id: data_key})
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    return SecretsRotateResult(generation, resealed)


def _reseal(
    ctx: Context, db: Connection, old: Keys, new: Keys, key_id: int, data_key: bytearray
) -> int:
    """Seal every record under the new data key and drop the others; how many there were.

    Raises:
        Tampered: a record does not open; nothing may be lost over it.
    """
    rows = secrets.all_secrets(db)
    for row in rows:
        value = open_row(ctx, old, row)
        try:
            version = secrets.next_generation(db)
            secrets.count_seal(db, key_id)
            nonce = ctx.clock.random_bytes(crypto.NONCE_BYTES)
            record = records.seal_value(
                data_key, key_id, version, new.store_id, row.provider, value, nonce
            )
            fingerprint = records.key_hash(new, row.provider, value)
        finally:
            wipe(value)
        secrets.reseal(db, row.provider, record, fingerprint)
    secrets.delete_data_keys_below(db, key_id)
    return len(rows)


@chore("secrets_rotate", first_ms=limits.DATA_KEY_LOOK_MS, every_ms=limits.DATA_KEY_LOOK_MS)
def rotate_by_itself(ctx: LongContext) -> None:
    """Rotate when the data key has sealed enough or is a year old."""
    with ctx.vault.turn:
        with ctx.store.lock:
            if ctx.vault.keys is None or ctx.vault.ephemeral:
                return
            if not guard.needs_rotation(ctx, ctx.store.db):
                return
        with suppress(SidecarError):
            _rotate(ctx, by="timer")


# --- rekey ------------------------------------------------------------------------------------


class SecretsRekeyParams(Params, frozen=True):
    """The passphrase, where there is a slot for one."""

    passphrase: Passphrase | UnsetType = UNSET


class _NewSlots(NamedTuple):
    kept: list[tuple[int, SlotRow]]
    gone: list[int]
    stale_items: list[str]


@method(
    "secrets.rekey",
    long=True,
    errors=(*_OPENING, Conflict, KeychainUnavailable),
)
def rekey(ctx: LongContext, params: SecretsRekeyParams) -> SecretsRotateResult:
    """Replace every key there is, the root key too; recovery codes end, make new ones after it.

    The passphrase is needed where there is a slot for one, and stays the same.
    """
    with ctx.vault.turn:
        keys = _opened(ctx)
        with ctx.reading() as db:
            rows = secrets.slots(db)
        passphrase = _proven(ctx, rows, params.passphrase)
        root = bytearray(ctx.clock.random_bytes(crypto.KEY_BYTES))
        new = Keys(root, keys.store_id)
        try:
            made = _new_slots(ctx, rows, new, passphrase)
            return _put_in_place(ctx, keys, new, made)
        except BaseException:
            if ctx.vault.keys is not new:
                new.wipe()
            raise


def _proven(ctx: LongContext, rows: list[SlotRow], raw: Raw | UnsetType) -> bytearray | None:
    """The passphrase, if there is a slot for one and it opens it."""
    wanted = any(row.kind == "passphrase" for row in rows)
    if wanted != (raw is not UNSET):
        text = "The passphrase is needed." if wanted else "There is no slot for a passphrase."
        raise InvalidParams(text, path="$.params.passphrase")
    if not wanted:
        return None
    most = 4 * limits.PASSPHRASE_MAX_CHARS
    passphrase = slots.normalised(take(raw, "$.params.passphrase", most))
    wipe(slots.open_with_text(ctx, "passphrase", passphrase).root)
    return passphrase


def _new_slots(
    ctx: LongContext, rows: list[SlotRow], new: Keys, passphrase: bytearray | None
) -> _NewSlots:
    made = _NewSlots([], [], [])
    for row in rows:
        generation = row.generation + 1
        if row.kind == "passphrase" and passphrase is not None:
            slot = slots.passphrase_slot(ctx, new.root, new.store_id, generation, passphrase)
        elif row.kind == "keychain":
            # The new item first: killed in between, the old slot and the old item still fit.
            backend, secret = slots.write_keychain_item(
                ctx.vault, ctx.clock, new.store_id, generation
            )
            slot = slots.make(
                ctx.clock, "keychain", new.root, new.store_id, generation, secret, None,
                backend=backend,
            )  # fmt: skip
            wipe(secret)
            made.stale_items.append(slots.item_name(new.store_id, row.generation))
        else:
            made.gone.append(row.slot)
            continue
        made.kept.append((row.slot, slot))
    if not made.kept:
        raise Conflict("Only recovery codes are left; none of them can be carried over.")
    return made


def _put_in_place(ctx: LongContext, old: Keys, new: Keys, made: _NewSlots) -> SecretsRotateResult:
    with ctx.writing(last=True) as db:
        if guard.opened(ctx) is not old:
            raise Conflict("Secrets were locked meanwhile.")
        guard.check_whole(db, old)
        for slot, row in made.kept:
            secrets.replace_slot(db, slot, row.generation, row.blob, row.sha256)
        for slot in made.gone:
            secrets.remove_slot(db, slot)
        key_id, data_key = guard.new_data_key(ctx, db, new)
        resealed = _reseal(ctx, db, old, new, key_id, data_key)
        guard.write_root(db, new)
        ctx.audit("vault_rekey", "vault", resealed=resealed, recovery_slots_ended=len(made.gone))
        if not audit.reseal(db, old.open_for_audit, ctx.chain_sealer(new)):
            raise Tampered("A sealed part of the audit log does not open.", what="audit")
        purge.ask(db)
        generation = secrets.state(db).generation
    ctx.vault.open(new, {key_id: data_key}, guard.moment(ctx))
    ctx.vault.stale_items += made.stale_items
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    return SecretsRotateResult(generation, resealed)


# --- change_passphrase ------------------------------------------------------------------------


class SecretsChangePassphraseParams(Params, frozen=True):
    """Both passphrases."""

    old_passphrase: Passphrase
    new_passphrase: Passphrase


@method("secrets.change_passphrase", long=True, errors=(*_OPENING, Conflict))
def change_passphrase(
    ctx: LongContext, params: SecretsChangePassphraseParams
) -> SecretsStatusResult:
    """Give the slot another passphrase; the old one is needed also while unlocked."""
    most = 4 * limits.PASSPHRASE_MAX_CHARS
    old = take(params.old_passphrase, "$.params.old_passphrase", most)
    new = slots.normalised(take(params.new_passphrase, "$.params.new_passphrase", most))
    with ctx.vault.turn:
        keys = _opened(ctx)
        found = slots.open_with_text(ctx, "passphrase", old)
        row = slots.passphrase_slot(ctx, found.root, keys.store_id, found.slot.generation + 1, new)
        wipe(found.root)
        with ctx.writing(last=True) as db:
            guard.opened(ctx)
            secrets.forget_failures(db)
            secrets.replace_slot(db, found.slot.slot, row.generation, row.blob, row.sha256)
            ctx.audit("passphrase_change", "vault", slot=found.slot.slot)
            result = told(ctx, db)
        ctx.session.schedule(guard.SETTLE_CHORE, 0)
        return result


# --- add_recovery, remove_slot ----------------------------------------------------------------


class SecretsAddRecoveryParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsAddRecoveryResult(Result, frozen=True):
    """The code, told this once."""

    recovery_code: Annotated[str, Meta(description="Nine groups of four, to be written on paper.")]
    slot: Annotated[Count, Meta(description="Number of its slot.")]


@method("secrets.add_recovery", long=True, sensitive=True, errors=(*_ERRORS, Conflict))
def add_recovery(ctx: LongContext, params: SecretsAddRecoveryParams) -> SecretsAddRecoveryResult:
    """Make a recovery code: 160 random bits that open everything; it is told only this once."""
    del params
    code = bytearray(ctx.clock.random_bytes(recovery.CODE_BYTES))
    try:
        with ctx.vault.turn:
            _opened(ctx)
            with ctx.writing(last=True) as db:
                keys = guard.opened(ctx)
                if len(secrets.slots(db)) >= limits.SLOTS_MAX:
                    raise Conflict("There are as many slots as are kept.", limit=limits.SLOTS_MAX)
                row = slots.make(ctx.clock, "recovery", keys.root, keys.store_id, 1, code, None)
                slot = secrets.add_slot(db, row)
                ctx.audit("slot_add", "vault", slot=slot, kind="recovery")
            text = bytearray(recovery.spell(code).encode())
            return SecretsAddRecoveryResult(cast(Any, as_json(text)), slot)
    finally:
        wipe(code)


class SecretsRemoveSlotParams(Params, frozen=True):
    """Which slot."""

    slot: Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of the slot.")]


@method("secrets.remove_slot", access="write", errors=(*_ERRORS, Conflict, NotFound))
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
