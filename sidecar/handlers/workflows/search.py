"""`workflows.search`: by name, tags and description."""

from typing import Annotated, Literal

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.handlers.workflows.checks import query_mark, read_cursor
from sidecar.handlers.workflows.read import (
    ArchivedFilter,
    CategoryFilter,
    CursorParam,
    TagFilter,
)
from sidecar.handlers.workflows.views import WorkflowHeader, fitting, header_fields
from sidecar.store import excerpts, search_index, spelling
from sidecar.store import search as searches
from sidecar.store.search import NEWEST, SCAN, Hit, Place
from sidecar.store.workflows.pages import Filter
from sidecar.values import Limit, NextCursor, encode_cursor


class WorkflowsSearchParams(Params, frozen=True):
    """What to look for, and where."""

    query: Annotated[
        str,
        Meta(
            max_length=limits.QUERY_MAX_CHARS,
            description="Words, all of which must be there, the last one perhaps unfinished; at"
            " most 1024 characters, any of them. Without a word the newest workflows are listed.",
        ),
    ]
    category: CategoryFilter = None
    tag: TagFilter = None
    archived: ArchivedFilter = False
    snippets: Annotated[
        Literal["header", "none"],
        Meta(description="`header`, the default: cut from description, name or tags; or `none`."),
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
        list[excerpts.Field],
        Meta(description="Fields that hold a word of the query, case and accents aside."),
    ]
    snippet: Annotated[
        str | None,
        Meta(
            description="About 120 characters of text around the first word found, each word in"
            " [ and ], cuts shown as \u2026; null without a word or when not asked for."
        ),
    ]


class WorkflowsSearchResult(Result, frozen=True):
    """A page of hits, best first: whole words before parts of words."""

    items: Annotated[list[WorkflowsSearchItem], Meta(description="Hits, best first.")]
    next_cursor: NextCursor
    did_you_mean: Annotated[
        str | None,
        Meta(description="When nothing was found: the query with nearer words; else null."),
    ]


@method("workflows.search", access="read")
def search(ctx: Context, params: WorkflowsSearchParams) -> WorkflowsSearchResult:
    """Find workflows by the words of their name, tags and description.

    Every text is a valid query. Case and diacritics do not count. Hits of whole words come
    first, then those inside words.
    """
    terms = searches.parse(params.query)
    wanted = Filter(params.category, params.tag, params.archived)
    after: Place | None = None
    if params.cursor is not None:
        mark = query_mark(params.query, *wanted)
        after = Place(*read_cursor(params.cursor, mark, int, float, int))
    search_index.bring_up(ctx.store)
    found = searches.search(ctx.db, terms, wanted, after, params.limit + 1)
    sent = found[: len(fitting([hit.header for hit in found[: params.limit]]))]
    next_cursor = None
    if len(found) > len(sent):
        next_cursor = encode_cursor(query_mark(params.query, *wanted), *sent[-1].place)
    words = excerpts.words_of(terms.all)
    excerpt = params.snippets == "header"
    meant = spelling.correct(ctx.db, words) if words and not found and after is None else None
    return WorkflowsSearchResult(
        [_item(hit, words, excerpt=excerpt) for hit in sent],
        next_cursor,
        " ".join(meant)[: limits.QUERY_MAX_CHARS] if meant else None,
    )


def _item(hit: Hit, words: list[str], *, excerpt: bool) -> WorkflowsSearchItem:
    header = hit.header
    seen = excerpts.look(header, words, excerpt=excerpt)
    score = 0.0 if hit.stage in (SCAN, NEWEST) else -hit.rank
    return WorkflowsSearchItem(*header_fields(header, score, seen.fields, seen.excerpt))
