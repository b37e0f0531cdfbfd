"""`sim-sidecar search`: find workflows, and show where the words stand in them."""

import argparse
import itertools
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from sidecar.cli.command import Command, add_common
from sidecar.cli.tables import Drawn, cell, name_cell, show_call, shows_colour, table

if TYPE_CHECKING:
    from rich.text import Text

_HELP = "find workflows by their names, descriptions, tags and contents"
_EXAMPLES = """examples:
  sim-sidecar search invoice
  sim-sidecar search invoice -draft
  sim-sidecar search '"amount due" -draft' --tag finance --database my.db

A workflow is found when it holds every word. A word behind one minus must not be
in it; options begin with two.
"""
_NOTES = {
    "indexing": "Some workflows are not indexed yet; search again in a moment.",
    "text_truncated": "Some workflows have more text than a search looks at.",
}
"""What a person is told about a search that may have missed something."""
_MARKED = re.compile(r"\[([^\[\]]+)\]")
_WORDS = re.compile(r"[^\W_]+")
_OPTIONS_WITH_VALUE = ("--tag", "--category", "--limit", "--database")
"""Options of search that take the next word as their value."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the words to find, and the options that narrow the search down."""
    parser.add_argument(
        "words",
        nargs="+",
        metavar="WORD",
        help='a word, or a "phrase", to find; -WORD leaves out workflows with that word',
    )
    parser.add_argument(
        "--tag", action="append", help="search only workflows with this tag, or any of several"
    )
    parser.add_argument("--category", help="search only workflows of this category")
    parser.add_argument("--archived", action="store_true", help="search only archived workflows")
    parser.add_argument("--limit", type=int, help="show at most LIMIT workflows (default 20)")
    add_common(parser, reading=True)


def _arrange(given: list[str]) -> list[str]:
    """Put the options first, then `--` and the words, so that `-draft` is read as a word."""
    options: list[str] = []
    words: list[str] = []
    rest = iter(given)
    for word in rest:
        if word == "--":
            words += rest
        elif word == "-h" or word.startswith("--"):
            options.append(word)
            if any(option.startswith(word) for option in _OPTIONS_WITH_VALUE):
                options += itertools.islice(rest, 1)
        else:
            words.append(word)
    return [*options, "--", *words] if words else options


def _run(given: argparse.Namespace) -> int:
    """Search, and show each workflow with the piece of its text that holds the words."""
    params = {
        "query": " ".join(given.words),
        "tags": given.tag,
        "category": given.category,
        "archived": given.archived,
        "limit": given.limit,
        "snippets": "body",
    }
    return show_call(
        given, "workflows.search", params, lambda result: _draw(result, params["query"])
    )


def _draw(result: dict[str, Any], query: str) -> Drawn:
    """Draw a table of the workflows that were found, under what the search may have missed."""
    notes = [note for member, note in _NOTES.items() if result[member]]
    if not result["items"]:
        meant = result["did_you_mean"]
        found = f"Nothing found. Did you mean: {meant}" if meant else "Nothing found."
        return "\n".join([found, *notes])
    drawn = table("\n".join(notes), "id", "name", "in", "text")
    for item in result["items"]:
        matched = cell(", ".join(item["matched_in"]))
        snippet = _highlight(item["snippet"] or "", query)
        drawn.add_row(cell(item["id"]), name_cell(item["name"]), matched, snippet)
    return drawn


def _highlight(snippet: str, query: str) -> "Text":
    """Return a snippet with the words that were found in colour, instead of in [ and ].

    On a terminal without colour the [ and ] stay. Brackets that belong to the workflow's own text
    always stay: what they enclose is not a word of the query.
    """
    shown = cell(snippet)
    if not shows_colour():
        return shown
    plain = _fold(query)
    words = (*_WORDS.findall(plain), *plain.split())
    marks = [mark for mark in _MARKED.finditer(shown.plain) if _fold(mark[1]).startswith(words)]
    # From the last to the first, so that the places before a mark stay right.
    for mark in reversed(marks):
        word = shown[mark.start(1) : mark.end(1)]
        word.stylize("bold yellow")
        shown = shown[: mark.start()].append_text(word).append_text(shown[mark.end() :])
    return shown


def _fold(text: str) -> str:
    """Return the text without case and diacritics, as the search compares it."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
    ).lower()


COMMAND = Command("search", _HELP, _EXAMPLES, _add_options, _run, _arrange)
