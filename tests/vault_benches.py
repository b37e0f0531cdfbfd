"""What the tests of secrets share: a bench with random keys, a keychain in memory, a sealed log."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from tests.harness import Bench, ManualClock, open_bench

PASSPHRASE = "open sesame"
VALUE = "sk-live-0123456789abcdefWXYZ"


class RandomClock(ManualClock):
    """A clock that a test sets, whose random bytes are really random."""

    def random_bytes(self, size_bytes: int) -> bytes:
        """Return random bytes fit for keys."""
        return os.urandom(size_bytes)


class MemoryKeychain:
    """A back end of the keychain that keeps its items in memory."""

    def __init__(self) -> None:
        """Begin without items."""
        self.items: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return the item, None when there is none."""
        del service
        return self.items.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write the item."""
        del service
        self.items[username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Remove the item."""
        del service
        del self.items[username]


@contextmanager
def secret_bench(folder: Path) -> Iterator[Bench]:
    """Open a bench with random keys and nonces."""
    with open_bench(folder, RandomClock()) as opened:
        yield opened


def clock_of(bench: Bench) -> ManualClock:
    """Return the clock of a bench, for the test to set."""
    assert isinstance(bench.clock, ManualClock)
    return bench.clock


def set_up(bench: Bench, **values: str) -> None:
    """Set up secrets and store these keys by provider, or one of `openai` when none is given."""
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    for provider, value in (values or {"openai": VALUE}).items():
        bench.call("secrets.set", provider=provider, value=value)
    bench.told.clear()


def value_of(bench: Bench, provider: str = "openai") -> str:
    """Return the stored key of a provider."""
    value: str = bench.call("secrets.get", provider=provider)["value"]
    return value


def tamper(bench: Bench, sql: str, *values: Any) -> None:
    """Change the bench's file by a statement, as another program would."""
    db = apsw.Connection(str(bench.store.path))
    db.execute(sql, values)
    db.close()


# --- a sealed log -----------------------------------------------------------------------------


def write_entries(bench: Bench, count: int) -> None:
    """Write this many audit entries."""
    for _ in range(count):
        with bench.store.lock, bench.store.writing():
            bench.context.audit("settings_update", "theme", keys=["theme"])


def verdict(bench: Bench, **params: object) -> tuple[object, ...]:
    """Return what `audit.verify` finds: the status, the reason and the first bad entry."""
    found = bench.call("audit.verify", **params)
    return found["status"], found["reason"], found["first_bad_seq"]


def begin_sealed_log(bench: Bench) -> None:
    """Write a log of 22 entries that is sealed after the third, with a lock and an unlock in it.

    Three entries in clear, two of the set-up, one of a stored key, ten more, one of the lock, one
    of the unlock, and four more.
    """
    write_entries(bench, 3)
    set_up(bench)
    write_entries(bench, 10)
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    write_entries(bench, 4)


HEAD = 22
"""The number of the newest entry after `begin_sealed_log`."""
