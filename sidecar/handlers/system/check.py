"""`system.check`, and the chore that checks the file when damage is suspected."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.repair.check import check_database
from sidecar.repair.confirm import confirm_damage
from sidecar.store.repair.confirm import CHORE


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
    """One thing that is wrong with the database."""

    kind: Annotated[
        str,
        Meta(
            description="`structure`, `file`, `index`, `search_index`, `orphan`, `header`, `body`,"
            " `revision`, `summary` or `audit_chain`."
        ),
    ]
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


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def confirm_suspicion(ctx: LongContext) -> None:
    """Check the file when an error or an unclean end of the process suggests damage."""
    confirm_damage(ctx)
