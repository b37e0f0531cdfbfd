"""`system.check`, `system.recover`, and the chore that checks the file when damage is suspected."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, NewerSchema, NotOurs, RecoveryRequired
from sidecar.repair.check import check_database
from sidecar.repair.confirm import confirm_damage
from sidecar.store.repair import CHORE
from sidecar.values import Count
from sidecar.vocabularies import FindingKind


class SystemCheckParams(Params, frozen=True):
    """How much to check."""

    full: Annotated[
        bool,
        Meta(
            description="Also compare every index with its table. This takes longer, and for 0.1 s"
            " per 20 000 workflows no other request is served. Absent: false."
        ),
    ] = False


class CheckFinding(Struct, frozen=True):
    """One fault of the database."""

    kind: FindingKind
    where: Annotated[str, Meta(description="Table, index, id or field that is wrong.")]
    detail: Annotated[str, Meta(description="What is wrong.")]
    cure: Annotated[str, Meta(description="What the user can do about it.")]


class SystemCheckResult(Result, frozen=True):
    """The result of the check."""

    ok: Annotated[bool, Meta(description="Whether nothing was found.")]
    findings: Annotated[list[CheckFinding], Meta(description="What is wrong, at most 1 000 items.")]
    checked: Annotated[dict[str, int], Meta(description="How many rows of each kind were checked.")]


@method("system.check", long=True)
def check(ctx: LongContext, params: SystemCheckParams) -> SystemCheckResult:
    """Check the file, its references, indexes, bodies, revisions, summaries and the audit chain.

    Findings are written to the audit log, unless the log is too damaged to take an entry. A
    damaged index is rebuilt; nothing else is changed.
    """
    findings, counts = check_database(ctx, full=params.full)
    shown = [CheckFinding(*finding) for finding in findings[: limits.FINDINGS_MAX]]
    return SystemCheckResult(not findings, shown, counts)


@chore(CHORE)
def confirm_suspicion(ctx: LongContext) -> None:
    """Check the file when an error or an unclean end of the process suggests damage."""
    confirm_damage(ctx)


class SystemRecoverParams(Params, frozen=True):
    """Whether to recover, only to report, or to begin with an empty database."""

    dry_run: Annotated[
        bool,
        Meta(description="Only report what could be saved, for the user to decide. Absent: false."),
    ] = False
    begin_new: Annotated[
        bool,
        Meta(
            description="Begin with an empty database when nothing is to be restored. The old"
            " file is kept under another name, and backups stay. Refused with `conflict` while the"
            " database is served for writing, also where system.check finds something. Absent:"
            " false."
        ),
    ] = False


class SystemRecoverResult(Result, frozen=True):
    """The numbers of rows and what was done with them, by noun; nouns without rows are omitted."""

    salvaged: Annotated[dict[str, Count], Meta(description="Rows read from the damaged file.")]
    lost: Annotated[
        dict[str, Count],
        Meta(
            description="Rows that could not be read, as far as known, also those in `from_backup`."
        ),
    ]
    from_backup: Annotated[dict[str, Count], Meta(description="Rows taken from a backup.")]
    kept_aside: Annotated[
        str | None,
        Meta(
            description="Name beside the database that its file is kept under, with its log under"
            " that name and `-wal`; null in a dry run, and when neither was there."
        ),
    ]


@method(
    "system.recover",
    long=True,
    replaces_file=True,
    frees_space=True,
    errors=(Conflict, NewerSchema, NotOurs, RecoveryRequired),
)
def recover(ctx: LongContext, params: SystemRecoverParams) -> SystemRecoverResult:
    """Replace a damaged database by a new one with all data that can be read.

    Rows that cannot be read are taken from the newest backup that has them. The damaged file is
    kept and never changed. It waits for other long requests, and refuses them, as `backups.restore`
    does; meanwhile requests that need the database are answered `maintenance`. Call the method with
    `dry_run` first, which disturbs no other request, and let the user decide.
    """
    # Loaded here: what recovers a database would make each start 1 % longer.
    from sidecar.repair.recover import begin_new, recover_database  # noqa: PLC0415 - see above

    if params.begin_new:
        kept_aside = None if params.dry_run else begin_new(ctx)
        return SystemRecoverResult({}, {}, {}, kept_aside)
    recovered = recover_database(ctx, dry_run=params.dry_run)
    return SystemRecoverResult(*recovered.by_noun())
