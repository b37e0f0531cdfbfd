"""`sim-sidecar diff`: show what changed between two revisions of one workflow."""

import argparse
from collections.abc import Iterator
from typing import Any, Final

from sidecar.cli.child import Child, run_with_child
from sidecar.cli.command import Command, add_common, serve_options
from sidecar.cli.tables import print_result

_HELP = "show what changed between two revisions of a workflow"
_EXAMPLES = """examples:
  sim-sidecar diff my-workflow --database my.db
  sim-sidecar diff my-workflow --from 3 --to 7 --database my.db

Without --from and --to it shows what the last save has changed. `sim-sidecar
history ID` lists the revisions.
"""
_SHOWN_CHARS: Final = 60
"""Characters of a value that a line shows."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the workflow's id, the revisions and the common options."""
    parser.add_argument("id", metavar="ID", help="the workflow's id, as search shows it")
    parser.add_argument(
        "--from", dest="before", type=int, metavar="REVISION", help="default: the one before --to"
    )
    parser.add_argument(
        "--to", dest="after", type=int, metavar="REVISION", help="default: the current revision"
    )
    add_common(parser, reading=True)


def _run(given: argparse.Namespace) -> int:
    """Compare the two revisions; returns the exit code of success."""
    before, after, result = run_with_child(serve_options(given), lambda child: _diff(child, given))
    print_result(given, result, lambda found: "\n".join([f"{before} -> {after}", *_lines(found)]))
    return 0


def _diff(child: Child, given: argparse.Namespace) -> tuple[int, int, dict[str, Any]]:
    """Return the two revisions and what changed between them."""
    after = given.after
    if after is None:
        newest = child.call("workflows.history", {"id": given.id, "limit": 1})
        after = newest["items"][0]["revision"]
    before = max(1, after - 1) if given.before is None else given.before
    params = {"id": given.id, "from_revision": before, "to_revision": after}
    return before, after, child.call("workflows.diff", params)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each change."""
    if found["layout_only"]:
        yield "  only the layout"
    for sign, word in (("+", "added"), ("-", "removed"), ("~", "moved")):
        for step in found[word]:
            yield f"{sign} {word} {_step(step)}"
    for step in found["renamed"]:
        yield f"~ renamed {step['before']} to {step['after']}"
    for step in found["changed"]:
        yield f"~ changed {step['name'] or step['id']}"
        yield from (f"    {_field(field)}" for field in step["fields"])
    for sign, word in (("+", "links_added"), ("-", "links_removed")):
        for link in found[word]:
            yield f"{sign} link {link['source']} to {link['target']} {link['port']}".rstrip()
    yield from (f"~ {_field(field)}" for field in found["metadata"])
    if not any(value for name, value in found.items() if name != "tool"):
        yield "  nothing"


def _step(step: dict[str, Any]) -> str:
    """Return a step's name and kind."""
    name = step["name"] or step["id"]
    return f"{name} ({step['kind']})" if step["kind"] not in ("", name) else name


def _field(field: dict[str, Any]) -> str:
    """Return a field with its value before and after."""
    if field["name"] == "*":
        return "more, that is not listed here"
    return f"{field['name']}: {_value(field['before'])} to {_value(field['after'])}"


def _value(text: str | None) -> str:
    """Return a value as JSON text, cut to what a line can show."""
    if text is None:
        return "(none)"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}\u2026"


COMMAND = Command("diff", _HELP, _EXAMPLES, _add_options, _run)
