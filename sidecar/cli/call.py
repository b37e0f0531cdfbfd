"""`sim-sidecar call`: one method through a child process, for a terminal or a script."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from sidecar import config
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.progress import Bar
from sidecar.cli.terminal_text import json_text, visible, write_json
from sidecar.errors import ExitCode

EXAMPLES = """examples:
  sim-sidecar call system.info --ephemeral
  sim-sidecar call workflows.list tag=mail limit:=5 --database my.db
  sim-sidecar call workflows.save --database my.db \\
      workflow:='{"name": "Hello", "data": {"nodes": []}}'

`=` gives text, `:=` gives JSON: limit=5 would be the text "5". In cmd.exe write
workflow:="{\\"name\\": ...}". Methods and their params: sim-sidecar openrpc.

exit codes: 0 answered, 1 answered with an error, 2 wrong usage, 3 another process
serves the database, others as `serve`.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `call`."""
    parser.add_argument("method", metavar="METHOD", help="such as workflows.list")
    parser.add_argument(
        "params", metavar="NAME=TEXT | NAME:=JSON", nargs="*", help="params, as text or as JSON"
    )
    parser.add_argument(
        "--stdin", action="store_true", help="read params from a pipe, one JSON object"
    )
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON, also on a terminal")


def add_place(parser: argparse.ArgumentParser) -> None:
    """Declare where a command finds its database."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--database", metavar="FILE", type=Path, help="the database (default: the app's own)"
    )
    place.add_argument(
        "--ephemeral", action="store_true", help="a fresh database that is removed afterwards"
    )


def place_options(given: argparse.Namespace, *, existing: bool = False) -> list[str]:
    """The options that make a child serve what the person named, which may have to exist."""
    if given.ephemeral:
        return ["--ephemeral"]
    place = ["--database", str(given.database or config.default_database())]
    return [*place, "--existing"] if existing else place


def run(given: argparse.Namespace) -> int:
    """Call the method, print its result or its error; returns the exit code."""
    try:
        params = read_params(given.params)
        _refuse_secrets(given.method, params)
        if given.stdin:
            params = {**_read_object(), **params}
    except ValueError as fault:
        sys.stderr.write(f"sim-sidecar call: {fault}\n")
        return ExitCode.USAGE
    progress = Bar()
    try:
        options = place_options(given, existing=_only_reads(given))
        child = Child([*options, "--no-events"], progress.notified)
        try:
            result = child.call(given.method, params)
        finally:
            progress.end()
            child.close()
    except CallFailed as failed:
        sys.stderr.write(explain(failed.error))
        return 1
    except ChildEnded as ended:
        return tell_ended(ended)
    _print(result, plain=given.json)
    return 0


def read_params(words: list[str]) -> dict[str, Any]:
    """Read `name=text` and `name:=json`.

    Raises:
        ValueError: a word is neither, its JSON is not JSON, or a name comes twice.
    """
    params: dict[str, Any] = {}
    for word in words:
        before, equals, text = word.partition("=")
        name = before.removesuffix(":")
        if not equals or not name:
            message = f"{word!r} is neither NAME=TEXT nor NAME:=JSON"
            raise ValueError(message)
        if name in params:
            message = f"{name} is given twice"
            raise ValueError(message)
        params[name] = text if name == before else _read_json(name, text)
    return params


def _refuse_secrets(method: str, params: dict[str, Any]) -> None:
    """Refuse a secret among the arguments, where every list of processes shows it.

    Raises:
        ValueError: a param is one.
    """
    if not method.startswith("secrets."):
        return
    import sidecar.handlers  # noqa: F401, PLC0415 - fills the catalog, which other calls do without
    from sidecar.catalog import METHODS  # noqa: PLC0415 - after it is full

    known = METHODS.get(method)
    for name in sorted(known.secret_params & params.keys()) if known else ():
        message = (
            f"{name} is a secret and does not belong among arguments; use `sim-sidecar secrets`,"
            " or --stdin for the params"
        )
        raise ValueError(message)


def _only_reads(given: argparse.Namespace) -> bool:
    """Whether a method that only reads would make the database that it is to read."""
    if given.ephemeral or (given.database or config.default_database()).exists():
        return False
    import sidecar.handlers  # noqa: F401, PLC0415 - fills the catalog, which other calls do without
    from sidecar.catalog import METHODS  # noqa: PLC0415 - after it is full

    method = METHODS.get(given.method)
    return method is not None and method.access == "read"


def _read_object() -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.buffer.read())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = "--stdin wants one JSON object"
        raise ValueError(message)  # noqa: TRY004 - what a person wrote, as above
    return found


def _read_json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        message = f"the value of {name} is not JSON; quote it for your shell, or write {name}=TEXT"
        raise ValueError(message) from None


def explain(error: dict[str, Any]) -> str:
    """An error as a person reads it."""
    data = error.get("data", {})
    lines = [visible(f"{error['message']} ({data.get('slug', error['code'])})")]
    for key, label in (("path", "at"), ("hint", "hint"), ("did_you_mean", "did you mean")):
        value = data.get(key)
        if value:
            text = ", ".join(value) if isinstance(value, list) else value
            lines.append(f"  {label}: {visible(text)}")
    if data.get("slug") == "invalid_params" and "got `str`" in error["message"]:
        lines.append("  hint: NAME=TEXT gives text; a number, true, [] or {} is NAME:=JSON")
    if data.get("slug") == "throttled":
        lines.append(f"  wait: {math.ceil(data['retry_after_ms'] / 1000)} s")
    return "\n".join(lines) + "\n"


def tell_ended(ended: ChildEnded) -> int:
    """Say why a child did not serve; returns the exit code."""
    holder = ended.reason.get("pid")
    more = f" It is process {holder}." if ended.code == ExitCode.ALREADY_RUNNING and holder else ""
    sys.stderr.write(f"sim-sidecar: {visible(ended)}{more}\n")
    if ended.reason.get("hint"):
        sys.stderr.write(f"  hint: {visible(ended.reason['hint'])}\n")
    return ended.exit_code


def _print(result: Any, *, plain: bool) -> None:
    if plain or not sys.stdout.isatty():
        write_json(result)
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours
    from rich.highlighter import JSONHighlighter  # noqa: PLC0415 - the same

    # Not print_json: that would read the escapes and print what they stand for.
    Console().print(JSONHighlighter()(json_text(result, indent=2)), soft_wrap=True)
