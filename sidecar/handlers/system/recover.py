"""`system.recover`: save what can be read of a damaged database."""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import (
    DatabaseDamaged,
    DatabaseFull,
    Maintenance,
    NewerSchema,
    NotOurs,
    RecoveryRequired,
)
from sidecar.repair.recover import recover_database
from sidecar.values import Count


class SystemRecoverParams(Params, frozen=True):
    """Whether to recover or only to report."""

    dry_run: Annotated[
        bool,
        Meta(description="Only report what could be saved, for the user to decide. Absent: false."),
    ] = False


class SystemRecoverResult(Result, frozen=True):
    """What was done with the rows, by table; tables without any are omitted."""

    salvaged: Annotated[dict[str, Count], Meta(description="Rows read from the damaged file.")]
    lost: Annotated[
        dict[str, Count],
        Meta(
            description="Rows that could not be read, as far as known, also those in `from_backup`."
        ),
    ]
    from_backup: Annotated[dict[str, Count], Meta(description="Rows taken from a backup.")]
    quarantine: Annotated[
        str | None,
        Meta(description="Name beside the database of the damaged file; null in a dry run."),
    ]


@method(
    "system.recover",
    long=True,
    replaces_file=True,
    frees_space=True,
    errors=(DatabaseDamaged, DatabaseFull, Maintenance, NewerSchema, NotOurs, RecoveryRequired),
)
def recover(ctx: LongContext, params: SystemRecoverParams) -> SystemRecoverResult:
    """Replace a damaged database by a new one with everything that can be read of it.

    Rows that cannot be read are taken from the newest backup that has them. The damaged file is
    kept and never changed. It waits for other long requests, and refuses them, as `backups.restore`
    does; meanwhile requests that need the database are answered `maintenance`. Call the method with
    `dry_run` first, which disturbs no other request, and let the user decide.
    """
    recovered = recover_database(ctx, dry_run=params.dry_run)
    counts = [
        {name: count for name, count in rows.items() if count}
        for rows in (recovered.salvaged, recovered.lost, recovered.from_backup)
    ]
    return SystemRecoverResult(counts[0], counts[1], counts[2], recovered.quarantine)
