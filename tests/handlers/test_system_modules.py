"""The loading of what the start did not need, beside the requests of a client."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import keychain, limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext, Services
from sidecar.handlers.system.modules import CHORE, load_modules
from tests.harness import Bench, ManualClock, NoSession, open_bench
from tests.vault_benches import MemoryKeychain, secret_bench

LATE = "difflib"
"""A module that the chore loads and no test has changed."""

LATE_BACKEND = "colorsys"
"""A module that only these tests load, in place of a back end of the keychain."""


class Client(NoSession):
    """A session that serves a request each time that it is asked, every 10 ms, for some time."""

    def __init__(self, clock: ManualClock, sends_ms: int) -> None:
        self.clock = clock
        self.began_ms = clock.at_ms
        self.sends_ms = sends_ms
        self.served = 0
        self.loaded_after_ms: int | None = None

    def bursts_served(self) -> int:
        """Return the number of requests until now, and note when the module is there."""
        passed_ms = self.clock.at_ms - self.began_ms
        if self.loaded_after_ms is None and LATE in sys.modules:
            self.loaded_after_ms = passed_ms
        if passed_ms < self.sends_ms:
            self.clock.at_ms += 10
            self.served += 1
        return self.served


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(limits, "MODULES_REST_MS", 0)
    with open_bench(tmp_path) as opened:
        yield opened


def load_beside(bench: Bench, sends_ms: int) -> Client:
    """Load the modules while a client sends requests, and return the client."""
    clock = ManualClock()
    client = Client(clock, sends_ms)
    services = Services(bench.store, clock, client, bench.services.vault)
    sys.modules.pop(LATE, None)
    assert CHORES[CHORE].function is load_modules
    load_modules(LongContext(services, None, bench.tell))
    return client


@pytest.mark.parametrize("sends_ms", [0, 1300])
def test_modules_are_loaded_when_the_client_pauses(bench: Bench, sends_ms: int) -> None:
    assert load_beside(bench, sends_ms).loaded_after_ms == sends_ms


def test_modules_are_loaded_after_a_time_although_the_client_never_pauses(bench: Bench) -> None:
    loaded_after_ms = load_beside(bench, 3_600_000).loaded_after_ms
    assert loaded_after_ms is not None
    assert loaded_after_ms > limits.MODULES_LATEST_MS


@pytest.mark.parametrize("by", ["keychain", "passphrase"])
def test_the_libraries_of_the_keychain_are_loaded_where_it_opens_the_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    backends: dict[str, tuple[tuple[str, str], ...]] = {sys.platform: ((LATE_BACKEND, "Keyring"),)}
    monkeypatch.setattr(keychain, "_BACKENDS", backends)
    sys.modules.pop(LATE_BACKEND, None)

    with secret_bench(tmp_path) as bench:
        named = keychain.NamedBackend("tests.Memory", MemoryKeychain())
        bench.vault.keychain.find = lambda: named
        value = True if by == "keychain" else "a long passphrase"
        bench.call("secrets.initialize", **{by: value})
        load_modules(LongContext(bench.services, None, bench.tell))

    assert (LATE_BACKEND in sys.modules) == (by == "keychain")
