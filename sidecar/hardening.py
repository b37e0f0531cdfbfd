"""Keep the memory of this process to itself: no core dump, and on Linux nobody may attach.

A program of the same user can then read neither memory nor environment of this one through
/proc (tried: PermissionError); the system's administrator still can. macOS refuses debuggers
(PT_DENY_ATTACH), Windows writes no dump file unless a person has asked for them; both were read,
not run. What the platform refuses is left: it guards against nothing that was promised.
"""

import os
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PT_DENY_ATTACH: Final = 31
"""linux/prctl.h and sys/ptrace.h of macOS."""


def harden() -> None:
    """Do it, early and once."""
    os.umask(0o077)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - 2 ms

        library = ctypes.CDLL(None)
        if sys.platform == "linux":
            library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        elif sys.platform == "darwin":
            library.ptrace(_PT_DENY_ATTACH, 0, 0, 0)
