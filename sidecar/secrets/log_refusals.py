"""Audit entries of the requests that the vault refused.

The first refusal of a kind is logged at once. Those like it that follow within a second are only
counted, and `write_counts` logs one entry with their number. A wrong passphrase is always logged:
the throttle keeps such tries few.
"""

from sidecar import limits, redaction
from sidecar.context import Context, LongContext
from sidecar.errors import SidecarError
from sidecar.vault.refusal_counts import Refusal
from sidecar.vocabularies import AuditAction

REFUSALS_CHORE = "refusals"
"""Name of the chore that writes the entries of counted refusals."""

_ACTION: AuditAction = "access_refused"


def log_refusal(ctx: Context, method: str, error: SidecarError) -> None:
    """Write the audit entry of a refused request, or count the refusal for a later entry.

    The entry holds the method, the reason and the provider, where the request named one.
    """
    resource = redaction.redact(str(error.data.get("provider", "vault")))
    if error.audited_as == _ACTION:
        refusal = Refusal(resource, method, error.slug)
        if ctx.vault.refusals.count(refusal, ctx.clock.monotonic_ms()):
            ctx.session.schedule(REFUSALS_CHORE, limits.REFUSALS_FOLDED_MS, at_latest=True)
            return
    if error.audited_as is not None:
        ctx.audit(error.audited_as, resource, method=method, reason=error.slug)


def write_counts_if_any(ctx: LongContext) -> None:
    """Write the entries of counted refusals in a transaction of their own, if there are any."""
    if ctx.vault.refusals.has_counts:
        with ctx.writing(last=True):
            write_counts(ctx)


def write_counts(ctx: Context) -> None:
    """Write an entry for each kind of counted refusal, in the caller's transaction."""
    for refusal, count in ctx.vault.refusals.take_counts(ctx.clock.monotonic_ms()):
        method, reason = refusal.method, refusal.reason
        ctx.audit(_ACTION, refusal.resource, method=method, reason=reason, count=count)
