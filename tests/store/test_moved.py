"""The file of the database is moved, removed or replaced while it is served."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.store.open_close import open_store
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not move a file that is open"
)


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    shutil.copyfile(path, path.with_name("other.db"))
    path.with_name("other.db").replace(path)


@pytest.mark.parametrize("act", [remove, move, replace])
def test_no_write_into_a_file_without_a_name_is_acknowledged(
    tmp_path: Path, act: Callable[[Path], None]
) -> None:
    path = tmp_path / "sim.db"
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    first = {"id": "w", "name": "n", "data": {}}
    (saved,) = answers(served.send(call(1, "workflows.save", workflow=first)))
    assert saved["result"]["revision"] == 1
    copy = path.with_name("kept.db")
    copy.hardlink_to(path)
    act(path)

    for number in (2, 3):
        save = call(number, "workflows.save", workflow={**first, "id": f"w{number}"})
        (refused,) = answers(served.send(save))
        assert (refused["error"]["data"]["slug"], refused["error"]["data"]["outcome"]) == (
            "read_only",
            "not_applied",
        )
        assert "moved, removed or replaced" in refused["error"]["message"]
    (read,) = answers(served.send(call(4, "workflows.get", id="w")))
    assert read["result"]["workflow"]["name"] == "n"

    copy.replace(path)
    (saved,) = answers(served.send(call(5, "workflows.save", workflow={**first, "id": "w5"})))
    assert saved["result"]["revision"] == 1
    served.close()
