"""Measures the memory, the threads and the descriptors of the process, without a library."""

import sys
import threading
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What the process uses; 0 where the platform does not say."""

    resident_bytes: int
    threads: int
    descriptors: int


def usage() -> Usage:
    """Return what the process uses now."""
    return Usage(_resident_bytes(), threading.active_count(), _descriptors())


def _resident_bytes() -> int:
    """Return the resident memory in bytes; on macOS its peak."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415 - POSIX only

        try:
            pages = int(Path("/proc/self/statm").read_bytes().split()[1])
        except OSError:  # /proc need not be mounted
            return 0
        return pages * resource.getpagesize()
    if sys.platform == "darwin":
        import resource  # noqa: PLC0415 - POSIX only

        # macOS gives no current figure without a library.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def _descriptors() -> int:
    """Return the number of open descriptors."""
    folder = Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")
    try:
        # One of them is the folder itself, which is open while it is read.
        return sum(1 for _entry in folder.iterdir()) - 1
    except OSError:
        return 0
