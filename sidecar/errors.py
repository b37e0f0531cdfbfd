"""Every error that a client can receive: one class for each code on the wire.

A class has its code, a stable slug, whether a retry of the same request can succeed, and a
sentence that a person can act on. Its docstring says when the error is raised, and which similar
error it is not; it becomes a part of the contract. Texts never contain values that were sent,
SQL, tracebacks or paths inside the database.

JSON-RPC reserves the codes -32768 to -32000: -32700 and -32603 to -32600 are its own, -32099 to
-32000 are left to servers. `ExitCode` has the exit codes of the process.
"""

from enum import IntEnum
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from sidecar.vocabularies import AuditAction, RescueReason

Outcome = Annotated[
    Literal["not_applied", "unknown"],
    Meta(title="Outcome", description="The effect of a write that failed."),
]
OUTCOMES: Final[dict[Outcome, str]] = {
    "not_applied": "It is certainly undone.",
    "unknown": "It may nevertheless be on the disk.",
}


ErrorSlug = Annotated[Literal[
    "parse_error", "invalid_request", "method_not_found", "invalid_params", "internal",
    "overloaded", "cancelled", "shutting_down", "maintenance", "out_of_resources",
    "not_initialized", "locked", "wrong_passphrase", "throttled", "tampered", "slot_damaged",
    "keychain_unavailable", "kdf_policy", "audit_unavailable", "backup_rejected", "database_busy",
    "database_full", "read_only", "newer_schema", "not_ours", "database_damaged",
    "recovery_required", "storage_failed", "purge_blocked", "not_found", "conflict", "too_large",
    "archived", "empty_body", "remote_unavailable", "remote_refused", "remote_untrusted",
    "recovery_code_needed",
], Meta(title="ErrorSlug", description="Stable name of an error.")]  # fmt: skip
"""The vocabulary of the slugs; each is explained by its class."""


class ExitCode(IntEnum):
    """The exit codes of the process; they are part of the protocol."""

    OK = 0
    USAGE = 2
    ALREADY_RUNNING = 3
    NOT_OURS = 4
    NEWER_SCHEMA = 5
    RECOVERY_REQUIRED = 6
    STORAGE = 7
    DAMAGED = 8
    FORCED = 9
    NO_DATABASE = 10
    UNDELIVERED = 11
    INTERNAL = 70


class SidecarError(Exception):
    """The base of all errors on the wire; never raised itself."""

    code: ClassVar[int]
    slug: ClassVar[ErrorSlug]
    text: ClassVar[str]
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    audited_as: ClassVar[AuditAction | None] = None
    """The action of the audit entry that is written when this error refuses a request, if any."""

    def __init__(
        self,
        message: str | None = None,
        *,
        path: str | None = None,
        hint: str | None = None,
        outcome: Outcome | None = None,
        **data: object,
    ) -> None:
        """Store the message, and the members of `error.data` besides `slug` and `retryable`."""
        self.message = message or self.text
        super().__init__(self.message)
        extra = {"path": path, "hint": hint, "outcome": outcome}
        self.data: dict[str, object] = {
            "slug": self.slug,
            "retryable": self.retryable,
            **{name: value for name, value in extra.items() if value is not None},
            **data,
        }

    def as_wire(self) -> dict[str, object]:
        """Return the JSON-RPC error object."""
        return {"code": self.code, "message": self.message, "data": self.data}


class ParseError(SidecarError):
    """The line is not UTF-8 or not JSON. Not `invalid_request`, which is JSON."""

    code, slug = -32700, "parse_error"
    text = "The line is not valid JSON in UTF-8."


class InvalidRequest(SidecarError):
    """The line is JSON but no JSON-RPC 2.0 request, or it exceeds a limit for whole lines."""

    code, slug = -32600, "invalid_request"
    text = "The line is not a JSON-RPC 2.0 request."


class MethodNotFound(SidecarError):
    """There is no such method; `did_you_mean` names the most similar ones."""

    code, slug = -32601, "method_not_found"
    text = "There is no such method."


class InvalidParams(SidecarError):
    """A param is missing, unknown, of the wrong type or out of its limits; `path` names it."""

    code, slug = -32602, "invalid_params"
    text = "The params do not match what the method accepts."


class Internal(SidecarError):
    """A bug in the program; its traceback is on stderr under the id in `incident`."""

    code, slug = -32603, "internal"
    text = "The program has a bug; the log on stderr has its traceback under the incident's id."


class Overloaded(SidecarError):
    """As many long requests are in flight as are accepted at once."""

    code, slug, retryable = -32000, "overloaded", True
    text = "Too many long requests are in flight; try again when one of them has ended."


class Cancelled(SidecarError):
    """The request was cancelled by `$/cancelRequest`, or by the end of the process."""

    code, slug = -32001, "cancelled"
    text = "The request was cancelled."


class ShuttingDown(SidecarError):
    """The process is ending and starts no further request."""

    code, slug, retryable = -32002, "shutting_down", True
    text = "The process is ending; start it again, then send the request again."


class Maintenance(SidecarError):
    """A restore, compaction or recovery uses the database alone, or waited 30 s to do so."""

    code, slug, retryable = -32003, "maintenance", True
    text = "A restore, compaction or recovery is using the database; try again when it has ended."


class OutOfResources(SidecarError):
    """The system gives no more memory, threads or open files, or a part of the program is gone."""

    code, slug, retryable = -32004, "out_of_resources", True
    exit_code = ExitCode.STORAGE
    text = "The system has no more memory, threads or open files; raise its limits or try again."

    @classmethod
    def not_loaded(cls) -> "OutOfResources":
        """Return the error for a part of the program that cannot be loaded or started."""
        text = "A part of the program cannot be loaded: files were replaced, or memory is short."
        return cls(text, hint="Start the program again.")


class NotInitialized(SidecarError):
    """Secrets have not been set up."""

    code, slug = -32010, "not_initialized"
    text = "Secrets are not set up yet; call secrets.initialize first."


class Locked(SidecarError):
    """Secrets are locked. Not `wrong_passphrase`: no passphrase was tried."""

    code, slug = -32011, "locked"
    audited_as = "access_refused"
    text = "Secrets are locked; call secrets.unlock first."


class WrongPassphrase(SidecarError):
    """The passphrase or recovery code is wrong. Not `slot_damaged`, which no passphrase opens."""

    code, slug = -32012, "wrong_passphrase"
    audited_as = "unlock_failed"
    text = "The passphrase is wrong."


class Throttled(SidecarError):
    """Too many passphrases were wrong; `retry_after_ms` says how long to wait."""

    code, slug, retryable = -32013, "throttled", True
    audited_as = "access_refused"
    text = "Too many passphrases were wrong; wait before you try again."


class Tampered(SidecarError):
    """A sealed record is not what was sealed: another program changed it, or a disk error did."""

    code, slug = -32014, "tampered"
    audited_as = "access_refused"
    text = "A sealed record was changed by something other than this program."


class SlotDamaged(SidecarError):
    """The bytes of a key slot are damaged. Not `wrong_passphrase`: no passphrase can open it."""

    code, slug = -32015, "slot_damaged"
    audited_as = "access_refused"
    text = "The key slot is damaged; unlock with another slot, or restore a backup with secrets."


class KeychainUnavailable(SidecarError):
    """The operating system's keychain cannot be used; `retryable` says whether it may be later."""

    code, slug = -32016, "keychain_unavailable"
    audited_as = "access_refused"
    text = "The keychain of the operating system is not available."


class KdfPolicy(SidecarError):
    """The key derivation parameters of a slot are weaker or costlier than the policy allows."""

    code, slug = -32017, "kdf_policy"
    audited_as = "access_refused"
    text = "The key derivation parameters are weaker or costlier than the policy allows."


class AuditUnavailable(SidecarError):
    """The audit entry of the request cannot be written, so the request was not carried out."""

    code, slug = -32018, "audit_unavailable"
    text = "The audit log cannot be written, so nothing was done."


class BackupRejected(SidecarError):
    """A backup is damaged, of another product or made to do harm; `reason` says why."""

    code, slug = -32019, "backup_rejected"
    text = "The backup was rejected; the database is unchanged."


class DatabaseBusy(SidecarError):
    """Another program has locked the database."""

    code, slug, retryable = -32030, "database_busy", True
    exit_code = ExitCode.STORAGE
    text = "Another program has locked the database; close it and try again."


class DatabaseFull(SidecarError):
    """The disk is full. Requests that only read still succeed."""

    code, slug, retryable = -32031, "database_full", True
    exit_code = ExitCode.STORAGE
    text = "The disk is full; free some space and try again."


class ReadOnly(SidecarError):
    """A file or its folder cannot be written. Not `database_full`: the disk has room."""

    code, slug = -32032, "read_only"
    exit_code = ExitCode.STORAGE
    text = "The database file or its folder cannot be written; check their permissions."


class NewerSchema(SidecarError):
    """The file was written by a newer version of the program; it was not changed."""

    code, slug = -32033, "newer_schema"
    exit_code = ExitCode.NEWER_SCHEMA
    text = "The database was written by a newer version; update this program."


class NotOurs(SidecarError):
    """The file is not a database of this product; it was not changed."""

    code, slug = -32034, "not_ours"
    exit_code = ExitCode.NOT_OURS
    text = "The file is not a database of this product."


class DatabaseDamaged(SidecarError):
    """Stored bytes are not those that were written. Not `storage_failed`: they could be read."""

    code, slug = -32035, "database_damaged"
    exit_code = ExitCode.DAMAGED
    text = "Stored data is damaged; system.check says where."


RECOVER_HINT = "sim-sidecar recover shows what can be saved; nothing is changed before you confirm."
"""How a person can restore a database that is too damaged to open."""


class RecoveryRequired(SidecarError):
    """The database is missing, cut off or damaged; `reason` says which. Nothing was created.

    A process that serves then answers only methods that help to bring it back, until one has.
    """

    code, slug = -32036, "recovery_required"
    exit_code = ExitCode.RECOVERY_REQUIRED
    text = "The database cannot be opened; restore a backup or recover it first."

    def __init__(
        self, message: str | None = None, *, reason: RescueReason, hint: str | None = None
    ) -> None:
        """Store the reason besides what every error has."""
        super().__init__(message, hint=hint, reason=reason)
        self.reason = reason


class StorageFailed(SidecarError):
    """The operating system could not read or write. Not `database_full` and not `read_only`."""

    code, slug, retryable = -32037, "storage_failed", True
    exit_code = ExitCode.STORAGE
    text = "Reading or writing the database failed; check the disk."


class PurgeBlocked(SidecarError):
    """A program that reads an old state of the database keeps deleted bytes in the file."""

    code, slug, retryable = -32038, "purge_blocked", True
    text = "A program is reading an old state of the database; close it and purge again."


class NotFound(SidecarError):
    """There is nothing with that id, key or name."""

    code, slug = -32050, "not_found"
    text = "There is nothing with that id."


class Conflict(SidecarError):
    """The object is not in the state that the request expects; `data` says in which it is."""

    code, slug = -32051, "conflict"
    text = "The object has changed in the meantime, or the id is in use already."


class TooLarge(SidecarError):
    """A value of the request, or an answer, is too large. Not `invalid_params`, a wrong form."""

    code, slug = -32052, "too_large"
    text = "The value is larger than allowed."


class Archived(SidecarError):
    """The workflow is archived and cannot be changed before it is unarchived."""

    code, slug = -32053, "archived"
    text = "The workflow is archived; unarchive it first."


class EmptyBody(SidecarError):
    """An empty body would replace one that is not empty, and `force` was not given."""

    code, slug = -32054, "empty_body"
    text = "An empty body would replace one that is not empty; give force to allow that."


class RemoteUnavailable(SidecarError):
    """A remote cannot be reached now, or has no room; `reason` says which."""

    code, slug, retryable = -32060, "remote_unavailable", True
    text = "The remote cannot be reached; the next push sends what is due."


class RemoteRefused(SidecarError):
    """A remote refuses until a person acts; `reason` says why. Not `remote_unavailable`."""

    code, slug = -32061, "remote_refused"
    text = "The remote refused the request."


class RemoteUntrusted(SidecarError):
    """The content of a remote differs from what a device of this database has pushed."""

    code, slug = -32062, "remote_untrusted"
    text = "The remote holds something else than was pushed; remotes.verify says what is wrong."


class RecoveryCodeNeeded(SidecarError):
    """Without a recovery code, what is pushed could not be opened on another machine."""

    code, slug = -32063, "recovery_code_needed"
    text = "A remote needs a recovery code, which opens it elsewhere; call secrets.add_recovery."


def catalogue() -> list[type[SidecarError]]:
    """Return every error class, the one with the highest code first."""
    return sorted(SidecarError.__subclasses__(), key=lambda error: -error.code)
