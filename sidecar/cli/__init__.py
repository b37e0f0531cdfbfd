"""The commands for people: everything but serving, each in a file of its name.

This is the only package that imports rich. A serving process loads nothing of it.
"""

from sidecar.cli.parser import explain_serving, main

__all__ = ["explain_serving", "main"]
