"""Lets a cancel interrupt a statement that is running.

Knows nothing of requests: the caller hands over the function that says whether the work was
cancelled. SQLite calls it every so many steps of its virtual machine; nothing else can stop a
scan of a million rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

from sidecar import limits
from sidecar.errors import Cancelled
from sidecar.store.connection import Connection


@contextmanager
def interruptible(db: Connection, is_cancelled: Callable[[], bool] | None) -> Iterator[None]:
    """Interrupt a statement of the block when `is_cancelled` returns True; None interrupts none.

    Raises:
        Cancelled: a statement was interrupted.
    """
    db.set_progress_handler(is_cancelled, limits.CANCEL_CHECK_STEPS)
    try:
        yield
    except apsw.InterruptError:
        raise Cancelled from None
    finally:
        db.set_progress_handler(None)
