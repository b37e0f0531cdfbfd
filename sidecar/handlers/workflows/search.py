"""`workflows.search`: finds workflows by words of their header, then by words in their body."""

from typing import Annotated, Literal

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.handlers.workflows.get_list import (
    ArchivedFilter,
    CategoryFilter,
    SourceFilter,
    TagsFilter,
    filter_of,
)
from sidecar.handlers.workflows.views import (
    PLAIN,
    WorkflowHeader,
    count_fitting,
    header_fields,
    optional_fields,
)
from sidecar.store.search import excerpts, indexes, spelling
from sidecar.store.search.hits import NEED_BODY, Asked, Hit
from sidecar.store.search.pages import Place, find_page
from sidecar.store.search.query import parse
from sidecar.store.workflows.header import Header, packed_body
from sidecar.store.workflows.list import has_truncated
from sidecar.values import CursorParam, Limit, NextCursor, encode_cursor, query_mark


class WorkflowsSearchParams(Params, frozen=True):
    """The words to find, and in which workflows."""

    query: Annotated[
        str,
        Meta(
            max_length=limits.QUERY_MAX_CHARS,
            description="Words, all of which a workflow must have; the last one may be the"
            ' beginning of a word. "..." around words finds them side by side; - before a word or'
            ' "..." excludes workflows that have it. At most 1024 characters, any of them. Without'
            " a word to find, the newest workflows are listed that have no excluded word. Words of"
            " three and more characters are also looked for inside the words of names, tags and"
            " descriptions.",
        ),
    ]
    category: CategoryFilter = None
    tags: TagsFilter = None
    source: SourceFilter = None
    archived: ArchivedFilter = False
    snippets: Annotated[
        Literal["header", "body", "none"],
        Meta(
            description="What snippets are taken from: `header`, the default, is description, name"
            " or tags; `body` is the text in the body when it has one of the words, else the"
            " header, as also when the bodies before it on the page took a MiB; `none`: there are"
            " no snippets."
        ),
    ] = "header"
    limit: Limit = limits.SEARCH_PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsSearchItem(WorkflowHeader, frozen=True):
    """A workflow that was found."""

    score: Annotated[
        float,
        Meta(
            description="Higher is better; comparable only among hits of one answer that matched in"
            " the same way; 0 where hits are not ranked."
        ),
    ]
    matched_in: Annotated[
        list[Literal["name", "tags", "description", "body"]],
        Meta(
            description="Header fields that have a word of the query, regardless of case and"
            " accents; `body` for a workflow that its header alone would not have matched."
        ),
    ]
    snippet: Annotated[
        str | None,
        Meta(
            description="About 120 characters of text around the first word found, with each word"
            " in [ and ] and \u2026 where text is cut off; null without a word to find or with"
            " `none`."
        ),
    ]


class WorkflowsSearchResult(Result, frozen=True):
    """A page of hits, best first: header before body, whole words before parts of words."""

    items: Annotated[list[WorkflowsSearchItem], Meta(description="Hits, best first.")]
    next_cursor: NextCursor
    indexing: Annotated[
        bool,
        Meta(
            description="Whether some workflows saved just now, or all after an update of the"
            " program, are not yet in the search indexes: they may be missing, or be listed in"
            " spite of an excluded word. Ask again in a moment. False nearly always."
        ),
    ]
    text_truncated: Annotated[
        bool,
        Meta(
            description="Whether there are workflows, marked `text_truncated`, with more text in"
            " their body than is searched, which may be missing."
        ),
    ]
    did_you_mean: Annotated[
        str | None,
        Meta(
            description="The query with similar words that occur when nothing was found; else null."
        ),
    ]


@method("workflows.search", access="read")
def search(ctx: Context, params: WorkflowsSearchParams) -> WorkflowsSearchResult:
    """Find workflows by words of their name, tags and description, then by words in their body.

    Every text is a valid query. Case, accents and invisible characters are ignored. Matches of
    whole words in the header come first, then beginnings of words, then matches inside words, then
    matches that need the body; among these the best come first, or the newest where there are more
    than 20000. The pages of a search lose and repeat nothing while workflows are saved.
    """
    terms = parse(params.query)
    filter_ = filter_of(
        params.category, params.tags, archived=params.archived, source=params.source
    )
    mark = query_mark(params.query, *filter_)
    indexing = indexes.update_for_search(ctx.store)
    with ctx.store.snapshot():
        return _search(ctx, params, Asked(ctx.db, terms, filter_), mark, indexing=indexing)


def _search(
    ctx: Context, params: WorkflowsSearchParams, asked: Asked, mark: str, *, indexing: bool
) -> WorkflowsSearchResult:
    """Return a page of what is asked for, with a cursor of this mark."""
    place: Place | None = None
    if params.cursor is not None:
        place = Place(*read_cursor(params.cursor, mark, int, int, int, float, int))
    found, following = find_page(asked, ctx.store, place, params.limit, count_fitting)
    shown = asked.terms.shown
    unknown = bool(shown) and not (found or params.cursor or indexing)
    snippets = _Snippets(ctx, shown, params.snippets)
    return WorkflowsSearchResult(
        [snippets.item(hit, header) for hit, header in found],
        None if following is None else encode_cursor(mark, *following),
        indexing,
        has_truncated(ctx.db, archived=params.archived),
        spelling.correct_query(ctx.db, params.query) if unknown else None,
    )


class _Snippets:
    """Makes the items of a page, and unpacks a limited number of bodies for their snippets."""

    def __init__(
        self, ctx: Context, words: excerpts.Words, source: Literal["header", "body", "none"]
    ) -> None:
        self._ctx = ctx
        self._words = words
        self._source = source
        self._room_bytes: int | None = None

    def item(self, hit: Hit, header: Header) -> WorkflowsSearchItem:
        """Return a hit as the answer carries it, with its snippet."""
        places, excerpt = excerpts.find_words(header, self._words, excerpt=self._source != "none")
        if hit.stage in NEED_BODY:
            places.append("body")
        if self._source == "body" and self._takes(header):
            excerpt = self._of_body(header) or excerpt
        fields = header_fields(header, max(0.0, -hit.rank), places, excerpt)
        if header[15:] == PLAIN:
            return WorkflowsSearchItem(*fields)
        return WorkflowsSearchItem(*fields, **optional_fields(header))

    def _takes(self, header: Header) -> bool:
        """Return whether one more body may be unpacked, and count it; one is always allowed."""
        size = header.size_bytes if header.size_bytes <= limits.BODY_INDEXED_MAX_BYTES else 0
        room, is_first = self._room_bytes, self._room_bytes is None
        left = (limits.SEARCH_SNIPPETS_BYTES if room is None else room) - size
        if left < 0 and not is_first:
            return False
        self._room_bytes = left
        return True

    def _of_body(self, header: Header) -> str | None:
        """Return a snippet of the body's line with most of the words; None when none has any."""
        data = packed_body(self._ctx.db, header.rid)
        found = indexes.body_text(header.content_sha256, header.size_bytes, data)
        lines = found[0].split("\n") if found else ()
        best = excerpts.best_line(lines, self._words)
        return None if best is None else excerpts.cut(best, self._words)
