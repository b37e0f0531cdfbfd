"""The power fails at any operation: FULL loses no acknowledged write, NORMAL loses some."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from sidecar import limits
from sidecar.store import log_room
from sidecar.store.open_close import open_store
from sidecar.store.search import indexes
from tests.faults.power_loss_vfs import PowerVFS
from tests.faults.store_work import Shell, State, faults_of, state_of
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, answers, call


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen the log by less, because each image has a copy of it."""
    monkeypatch.setattr(limits, "WAL_ROOM_BYTES", 300_000)
    monkeypatch.setattr(limits, "WAL_ROOM_STEP_BYTES", 200_000)
    monkeypatch.setattr(log_room, "_WRITE_BYTES", 32 * limits.KIB)


class Image(NamedTuple):
    """The files after a power loss, and the state that had been acknowledged before it."""

    files: dict[str, bytes]
    acknowledged: int
    """Index of the newest acknowledged state."""


class Trial:
    """A shell that uses a store while the power can fail at any operation."""

    def __init__(self, folder: Path, seed: int, images: int) -> None:
        self.rng = random.Random(seed)
        self.images: list[Image] = []
        self.wanted = images
        self.states: list[State] = []
        self.armed = False
        self.chance = 0.05
        self.vfs = PowerVFS(f"power-{folder.name}-{seed}", self._look)
        self.path = folder / "sim.db"
        self.name = f"power-{folder.name}-{seed}"
        self.seed = seed

    def _look(self) -> None:
        if self.armed and len(self.images) < self.wanted and self.rng.random() < self.chance:
            self.images.append(Image(self.vfs.images(self.rng), len(self.states) - 1))

    def run(self, level: str) -> None:
        """Serve requests until there are enough images."""
        store = open_store(self.path, ManualClock(), vfs=self.name).store
        served = Served(store, ManualClock())
        store.db.execute(f"PRAGMA synchronous = {level}").fetchall()
        shell = Shell(self.seed)
        try:
            self.states.append(state_of(store.db))
            self.armed = True
            while len(self.images) < self.wanted:
                self._work(served, shell)
        finally:
            self.armed = False
            served.close()
            self.vfs.unregister()

    def _work(self, served: Served, shell: Shell) -> None:
        """Serve a burst, or sometimes run what the process does by itself."""
        store, chance = served.store, self.rng.random()
        if chance < 0.1:
            with store.lock:
                indexes.update_step(store)
        elif chance < 0.15:
            store.checkpoint_beyond(1)
        elif chance < 0.18:
            served.send(call("purge", "system.purge"))
        elif chance < 0.21:
            with store.lock:
                log_room.lengthen(store)
        else:
            self._serve(served, shell.requests())

    def _serve(self, served: Served, requests: Sequence[object]) -> None:
        for request in requests:
            served.loop._backlog.append(_line(request))
        while served.loop._backlog:
            served.loop._serve_burst()
            served.finish_long()
            if answers(served.told()):
                self.states.append(state_of(served.store.db))

    def lengthen(self, rounds: int) -> None:
        """Let the power fail at every operation that gives room to a log just emptied."""
        store = open_store(self.path, ManualClock(), vfs=self.name).store
        served = Served(store, ManualClock())
        self.chance = 1.0
        try:
            for each in range(rounds):
                for value in range(12):  # small transactions: a few of the first may be left
                    self._serve(served, [call(value, "settings.set", key=f"k{each}", value=value)])
                assert store.checkpoint()
                self.armed = True
                while store.wal.is_short:
                    log_room.lengthen(store)
                self.armed = False
        finally:
            self.armed = False
            served.close()
            self.vfs.unregister()


def _line(request: object) -> bytes:
    return json.dumps(request).encode()


class Verdict(NamedTuple):
    """What an image held, compared with the acknowledged states."""

    lost: int
    """How many acknowledged states are lost."""
    torn: bool
    """Whether the image holds a state that never existed."""
    faults: list[str]


def judged(image: Image, states: list[State], folder: Path) -> Verdict:
    """Open an image as the next start does, and find its state among the known ones."""
    for name, content in image.files.items():
        (folder / name).write_bytes(content)
    db = apsw.Connection(str(folder / "sim.db"))
    try:
        faults = faults_of(db)
        found = state_of(db)
    except apsw.CorruptError as fault:
        return Verdict(0, torn=True, faults=[str(fault)])
    finally:
        db.close()
        for each in folder.iterdir():
            each.unlink()
    # One more than acknowledged: the burst that was being committed may be there, complete.
    for back in range(min(2, len(states) - 1), -len(states), -1):
        index = image.acknowledged + back
        if 0 <= index < len(states) and states[index] == found:
            return Verdict(max(0, -back), torn=False, faults=faults)
    return Verdict(0, torn=True, faults=faults)


def verdicts(folder: Path, level: str, seeds: range, images: int) -> Iterator[Verdict]:
    for seed in seeds:
        work, look = folder / f"work-{seed}", folder / f"look-{seed}"
        work.mkdir()
        look.mkdir()
        trial = Trial(work, seed, images)
        trial.run(level)
        yield from (judged(image, trial.states, look) for image in trial.images)


def check_full(folder: Path, seeds: range, images: int) -> None:
    found = list(verdicts(folder, "FULL", seeds, images))

    assert len(found) == len(seeds) * images
    assert [each for each in found if each.lost or each.torn or each.faults] == []


def test_at_full_no_power_loss_loses_or_tears_an_acknowledged_write(tmp_path: Path) -> None:
    check_full(tmp_path, range(6), 85)


def test_at_normal_power_losses_lose_some_writes_which_proves_the_test(tmp_path: Path) -> None:
    found = list(verdicts(tmp_path, "NORMAL", range(3), 40))

    assert sum(1 for each in found if each.lost) > len(found) // 10
    assert [each for each in found if each.faults] == []


def test_a_power_loss_while_the_log_gets_room_loses_nothing(tmp_path: Path) -> None:
    look = tmp_path / "look"
    look.mkdir()
    trial = Trial(tmp_path, 5, 1000)
    trial.lengthen(20)

    found = [judged(image, trial.states, look) for image in trial.images]

    assert len(found) > 100
    assert [each for each in found if each.lost or each.torn or each.faults] == []


def test_the_file_after_a_power_loss_is_served_by_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    trial = Trial(tmp_path / "work", 77, 20)
    trial.run("FULL")

    for number, image in enumerate(trial.images):
        folder = tmp_path / f"start-{number}"
        folder.mkdir()
        for name, content in image.files.items():
            (folder / name).write_bytes(content)
        opened = open_store(folder / "sim.db", ManualClock())
        served = Served(opened.store, ManualClock())
        received = served.send(call(1, "workflows.save", workflow={"name": "n", "data": {}}))
        served.close()
        assert opened.unclean
        assert answers(received)[0]["result"]["created"]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_at_full_many_power_losses_lose_nothing(tmp_path: Path) -> None:
    check_full(tmp_path, range(100, 180), 60)
