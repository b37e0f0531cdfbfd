"""A file that lost its end, as after a broken copy: what can be read is recovered."""

import random
from pathlib import Path

import pytest

from sidecar.errors import DatabaseDamaged, RecoveryRequired
from sidecar.store.open_close import close_store, open_store
from sidecar.store.repair import recover
from tests.faults import damaged_files
from tests.faults.test_damage import no_log, no_step
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database with many workflows, saved one after the other."""
    path = tmp_path_factory.mktemp("whole") / "sim.db"
    damaged_files.fill(path, bursts=5)
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    for number in range(300):
        text = random.Random(number).randbytes(1500).hex()
        workflow = {"id": f"many-{number}", "name": "n", "data": {"text": text}}
        served.send(call(number, "workflows.save", workflow=workflow))
    close_store(served.store)
    served.close()
    return path.read_bytes()


def kept(path: Path) -> list[str]:
    """Return the ids of the workflows that can be read with their bodies."""
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    asked = [call(number, "workflows.get", id=f"many-{number}") for number in range(300)]
    received = answers(served.send(*asked))
    found = [each["result"]["workflow"]["id"] for each in received if "result" in each]
    close_store(served.store)
    served.close()
    return found


@pytest.mark.parametrize("share", [0.95, 0.75, 0.5])
@pytest.mark.parametrize("torn", [0, 1000], ids=["whole pages", "a torn page"])
def test_the_rest_of_a_file_that_was_cut_off_is_recovered(
    tmp_path: Path, whole: bytes, share: float, torn: int
) -> None:
    path = tmp_path / "sim.db"
    cut = whole[
        : int(len(whole) * share) // damaged_files.PAGE_BYTES * damaged_files.PAGE_BYTES + torn
    ]
    path.write_bytes(cut)
    with pytest.raises(RecoveryRequired, match="cut off"):
        open_store(path, ManualClock())

    found = recover.recover_file(path, ManualClock(), no_step, log=no_log)

    assert found.kept_aside is not None
    assert path.with_name(found.kept_aside).read_bytes() == cut
    saved = kept(path)
    assert len(saved) > 300 * (share - 0.25)
    assert found.salvaged["workflows"] >= len(saved)


def test_a_dry_run_leaves_no_file_beside_the_database(tmp_path: Path, whole: bytes) -> None:
    """An empty log beside the file would hide from the next start that it is cut off."""
    path = tmp_path / "sim.db"
    path.write_bytes(whole[: damaged_files.PAGE_BYTES * 2])

    for _ in range(2):
        with pytest.raises(DatabaseDamaged, match="Nothing can be read"):
            recover.recover_file(path, ManualClock(), no_step, log=no_log)
        with pytest.raises(RecoveryRequired, match="cut off"):
            open_store(path, ManualClock())
        assert not recover.is_sound(path)
        assert {each.name for each in tmp_path.iterdir()} <= {"sim.db", "sim.db.known"}
