"""`workflows.search`: finds workflows by words of their header, then by words in their body."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.handlers.workflows.get_list import (
    ArchivedFilter,
    CategoryFilter,
    TagsFilter,
    filter_of,
)
from sidecar.handlers.workflows.views import (
    WorkflowHeader,
    count_fitting,
    header_fields,
    optional_fields,
)
from sidecar.store.search import excerpts, indexes, spelling
from sidecar.store.search.body_lines import Budget, body_lines
from sidecar.store.search.hits import BODY, NEWEST, SCAN, Hit, Place, find_hits
from sidecar.store.search.query import parse
from sidecar.store.workflows.header import Header
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
            " a word to find, the newest workflows are listed that have no excluded word. Only the"
            " first 16 words of one or two characters are also looked for inside other words.",
        ),
    ]
    category: CategoryFilter = None
    tags: TagsFilter = None
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
            description="Whether the bodies of some workflows saved just now are not yet in the"
            " search index: they may be missing, or be listed in spite of an excluded word. Ask"
            " again in a moment. False nearly always."
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

    Every text is a valid query. Case and diacritics are ignored. Matches of whole words in the
    header come first, then matches inside words, then matches that need the body. A page may be
    short, even empty, and still have a `next_cursor`: words side by side are looked for in a
    bounded number of bodies at a time.
    """
    terms = parse(params.query)
    filter_ = filter_of(params.category, params.tags, archived=params.archived)
    after: Place | None = None
    if params.cursor is not None:
        mark = query_mark(params.query, *filter_)
        after = Place(*read_cursor(params.cursor, mark, int, float, int, int))
    indexes.update_for_search(ctx.store)
    found, stopped = find_hits(ctx.db, terms, filter_, after, params.limit + 1)
    sent = found[: count_fitting([hit.header for hit in found[: params.limit]])]
    more = sent[-1].place(found[len(sent)]) if len(found) > len(sent) else stopped
    next_cursor = encode_cursor(query_mark(params.query, *filter_), *more) if more else None
    words = excerpts.words_to_find(terms.all)
    indexing = indexes.has_pending(ctx.db)
    unknown = bool(words) and not (found or more or after or indexing)
    meant = spelling.correct_query(ctx.db, params.query, words) if unknown else None
    # Snippets have a budget of their own, apart from the one of find_hits.
    budget = Budget(limits.PAGE_MAX, limits.SEARCH_SNIPPETS_BYTES)
    return WorkflowsSearchResult(
        [_item(ctx, hit, words, params.snippets, budget) for hit in sent],
        next_cursor,
        indexing,
        meant,
    )


def _item(
    ctx: Context,
    hit: Hit,
    words: list[str],
    snippets: Literal["header", "body", "none"],
    budget: Budget,
) -> WorkflowsSearchItem:
    """Return a hit as the answer carries it, with its snippet."""
    header = hit.header
    matches = excerpts.find_words(header, words, excerpt=snippets != "none")
    places: list[Any] = [*matches.fields, *(["body"] if hit.stage == BODY else [])]
    excerpt = matches.excerpt
    if snippets == "body" and budget.takes(header):
        excerpt = _body_excerpt(ctx, header, words) or excerpt
    score = 0.0 if hit.stage in (SCAN, NEWEST) else -hit.rank
    fields = header_fields(header, score, places, excerpt)
    return WorkflowsSearchItem(*fields, **optional_fields(header))


def _body_excerpt(ctx: Context, header: Header, words: list[str]) -> str | None:
    """Return an excerpt of the body's line with most of the words; None when no line has any."""
    best, best_words = "", 0
    for line in body_lines(ctx.db, header):
        folded = excerpts.fold(line)
        found = sum(word in folded for word in words)
        if found > best_words:
            best, best_words = line, found
    return excerpts.cut(best, words) if best else None
