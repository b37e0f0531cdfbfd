"""The entries of what the vault refused: no method, but what follows from them all."""

from sidecar import limits, redaction
from sidecar.catalog import chore
from sidecar.context import Context, LongContext
from sidecar.errors import SidecarError
from sidecar.vault.refusals import Refusal

ACTION = "access_refused"
CHORE = "refusals"


def audit(ctx: Context, method: str, error: SidecarError) -> None:
    """Write the entry of a refusal: which method, why, and whose key where one was named.

    One like the last is counted, and told within a second. A wrong passphrase never is: tries are
    few, because each must wait, and each counts.
    """
    resource = redaction.redact(str(error.data.get("provider", "vault")))
    if error.audited_as == ACTION:
        refusal = Refusal(resource, method, error.slug)
        if not ctx.vault.refusals.is_told(refusal, ctx.clock.monotonic_ms()):
            ctx.session.schedule(CHORE, limits.REFUSALS_FOLDED_MS, at_latest=True)
            return
    ctx.audit(error.audited_as or "", resource, method=method, reason=error.slug)


@chore(CHORE, first_ms=limits.REFUSALS_FOLDED_MS)
def audit_counted(ctx: LongContext) -> None:
    """Tell what was counted; looked for once after the start, then after each that is."""
    if not ctx.vault.refusals.are_counted:
        return
    with ctx.writing(last=True):
        write_counted(ctx)


def write_counted(ctx: Context) -> None:
    """Write an entry for each kind that was counted, in the caller's transaction."""
    for refusal, count in ctx.vault.refusals.take(ctx.clock.monotonic_ms()):
        method, reason = refusal.method, refusal.reason
        ctx.audit(ACTION, refusal.resource, method=method, reason=reason, count=count)
