"""What commands that show something share: one call, a table on a terminal, JSON in a pipe."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sidecar.cli.call import add_place, explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.visible import visible, write_json

if TYPE_CHECKING:
    from rich.table import Table

_KIB = 1024


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare the options every command that shows something has."""
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON, also on a terminal")


def show(
    given: argparse.Namespace,
    method: str,
    params: dict[str, Any],
    draw: Callable[[dict[str, Any]], "Table"],
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


def put(
    given: argparse.Namespace, result: dict[str, Any], draw: Callable[[dict[str, Any]], "Table"]
) -> None:
    """Show a result: drawn on a terminal, as one line of JSON in a pipe."""
    if given.json or not sys.stdout.isatty():
        write_json(result)
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours

    Console().print(draw(result))


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
        right = column in ("revision", "size", "duration", "tokens", "count", "seq")
        drawn.add_column(column, justify="right" if right else "left")
    return drawn


def cell(text: object) -> Any:
    """A text to be seen: nothing in a name is markup, and nothing in it acts."""
    from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

    return Text(visible(text))


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
