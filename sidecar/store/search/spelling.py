"""Suggests the nearest indexed words for a search that found nothing.

The words are read from the search indexes through FTS5's vocabulary tables. These are created in
the connection's temporary schema, so the file does not change. Words of names, tags and
descriptions are preferred to words that occur in bodies only.
"""

import re
from typing import Final

from sidecar import limits
from sidecar.store.connection import Connection
from sidecar.store.search.excerpts import fold

CANDIDATES_MAX: Final = 2000
"""How many words are compared with one term: about 10 ms at worst, after an empty answer only."""

WORD_MIN_CHARS: Final = 3
WORD_MAX_CHARS: Final = 40
"""Only words of these lengths are corrected: shorter ones are near to everything."""

# `IF NOT EXISTS` each time, because a reopened connection has none of these tables.
_VOCABULARIES: Final = {"header_words": "workflows_fts", "text_words": "workflow_text_fts"}
_MAKE: Final = tuple(
    f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{words} USING fts5vocab (main, {index}, row)"
    for words, index in _VOCABULARIES.items()
)
_HIGHEST: Final = "\U0010ffff"


_WORDS: Final = re.compile(r"[^\W_]+")


def correct_query(db: Connection, query: str, words: list[str]) -> str | None:
    """Return the query with each of the folded words replaced by the nearest indexed word.

    The rest of the query stays as it is. None when no word changes or the query gets too long.
    """
    checked = words[: limits.SEARCH_SPELLED_MAX]
    nearest = correct_words(db, checked)
    if nearest is None:
        return None
    better = {word: near for word, near in zip(checked, nearest, strict=True) if word != near}
    pieces: list[str] = []
    end = 0
    for found in _WORDS.finditer(fold(query)):
        if found[0] in better:
            pieces += (query[end : found.start()], better[found[0]])
            end = found.end()
    corrected = "".join(pieces) + query[end:]
    return corrected if len(corrected) <= limits.QUERY_MAX_CHARS else None


def correct_words(db: Connection, words: list[str]) -> list[str] | None:
    """Return the folded words with the nearest indexed word for each; None when none changes.

    A candidate begins with the same character and is at most one edit away, or two for a word of
    six or more characters. Of equally near candidates the one in most workflows is taken.
    """
    for statement in _MAKE:
        db.execute(statement)
    corrected = [_nearest(db, word) for word in words]
    return None if corrected == words else corrected


def _nearest(db: Connection, word: str) -> str:
    """Return a word, or the nearest indexed word when it is not indexed itself."""
    if not WORD_MIN_CHARS <= len(word) <= WORD_MAX_CHARS:
        return word
    if any(_is_known(db, words, word) for words in _VOCABULARIES):
        return word
    nearest = (_nearest_of(db, words, word) for words in _VOCABULARIES)
    return next((found for found in nearest if found is not None), word)


def _is_known(db: Connection, words: str, word: str) -> bool:
    """Return whether a vocabulary has a word that begins with `word`."""
    sql = f"SELECT 1 FROM temp.{words} WHERE term >= ? AND term < ? LIMIT 1"  # noqa: S608 - constants
    return db.execute(sql, (word, word + _HIGHEST)).fetchone() is not None


def _nearest_of(db: Connection, words: str, word: str) -> str | None:
    """Return the nearest word of a vocabulary; None when none is near enough."""
    allowed = 1 if len(word) < 2 * WORD_MIN_CHARS else 2
    sizes = (len(word) - allowed, len(word) + allowed)
    rows = db.execute(
        f"SELECT term, doc FROM temp.{words} WHERE term >= ? AND term < ?"  # noqa: S608 - constants
        " AND length(term) BETWEEN ? AND ? LIMIT ?",
        (word[0], word[0] + _HIGHEST, *sizes, CANDIDATES_MAX),
    )
    best: tuple[int, int, str] | None = None
    for term, workflows in rows:
        distance = count_edits(word, term, allowed)
        if distance <= allowed and (best is None or (distance, -workflows, term) < best):
            best = (distance, -workflows, term)
    return best[2] if best else None


def count_edits(left: str, right: str, most: int) -> int:
    """Return how many insertions, deletions, changes and swaps lead from one word to the other.

    The count stops early: any result above `most` means more than `most`.
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
