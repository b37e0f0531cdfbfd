"""`sim-sidecar openrpc`: print the contract."""

import argparse
import sys

from sidecar.cli.command import Command

_HELP = "print the contract: all methods, params, results and errors, as OpenRPC"
_EXAMPLES = "examples:\n  sim-sidecar openrpc > openrpc.json\n"


def _run(_given: argparse.Namespace) -> int:
    """Print the OpenRPC document; returns 0."""
    import sidecar.handlers  # noqa: F401, PLC0415 - fills the catalog
    from sidecar.describe import openrpc_json  # noqa: PLC0415 - after the catalog is full

    sys.stdout.buffer.write(openrpc_json())
    return 0


COMMAND = Command("openrpc", _HELP, _EXAMPLES, lambda _parser: None, _run)
