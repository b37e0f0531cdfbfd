"""Benches whose secrets are set up and that have a recovery code and a remote."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness import Bench
from tests.vault_benches import PASSPHRASE, RandomClock, secret_bench, set_up

__all__ = [
    "PASSPHRASE",
    "Place",
    "RandomClock",
    "add_workflow",
    "files",
    "folder_place",
    "kinds",
    "prepared",
    "remote_bench",
]


class Place(NamedTuple):
    """Where a remote is, and what opens it."""

    url: str
    credentials: str | None = None

    def params(self) -> dict[str, Any]:
        """Return the params of `remotes.set`."""
        return {"url": self.url} | (
            {} if self.credentials is None else {"credentials": self.credentials}
        )


def folder_place(folder: Path) -> Place:
    """Return a remote in a folder, which is made."""
    folder.mkdir(exist_ok=True)
    return Place(folder.as_uri())


def prepared(bench: Bench) -> str:
    """Set up secrets with a key and a recovery code; return the code."""
    set_up(bench)
    code = str(bench.call("secrets.add_recovery")["recovery_code"])
    bench.told.clear()
    return code


def add_workflow(bench: Bench, name: str) -> None:
    """Save a workflow."""
    bench.call("workflows.save", workflow={"id": name, "name": name, "data": {"steps": [name]}})


@contextmanager
def remote_bench(folder: Path, place: Place) -> Iterator[tuple[Bench, str]]:
    """Open a bench with a remote and a workflow; yield it and its recovery code."""
    folder.mkdir(exist_ok=True)
    with secret_bench(folder) as bench:
        code = prepared(bench)
        add_workflow(bench, "first")
        bench.call("remotes.set", **place.params())
        bench.told.clear()
        yield bench, code


def files(remote: Path, part: str = "") -> list[Path]:
    """The objects in a folder, or those whose name has a part, in order."""
    found = sorted(path for path in remote.rglob("*") if path.is_file())
    return [path for path in found if part in path.as_posix()]


def kinds(bench: Bench, *, deep: bool = True) -> set[str]:
    """The kinds of what a verification finds."""
    verdict = bench.call("remotes.verify", deep=deep)
    found = {each["kind"] for each in verdict["findings"]}
    assert verdict["ok"] == (found <= {"stray"})
    return found
