"""Compares a query with the text of a workflow, for what no index can answer.

That is words side by side, and symbols. Each comparison unpacks a body, so a caller limits their
number with a `Budget`.
"""

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search import indexes
from sidecar.store.search.excerpts import fold
from sidecar.store.search.query import Terms, in_words
from sidecar.store.workflows.header import Header


class Budget:
    """Limits how many bodies one page of a search unpacks; one is always allowed."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._count = 0
        self._bytes = 0

    def takes(self, header: Header) -> bool:
        """Return whether one more body may be unpacked, and count it.

        A body that is too large to be searched is not unpacked and uses up no bytes.
        """
        size = header.size_bytes if header.size_bytes <= limits.BODY_INDEXED_MAX_BYTES else 0
        used = self._bytes + size
        if self._count and (self._count >= self._most or used > self._most_bytes):
            return False
        self._count += 1
        self._bytes = used
        return True


def holds_phrases(db: Connection, header: Header, terms: Terms, *, wanted: bool) -> bool:
    """Return whether header and body hold no excluded phrase and, if `wanted`, all phrases.

    With `wanted` they must also hold all terms that consist of symbols.
    """
    lines = (header.name, header.tags, header.description or "", *body_lines(db, header))
    text = "\n".join(lines)
    words = in_words(text) + " "
    if any(row in words for row in terms.excluded_together):
        return False
    if not wanted:
        return True
    folded = fold(text) if terms.literal else ""
    return all(row in words for row in terms.together) and all(
        symbol in folded for symbol in terms.literal
    )


def body_lines(db: Connection, header: Header) -> list[str]:
    """Return the text of a workflow's body, a line for each string; [""] for a damaged body."""
    data = db.execute("SELECT data FROM workflow_bodies WHERE rid = ?", (header.rid,)).get
    return indexes.body_text(header.content_sha256, header.size_bytes, data).split("\n")
