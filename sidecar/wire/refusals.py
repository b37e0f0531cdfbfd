"""What refusing a request takes besides its error: an audit entry, and the name that was meant."""

from sidecar import log
from sidecar.context import Context, LongContext
from sidecar.errors import MethodNotFound, SidecarError
from sidecar.methods import METHOD_MODULES
from sidecar.wire.burst import Burst
from sidecar.wire.reply import Reply


def audit_refusal(
    context: Context, method: str, error: SidecarError, reply: Reply, burst: Burst
) -> None:
    """Write the audit entry of a refusal, after the refused request is undone."""
    if burst.failed_by is not None:
        return
    context.emitted = []
    try:
        from sidecar.secrets.log_refusals import log_refusal  # noqa: PLC0415 - seldom needed

        burst.enter("write")
        log_refusal(context, method, error)
        burst.leave()
        reply.emitted = context.emitted
    except Exception as fault:  # noqa: BLE001 - the request is refused in any case
        burst.undo(fault)
        log.error("refusal_not_audited", method=method, kind=type(fault).__name__)


def audit_long_refusal(method: str, error: SidecarError, context: LongContext) -> None:
    """Write the audit entry of a refusal by a long method, in its worker thread."""
    context.release_lock()
    context.pass_cancel()
    try:
        from sidecar.secrets.log_refusals import log_refusal  # noqa: PLC0415 - seldom needed

        with context.writing(last=True):
            log_refusal(context, method, error)
    except Exception as fault:  # noqa: BLE001 - the request is refused in any case
        log.error("refusal_not_audited", method=method, kind=type(fault).__name__)


def unknown_method(name: str) -> MethodNotFound:
    """Return the error for an unknown method, with the most similar name."""
    from sidecar.did_you_mean import nearest_name  # noqa: PLC0415 - only a mistake needs it

    return MethodNotFound(did_you_mean=nearest_name(name, METHOD_MODULES))
