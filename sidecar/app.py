"""Starts and ends a serving process: makes every part, connects them, and closes them again.

The order matters: stdin and stdout are claimed before anything can print, the lock is taken before
the database is looked at, and the database is open before a request is read. Where its file is
missing, cut off or damaged, the process serves what brings it back (`SharedConnection.rescue`). A
start that fails writes one JSON line to stderr and ends the process with an exit code that says
why.
"""

import gc
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar import __version__, limits, log
from sidecar.catalog import find_method
from sidecar.clock import Clock, SystemClock
from sidecar.config import DATABASE_VARIABLE, ServeConfig
from sidecar.errors import RECOVER_HINT, ErrorSlug, ExitCode, SidecarError, StorageFailed
from sidecar.hardening import harden
from sidecar.notifications import ChainHead, SystemReady, SystemStarting
from sidecar.schema_hash import SCHEMA_HASH
from sidecar.store import traces
from sidecar.store.lockfile import AlreadyRunning, DatabaseLock
from sidecar.store.open_close import Served, close_store, open_beside, open_or_rescue
from sidecar.store.sqlite_errors import as_wire_error
from sidecar.vault.vault import Vault
from sidecar.vocabularies import ProgressPhase, SecretsState
from sidecar.wire import stdio
from sidecar.wire.envelope import encode_notification
from sidecar.wire.loop import Loop
from sidecar.wire.parent import Parent

if TYPE_CHECKING:
    from sidecar.error_data import StartFailedSlug


def serve(config: ServeConfig, spawned_by: int) -> ExitCode:
    """Serve until the process is told to end; return the exit code. Never raises.

    `spawned_by` is the parent that the process had when it began to run.
    """
    parent = Parent(config.parent_pid, spawned_by)
    descriptors = stdio.claim()
    try:
        _configure_log(config)
        channel = _open_channel(descriptors, threaded=config.threaded)
        if not config.dumpable:
            harden()
        if config.database is not None:
            if config.existing and not _exists(config.database):
                return _refuse_missing(config.database.absolute())
            return _serve_database(config, config.database, channel, parent)
        from sidecar.ephemeral import EphemeralFolder  # noqa: PLC0415 - seldom needed

        with EphemeralFolder() as folder:
            return _serve_database(config, folder / "sim.db", channel, parent)
    except AlreadyRunning as refused:
        return _refuse(
            ExitCode.ALREADY_RUNNING,
            "already_running",
            "Another process serves this database.",
            {"pid": refused.pid, **({"ending": True} if refused.ending else {})},
        )
    except SidecarError as refused:
        return refuse(refused)
    except Exception as fault:  # noqa: BLE001 - every failure of a start becomes an exit code
        return _refuse_unknown(fault)
    finally:
        log.flush()


def _configure_log(config: ServeConfig) -> None:
    """Set the log's level and file.

    Raises:
        StorageFailed: the file cannot be opened.
    """
    try:
        log.configure(config.log_level, config.log_file)
    except OSError as fault:
        message = f"The log file {config.log_file} cannot be opened: {fault.strerror}."
        raise StorageFailed(message) from fault


def _exists(path: Path) -> bool:
    """Return whether there is a database, or a file that shows that there was one."""
    try:
        if os.path.lexists(path) and (not path.is_file() or path.stat().st_size):
            return True
        return bool(traces.companions(path) or traces.orphaned_backups(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _refuse_missing(path: Path) -> ExitCode:
    """Report that there is no database where `--existing` requires one."""
    return _refuse(
        ExitCode.NO_DATABASE,
        "no_database",
        f"There is no database at {path}; none was created.",
        {"hint": f"Name the file with --database, or in {DATABASE_VARIABLE}."},
    )


def _open_channel(descriptors: stdio.Descriptors, *, threaded: bool) -> stdio.Channel:
    """Return the implementation of the channel that fits the platform and the descriptors."""
    if not threaded:
        from sidecar.wire import stdio_posix  # noqa: PLC0415 - does not import on Windows

        writer = stdio_posix.open_without_blocking(descriptors.writer)
        if writer is not None:
            return stdio_posix.PosixChannel(descriptors._replace(writer=writer))
    from sidecar.wire import stdio_threads  # noqa: PLC0415 - most starts do not need it

    return stdio_threads.ThreadedChannel(descriptors)


def _serve_database(
    config: ServeConfig, path: Path, channel: stdio.Channel, parent: Parent
) -> ExitCode:
    """Lock and open one database, serve it, and close it."""
    clock = SystemClock()
    path = path.absolute()
    lock = DatabaseLock(path)
    try:
        _acquire(lock, clock)
    except AlreadyRunning as held:
        # Where only the file is locked, and not its name, it is served under another name.
        beside = open_beside(path) if config.reading and held.pid is not None else None
        if beside is None:
            raise
        return _serve(config, beside, clock, channel, parent)
    try:
        served = open_or_rescue(path, clock, _starting(channel, clock))
        served.store.watch.lock = lock
        return _serve(config, served, clock, channel, parent)
    finally:
        lock.release()


def _serve(
    config: ServeConfig, served: Served, clock: Clock, channel: stdio.Channel, parent: Parent
) -> ExitCode:
    """Serve an open database until the end, and close it."""
    try:
        vault = Vault(dumpable=config.dumpable)
        loop = Loop(channel, served.store, clock, vault, parent=parent, events=config.events)
        if config.passphrase_fd is not None:
            from sidecar.secrets import unlock_at_start  # noqa: PLC0415 - seldom needed

            unlock_at_start.unlock_from_descriptor(
                loop.long_context(), config.passphrase_fd, parent.has_died
            )
        find_method("system.ping")  # it is answered whatever is scarce later
        # All objects alive now stay alive: the garbage collector need not scan them.
        gc.freeze()
        gc.enable()
        code = loop.run(_ready(served, vault))
    finally:
        close_store(served.store)
    channel.close()
    return code


def _acquire(lock: DatabaseLock, clock: Clock) -> None:
    """Acquire the lock; wait for a process that is ending and still does what it was sent.

    Raises:
        AlreadyRunning: another process serves the database, or takes long to end.
    """
    until_ms = clock.monotonic_ms() + limits.START_WAIT_MS
    while True:
        try:
            lock.acquire()
        except AlreadyRunning as held:
            if not held.ending or clock.monotonic_ms() >= until_ms:
                raise
            time.sleep(limits.START_RETRY_MS / 1000)
        else:
            return


def _starting(channel: stdio.Channel, clock: Clock) -> Any:
    """Return a function that sends the progress of a slow start, at most twice a second."""
    sent_at_ms = -float(limits.STARTING_INTERVAL_MS)

    def on_progress(phase: ProgressPhase, done: int, total: int) -> None:
        nonlocal sent_at_ms
        now = clock.monotonic_ms()
        if now - sent_at_ms >= limits.STARTING_INTERVAL_MS:
            sent_at_ms = now
            channel.write([encode_notification(SystemStarting(phase, done, total))])

    return on_progress


def _ready(served: Served, vault: Vault) -> SystemReady:
    """Return the notification that announces what is served."""
    rescue, head = served.store.rescue, served.head
    locked: SecretsState = "locked" if served.has_secrets else "uninitialized"
    return SystemReady(
        mode="normal" if rescue is None else "rescue",
        reason=None if rescue is None else rescue.reason,
        protocol_version=limits.PROTOCOL_VERSION,
        version=__version__,
        schema_hash=SCHEMA_HASH,
        pid=os.getpid(),
        database=str(served.store.path),
        schema_version=served.schema_version,
        migrated_from=served.migrated_from,
        runs_interrupted=served.runs_interrupted,
        runs_interrupted_ids=list(served.interrupted_ids),
        secrets=locked if vault.keys is None else "unlocked",
        head=None if head is None else ChainHead(head.seq, head.mac.hex()),
        limits=limits.PUBLISHED,
    )


def _refuse(
    code: ExitCode,
    slug: "StartFailedSlug | ErrorSlug",
    message: str,
    data: Mapping[str, object] | None = None,
) -> ExitCode:
    """Write the log line of a start that failed; return its exit code."""
    hint = {"hint": RECOVER_HINT} if code is ExitCode.DAMAGED else {}
    fields = {**hint, **(data or {}), "slug": slug, "message": message, "exit_code": int(code)}
    log.error("start_failed", **fields)
    return code


def refuse(refused: SidecarError) -> ExitCode:
    """Write the log line of a start that failed with a wire error; return its exit code."""
    return _refuse(refused.exit_code, refused.slug, refused.message, refused.data)


def _refuse_unknown(fault: Exception) -> ExitCode:
    """Report a start that failed with an exception that is not a wire error."""
    known = as_wire_error(fault)
    if known is not None:
        return refuse(known)
    import traceback  # noqa: PLC0415 - only a bug needs it

    text = "".join(traceback.format_exception(fault))
    if isinstance(fault, OSError):
        return _refuse(ExitCode.STORAGE, "storage_failed", os.strerror(fault.errno or 0))
    return _refuse(ExitCode.INTERNAL, "internal", "The start failed.", {"traceback": text})
