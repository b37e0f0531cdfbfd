"""Suggests the nearest indexed words for a search that found nothing.

The words are read from the search indexes through FTS5's vocabulary tables. These are created in
the connection's temporary schema, so the file does not change. Words of names, tags and
descriptions are preferred to words that occur in bodies only.
"""

import re
from typing import Final

from sidecar import limits
from sidecar.folding import fold, words
from sidecar.store.connection import Connection
from sidecar.store.pragmas import making_temporary_tables
from sidecar.store.search.indexes import HEADS, TEXTS

CANDIDATES_MAX: Final = 2000
"""How many words are compared with one term: about 10 ms at worst, after an empty answer only."""

WORD_MIN_CHARS: Final = 3
WORD_MAX_CHARS: Final = 40
"""Only words of these lengths are corrected: shorter ones are near to everything."""

# `IF NOT EXISTS` each time, because a reopened connection has none of these tables.
_VOCABULARIES: Final = {"header_words": HEADS, "text_words": TEXTS}
_MAKE: Final = tuple(
    f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{vocabulary} USING fts5vocab (main, {index}, row)"
    for vocabulary, index in _VOCABULARIES.items()
)
_HIGHEST: Final = "\U0010ffff"
_WORDS: Final = re.compile(r"[^\x00-/:-@\[-`{-\x7f\s]+")


def correct_query(db: Connection, query: str) -> str | None:
    """Return the query with unknown words replaced by the nearest indexed ones.

    The rest of the query stays as it is. None when no word changes or the query gets too long.
    """
    with making_temporary_tables(db):
        for statement in _MAKE:
            db.execute(statement)
    corrected = _WORDS.sub(lambda word: _nearest(db, word[0]), query, limits.SEARCH_SPELLED_MAX)
    fits = len(corrected) <= limits.QUERY_MAX_CHARS
    return corrected if fits and corrected != query else None


def _nearest(db: Connection, given: str) -> str:
    """Return a word as it is given, or the nearest indexed word when it is not indexed itself.

    A candidate begins with the same character and is at most one edit away, or two for a word of
    six or more characters. Of equally near candidates the one in most workflows is taken.
    """
    word = fold(given)
    is_one = words(word).split() == [word]  # not so in scripts without spaces
    if not (is_one and WORD_MIN_CHARS <= len(word) <= WORD_MAX_CHARS):
        return given
    known = "SELECT 1 FROM temp.{} WHERE term >= ? AND term < ? LIMIT 1"
    if any(db.execute(known.format(each), (word, word + _HIGHEST)).get for each in _VOCABULARIES):
        return given  # or the beginning of one
    nearest = (_nearest_of(db, vocabulary, word) for vocabulary in _VOCABULARIES)
    return next((found for found in nearest if found is not None), given)


def _nearest_of(db: Connection, vocabulary: str, word: str) -> str | None:
    """Return the nearest word of a vocabulary; None when none is near enough."""
    allowed = 1 if len(word) < 2 * WORD_MIN_CHARS else 2
    sizes = (len(word) - allowed, len(word) + allowed)
    rows = db.execute(
        f"SELECT term, doc FROM temp.{vocabulary} WHERE term >= ? AND term < ?"  # noqa: S608 - constants
        " AND length(term) BETWEEN ? AND ? LIMIT ?",
        (word[0], word[0] + _HIGHEST, *sizes, CANDIDATES_MAX),
    )
    near = [(count_edits(word, term, allowed), -workflows, term) for term, workflows in rows]
    distance, _, nearest = min(near, default=(allowed + 1, 0, ""))
    return nearest if distance <= allowed else None


def count_edits(left: str, right: str, most: int) -> int:
    """Return how many insertions, deletions, changes and swaps lead from one word to the other.

    The count stops early: any result above `most` means more than `most`.
    """
    if left == right or not most:
        return int(left != right)
    if left[:1] == right[:1]:
        return count_edits(left[1:], right[1:], most)
    rests = [(left[1:], right), (left, right[1:]), (left[1:], right[1:])]
    if left[:2] == right[1::-1]:
        rests.append((left[2:], right[2:]))
    return 1 + min([count_edits(*rest, most - 1) for rest in rests])
