"""What SQLite's errors mean to a client: driver exception in, wire error out.

Knows only APSW's exception classes and our error catalogue. The text of a driver exception is
never passed on: it can hold SQL, paths or values, and in some cases says "not an error".
"""

import apsw

from sidecar import errors, files

_BY_CLASS: dict[type[BaseException], type[errors.SidecarError]] = {
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
}

UNTRUSTWORTHY = (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError)
"""After these the connection is closed and opened anew before anything else is believed."""


def as_wire_error(
    fault: BaseException, outcome: errors.Outcome | None = None
) -> errors.SidecarError | None:
    """The wire error of a failure to read or write; None when it is not one a client can act on."""
    if isinstance(fault, OSError):
        error = files.as_wire_error(fault)
    else:
        found = errors.DatabaseDamaged if suspects_damage(fault) else _BY_CLASS.get(type(fault))
        if found is None:
            return None
        error = found()
    if outcome is not None:
        error.data["outcome"] = outcome
    return error


def is_full(fault: BaseException) -> bool:
    """Whether it says that the disk is full."""
    return isinstance(as_wire_error(fault), errors.DatabaseFull)


def is_unexpected(fault: BaseException) -> bool:
    """Whether the driver says what it never should, as that two rows have one key."""
    return isinstance(fault, apsw.Error)


def suspects_damage(fault: BaseException) -> bool:
    """Whether SQLite calls the file corrupt: perhaps so, perhaps only after an I/O error.

    FTS5 has no code of its own for an index whose structure it cannot read, only this text.
    """
    if isinstance(fault, (apsw.CorruptError, apsw.NotADBError)):
        return True
    return isinstance(fault, apsw.SQLError) and "invalid fts5 file format" in str(fault)


def spoils_connection(fault: BaseException) -> bool:
    """Whether the connection that raised `fault` must not be used again."""
    return isinstance(fault, UNTRUSTWORTHY) or suspects_damage(fault)
