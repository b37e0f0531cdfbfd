"""The root key, which is generated at the set-up, opened by an unlock and deleted by a reset.

Each of these is one transaction. The vault's keys in memory change inside the transaction, and
are wiped when it fails.
"""

from msgspec import Raw, UnsetType

from sidecar import limits, purging
from sidecar.context import Context, LongContext
from sidecar.errors import Conflict, NotInitialized, Tampered
from sidecar.notifications import SecretsChanged
from sidecar.secrets import key_slots, sealed_rows, state
from sidecar.secrets.open_slot import Opened, Proof, ask_keychain, clear_failures, open_slot
from sidecar.secrets.raw_params import take_passphrase
from sidecar.store import meta, remotes, secrets
from sidecar.store.audit.log import is_log_sealed, restart_log_unsealed, seal_log, seal_log_again
from sidecar.store.connection import Connection
from sidecar.store.secrets import SlotRow
from sidecar.vault import crypto
from sidecar.vault.keys import Keys
from sidecar.wiping import moved

# --- setting up -------------------------------------------------------------------------------


def set_up(ctx: LongContext, kind: str, passphrase: Raw | UnsetType) -> state.Status:
    """Draw a root key, wrap it by a passphrase or a keychain item, and unlock.

    `kind` is `passphrase`, `keychain` or `ephemeral`; the last keeps all rows in memory.

    Raises:
        Conflict: the secrets are set up already, or the process is dumpable.
        Tampered: there are sealed keys but no slot.
        KeychainUnavailable: the keychain does not store its item.
        Locked: a lock was asked for meanwhile.
    """
    lock_count = ctx.vault.lock_count
    if kind != "keychain":
        with ctx.vault.mutex:
            keys = _draw_root_key(ctx)
            if kind == "ephemeral":
                return _unlock_in_memory(ctx, keys)
            text = take_passphrase(passphrase, "$.params.passphrase")
            slot = key_slots.make_passphrase_slot(ctx, keys, 1, text)
            return _write_first_slot(ctx, keys, slot, lock_count)
    with ctx.vault.keychain.turn():
        store_id = _refuse_set_up_again(ctx)
        with key_slots.new_item(ctx, store_id, 1) as item, ctx.vault.mutex:
            keys = _draw_root_key(ctx)
            slot = key_slots.make_keychain_slot(ctx, keys, item)
            return _write_first_slot(ctx, keys, slot, lock_count)


def _draw_root_key(ctx: LongContext) -> Keys:
    """Return the keys of a new root key, where secrets may be set up."""
    store_id = _refuse_set_up_again(ctx)
    return Keys(moved(ctx.clock.random_bytes(crypto.KEY_BYTES)), store_id)


def _refuse_set_up_again(ctx: LongContext) -> bytes:
    """Check that no secrets are set up; return the store id.

    Raises:
        Conflict, Tampered: as `set_up`.
    """
    _refuse_dumpable(ctx)
    with ctx.reading() as db:
        _refuse_set_up(ctx, db)
        return meta.store_id(db)


def _refuse_dumpable(ctx: Context) -> None:
    """Refuse to bring a key into a process whose memory other processes may read.

    Raises:
        Conflict: the process was started with --dumpable.
    """
    if ctx.vault.dumpable:
        raise Conflict("This process was started with --dumpable; it never holds keys.")


def _refuse_set_up(ctx: Context, db: Connection) -> None:
    """Check that the file has no secrets.

    Raises:
        Tampered, Conflict: there are sealed keys without a slot, or the secrets are set up.
    """
    if state.current_state(ctx, db) == "uninitialized":
        return
    if not secrets.slots(db) and not ctx.vault.ephemeral:
        raise Tampered(
            "There are sealed keys but no slot that opens them, so no new key is made.",
            what="slots",
            hint="Restore a backup that has the slots, or delete the keys with secrets.reset.",
        )
    raise Conflict("Secrets are set up already.")


def _write_first_slot(ctx: LongContext, keys: Keys, slot: SlotRow, lock_count: int) -> state.Status:
    """Write the first slot and data key, seal the audit log, and unlock."""
    try:
        with ctx.writing(last=True) as db:
            state.refuse_after_lock(ctx, lock_count)
            _refuse_set_up(ctx, db)
            secrets.add_slot(db, slot)
            data_key = sealed_rows.add_data_key(ctx, db, keys)
            sealed_rows.write_root(db, keys)
            ctx.vault.unlock(keys, dict([data_key]), state.read_clocks(ctx))
            ctx.audit("vault_initialize", "vault", kind=slot.kind)
            state.announce(ctx, "unlocked", "initialize")
            fresh_key = ctx.clock.random_bytes(crypto.KEY_BYTES)
            through = seal_log(db, ctx.chain_sealer(keys), fresh_key)
            ctx.audit("audit_sealed", "audit", through=through)
            status = state.read_status(ctx, db)
    except BaseException:
        if ctx.vault.keys is keys:
            ctx.vault.lock()
        keys.wipe()
        raise
    # The audit chain's first key was in clear in the file and its write-ahead log until now.
    ctx.session.schedule(state.ERASE_CHORE, 0)
    ctx.session.schedule(state.LOCK_CHORE, limits.LOCK_CHECK_MS)
    return status


def _unlock_in_memory(ctx: LongContext, keys: Keys) -> state.Status:
    """Make the tables of secrets in memory, with a first data key, and unlock."""
    with ctx.writing(last=True) as db:
        memory = secrets.create_in_memory(db)
        data_key = sealed_rows.add_data_key(ctx, memory, keys)
        sealed_rows.write_root(memory, keys)
        ctx.audit("vault_initialize", "vault", kind="ephemeral")
        state.announce(ctx, "ephemeral", "initialize")
        ctx.store.memory = memory
        ctx.vault.unlock(keys, dict([data_key]), state.read_clocks(ctx), ephemeral=True)
        return state.read_status(ctx, memory)


# --- unlocking --------------------------------------------------------------------------------


def unlock(ctx: LongContext, proof: Proof) -> state.Status:
    """Unlock with the root key of the slot that the proof opens.

    Raises:
        Conflict: the secrets are ephemeral, or the process is dumpable.
        NotInitialized: the secrets have not been set up.
        Locked: a lock was asked for meanwhile.
        Tampered: a data key is not the one that was written.
        Throttled, WrongPassphrase and so on: as `open_slot`.
    """
    lock_count = ctx.vault.lock_count
    _refuse_unlock(ctx)
    with ask_keychain(ctx, proof) as asked, ctx.vault.mutex:
        _refuse_unlock(ctx)
        return _use_root_key(ctx, open_slot(ctx, asked), lock_count)


def _refuse_unlock(ctx: LongContext) -> None:
    """Check that there are secrets to unlock, and that this process may hold keys.

    Raises:
        Conflict, NotInitialized: as `unlock`.
    """
    _refuse_dumpable(ctx)
    with ctx.reading() as db:
        found = state.current_state(ctx, db)
    if found == "uninitialized":
        raise NotInitialized
    if found == "ephemeral":
        raise Conflict("Ephemeral secrets have nothing to unlock; they end with the process.")


def _use_root_key(ctx: LongContext, opened: Opened, lock_count: int) -> state.Status:
    """Unwrap the data keys, unlock the vault, and write a checkpoint of the audit log."""
    keys = opened.keys
    was_locked = True
    try:
        with ctx.writing(last=True) as db:
            state.refuse_after_lock(ctx, lock_count)
            was_locked = ctx.vault.keys is None
            data_keys = sealed_rows.unwrap_data_keys(db, keys)
            clear_failures(ctx, db)
            if opened.renewed is not None:
                secrets.replace_slot(db, opened.slot.slot, opened.renewed)
            ctx.vault.unlock(keys, data_keys, state.read_clocks(ctx))
            ctx.audit("vault_unlock", "vault", slot=opened.slot.slot, kind=opened.slot.kind)
            if was_locked:
                state.announce(ctx, "unlocked", "unlock")
            if is_log_sealed(db):
                ctx.checkpoint_chain("slots" if opened.renewed is not None else None)
            else:
                # After a restore of secrets: their root key has not sealed this log yet.
                fresh_key = ctx.clock.random_bytes(crypto.KEY_BYTES)
                through = seal_log_again(db, ctx.chain_sealer(keys), fresh_key)
                ctx.audit("audit_sealed", "audit", through=through)
            status = state.read_status(ctx, db)
            if remotes.any_set(db):
                ctx.session.schedule(remotes.CHORE, 0)
    except BaseException:
        held = ctx.vault.keys
        ctx.vault.lock()
        if held is not None and not (was_locked and held is keys):
            # The transaction is undone, so there is no audit entry.
            ctx.emit_at_once(SecretsChanged("locked", "lock", None))
        keys.wipe()
        raise
    ctx.session.schedule(state.LOCK_CHORE, limits.LOCK_CHECK_MS)
    return status


# --- resetting --------------------------------------------------------------------------------


def reset(ctx: LongContext, losing: int) -> state.Status:
    """Delete every sealed key, data key and slot, so that secrets can be set up again.

    Raises:
        NotInitialized: there is nothing to delete.
        Conflict: the secrets are ephemeral, or `losing` is not the number of sealed keys.
    """
    with ctx.vault.mutex:
        with ctx.writing(last=True) as db:
            found = state.current_state(ctx, db)
            if found == "uninitialized":
                raise NotInitialized
            if found == "ephemeral":
                raise Conflict("Ephemeral secrets end with the process, or with secrets.lock.")
            count = secrets.count(db)
            if count != losing:
                raise Conflict(
                    f"Keys that would be lost: {count}, not {losing}; ask the person again.",
                    path="$.params.losing",
                )
            stale_items = key_slots.item_names(db)
            secrets.delete_all(db)
            restart_log_unsealed(db)
            # Before the entry is written, which must not be sealed by the old keys.
            ctx.vault.lock()
            ctx.audit("vault_reset", "vault", lost=count)
            state.announce(ctx, "uninitialized", "reset")
            purging.request(ctx)
            status = state.read_status(ctx, db)
        ctx.vault.stale_items += stale_items
        ctx.session.schedule(state.ERASE_CHORE, 0)
        return status


def erase_old_keys(ctx: LongContext) -> None:
    """Erase replaced keys from the keychain and from the write-ahead log.

    The write-ahead log holds pages with old keys until a checkpoint empties it. A purge empties it
    too, so one that is due is started instead. While a reader keeps the log from being emptied,
    the chore is scheduled again.
    """
    key_slots.remove_stale_items(ctx)
    if purging.is_due(ctx):
        ctx.session.schedule(purging.CHORE, 0)
    elif not ctx.store.checkpoint():
        ctx.session.schedule(state.ERASE_CHORE, limits.PURGE_RETRY_MS)
