"""What SQLite's errors mean to a client: driver exception in, wire error out.

Knows only APSW's exception classes and our error catalogue. The text of a driver exception is
never passed on: it can hold SQL, paths or values, and in some cases says "not an error".
"""

import apsw

from sidecar import errors

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
    """The wire error of a driver exception, or None when it is not one a client can act on."""
    found = _BY_CLASS.get(type(fault))
    return found(outcome=outcome) if found else None


def spoils_connection(fault: BaseException) -> bool:
    """Whether the connection that raised `fault` must not be used again."""
    return isinstance(fault, UNTRUSTWORTHY)
