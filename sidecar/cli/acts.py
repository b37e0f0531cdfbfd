"""The acts of a command that has several, such as `sim-sidecar secrets set` and `get`."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sidecar.cli.child import Child
from sidecar.cli.tables import Draw

Answer = tuple[dict[str, Any], str | Draw]
"""The result of a method, and its form for a person: a text, or a table that is drawn."""


class Act(NamedTuple):
    """One act of a command."""

    help: str
    run: Callable[[Child, argparse.Namespace], Answer]


def help_text(acts: Mapping[str, Act], examples: str) -> str:
    """Return the text that `--help` shows below the options: the acts, then the examples."""
    listed = "".join(f"  {name:12} {act.help}\n" for name, act in acts.items())
    return f"acts:\n{listed}\n{examples}"
