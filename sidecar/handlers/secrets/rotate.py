"""`secrets.rotate` and `rekey`: the keys under which provider keys lie, anew.

Each is one transaction: killed anywhere, the old keys open everything or the new ones do, and
there is no half-way state to go on from. Keys change in memory when the transaction is on disk.

- rotate: a new data key, every record sealed anew, the old data key gone.
- rekey: a new root key too, and so every slot anew. For who fears that an old copy of the file
  and its passphrase are in other hands. A recovery code cannot be wrapped anew without the
  paper it is on: those slots end.
"""

from contextlib import suppress
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import Context, LongContext
from sidecar.errors import (
    Conflict,
    InvalidParams,
    KeychainUnavailable,
    SidecarError,
    Tampered,
)
from sidecar.handlers.secrets.set_get import open_row
from sidecar.secrets import slots
from sidecar.secrets import state as guard
from sidecar.secrets.raw_params import Passphrase, take_passphrase
from sidecar.store import audit, secrets
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.values import Count
from sidecar.vault import crypto, records
from sidecar.vault.keys import Keys
from sidecar.wiping import wipe

# --- rotate -----------------------------------------------------------------------------------


class SecretsRotateParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsRotateResult(Result, frozen=True):
    """What was sealed anew."""

    generation: Annotated[Count, Meta(description="Rises with every write of a secret or key.")]
    resealed: Annotated[Count, Meta(description="How many keys were sealed anew.")]


@method("secrets.rotate", long=True, errors=(*guard.ERRORS, Conflict, Tampered))
def rotate(ctx: LongContext, params: SecretsRotateParams) -> SecretsRotateResult:
    """Seal every key anew under a new data key; the old one is gone from the file."""
    del params
    with ctx.vault.turn:
        return _rotate(ctx)


def _rotate(ctx: LongContext, **details: str) -> SecretsRotateResult:
    guard.opened_on_disk(ctx)
    with ctx.writing(last=True) as db:
        keys = guard.opened(ctx)
        guard.check_whole(db, keys)
        key_id, data_key = guard.new_data_key(ctx, db, keys)
        resealed = _reseal(ctx, db, keys, keys, key_id, data_key)
        guard.write_root(db, keys)
        ctx.audit("vault_rotate", "vault", resealed=resealed, **details)
        purging.request(ctx)
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


@chore("secrets_rotate", first_ms=limits.DATA_KEY_CHECK_MS, every_ms=limits.DATA_KEY_CHECK_MS)
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
    errors=(*slots.OPENING_ERRORS, Conflict, KeychainUnavailable),
)
def rekey(ctx: LongContext, params: SecretsRekeyParams) -> SecretsRotateResult:
    """Replace every key there is, the root key too; recovery codes end, make new ones after it.

    The passphrase is needed where there is a slot for one, and stays the same.
    """
    with ctx.vault.turn:
        keys = guard.opened_on_disk(ctx)
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
    passphrase = slots.normalised(take_passphrase(raw, "$.params.passphrase"))
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
            slot = slots.keychain_slot(ctx, new.root, new.store_id, generation)
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
            secrets.replace_slot(db, slot, row)
        for slot in made.gone:
            secrets.remove_slot(db, slot)
        key_id, data_key = guard.new_data_key(ctx, db, new)
        resealed = _reseal(ctx, db, old, new, key_id, data_key)
        guard.write_root(db, new)
        ctx.audit("vault_rekey", "vault", resealed=resealed, recovery_slots_ended=len(made.gone))
        sealer = ctx.chain_sealer(new)
        if not audit.reseal(db, old.open_for_audit, sealer):
            # A sealed part does not open: that must not keep the old keys in use.
            audit.restart_sealed(db, sealer, ctx.clock.random_bytes(crypto.KEY_BYTES))
        purging.request(ctx)
        generation = secrets.state(db).generation
    ctx.vault.open(new, {key_id: data_key}, guard.moment(ctx))
    ctx.vault.stale_items += made.stale_items
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    return SecretsRotateResult(generation, resealed)
