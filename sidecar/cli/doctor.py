"""`sim-sidecar doctor`: one line a check, each with the cure for what is wrong.

Works without the database's lock and without network; the database itself is checked through a
child process, and only when nobody else serves it.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from sidecar import config, limits
from sidecar.cli.call import add_place
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.errors import ExitCode
from sidecar.store.connection import check_sqlite_version, sqlite_version

_ROOM_BYTES = 512 * limits.MIB
_A_YEAR_AGO_S = 1_735_689_600
"""2025-01-01: a clock before it was never set."""


class Check(NamedTuple):
    """What one look found."""

    state: Literal["ok", "warn", "fail"]
    name: str
    detail: str
    cure: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="the checks as one JSON array")


def run(given: argparse.Namespace) -> int:
    """Look at everything; returns 1 when something fails."""
    database: Path = (given.database or config.default_database()).absolute()
    looks: list[Callable[[], Check]] = [
        _python,
        _sqlite,
        _clock,
        lambda: _folder(database.parent),
        lambda: _room(database.parent),
        lambda: _leftovers(database),
        lambda: _content(["--ephemeral"] if given.ephemeral else ["--database", str(database)]),
    ]
    if not given.ephemeral and not database.exists():
        looks.pop()
    checks = [look() for look in looks]
    if given.json:
        sys.stdout.write(json.dumps([check._asdict() for check in checks]) + "\n")
    else:
        for check in checks:
            cure = f"\n       cure: {check.cure}" if check.cure else ""
            sys.stdout.write(f"[{check.state:4}] {check.name}: {check.detail}{cure}\n")
    return int(any(check.state == "fail" for check in checks))


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("ok", "python", f"{version} at {sys.executable}")


def _sqlite() -> Check:
    try:
        check_sqlite_version()
    except RuntimeError as fault:
        return Check("fail", "sqlite", str(fault), "Install the locked packages again.")
    return Check("ok", "sqlite", sqlite_version())


def _clock() -> Check:
    if time.time() < _A_YEAR_AGO_S:
        return Check("warn", "clock", "The clock is years behind.", "Set the machine's clock.")
    return Check("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _folder(folder: Path) -> Check:
    if not folder.exists():
        return Check("ok", "folder", f"{folder} will be made, for its owner only")
    if not folder.is_dir():
        return Check("fail", "folder", f"{folder} is no folder", "Name another place.")
    if sys.platform != "win32" and folder.stat().st_mode & 0o022:
        cure = f"chmod go-w '{folder}'"
        return Check("warn", "folder", f"Others may write to {folder}", cure)
    return Check("ok", "folder", str(folder))


def _room(folder: Path) -> Check:
    free_bytes = shutil.disk_usage(_nearest(folder)).free
    text = f"{free_bytes // limits.MIB} MiB free"
    if free_bytes < _ROOM_BYTES:
        return Check("warn", "disk", text, "Free some space before it runs full.")
    return Check("ok", "disk", text)


def _leftovers(database: Path) -> Check:
    found = [
        path.name
        for suffix in (".swap", ".staged", ".partial")
        for path in database.parent.glob(f"{database.name}*{suffix}")
    ]
    if found:
        names = ", ".join(sorted(found))
        return Check("warn", "leftovers", names, "The next start finishes or removes them.")
    return Check("ok", "leftovers", "none")


def _content(options: list[str]) -> Check:
    try:
        child = Child([*options, "--no-events"])
        try:
            found = child.call("system.check")
        finally:
            child.close()
    except CallFailed as failed:
        return Check("fail", "database", str(failed), "Try again; then see the log.")
    except ChildEnded as ended:
        if ended.code == ExitCode.ALREADY_RUNNING:
            pid = ended.reason.get("pid")
            return Check("ok", "database", f"served by process {pid}; not checked")
        return Check("fail", "database", str(ended), str(ended.reason.get("hint", "")))
    if not found["ok"]:
        first = found["findings"][0]
        detail = f"{len(found['findings'])} findings, first: {first['where']}: {first['detail']}"
        return Check("fail", "database", detail, first["cure"])
    checked = ", ".join(f"{count} {name}" for name, count in found["checked"].items())
    return Check("ok", "database", checked)
