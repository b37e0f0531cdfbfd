"""What the tests of secrets share: a bench with real randomness, and somebody else at its file."""

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
    """A clock that a test sets, with the machine's own chance."""

    def random_bytes(self, size_bytes: int) -> bytes:
        """Random bytes fit for keys."""
        return os.urandom(size_bytes)


class HeldKeychain:
    """A keychain as the product sees one: items by name."""

    def __init__(self) -> None:
        """Begin empty."""
        self.items: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """The item."""
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
    """A bench whose nonces differ."""
    with open_bench(folder, RandomClock()) as opened:
        yield opened


def clock_of(bench: Bench) -> ManualClock:
    """Its clock, to be set."""
    assert isinstance(bench.clock, ManualClock)
    return bench.clock


def set_up(bench: Bench, **values: str) -> None:
    """Initialize, and keep these keys by provider; `openai` when none is given."""
    bench.call("secrets.initialize", passphrase=PASSPHRASE)
    for provider, value in (values or {"openai": VALUE}).items():
        bench.call("secrets.set", provider=provider, value=value)
    bench.told.clear()


def value_of(bench: Bench, provider: str = "openai") -> str:
    """What a provider's key is."""
    value: str = bench.call("secrets.get", provider=provider)["value"]
    return value


def meddle(bench: Bench, sql: str, *values: Any) -> list[Any]:
    """What another program does to the file."""
    db = apsw.Connection(str(bench.store.path))
    found: list[Any] = db.execute(sql, values).fetchall()
    db.close()
    return found


# --- a sealed log -----------------------------------------------------------------------------


def write(bench: Bench, count: int) -> None:
    """So many entries."""
    for _ in range(count):
        with bench.store.lock, bench.store.writing():
            bench.context.audit("settings_update", "theme", keys=["theme"])


def verdict(bench: Bench, **params: object) -> tuple[object, ...]:
    """Status, reason, first bad entry."""
    found = bench.call("audit.verify", **params)
    return found["status"], found["reason"], found["first_bad_seq"]


def begin_sealed_log(bench: Bench) -> None:
    """Three entries in clear, set up (two more), a key (one), ten more; a lock and an unlock."""
    write(bench, 3)
    set_up(bench)
    write(bench, 10)
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    write(bench, 4)


HEAD = 22
"""The newest entry then."""
