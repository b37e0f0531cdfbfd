"""The inspector looks at a copy: the original, and the app that has it open, are left alone."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.store.migrations import current_version
from tests.cli.commands import run
from tests.inspector.inspectors import Inspector, Page
from tests.process.child_process import Child, forked, until
from tests.store import samples

Spawn = Callable[..., Child]


def traces(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of change and hash of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def look_at_everything(page: Page, workflow: str = "demo-invoices") -> None:
    """Ask what all views of the page ask."""
    for method in ("system.info", "system.stats", "system.check", "audit.verify", "runs.stats"):
        page.call(method)
    page.call("workflows.search", query="invoice")
    page.call("workflows.diff", id=workflow, from_revision=1, to_revision=3)
    assert page.post("/api/graph", {"id": workflow}).json["result"]["tool"] == "n8n"
    for backup in page.call("backups.list")["items"]:
        assert page.call("backups.verify", name=backup["name"])["ok"]
        assert page.call("backups.restore", name=backup["name"], dry_run=True)["dry_run"]
    assert page.post("/api/copy", {}).status == 200


def test_looking_changes_no_file_beside_the_original(sample: Path) -> None:
    before = traces(sample.parent)
    with Inspector("--database", sample) as inspector:
        look_at_everything(inspector.page)
        assert len(inspector.page.call("backups.list")["items"]) == 2
        during = traces(sample.parent)

    assert before == during == traces(sample.parent)


def test_the_app_goes_on_beside_it_and_a_new_copy_shows_what_it_did(
    sample: Path, tmp_path: Path, spawn: Spawn
) -> None:
    database = Path(shutil.copytree(sample.parent, tmp_path / "app")) / "sim.db"
    app = spawn(forked("--database", database))
    with Inspector("--database", database) as inspector:
        page = inspector.page
        app.result("settings.set", {"key": "theme", "value": "dark"})
        old = page.call("settings.get", key="theme")["setting"]["value"]
        look_at_everything(page)
        new = page.call("settings.get", key="theme")["setting"]["value"]
        app.result("settings.set", {"key": "theme", "value": "light"})

    assert app.result("settings.get", {"key": "theme"})["setting"]["value"] == "light"
    assert (old != "dark", new) == (True, "dark")


def test_what_a_crashed_process_left_in_its_log_is_copied_and_stays_there(
    sample: Path, tmp_path: Path, spawn: Spawn
) -> None:
    database = Path(shutil.copytree(sample.parent, tmp_path / "app")) / "sim.db"
    app = spawn(forked("--database", database))
    app.result("settings.set", {"key": "theme", "value": "of the log"})
    app.close()  # kills it
    left = {name: each for name, each in traces(database.parent).items() if name[-4:] != "-shm"}
    with Inspector("--database", database) as inspector:
        found = inspector.page.call("settings.get", key="theme")["setting"]["value"]
    after = {name: each for name, each in traces(database.parent).items() if name[-4:] != "-shm"}

    assert found == "of the log"
    assert left.keys() >= {"sim.db", "sim.db-wal"}
    assert after == left


def test_what_the_app_has_not_indexed_yet_is_found_all_the_same(
    tmp_path: Path, spawn: Spawn
) -> None:
    app = spawn(forked("--database", tmp_path / "sim.db"))
    for name in ("Weather", "Tomatoes"):
        app.result("workflows.save", {"workflow": {"name": name, "data": {"text": "watering"}}})
    app.close()  # kills it, in a pause or before
    with Inspector("--database", tmp_path / "sim.db") as inspector:
        found = [
            inspector.page.call("workflows.search", query=query)
            for query in ("tomatoes", "watering")
        ]

    assert [len(each["items"]) for each in found] == [1, 2]
    assert [each["indexing"] for each in found] == [False, False]


def test_an_older_file_is_shown_and_not_migrated(tmp_path: Path) -> None:
    database = samples.unpack("v1", tmp_path / "old.db")
    before = traces(tmp_path)
    with Inspector("--database", database) as inspector:
        version = inspector.page.call("system.info")["schema_version"]

    assert version == current_version()
    assert traces(tmp_path) == before


def test_nothing_is_left_when_it_ends(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Inspector("--database", sample):
        (folder,) = (each for each in tmp_path.iterdir() if each.is_dir())
        mode = folder.stat().st_mode & 0o777
        copies = {path.stat().st_mode & 0o777 for path in folder.glob("sim.db")}

    assert (mode, copies) == (0o700, {0o600})
    assert until(lambda: not list(tmp_path.iterdir()))


def test_a_missing_database_is_told_and_not_made(tmp_path: Path) -> None:
    done = run("inspect", "--database", tmp_path / "none.db")

    assert (done.returncode, done.stdout) == (10, "")
    assert done.stderr == f"sim-sidecar inspect: There is no database at {tmp_path / 'none.db'}.\n"
    assert list(tmp_path.iterdir()) == []


def test_with_write_a_database_that_an_app_serves_is_refused(tmp_path: Path, spawn: Spawn) -> None:
    database = tmp_path / "sim.db"
    spawn(forked("--database", database))
    done = run("inspect", "--write", "--database", database)

    assert (done.returncode, done.stdout) == (3, "")
    assert "Another process serves this database." in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--through"], "name the command"),
        (["--through", "--"], "name the command"),
        (["--through", "--write", "--", "x"], "--through cannot be combined"),
        (["--through", "--database", "x", "--", "x"], "--through cannot be combined"),
        (["--", "x"], "needs --through"),
        (["--port", "70000"], "is not a port"),
    ],
)
def test_words_that_do_not_fit_are_refused(words: list[str], text: str) -> None:
    done = run("inspect", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
