"""Removes the folder of a serving process, as an app that updates itself does, for smoke.py."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smoke_process import Served

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a database that is thrown away
INTERNAL = -32603
"""The error code `internal`."""
Examples = dict[str, list[dict[str, Any]]]
"""The params of an example of each method, as the contract has them."""


def answers_as_ever(
    command: list[str], folder: Path, scratch: Path, variables: dict[str, str], examples: Examples
) -> None:
    """With all modules loaded every method answers as with the folder, the vault's above all."""
    # The time zones of the package are files of the folder that goes; all systems but small ones
    # and Windows have their own, and Windows replaces no folder of a program that runs.
    system_zones = {name: text for name, text in variables.items() if name != "PYTHONTZPATH"}
    served = Served(command, scratch / "replaced.db", system_zones)
    served.wait_for_log("modules_loaded")
    with _away(folder, served):
        served.result("secrets.initialize", passphrase=PASSPHRASE)
        served.result("system.recover", dry_run=True)
        refused = {}
        for name, params in examples.items():
            answer = called(served, scratch, name, {one["name"]: one["value"] for one in params})
            if failure(answer)[1] in ("internal", "out_of_resources", "storage_failed"):
                refused[name] = answer
        served.send(b'[{"jsonrpc":"2.0","id":"a","method":"system.ping"}]')
        served.read_until(lambda one: "batch" in one)
        _require(not refused, (refused, served.rest_of_log()))


def goes_on_after_an_early_replacement(
    command: list[str], folder: Path, scratch: Path, variables: dict[str, str], examples: Examples
) -> None:
    """With hardly any module loaded what cannot be answered is refused, and the process goes on."""
    served = Served(command, scratch / "early.db", variables)
    with _away(folder, served):
        served.send(b'[{"jsonrpc":"2.0","id":"a","method":"system.ping"}]')
        served.read_until(lambda one: "batch" in one or "error" in one)
        bugs = {}
        for name, params in examples.items():
            answer = called(served, scratch, name, {one["name"]: one["value"] for one in params})
            if failure(answer)[0] == INTERNAL:
                bugs[name] = answer
        served.result("system.ping")
        _require(not bugs, (bugs, served.rest_of_log()))


@contextlib.contextmanager
def _away(folder: Path, served: Served) -> Iterator[None]:
    """Put an empty folder in the place of the program's for the block, then end the process."""
    aside = folder.with_name("replaced")
    folder.rename(aside)
    try:
        folder.mkdir()
        yield
        _require(served.end() == 0, served.rest_of_log())
    finally:
        served.process.kill()
        with contextlib.suppress(OSError):
            folder.rmdir()
        aside.rename(folder)


def called(served: Served, scratch: Path, name: str, params: dict[str, Any]) -> dict[str, Any]:
    """Call a method with the params of its example, whose path becomes that of a file made here."""
    file = str(scratch / f"{name}.{time.monotonic_ns()}.json")
    return served.call(name, **{key: file if it == "…" else it for key, it in params.items()})


def failure(answer: dict[str, Any]) -> tuple[int, str]:
    """Return code and slug of the error in an answer; 0 and nothing when it has a result."""
    error = answer.get("error", {"code": 0})
    return error["code"], error.get("data", {}).get("slug", "")


def _require(holds: object, text: object) -> None:
    """Raise with a text unless something holds."""
    if not holds:
        raise AssertionError(text)
