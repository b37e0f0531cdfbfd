"""The process that this one ends with: who it is, whether it lives, and how its death is noticed.

On Linux a pidfd reports the death, on Windows the handle of the process, elsewhere a check every
`limits.PARENT_CHECK_MS`. PR_SET_PDEATHSIG cannot be used: it fires when the thread that started the
process ends.
"""

import os
import sys
from typing import Any, Final

_NO_SUCH_PROCESS: Final = 87
"""ERROR_INVALID_PARAMETER, which Windows gives for the number of a process that is gone."""


class Parent:
    """The process that was named on the command line, else the one that started this one."""

    def __init__(self, named: int | None, spawned_by: int) -> None:
        """Choose the process; `spawned_by` is the parent that this one had at its very start."""
        self._explicit = named is not None
        self.pid = spawned_by if named is None else named

    def is_watched(self) -> bool:
        """Return whether there is a parent to watch: process 1 only when it was named."""
        return self.pid > 1 or self._explicit

    def has_died(self) -> bool:
        """Return whether the process has died; on Windows False, see `open_windows`."""
        return sys.platform != "win32" and not self.lives()

    def lives(self) -> bool:
        """Return whether the process is alive; not for Windows, where asking would end it."""
        if not self._explicit and self._has_left():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _has_left(self) -> bool:
        """Return whether the process that started this one has died, however early it was.

        The system then gives this process another parent, process 1 or a "subreaper". The session
        tells whether that was the parent from the beginning: a process is in the session of its
        parent unless it leads one of its own.
        """
        if os.getppid() != self.pid:
            return True
        session = os.getsid(0)
        if session == os.getpid() or self.pid == 0:
            return False
        try:
            return os.getsid(self.pid) != session
        except OSError:
            return False

    def open(self) -> int | None:
        """Return a descriptor that can be polled for the death; None where there is none."""
        if sys.platform != "linux":
            return None
        try:
            return os.pidfd_open(self.pid)
        except OSError:
            return None

    def open_windows(self, kernel: Any) -> tuple[Any, bool]:
        """Return the handle of the process, 0 when there is none, and whether it lives.

        A number is used again after a process is gone: one that was made later than this process
        has not started it.
        """
        synchronize, query = 0x0010_0000, 0x1000
        handle = kernel.OpenProcess(synchronize | query, False, self.pid)
        if not handle:
            return 0, kernel.GetLastError() != _NO_SUCH_PROCESS
        made_at = _made_at(kernel, handle)
        reused = not self._explicit and made_at > _made_at(kernel, kernel.GetCurrentProcess())
        return handle, not reused


def _made_at(kernel: Any, handle: Any) -> int:
    """Return when a process of Windows was made, in units of its file times."""
    import ctypes  # noqa: PLC0415 - Windows only

    times = [ctypes.c_uint64() for _ in range(4)]
    kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
    return times[0].value
