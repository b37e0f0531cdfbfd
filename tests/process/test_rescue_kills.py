"""Tests of a rescue that is killed at each step of the swap: the next start goes on from there."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.process.child_process import Child, forked, product, request
from tests.process.conftest import Spawn
from tests.store.test_swap import STEPS

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 of POSIX")

KILLED = """
import os, signal, sys
from sidecar.store import swap
wanted = sys.argv.pop(1)
replace = swap.replace
def kill(step):
    if step == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
swap.replace = lambda path, clock, **more: replace(path, clock, **more, after_step=kill)
from sidecar.__main__ import main
sys.exit(main())
"""

STILL_A_RESCUE = STEPS[:1]
"""The steps before the plan is written: nothing has happened yet."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database with one workflow and a backup, and cut it off."""
    path = tmp_path_factory.mktemp("template") / "sim.db"
    child = Child(forked("--database", path)).wait_ready()
    child.result("workflows.save", {"workflow": {"id": "then", "name": "n", "data": {}}})
    child.result("backups.create")
    child.finish()
    child.close()
    os.truncate(path, 2 * 4096)
    return path


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("method", ["backups.restore", "system.recover"])
def test_a_rescue_killed_at_any_step_of_the_swap_is_one_still_or_is_done(
    method: str, step: str, template: Path, tmp_path: Path, spawn: Spawn
) -> None:
    path = tmp_path / "sim.db"
    backup = next((template.parent / "backups").iterdir())
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / backup.name).write_bytes(backup.read_bytes())
    (tmp_path / "sim.db.known").touch()
    path.write_bytes(template.read_bytes())
    killed = spawn([sys.executable, "-c", KILLED, step, *product("--database", path)[3:]])
    assert killed.ready["mode"] == "rescue"
    params = {"name": backup.name} if method == "backups.restore" else {"begin_new": True}
    killed.send(request(method, params))
    assert killed.wait_exit() == -signal.SIGKILL

    child = spawn(forked("--database", path))

    assert child.ready["mode"] == ("rescue" if step in STILL_A_RESCUE else "normal")
    if step in STILL_A_RESCUE:
        assert path.read_bytes() == template.read_bytes()
        child.result(method, params)
    else:
        (kept,) = [each for each in tmp_path.glob("sim.db.damaged-*") if each.suffix != ".partial"]
        assert kept.read_bytes() == template.read_bytes()
    ids = [item["id"] for item in child.result("workflows.list")["items"]]
    assert ids == (["then"] if method == "backups.restore" else [])
    assert child.result("system.check")["ok"]
    assert (tmp_path / "backups" / backup.name).read_bytes() == backup.read_bytes()
