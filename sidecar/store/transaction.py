"""Write transactions on connections to files that are not served.

The served file's transactions are begun and ended by `connection.Store`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.store.pragmas import Connection


@contextmanager
def transaction(db: Connection) -> Iterator[None]:
    """Commit what the block writes, or undo all of it when the block or the COMMIT fails.

    APSW's own `with db` is not used: after SQLite has rolled back by itself, as on a full disk,
    it raises an error of its own in place of the one that was the reason.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
