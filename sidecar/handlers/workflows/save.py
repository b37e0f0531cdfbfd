"""`workflows.save` and `workflows.save_many`: write whole workflows, header and body.

The body is never parsed: its JSON text goes as it was sent from the request's line to the store,
which compares it with what is stored and compresses it. `save_new` and `save_revision` are also
what the other methods call that write a workflow's content.
"""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import (
    Archived,
    Conflict,
    DatabaseDamaged,
    EmptyBody,
    InvalidParams,
    SidecarError,
    TooLarge,
)
from sidecar.handlers.workflows import checks
from sidecar.handlers.workflows.automatic import PACK_CHORE
from sidecar.handlers.workflows.views import (
    UNESCAPED_MAX_BYTES,
    Name,
    WorkflowsItemError,
    WorkflowsSaveResult,
    save_view,
    sent_bytes,
)
from sidecar.notifications import WorkflowsChanged
from sidecar.null_params import accepting_null
from sidecar.repair.mend import find_to_change
from sidecar.store.workflows.header import Content, Header, load, tags_text
from sidecar.store.workflows.save import insert_workflow, write_revision
from sidecar.values import ExpectedRevision, Id, Tag, WorkflowId

Description = Annotated[str, Meta(max_length=limits.DESCRIPTION_MAX_CHARS)]
CategoryParam = Annotated[str, Meta(min_length=1, max_length=limits.CATEGORY_MAX_CHARS)]

CATEGORY_DEFAULT = "general"
"""The category of a workflow that is given none."""


class WorkflowsSaveWorkflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole workflow to save; a member that is absent gets its default."""

    name: Name
    data: Annotated[
        msgspec.Raw,
        Meta(
            description="The body: any JSON, at most 16 MiB and 512 levels deep, kept byte for"
            " byte. Against the 16 MiB U+2028 and U+2029 count as the six bytes of their escapes."
        ),
    ]
    id: Annotated[
        Id | UnsetType, Meta(description="Its id, 1 to 128 characters; one is made when absent.")
    ] = UNSET
    description: Annotated[
        Description | None,
        Meta(description="Text for people, at most 16384 characters; null or absent for none."),
    ] = None
    tags: Annotated[
        list[Tag],
        Meta(
            max_length=limits.TAGS_MAX,
            description="At most 64 tags, each kept once; none when absent.",
        ),
    ] = []
    category: Annotated[
        CategoryParam, Meta(description="1 to 64 characters; `general` when absent.")
    ] = CATEGORY_DEFAULT


Force = Annotated[
    bool, Meta(description="Let an empty body replace one with content; false when absent.")
]
Expected = Annotated[
    ExpectedRevision | None,
    Meta(
        description="Save only when this is the current revision; 0: only when no workflow has the"
        " id; null or absent: in any case."
    ),
]


class WorkflowsSaveParams(Params, frozen=True):
    """The workflow to save and the conditions under which it is saved."""

    workflow: Annotated[WorkflowsSaveWorkflow, Meta(description="The whole workflow.")]
    expected_revision: Expected = None
    force: Force = False


class WorkflowsSaveManyItem(WorkflowsSaveParams, frozen=True):
    """One of several workflows to save and the conditions under which it is saved."""


class WorkflowsSaveManyParams(Params, frozen=True):
    """The workflows to save, in order; an id may come more than once."""

    items: Annotated[
        list[WorkflowsSaveManyItem],
        Meta(
            max_length=limits.MANY_MAX_ITEMS,
            description="At most 100 workflows, their bodies at most 8 MiB together.",
        ),
    ]
    on_error: Annotated[
        Literal["fail", "skip"],
        Meta(
            description="What happens when an item fails: `fail`, the default, saves none of them;"
            " `skip` reports the item's error in the result and saves the others."
        ),
    ] = "fail"


class _SaveManyRaw(Params, frozen=True):
    """The params of `workflows.save_many` before their items are decoded."""

    published: ClassVar[type[Params]] = WorkflowsSaveManyParams

    items: Annotated[list[Raw], Meta(max_length=limits.MANY_MAX_ITEMS)]
    on_error: Literal["fail", "skip"] = "fail"


class WorkflowsSaveManySaved(msgspec.Struct, frozen=True):
    """The result of one item."""

    id: Annotated[
        WorkflowId | None,
        Meta(description="The workflow's id; null when the item failed before it got one."),
    ]
    saved: Annotated[
        WorkflowsSaveResult | None,
        Meta(description="The result of workflows.save; null when it failed."),
    ]
    error: Annotated[
        WorkflowsItemError | None, Meta(description="Its error; null when it was saved.")
    ]


class WorkflowsSaveManyResult(Result, frozen=True):
    """The result of each item."""

    items: Annotated[list[WorkflowsSaveManySaved], Meta(description="In the order of the params.")]


@method("workflows.save", access="write", errors=(Archived, Conflict, EmptyBody))
def save(ctx: Context, params: WorkflowsSaveParams) -> WorkflowsSaveResult:
    """Save a whole workflow: make a new one, or replace the content of the one with that id.

    The revision rises by one, unless name, description, tags, category and body all equal what
    is stored: then nothing is written and `changed` is false. Runs and `created_at` stay.
    """
    return _save(ctx, params, "$.params")


@method("workflows.save_many", access="write", errors=(Archived, Conflict, EmptyBody))
def save_many(ctx: Context, params: _SaveManyRaw) -> WorkflowsSaveManyResult:
    """Save several workflows in order: all or none with `fail`, all that are valid with `skip`.

    With `fail`, the error of the call carries the `index` of the item that caused it.
    """
    skip = params.on_error == "skip"
    items = [_decode_item(raw, index, skip=skip) for index, raw in enumerate(params.items)]
    valid = [item for item in items if isinstance(item, WorkflowsSaveManyItem)]
    size_bytes = sum(memoryview(item.workflow.data).nbytes for item in valid)
    if size_bytes > limits.SAVE_MANY_MAX_BYTES:
        raise TooLarge(
            "The bodies together are larger than one request allows; send fewer at a time.",
            path="$.params.items",
            limit=limits.SAVE_MANY_MAX_BYTES,
        )
    save_one = _save_or_skip if skip else _save_or_fail
    return WorkflowsSaveManyResult(
        [
            WorkflowsSaveManySaved(None, None, WorkflowsItemError.of(item))
            if isinstance(item, InvalidParams)
            else save_one(ctx, item, index)
            for index, item in enumerate(items)
        ]
    )


def _decode_item(raw: Raw, index: int, *, skip: bool) -> WorkflowsSaveManyItem | InvalidParams:
    """Decode one item; with `skip` the error of an invalid item is returned instead.

    Raises:
        InvalidParams: the item is invalid and `skip` is false.
    """
    try:
        return msgspec.json.decode(raw, type=WorkflowsSaveManyItem)
    except msgspec.ValidationError:
        tolerant: type[WorkflowsSaveManyItem] = accepting_null(WorkflowsSaveManyItem)
    try:
        return msgspec.json.decode(raw, type=tolerant)
    except msgspec.ValidationError as fault:
        from sidecar.decode_errors import invalid_params  # noqa: PLC0415 - only a wrong item needs it

        error = invalid_params(fault, tolerant, f"$.params.items[{index}]")
        if skip:
            return error
        error.data["index"] = index
        raise error from None


def _save_or_fail(ctx: Context, item: WorkflowsSaveManyItem, index: int) -> WorkflowsSaveManySaved:
    """Save one item; its error ends the whole request and carries the item's index."""
    path = f"$.params.items[{index}]"
    try:
        saved = _save(ctx, item, path)
    except SidecarError as fault:
        fault.data = {"path": path, **fault.data, "index": index}
        raise
    return WorkflowsSaveManySaved(saved.id, saved, None)


def _save_or_skip(ctx: Context, item: WorkflowsSaveManyItem, index: int) -> WorkflowsSaveManySaved:
    """Save one item under a savepoint; its error undoes the item alone and is reported."""
    try:
        with ctx.savepoint():
            saved = _save(ctx, item, f"$.params.items[{index}]")
    except SidecarError as fault:
        workflow_id = None if item.workflow.id is UNSET else item.workflow.id
        error = WorkflowsItemError.of(fault)
        return WorkflowsSaveManySaved(workflow_id, None, error)
    return WorkflowsSaveManySaved(saved.id, saved, None)


def _save(ctx: Context, item: WorkflowsSaveParams, path: str) -> WorkflowsSaveResult:
    """Save the workflow of `item`, which is at `path` of the request."""
    workflow = item.workflow
    body = _body(ctx, workflow, path)
    content = _content(workflow, path)
    old = None if workflow.id is UNSET else find_to_change(ctx.db, workflow.id)
    if old is not None:
        checks.refuse_archived(old, f"{path}.workflow.id")
    checks.check_expected(old, item.expected_revision, path)
    if old is None:
        workflow_id = ctx.clock.new_id() if workflow.id is UNSET else workflow.id
        return save_new(ctx, workflow_id, content, body)
    if not item.force:
        refuse_emptying(ctx, old, body, path)
    return save_revision(ctx, old, content, body)


def _body(ctx: Context, workflow: WorkflowsSaveWorkflow, path: str) -> bytes:
    """Return the body, which is stored as it was sent.

    Raises:
        TooLarge: it takes, as it was sent or in an answer, more bytes than allowed.
        InvalidParams: it nests too deep.
    """
    body = bytes(workflow.data)
    if len(body) > UNESCAPED_MAX_BYTES and sent_bytes(body) > limits.BODY_MAX_BYTES:
        raise TooLarge(path=f"{path}.workflow.data", limit=limits.BODY_MAX_BYTES)
    ctx.refuse_deep(body, f"{path}.workflow.data")
    return body


def _content(workflow: WorkflowsSaveWorkflow, path: str) -> Content:
    """Return the content beside the body, or raise InvalidParams."""
    path = f"{path}.workflow"
    checks.refuse_nul(
        path,
        id=None if workflow.id is UNSET else workflow.id,
        name=workflow.name,
        description=workflow.description,
        category=workflow.category,
    )
    checks.refuse_nul_in(f"{path}.tags", workflow.tags)
    tags = tags_text(workflow.tags)
    return Content(workflow.name, workflow.description, tags, workflow.category)


def refuse_emptying(ctx: Context, old: Header, body: bytes, path: str) -> None:
    """Refuse to replace a body that has content by an empty one.

    A client that has lost its document in memory would otherwise lose the stored one, too.

    Raises:
        EmptyBody: the new body is empty and the stored one is not.
    """
    if not checks.is_empty_body(body):
        return
    stored = load(ctx.db, old.id)
    try:
        has_content = stored is not None and not checks.is_empty_body(stored.body())
    except DatabaseDamaged:
        return  # A damaged body has no content that could be lost.
    if has_content:
        raise EmptyBody(path=f"{path}.workflow.data", revision=old.revision)


def save_new(
    ctx: Context, workflow_id: str, content: Content, body: bytes, sha256: bytes | None = None
) -> WorkflowsSaveResult:
    """Write a new workflow with its audit entry, and emit its event.

    `sha256` is the fingerprint of `body` where the caller knows it.
    """
    new = insert_workflow(ctx.db, workflow_id, content, body, ctx.clock.now_ms(), sha256)
    ctx.audit("workflow_save", new.id, revision=new.revision, created=True)
    ctx.emit(WorkflowsChanged(new.id, new.revision, "created", ctx.audit_seq))
    return save_view(new, created=True, changed=True)


def save_revision(
    ctx: Context, old: Header, content: Content, body: bytes | None, **details: int
) -> WorkflowsSaveResult:
    """Write a workflow's next revision with its audit entry, and emit its event.

    A body of None keeps the stored one. When content and body equal what is stored, nothing is
    written. `details` go into the audit entry.
    """
    new = write_revision(ctx.db, old, content, body, ctx.clock.now_ms())
    if new is old:
        return save_view(old, created=False, changed=False)
    ctx.audit("workflow_save", new.id, revision=new.revision, created=False, **details)
    ctx.emit(WorkflowsChanged(new.id, new.revision, "saved", ctx.audit_seq))
    ctx.session.schedule(PACK_CHORE, limits.PACK_PAUSE_MS)
    return save_view(new, created=False, changed=True)
