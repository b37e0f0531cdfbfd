"""`rpc.discover`: the process describes itself, as OpenRPC asks."""

from typing import Any

from sidecar.catalog import Params, method
from sidecar.context import Context


class RpcDiscoverParams(Params, frozen=True):
    """None."""


@method("rpc.discover")
def discover(_ctx: Context, params: RpcDiscoverParams) -> dict[str, Any]:  # noqa: ARG001
    """Return this OpenRPC document.

    It is the same document as `sim-sidecar openrpc` prints.
    """
    # Imported here: a start must not pay for what one call in a thousand starts needs.
    from sidecar import describe  # noqa: PLC0415

    return describe.document()
