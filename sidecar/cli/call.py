"""`sim-sidecar call`: one method through a child process, for a terminal or a script."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from sidecar import config
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.errors import ExitCode


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `call`."""
    parser.add_argument("method", metavar="METHOD", help="such as workflows.list")
    parser.add_argument(
        "params", metavar="NAME=TEXT | NAME:=JSON", nargs="*", help="params, as text or as JSON"
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


def place_options(given: argparse.Namespace) -> list[str]:
    """The options that make a child serve what the person named."""
    if given.ephemeral:
        return ["--ephemeral"]
    return ["--database", str(given.database or config.default_database())]


def run(given: argparse.Namespace) -> int:
    """Call the method, print its result or its error; returns the exit code."""
    try:
        params = read_params(given.params)
    except ValueError as fault:
        sys.stderr.write(f"sim-sidecar call: {fault}\n")
        return ExitCode.USAGE
    progress = _Progress()
    try:
        child = Child([*place_options(given), "--no-events"], progress.notified)
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
        ValueError: a word is neither, or its JSON is not JSON.
    """
    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            message = f"{word!r} is neither NAME=TEXT nor NAME:=JSON"
            raise ValueError(message)
        if not name.endswith(":"):
            params[name] = text
            continue
        try:
            params[name[:-1]] = json.loads(text)
        except ValueError:
            message = f"the value of {name[:-1]} is not JSON; quote it for your shell"
            raise ValueError(message) from None
    return params


def explain(error: dict[str, Any]) -> str:
    """An error as a person reads it."""
    data = error.get("data", {})
    lines = [f"{error['message']} ({data.get('slug')})"]
    lines += [
        f"  {label}: {data[key]}"
        for key, label in (("path", "at"), ("hint", "hint"), ("did_you_mean", "did you mean"))
        if data.get(key)
    ]
    return "\n".join(lines) + "\n"


def tell_ended(ended: ChildEnded) -> int:
    """Say why a child did not serve; returns its exit code."""
    holder = ended.reason.get("pid")
    more = f" It is process {holder}." if ended.code == ExitCode.ALREADY_RUNNING and holder else ""
    sys.stderr.write(f"sim-sidecar: {ended}{more}\n")
    return ended.code


def _print(result: Any, *, plain: bool) -> None:
    if plain or not sys.stdout.isatty():
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours

    Console().print_json(json.dumps(result, ensure_ascii=False))


class _Progress:
    """A bar on a terminal's stderr while a long method works; nothing elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Draw `$/progress`."""
        if name != "$/progress" or not sys.stderr.isatty():
            return
        if self._bar is None:
            from rich.console import Console  # noqa: PLC0415 - only for a terminal
            from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(params["phase"], total=params["total"])
        self._bar.update(self._task, completed=params["done"], description=params["phase"])

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
