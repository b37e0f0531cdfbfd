"""Asks whether memory is free, before the work of a library that ends the process without memory.

Where there is none, msgspec fails with SIGSEGV while it makes a string, and the Rust part of
`cryptography` aborts.
A refusal beforehand is an OSError, which is answered as `out_of_resources`. Another thread may take
the memory in between, so that this makes such an end rare, not impossible.
"""


def require(size_bytes: int) -> None:
    """Raise OSError (ENOMEM) unless so much memory is free; none of it is touched."""
    import mmap  # noqa: PLC0415 - most starts need none of it

    mmap.mmap(-1, size_bytes).close()  # 3 to 50 us
