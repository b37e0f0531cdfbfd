"""`system.check`, and the chore that checks the file when damage is suspected."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.repair import check as checking
from sidecar.repair.confirm import confirm
from sidecar.store.repair.confirm import CHORE


class SystemCheckParams(Params, frozen=True):
    """How deep to look."""

    full: Annotated[
        bool,
        Meta(
            description="Also compare every index with its table: slower, and for 0.1 s per 20 000"
            " workflows nothing else is served. Absent: false."
        ),
    ] = False


class CheckFinding(Struct, frozen=True):
    """One thing that is not as it should be."""

    kind: Annotated[
        str,
        Meta(
            description="`structure`, `file`, `index`, `search_index`, `orphan`, `header`, `body`,"
            " `revision`, `summary` or `audit_chain`."
        ),
    ]
    where: Annotated[str, Meta(description="Table, index, id or field.")]
    detail: Annotated[str, Meta(description="What is wrong.")]
    cure: Annotated[str, Meta(description="What a person can do.")]


class SystemCheckResult(Result, frozen=True):
    """What the check found."""

    ok: Annotated[bool, Meta(description="Nothing was found.")]
    findings: Annotated[list[CheckFinding], Meta(description="At most 1 000.")]
    checked: Annotated[dict[str, int], Meta(description="How many of what was looked at.")]


@method("system.check", long=True)
def check(ctx: LongContext, params: SystemCheckParams) -> SystemCheckResult:
    """Check the file, its references, indexes, bodies, revisions, summaries and the audit chain.

    What is found is written to the audit log, unless the log itself can take no entry. An index
    that is wrong is made anew; nothing else is changed.
    """
    findings, counts = checking.check(ctx, full=params.full)
    shown = [CheckFinding(*finding) for finding in findings[: limits.FINDINGS_MAX]]
    return SystemCheckResult(not findings, shown, counts)


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def confirm_damage(ctx: LongContext) -> None:
    """Check the file when an error or an unclean end of the process suggests damage."""
    confirm(ctx)
