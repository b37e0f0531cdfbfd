"""`workflows.revert`: saves an earlier revision's content again."""

from sidecar.catalog import Params, method
from sidecar.context import Context
from sidecar.errors import Archived, Conflict, DatabaseDamaged, NotFound
from sidecar.handlers.workflows.checks import check_expected, must_find, must_load, refuse_archived
from sidecar.handlers.workflows.save import Expected, save_revision
from sidecar.handlers.workflows.views import WorkflowsSaveResult, save_view
from sidecar.values import Revision, WorkflowId


class WorkflowsRevertParams(Params, frozen=True):
    """The workflow, and the revision to revert it to."""

    id: WorkflowId
    revision: Revision
    expected_revision: Expected = None


@method("workflows.revert", access="write", errors=(NotFound, Archived, Conflict, DatabaseDamaged))
def revert(ctx: Context, params: WorkflowsRevertParams) -> WorkflowsSaveResult:
    """Save the whole content of an earlier revision as a new revision; the history is kept."""
    old = must_find(ctx.db, params.id)
    refuse_archived(old)
    check_expected(old, params.expected_revision)
    if params.revision == old.revision:
        return save_view(old, created=False, changed=False)
    revision = must_load(ctx.db, old, params.revision)
    return save_revision(ctx, old, revision.content, revision.body, reverted_to=params.revision)
