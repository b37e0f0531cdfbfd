"""Tests of a restore killed at every step: the old or the new database is there, complete."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.store.audit.log import read_entries
from sidecar.store.open_close import close_store, open_store
from tests.harness import Bench, ManualClock, open_bench
from tests.made_workflows import save
from tests.store.test_swap import STEPS

KILLED = """
import os, signal, sys
from pathlib import Path
import sidecar.handlers.every
from sidecar.backups import old_database
from sidecar.store import swap
from tests.harness import open_bench
from tests.made_workflows import save
folder, name, wanted = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
def kill(step):
    if step == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
def before(owner, function, step):
    then = getattr(owner, function)
    def wrapped(*given, **more):
        kill(step)
        return then(*given, **more)
    setattr(owner, function, wrapped)
with open_bench(folder) as bench:
    before(old_database, "create_backup_from", "brought_in")
    before(old_database.ServedDatabase, "build", "backed_up")
    before(swap, "stage", "built")
    replace = swap.replace
    swap.replace = lambda path, clock, **more: (
        kill("staged"), replace(path, clock, **more, after_step=kill)
    )
    save(bench, "later")  # is in the write-ahead log only
    bench.call("backups.restore", name=name)
    kill("done")
"""

OLD = ["brought_in", "backed_up", "built", "staged", "staged_synced"]
NEW = [step for step in STEPS if step not in ("staged_synced", "old_kept")] + ["done"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with a backup, and change the database."""
    folder = tmp_path_factory.mktemp("template")
    with open_bench(folder) as bench:
        save(bench, "w1", name="then")
        bench.call("backups.create")
        save(bench, "w1", name="now")
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")
@pytest.mark.parametrize("step", [*OLD, *NEW])
def test_sqlite_23_a_restore_really_killed_leaves_the_old_or_the_new_database(
    template: Path, tmp_path: Path, step: str
) -> None:
    for path in template.glob("test.db*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    backup = next((template / "backups").iterdir())
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / backup.name).write_bytes(backup.read_bytes())
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), backup.name, step],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == -signal.SIGKILL
    # Switched before it gets its name: 2 is WAL.
    assert (tmp_path / "test.db").read_bytes()[18:20] == b"\2\2"

    store = open_store(tmp_path / "test.db", ManualClock()).store
    bench = Bench(store, ManualClock())

    new = step in NEW
    names = bench.rows("SELECT id, name FROM workflows ORDER BY id")
    assert names == ([("w1", "then")] if new else [("later", "n"), ("w1", "now")])
    assert bench.call("system.check", full=True)["findings"] == []
    actions = [entry.action for entry in read_entries(store.db, 0, 500)]
    assert actions.count("workflow_save") == 3
    assert actions.count("restore") == int(new)
    assert bench.call("audit.verify")["status"] == "unsealed"
    close_store(store)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"test.db", "test.db.known", "backups"}
