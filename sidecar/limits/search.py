"""The numbers of the search and of its indexes; see the package."""

from typing import Final

from sidecar.limits.sizes import MIB

UPKEEP_PAUSE_MS: Final = 200
"""Time without a write before the search indexes are updated: longer than between two key
strokes."""

UPKEEP_MAX_CHANGES: Final = 8000
"""Changed rows after which the index of headers is updated without such a pause: about 1 000
saves, which a search would wait 40 ms for."""

HEADER_STEP: Final = 250
"""Workflow headers indexed in one step: about 10 ms."""

UPKEEP_REST_MS: Final = 20
"""Time between two steps of indexing: a request waits for one step at most."""

MERGE_STEP_PAGES: Final = 128
"""Pages of a search index that a purge merges in one step: about 10 ms."""

TEXT_STEP: Final = 24
TEXT_STEP_BYTES: Final = 192 * 1024
"""Bodies indexed in one step, and the sum of their bytes: about 15 ms, 20 ms in a store of 100 000
workflows; then requests are served."""

SEARCH_HEADER_STEPS: Final = 8
"""Most steps of indexing headers that a search waits for: 2 000 saves, 50 ms."""

SEARCH_TEXT_STEPS: Final = 6
"""Most steps of indexing that a search waits for: 100 ms. The largest `save_many` of usual
workflows takes five."""

SEARCH_RANKED_MAX: Final = 20_000
"""Most hits of one kind that are ranked: 30 ms. Of more the newest come first, as a person who asks
for a word that stands everywhere looks for what was worked on last."""

SEARCH_ORDERS_MAX: Final = 8
"""Searches whose order is remembered for further pages, the latest ones: 1 MB each at most."""

SEARCH_FIRSTS_MAX: Final = 16
"""First pages that are remembered until something changes: about as many as a word that is typed
and deleted again has letters, twice. A page takes 5 kB, the largest 100."""

SEARCH_SNIPPETS_BYTES: Final = MIB
"""Bytes of the bodies that the snippets of one page are cut from; the first body is always read:
10 ms, 40 ms at most."""

SEARCH_SPELLED_MAX: Final = 8
"""Unknown words of a query for which a similar word is looked up: 10 ms each at most."""

SEARCH_PAGE_DEFAULT: Final = 20

BODY_INDEXED_MAX_BYTES: Final = 4 * MIB
"""The text of larger bodies is not indexed: decoding one would occupy the loop for 50 ms."""

BODY_TEXT_MAX_CHARS: Final = 256 * 1024
BODY_VALUES_MAX: Final = 50_000
"""Characters of one body that are indexed, and the values that are read for them: no workflow of
eight tools that we have seen has more."""

FOLDED_CHARACTERS_MAX: Final = 20_000
"""Characters whose folded form is remembered: more than any language needs, 2 MB at most."""

FOLDED_RUN_MAX_CHARS: Final = 8
FOLDED_RUNS_MAX: Final = 4000
"""Longest run of characters beyond ASCII whose folded form and words are remembered, and how many
are: 2 MB at most. Latin texts have few, mostly single letters."""
