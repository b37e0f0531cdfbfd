"""`sim-sidecar openrpc`: print the contract."""

import argparse
import sys

from sidecar.cli.command import Command

_HELP = "print the contract: all methods, params, results and errors, as OpenRPC"
_EXAMPLES = "examples:\n  sim-sidecar openrpc > openrpc.json\n"


def _run(_given: argparse.Namespace) -> int:
    """Print the OpenRPC document; returns 0."""
    from sidecar.describe import openrpc_json  # noqa: PLC0415 - only this command needs it

    sys.stdout.buffer.write(openrpc_json())
    return 0


COMMAND = Command("openrpc", _HELP, _EXAMPLES, lambda _parser: None, _run)
