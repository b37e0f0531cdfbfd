"""Commands for people: everything but serving.

The only package that imports rich; nothing of it is loaded by a serving process.
"""

from sidecar.cli.arguments import explain_serving, main

__all__ = ["explain_serving", "main"]
