"""Runs `python -m sidecar` and `sim-sidecar`: imports only what the given command needs.

Serving is the default. `--version` imports no other module, and `serve` none of `sidecar.cli`,
which has all other commands.
"""

import gc
import os
import sys
import warnings
from contextlib import suppress

from sidecar import __version__

_HELP = ("-h", "--help", "help")

_INTERRUPTED, _BROKEN_PIPE = 130, 141
"""The exit codes that shells expect of a command ended by Ctrl-C or by a closed pipe."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    if not sys.flags.inspect:
        return _run(words)
    # PYTHONINSPECT, which a host may have set for itself, has Python read statements from stdin
    # when a program returns or raises SystemExit.
    try:
        code = _run(words)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _run(words: list[str]) -> int:
    """Run the command that the words name and return its exit code."""
    first = words[0] if words else ""
    if first == "serve" or (first.startswith("-") and first not in (*_HELP, "--version", "-V")):
        return _serve(words[1:] if first == "serve" else words)
    if not words and not os.isatty(0):
        return _serve([])
    if words == ["courier"]:
        from sidecar import courier  # noqa: PLC0415 - the one process that opens a connection

        return courier.run()
    try:
        _open_streams()
        if words in (["--version"], ["-V"]):
            print(f"sim-sidecar {__version__}", flush=True)  # noqa: T201 - loads nothing else
            return 0
        from sidecar import cli  # noqa: PLC0415 - commands for people load what serving never needs

        code = cli.run(words)
    except KeyboardInterrupt:
        # A person who pressed Ctrl-C needs no traceback.
        return _INTERRUPTED
    except BrokenPipeError:
        # The pager was closed; the rest of the output goes to the null device.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _BROKEN_PIPE
    except OSError as fault:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        where = f": {fault.filename}" if fault.filename else " while writing the output"
        with suppress(OSError):  # stderr may be what cannot be written
            sys.stderr.write(f"sim-sidecar: {fault.strerror or fault}{where}\n")
            sys.stderr.flush()
        return 1
    else:
        return code


def _open_streams() -> None:
    """Open the standard streams that the shell has closed; a file would get their numbers."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r+", encoding="utf-8"))


def _import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, whose import takes 8 ms of every start.

    msgspec uses it when it is installed, for names that `typing` has since Python 3.11.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment] # says: not installed
    try:
        import msgspec  # noqa: F401, PLC0415 - only serving needs it at once
    except ImportError:
        pass  # the module that needs it imports it in the usual way
    finally:
        del sys.modules["typing_extensions"]


def _serve(words: list[str]) -> int:
    """Serve with these arguments; at a terminal explain instead what serving is."""
    # Read before the imports, because the parent may die while they run.
    spawned_by = os.getppid()
    # Imports make many objects and no garbage: collecting meanwhile takes 6 % of a start. `app` has
    # it collected again when the process is ready.
    gc.disable()
    # A user cannot fix a warning of a library, and PYTHONWARNINGS=error would end the process.
    warnings.simplefilter("ignore")
    _import_msgspec()
    from sidecar import arguments  # noqa: PLC0415 - `--version` needs none of it
    from sidecar.errors import SidecarError  # noqa: PLC0415 - the same

    try:
        given = arguments.parse_serve(words)
    except SidecarError as refused:
        from sidecar import app, log  # noqa: PLC0415 - after the arguments are known to be right

        code = app.refuse(refused)
        log.flush()
        return int(code)
    if os.isatty(0):
        from sidecar import cli  # noqa: PLC0415 - only a person at a terminal needs it

        return cli.explain_serving()
    from sidecar import app  # noqa: PLC0415 - after the arguments are known to be right

    return int(app.serve(given, spawned_by))


if __name__ == "__main__":
    sys.exit(main())
