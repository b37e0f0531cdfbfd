"""Confirms a suspicion of damage, and rebuilds damaged indexes.

An error that reports corruption is only a suspicion: after a failed read the same connection
reports corruption of a sound file. What counts is what SQLite's check finds on a fresh connection.
"""

from collections.abc import Callable

from sidecar.store.connection import Connection
from sidecar.store.interrupt import interruptible
from sidecar.store.repair import checks
from sidecar.store.repair.checks import Finding
from sidecar.store.workflows import tags


def find_damage(db: Connection, cancelled: Callable[[], bool]) -> list[Finding]:
    """Return what SQLite's check finds wrong with the file; `db` must be a fresh connection.

    Raises:
        Cancelled: `cancelled` said so.
    """
    found: list[Finding] = []
    with interruptible(db, cancelled):
        with checks.damage_as_finding(found, "database"):
            # A cell that no column may hold is reported by system.check; rows are mended singly.
            findings = checks.structure(db, full=False)
            found += [each for each in findings if each.kind != "constraint"]
        # SQLite does not compare a search index with its table, but a search fails on damage.
        with checks.damage_as_finding(found, "search"):
            found += checks.index_rows(db)
    return found


def only_indexes(findings: list[Finding]) -> bool:
    """Return whether only indexes are damaged, which can be rebuilt from their tables."""
    return all(finding.kind in ("index", "search_index") for finding in findings)


def rebuild_index(db: Connection, name: str) -> None:
    """Rebuild an ordinary index or the rows of tags, in the caller's transaction."""
    if name == tags.TABLE:
        tags.write_all_again(db)
        return
    quoted = '"' + name.replace('"', '""') + '"'
    db.execute(f"REINDEX {quoted}").fetchall()
