"""`backups.verify` and `backups.restore`: examine a backup; put it in the database's place."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.archive.manifest import is_authentic
from sidecar.backups import directory
from sidecar.backups.create import manifest_mac
from sidecar.backups.directory import Backup
from sidecar.backups.verify import log_rejection, verify_backup
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import BackupRejected, InvalidParams, NotFound, RecoveryRequired
from sidecar.files import beside, wire_errors
from sidecar.handlers.backups.views import BackupView, view
from sidecar.store.database_files import SQLITE_LEFTOVERS
from sidecar.store.tables import by_noun
from sidecar.values import Count
from sidecar.vocabularies import BackupFindingKind, RestoredSecrets

if TYPE_CHECKING:
    from sidecar.backups.restore import Restored

_SHOWN = 200
"""Characters shown of a value that a restore would change."""

GivenName = Annotated[
    Annotated[str, Meta(max_length=limits.BACKUP_NAME_MAX_CHARS)] | None,
    Meta(description="Name of a listed backup; give this or `path`."),
]
GivenPath = Annotated[
    Annotated[str, Meta(max_length=limits.PATH_MAX_CHARS)] | None,
    Meta(description="Absolute path of a backup in any folder; give this or `name`."),
]


class BackupFinding(Struct, frozen=True):
    """One fault of a backup or of the database in it."""

    kind: BackupFindingKind
    detail: Annotated[str, Meta(description="One sentence for a person.")]


def find_backup(ctx: LongContext, name: str | None, path: str | None) -> Path:
    """Return the path of the backup that a request names by `name` or by `path`.

    Raises:
        InvalidParams: the request has neither or both of them, the path is not absolute, or it
            is that of the served database itself.
        NotFound: there is no such file.
    """
    if (name is None) == (path is None):
        raise InvalidParams("Name the backup by name or by path.", path="$.params")
    if name is not None:
        return directory.find(directory.locate(ctx.store).folder, name)
    given = Path(path or "")
    if "\0" in str(given) or not given.is_absolute():
        raise InvalidParams("The path must be absolute.", path="$.params.path")
    found = directory.require_file(given)
    for suffix in ("", *SQLITE_LEFTOVERS):
        own = beside(ctx.store.path, suffix)
        # Opening and closing the database's own file would release SQLite's locks on it.
        if own.exists() and own.samefile(found):
            raise InvalidParams("That is the database itself.", path="$.params.path")
    return found


class BackupsVerifyParams(Params, frozen=True):
    """The backup to verify."""

    name: GivenName = None
    path: GivenPath = None


class BackupsVerifyResult(Result, frozen=True):
    """The result of the verification."""

    ok: Annotated[bool, Meta(description="A restore would accept it, and all in it is sound.")]
    findings: Annotated[list[BackupFinding], Meta(description="What is wrong, at most 1 000.")]
    authentic: Annotated[
        bool | None,
        Meta(
            description="Whether the backup was made under the current root key; null when that is"
            " unknown: secrets are locked or not set up now, or were so when it was made."
        ),
    ]
    backup: Annotated[
        BackupView | None, Meta(description="What its manifest says; null when that is damaged.")
    ]


@method("backups.verify", long=True, errors=(NotFound,))
def verify(ctx: LongContext, params: BackupsVerifyParams) -> BackupsVerifyResult:
    """Unpack a backup into a scratch file and examine its content, as a restore does.

    A backup that a restore would reject is reported in the audit log too.
    """
    path = find_backup(ctx, params.name, params.path)
    store_id = directory.locate(ctx.store).store_id
    with wire_errors():
        verdict = verify_backup(path, ctx.store.path, ctx.progress, ctx.cancel_event.is_set)
    manifest = authentic = None
    if verdict.manifest is not None:
        authentic = is_authentic(verdict.manifest, manifest_mac(ctx))
        manifest = view(Backup(path, verdict.manifest, verdict.size_bytes), store_id)
    if verdict.rejection is not None:
        log_rejection(ctx, verdict.rejection, path.name, last=True)
    findings = [BackupFinding(*finding) for finding in verdict.findings]
    return BackupsVerifyResult(not findings, findings, authentic, manifest)


class BackupsRestoreParams(Params, frozen=True):
    """The backup to restore, and the source of the secrets."""

    name: GivenName = None
    path: GivenPath = None
    dry_run: Annotated[bool, Meta(description="Only report; absent: false.")] = False
    secrets: Annotated[
        Literal["live", "backup"],
        Meta(
            description="Which secrets and passphrase are there afterwards: `live`, the current"
            " ones, or `backup`, those in the backup; absent: live."
        ),
    ] = "live"


_ValueText = Annotated[
    str | None,
    Meta(description="JSON text of the value, at most 200 characters; null: no such setting."),
]


class BackupsRestoreSetting(Struct, frozen=True):
    """A setting that a restore would change."""

    key: Annotated[str, Meta(description="Key of the setting.")]
    before: _ValueText
    after: _ValueText


class BackupsRestoreResult(Result, frozen=True, kw_only=True):
    """What the restore did or, in a dry run, would do."""

    dry_run: Annotated[bool, Meta(description="Nothing was changed.")]
    backup: Annotated[BackupView, Meta(description="The backup that was restored.")]
    migrated_from: Annotated[
        int | None, Meta(description="Version of its tables if they were older, else null.")
    ]
    counts: Annotated[
        dict[str, int],
        Meta(description="Rows of each table afterwards; in a dry run those that are expected."),
    ]
    counts_before: Annotated[
        dict[str, int],
        Meta(description="Rows of the replaced database; damaged tables are omitted."),
    ]
    restored_secrets: RestoredSecrets
    providers: Annotated[list[str], Meta(description="Providers with a sealed key afterwards.")]
    providers_open: Annotated[
        list[str] | None,
        Meta(
            description="In a dry run those of `providers` with a key that opens with what is"
            " unlocked now; null while secrets are locked, and after a restore."
        ),
    ]
    providers_lost: Annotated[
        list[str], Meta(description="Providers with a key before and none afterwards.")
    ]
    safety_backup: Annotated[
        str | None,
        Meta(description="Name of the backup made of the replaced database, secrets included."),
    ]
    kept_aside: Annotated[
        str | None,
        Meta(
            description="Name beside the database that the replaced file is kept under when it"
            " was too damaged for a backup; else null."
        ),
    ]
    settings_changed: Annotated[
        list[BackupsRestoreSetting],
        Meta(
            description="In a dry run the settings with another value afterwards, at most 1 000."
            " Those of backups, retention and locking stay as they are."
        ),
    ]
    epoch: Annotated[Count | None, Meta(description="Grows with each restore; null in a dry run.")]
    seq: Annotated[Count | None, Meta(description="Number of its audit entry; null in a dry run.")]
    findings: Annotated[
        list[BackupFinding], Meta(description="Damage in it that does not prevent a restore.")
    ]


@method(
    "backups.restore",
    long=True,
    replaces_file=True,
    errors=(BackupRejected, NotFound, RecoveryRequired),
)
def restore(ctx: LongContext, params: BackupsRestoreParams) -> BackupsRestoreResult:
    """Replace the database by the one in a backup; a backup of the current one is made first.

    It waits up to 30 s for the long requests before it, with progress in the phase `waiting`; until
    it ends other long requests are answered `maintenance`. The backup is unpacked and examined
    while short requests are served, and a rejected one changes nothing. From then until the end
    requests that need the database are answered `maintenance`, too. The current audit log is
    continued, and the settings of backups, retention and locking stay as they are. When the process
    is killed, the old database or the new one is there, complete.
    """
    path = find_backup(ctx, params.name, params.path)
    # Loaded here: what replaces the database would make each start 1 % longer.
    from sidecar.backups.old_database import ServedDatabase  # noqa: PLC0415 - see above
    from sidecar.backups.restore import restore_backup  # noqa: PLC0415 - the same

    old = ServedDatabase(ctx)
    return result_of(restore_backup(old, path, params.secrets, dry_run=params.dry_run))


def result_of(restored: "Restored") -> BackupsRestoreResult:
    """Return the method's result for a restore, also for one of a database that is not served."""
    new, secrets, built = restored.new, restored.secrets, restored.built
    return BackupsRestoreResult(
        dry_run=built is None,
        backup=view(new.backup, restored.content.store_id),
        migrated_from=new.migrated_from,
        counts=by_noun(restored.counts()),
        counts_before=by_noun(restored.content.counts),
        restored_secrets=secrets.outcome,
        providers=secrets.providers,
        providers_open=restored.openable,
        providers_lost=secrets.lost_providers,
        safety_backup=restored.preserved.safety_backup,
        kept_aside=restored.preserved.file_name,
        settings_changed=[
            BackupsRestoreSetting(key, before and before[:_SHOWN], after and after[:_SHOWN])
            for key, before, after in restored.setting_changes[: limits.FINDINGS_MAX]
        ],
        epoch=built and built.epoch,
        seq=built and built.seq,
        findings=[
            BackupFinding(each.kind, f"{each.where}: {each.detail}") for each in new.findings
        ],
    )
