"""`workflows.revert`: saves an earlier revision's content again."""

from sidecar.catalog import Params, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import check_expected, must_find, refuse_archived
from sidecar.handlers.workflows.revision import content_of, must_load
from sidecar.handlers.workflows.save import Expected
from sidecar.handlers.workflows.save import change as write_change
from sidecar.handlers.workflows.views import WorkflowsSaveResult, unchanged
from sidecar.store import codec
from sidecar.store.workflows import save as saves
from sidecar.values import Revision, WorkflowId


class WorkflowsRevertParams(Params, frozen=True):
    """Which workflow, and to which of its revisions."""

    id: WorkflowId
    revision: Revision
    expected_revision: Expected = None


@method("workflows.revert", access="write", errors=(NotFound, Archived, Conflict, DatabaseDamaged))
def revert(ctx: Context, params: WorkflowsRevertParams) -> WorkflowsSaveResult:
    """Save an earlier revision's whole content as a new revision; nothing is lost by it."""
    old = must_find(ctx.db, params.id)
    refuse_archived(old)
    check_expected(old, params.expected_revision)
    if params.revision == old.revision:
        return unchanged(old)
    revised = must_load(ctx.db, old, params.revision)
    content = content_of(revised.metadata)
    sha256 = codec.fingerprint(revised.body)
    same_body = sha256 == old.content_sha256
    if same_body and content == saves.content_of(old):
        return unchanged(old)
    packed = None if same_body else codec.pack(revised.body, sha256)
    return write_change(ctx, old, content, packed, reverted_to=params.revision)
