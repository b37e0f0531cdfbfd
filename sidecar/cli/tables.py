"""What commands that show something share: one call, a table on a terminal, JSON in a pipe."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sidecar import limits
from sidecar.cli.call import add_place, explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.terminal_text import visible, write_json

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

Draw = Callable[[dict[str, Any]], "RenderableType"]
"""Makes of a method's result what a terminal shows."""

_KIB = 1024

_WIDEST = 160
_NAME_MAX_CHARS = 80
"""How much of a name a row shows."""

_WHOLE = ("id", "run", "workflow", "provider", "slot", "seq")
"""What is typed or pasted again: never broken; the other columns give way."""

_RIGHT = ("revision", "size", "duration", "tokens", "count", "seq")
_STYLES = {
    **dict.fromkeys(("id", "run", "revision", "seq", "provider", "slot"), "cyan"),
    **dict.fromkeys(("size", "count", "duration", "tokens"), "green"),
    **dict.fromkeys(("started", "saved", "when", "set", "last read", "made"), "blue"),
    **dict.fromkeys(("in", "action", "workflow"), "magenta"),
    "error": "red",
}
"""How a column looks where there is colour, by its heading; what is to be read stays plain."""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare the options every command that shows something has."""
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON, also on a terminal")


def show(
    given: argparse.Namespace,
    method: str,
    params: dict[str, Any],
    draw: Draw,
) -> int:
    """Call one method and show its result; returns the exit code."""
    wanted = {name: value for name, value in params.items() if value is not None}
    try:
        child = Child([*place_options(given, existing=True), "--no-events"])
        try:
            result: dict[str, Any] = child.call(method, wanted)
        finally:
            child.close()
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)
    put(given, result, draw)
    return 0


def put(given: argparse.Namespace, result: dict[str, Any], draw: Draw) -> None:
    """Show a result: drawn on a terminal, as one line of JSON in a pipe."""
    if given.json or not sys.stdout.isatty():
        write_json(result)
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours
    from rich.measure import Measurement  # noqa: PLC0415 - the same

    console = Console(highlight=False)
    drawn = draw(result)
    # Where columns would have to break an id the terminal wraps instead, and copies as one line.
    needed = Measurement.get(console, console.options.update(width=_WIDEST), drawn).minimum
    console.width = max(console.width, min(needed, _WIDEST))
    console.print(drawn)
    if result.get("next_cursor") is not None:
        console.print(_more(getattr(given, "limit", None) or 0), style="dim")


def _more(limit: int) -> str:
    if limit < limits.PAGE_MAX:
        return f"There is more; --limit shows up to {limits.PAGE_MAX}."
    return f"There is more than the {limits.PAGE_MAX} that fit here; narrow it down."


def coloured() -> bool:
    """Whether this terminal shows colours, and the person wants them (no-color.org)."""
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours

    console = Console()
    return console.color_system is not None and not console.no_color


def table(title: str, *columns: str) -> "Table":
    """An empty table; numbers stand right."""
    from rich.table import Table  # noqa: PLC0415 - a pipe never pays for colours
    from rich.text import Text  # noqa: PLC0415 - the same

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
            no_wrap=column in _WHOLE,
        )
    return drawn


def cell(text: object) -> "Text":
    """A text to be seen: nothing in a name is markup, and nothing in it acts."""
    from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

    return Text(visible(text))


def name_cell(name: str) -> "Text":
    """A name, or its beginning: some are as long as a page."""
    return cell(name if len(name) <= _NAME_MAX_CHARS else f"{name[:_NAME_MAX_CHARS]}…")


def time_text(at: int | None) -> str:
    """A time in the zone of this computer, `-` for none."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def size_text(size_bytes: int) -> str:
    """A size as people read it."""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    if size_bytes < _KIB**2:
        return f"{size_bytes / _KIB:.1f} KiB"
    return f"{size_bytes / _KIB**2:.1f} MiB"
