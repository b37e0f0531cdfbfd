"""The vector registers of all threads of a process, which a debugger may read (Linux, x86-64)."""

import ctypes
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

CAN_READ = sys.platform == "linux" and platform.machine() == "x86_64"

_SEIZE, _INTERRUPT, _DETACH, _GETREGSET = 0x4206, 0x4207, 17, 0x4204
_X86_XSTATE = 0x202
"""From linux/ptrace.h and linux/elf.h; the registers are laid out as XSAVE stores them."""

_WALL = 0x4000_0000
"""Makes waitpid wait for threads, too."""

_ROOM_BYTES = 1 << 16


class _Buffer(ctypes.Structure):
    """Struct iovec of the C library."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


def read_registers(pid: int) -> list[bytes]:
    """Return the vector registers of each thread, which is stopped meanwhile.

    A thread that ends meanwhile has none.

    Raises:
        PermissionError: this process may not debug the other.
    """
    found = []
    for each in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError, ChildProcessError):
            found.append(_of_thread(int(each.name)))
    return found


def _of_thread(thread: int) -> bytes:
    """Return the vector registers of a thread."""
    room = ctypes.create_string_buffer(_ROOM_BYTES)
    buffer = _Buffer(ctypes.addressof(room), _ROOM_BYTES)
    _ptrace(_SEIZE, thread, 0, 0)
    try:
        _ptrace(_INTERRUPT, thread, 0, 0)
        os.waitpid(thread, _WALL)
        _ptrace(_GETREGSET, thread, _X86_XSTATE, ctypes.addressof(buffer))
    finally:
        _ptrace(_DETACH, thread, 0, 0)
    return room.raw[: buffer.size]


def _ptrace(request: int, thread: int, address: int, data: int) -> None:
    """Call ptrace.

    Raises:
        OSError: it fails.
    """
    library = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    arguments = map(ctypes.c_long, (request, thread, address, data))
    if library.ptrace(*arguments) and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")
