"""`sim-sidecar search`, `history`, `runs` and `stats`: what is in a database, for people.

Tables on a terminal, the method's own result as one line of JSON in a pipe. Each is one or two
calls through a child process; nothing here knows more than the published contract.
"""

import argparse
import itertools
from typing import TYPE_CHECKING, Any

from sidecar.cli.tables import add_common, cell, show, size_text, table, time_text

if TYPE_CHECKING:
    from rich.table import Table


_WITH_VALUE = ("--tag", "--category", "--limit", "--database")
"""Options of search that the next word belongs to."""


class Search:
    """`sim-sidecar search WORDS`."""

    EXAMPLES = """examples:
  sim-sidecar search invoice
  sim-sidecar search invoice -draft
  sim-sidecar search '"amount due" -draft' --tag finance --database my.db

A word behind one minus must not be there; options have two.
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("words", nargs="+", metavar="WORD", help='words, "phrases", -without')
        parser.add_argument("--tag", help="only workflows with this tag")
        parser.add_argument("--category", help="only workflows of this category")
        parser.add_argument("--limit", type=int, help="at most so many (default 20)")
        add_common(parser)

    @staticmethod
    def arrange(given: list[str]) -> list[str]:
        """Options first, then `--` and the words, so that `-draft` is a word and no option."""
        options: list[str] = []
        words: list[str] = []
        rest = iter(given)
        for word in rest:
            if word == "--":
                words += rest
            elif word == "-h" or word.startswith("--"):
                options.append(word)
                if any(option.startswith(word) for option in _WITH_VALUE):
                    options += itertools.islice(rest, 1)
            else:
                words.append(word)
        return [*options, "--", *words] if words else options

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
        return show(given, "workflows.search", params, Search._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        meant = result["did_you_mean"]
        title = (
            "" if result["items"] else f"Nothing. Did you mean: {meant}" if meant else "Nothing."
        )
        drawn = table(title, "id", "name", "in", "text")
        for item in result["items"]:
            where = ", ".join(item["matched_in"])
            texts = (item["id"], item["name"], where, item["snippet"] or "")
            drawn.add_row(*map(cell, texts))
        return drawn


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
        add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """List the revisions."""
        params = {"id": given.id, "limit": given.limit}
        return show(given, "workflows.history", params, History._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        drawn = table("", "revision", "saved", "size", "name", "")
        for item in result["items"]:
            kept = "kept for its runs" if item["pinned_by_runs"] else ""
            texts = (item["revision"], time_text(item["created_at"]), size_text(item["size_bytes"]))
            drawn.add_row(*map(cell, (*texts, item["name"], kept)))
        return drawn


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
        add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """List the runs."""
        params = {"workflow_id": given.id, "status": given.status, "limit": given.limit}
        return show(given, "runs.list", params, Runs._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

        colours = {"success": "green", "error": "red", "running": "cyan"}
        drawn = table("", "started", "status", "duration", "tokens", "workflow", "error")
        for item in result["items"]:
            taken_ms = item["duration_ms"]
            status = Text(item["status"], style=colours.get(item["status"], ""))
            drawn.add_row(
                cell(time_text(item["started_at"])),
                status,
                cell("-" if taken_ms is None else f"{taken_ms} ms"),
                cell(item["tokens_used"]),
                cell(item["workflow_id"]),
                cell(item["error_message"] or ""),
            )
        return drawn


class Stats:
    """`sim-sidecar stats`."""

    EXAMPLES = """examples:
  sim-sidecar stats --database my.db
  sim-sidecar stats --json | jq .free_bytes
"""

    @staticmethod
    def add_options(parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        add_common(parser)

    @staticmethod
    def run(given: argparse.Namespace) -> int:
        """Show counts and sizes."""
        return show(given, "system.stats", {}, Stats._draw)

    @staticmethod
    def _draw(result: dict[str, Any]) -> "Table":
        drawn = table("", "what", "count")
        for name, value in result.items():
            if name == "methods":
                continue
            shown = size_text(value) if name.endswith("_bytes") else value
            drawn.add_row(cell(name.replace("_", " ").removesuffix(" bytes")), cell(shown))
        return drawn
