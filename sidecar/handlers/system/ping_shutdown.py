"""The methods that need no database: `system.ping` and `system.shutdown`."""

from sidecar.catalog import Params, Result, method
from sidecar.context import Context
from sidecar.values import Timestamp

# --- system.ping ------------------------------------------------------------------------------


class SystemPingParams(Params, frozen=True):
    """This method takes no params."""


class SystemPingResult(Result, frozen=True):
    """The time of the answer."""

    at: Timestamp


@method("system.ping")
def ping(ctx: Context, params: SystemPingParams) -> SystemPingResult:
    """Answer at once, without using the database."""
    del params
    return SystemPingResult(ctx.clock.now_ms())


# --- system.shutdown --------------------------------------------------------------------------


class SystemShutdownParams(Params, frozen=True):
    """This method takes no params."""


class SystemShutdownResult(Result, frozen=True):
    """An empty result; the process ends after it was sent."""


@method("system.shutdown")
def shutdown(ctx: Context, params: SystemShutdownParams) -> SystemShutdownResult:
    """End the process once every request accepted before is answered."""
    del params
    ctx.session.stop("shutdown")
    return SystemShutdownResult()
