"""Settles a burst: commits its transaction, or makes the failure the answer of its requests."""

from sidecar import log
from sidecar.errors import Outcome
from sidecar.store.connection import Store
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.wire.burst import Burst
from sidecar.wire.wire_errors import WireErrors


def settle(burst: Burst, store: Store, errors: WireErrors) -> None:
    """Commit a burst; when that fails its requests are answered with the error."""
    fault = burst.failed_by
    if fault is None:
        try:
            burst.commit()
        except Exception as caught:  # noqa: BLE001 - it is the answer of every request
            burst.abandon()
            _fail_unacknowledged(burst, caught, "unknown", errors)
            fault = caught
    else:
        burst.abandon()
        if burst.wrote:
            _fail_unacknowledged(burst, fault, "not_applied", errors)
    if fault is not None and burst.wrote:
        for job, _reply in burst.long_jobs:
            job.discard()
        burst.long_jobs.clear()
    if burst.cache_suspect or (fault is not None and spoils_connection(fault)):
        store.reopen()


def _fail_unacknowledged(
    burst: Burst, fault: Exception, outcome: Outcome, errors: WireErrors
) -> None:
    """Make the failure of a burst's transaction the answer of all its requests."""
    error = errors.of(fault, outcome)
    for reply in burst.all_replies():
        if reply.succeeds_unlogged:
            log.error("not_audited", slug=error.slug)
        elif (reply.data is not None or reply.pending) and not reply.failed:
            reply.pending = False
            reply.fail(error)
        reply.emitted = []
