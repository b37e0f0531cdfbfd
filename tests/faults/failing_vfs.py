"""A VFS whose operation number N fails, once or from then on, with the error code of a disk.

The operations that can fail are counted: open, read, write, sync, truncate. With the mode "full"
every write finds no space; with "short" a read returns too few bytes, which SQLite takes for
damage.
"""

from dataclasses import dataclass
from typing import Any, Literal

import apsw

Mode = Literal["once", "lasting", "full", "short"]

_CODES: dict[str, tuple[type[apsw.Error], int]] = {
    "open": (apsw.CantOpenError, apsw.SQLITE_CANTOPEN),
    "read": (apsw.IOError, apsw.SQLITE_IOERR_READ),
    "write": (apsw.IOError, apsw.SQLITE_IOERR_WRITE),
    "sync": (apsw.IOError, apsw.SQLITE_IOERR_FSYNC),
    "truncate": (apsw.IOError, apsw.SQLITE_IOERR_TRUNCATE),
}
_FULL = (apsw.FullError, apsw.SQLITE_FULL)
_CONCERNED = {"full": ("write",), "short": ("read",)}


@dataclass
class Plan:
    """Which operation fails, and how; counts the operations."""

    mode: Mode
    number: int
    seen: int = 0
    failed: int = 0

    def strikes(self, operation: str) -> bool:
        """Count an operation and return whether it has to fail."""
        if operation not in _CONCERNED.get(self.mode, _CODES):
            return False
        self.seen += 1
        due = self.seen == self.number or (
            self.seen > self.number and self.mode in ("lasting", "full")
        )
        self.failed += due
        return due


class FailingVFS(apsw.VFS):
    """The files of the system, whose operations fail according to a plan."""

    def __init__(self, name: str, *, default: bool = False) -> None:
        self.plan: Plan | None = None
        self.base = apsw.vfs_names()[0]  # by name: as the default this one would be its own base
        super().__init__(name, self.base, makedefault=default)

    def check(self, operation: str) -> bool:
        """Raise the planned error; return True when a read has to return too few bytes."""
        plan = self.plan
        if plan is None or not plan.strikes(operation):
            return False
        if plan.mode == "short":
            return True
        kind, code = _FULL if plan.mode == "full" else _CODES[operation]
        fault: Any = kind(f"operation {plan.number}")
        fault.extendedresult = code
        fault.result = code & 0xFF
        raise fault

    def xOpen(self, name: Any, flags: list[int]) -> "FailingFile":  # noqa: N802 - APSW's name
        """Open a file, or fail."""
        self.check("open")
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    """A file of a `FailingVFS`."""

    def __init__(self, vfs: FailingVFS, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__(vfs.base, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - APSW's name
        """Read all bytes, read too few, or fail."""
        if self._vfs.check("read"):
            return bytes(super().xRead(amount, offset)[: amount // 2])
        return bytes(super().xRead(amount, offset))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - APSW's name
        """Write, or fail."""
        self._vfs.check("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - APSW's name
        """Succeed or fail without a real sync, which would only take time."""
        del flags
        self._vfs.check("sync")

    def xTruncate(self, size: int) -> None:  # noqa: N802 - APSW's name
        """Truncate, or fail."""
        self._vfs.check("truncate")
        super().xTruncate(size)
