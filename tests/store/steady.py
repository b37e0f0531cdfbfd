"""What the store's tests share: a clock that stands still, and a look at a whole folder."""

import hashlib
from pathlib import Path

NOW_MS = 1_700_000_000_000


class SteadyClock:
    """A clock whose wall time stands still and whose other time passes when it is looked at."""

    def __init__(self) -> None:
        self.looked = 0
        self.made = 0

    def now_ms(self) -> int:
        """Always the same."""
        return NOW_MS

    def monotonic_ms(self) -> float:
        """One second more at every look."""
        self.looked += 1
        return float(self.looked * 1000)

    def elapsed_ms(self) -> float:
        """The same: this machine never sleeps."""
        return self.monotonic_ms()

    def new_id(self) -> str:
        """new-1, new-2 and so on."""
        self.made += 1
        return f"new-{self.made}"

    def random_bytes(self, size_bytes: int) -> bytes:
        """0, 1, 2 and so on."""
        return bytes(range(size_bytes))


def folder_hashes(folder: Path) -> dict[str, str]:
    """Every file of a folder by name, with the hash of its bytes."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


def names(folder: Path) -> list[str]:
    """The names in a folder, in order."""
    return sorted(found.name for found in folder.iterdir())


class Stop(Exception):
    """A kill within the process."""


class StopAfter:
    """Stops at the named step, and remembers the steps that were passed."""

    def __init__(self, step: str | None = None) -> None:
        self.step = step
        self.passed: list[str] = []

    def __call__(self, step: str) -> None:
        """Take note of a step, or stop at it."""
        self.passed.append(step)
        if step == self.step:
            raise Stop(step)
