"""Is the file really damaged, and can what is damaged be made anew from what is not?

An error that speaks of corruption is a suspicion only: after a failed read the same connection
says so of a sound file. What counts is what SQLite's own check finds on a fresh connection.
"""

from collections.abc import Callable
from typing import Final

from sidecar.store.connection import Connection
from sidecar.store.interrupt import interruptible
from sidecar.store.repair import checks
from sidecar.store.repair.checks import Finding

CHORE: Final = "integrity"
"""Name of the chore that confirms a suspicion."""


def find_damage(db: Connection, cancelled: Callable[[], bool]) -> list[Finding]:
    """What SQLite's check finds wrong with the file; `db` must be fresh.

    Raises:
        Cancelled: `cancelled` said so.
    """
    found: list[Finding] = []
    with interruptible(db, cancelled):
        with checks.damage_as_finding(found, "database"):
            found += checks.structure(db, full=False)
        # SQLite does not compare a search index with what it indexes, yet a search fails on it.
        with checks.damage_as_finding(found, "search"):
            found += checks.index_rows(db)
    return found


def only_indexes(findings: list[Finding]) -> bool:
    """Whether all that was found are indexes, which hold nothing that is not elsewhere."""
    return all(finding.kind in ("index", "search_index") for finding in findings)


def rebuild_index(db: Connection, name: str) -> None:
    """Make a plain index anew, in the caller's transaction."""
    quoted = '"' + name.replace('"', '""') + '"'
    db.execute(f"REINDEX {quoted}").fetchall()
