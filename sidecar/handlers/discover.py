"""`rpc.discover`: returns the description of all methods that OpenRPC prescribes."""

from typing import Any

from sidecar.catalog import Params, method
from sidecar.context import Context


class RpcDiscoverParams(Params, frozen=True):
    """No params."""


@method("rpc.discover")
def discover(_ctx: Context, params: RpcDiscoverParams) -> dict[str, Any]:  # noqa: ARG001
    """Return this OpenRPC document, which `sim-sidecar openrpc` prints, too."""
    # Imported here, since hardly any process is asked for it and each would start later for it.
    from sidecar import describe  # noqa: PLC0415

    return describe.document()
