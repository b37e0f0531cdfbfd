"""`sim-sidecar search`, `history`, `runs` and `stats`: what is in a database, for people.

Tables on a terminal, the method's own result as one line of JSON in a pipe. Each is one or two
calls through a child process; nothing here knows more than the published contract.
"""

import argparse
import functools
import itertools
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from sidecar.cli.tables import (
    add_common,
    cell,
    coloured,
    name_cell,
    show,
    size_text,
    table,
    time_text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_MARKS = re.compile(r"\[([^\[\]]+)\]")
_WORDS = re.compile(r"[^\W_]+")


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
        parser.add_argument("--archived", action="store_true", help="only archived ones")
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
            "archived": given.archived,
            "limit": given.limit,
            "snippets": "body",
        }
        draw = functools.partial(Search._draw, params["query"])
        return show(given, "workflows.search", params, draw)

    @staticmethod
    def _draw(query: str, result: dict[str, Any]) -> "RenderableType":
        if not result["items"]:
            meant = result["did_you_mean"]
            return cell(f"Nothing. Did you mean: {meant}" if meant else "Nothing.")
        drawn = table("", "id", "name", "in", "text")
        for item in result["items"]:
            matched = cell(", ".join(item["matched_in"]))
            snippet = _marked(item["snippet"] or "", query)
            drawn.add_row(cell(item["id"]), name_cell(item["name"]), matched, snippet)
        return drawn


def _marked(snippet: str, query: str) -> "Text":
    """A snippet with its words in colour; where there is none they keep their [ and ].

    Brackets that stand in the text itself are left alone: what is in them is no word looked for.
    """
    shown = cell(snippet)
    if not coloured():
        return shown
    plain = _folded(query)
    words = (*_WORDS.findall(plain), *plain.split())
    marks = [mark for mark in _MARKS.finditer(shown.plain) if _folded(mark[1]).startswith(words)]
    # From the last to the first, so that the places before a mark stay right.
    for mark in reversed(marks):
        word = shown[mark.start(1) : mark.end(1)]
        word.stylize("bold yellow")
        shown = shown[: mark.start()].append_text(word).append_text(shown[mark.end() :])
    return shown


def _folded(text: str) -> str:
    """A text without case and diacritics, as searching compares it."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
    ).lower()


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
    def _draw(result: dict[str, Any]) -> "RenderableType":
        drawn = table("", "revision", "saved", "size", "name", "")
        for item in result["items"]:
            kept = "kept for its runs" if item["pinned_by_runs"] else ""
            texts = (item["revision"], time_text(item["created_at"]), size_text(item["size_bytes"]))
            drawn.add_row(*map(cell, texts), name_cell(item["name"]), cell(kept))
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
    def _draw(result: dict[str, Any]) -> "RenderableType":
        from rich.text import Text  # noqa: PLC0415 - a pipe never pays for colours

        if not result["items"]:
            return cell("Nothing.")
        colours = {"success": "green", "error": "red", "running": "cyan"}
        headings = ("run", "workflow", "started", "status", "duration", "tokens", "error")
        drawn = table("", *headings)
        for item in result["items"]:
            taken_ms = item["duration_ms"]
            status = Text(item["status"], style=colours.get(item["status"], ""))
            drawn.add_row(
                cell(item["id"]),
                cell(item["workflow_id"]),
                cell(time_text(item["started_at"])),
                status,
                cell("-" if taken_ms is None else f"{taken_ms} ms"),
                cell(item["tokens_used"]),
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
    def _draw(result: dict[str, Any]) -> "RenderableType":
        drawn = table("", "what", "count")
        for name, value in result.items():
            if name == "methods":
                continue
            shown = size_text(value) if name.endswith("_bytes") else value
            drawn.add_row(cell(name.replace("_", " ").removesuffix(" bytes")), cell(shown))
        return drawn
