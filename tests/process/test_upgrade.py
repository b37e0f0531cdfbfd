"""An update of the program and the way back, with the program of the version before.

That program is kept as a commit: its sources are unpacked when the tests run, and run with the
packages of now. That needs no binary in the repository and no second lock; should a package ever
leave the old sources behind, a wheel with its lock has to take the commit's place.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sidecar.store import migrations
from tests.process.child_process import ROOT

BEFORE = "465cbbe24e7a2023e2798ad8dfc36f976b51e95d"
"""The last commit whose tables have the version before; a new migration needs a newer one."""
BEFORE_VERSION = migrations.current_version() - 1


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the program of the version before into a folder."""
    packed = subprocess.run(
        ["git", "archive", BEFORE, "sidecar"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(
            "the commit of the version before is not here: no git checkout, or a shallow one"
        )
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
        tar.extractall(folder)  # noqa: S202 - of our own repository
    return folder


def run(program: Path, *words: object, code: int = 0) -> str:
    """Run a command of the program in a folder; return its stdout, or stderr if it is refused."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sidecar", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(program)},
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def call(program: Path, database: Path, method: str, *words: str) -> Any:
    """Call a method by the program in a folder."""
    return json.loads(run(program, "call", method, *words, "--database", database))


def test_an_update_opens_the_database_of_the_version_before_and_the_way_back_is_told(
    before: Path, tmp_path: Path
) -> None:
    database = tmp_path / "a person's data" / "sim.db"
    run(before, "demo", "--database", database)
    body = call(before, database, "workflows.get", "id=demo-invoices")["workflow"]["data"]

    # Forward: the new program opens it and keeps everything.
    assert call(ROOT, database, "system.info")["schema_version"] == BEFORE_VERSION + 1
    assert call(ROOT, database, "workflows.get", "id=demo-invoices")["workflow"]["data"] == body
    assert call(ROOT, database, "system.check")["findings"] == []

    # Back: the old program refuses it unchanged, and names the copy.
    saved = database.read_bytes()
    refusal = run(before, "stats", "--database", database, code=5)
    copy = database.with_name(f"sim.db.before-v{BEFORE_VERSION + 1}")
    assert copy.name in refusal
    assert database.read_bytes() == saved
    database.rename(database.with_name("sim.db.newer"))
    copy.rename(database)
    assert call(before, database, "workflows.get", "id=demo-invoices")["workflow"]["data"] == body
    assert call(before, database, "system.check")["findings"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="the command is one of the shell")
def test_the_command_in_the_hint_goes_back_to_the_copy(tmp_path: Path) -> None:
    """As after an update that failed: the program of now meets the file of the next version."""
    database = tmp_path / "a person's data" / "sim.db"
    run(ROOT, "demo", "--database", database)
    version = migrations.current_version()
    copy = database.with_name(f"sim.db.before-v{version + 1}")
    copy.write_bytes(database.read_bytes())
    content = bytearray(database.read_bytes())
    content[60:64] = (version + 1).to_bytes(4)  # user_version
    database.write_bytes(content)
    database.with_name("sim.db-wal").write_bytes(b"the log of the newer file")

    refusal = run(ROOT, "stats", "--database", database, code=5)
    hint = refusal.partition("after it: ")[2].strip()
    subprocess.run(hint, shell=True, check=True)  # noqa: S602 - as a person pastes it

    assert call(ROOT, database, "system.check")["findings"] == []
    assert sorted(path.name for path in database.parent.glob("sim.db.newer*")) == [
        "sim.db.newer",
        "sim.db.newer-wal",
    ]
