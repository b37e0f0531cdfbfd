"""What the text of a workflow says, for what no index can tell: words side by side, and symbols.

Looks into bodies one by one, so whoever asks does it within a `Budget`. Knows nothing of stages
and pages.
"""

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search import indexes
from sidecar.store.search.excerpts import fold
from sidecar.store.search.query import Terms, in_words
from sidecar.store.workflows.header import Header


class Budget:
    """How many bodies one page may look into; one at least, whatever its size."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._count = 0
        self._bytes = 0

    def takes(self, header: Header) -> bool:
        """Whether it is enough for one more; what is not searched inside costs nothing."""
        size = header.size_bytes if header.size_bytes <= limits.BODY_INDEXED_MAX_BYTES else 0
        used = self._bytes + size
        if self._count and (self._count >= self._most or used > self._most_bytes):
            return False
        self._count += 1
        self._bytes = used
        return True


def says(db: Connection, header: Header, terms: Terms, *, wanted: bool) -> bool:
    """Whether header and body hold no row of words they must not, and, if asked, all they must."""
    said = (header.name, header.tags, header.description or "", *body_lines(db, header))
    text = "\n".join(said)
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
    """The text inside a workflow's body, a string a line; a damaged body says nothing."""
    data = db.execute("SELECT data FROM workflow_bodies WHERE rid = ?", (header.rid,)).get
    return indexes.body_text(header.content_sha256, header.size_bytes, data).split("\n")
