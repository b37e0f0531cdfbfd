"""Every error that can meet a client: one class a wire code.

A class is its code, a stable slug, whether trying the same again can help, and a sentence a
person can act on; its docstring says when it is raised and which sibling it is not. Texts
never hold values, SQL, paths into the database or tracebacks.

-32768 to -32000 is JSON-RPC's reserved range; -32700 and -32603 to -32600 are its own codes,
-32099 to -32000 is the range it leaves to servers, and ours lie there. Exit codes of the
process stand in `ExitCode`.
"""

from enum import IntEnum
from typing import ClassVar, Literal

Outcome = Literal["not_applied", "unknown"]
"""What became of a write that failed: certainly undone, or perhaps on disk all the same."""


class ExitCode(IntEnum):
    """How the process ends; part of the protocol."""

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
    INTERNAL = 70


class SidecarError(Exception):
    """Base of all wire errors; never raised itself."""

    code: ClassVar[int]
    slug: ClassVar[str]
    text: ClassVar[str]
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    audited_as: ClassVar[str | None] = None
    """Action of the audit entry that a refusal of this kind leaves; None leaves none."""

    def __init__(
        self,
        message: str | None = None,
        *,
        path: str | None = None,
        hint: str | None = None,
        outcome: Outcome | None = None,
        **data: object,
    ) -> None:
        """Keep the message and the members that `error.data` gets beside slug and retryable."""
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
    """The line is not UTF-8 or not JSON. Not InvalidRequest: nothing could be read at all."""

    code, slug = -32700, "parse_error"
    text = "The line is not valid JSON in UTF-8."


class InvalidRequest(SidecarError):
    """JSON, but not a JSON-RPC 2.0 request, or past a limit of the envelope."""

    code, slug = -32600, "invalid_request"
    text = "The line is not a JSON-RPC 2.0 request."


class MethodNotFound(SidecarError):
    """No such method; `did_you_mean` names the nearest."""

    code, slug = -32601, "method_not_found"
    text = "There is no such method."


class InvalidParams(SidecarError):
    """A param is of the wrong type, missing, unknown, too long or too deep; `path` names it."""

    code, slug = -32602, "invalid_params"
    text = "The params do not match what the method accepts."


class Internal(SidecarError):
    """A fault of ours; `incident` finds its traceback on stderr."""

    code, slug = -32603, "internal"
    text = "Something went wrong inside; see stderr for the incident."


class Overloaded(SidecarError):
    """Too many long requests are in flight; wait for one to end."""

    code, slug, retryable = -32000, "overloaded", True
    text = "Too many long requests are in flight; try again when one has ended."


class Cancelled(SidecarError):
    """The request was cancelled by `$/cancelRequest`, or by the end of the process."""

    code, slug = -32001, "cancelled"
    text = "The request was cancelled."


class ShuttingDown(SidecarError):
    """The process is ending; nothing new is begun."""

    code, slug, retryable = -32002, "shutting_down", True
    text = "The process is ending; start it again first."


class Maintenance(SidecarError):
    """A restore, compaction or recovery has the database to itself."""

    code, slug, retryable = -32003, "maintenance", True
    text = "The database is being worked on; try again when that has ended."


class NotInitialized(SidecarError):
    """Secrets have not been set up."""

    code, slug = -32010, "not_initialized"
    text = "Secrets are not set up yet; call secrets.initialize first."


class Locked(SidecarError):
    """Secrets are locked. Not WrongPassphrase: nothing was tried."""

    code, slug = -32011, "locked"
    audited_as = "access_refused"
    text = "Secrets are locked; call secrets.unlock first."


class WrongPassphrase(SidecarError):
    """The passphrase or recovery code does not open the slot. Not SlotDamaged."""

    code, slug = -32012, "wrong_passphrase"
    audited_as = "unlock_failed"
    text = "That is not the passphrase."


class Throttled(SidecarError):
    """Too many wrong passphrases; `retry_after_ms` says how long to wait."""

    code, slug, retryable = -32013, "throttled", True
    audited_as = "access_refused"
    text = "Too many wrong tries; wait before the next one."


class Tampered(SidecarError):
    """A sealed record is not what was sealed. Not DatabaseDamaged: somebody changed it."""

    code, slug = -32014, "tampered"
    audited_as = "access_refused"
    text = "A sealed record was changed from outside."


class SlotDamaged(SidecarError):
    """A key slot's bytes are damaged. Not WrongPassphrase: no passphrase can open it."""

    code, slug = -32015, "slot_damaged"
    audited_as = "access_refused"
    text = "The key slot is damaged; unlock another way, or restore a backup with secrets."


class KeychainUnavailable(SidecarError):
    """The operating system's keychain cannot be used."""

    code, slug = -32016, "keychain_unavailable"
    audited_as = "access_refused"
    text = "The keychain of the operating system is not available."


class KdfPolicy(SidecarError):
    """Key derivation parameters are outside what is allowed."""

    code, slug = -32017, "kdf_policy"
    audited_as = "access_refused"
    text = "The key derivation parameters are outside the policy."


class AuditUnavailable(SidecarError):
    """The audit entry cannot be written, so the act does not happen."""

    code, slug = -32018, "audit_unavailable"
    text = "The audit log cannot be written, so nothing was done."


class BackupRejected(SidecarError):
    """A backup is damaged, foreign or hostile; `reason` says which."""

    code, slug = -32019, "backup_rejected"
    text = "The backup was rejected; the database is unchanged."


class DatabaseBusy(SidecarError):
    """Another program holds a lock on the database."""

    code, slug, retryable = -32030, "database_busy", True
    exit_code = ExitCode.STORAGE
    text = "Another program holds the database; close it and try again."


class DatabaseFull(SidecarError):
    """The disk is full. Reads go on."""

    code, slug, retryable = -32031, "database_full", True
    exit_code = ExitCode.STORAGE
    text = "The disk is full; free some space and try again."


class ReadOnly(SidecarError):
    """The file or its folder cannot be written. Not DatabaseFull."""

    code, slug = -32032, "read_only"
    exit_code = ExitCode.STORAGE
    text = "The database cannot be written where it lies; check the folder's permissions."


class NewerSchema(SidecarError):
    """The file was written by a newer version; it is left untouched."""

    code, slug = -32033, "newer_schema"
    exit_code = ExitCode.NEWER_SCHEMA
    text = "The database was written by a newer version; update this program."


class NotOurs(SidecarError):
    """The file is not a database of this product; it is left untouched."""

    code, slug = -32034, "not_ours"
    exit_code = ExitCode.NOT_OURS
    text = "The file is not a database of this product."


class DatabaseDamaged(SidecarError):
    """Stored bytes are not what was stored. Not StorageFailed: reading worked."""

    code, slug = -32035, "database_damaged"
    exit_code = ExitCode.DAMAGED
    text = "Stored data is damaged; system.check says where."


RECOVER_HINT = (
    "sim-sidecar recover shows what can be saved of it, with the rest from the newest backup, and"
    " changes nothing without a yes."
)
"""What to do about a database that does not open for damage."""


class RecoveryRequired(SidecarError):
    """A database was expected but is missing, empty or torn; nothing was created over it."""

    code, slug = -32036, "recovery_required"
    exit_code = ExitCode.RECOVERY_REQUIRED
    text = "The database is missing or torn; restore a backup or recover it first."


class StorageFailed(SidecarError):
    """The operating system failed to read or write. Not DatabaseFull."""

    code, slug, retryable = -32037, "storage_failed", True
    exit_code = ExitCode.STORAGE
    text = "Reading or writing the database failed; check the disk."


class PurgeBlocked(SidecarError):
    """A reader keeps deleted bytes from being overwritten."""

    code, slug, retryable = -32038, "purge_blocked", True
    text = "A reader holds an old state of the database; close it and purge again."


class NotFound(SidecarError):
    """Nothing has that id or key."""

    code, slug = -32050, "not_found"
    text = "Nothing has that id."


class Conflict(SidecarError):
    """The thing is not in the state the request expects; `data` tells the state it is in."""

    code, slug = -32051, "conflict"
    text = "It has changed in the meantime, or the id is taken."


class TooLarge(SidecarError):
    """A body, or an answer, is over its cap. Not InvalidParams: its shape is right."""

    code, slug = -32052, "too_large"
    text = "It is larger than allowed."


class Archived(SidecarError):
    """The workflow is archived; unarchive it first."""

    code, slug = -32053, "archived"
    text = "The workflow is archived; unarchive it first."


class EmptyBody(SidecarError):
    """An empty body would replace a full one without `force`."""

    code, slug = -32054, "empty_body"
    text = "An empty body would replace a full one; pass force to do it."


def catalogue() -> list[type[SidecarError]]:
    """Every error class, by code, highest first."""
    return sorted(SidecarError.__subclasses__(), key=lambda error: -error.code)
