"""A backup is listed and restored whichever page of the live file is damaged."""

import random
import shutil
from pathlib import Path

import pytest

from sidecar.errors import DatabaseDamaged
from sidecar.store.open_close import open_store
from tests.faults import damaged_files
from tests.faults.store_work import Shell, State, state_at
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call

PAGE_BYTES = 4096


def make_database(folder: Path) -> State:
    """Make a database with a backup and change it; return what the backup holds."""
    served = Served(open_store(folder / "sim.db", ManualClock()).store, ManualClock())
    shell = Shell(7)
    for _ in range(12):
        served.send(*shell.requests())
    held = state_at(folder / "sim.db")
    assert "result" in answers(served.send(call("b", "backups.create")))[0]
    for _ in range(5):
        served.send(*shell.requests())
    served.close()
    return held


def without_ends(state: State) -> State:
    """Return the state without what a restore adds: its entries, and the end of running runs."""
    return {**state, "audit": None, "runs": [run[:2] for run in state["runs"]]}


def restored(path: Path, *, checked: bool) -> bool:
    """Restore the only backup; return False when the file is too damaged to be served."""
    try:
        store = open_store(path, ManualClock()).store
    except DatabaseDamaged:
        return False  # `sim-sidecar restore` is for these
    served = Served(store, ManualClock())
    if checked:
        answers(served.send(call(0, "system.check")))
    (listed,) = answers(served.send(call(1, "backups.list")))
    (backup,) = listed["result"]["items"]
    (answer,) = answers(served.send(call(2, "backups.restore", name=backup["name"])))
    served.close()
    assert "result" in answer, answer
    aside = answer["result"]["kept_aside"]
    assert aside is None or path.with_name(aside).is_file()
    return True


@pytest.mark.parametrize("checked", [False, True])
def test_a_backup_comes_back_whichever_page_of_the_live_file_is_damaged(
    tmp_path: Path, *, checked: bool
) -> None:
    (tmp_path / "made").mkdir()
    held = make_database(tmp_path / "made")
    rng = random.Random(11)
    pages = (tmp_path / "made" / "sim.db").stat().st_size // PAGE_BYTES
    served = 0
    for page in range(pages):
        folder = tmp_path / f"{page}"
        shutil.copytree(tmp_path / "made", folder)
        with (folder / "sim.db").open("r+b") as file:
            file.seek(page * PAGE_BYTES)
            file.write(rng.choice((bytes(PAGE_BYTES), rng.randbytes(PAGE_BYTES))))
        if restored(folder / "sim.db", checked=checked):
            served += 1
            found = state_at(folder / "sim.db")
            assert without_ends(found) == without_ends(held)
        shutil.rmtree(folder)

    assert served > pages * 0.8


def test_after_a_log_that_cannot_be_read_no_number_is_used_again(tmp_path: Path) -> None:
    """The backups say which numbers were used when the file no longer does."""
    path = tmp_path / "sim.db"
    damaged_files.fill(path, bursts=5)
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    (first,) = answers(served.send(call(1, "backups.create")))
    for number in range(20):
        served.send(call(number, "workflows.save", workflow={"name": "n", "data": {}}))
    (later,) = answers(served.send(call(2, "backups.create")))
    (log,) = answers(served.send(call(3, "audit.list", limit=500)))
    served.close()
    damaged_files.destroy(path, damaged_files.pages_of(path, "audit_state")[0])

    served = Served(open_store(path, ManualClock()).store, ManualClock())
    name = first["result"]["name"]
    (answer,) = answers(served.send(call(4, "backups.restore", name=name)))
    served.close()

    assert later["result"]["name"] != name
    assert answer["result"]["kept_aside"] is not None
    assert answer["result"]["seq"] > max(item["seq"] for item in log["result"]["items"])
