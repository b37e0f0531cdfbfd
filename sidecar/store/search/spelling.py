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
    places = [found for found in _WORDS.finditer(query) if _is_word(found[0])]
    places = places[: limits.SEARCH_SPELLED_MAX]
    given = [fold(found[0]) for found in places]
    nearest = correct_words(db, given)
    if nearest is None:
        return None
    for found, word, near in reversed([*zip(places, given, nearest, strict=True)]):
        if near != word:
            query = query[: found.start()] + near + query[found.end() :]
    return query if len(query) <= limits.QUERY_MAX_CHARS else None


def _is_word(text: str) -> bool:
    """Return whether a text is one word in the indexes: not so in scripts without spaces."""
    folded = fold(text)
    return bool(folded) and words(folded).split() == [folded]


def correct_words(db: Connection, given: list[str]) -> list[str] | None:
    """Return the folded words with the nearest indexed word for each; None when none changes.

    A candidate begins with the same character and is at most one edit away, or two for a word of
    six or more characters. Of equally near candidates the one in most workflows is taken.
    """
    for statement in _MAKE:
        db.execute(statement)
    corrected = [_nearest(db, word) for word in given]
    return None if corrected == given else corrected


def _nearest(db: Connection, word: str) -> str:
    """Return a word, or the nearest indexed word when it is not indexed itself."""
    if not WORD_MIN_CHARS <= len(word) <= WORD_MAX_CHARS:
        return word
    known = "SELECT 1 FROM temp.{} WHERE term >= ? AND term < ? LIMIT 1"
    if any(db.execute(known.format(each), (word, word + _HIGHEST)).get for each in _VOCABULARIES):
        return word  # or the beginning of one
    nearest = (_nearest_of(db, vocabulary, word) for vocabulary in _VOCABULARIES)
    return next((found for found in nearest if found is not None), word)


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
