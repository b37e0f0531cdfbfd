"""`sim-sidecar call`: call one method, from a terminal or a script."""

import argparse
import json
import sys

import msgspec

from sidecar.cli.command import Command, add_common, call_method_raw, database_path, serve_options
from sidecar.cli.failures import CommandFailed
from sidecar.cli.terminal_text import escaped_json

_HELP = "call one method and print its result as JSON"
_EXAMPLES = """examples:
  sim-sidecar call system.info --ephemeral
  sim-sidecar call workflows.list category=mail limit:=5 --database my.db
  sim-sidecar call workflows.save --database my.db \\
      workflow:='{"name": "Hello", "data": {"nodes": []}}'

NAME=TEXT passes text. NAME:=JSON passes a number, true, null, a list or an
object: limit=5 would pass the text "5". In cmd.exe write
workflow:="{\\"name\\": ...}". sim-sidecar openrpc prints all methods and params.

exit codes: 0 the method returned a result, 1 it returned an error, 2 the command
line is wrong, 3 another process serves the database, others as for serve.
"""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the method and its params."""
    parser.add_argument("method", metavar="METHOD", help="the method, such as workflows.list")
    parser.add_argument(
        "params",
        metavar="NAME=TEXT | NAME:=JSON",
        nargs="*",
        help="one param of the method, as text or as JSON",
    )
    parser.add_argument(
        "--stdin",
        action="store_true",
        help="also read params from stdin, as one JSON object (a way for secrets)",
    )
    add_common(parser)


def _run(given: argparse.Namespace) -> int:
    """Call the method and print its result."""
    params = _read_params(given.params)
    _refuse_secrets(given.method, params)
    if given.stdin:
        params = {**_read_stdin(), **params}
    options = serve_options(given, existing=_needs_database(given))
    # Decoded and encoded again a body would change: numbers lose digits, double members vanish.
    line = b",".join(json.dumps(name).encode() + b":" + raw for name, raw in params.items())
    _print(call_method_raw(options, given.method, b"{" + line + b"}"), plain=given.json)
    return 0


def _read_params(words: list[str]) -> dict[str, bytes]:
    """Return the params, as JSON, that words of the form `name=text` and `name:=json` give.

    Raises:
        CommandFailed: a word has neither form, its JSON is not valid, or a name comes twice.
    """
    params: dict[str, bytes] = {}
    for word in words:
        before, equals, text = word.partition("=")
        name = before.removesuffix(":")
        if not equals or not name:
            raise CommandFailed(f"{word!r} is neither NAME=TEXT nor NAME:=JSON.")
        if name in params:
            raise CommandFailed(f"{name} is given twice.")
        params[name] = json.dumps(text).encode() if name == before else _read_json(name, text)
    return params


def _read_json(name: str, text: str) -> bytes:
    """Return the value of one param that is given as JSON, as it stands there on one line."""
    try:
        return _on_one_line(msgspec.json.decode(text.encode(), type=msgspec.Raw))
    except (ValueError, RecursionError):
        raise CommandFailed(
            f"The value of {name} is not JSON. Quote it for your shell, or write {name}=TEXT."
        ) from None


def _on_one_line(value: msgspec.Raw) -> bytes:
    """Return a JSON value without line ends, which stand only between its parts."""
    return bytes(value).translate(bytes.maketrans(b"\r\n", b"  "))


def _read_stdin() -> dict[str, bytes]:
    """Return the params that stdin gives as one JSON object, each as it stands there."""
    data = sys.stdin.buffer.read()
    try:
        text = data.decode(json.detect_encoding(data))
        found = msgspec.json.decode(text.encode(), type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        raise CommandFailed("--stdin needs one JSON object on stdin.") from None
    return {name: _on_one_line(value) for name, value in found.items()}


def _refuse_secrets(method: str, params: dict[str, bytes]) -> None:
    """Refuse a secret among the arguments, where every list of processes shows it.

    Raises:
        CommandFailed: a param is a secret.
    """
    if not method.startswith("secrets."):
        return
    from sidecar.catalog import find_method  # noqa: PLC0415 - most calls do without

    known = find_method(method)
    for name in sorted(known.secret_params & params.keys()) if known else ():
        raise CommandFailed(
            f"{name} is a secret and must not be among the arguments, which other programs can"
            " see. Use sim-sidecar secrets, or pass the params with --stdin."
        )


def _needs_database(given: argparse.Namespace) -> bool:
    """Return whether the database is missing and the method only reads: then none is made."""
    if given.ephemeral or database_path(given).exists():
        return False
    from sidecar.catalog import find_method  # noqa: PLC0415 - most calls do without

    method = find_method(given.method)
    return method is not None and method.access == "read"


def _print(result: bytes, *, plain: bool) -> None:
    """Print a result as JSON: on one line, or on a terminal indented and in colour."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.write(result + b"\n")
        return
    if plain:
        sys.stdout.write(escaped_json(result) + "\n")
        return
    from rich.console import Console  # noqa: PLC0415 - a pipe never pays for colours
    from rich.highlighter import JSONHighlighter  # noqa: PLC0415 - a pipe never pays for colours

    # Not print_json: that would read the escapes and print what they stand for.
    text = escaped_json(msgspec.json.format(result, indent=2))
    Console().print(JSONHighlighter()(text), soft_wrap=True)


COMMAND = Command("call", _HELP, _EXAMPLES, _add_options, _run)
