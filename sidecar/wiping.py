"""Overwriting of secrets in memory, also in objects that Python calls immutable.

A freed `bytes` keeps its content until the memory is used again: of a value read with `os.read`
and decoded by msgspec, one copy was still in memory after 200 further requests. So code that no
longer needs bytes that held a secret overwrites them here. Nothing else may refer to these bytes:
an object that is shared (a literal, a one-byte string) must never be passed.

What was copied also stays in registers, until a copy of that size needs them again. They get out of
their thread: a thread that is started inherits them, and the dynamic linker, or the kernel for a
signal, stores all of them on the stack, where they stay. A data key was found there. So each wipe
overwrites the registers of its thread, too.

On an interpreter other than CPython immutable bytes are not overwritten. Nor are they where what
does so cannot be loaded, for want of open files or memory: then no method that takes a secret is
served (`prepare`), and the answer that says so must not be lost.
"""

import sys
from functools import cache
from typing import Any

_CAN_OVERWRITE = sys.implementation.name == "cpython"

_BLANK, _COPY = bytearray(1024), bytearray(1024)
"""So long that the copy takes all registers that copies take: nine of 64 bytes with AVX-512."""


def wipe(buffer: Any) -> None:
    """Overwrite a bytearray, bytes, `msgspec.Raw` or memoryview with zeros, in place."""
    _COPY[:] = _BLANK
    if isinstance(buffer, bytearray):
        buffer[:] = bytes(len(buffer))
    elif _CAN_OVERWRITE:
        try:
            overwrite = _overwriter()
        except (ImportError, MemoryError, OSError):
            return
        overwrite(buffer)


def prepare() -> None:
    """Load what overwrites immutable bytes; called before a secret is taken.

    Raises:
        ImportError, MemoryError, OSError: it cannot be loaded.
    """
    if _CAN_OVERWRITE:
        _overwriter()


def moved(secret: bytes) -> bytearray:
    """Move a secret that was drawn as bytes into a buffer: return that, and overwrite the bytes."""
    buffer = bytearray(secret)
    wipe(secret)
    return buffer


@cache
def _overwriter() -> Any:
    """Return a function that overwrites the memory of any buffer; this loads ctypes."""
    import ctypes  # noqa: PLC0415 - 4 ms, needed only where there is a secret

    class Buffer(ctypes.Structure):
        """Py_buffer of the C interface (PEP 3118)."""

        _fields_ = (
            ("buf", ctypes.c_void_p),
            ("obj", ctypes.py_object),
            ("len", ctypes.c_ssize_t),
            ("itemsize", ctypes.c_ssize_t),
            ("readonly", ctypes.c_int),
            ("ndim", ctypes.c_int),
            ("format", ctypes.c_char_p),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("suboffsets", ctypes.c_void_p),
            ("internal", ctypes.c_void_p),
        )

    def overwrite(buffer: Any) -> None:
        view = Buffer()
        ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(buffer), ctypes.byref(view), 0)
        try:
            if view.len > 1:
                ctypes.memset(view.buf, 0, view.len)
        finally:
            ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))

    return overwrite
