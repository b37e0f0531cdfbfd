"""Hardening of this process: no core dump, and no other program may read its memory.

On Linux a program of the same user can then read neither memory nor environment of this process
through /proc (tried: PermissionError); the system's administrator still can. macOS refuses
debuggers (PT_DENY_ATTACH), Windows writes no dump file unless a person has asked for them; both
were read, not run. A call that the platform refuses is ignored: nothing that was promised depends
on it.
"""

import os
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PT_DENY_ATTACH: Final = 31
"""From linux/prctl.h, and from sys/ptrace.h of macOS."""


def harden() -> None:
    """Harden this process: call it once, before any secret is in memory."""
    os.umask(0o077)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - POSIX only

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    elif sys.platform == "darwin":
        _call("ptrace", _PT_DENY_ATTACH, 0, 0, 0)


def _call(name: str, *values: int) -> None:
    """Call a function of the C library, if there is one of that name.

    By the module under ctypes, which itself takes 3 % of a start to define types; where the
    interpreter has another module, by ctypes.
    """
    with suppress(OSError, AttributeError, ImportError):
        try:
            import _ctypes  # noqa: PLC0415 - POSIX only

            library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # typeshed lacks None
            _ctypes.call_function(_ctypes.dlsym(library, name), values)
        except (AttributeError, ImportError):
            import ctypes  # noqa: PLC0415 - see above

            getattr(ctypes.CDLL(None), name)(*values)
