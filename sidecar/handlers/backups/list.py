"""`backups.list`: list the backups in the folder of backups."""

from typing import Annotated

from msgspec import Meta

from sidecar.backups import directory
from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.errors import ReadOnly
from sidecar.files import wire_errors
from sidecar.handlers.backups.views import BackupView, view


class BackupsListParams(Params, frozen=True):
    """This method takes no params."""


class BackupsListResult(Result, frozen=True):
    """The complete backups in the folder of backups."""

    items: Annotated[list[BackupView], Meta(description="Newest first.")]


@method("backups.list", access="read", errors=(ReadOnly,))
def list_backups(ctx: Context, params: BackupsListParams) -> BackupsListResult:
    """List the backups in the folder of backups; incomplete files are omitted."""
    del params
    with wire_errors():
        location = directory.locate(ctx.store)
        backups = directory.list_backups(location.folder)
    return BackupsListResult([view(each, location.store_id) for each in backups])
