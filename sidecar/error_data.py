"""The members of each error's `data`, the lines on stderr, and the exit codes.

Only the description of the contract uses these structs: an error is raised with the members as
keywords. A test compares what is raised with them. A member that is not always there is absent
where it does not apply.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sidecar import errors
from sidecar.errors import ErrorSlug, ExitCode, Outcome, SidecarError
from sidecar.values import Count, Revision, Timestamp
from sidecar.vocabularies import (
    BackupRefusal,
    ClosingReason,
    RemoteFault,
    RescueReason,
    RunStatus,
)

TamperedPart = Annotated[
    Literal["audit", "data_key", "keychain", "record", "rollback", "rows", "slots"],
    Meta(title="TamperedPart", description="What is not what was sealed."),
]
TAMPERED_PARTS: Final[dict[TamperedPart, str]] = {
    "audit": "The audit log.",
    "data_key": "The key that records are sealed with.",
    "keychain": "The item in the keychain of the system.",
    "record": "One secret.",
    "rollback": "Everything: an earlier state was put back.",
    "rows": "The list of the secrets.",
    "slots": "The list of the ways to unlock.",
}

StartFailedSlug = Annotated[
    Literal[
        "already_running", "no_database", "internal", "out_of_resources", "database_busy",
        "database_full", "read_only", "newer_schema", "not_ours", "database_damaged",
        "recovery_required", "storage_failed",
    ],
    Meta(
        title="StartFailedSlug",
        description="Why a start failed: an error, or one of two that only a start has.",
    ),
]  # fmt: skip
START_FAILED_SLUGS: Final[dict[StartFailedSlug, str]] = {
    "already_running": "Another process serves the database.",
    "no_database": "There is no database, and `--existing` forbids creating one.",
}
"""The slugs of `start_failed` that are not slugs of errors."""

DidYouMean = Annotated[
    str | UnsetType | None, Meta(description="The most similar name; null when none is similar.")
]
Limit = Annotated[Count | UnsetType, Meta(description="The limit that was exceeded.")]
Provider = Annotated[str | UnsetType, Meta(description="The provider whose secret is concerned.")]


class ErrorData(msgspec.Struct, frozen=True, kw_only=True):
    """The members that the data of every error has."""

    slug: ErrorSlug
    retryable: Annotated[bool, Meta(description="Whether the same request can succeed later.")]
    path: Annotated[
        str | UnsetType, Meta(description="The member of the request that the error is about.")
    ] = UNSET
    hint: Annotated[
        str | UnsetType, Meta(description="What to do: a sentence, or the name of a method.")
    ] = UNSET
    outcome: Outcome | UnsetType = UNSET
    index: Annotated[
        Count | UnsetType, Meta(description="Position of the item that failed, from 0.")
    ] = UNSET


class InvalidRequestData(ErrorData, frozen=True, kw_only=True):
    """Which limit a line exceeds, if it does."""

    limit: Limit = UNSET


class MethodNotFoundData(ErrorData, frozen=True, kw_only=True):
    """Which method may have been meant."""

    did_you_mean: DidYouMean = UNSET


class InvalidParamsData(ErrorData, frozen=True, kw_only=True):
    """Which limit was exceeded, or which member may have been meant."""

    limit: Limit = UNSET
    did_you_mean: DidYouMean = UNSET


class InternalData(ErrorData, frozen=True, kw_only=True):
    """Where the log has the traceback."""

    incident: Annotated[str, Meta(description="The id of the traceback in the log.")]


class OverloadedData(ErrorData, frozen=True, kw_only=True):
    """How many requests are accepted at once."""

    limit: Limit = UNSET


class LockedData(ErrorData, frozen=True, kw_only=True):
    """Whose secret was asked for."""

    provider: Provider = UNSET


class ThrottledData(ErrorData, frozen=True, kw_only=True):
    """How long to wait."""

    retry_after_ms: Annotated[
        Count, Meta(description="Milliseconds after which the next try is accepted.")
    ]


class TamperedData(ErrorData, frozen=True, kw_only=True):
    """What was changed."""

    what: TamperedPart
    provider: Provider = UNSET


class KeychainUnavailableData(ErrorData, frozen=True, kw_only=True):
    """Which keychain was needed, and what is there."""

    expected: Annotated[
        str | UnsetType | None, Meta(description="The keychain that has the item; null: any.")
    ] = UNSET
    found: Annotated[
        str | UnsetType | None, Meta(description="The keychain that is there; null: none.")
    ] = UNSET
    cause: Annotated[
        str | UnsetType,
        Meta(description="`busy` while it may show a question, or the name of a fault."),
    ] = UNSET


class KdfPolicyData(ErrorData, frozen=True, kw_only=True):
    """What the slot asks for."""

    memory_kib: Annotated[Count, Meta(description="Memory, KiB.")]
    passes: Annotated[Count, Meta(description="Passes over the memory.")]
    lanes: Annotated[Count, Meta(description="Lanes.")]


class AuditUnavailableData(ErrorData, frozen=True, kw_only=True):
    """Why the entry cannot be written."""

    cause: Annotated[
        ErrorSlug | UnsetType, Meta(description="The error that writing the entry has given.")
    ] = UNSET


class BackupRejectedData(ErrorData, frozen=True, kw_only=True):
    """Why the backup was rejected."""

    reason: BackupRefusal


class DatabaseDamagedData(ErrorData, frozen=True, kw_only=True):
    """What is damaged, as far as the request has found out."""

    table: Annotated[str | UnsetType, Meta(description="Table with the damaged row.")] = UNSET
    row: Annotated[str | UnsetType, Meta(description="Id or key of the damaged row.")] = UNSET
    id: Annotated[str | UnsetType, Meta(description="Id of the workflow.")] = UNSET
    revision: Annotated[
        Revision | UnsetType, Meta(description="Its revision that cannot be read.")
    ] = UNSET


class RecoveryRequiredData(ErrorData, frozen=True, kw_only=True):
    """What is wrong with the database."""

    reason: RescueReason


class NewerSchemaData(ErrorData, frozen=True, kw_only=True):
    """Versions of the tables."""

    found: Annotated[Count, Meta(description="Version of the tables in the file.")]
    known: Annotated[Count, Meta(description="Newest version that this program knows.")]


class NotFoundData(ErrorData, frozen=True, kw_only=True):
    """What is there instead."""

    revision: Annotated[
        Revision | UnsetType, Meta(description="The revision that the workflow has now.")
    ] = UNSET
    did_you_mean: DidYouMean = UNSET


class ConflictData(ErrorData, frozen=True, kw_only=True):
    """The state that the object is in."""

    revision: Annotated[
        Count | UnsetType | None,
        Meta(description="The revision that the workflow has now; 0 or null: there is none."),
    ] = UNSET
    updated_at: Annotated[
        Timestamp | UnsetType | None,
        Meta(description="When the workflow was last changed; null when there is none."),
    ] = UNSET
    status: Annotated[RunStatus | UnsetType, Meta(description="How the run has ended.")] = UNSET
    limit: Annotated[Count | UnsetType, Meta(description="How many there can be.")] = UNSET


class TooLargeData(ErrorData, frozen=True, kw_only=True):
    """How large it may be."""

    limit: Annotated[Count | UnsetType, Meta(description="Largest accepted size, in bytes.")] = (
        UNSET
    )


class ArchivedData(ErrorData, frozen=True, kw_only=True):
    """When the workflow was archived."""

    archived_at: Annotated[
        Timestamp | UnsetType | None, Meta(description="When it was archived.")
    ] = UNSET


class EmptyBodyData(ErrorData, frozen=True, kw_only=True):
    """The revision of the workflow whose body would be replaced by an empty one."""

    revision: Annotated[Revision, Meta(description="The revision that the workflow has now.")]


class RemoteData(ErrorData, frozen=True, kw_only=True):
    """Why the remote could not do it."""

    reason: RemoteFault


_OWN: Final[dict[type[SidecarError], type[ErrorData]]] = {
    errors.InvalidRequest: InvalidRequestData,
    errors.MethodNotFound: MethodNotFoundData,
    errors.InvalidParams: InvalidParamsData,
    errors.Internal: InternalData,
    errors.Overloaded: OverloadedData,
    errors.Locked: LockedData,
    errors.Throttled: ThrottledData,
    errors.Tampered: TamperedData,
    errors.KeychainUnavailable: KeychainUnavailableData,
    errors.KdfPolicy: KdfPolicyData,
    errors.AuditUnavailable: AuditUnavailableData,
    errors.BackupRejected: BackupRejectedData,
    errors.DatabaseDamaged: DatabaseDamagedData,
    errors.RecoveryRequired: RecoveryRequiredData,
    errors.NewerSchema: NewerSchemaData,
    errors.NotFound: NotFoundData,
    errors.Conflict: ConflictData,
    errors.TooLarge: TooLargeData,
    errors.Archived: ArchivedData,
    errors.EmptyBody: EmptyBodyData,
    errors.RemoteUnavailable: RemoteData,
    errors.RemoteRefused: RemoteData,
}


def data_of(error: type[SidecarError]) -> type[ErrorData]:
    """Return the struct of an error's `data`; most errors have no members of their own."""
    return _OWN.get(error, ErrorData)


# --- the end of the process ----------------------------------------------------------------------


class StartFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The last line on stderr of a start that failed; the exit code follows.

    Besides these members it has those of the data of the error that its slug names.
    """

    at: Timestamp
    level: Annotated[Literal["error"], Meta(description="The level of the line.")]
    event: Annotated[Literal["start_failed"], Meta(description="What the line is about.")]
    slug: StartFailedSlug
    message: Annotated[str, Meta(description="One sentence for a person.")]
    exit_code: Annotated[Count, Meta(description="The exit code of the process.")]
    hint: Annotated[str | UnsetType, Meta(description="What a person can do.")] = UNSET
    pid: Annotated[
        Count | UnsetType | None,
        Meta(description="Of `already_running`: the process that serves it; null: unknown."),
    ] = UNSET
    ending: Annotated[
        bool | UnsetType,
        Meta(description="Of `already_running`: true when that process is about to end."),
    ] = UNSET
    traceback: Annotated[
        str | UnsetType, Meta(description="Of `internal`: where the program failed.")
    ] = UNSET


class Undelivered(msgspec.Struct, frozen=True, kw_only=True):
    """The line on stderr of a process whose client stopped reading before the end."""

    at: Timestamp
    level: Annotated[Literal["error"], Meta(description="The level of the line.")]
    event: Annotated[Literal["undelivered"], Meta(description="What the line is about.")]
    reason: ClosingReason
    requests_not_run: Annotated[Count, Meta(description="Requests that were not run.")]
    answers_not_delivered: Annotated[
        Count,
        Meta(
            description="Answers that were waiting to be read at the end; not those that came after"
            " the client had closed stdout, of which it can have read none."
        ),
    ]
    exit_code: Annotated[Count, Meta(description="The exit code of the process.")]


STDERR_LINES: Final[tuple[type[msgspec.Struct], ...]] = (StartFailed, Undelivered)
"""The lines that are part of the contract; all others are for people."""

EXIT_TEXTS: dict[ExitCode, str] = {
    ExitCode.OK: "The process ended as requested.",
    ExitCode.USAGE: "The command line is wrong.",
    ExitCode.ALREADY_RUNNING: "Another process serves the database; stderr has its process id."
    " `ending` says that it is about to end: a start has waited 12 s for it.",
    ExitCode.NOT_OURS: "The file is not a database of this product; it was not changed.",
    ExitCode.NEWER_SCHEMA: "The database was written by a newer version; it was not changed.",
    ExitCode.RECOVERY_REQUIRED: "The database is missing or cut off; a command could not do without"
    " it. `serve` serves then, in the mode `rescue`.",
    ExitCode.STORAGE: "The disk is full, read-only or failing, or the system gives too little"
    " memory, too few threads or open files.",
    ExitCode.DAMAGED: "Stored data is damaged; a command could not do without it. `serve` serves"
    " then, in the mode `rescue`.",
    ExitCode.FORCED: "The end took longer than its time limit; the process was ended by force.",
    ExitCode.NO_DATABASE: "There is no database, and `--existing` forbids creating one.",
    ExitCode.UNDELIVERED: "The client stopped reading: requests were not run, or answers not"
    " delivered; a line `undelivered` on stderr has their numbers. What has no answer may be done"
    " all the same: send it again only when its params name the id of what it creates.",
    ExitCode.INTERNAL: "The program has a bug; the traceback is on stderr.",
}
"""The meaning of each exit code for the program that started this one."""
