"""Runs pushes: stores the result of each, warns of failures, and starts automatic pushes.

A failure is stored with the remote, and reported once by a `system.warning` of its own slug until
a push succeeds. The next automatic push waits 1 minute, then 2, 4 ... up to 60 minutes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from weakref import WeakKeyDictionary

from sidecar import limits, log
from sidecar.backups import directory
from sidecar.backups.create import create_backup
from sidecar.context import LongContext
from sidecar.errors import Cancelled, Conflict, Locked, Maintenance, RecoveryCodeNeeded
from sidecar.notifications import SystemWarning
from sidecar.remotes.access import Access, as_error, open_remote, reason_of, remote_errors
from sidecar.remotes.due import has_secrets
from sidecar.remotes.push import Pushed, push
from sidecar.remotes.session import RemoteFailed
from sidecar.store import remotes, settings
from sidecar.store.connection import Store
from sidecar.vocabularies import RemoteFault, WarningSlug

_WARNINGS: Final[dict[RemoteFault, WarningSlug]] = {
    "offline": "remote_offline",
    "full": "remote_full",
    "forbidden": "remote_forbidden",
    "no_bucket": "remote_no_bucket",
    "clock": "remote_clock",
}


class _State:
    """The state of the pushes of one database, kept in the memory of this process."""

    def __init__(self) -> None:
        self.turn = threading.RLock()
        """Held during a push, and while a remote is compared with the database."""
        self.warned: set[tuple[str, WarningSlug]] = set()
        self.failures: dict[str, int] = {}
        """The number of consecutive failed pushes to each remote."""
        self.next_try_ms: dict[str, float] = {}


_states: WeakKeyDictionary[Store, _State] = WeakKeyDictionary()


def _state(ctx: LongContext) -> _State:
    return _states.setdefault(ctx.store, _State())


@contextmanager
def alone(ctx: LongContext) -> Iterator[None]:
    """Prevent pushes during the block, after waiting for a running one; a cancel ends the wait."""
    turn = _state(ctx).turn
    while not turn.acquire(timeout=limits.COURIER_WATCH_MS / 1000):
        ctx.check_cancelled()
    try:
        yield
    finally:
        turn.release()


def push_to(ctx: LongContext, access: Access) -> Pushed:
    """Push to one remote; store the result, and report a failure.

    Raises:
        RemoteUnavailable, RemoteRefused, RemoteUntrusted: the remote failed.
        Locked: the secrets were locked during the push.
        RecoveryCodeNeeded: there is no recovery code.
    """
    name = access.remote.name
    state = _state(ctx)
    with alone(ctx), remote_errors(ctx, access):
        try:
            done = push(ctx, access)
        except RemoteFailed as failed:
            if ctx.vault.keys is access.keys:
                _note_failure(ctx, name, failed)
            raise
    state.warned = {each for each in state.warned if each[0] != name}
    state.failures.pop(name, None)
    state.next_try_ms.pop(name, None)
    return done


def _note_failure(ctx: LongContext, name: str, failed: RemoteFailed) -> None:
    """Store a failure, warn of it once, and set the time of the next attempt."""
    reason = reason_of(failed.fault)
    state = _state(ctx)
    count = state.failures[name] = state.failures.get(name, 0) + 1
    doubled_ms = limits.REMOTE_BACK_OFF_MS * 2 ** min(count - 1, 10)
    wait_ms = min(doubled_ms, limits.REMOTE_BACK_OFF_MAX_MS)
    state.next_try_ms[name] = ctx.clock.monotonic_ms() + wait_ms
    ctx.session.schedule(remotes.CHORE, wait_ms, at_latest=True)
    log.warning("remote_failed", remote=name, reason=reason, detail=failed.detail)
    with suppress(Cancelled), ctx.writing() as db:
        remotes.set_failed(db, name, ctx.clock.now_ms(), reason)
    _warn(ctx, name, _WARNINGS.get(reason, "remote_failed"), as_error(failed).message)


def _warn(ctx: LongContext, name: str, slug: WarningSlug, text: str) -> None:
    """Send a warning about a remote, once until a push to it succeeds."""
    warned = _state(ctx).warned
    if (name, slug) not in warned:
        warned.add((name, slug))
        ctx.emit_at_once(SystemWarning(slug, f"{name}: {text}"))


def push_due(ctx: LongContext) -> None:
    """Push to each remote whose time for the next attempt has come, if the secrets are unlocked."""
    with ctx.reading() as db:
        rows = remotes.all_remotes(db)
        is_off = settings.choice(db, "remote_push") == '"off"'
    if is_off or not rows or not _is_unlocked(ctx):
        return
    state = _state(ctx)
    if not state.turn.acquire(blocking=False):
        ctx.session.schedule(remotes.CHORE, limits.REMOTE_BACK_OFF_MS, at_latest=True)
        return
    state.turn.release()
    _make_first_backup(ctx)
    now_ms = ctx.clock.monotonic_ms()
    for row in rows:
        if state.next_try_ms.get(row.name, now_ms) > now_ms:
            continue
        try:
            push_to(ctx, open_remote(ctx, row.name, by_timer=True))
        except (Cancelled, Maintenance):
            raise
        except Locked:
            return
        except RecoveryCodeNeeded as needed:
            _warn(ctx, row.name, "remote_no_code", needed.message)
        except Exception as fault:  # noqa: BLE001 - one remote must not keep another from its push
            log.error("push_failed", remote=row.name, kind=type(fault).__name__)


def _is_unlocked(ctx: LongContext) -> bool:
    return ctx.vault.keys is not None and not ctx.vault.ephemeral


def _make_first_backup(ctx: LongContext) -> None:
    """Make a backup with the secrets if there is none yet."""
    with ctx.reading() as db:
        found = directory.list_own(db, ctx.store.path)
    if not any(has_secrets(each) for each in found):
        with suppress(Conflict):
            create_backup(ctx, "interval", include_secrets=True, details={"by": "timer"})
