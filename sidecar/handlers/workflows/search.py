"""`workflows.search`: by name, tags and description, then inside bodies."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.handlers.workflows.checks import read_cursor
from sidecar.handlers.workflows.get_list import (
    ArchivedFilter,
    CategoryFilter,
    CursorParam,
    TagFilter,
)
from sidecar.handlers.workflows.views import WorkflowHeader, fitting, header_fields
from sidecar.store.search import excerpts, indexes, spelling
from sidecar.store.search.body_lines import Budget, body_lines
from sidecar.store.search.hits import BODY, NEWEST, SCAN, Hit, Place, find_hits
from sidecar.store.search.query import parse
from sidecar.store.workflows.header import Header
from sidecar.store.workflows.list import Filter
from sidecar.values import Limit, NextCursor, encode_cursor, query_mark


class WorkflowsSearchParams(Params, frozen=True):
    """What to look for, and where."""

    query: Annotated[
        str,
        Meta(
            max_length=limits.QUERY_MAX_CHARS,
            description="Words, all of which must be there, the last one perhaps unfinished;"
            ' "..." around words that stand together, - before what must not be there. At most'
            " 1024 characters, any of them. Without a word the newest workflows are listed, those"
            " aside that hold what must not be there. Of words of one or two characters the first"
            " 16 are looked for inside other words.",
        ),
    ]
    category: CategoryFilter = None
    tag: TagFilter = None
    archived: ArchivedFilter = False
    snippets: Annotated[
        Literal["header", "body", "none"],
        Meta(
            description="`header`, the default: cut from description, name or tags; `body`: from"
            " the text inside, where a word stands there, for the first MiB of the page's bodies"
            " and from the header for those after; or `none`."
        ),
    ] = "header"
    limit: Limit = limits.SEARCH_PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsSearchItem(WorkflowHeader, frozen=True):
    """A workflow found."""

    score: Annotated[
        float,
        Meta(description="Higher is better, within one stage of one answer; 0 without ranking."),
    ]
    matched_in: Annotated[
        list[Literal["name", "tags", "description", "body"]],
        Meta(
            description="Header fields that hold a word of the query, case and accents aside;"
            " `body` for a hit that the header alone would not have been."
        ),
    ]
    snippet: Annotated[
        str | None,
        Meta(
            description="About 120 characters of text around the first word found, each word in"
            " [ and ], cuts shown as \u2026; null without a word or when not asked for."
        ),
    ]


class WorkflowsSearchResult(Result, frozen=True):
    """A page of hits, best first: header before body, whole words before parts of words."""

    items: Annotated[list[WorkflowsSearchItem], Meta(description="Hits, best first.")]
    next_cursor: NextCursor
    indexing: Annotated[
        bool,
        Meta(
            description="True while the text inside some workflows saved just now is not searched"
            " yet: a hit may be missing, and an excluded word overlooked, there. Ask again in a"
            " moment; false nearly always."
        ),
    ]
    did_you_mean: Annotated[
        str | None,
        Meta(description="When nothing was found at all: the query with nearer words; else null."),
    ]


@method("workflows.search", access="read")
def search(ctx: Context, params: WorkflowsSearchParams) -> WorkflowsSearchResult:
    """Find workflows by the words of their name, tags and description, then by those inside.

    Every text is a valid query. Case and diacritics do not count. Hits of whole words come
    first, then those inside words, then those that only the body makes one. A page may be short,
    even empty, and still have a `next_cursor`: words that stand together are looked for in a
    bounded number of bodies at a time.
    """
    terms = parse(params.query)
    wanted = Filter(params.category, params.tag, params.archived)
    after: Place | None = None
    if params.cursor is not None:
        mark = query_mark(params.query, *wanted)
        after = Place(*read_cursor(params.cursor, mark, int, float, int, int))
    indexes.update_for_search(ctx.store)
    found, stopped = find_hits(ctx.db, terms, wanted, after, params.limit + 1)
    sent = found[: len(fitting([hit.header for hit in found[: params.limit]]))]
    more = sent[-1].place(found[len(sent)]) if len(found) > len(sent) else stopped
    next_cursor = encode_cursor(query_mark(params.query, *wanted), *more) if more else None
    words = excerpts.words_to_find(terms.all)
    indexing = indexes.has_pending(ctx.db)
    unknown = bool(words) and not (found or more or after or indexing)
    meant = spelling.correct_query(ctx.db, params.query, words) if unknown else None
    # What a search looks into to find is one thing, what it shows of it another.
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
    header = hit.header
    seen = excerpts.find_words(header, words, excerpt=snippets != "none")
    fields: list[Any] = [*seen.fields, *(["body"] if hit.stage == BODY else [])]
    excerpt = seen.excerpt
    if snippets == "body" and budget.takes(header):
        excerpt = _cut_from_body(ctx, header, words) or excerpt
    score = 0.0 if hit.stage in (SCAN, NEWEST) else -hit.rank
    return WorkflowsSearchItem(*header_fields(header, score, fields, excerpt))


def _cut_from_body(ctx: Context, header: Header, words: list[str]) -> str | None:
    """The line of the text inside that holds most of the words; None when none holds any."""
    best, best_words = "", 0
    for line in body_lines(ctx.db, header):
        folded = excerpts.fold(line)
        held = sum(word in folded for word in words)
        if held > best_words:
            best, best_words = line, held
    return excerpts.cut(best, words) if best else None
