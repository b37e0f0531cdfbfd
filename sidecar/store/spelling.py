"""The nearest indexed words, for a search that found nothing.

The words come from the search index itself through FTS5's vocabulary table, made in the
connection's own temporary schema, so nothing of it reaches the file.
"""

from typing import Final

from sidecar.store.connection import Connection

CANDIDATES_MAX: Final = 2000
"""Words compared with one term: about 10 ms at worst, and only after an empty answer."""

WORD_MIN_CHARS: Final = 3
WORD_MAX_CHARS: Final = 40
"""Shorter words are near to everything; nobody mistypes longer ones word by word."""

# `IF NOT EXISTS` each time: a flag of ours would outlive a reopened connection.
_VOCABULARY: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.workflows_vocabulary"
    " USING fts5vocab (main, workflows_fts, row)"
)
_KNOWN: Final = "SELECT 1 FROM temp.workflows_vocabulary WHERE term >= ? AND term < ? LIMIT 1"
_CANDIDATES: Final = (
    "SELECT term, doc FROM temp.workflows_vocabulary"
    " WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ? LIMIT ?"
)
_HIGHEST: Final = "\U0010ffff"


def correct(db: Connection, words: list[str]) -> list[str] | None:
    """Each folded word, or the nearest indexed one in its place; None when none gets better.

    A candidate begins with the same character and is one edit away, two from six characters
    on; among equally near ones the one in most workflows is taken.
    """
    db.execute(_VOCABULARY)
    corrected = [_nearest(db, word) for word in words]
    return None if corrected == words else corrected


def _nearest(db: Connection, word: str) -> str:
    if not WORD_MIN_CHARS <= len(word) <= WORD_MAX_CHARS:
        return word
    if db.execute(_KNOWN, (word, word + _HIGHEST)).fetchone():
        return word
    allowed = 1 if len(word) < 2 * WORD_MIN_CHARS else 2
    sizes = (len(word) - allowed, len(word) + allowed)
    rows = db.execute(_CANDIDATES, (word[0], word[0] + _HIGHEST, *sizes, CANDIDATES_MAX))
    best: tuple[int, int, str] | None = None
    for term, workflows in rows:
        distance = edits(word, term, allowed)
        if distance <= allowed and (best is None or (distance, -workflows, term) < best):
            best = (distance, -workflows, term)
    return best[2] if best else word


def edits(left: str, right: str, most: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours between two words.

    Stops early: a result above `most` only says that it is more.
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        following = [i]
        for j, other in enumerate(right, 1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > most and min(row) > most:
            return most + 1
        before, row = row, following
    return row[-1]
