"""The notifications that the process sends: one struct each, registered by its name on the wire.

This module has their types only. Handlers emit notifications through their context; the process
itself sends those about its start and its end.
"""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from sidecar.values import Count, Revision, RunId, Timestamp, WorkflowId
from sidecar.vocabularies import (
    AuditAction,
    ClosingReason,
    ProgressPhase,
    ProgressUnit,
    ReadyMode,
    RescueReason,
    RestoredSecrets,
    RunChange,
    RunStatus,
    SecretsChangeReason,
    SecretsState,
    WarningSlug,
    WorkflowChange,
)


class Notification(msgspec.Struct, frozen=True):
    """The params of a notification that the process sends."""


NOTIFICATIONS: dict[str, type[Notification]] = {}
"""Every notification by its name, in the order of the contract."""

NAMES: dict[type[Notification], str] = {}
"""The name of each notification struct."""

N = TypeVar("N", bound=type[Notification])


def notification(name: str) -> Any:
    """Register a struct as the params of the notification `name`."""

    def register(struct: N) -> N:
        NOTIFICATIONS[name] = struct
        NAMES[struct] = name
        return struct

    return register


EntrySeq = Annotated[Count, Meta(description="Number of the audit entry that the change has.")]


class ChainHead(msgspec.Struct, frozen=True):
    """The newest entry of the audit chain; a copy outside the file can prove a cut or a forgery."""

    seq: Annotated[Count, Meta(description="Number of the newest entry, 0 before the first.")]
    mac: Annotated[str, Meta(description="Its chain code, 64 lower-case hex digits.")]


@notification("system.starting")
class SystemStarting(Notification, frozen=True):
    """Progress of a start that migrates the database.

    Sent at most twice a second before `system.ready`; a start that need not migrate sends none.
    """

    phase: ProgressPhase
    done: Annotated[Count, Meta(description="Number of steps done.")]
    total: Annotated[Count, Meta(description="Number of all steps.")]


@notification("system.ready")
class SystemReady(Notification, frozen=True):
    """The process serves requests now.

    Sent once, as the first line or right after `system.starting`. Requests that were sent before
    are answered after it.

    In the mode `rescue` the database is missing, cut off or damaged: only methods that help to
    bring it back are served, others are answered `recovery_required`. After a restore or a
    recovery, which `system.restored` reports, everything is served.
    """

    mode: ReadyMode
    reason: Annotated[
        RescueReason | None, Meta(description="Why it is a rescue; null in the mode `normal`.")
    ]
    protocol_version: Annotated[str, Meta(description="Version of this protocol, major.minor.")]
    version: Annotated[str, Meta(description="Version of the program.")]
    schema_hash: Annotated[str, Meta(description="SHA-256 of the OpenRPC document, hex.")]
    pid: Annotated[Count, Meta(description="Process id.")]
    database: Annotated[str, Meta(description="Path of the database file.")]
    schema_version: Annotated[
        Count | None, Meta(description="Version of the database's tables; null in a rescue.")
    ]
    migrated_from: Annotated[
        int | None, Meta(description="Version before this start migrated it; null when it did not.")
    ]
    runs_interrupted: Annotated[
        Count,
        Meta(
            description="Runs that an earlier process left unfinished: they are interrupted now;"
            " runs.finish or runs.progress takes one up again."
        ),
    ]
    runs_interrupted_ids: Annotated[
        list[RunId],
        Meta(
            description="Their ids, the newest 100 of them; runs.list with `interrupted` has all."
        ),
    ]
    secrets: SecretsState
    head: Annotated[
        ChainHead | None, Meta(description="Newest entry of the audit chain; null in a rescue.")
    ]
    limits: Annotated[dict[str, int], Meta(description="Limits that a client can reach.")]


@notification("system.warning")
class SystemWarning(Notification, frozen=True):
    """A condition that a person should know of; no request has failed because of it yet.

    Sent when the condition is found, and again only after it had passed. Every client gets it.
    """

    slug: WarningSlug
    detail: Annotated[str, Meta(description="One sentence for a person.")]


@notification("system.restored")
class SystemRestored(Notification, frozen=True):
    """The database was replaced by a backup or by a recovery: discard everything cached.

    Sent after the answer of `backups.restore` or `system.recover`. Every client gets it.
    """

    epoch: Annotated[Count, Meta(description="Rises with every restore and recovery.")]
    seq: Annotated[Count, Meta(description="Number of the newest audit entry.")]
    secrets: SecretsState
    restored_secrets: RestoredSecrets


@notification("system.closing")
class SystemClosing(Notification, frozen=True):
    """The process ends in order; this is its last line.

    Sent when every request that was accepted is answered. A process that is killed sends none.
    """

    reason: ClosingReason


@notification("audit.event")
class AuditEvent(Notification, frozen=True):
    """One committed entry of the audit log.

    Sent when it is committed, and after the answer of a short request, to a client that has
    subscribed.
    """

    seq: Annotated[Count, Meta(description="Number of the entry; numbers have no gaps.")]
    action: AuditAction
    resource: Annotated[str, Meta(description="Id of the object that the action was done to.")]
    at: Timestamp
    details: Annotated[dict[str, Any], Meta(description="Ids, revisions and counts only.")]
    mac: Annotated[str, Meta(description="Chain code of the entry, lower-case hex.")]


@notification("audit.overflow")
class AuditOverflow(Notification, frozen=True):
    """Events were dropped because the client read too slowly. Answers are never dropped.

    Sent in the place of the dropped events, once the client reads again.
    """

    lost: Annotated[Count, Meta(description="Number of notifications that were dropped.")]
    resume_after: Annotated[Count, Meta(description="`after` of audit.list, to get them.")]


@notification("workflows.changed")
class WorkflowsChanged(Notification, frozen=True):
    """A workflow was created, saved, archived, unarchived or deleted.

    Sent after the audit event of the change, to a client that has subscribed.
    """

    id: WorkflowId
    revision: Annotated[Revision | None, Meta(description="Its revision; null when it is deleted.")]
    change: WorkflowChange
    seq: EntrySeq


@notification("runs.changed")
class RunsChanged(Notification, frozen=True):
    """A run was started, has made progress, was resumed, has ended or was deleted.

    Sent to a client that has subscribed. For the progress of one run, only the newest is sent, at
    most once a second. For runs that are deleted with their workflow, nothing is sent.
    """

    id: RunId
    workflow_id: WorkflowId
    status: Annotated[RunStatus, Meta(description="Its status now, or before it was deleted.")]
    change: RunChange
    seq: Annotated[
        Count,
        Meta(description="Number of the newest audit entry: most changes of runs have none."),
    ]


class SettingChange(msgspec.Struct, frozen=True):
    """The new value of one setting, or that it is deleted."""

    key: Annotated[str, Meta(description="Name of the setting.")]
    value: Annotated[Any, Meta(description="Its value now, of its type; null when it is deleted.")]
    deleted: Annotated[bool, Meta(description="Whether it is deleted; a value can be null, too.")]


@notification("settings.changed")
class SettingsChanged(Notification, frozen=True):
    """Settings were set, reset or deleted.

    Sent after the audit event of the change.
    """

    items: Annotated[list[SettingChange], Meta(description="Each setting that changed, once.")]
    seq: EntrySeq


@notification("secrets.changed")
class SecretsChanged(Notification, frozen=True):
    """The state of the secrets has changed: they are set up, unlocked, locked or replaced.

    Sent after the audit event of the change; a lock by a time limit within a second of its time.
    """

    state: SecretsState
    reason: SecretsChangeReason
    seq: Annotated[
        Count | None,
        Meta(description="Number of its audit entry; null when no entry could be written."),
    ]


@notification("$/progress")
class Progress(Notification, frozen=True):
    """Progress of a long request; `done` never falls.

    Sent at most 20 times a second, and once before the answer. It starts no timeout of the process;
    a client may start its own again.
    """

    id: Annotated[int | str | None, Meta(description="Id of the request.")]
    phase: ProgressPhase
    done: Annotated[Count, Meta(description="Number of units done.")]
    total: Annotated[Count | None, Meta(description="Number of all units; null: unknown.")]
    unit: ProgressUnit
