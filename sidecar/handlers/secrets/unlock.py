"""`secrets.status`, `initialize`, `unlock`, `lock`, and the locks that come by themselves."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from sidecar import limits, log, purging
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import Context, LongContext
from sidecar.errors import (
    Conflict,
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
from sidecar.secrets import slots
from sidecar.secrets import state as guard
from sidecar.secrets.raw_params import Passphrase, RecoveryCode, take, take_passphrase
from sidecar.store import audit, meta, secrets, settings
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.values import Count, Timestamp
from sidecar.vault import crypto
from sidecar.vault import slots as slot_form
from sidecar.vault.keys import Keys
from sidecar.vault.vault import VaultState

# --- status -----------------------------------------------------------------------------------


class Slot(Struct, frozen=True):
    """One way to the keys."""

    slot: Annotated[Count, Meta(description="Its number.")]
    kind: Annotated[
        Literal["passphrase", "keychain", "recovery"], Meta(description="What opens it.")
    ]
    label: Annotated[str, Meta(description="What a person calls it.")]
    created_at: Timestamp


class Kdf(Struct, frozen=True):
    """What stretching the passphrase costs."""

    name: Annotated[Literal["argon2id"], Meta(description="The function, RFC 9106.")]
    memory_kib: Annotated[Count, Meta(description="Memory, KiB.")]
    passes: Annotated[Count, Meta(description="Passes over the memory.")]
    lanes: Annotated[Count, Meta(description="Lanes.")]


class SecretsStatusParams(Params, frozen=True):
    """Nothing to choose."""


class SecretsStatusResult(Result, frozen=True):
    """How the secrets stand."""

    state: Annotated[VaultState, Meta(description="Whether secrets can be used now.")]
    slots: Annotated[list[Slot], Meta(description="Ways to unlock, oldest first.")]
    kdf: Annotated[Kdf | None, Meta(description="Of the passphrase's slot; null without one.")]
    count: Annotated[Count, Meta(description="How many keys are kept.")]
    idle_lock_ms: Annotated[Count, Meta(description="Locks so long after the last use; 0 never.")]
    absolute_lock_ms: Annotated[Count, Meta(description="Locks so long after unlock; 0 never.")]


@method("secrets.status", access="read")
def status(ctx: Context, params: SecretsStatusParams) -> SecretsStatusResult:
    """Tell whether secrets are set up and unlocked, and how they can be."""
    del params
    return told(ctx, guard.rows(ctx))


def told(ctx: Context, db: Connection) -> SecretsStatusResult:
    """The state, for every method that changes it."""
    rows = secrets.slots(db)
    return SecretsStatusResult(
        guard.state(ctx, db),
        [Slot(row.slot, row.kind, row.label, row.created_at) for row in rows],  # type: ignore[arg-type] # the column's CHECK
        _kdf(rows),
        secrets.count(db),
        settings.own(ctx.store.db, "secrets_idle_lock_ms"),
        settings.own(ctx.store.db, "secrets_absolute_lock_ms"),
    )


def _kdf(rows: list[SlotRow]) -> Kdf | None:
    for row in rows:
        if row.kind == "passphrase":
            try:
                cost = slot_form.cost_of(row.blob, row.sha256)
            except SlotDamaged:
                continue
            return Kdf("argon2id", *cost) if cost else None
    return None


def refuse_dumpable(ctx: Context) -> None:
    """No key comes into a process whose memory others may read.

    Raises:
        Conflict: the process was started with --dumpable.
    """
    if ctx.vault.dumpable:
        raise Conflict("This process was started with --dumpable; it never holds keys.")


# --- initialize -------------------------------------------------------------------------------


class SecretsInitializeParams(Params, frozen=True):
    """Exactly one of them."""

    passphrase: Passphrase | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="Keep the key in the system's keychain.")
    ] = UNSET
    ephemeral: Annotated[
        Literal[True] | UnsetType, Meta(description="Keep everything in memory until the end.")
    ] = UNSET


def exactly_one(**given: object) -> str:
    """The name of the one that is given.

    Raises:
        InvalidParams: none, or more than one.
    """
    found = [name for name, value in given.items() if value is not UNSET]
    if len(found) != 1:
        names = ", ".join(given)
        raise InvalidParams(f"Exactly one of {names} is needed.", path="$.params")
    return found[0]


@method("secrets.initialize", long=True, errors=(Conflict, KeychainUnavailable, Locked, Tampered))
def initialize(ctx: LongContext, params: SecretsInitializeParams) -> SecretsStatusResult:
    """Set up secrets with a passphrase or the system's keychain; once, and unlocked afterwards."""
    kind = exactly_one(
        passphrase=params.passphrase, keychain=params.keychain, ephemeral=params.ephemeral
    )
    locks = ctx.vault.locks
    with ctx.vault.turn:
        refuse_dumpable(ctx)
        with ctx.reading() as db:
            _refuse_second(ctx, db)
            store_id = meta.store_id(db)
        root = bytearray(ctx.clock.random_bytes(crypto.KEY_BYTES))
        if kind == "ephemeral":
            return _open_in_memory(ctx, Keys(root, store_id))
        if kind == "keychain":
            row = slots.keychain_slot(ctx, root, store_id, 1)
        else:
            row = _passphrase_slot(ctx, root, store_id, params.passphrase)
        return _write_first(ctx, Keys(root, store_id), row, locks)


def _write_first(ctx: LongContext, keys: Keys, row: SlotRow, locks: int) -> SecretsStatusResult:
    try:
        with ctx.writing(last=True) as db:
            guard.refuse_locked_since(ctx, locks)
            _refuse_second(ctx, db)
            secrets.add_slot(db, row)
            key_id, data_key = guard.new_data_key(ctx, db, keys)
            guard.write_root(db, keys)
            ctx.vault.open(keys, {key_id: data_key}, guard.moment(ctx))
            ctx.audit("vault_initialize", "vault", kind=row.kind)
            _seal_chain(ctx, db, keys)
            result = told(ctx, db)
    except BaseException:
        if ctx.vault.keys is keys:
            ctx.vault.lock()
        keys.wipe()
        raise
    # The chain's first key lay in the file and its log in clear until now.
    ctx.session.schedule(guard.SETTLE_CHORE, 0)
    ctx.session.schedule(guard.LOCK_CHORE, limits.LOCK_CHECK_MS)
    return result


def _refuse_second(ctx: Context, db: Connection) -> None:
    if guard.state(ctx, db) == "uninitialized":
        return
    if not secrets.slots(db) and not ctx.vault.ephemeral:
        raise Tampered(
            "There are sealed keys but no slot that opens them; no new key is made over them.",
            what="slots",
            hint="Restore a backup that has the slots, or give the keys up with secrets.reset.",
        )
    raise Conflict("Secrets are set up already.")


def _passphrase_slot(
    ctx: LongContext, root: bytearray, store_id: bytes, raw: Raw | UnsetType
) -> SlotRow:
    passphrase = slots.normalised(take_passphrase(raw, "$.params.passphrase"))
    return slots.passphrase_slot(ctx, root, store_id, 1, passphrase)


def _open_in_memory(ctx: LongContext, keys: Keys) -> SecretsStatusResult:
    with ctx.writing(last=True) as db:
        memory = secrets.in_memory(db)
        key_id, data_key = guard.new_data_key(ctx, memory, keys)
        guard.write_root(memory, keys)
        ctx.audit("vault_initialize", "vault", kind="ephemeral")
        ctx.store.memory = memory
        ctx.vault.open(keys, {key_id: data_key}, guard.moment(ctx), ephemeral=True)
        return told(ctx, memory)


# --- unlock, lock -----------------------------------------------------------------------------


class SecretsUnlockParams(Params, frozen=True):
    """Exactly one of them."""

    passphrase: Passphrase | UnsetType = UNSET
    keychain: Annotated[
        Literal[True] | UnsetType, Meta(description="Use the system's keychain.")
    ] = UNSET
    recovery_code: RecoveryCode | UnsetType = UNSET


@method(
    "secrets.unlock",
    long=True,
    errors=(
        Conflict,
        KdfPolicy,
        KeychainUnavailable,
        Locked,
        NotInitialized,
        SlotDamaged,
        Tampered,
        Throttled,
        WrongPassphrase,
    ),
)
def unlock(ctx: LongContext, params: SecretsUnlockParams) -> SecretsStatusResult:
    """Unlock with the passphrase, the system's keychain or the recovery code.

    After three wrong ones in a row each further try must wait 1 s, 2 s and so on up to a minute,
    also after a restart. Unlocking what is unlocked proves the passphrase and starts its times
    anew.
    """
    kind = exactly_one(
        passphrase=params.passphrase,
        keychain=params.keychain,
        recovery_code=params.recovery_code,
    )
    locks = ctx.vault.locks
    with ctx.vault.turn:
        refuse_dumpable(ctx)
        refuse_uninitialized(ctx)
        if kind == "keychain":
            found = slots.open_with_keychain(ctx)
        else:
            found = slots.open_with_text(
                ctx,
                "recovery" if kind == "recovery_code" else "passphrase",
                take_text(params.passphrase, params.recovery_code),
            )
        return unlock_with(ctx, found, locks)


def take_text(passphrase: Raw | UnsetType, recovery_code: Raw | UnsetType) -> bytearray:
    """The one that is given, taken out of the line."""
    if isinstance(recovery_code, UnsetType):
        return take_passphrase(passphrase, "$.params.passphrase")
    return take(recovery_code, "$.params.recovery_code", 128)


def refuse_uninitialized(ctx: LongContext) -> None:
    """Refuse what needs something to be unlocked.

    Raises:
        NotInitialized, Conflict: there is nothing, or nothing that is on disk.
    """
    with ctx.reading() as db:
        state = guard.state(ctx, db)
    if state == "uninitialized":
        raise NotInitialized
    if state == "ephemeral":
        raise Conflict("Ephemeral secrets have nothing to unlock; they end with the process.")


def unlock_with(ctx: LongContext, found: slots.Opened, locks: int) -> SecretsStatusResult:
    """Take the root key into use, unless a lock came after the first `locks` of them.

    Raises:
        Locked: it did.
        Tampered: a data key is not what was written.
    """
    with ctx.reading() as db:
        keys = Keys(found.root, meta.store_id(db))
    try:
        with ctx.writing(last=True) as db:
            guard.refuse_locked_since(ctx, locks)
            data_keys = guard.unwrap_data_keys(db, keys)
            secrets.forget_failures(db)
            if found.renewed is not None:
                secrets.replace_slot(db, found.slot.slot, found.renewed)
            ctx.vault.open(keys, data_keys, guard.moment(ctx))
            ctx.audit("vault_unlock", "vault", slot=found.slot.slot, kind=found.slot.kind)
            if audit.is_sealed(db):
                ctx.checkpoint_chain()
            else:
                # After a restore of secrets: their root key has not sealed this log yet.
                through = audit.seal_existing_vault(
                    db, ctx.chain_sealer(keys), ctx.clock.random_bytes(crypto.KEY_BYTES)
                )
                ctx.audit("audit_sealed", "audit", through=through)
            result = told(ctx, db)
    except BaseException:
        ctx.vault.lock()
        keys.wipe()
        raise
    ctx.session.schedule(guard.LOCK_CHORE, limits.LOCK_CHECK_MS)
    return result


def _seal_chain(ctx: LongContext, db: Connection, keys: Keys) -> None:
    through = audit.seal(db, ctx.chain_sealer(keys), ctx.clock.random_bytes(32))
    ctx.audit("audit_sealed", "audit", through=through)


class SecretsLockParams(Params, frozen=True):
    """Nothing to choose."""


@method("secrets.lock", access="write", frees_space=True, succeeds_unlogged=True)
def lock(ctx: Context, params: SecretsLockParams) -> SecretsStatusResult:
    """Forget every key until the next unlock; call it when the screen locks or before sleep.

    Ephemeral secrets are gone for good. What is locked already stays so.
    """
    del params
    guard.lock(ctx, by="request")
    return told(ctx, guard.rows(ctx))


@chore(guard.LOCK_CHORE, first_ms=limits.LOCK_CHECK_MS)
def lock_by_itself(ctx: LongContext) -> None:
    """Lock when it is time, and look again when it may be."""
    if ctx.vault.keys is None:
        return
    try:
        with ctx.writing():
            guard.lock_when_due(ctx)
            left = guard.left_ms(ctx)
    except Exception as fault:
        # Whatever keeps the entry out of the log must not keep the keys in memory.
        ctx.session.schedule(guard.LOCK_CHORE, limits.LOCK_CHECK_MS)
        with ctx.store.lock:
            if guard.is_due(ctx) and ctx.vault.lock():
                log.error("lock_not_audited", kind=type(fault).__name__)
        raise
    if left is not None:
        # Wall-clock deadlines move when the machine sleeps: looked at more often than due.
        ctx.session.schedule(guard.LOCK_CHORE, int(min(left, limits.LOCK_CHECK_MS)) + 1)


@chore(guard.SETTLE_CHORE, first_ms=limits.CHORES_FIRST_MS)
def settle(ctx: LongContext) -> None:
    """Take old keys out of the write-ahead log, where they lie until it is emptied."""
    with ctx.vault.turn:
        # In turn: what is stale now may be what a method under way has just written.
        slots.remove_stale_items(ctx.vault)
    if purging.is_due(ctx):
        ctx.session.schedule(purging.CHORE, 0)
    elif not ctx.store.checkpoint():
        ctx.session.schedule(guard.SETTLE_CHORE, limits.PURGE_RETRY_MS)
