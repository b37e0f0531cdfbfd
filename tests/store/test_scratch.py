"""The folder for work files: one for each job, removed at its end or by the next start."""

from pathlib import Path

import pytest

from sidecar.errors import ReadOnly
from sidecar.store.open_close import close_store, open_store
from sidecar.store.scratch import scratch_folder
from tests.store.still_clock import SteadyClock


def test_jobs_at_the_same_time_have_folders_of_their_own_and_leave_nothing(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    with scratch_folder(database) as first:
        (first / "copy").write_text("1")
        with scratch_folder(database) as second:
            (second / "copy").write_text("2")
            assert (first / "copy").read_text() == "1"
        assert first.exists()
        assert not second.exists()

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_at_the_start(tmp_path: Path) -> None:
    left = tmp_path / "sim.db.scratch" / "job"
    left.mkdir(parents=True)
    (left / "copy").write_text("secret")

    close_store(open_store(tmp_path / "sim.db", SteadyClock()).store)

    assert not left.parent.exists()


def test_a_symbolic_link_in_the_folders_place_is_neither_emptied_nor_used(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("keep")
    (tmp_path / "sim.db.scratch").symlink_to(other, target_is_directory=True)

    store = open_store(tmp_path / "sim.db", SteadyClock()).store
    with pytest.raises(ReadOnly), scratch_folder(store.path):
        pass

    close_store(store)
    assert [path.name for path in other.iterdir()] == ["mine"]
