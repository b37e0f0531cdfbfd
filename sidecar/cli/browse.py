"""`sim-sidecar search`, `history`, `runs` and `stats`: what is in a database, for people.

Tables on a terminal, the method's own result as one line of JSON in a pipe. Each is one or two
calls through a child process; nothing here knows more than the published contract.
"""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sidecar.cli.call import add_place, explain, place_options, tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded

if TYPE_CHECKING:
    from rich.table import Table

Rows = list[dict[str, Any]]

_KIB = 1024


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON, also on a terminal")


def _show(
    given: argparse.Namespace,
    method: str,
    params: dict[str, Any],
    draw: Callable[[dict[str, Any]], "Table"],
) -> int:
    """Call one method and show its result; returns the exit code."""
    wanted = {name: value for name, value in params.items() if value is not None}
    try:
        child = Child([*place_options(given), "--no-events"])
        try:
            result: dict[str, Any] = child.call(method, wanted)
        finally:
            child.close()
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)
    if given.json or not sys.stdout.isatty():
        text = json.dumps(result, ensure_ascii=False)
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(errors="backslashreplace") + b"\n")
        return 0
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours

    Console().print(draw(result))
    return 0


def _table(title: str, *columns: str) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - a pipe never pays for colours

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        right = column in ("revision", "size", "duration", "tokens", "count")
        table.add_column(column, justify="right" if right else "left")
    return table


def _cell(text: object) -> Any:
    """A text as it is: nothing in a name is markup."""
    from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

    return Text(str(text))


def _time(at: int | None) -> str:
    if at is None:
        return "-"
    return datetime.fromtimestamp(at / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _size(size_bytes: int) -> str:
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    if size_bytes < _KIB**2:
        return f"{size_bytes / _KIB:.1f} KiB"
    return f"{size_bytes / _KIB**2:.1f} MiB"


class Search:
    """`sim-sidecar search WORDS`."""

    EXAMPLES = """examples:
  sim-sidecar search invoice
  sim-sidecar search '"amount due" -draft' --tag finance --database my.db
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("words", nargs="+", metavar="WORD", help='words, "phrases", -without')
        parser.add_argument("--tag", help="only workflows with this tag")
        parser.add_argument("--category", help="only workflows of this category")
        parser.add_argument("--limit", type=int, help="at most so many (default 20)")
        _add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Search, show hits with the line that holds the words."""
        params = {
            "query": " ".join(given.words),
            "tag": given.tag,
            "category": given.category,
            "limit": given.limit,
            "snippets": "body",
        }
        return _show(given, "workflows.search", params, Search._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        meant = result["did_you_mean"]
        title = (
            "" if result["items"] else f"Nothing. Did you mean: {meant}" if meant else "Nothing."
        )
        table = _table(title, "id", "name", "in", "text")
        for item in result["items"]:
            where = ", ".join(item["matched_in"])
            texts = (item["id"], item["name"], where, item["snippet"] or "")
            table.add_row(*map(_cell, texts))
        return table


class History:
    """`sim-sidecar history ID`."""

    EXAMPLES = """examples:
  sim-sidecar history my-workflow --database my.db
  sim-sidecar call workflows.revert id=my-workflow revision:=3 --database my.db
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("id", metavar="ID", help="id of a workflow")
        parser.add_argument("--limit", type=int, help="at most so many (default 50)")
        _add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """List the revisions."""
        params = {"id": given.id, "limit": given.limit}
        return _show(given, "workflows.history", params, History._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        table = _table("", "revision", "saved", "size", "name", "")
        for item in result["items"]:
            kept = "kept for its runs" if item["pinned_by_runs"] else ""
            texts = (item["revision"], _time(item["created_at"]), _size(item["size_bytes"]))
            table.add_row(*map(_cell, (*texts, item["name"], kept)))
        return table


class Runs:
    """`sim-sidecar runs [ID]`."""

    EXAMPLES = """examples:
  sim-sidecar runs                        the newest of all workflows
  sim-sidecar runs my-workflow --status error --database my.db
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("id", metavar="ID", nargs="?", help="only of this workflow")
        parser.add_argument(
            "--status", choices=("running", "success", "error", "cancelled"), help="only these"
        )
        parser.add_argument("--limit", type=int, help="at most so many (default 50)")
        _add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """List the runs."""
        params = {"workflow_id": given.id, "status": given.status, "limit": given.limit}
        return _show(given, "runs.list", params, Runs._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

        colours = {"success": "green", "error": "red", "running": "cyan"}
        table = _table("", "started", "status", "duration", "tokens", "workflow", "error")
        for item in result["items"]:
            taken_ms = item["duration_ms"]
            status = Text(item["status"], style=colours.get(item["status"], ""))
            table.add_row(
                _cell(_time(item["started_at"])),
                status,
                _cell("-" if taken_ms is None else f"{taken_ms} ms"),
                _cell(item["tokens_used"]),
                _cell(item["workflow_id"]),
                _cell(item["error_message"] or ""),
            )
        return table


class Stats:
    """`sim-sidecar stats`."""

    EXAMPLES = """examples:
  sim-sidecar stats --database my.db
  sim-sidecar stats --json | jq .free_bytes
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        _add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Show counts and sizes."""
        return _show(given, "system.stats", {}, Stats._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        table = _table("", "what", "count")
        for name, value in result.items():
            if name == "methods":
                continue
            shown = _size(value) if name.endswith("_bytes") else value
            table.add_row(_cell(name.replace("_", " ").removesuffix(" bytes")), _cell(shown))
        return table
