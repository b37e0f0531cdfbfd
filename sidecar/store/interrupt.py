"""Lets a cancel reach into one statement that takes long.

Knows nothing of requests: it is handed what says that somebody no longer waits. SQLite asks it
every so many steps of its machine; nothing else can stop a scan of a million rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

from sidecar import limits
from sidecar.errors import Cancelled
from sidecar.store.connection import Connection


@contextmanager
def interruptible(db: Connection, is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Let a cancel reach into statements that take long; for a reader of a method's own.

    Raises:
        Cancelled: `is_cancelled` said so.
    """
    db.set_progress_handler(is_cancelled, limits.CANCEL_LOOK_STEPS)
    try:
        yield
    except apsw.InterruptError:
        raise Cancelled from None
    finally:
        db.set_progress_handler(None)
