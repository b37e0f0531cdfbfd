"""The state of the secrets: locked or unlocked, the keys that a method needs, and the lock.

A method that needs keys gets them from `require_keys`, or the refusal that fits. Secrets lock by
themselves after a time without use and after a time in all; both times are settings.
"""

from contextlib import suppress
from typing import NamedTuple

from sidecar import limits, log
from sidecar.context import Context, LongContext
from sidecar.errors import Conflict, Locked, NotInitialized, SlotDamaged
from sidecar.notifications import SecretsChanged
from sidecar.store import secrets, settings, tables
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault.crypto import Cost
from sidecar.vault.keys import Keys
from sidecar.vault.slot_format import read_cost
from sidecar.vault.vault import Clocks, NextLock, Vault
from sidecar.vocabularies import SecretsChangeReason, SecretsState

KEY_ERRORS = (Locked, NotInitialized)
"""The refusals of a method that needs keys."""

LOCK_CHORE = "vault_lock"
"""Name of the chore that locks when a deadline has passed."""

ERASE_CHORE = "vault_settle"
"""Name of the chore that erases what is left of replaced keys (`root_key.erase_old_keys`)."""


class Status(NamedTuple):
    """The result of `secrets.status`, and of every method that changes the state or the slots."""

    state: SecretsState
    slots: list[SlotRow]
    passphrase_cost: Cost | None
    key_count: int
    idle_lock_ms: int
    absolute_lock_ms: int


# --- reading the state ------------------------------------------------------------------------


def vault_state(db: Connection, vault: Vault) -> SecretsState:
    """Return the state of the secrets, without checking the deadlines of the lock."""
    return vault.state(is_set_up=vault.keys is not None or tables.hold_secrets(db))


def current_state(ctx: Context, db: Connection) -> SecretsState:
    """Return the state of the secrets; `locked` also when a deadline of the lock has passed."""
    state = vault_state(db, ctx.vault)
    return "locked" if state == "unlocked" and usable_keys(ctx) is None else state


def read_status(ctx: Context, db: Connection) -> Status:
    """Return the state, the slots and the settings of the lock; `db` holds the rows of secrets."""
    state, slots = current_state(ctx, db), secrets.slots(db)
    cost = _passphrase_cost(slots)
    return Status(state, slots, cost, secrets.count(db), *_lock_settings(ctx))


def _passphrase_cost(slots: list[SlotRow]) -> Cost | None:
    """Return the cost of the slot for a passphrase; None without one, or when it is damaged."""
    for slot in slots:
        if slot.kind == "passphrase":
            with suppress(SlotDamaged):
                return read_cost(slot.blob, slot.sha256)
    return None


def secrets_db(ctx: Context) -> Connection:
    """Return the connection to the rows of secrets: the file, or memory when ephemeral."""
    return ctx.store.memory if ctx.vault.ephemeral and ctx.store.memory else ctx.store.db


# --- the keys of a method ---------------------------------------------------------------------


def require_keys(ctx: Context, provider: str | None = None) -> Keys:
    """Return the keys for a method that needs them, and start the idle time again.

    Raises:
        Locked: the secrets are locked, or a deadline of the lock has passed.
        NotInitialized: the secrets have not been set up.
    """
    keys = usable_keys(ctx)
    if keys is None:
        if ctx.vault.keys is not None:
            # A chore writes the lock: what this request writes is undone when it is refused.
            ctx.session.schedule(LOCK_CHORE, 0)
        elif not tables.hold_secrets(ctx.store.db):
            raise NotInitialized
        raise Locked if provider is None else Locked(provider=provider)
    ctx.vault.mark_used(read_clocks(ctx))
    return keys


def require_stored_keys(ctx: LongContext) -> Keys:
    """Return the keys for a long method that changes what the file holds.

    Raises:
        Conflict: the secrets are ephemeral: the file holds none of them.
        Locked, NotInitialized: as `require_keys`.
    """
    with ctx.store.lock:
        keys = require_keys(ctx)
        if ctx.vault.ephemeral:
            raise Conflict("Ephemeral secrets end with the process; nothing of them is renewed.")
    return keys


def require_same_keys(ctx: Context, keys: Keys) -> None:
    """Check that `keys` are still the vault's.

    Raises:
        Conflict: the secrets were locked, and unlocked again, since the keys were read.
        Locked: the secrets were locked.
    """
    if require_keys(ctx) is not keys:
        raise Conflict("The secrets were locked while the request was running.")


def refuse_after_lock(ctx: Context, lock_count: int) -> None:
    """Refuse to unlock when a lock was requested while the keys were derived.

    Raises:
        Locked: the vault was locked since its `lock_count` was read.
    """
    if ctx.vault.lock_count != lock_count:
        raise Locked("The secrets were locked while the request was running.")


def usable_keys(ctx: Context) -> Keys | None:
    """Return the keys, None when there are none or a deadline of the lock has passed."""
    due = next_lock(ctx) if ctx.vault.keys is not None else None
    return None if due is not None and due.left_ms <= 0 else ctx.vault.keys


# --- the lock ---------------------------------------------------------------------------------


def read_clocks(ctx: Context) -> Clocks:
    """Return what both clocks show now."""
    return Clocks(ctx.clock.now_ms(), ctx.clock.monotonic_ms())


def _lock_settings(ctx: Context) -> tuple[int, int]:
    """Return after how long without use, and after how long in all, the secrets lock."""
    db = ctx.store.db
    return settings.number(db, "secrets_idle_lock_ms"), settings.number(
        db, "secrets_absolute_lock_ms"
    )


def next_lock(ctx: Context) -> NextLock | None:
    """Return when the secrets lock by themselves; None when they do not."""
    return ctx.vault.next_lock(read_clocks(ctx), *_lock_settings(ctx))


def announce(ctx: Context, state: SecretsState, reason: SecretsChangeReason) -> None:
    """Emit that the state of the secrets has changed, with the number of the newest entry."""
    ctx.emit(SecretsChanged(state, reason, ctx.audit_seq))


def _state_after_lock(vault: Vault) -> SecretsState:
    """Return the state that a lock leads to from an unlocked one."""
    return "uninitialized" if vault.ephemeral else "locked"


def lock(ctx: Context, reason: SecretsChangeReason, **details: str) -> None:
    """Lock: write the audit entry and a checkpoint of the audit chain, and overwrite every key.

    The keys are overwritten also when the entry cannot be written: a full disk must not keep the
    secrets unlocked.
    """
    try:
        if ctx.vault.keys is not None:
            ctx.audit("vault_lock", "vault", **details)
            announce(ctx, _state_after_lock(ctx.vault), reason)
            ctx.checkpoint_chain()
            ctx.session.schedule(ERASE_CHORE, 0)
    finally:
        ctx.vault.lock(is_due=reason in ("idle_lock", "absolute_lock"))
        ctx.store.close_memory()


def lock_if_due(ctx: LongContext) -> None:
    """Lock when a deadline has passed; otherwise schedule the next check of the deadlines."""
    if ctx.vault.keys is None:
        return
    reached = _state_after_lock(ctx.vault)
    try:
        with ctx.store.lock:
            due = next_lock(ctx)
        if due is not None and due.left_ms <= 0:
            with ctx.writing():
                due = next_lock(ctx)  # A secret may have been used meanwhile.
                if due is not None and due.left_ms <= 0:
                    lock(ctx, due.reason, by="timer")
    except Exception as fault:
        # An entry that cannot be written must not keep the keys in memory.
        ctx.session.schedule(LOCK_CHORE, limits.LOCK_CHECK_MS)
        with ctx.store.lock:
            if _must_lock(ctx):
                ctx.vault.lock(is_due=True)
            if ctx.vault.keys is None:
                log.error("lock_not_audited", kind=type(fault).__name__)
                ctx.emit_at_once(SecretsChanged(reached, "idle_lock", None))
        raise
    if due is not None and due.left_ms > 0:
        # A wall-clock deadline may pass while the machine sleeps: it is checked often.
        ctx.session.schedule(LOCK_CHORE, int(min(due.left_ms, limits.LOCK_CHECK_MS)) + 1)


def _must_lock(ctx: Context) -> bool:
    """Return whether a deadline of the lock has passed, or cannot be read."""
    try:
        return ctx.vault.keys is not None and usable_keys(ctx) is None
    except Exception:  # noqa: BLE001 - without a known deadline the keys are not kept
        return True
