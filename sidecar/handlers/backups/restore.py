"""`backups.restore`: the database as it was, with the secrets and the audit log as they are."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from msgspec import Meta

from sidecar.backups import directory
from sidecar.backups import make as making
from sidecar.backups import restore as restoring
from sidecar.backups.keys import is_own_root, openable
from sidecar.backups.restore import Built, Incoming
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import (
    BackupRejected,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    NotFound,
    ReadOnly,
    RecoveryRequired,
)
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import (
    BackupFinding,
    BackupView,
    Counts,
    GivenName,
    GivenPath,
    locate,
    log_rejected,
    shown_name,
    view,
)
from sidecar.notifications import SystemRestored
from sidecar.store import audit, meta, swap
from sidecar.store.connection import Connection, Store
from sidecar.store.files import beside, remove_database
from sidecar.store.repair import recover
from sidecar.store.sqlite_errors import is_full, spoils_connection
from sidecar.store.transfer import snapshot
from sidecar.store.unserved_file import opened_alone
from sidecar.values import Count

T = TypeVar("T")


class BackupsRestoreParams(Params, frozen=True):
    """Which backup, and what of the present is to stay."""

    name: GivenName = None
    path: GivenPath = None
    dry_run: Annotated[bool, Meta(description="Only tell what would become; absent: false.")] = (
        False
    )
    secrets: Annotated[
        Literal["live", "backup"],
        Meta(
            description="Whose secrets, passphrase and tries are there afterwards: `live`, those"
            " of now, or `backup`; absent: live."
        ),
    ] = "live"


class BackupsRestoreResult(Result, frozen=True, kw_only=True):
    """What became, or in a dry run would become."""

    dry_run: Annotated[bool, Meta(description="Nothing was changed.")]
    backup: Annotated[BackupView, Meta(description="What was restored.")]
    migrated_from: Annotated[
        int | None, Meta(description="Version of its tables if they were older, else null.")
    ]
    counts: Counts
    counts_before: Annotated[
        dict[str, int],
        Meta(description="The same of what was replaced, but for what was too damaged to count."),
    ]
    secrets: Annotated[
        Literal["kept", "from_backup", "none"], Meta(description="Which secrets are there.")
    ]
    providers: Annotated[list[str], Meta(description="Whose keys are there, sealed.")]
    providers_open: Annotated[
        list[str] | None,
        Meta(
            description="Whose of these keys open with what is unlocked now; null while locked,"
            " and when it is done."
        ),
    ]
    providers_lost: Annotated[
        list[str], Meta(description="Whose keys were there and are no longer.")
    ]
    safety_backup: Annotated[
        str | None,
        Meta(description="Name of the backup of what was replaced, secrets included."),
    ]
    kept_aside: Annotated[
        str | None,
        Meta(
            description="Name of the file that was replaced, where it was too damaged for a"
            " backup; else null."
        ),
    ]
    epoch: Annotated[Count | None, Meta(description="Rises with every restore; null in a dry run.")]
    seq: Annotated[Count | None, Meta(description="Newest audit entry; null in a dry run.")]
    findings: Annotated[
        list[BackupFinding], Meta(description="What in it is not sound, row by row.")
    ]


@method(
    "backups.restore",
    long=True,
    errors=(
        BackupRejected,
        DatabaseBusy,
        DatabaseDamaged,
        DatabaseFull,
        Maintenance,
        NotFound,
        ReadOnly,
        RecoveryRequired,
    ),
)
def restore(ctx: LongContext, params: BackupsRestoreParams) -> BackupsRestoreResult:
    """Put a backup in the database's place; a backup of what is replaced is made first.

    It is unpacked and looked at while others go on; a rejected one changes nothing. The audit
    log of now goes on. Then, until it is done, requests that need the database are answered
    `maintenance`; killed at any moment it leaves the old database or the new one, whole.
    """
    path = locate(ctx, params.name, params.path)
    incoming_path = beside(ctx.store.path, swap.INCOMING)
    with making.exclusively(ctx), wire_errors():
        try:
            incoming = _bring_in(ctx, path)
            if params.dry_run:
                return _preview(ctx, path, incoming, params)
            return _replace(ctx, path, incoming, params)
        finally:
            remove_database(incoming_path)


class Replaced(NamedTuple):
    """What can be told of the file that is replaced."""

    counts: dict[str, int]
    store_id: bytes


def _bring_in(ctx: LongContext, path: Path) -> Incoming:
    try:
        return restoring.bring_in(
            path, ctx.store.path, ctx.clock, ctx.progress, cancelled=ctx.cancel_event.is_set
        )
    except BackupRejected as refusal:
        log_rejected(ctx, refusal, path.name, last=False)
        raise


def _preview(
    ctx: LongContext, path: Path, incoming: Incoming, params: BackupsRestoreParams
) -> BackupsRestoreResult:
    with ctx.reading() as db:
        was = _look(ctx.store, lambda: db)
        becomes = _unless_damaged(
            ctx.store, lambda: restoring.what_becomes_of_secrets(db, incoming, params.secrets)
        ) or restoring.what_becomes_of_secrets(None, incoming, "backup")
    with ctx.store.lock, opened_alone(incoming.path) as theirs:
        source = ctx.store.db if becomes.kept == "kept" else theirs
        opens = openable(ctx.vault, source)
    return _result(path, incoming, was, becomes, opens=opens)


def _replace(
    ctx: LongContext, path: Path, incoming: Incoming, params: BackupsRestoreParams
) -> BackupsRestoreResult:
    store = ctx.store
    _unless_damaged(store, partial(making.purge_first, ctx))
    with store.alone():
        # Nobody writes from here on: what the safety backup has not, nobody was told of.
        was = _look(store, lambda: store.db)
        safety, aside = _save(ctx)
        ctx.check_cancelled()
        built = _build(ctx, path, incoming, params, {"safety_backup": safety})
        restoring.stage(incoming, store.path)
        with store.closed():
            swap.replace(store.path, ctx.clock, keep=aside)
        if built.secrets.kept != "kept" and not ctx.vault.ephemeral:
            # Whatever is unlocked is the key of what is gone.
            ctx.vault.lock()
        ctx.emit(SystemRestored(built.epoch, built.seq, built.secrets.kept))
        ctx.keep_lock()
    return _result(path, incoming, was, built.secrets, Done(built, safety, aside))


def _look(store: Store, live: Callable[[], Connection]) -> Replaced:
    """What can be told of the live file, however damaged it is."""
    counts = {}
    for name in snapshot.COUNTED:
        rows = _unless_damaged(store, partial(_count, live, name))
        if rows is not None:
            counts[name] = rows
    return Replaced(counts, _unless_damaged(store, lambda: meta.store_id(live())) or b"")


def _count(live: Callable[[], Connection], name: str) -> int:
    return snapshot.count(live(), name)


def _suspects_damage(fault: Exception) -> bool:
    return isinstance(fault, DatabaseDamaged) or spoils_connection(fault)


def _patiently(store: Store, act: Callable[[], T]) -> T:
    """Do it again on a fresh connection where a disk may have failed once."""
    try:
        return act()
    except Exception as fault:
        if is_full(fault) or not _suspects_damage(fault):
            raise
    store.reopen()
    return act()


def _unless_damaged(store: Store, act: Callable[[], T]) -> T | None:
    """What `act` gives; None when what it reads is damaged, for a fresh connection too."""
    try:
        return _patiently(store, act)
    except Exception as fault:
        if is_full(fault) or not _suspects_damage(fault):
            raise
    store.reopen()
    return None


def _save(ctx: LongContext) -> tuple[str | None, str | None]:
    """Back up what is to be replaced; where it is damaged, a name to keep its file under."""

    def back_up() -> str:
        made = making.make_from(
            ctx,
            nullcontext(ctx.store.db),
            "restore",
            None,
            include_secrets=True,
            last=False,
            details={},
        )
        return made.backup.name

    name = _unless_damaged(ctx.store, back_up)
    return name, None if name else recover.quarantine_name(ctx.store.path, ctx.clock)


def _build(
    ctx: LongContext,
    path: Path,
    incoming: Incoming,
    params: BackupsRestoreParams,
    more: dict[str, Any],
) -> Built:
    """Carry over what is to stay; where it cannot be read, what the backup has stays."""

    def log(db: Connection, details: dict[str, Any]) -> int:
        ctx.audit_in(db, "restore", shown_name(path.name), **details)
        return ctx.audit_seq

    details = {**restoring.described(incoming), **more}

    def from_live() -> Built:
        return restoring.build(
            ctx.store.db,
            incoming,
            params.secrets,
            ctx.clock,
            log=log,
            details=details,
            is_own_root=partial(is_own_root, ctx.vault),
        )

    if more["safety_backup"] is not None:
        return _patiently(ctx.store, from_live)  # it was whole a moment ago: its keys stay
    built = _unless_damaged(ctx.store, from_live)
    if built is not None:
        return built
    seq = _unless_damaged(ctx.store, lambda: audit.head(ctx.store.db).seq) or 0
    database = ctx.store.path
    named = _unless_damaged(ctx.store, lambda: directory.place(ctx.store.db, database))
    folder = named or database.parent / directory.DEFAULT
    known_seq = max(seq, restoring.known_seq(folder, incoming.manifest))
    return restoring.build(
        None, incoming, "backup", ctx.clock, log=log, details=details, known_seq=known_seq
    )


class Done(NamedTuple):
    """What a restore has left."""

    built: Built
    safety_backup: str | None
    kept_aside: str | None


def result_offline(path: Path, done: restoring.Offline) -> BackupsRestoreResult:
    """What is told of a restore on the file itself, where nothing could be counted before."""
    left = None if done.built is None else Done(done.built, None, done.kept_aside)
    return _result(path, done.incoming, Replaced({}, b""), done.secrets, left)


def _result(
    path: Path,
    incoming: Incoming,
    was: Replaced,
    secrets: restoring.Secrets,
    done: Done | None = None,
    *,
    opens: list[str] | None = None,
) -> BackupsRestoreResult:
    return BackupsRestoreResult(
        dry_run=done is None,
        backup=view(path, incoming.manifest, path.stat().st_size, was.store_id),
        migrated_from=incoming.migrated_from,
        counts=incoming.counts,
        counts_before=was.counts,
        secrets=secrets.kept,
        providers=secrets.providers,
        providers_open=opens,
        providers_lost=secrets.lost,
        safety_backup=done.safety_backup if done else None,
        kept_aside=done.kept_aside if done else None,
        epoch=done.built.epoch if done else None,
        seq=done.built.seq if done else None,
        findings=[
            BackupFinding(each.kind, f"{each.where}: {each.detail}") for each in incoming.findings
        ],
    )
