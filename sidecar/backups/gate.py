"""The lock that lets one request at a time make or restore a backup of a database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sidecar import limits
from sidecar.context import LongContext
from sidecar.store.connection import Store

_locks: WeakKeyDictionary[Store, threading.Lock] = WeakKeyDictionary()


@contextmanager
def one_at_a_time(ctx: LongContext) -> Iterator[None]:
    """Hold the lock of this database's backups; wait for it while another request holds it.

    Raises:
        Cancelled: the request was cancelled while it waited.
    """
    lock = _locks.setdefault(ctx.store, threading.Lock())
    while not lock.acquire(timeout=limits.BACKUP_TURN_CHECK_MS / 1000):
        ctx.check_cancelled()
    try:
        yield
    finally:
        lock.release()
