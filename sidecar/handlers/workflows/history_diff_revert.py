"""`workflows.history`, `workflows.diff` and `workflows.revert`: the revisions of a workflow.

A revision is the whole content: name, description, tags, category and body. Every change of the
content makes one; the newest `revision_keep_count` revisions, and all that runs refer to, are
kept.
"""

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.bodies.parse import NotJSON, parse
from sidecar.catalog import MayBeDamaged, Params, Result, method
from sidecar.context import Context
from sidecar.decode_errors import read_cursor
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound, TooLarge
from sidecar.handlers.workflows import checks
from sidecar.handlers.workflows.save import Expected, save_revision
from sidecar.handlers.workflows.views import WorkflowsSaveResult, save_view
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import Header
from sidecar.values import (
    Count,
    CursorParam,
    Limit,
    NextCursor,
    Revision,
    Timestamp,
    WorkflowId,
    encode_cursor,
    query_mark,
)

if TYPE_CHECKING:
    from sidecar.bodies import difference


class WorkflowsHistoryParams(Params, frozen=True):
    """The workflow, and which page of its revisions to list."""

    id: WorkflowId
    limit: Limit = limits.PAGE_DEFAULT
    cursor: CursorParam = None


class WorkflowsHistoryItem(MayBeDamaged, frozen=True):
    """One revision without its body."""

    revision: Revision
    name: Annotated[str, Meta(description="The workflow's name in this revision.")]
    created_at: Annotated[Timestamp, Meta(description="When this revision was saved.")]
    size_bytes: Annotated[Count, Meta(description="Size of its body, bytes of JSON.")]
    stored_bytes: Annotated[
        Count,
        Meta(
            description="Size of its body as stored, bytes; 0 when another revision has the same."
        ),
    ]
    pinned_by_runs: Annotated[
        bool, Meta(description="Whether a run refers to it; then it is never pruned.")
    ]


class WorkflowsHistoryResult(Result, frozen=True):
    """A page of revisions."""

    items: Annotated[
        list[WorkflowsHistoryItem],
        Meta(description="Newest first; the current revision is the first of the first page."),
    ]
    next_cursor: NextCursor


@method("workflows.history", access="read", errors=(NotFound,))
def history(ctx: Context, params: WorkflowsHistoryParams) -> WorkflowsHistoryResult:
    """List the revisions of a workflow that are kept, the current one first."""
    header = checks.must_find(ctx.db, params.id)
    mark = query_mark(params.id)
    before = header.revision
    items: list[WorkflowsHistoryItem] = []
    referred = revisions.referred(ctx.db, header.rid)
    if params.cursor is None:
        items.append(_current_item(header, referred))
    else:
        (before,) = read_cursor(params.cursor, mark, int)
    count = params.limit - len(items)
    found = revisions.page(ctx.db, header.rid, before, count + 1)
    items += [
        WorkflowsHistoryItem(*old[:5], old.revision in referred, damaged=old.damaged)
        for old in found[:count]
    ]
    more = len(found) > count
    return WorkflowsHistoryResult(items, encode_cursor(mark, items[-1].revision) if more else None)


def _current_item(header: Header, referred: set[int]) -> WorkflowsHistoryItem:
    """Return the item of the current revision, which is the workflow's own row."""
    return WorkflowsHistoryItem(
        header.revision,
        header.name,
        header.updated_at,
        header.size_bytes,
        header.stored_bytes,
        header.revision in referred,
    )


class WorkflowsDiffParams(Params, frozen=True):
    """The two revisions to compare; either may be the current one."""

    id: WorkflowId
    from_revision: Revision
    to_revision: Revision


class WorkflowsDiffStep(msgspec.Struct, frozen=True):
    """A step of a workflow: a node, block, action or state, as its tool calls it."""

    id: Annotated[str, Meta(description="Its id; where it has none, its name or its position.")]
    name: Annotated[str, Meta(description="Its name.")]
    kind: Annotated[str, Meta(description="Its type in the tool; empty where it has none.")]


class WorkflowsDiffRenamed(msgspec.Struct, frozen=True):
    """A step with another name."""

    id: Annotated[str, Meta(description="Its id in `to_revision`.")]
    before: Annotated[str, Meta(description="Its name in `from_revision`.")]
    after: Annotated[str, Meta(description="Its name in `to_revision`.")]


class WorkflowsDiffField(msgspec.Struct, frozen=True):
    """A value that differs between the two revisions."""

    name: Annotated[
        str,
        Meta(description="Its name, with a dot between parts; `*` where it has none, or for more."),
    ]
    before: Annotated[
        str | None,
        Meta(description="The value in `from_revision` as JSON text, cut after 1 000 characters."),
    ]
    after: Annotated[
        str | None, Meta(description="The same of `to_revision`; null where it is missing.")
    ]


class WorkflowsDiffChanged(msgspec.Struct, frozen=True):
    """A step with settings that differ."""

    id: Annotated[str, Meta(description="Its id.")]
    name: Annotated[str, Meta(description="Its name in `to_revision`.")]
    fields: Annotated[
        list[WorkflowsDiffField],
        Meta(description="What differs, by name, at most 100 and `*` for more."),
    ]


class WorkflowsDiffLink(msgspec.Struct, frozen=True):
    """A connection between two steps."""

    source: Annotated[str, Meta(description="Id of the step that it leads from.")]
    target: Annotated[str, Meta(description="Id of the step that it leads to.")]
    port: Annotated[
        str, Meta(description="Output and input, as the tool names them; empty for the only ones.")
    ]


class WorkflowsDiffResult(Result, frozen=True):
    """What differs between the two revisions."""

    tool: Annotated[
        str, Meta(description="The tool whose shape `to_revision` has; `unknown` for others.")
    ]
    layout_only: Annotated[
        bool, Meta(description="Whether only places on the canvas differ, and nothing else.")
    ]
    added: Annotated[list[WorkflowsDiffStep], Meta(description="Steps only `to_revision` has.")]
    removed: Annotated[list[WorkflowsDiffStep], Meta(description="Steps only `from_revision` has.")]
    renamed: Annotated[list[WorkflowsDiffRenamed], Meta(description="Steps with another name.")]
    moved: Annotated[
        list[WorkflowsDiffStep], Meta(description="Steps with another place on the canvas.")
    ]
    changed: Annotated[
        list[WorkflowsDiffChanged], Meta(description="Steps with settings that differ.")
    ]
    links_added: Annotated[
        list[WorkflowsDiffLink], Meta(description="Connections only `to_revision` has.")
    ]
    links_removed: Annotated[
        list[WorkflowsDiffLink], Meta(description="Connections only `from_revision` has.")
    ]
    metadata: Annotated[
        list[WorkflowsDiffField],
        Meta(
            description="What differs of name, description, tags and category, and as `data.NAME`"
            " of the members of the body beside its steps and connections."
        ),
    ]


@method("workflows.diff", access="read", errors=(NotFound,))
def diff(ctx: Context, params: WorkflowsDiffParams) -> WorkflowsDiffResult:
    """Compare two revisions of a workflow, step by step where its tool is known.

    A step that was renamed or moved is reported as such, and not as changed links.
    """
    header = checks.must_find(ctx.db, params.id)
    before = checks.must_load(ctx.db, header, params.from_revision, "from_revision")
    after = checks.must_load(ctx.db, header, params.to_revision, "to_revision")
    if max(len(before.body), len(after.body)) > limits.BODY_INDEXED_MAX_BYTES:
        raise TooLarge(
            "A body is too large to be compared here; get both revisions and compare them.",
            limit=limits.BODY_INDEXED_MAX_BYTES,
        )
    # Imported here, since few processes are asked for it and each would start later for it.
    from sidecar.bodies import difference as differences  # noqa: PLC0415

    found = differences.compare(_decoded(before.body), _decoded(after.body))
    old, new = (
        each.content._asdict() | {"tags": msgspec.Raw(each.content.tags.encode())}
        for each in (before, after)
    )
    metadata = [
        differences.field(name, value, new[name])
        for name, value in old.items()
        if value != new[name]
    ]
    outside = [each._replace(name=f"data.{each.name}") for each in found.outside]
    added, removed, moved = (
        [WorkflowsDiffStep(step.id, step.name, step.kind) for step in steps]
        for steps in (found.added, found.removed, found.moved)
    )
    return WorkflowsDiffResult(
        tool=found.tool,
        layout_only=found.is_layout_only() and not metadata,
        added=added,
        removed=removed,
        renamed=[WorkflowsDiffRenamed(*each) for each in found.renamed],
        moved=moved,
        changed=[
            WorkflowsDiffChanged(each.id, each.name, _fields(each.fields)) for each in found.changed
        ],
        links_added=[WorkflowsDiffLink(*link) for link in found.linked],
        links_removed=[WorkflowsDiffLink(*link) for link in found.unlinked],
        metadata=_fields([*metadata, *outside]),
    )


def _fields(fields: "list[difference.Field]") -> list[WorkflowsDiffField]:
    """Return fields as the wire has them."""
    return [WorkflowsDiffField(*field) for field in fields]


def _decoded(body: bytes) -> object:
    """Decode a stored body, or raise DatabaseDamaged."""
    try:
        return parse(body)
    except NotJSON:
        raise DatabaseDamaged from None


class WorkflowsRevertParams(Params, frozen=True):
    """The workflow, and the revision to revert it to."""

    id: WorkflowId
    revision: Revision
    expected_revision: Expected = None


@method("workflows.revert", access="write", errors=(NotFound, Archived, Conflict))
def revert(ctx: Context, params: WorkflowsRevertParams) -> WorkflowsSaveResult:
    """Save the whole content of an earlier revision as a new revision; the history is kept."""
    old = checks.must_find(ctx.db, params.id)
    checks.refuse_archived(old)
    checks.check_expected(old, params.expected_revision)
    if params.revision == old.revision:
        return save_view(old, created=False, changed=False)
    revision = checks.must_load(ctx.db, old, params.revision)
    return save_revision(ctx, old, revision.content, revision.body, reverted_to=params.revision)
