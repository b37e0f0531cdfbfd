"""Maps exceptions of the SQLite driver to errors on the wire, and classifies them.

The text of a driver's exception is never passed on: it can contain SQL, paths or values, and in
some cases it is "not an error".
"""

from collections.abc import Callable

import apsw
import msgspec

from sidecar import errors, files

_BY_CLASS: dict[type[BaseException], Callable[[], errors.SidecarError]] = {
    apsw.BusyError: errors.DatabaseBusy,
    apsw.LockedError: errors.DatabaseBusy,
    apsw.FullError: errors.DatabaseFull,
    apsw.ReadOnlyError: errors.ReadOnly,
    apsw.CantOpenError: errors.ReadOnly,
    apsw.PermissionsError: errors.ReadOnly,
    apsw.IOError: errors.StorageFailed,
    apsw.CorruptError: errors.DatabaseDamaged,
    apsw.NotADBError: errors.DatabaseDamaged,
    apsw.TooBigError: errors.TooLarge,
    apsw.NoMemError: errors.OutOfResources,
    MemoryError: errors.OutOfResources,
    ImportError: errors.OutOfResources.not_loaded,
    ModuleNotFoundError: errors.OutOfResources.not_loaded,
}

OUT_OF_MEMORY = (MemoryError, apsw.NoMemError, ImportError)
"""These do not say that anything was read wrongly."""

UNTRUSTWORTHY = (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError)
"""After these the connection is closed, and another one opened, before anything else is read."""


_UNFIT = (msgspec.MsgspecError, UnicodeDecodeError)
"""Where rows are decoded these mean a damaged cell. A `RecursionError` can as well be a bug of the
program."""


def as_wire_error(
    fault: BaseException, outcome: errors.Outcome | None = None
) -> errors.SidecarError | None:
    """Return the wire error for a failure of the system, or None for any other exception."""
    if isinstance(fault, OSError):
        error = files.as_wire_error(fault)
    elif isinstance(fault, _UNFIT) or _breaks_by_damage(fault):
        error = errors.DatabaseDamaged()
    elif isinstance(fault, apsw.CantOpenError) and files.are_exhausted():
        error = errors.OutOfResources()
    else:
        found = errors.DatabaseDamaged if suspects_damage(fault) else _BY_CLASS.get(type(fault))
        if found is None:
            return None
        error = found()
    if outcome is not None:
        error.data["outcome"] = outcome
    return error


_ONLY_BY_DAMAGE = (
    apsw.SQLITE_CONSTRAINT_DATATYPE,
    apsw.SQLITE_CONSTRAINT_NOTNULL,
    apsw.SQLITE_CONSTRAINT_FOREIGNKEY,
)
"""A cell of a wrong type or without a value is copied or counted up, or a row is not found where
its owner is deleted."""


def _breaks_by_damage(fault: BaseException) -> bool:
    """Return whether SQLite refuses a write for a rule that only a damaged row can break."""
    code = getattr(fault, "extendedresult", None)
    return isinstance(fault, apsw.ConstraintError) and code in _ONLY_BY_DAMAGE


def is_full(fault: BaseException) -> bool:
    """Return whether an exception means that the disk is full."""
    return isinstance(as_wire_error(fault), errors.DatabaseFull)


def is_unexpected(fault: BaseException) -> bool:
    """Return whether an exception, which has no wire error, is one of the driver's.

    Such an exception, for two rows with one key for instance, may be caused by damage.
    """
    return isinstance(fault, apsw.Error)


def suspects_damage(fault: BaseException) -> bool:
    """Return whether SQLite reports a damaged file, which may also follow an I/O error.

    For a search index that it cannot read FTS5 has only this text, and no code of its own.
    """
    if isinstance(fault, (apsw.CorruptError, apsw.NotADBError)):
        return True
    return isinstance(fault, apsw.SQLError) and "invalid fts5 file format" in str(fault)


def spoils_connection(fault: BaseException) -> bool:
    """Return whether the connection that raised `fault` must not be used again."""
    return isinstance(fault, UNTRUSTWORTHY) or suspects_damage(fault)
