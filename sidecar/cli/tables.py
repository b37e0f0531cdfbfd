"""How commands show a result: a table or a text on a terminal, one line of JSON in a pipe."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from sidecar import limits
from sidecar.cli.command import call_method, serve_options
from sidecar.cli.terminal_text import visible, visible_lines, write_json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

Drawn: TypeAlias = "RenderableType"
"""What a terminal shows of a method's result: a table, or plain text as a str."""

Draw = Callable[[dict[str, Any]], Drawn]
"""Draws the result of a method."""

_KIB = 1024

_WIDEST = 160
_NAME_MAX_CHARS = 80
"""How much of a name a row shows."""

_UNBROKEN = ("id", "run", "workflow", "provider", "slot", "seq")
"""Columns that people copy from: their texts are never broken, the other columns give way."""

_RIGHT = ("revision", "size", "duration", "tokens", "count", "seq")
_STYLES = {
    **dict.fromkeys(("id", "run", "revision", "seq", "provider", "slot"), "cyan"),
    **dict.fromkeys(("size", "count", "duration", "tokens"), "green"),
    **dict.fromkeys(("started", "saved", "when", "set", "last read", "made"), "blue"),
    **dict.fromkeys(("in", "action", "workflow"), "magenta"),
    "error": "red",
}
"""The colour of a column, by its heading; columns of running text have none."""


def show_call(given: argparse.Namespace, method: str, params: dict[str, Any], draw: Draw) -> int:
    """Call one method through a child and print its result; params that are None are left out.

    Returns the exit code of success.
    """
    wanted = {name: value for name, value in params.items() if value is not None}
    print_result(given, call_method(serve_options(given), method, wanted), draw)
    return 0


def print_result(given: argparse.Namespace, result: dict[str, Any], draw: Draw) -> None:
    """Print a result: as `draw` shows it on a terminal, as one line of JSON in a pipe."""
    if given.json or not sys.stdout.isatty():
        write_json(result)
        return
    drawn = draw(result)
    if isinstance(drawn, str):
        sys.stdout.write(visible_lines(drawn) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours
    from rich.measure import Measurement  # noqa: PLC0415 - a pipe never pays for colours

    console = Console(highlight=False)
    # Where columns would have to break an id the terminal wraps instead, and copies as one line.
    needed = Measurement.get(console, console.options.update(width=_WIDEST), drawn).minimum
    console.width = max(console.width, min(needed, _WIDEST))
    console.print(drawn)
    if result.get("next_cursor") is not None:
        limit = getattr(given, "limit", None) or 0
        more = f"There is more than the {limits.PAGE_MAX} that fit here; narrow it down."
        if limit < limits.PAGE_MAX:
            more = f"There is more; --limit shows up to {limits.PAGE_MAX}."
        console.print(more, style="dim")


def shows_colour() -> bool:
    """Return whether this terminal shows colours and the person wants them (no-color.org)."""
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours

    console = Console()
    return console.color_system is not None and not console.no_color


def table(title: str, *columns: str) -> "Table":
    """Return an empty table with these headings; columns of numbers are aligned right."""
    from rich.table import Table  # noqa: PLC0415 - a pipe never pays for colours
    from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

    drawn = Table(
        title=Text(visible(title), style="table.title") if title else None,
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for column in columns:
        drawn.add_column(
            column,
            justify="right" if column in _RIGHT else "left",
            style=_STYLES.get(column),
            overflow="fold",
            no_wrap=column in _UNBROKEN,
        )
    return drawn


def cell(text: object, style: str = "") -> "Text":
    """Return a table cell with the text: markup is shown as it is, control characters escaped."""
    from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

    return Text(visible(text), style)


def name_cell(name: str) -> "Text":
    """Return a table cell with a name, cut where it is too long for a row."""
    return cell(name if len(name) <= _NAME_MAX_CHARS else f"{name[:_NAME_MAX_CHARS]}…")


def time_text(at: int | None) -> str:
    """Return a time, given in ms since 1970, in this computer's zone; `-` for none."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def size_text(size_bytes: int) -> str:
    """Return a size in B, KiB or MiB."""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    if size_bytes < _KIB**2:
        return f"{size_bytes / _KIB:.1f} KiB"
    return f"{size_bytes / _KIB**2:.1f} MiB"
