"""The storm: acts, kills and failing disks against a model, until the time is over.

One request at a time, so that at a kill only that one may or may not have happened. After each
kill, and after each answer that does not know its outcome, a fresh process is asked for everything
and the world must be the one before or the one after. Losses are printed with what is needed to
see them again: the seed, and the number of the operation.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.process.child_process import Child, environment, request
from tests.torture import surroundings
from tests.torture.model import World, look
from tests.torture.operations import Act, draw

STORAGE = {
    "storage_failed", "database_full", "read_only", "database_busy", "audit_unavailable",
    "database_damaged", "maintenance", "recovery_required",
}  # fmt: skip
"""What a failing disk may be called."""

KILLS, FAULTS, AROUND = 0.2, 0.5, 0.15
"""Share of acts that are killed, of starts with a disk that is going to fail, and of steps in which
something happens around the process."""


COUNTED = ("operations", "kills", "faults", "around", "starts", "losses")


class Storm:
    """One database and what must be in it."""

    BORNE = STORAGE | {"overloaded", "cancelled"}
    """What a request may be answered because another one is under way."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.database = folder / "torture.db"
        self.world = World()
        self.backups: dict[str, World] = {}
        self.counts = dict.fromkeys(
            ("operations", "kills", "faults", "around", "starts", "losses"), 0
        )
        self.failing = False
        """Whether the disk of the present process is going to fail."""
        self.child = self.spawn(failing=False)
        assert "result" in self.child.call("secrets.initialize", {"passphrase": "first"})

    def spawn(self, *, failing: bool) -> Child:
        """Start a process, perhaps on a disk that is going to fail."""
        number = self.rng.randrange(1, 300) if failing else 0
        command = [sys.executable, "-m", "tests.torture.serving", "--database", str(self.database)]
        child = Child([*command, "--no-events"], env=environment(TORTURE_FAIL=str(number)))
        self.counts["starts"] += 1
        self.failing = failing
        try:
            return child.wait_ready()
        except Exception:
            child.close()
            if not failing:
                raise
            self.counts["faults"] += 1
            return self.spawn(failing=False)

    def restart(self, candidates: list[World], *, in_steps: bool = False) -> None:
        """Look at what is there, in a process on a sound disk, and go on from it.

        `in_steps` says that between the first world and the last there are others.
        """
        self.child.close()
        child = self.spawn(failing=False)
        passphrases = [world.passphrase for world in candidates]
        found = look(child, passphrases)
        verdict = child.result("audit.verify")["status"]
        possible = [world.after_a_death() for world in candidates]
        if in_steps:
            possible.append(possible[0].stopped_before(possible[-1], found))
        matching = [world for world in possible if world.shown() == found.shown()]
        if not matching or verdict != "ok":
            self.lose(found, possible, verdict)
        self.world = found
        self.child = child
        if self.rng.random() < FAULTS:
            self.child.finish()
            self.child.close()
            self.child = self.spawn(failing=True)
            self.child.call("secrets.unlock", {"passphrase": self.world.passphrase})

    def report(self, text: str) -> None:
        """Count and print what must not be."""
        self.counts["losses"] += 1
        sys.stdout.write(
            f"LOSS at operation {self.counts['operations']}, seed {self.seed}: {text}\n"
        )
        sys.stdout.flush()

    def lose(self, found: World, possible: list[World], verdict: str) -> None:
        """Say what is not as it must be."""
        self.counts["losses"] += 1
        said = [f"LOSS at operation {self.counts['operations']}, seed {self.seed}, log {verdict}"]
        names = ("workflows", "runs", "theme", "secrets", "passphrase")
        for world in possible:
            for name, is_there, must in zip(names, found.shown(), world.shown(), strict=True):
                if is_there != must:
                    said.append(f"  {name}: {_difference(is_there, must)}")
        sys.stdout.write("\n".join(said) + "\n")
        sys.stdout.flush()

    def step(self) -> None:
        """One act, perhaps killed."""
        self.counts["operations"] += 1
        if not self.failing and self.rng.random() < AROUND:
            self.counts["around"] += 1
            self.rng.choice(surroundings.EVENTS)(self)
            return
        act = draw(self.rng, self.world, self.backups)
        if self.rng.random() < KILLS:
            self.kill_amid(act)
            return
        try:
            answer = self.child.call(act.method, act.params)
        except Exception:  # noqa: BLE001 - the process has ended: told below by what is there
            self.counts["faults"] += 1
            self.restart([self.world, act.after], in_steps=act.in_steps)
            return
        if "result" in answer:
            self.take(act, answer["result"])
            return
        data = answer["error"]["data"]
        if data["slug"] == "locked":
            self.restart([self.world])
        elif data["slug"] in STORAGE:
            self.counts["faults"] += 1
            self.restart([self.world, act.after], in_steps=act.in_steps)
        else:
            sys.stdout.write(f"unexpected: {act.method} {answer}\n")
            self.counts["losses"] += 1
            self.restart([self.world, act.after], in_steps=act.in_steps)

    def take(self, act: Act, result: dict[str, Any]) -> None:
        """What an acknowledged act has come to."""
        self.world = act.after
        if act.method == "backups.create":
            self.backups[result["name"]] = act.after
        if act.method == "backups.restore":
            self.restart([act.after])
        if act.method == "system.check" and not result["ok"]:
            sys.stdout.write(f"LOSS: findings {result['findings']}\n")
            self.counts["losses"] += 1
        if len(self.backups) > 8:
            oldest = min(self.backups)
            del self.backups[oldest]
            self.child.call("backups.delete", {"name": oldest})

    def kill_amid(self, act: Act) -> None:
        """Send it, and kill the process some time after."""
        self.counts["kills"] += 1
        slow = act.method.startswith(("secrets.", "backups.", "system."))
        self.child.send(request(act.method, act.params))
        with contextlib.suppress(Exception):
            self.child.process.wait(self.rng.uniform(0, 0.4 if slow else 0.01))
        self.child.process.kill()
        self.child.wait_exit()
        self.restart([self.world, act.after], in_steps=act.in_steps)


def _difference(found: Any, must: Any) -> str:
    if isinstance(found, dict) and isinstance(must, dict):
        keys = sorted(key for key in found.keys() | must.keys() if found.get(key) != must.get(key))
        return ", ".join(
            f"{key}: {found.get(key)!r:.60} for {must.get(key)!r:.60}" for key in keys[:5]
        )
    return f"{found!r:.80} for {must!r:.80}"


def main() -> int:
    """Rage so long; 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="build/dev.py torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="which storm (default 1)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(Path(folder), given.seed)
        began = told = time.monotonic()
        while time.monotonic() - began < given.minutes * 60:
            storm.step()
            if time.monotonic() - told > 30:
                told = time.monotonic()
                sys.stdout.write(f"{(told - began) / 60:.1f} min: {_line(storm.counts)}\n")
                sys.stdout.flush()
        storm.restart([storm.world])
        storm.child.close()
    sys.stdout.write(f"seed {given.seed}, {given.minutes} min: {_line(storm.counts)}\n")
    return 1 if storm.counts["losses"] else 0


def _line(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main())
