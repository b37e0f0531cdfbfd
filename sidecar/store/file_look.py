"""Looks at the file that a name leads to, without asking for its times.

Linux (6.13 and later) gives a file an exact time at the first write after its times were asked for,
and the next sync then writes this time to another place of the disk: each COMMIT took 70 us longer
(measured, ext4). `os.stat` always asks for the times, `statx` of Linux only for what is named.
"""

import os
import struct
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

_AT_FDCWD: Final = -100
_STATX_INO: Final = 0x100
_STATX_SIZE: Final = 0x200
_ANSWER_BYTES: Final = 256
_read_answer: Final = struct.Struct("=32xQQ88xII").unpack_from
"""From linux/stat.h: number and size of the file, then the two parts of its device's number."""


class FileLook(NamedTuple):
    """What a name leads to."""

    identity: tuple[int, int]
    """The numbers of the device and of the file on it."""
    size_bytes: int


@cache
def find_statx() -> Callable[[Any], int] | None:
    """Return `statx` of the C library, called with a tuple; None where there is none.

    By the module under ctypes, which is loaded at the start, see `hardening`.
    """
    if sys.platform != "linux":
        return None
    try:
        import _ctypes  # noqa: PLC0415 - Linux only

        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # typeshed lacks None
        return partial(_ctypes.call_function, _ctypes.dlsym(library, "statx"))
    except (AttributeError, ImportError, OSError):
        return None


class FileLooker:
    """Looks at one name again and again; used by one thread at a time."""

    def __init__(self, path: Path, statx: Callable[[Any], int] | None) -> None:
        """Look at `path`, by `statx` where it is given."""
        self._name = str(path)
        self._statx = statx
        # The call writes into these bytes, which nothing else refers to: it takes no bytearray.
        self._answer = bytes(_ANSWER_BYTES)
        wanted = _STATX_INO | _STATX_SIZE
        self._params = (_AT_FDCWD, os.fsencode(path), 0, wanted, self._answer)

    def look(self) -> FileLook:
        """Return what the name leads to now.

        Raises:
            FileNotFoundError: nothing has the name.
        """
        if self._statx is not None and self._statx(self._params) == 0:
            inode, size_bytes, major, minor = _read_answer(self._answer)
            return FileLook((os.makedev(major, minor), inode), size_bytes)
        found = os.stat(self._name)  # noqa: PTH116 - a third of the time of Path.stat
        return FileLook((found.st_dev, found.st_ino), found.st_size)
