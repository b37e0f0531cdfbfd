"""What the tests of the store share: a steady clock, hashes of a folder, and a stop at a step."""

import hashlib
from pathlib import Path

NOW_MS = 1_700_000_000_000


class SteadyClock:
    """A clock with a constant wall time, and a monotonic time that passes when it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.made = 0

    def now_ms(self) -> int:
        """Return the constant wall time."""
        return NOW_MS

    def monotonic_ms(self) -> float:
        """Return one second more at every call."""
        self.reads += 1
        return float(self.reads * 1000)

    def elapsed_ms(self) -> float:
        """Return the monotonic time, since this machine never sleeps."""
        return self.monotonic_ms()

    def new_id(self) -> str:
        """Return new-1, new-2 and so on."""
        self.made += 1
        return f"new-{self.made}"

    def random_bytes(self, size_bytes: int) -> bytes:
        """Return the bytes 0, 1, 2 and so on."""
        return bytes(range(size_bytes))


def folder_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def names(folder: Path) -> list[str]:
    """Return the names in a folder, in order."""
    return sorted(found.name for found in folder.iterdir())


class Stop(Exception):
    """Raised in place of a kill of the process."""


class StopAfter:
    """Receives the steps that are done, and raises `Stop` at the named one."""

    def __init__(self, step: str | None = None) -> None:
        self.step = step
        self.passed: list[str] = []

    def __call__(self, step: str) -> None:
        """Add a step to those that were passed, and stop if it is the named one."""
        self.passed.append(step)
        if step == self.step:
            raise Stop(step)
