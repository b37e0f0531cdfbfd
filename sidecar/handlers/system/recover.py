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
from sidecar.repair import recover as recovering
from sidecar.values import Count


class SystemRecoverParams(Params, frozen=True):
    """Whether it is meant."""

    dry_run: Annotated[
        bool,
        Meta(description="Only tell what could be saved; show it and ask. Absent: false."),
    ] = False


class SystemRecoverResult(Result, frozen=True):
    """What became of the rows; each table that has any."""

    salvaged: Annotated[dict[str, Count], Meta(description="Rows read from the damaged file.")]
    lost: Annotated[
        dict[str, Count],
        Meta(description="Rows that could not be read, as far as can be told, backup or not."),
    ]
    from_backup: Annotated[dict[str, Count], Meta(description="Rows taken from a backup.")]
    quarantine: Annotated[
        str | None,
        Meta(description="Name beside the database that the damaged file is kept under."),
    ]


@method(
    "system.recover",
    long=True,
    frees_space=True,
    errors=(
        DatabaseDamaged,
        DatabaseFull,
        Maintenance,
        NewerSchema,
        NotOurs,
        RecoveryRequired,
    ),
)
def recover(ctx: LongContext, params: SystemRecoverParams) -> SystemRecoverResult:
    """Build the database anew from all that can be read of it, and put it in the old one's place.

    What cannot be read comes from the newest backup, where that has it. The damaged file is kept
    and never changed. Meanwhile requests that need the database are answered `maintenance`. Call
    it with `dry_run` first, and let a person decide.
    """
    recovered = recovering.recover(ctx, dry_run=params.dry_run)
    counts = [
        {name: count for name, count in rows.items() if count}
        for rows in (recovered.salvaged, recovered.lost, recovered.from_backup)
    ]
    return SystemRecoverResult(counts[0], counts[1], counts[2], recovered.quarantine)
