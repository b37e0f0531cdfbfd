"""`backups.delete`: delete one backup from the folder of backups."""

from sidecar.backups import directory
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import NotFound
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import Name


class BackupsDeleteParams(Params, frozen=True):
    """The backup to delete."""

    name: Name


class BackupsDeleteResult(Result, frozen=True):
    """The backup that was deleted."""

    name: Name


@method("backups.delete", access="write", frees_space=True, errors=(NotFound,))
def delete(ctx: Context, params: BackupsDeleteParams) -> BackupsDeleteResult:
    """Delete a backup for good, whether it was made automatically or by a request."""
    path = directory.find(directory.folder_of(ctx.db, ctx.store.path), params.name)
    ctx.audit("backup_delete", params.name)
    with wire_errors():
        path.unlink()
    return BackupsDeleteResult(params.name)
