"""Looks at the page of `sim-sidecar inspect` as smoke.py tries it: the page, and one answer."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from smoke_process import WAIT_S

TOKEN_HEADER = "X-Inspector-Token"  # noqa: S105 - the name of a header
FILES = ("", "page.js", "page.css", "icon.svg", "licences.txt")


def shows_its_page(command: list[str], database: Path, variables: dict[str, str]) -> None:
    """The inspector serves every file of its page, and says which database it shows.

    Raises:
        AssertionError: it does not.
        OSError: it does not answer.
    """
    process = subprocess.Popen(
        [*command, "inspect", "--database", str(database)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        text=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(2)] if process.stdout else [""]
        address = lines[-1]
        origin, _, token = address.strip().partition("/#token=")
        for name in FILES:
            with urllib.request.urlopen(f"{origin}/{name}", timeout=WAIT_S) as answer:  # noqa: S310 - loopback
                if not answer.read():
                    raise AssertionError(name)
        request = urllib.request.Request(f"{origin}/api/state", headers={TOKEN_HEADER: token})  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310 - loopback
            state = json.load(answer)
        if state["database"] != str(database):
            raise AssertionError(state)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=WAIT_S)
    if process.returncode or errors:
        raise AssertionError((process.returncode, errors))


SHOWS = "import os, sys; print(*os.environ); sys.stdin.read()"


def leaves_others_alone(command: list[str], variables: dict[str, str]) -> None:
    """The command of a host gets the variables of the host from `inspect --through`, no others.

    Raises:
        AssertionError: it gets others.
    """
    shown = subprocess.run(
        [*command, "inspect", "--through", "--", sys.executable, "-I", "-c", SHOWS],
        input="",
        capture_output=True,
        env=variables,
        text=True,
        timeout=WAIT_S,
        check=True,
    ).stdout.split()
    if added := set(shown) - variables.keys() - {"LC_CTYPE"}:
        raise AssertionError(added)
