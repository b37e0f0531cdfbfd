"""What every method of secrets stands behind: the state, the deadlines, the code over all rows.

A method that needs keys gets them from `opened`, or the refusal that fits. Before a row is used
and after one is written the code over all rows is computed anew: a row that was swapped, taken
back to an earlier state, added or removed by somebody else makes it another one. Then nothing is
read or written any more, until all keys have been deleted; deleting stays possible.
"""

import struct

from sidecar import limits
from sidecar.context import Context, LongContext, secret_state
from sidecar.errors import Conflict, Locked, NotInitialized, Tampered
from sidecar.store import secrets, settings
from sidecar.store.connection import Connection
from sidecar.vault import crypto, records
from sidecar.vault.keys import Keys
from sidecar.vault.records import SealedSecret, WrappedKey
from sidecar.vault.vault import Moment, VaultState

ERRORS = (Locked, NotInitialized)
"""What every method that needs keys may be refused with."""

LOCK_CHORE = "vault_lock"
SETTLE_CHORE = "vault_settle"

_CURE = (
    "Restore a backup, or delete every key here and enter them again; where nothing unlocks, give"
    " them up with secrets.reset."
)


def moment(ctx: Context) -> Moment:
    """Both clocks now."""
    return Moment(ctx.clock.now_ms(), ctx.clock.monotonic_ms())


def rows(ctx: Context) -> Connection:
    """Where the rows of secrets are: in the file, or in memory for an ephemeral vault."""
    return ctx.store.memory if ctx.vault.ephemeral and ctx.store.memory else ctx.store.db


def state(ctx: Context, db: Connection) -> VaultState:
    """The state that status tells; what is due to be locked is as good as locked."""
    found = secret_state(db, ctx.vault)
    return "locked" if found == "unlocked" and usable_keys(ctx) is None else found


def opened(ctx: Context, provider: str | None = None) -> Keys:
    """The keys, for a method that needs them; its use counts for the idle time.

    Raises:
        Locked: nothing is unlocked, or it was time to lock.
        NotInitialized: there is nothing to unlock.
    """
    keys = usable_keys(ctx)
    if keys is None and ctx.vault.keys is not None:
        # The entry of the lock must not be undone with the request that is refused here.
        ctx.session.schedule(LOCK_CHORE, 0)
        raise Locked if provider is None else Locked(provider=provider)
    if keys is None:
        if not secrets.is_initialized(ctx.store.db):
            raise NotInitialized
        raise Locked if provider is None else Locked(provider=provider)
    ctx.vault.used(moment(ctx))
    return keys


def refuse_locked_since(ctx: Context, locks: int) -> None:
    """Refuse to open what was told to lock while the keys were being derived.

    Raises:
        Locked: it was.
    """
    if ctx.vault.locks != locks:
        raise Locked("Secrets were locked meanwhile.")


def opened_on_disk(ctx: LongContext) -> Keys:
    """The keys, for a long method that changes what is on disk.

    Raises:
        Conflict: they are ephemeral; there is nothing on disk to change.
    """
    with ctx.store.lock:
        keys = opened(ctx)
        if ctx.vault.ephemeral:
            raise Conflict("Ephemeral secrets end with the process; nothing of them is renewed.")
    return keys


def usable_keys(ctx: Context) -> Keys | None:
    """The keys, if they may still be used; for who can do without."""
    left = left_ms(ctx) if ctx.vault.keys is not None else None
    return None if left is not None and left <= 0 else ctx.vault.keys


def left_ms(ctx: Context) -> float | None:
    """How long until the vault locks by itself; None when it does not."""
    idle_ms, absolute_ms = (
        settings.own(ctx.store.db, key)
        for key in ("secrets_idle_lock_ms", "secrets_absolute_lock_ms")
    )
    return ctx.vault.left_ms(moment(ctx), idle_ms, absolute_ms)


def is_due(ctx: Context) -> bool:
    """Whether it is time to lock; also where the settings cannot be read."""
    try:
        left = left_ms(ctx)
    except Exception:  # noqa: BLE001 - keys that nobody can say how long to keep are not kept
        return True
    return left is not None and left <= 0


def lock_when_due(ctx: Context) -> bool:
    """Lock if a deadline has passed, in a write transaction; whether it did."""
    left = left_ms(ctx) if ctx.vault.keys is not None else None
    if left is None or left > 0:
        return False
    lock(ctx, by="timer")
    return True


def lock(ctx: Context, **details: str) -> None:
    """Write the entry, seal the chain's newest code, and overwrite every key.

    The one act that happens also when it cannot be logged: a full disk must keep nothing open.
    """
    if ctx.vault.keys is None:
        ctx.vault.lock()
        ctx.store.forget_memory()
        return
    try:
        ctx.audit("vault_lock", "vault", **details)
        ctx.checkpoint_chain()
    finally:
        ctx.vault.lock()
        ctx.store.forget_memory()
    ctx.session.schedule(SETTLE_CHORE, 0)


# --- the code over all rows -------------------------------------------------------------------


def current_root(db: Connection, keys: Keys) -> bytes:
    """The code over the rows as they are.

    Raises:
        Tampered: a number in them is none that was ever written.
    """
    try:
        return records.state_root(
            keys,
            secrets.state(db).generation,
            [SealedSecret(*row[:5]) for row in secrets.all_secrets(db)],
            [WrappedKey(*row[:3]) for row in secrets.data_keys(db)],
        )
    except struct.error:
        raise Tampered(what="rows", hint=_CURE) from None


def is_whole(db: Connection, keys: Keys) -> bool:
    """Whether the rows are those that were last written here."""
    root = secrets.state(db).root
    try:
        return root is not None and crypto.same(current_root(db, keys), root)
    except Tampered:
        return False


def check_whole(db: Connection, keys: Keys) -> None:
    """Refuse to go on over rows that somebody else has changed.

    Raises:
        Tampered: a row is not the one that was written, or one came or went.
    """
    if not is_whole(db, keys):
        raise Tampered(what="rows", hint=_CURE)


def write_root(db: Connection, keys: Keys) -> None:
    """Keep the code over the rows as they now are."""
    secrets.set_root(db, current_root(db, keys))


# --- data keys --------------------------------------------------------------------------------


def unwrap_data_keys(db: Connection, keys: Keys) -> dict[int, bytearray]:
    """Every data key by id.

    Raises:
        Tampered: one of them is not what was written.
    """
    return {
        row.key_id: keys.unwrap_data_key(row.key_id, row.wrapped) for row in secrets.data_keys(db)
    }


def new_data_key(ctx: Context, db: Connection, keys: Keys) -> tuple[int, bytearray]:
    """Draw a data key and keep it wrapped; its id is higher than any before."""
    key_id = secrets.next_generation(db)
    data_key = bytearray(ctx.clock.random_bytes(crypto.KEY_BYTES))
    nonce = ctx.clock.random_bytes(crypto.NONCE_BYTES)
    wrapped = keys.wrap_data_key(key_id, data_key, nonce)
    secrets.add_data_key(db, key_id, wrapped, ctx.clock.now_ms())
    return key_id, data_key


def needs_rotation(ctx: Context, db: Connection) -> bool:
    """Whether the newest data key has sealed enough, or for long enough."""
    newest = secrets.data_keys(db)[-1]
    old_at = ctx.clock.now_ms() - limits.DATA_KEY_MAX_MS
    return newest.seal_count >= limits.SEALS_MAX or newest.created_at < old_at
