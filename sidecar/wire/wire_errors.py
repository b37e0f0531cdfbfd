"""Turns every exception of a request into the error that its client is sent."""

from sidecar import log
from sidecar.context import Services
from sidecar.errors import (
    DatabaseFull,
    ExitCode,
    Internal,
    Outcome,
    SidecarError,
    StorageFailed,
)
from sidecar.store.repair import CHORE
from sidecar.store.sqlite_errors import as_wire_error, is_unexpected, suspects_damage


class WireErrors:
    """Knows the store, whose state some errors change, and logs what clients are not told."""

    def __init__(self, services: Services) -> None:
        """Take the services of the process."""
        self._services = services

    def of(self, fault: Exception, outcome: Outcome = "not_applied") -> SidecarError:
        """Return the wire error for an exception; the text of an unknown one is only logged."""
        if isinstance(fault, SidecarError):
            if fault.exit_code is ExitCode.STORAGE:
                fault.data.setdefault("outcome", outcome)
            return fault
        known = as_wire_error(fault, outcome)
        if known is not None:
            if suspects_damage(fault) and not self._services.store.damaged:
                # It may be a read that failed once; the check reads with a new connection.
                self._request_check()
                known = StorageFailed(outcome=outcome)
            self._services.store.disk_full |= isinstance(known, DatabaseFull)
            log.warning("storage_fault", slug=known.slug, kind=type(fault).__name__)
            return known
        if is_unexpected(fault):
            self._request_check()
        import traceback  # noqa: PLC0415 - only a bug needs it

        incident = self._services.clock.new_id()
        trace = "".join(traceback.format_exception(fault))
        log.error("internal", incident=incident, traceback=trace)
        return Internal(incident=incident, outcome=outcome)

    def _request_check(self) -> None:
        """Request a check of the database file for damage."""
        self._services.store.damage_suspected = True
        self._services.session.schedule(CHORE, 0)


def as_exception(fault: BaseException) -> Exception:
    """Return what a library raised as an exception that can be answered.

    A panic of a library in Rust, for instance, is no `Exception`.
    """
    if isinstance(fault, Exception):
        return fault
    converted = RuntimeError(type(fault).__name__)
    converted.__cause__ = fault
    return converted
