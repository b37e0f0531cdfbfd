"""Tries the extra `remote` as smoke.py does: object stores are reached with it, and not without."""

import shutil
import socket
from pathlib import Path

from smoke_process import Served

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a database that is thrown away


def asks_for_the_extra(command: list[str], scratch: Path, variables: dict[str, str]) -> None:
    """Without the extra a bucket is refused, and the hint says what to install."""
    reason, hint = _refusal(command, scratch / "without.db", variables)
    if reason != "not_installed" or "sim-sidecar-remote" not in hint:
        raise AssertionError((reason, hint))


def opens_connections(command: list[str], scratch: Path, variables: dict[str, str]) -> None:
    """With the extra, testing a bucket on a closed port fails as `offline`."""
    reason, hint = _refusal(command, scratch / "with.db", variables)
    if reason != "offline":
        raise AssertionError((reason, hint))


def finds_the_extra(
    command: list[str], folder: Path, extra: Path, scratch: Path, variables: dict[str, str]
) -> None:
    """The archive is found when it is unpacked over the folder, the npm package by the variable."""
    place = scratch / "extra"
    if extra.suffix == ".tgz":
        shutil.unpack_archive(extra, place)
        named = {**variables, "SIM_SIDECAR_REMOTE": str(place / "package" / "remote")}
        opens_connections(command, scratch, named)
        return
    copy = place / folder.name
    shutil.copytree(folder, copy)
    for path in [copy, *copy.rglob("*")]:  # the folder that is tried is read-only
        if path.is_dir():
            path.chmod(0o755)
    shutil.unpack_archive(extra, place)
    if not (copy / "remote" / "THIRD-PARTY-LICENCES.txt").stat().st_size:
        raise AssertionError("no licences")
    opens_connections([str(copy / Path(command[0]).name)], scratch, variables)


def extra_of(source: Path) -> Path | None:
    """Return the extra that lies beside an artefact: a package of npm for one, else an archive."""
    kinds = (".tgz",) if source.suffix == ".tgz" else (".xz", ".zip")
    found = source.absolute().parent.glob("sim-sidecar-remote-*")
    return next((path for path in sorted(found) if path.suffix in kinds), None)


def _refusal(command: list[str], database: Path, variables: dict[str, str]) -> tuple[str, str]:
    """Return reason and hint of the test of a bucket on a closed port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    served = Served(command, database, variables)
    try:
        served.result("secrets.initialize", passphrase=PASSPHRASE)
        served.result("secrets.add_recovery")
        url = f"s3://bucket/?endpoint=http://127.0.0.1:{port}"
        served.result("remotes.set", url=url, credentials="key-id secret-key")
        data = served.call("remotes.test")["error"]["data"]
        return data["reason"], data.get("hint") or ""
    finally:
        if served.end() != 0:
            raise AssertionError(served.rest_of_log())
