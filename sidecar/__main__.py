"""`python -m sidecar` and `sim-sidecar`: finds out which command is meant, and imports only that.

Serving is the default. `--version` imports nothing of ours; `serve` imports nothing that is for
people; every other command lives in `cli`.
"""

import os
import sys

from sidecar import __version__

_HELP = ("-h", "--help", "help")

_INTERRUPTED = 130
"""What shells expect of a command that Ctrl-C ended."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    first = words[0] if words else ""
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"sim-sidecar {__version__}\n")
        return 0
    if first == "serve" or (first.startswith("-") and first not in _HELP and first != "--version"):
        return _serve(words[1:] if first == "serve" else words)
    if not words and not os.isatty(0):
        return _serve([])
    try:
        from sidecar import cli  # noqa: PLC0415 - commands for people load what serving never needs

        return cli.main(words)
    except KeyboardInterrupt:
        # Whoever ends a command knows why it ended; a traceback would tell them nothing.
        return _INTERRUPTED


def _import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which costs every start 8 ms.

    Where that is installed msgspec takes from it what `typing` itself has since Python 3.11.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment] # says: not installed
    try:
        import msgspec  # noqa: F401, PLC0415 - only serving needs it at once
    except ImportError:
        pass  # imported as it likes to be, by whoever needs it
    finally:
        del sys.modules["typing_extensions"]


def _serve(words: list[str]) -> int:
    _import_msgspec()
    from sidecar import config  # noqa: PLC0415 - `--version` needs none of it

    given = config.parse_serve(words)
    if os.isatty(0):
        from sidecar import cli  # noqa: PLC0415 - explains itself to a person

        return cli.explain_serving()
    from sidecar import app  # noqa: PLC0415 - the whole product

    return int(app.serve(given))


if __name__ == "__main__":
    sys.exit(main())
