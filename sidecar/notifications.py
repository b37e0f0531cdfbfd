"""The notifications the process sends: one struct each, registered by its wire name.

Owns the shapes only. Handlers emit them through their context, the process those of its own life.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from sidecar.values import Count, Revision, Timestamp, WorkflowId


class Notification(msgspec.Struct, frozen=True):
    """Params of a notification we send."""


NOTIFICATIONS: dict[str, type[Notification]] = {}
"""Every notification by wire name, in the order of the contract."""

NAMES: dict[type[Notification], str] = {}
"""The wire name of each notification struct."""

N = TypeVar("N", bound=type[Notification])


def notification(name: str) -> Any:
    """Register a struct as the params of the notification `name`."""

    def register(struct: N) -> N:
        NOTIFICATIONS[name] = struct
        NAMES[struct] = name
        return struct

    return register


class ChainHead(msgspec.Struct, frozen=True):
    """The newest entry of the audit chain; the shell may keep it as an outside anchor."""

    seq: Annotated[Count, Meta(description="Number of the newest entry, 0 before the first.")]
    mac: Annotated[str, Meta(description="Its chain code, 64 lower-case hex digits.")]


@notification("system.starting")
class SystemStarting(Notification, frozen=True):
    """A start that must migrate or finish a swap says how far it is."""

    phase: Annotated[str, Meta(description="What is being done, such as `migrate`.")]
    done: Annotated[Count, Meta(description="Steps done.")]
    total: Annotated[Count, Meta(description="Steps in all.")]


@notification("system.ready")
class SystemReady(Notification, frozen=True):
    """The first line of a process that serves."""

    protocol_version: Annotated[str, Meta(description="major.minor of this protocol.")]
    version: Annotated[str, Meta(description="Version of the program.")]
    schema_hash: Annotated[str, Meta(description="SHA-256 of the OpenRPC document, hex.")]
    pid: Annotated[Count, Meta(description="Process id.")]
    database: Annotated[str, Meta(description="Path of the database file.")]
    schema_version: Annotated[Count, Meta(description="Version of the database's tables.")]
    migrated_from: Annotated[
        int | None, Meta(description="Version before this start migrated it, null if it did not.")
    ]
    runs_interrupted: Annotated[
        Count, Meta(description="Runs of a dead process that this start closed.")
    ]
    secrets: Annotated[str, Meta(description="State of the secrets: `uninitialized`, ...")]
    head: Annotated[ChainHead, Meta(description="Head of the audit chain.")]
    limits: Annotated[dict[str, int], Meta(description="The limits a client can run into.")]


@notification("system.warning")
class SystemWarning(Notification, frozen=True):
    """Something a person should know; nothing failed yet."""

    slug: Annotated[str, Meta(description="Stable name of the warning.")]
    detail: Annotated[str, Meta(description="One sentence for a person.")]


@notification("system.restored")
class SystemRestored(Notification, frozen=True):
    """The database was replaced, by a backup or by what was recovered: drop every cache."""

    epoch: Annotated[Count, Meta(description="Rises with every restore and recovery.")]
    seq: Annotated[Count, Meta(description="Number of the newest audit entry.")]
    secrets: Annotated[
        Literal["kept", "from_backup", "none"], Meta(description="Which secrets are there now.")
    ]


@notification("system.closing")
class SystemClosing(Notification, frozen=True):
    """The last line before an orderly end."""

    reason: Annotated[
        str, Meta(description="Why: `eof`, `shutdown`, `exit`, `signal NAME`, `parent`.")
    ]


@notification("audit.event")
class AuditEvent(Notification, frozen=True):
    """One committed entry of the audit log."""

    seq: Annotated[Count, Meta(description="Number of the entry, without gaps.")]
    action: Annotated[str, Meta(description="What was done.")]
    resource: Annotated[str, Meta(description="Id of what it was done to.")]
    at: Timestamp
    details: Annotated[dict[str, Any], Meta(description="Ids, revisions and counts only.")]
    mac: Annotated[str, Meta(description="Chain code of the entry, lower-case hex.")]


@notification("audit.overflow")
class AuditOverflow(Notification, frozen=True):
    """The reader was too slow: events were dropped, answers never are."""

    lost: Annotated[Count, Meta(description="How many notifications were dropped.")]
    resume_after: Annotated[Count, Meta(description="`audit.list {after}` with it finds them.")]


@notification("workflows.changed")
class WorkflowsChanged(Notification, frozen=True):
    """A workflow was changed, created, archived or deleted."""

    id: WorkflowId
    revision: Annotated[Revision | None, Meta(description="Its revision now; null once deleted.")]
    change: Annotated[
        Literal["created", "saved", "archived", "unarchived", "deleted"],
        Meta(description="What happened to it."),
    ]


class SettingChange(msgspec.Struct, frozen=True):
    """A setting's new value."""

    key: Annotated[str, Meta(description="Name of the setting.")]
    value: Annotated[Any, Meta(description="Its value now, typed; null once deleted.")]


@notification("settings.changed")
class SettingsChanged(Notification, frozen=True):
    """Settings were set, reset or deleted."""

    items: Annotated[list[SettingChange], Meta(description="Each changed setting once.")]


@notification("$/progress")
class Progress(Notification, frozen=True):
    """How far a long request is: never falls, at most 20 a second, a last one at its end."""

    id: Annotated[int | str | None, Meta(description="Id of the request.")]
    phase: Annotated[str, Meta(description="What is being done.")]
    done: Annotated[Count, Meta(description="Units done.")]
    total: Annotated[Count | None, Meta(description="Units in all, null while unknown.")]
    unit: Annotated[str, Meta(description="What is counted: `rows`, `pages`, `bytes`, ...")]
