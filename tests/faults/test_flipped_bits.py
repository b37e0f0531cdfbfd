"""A flipped bit anywhere in the file gives an error or the right data, never wrong data."""

import random
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SidecarError
from sidecar.store import migrations
from sidecar.store.open_close import open_store
from tests.faults import damaged_files
from tests.faults.store_work import state_at
from tests.faults.test_damage import SAVE, confirmed, path, serving
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call

__all__ = ["path"]

BORNE = (None, "storage_failed", "database_damaged", "not_found", "conflict", "internal")
"""The errors that a file with a wrong bit may give; None stands for the right data."""


def body_of(answer: Any) -> object:
    """Return the body in an answer; None for an error."""
    return answer["result"]["workflow"]["data"] if "result" in answer else None


def flips(path: Path, seeds: range) -> int:
    """For each seed flip one bit and read everything; return how many of the files were served."""
    whole = path.read_bytes()
    reads = [
        call(f"get {row[0]}", "workflows.get", id=row[0]) for row in state_at(path)["workflows"]
    ]
    with serving(path) as served:
        right = [body_of(each) for each in answers(served.send(*reads))]
    opened_files = 0
    others = [
        call(1, "workflows.list"),
        call(2, "workflows.search", query="flow"),
        call(3, "runs.list"),
        call(4, "audit.list"),
        call(5, "system.check"),
        call(6, "workflows.history", id="w0"),
    ]
    for seed in seeds:
        for each in path.parent.iterdir():
            each.unlink()
        path.write_bytes(whole)
        damaged_files.flip(path, random.Random(seed))
        try:
            opened = open_store(path, ManualClock())
        except (SidecarError, migrations.EditedMigration):
            continue
        opened_files += 1
        served = Served(opened.store, ManualClock())
        received = answers(served.send(*reads, *others, SAVE))
        confirmed(served)
        served.close()
        assert len(received) == len(reads) + len(others) + 1
        for each in received:
            assert each.get("error", {}).get("data", {}).get("slug") in BORNE, (seed, each)
        found = [body_of(each) for each in received[: len(reads)]]
        assert all(got in (None, body) for got, body in zip(found, right, strict=True)), seed
    return opened_files


def test_a_flipped_bit_gives_an_error_or_the_right_data(path: Path) -> None:
    assert flips(path, range(40)) > 30


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_five_hundred_flipped_bits_give_errors_or_the_right_data(path: Path) -> None:
    assert flips(path, range(100, 600)) > 400
