"""The automatic lock, and the wait after wrong passphrases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, Locked, Throttled, WrongPassphrase
from sidecar.vault import crypto
from tests.harness import Bench
from tests.vault_benches import PASSPHRASE, VALUE, clock_of, secret_bench, set_up, tamper, value_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        set_up(opened)
        yield opened


def run_lock_chore(bench: Bench) -> None:
    """Run the chore of the lock, as the process does when a deadline may have passed."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["vault_lock"].function(context)
    bench.tell(context.take_emitted())


def test_security_16_only_use_of_secrets_delays_the_idle_lock(bench: Bench) -> None:
    clock = clock_of(bench)
    clock.at_ms += limits.IDLE_LOCK_MS - 1000
    assert value_of(bench) == VALUE
    clock.at_ms += limits.IDLE_LOCK_MS - 1000
    bench.call("workflows.save", workflow={"name": "n", "data": {}})
    bench.call("system.ping")
    clock.at_ms += 1000

    with pytest.raises(Locked):
        value_of(bench)
    assert bench.call("secrets.list")["items"][0]["hint"] is None
    run_lock_chore(bench)
    assert bench.vault.keys is None
    assert bench.audited()[-1] == ("vault_lock", "vault", {"by": "timer"})


def test_before_the_deadline_secrets_stay_unlocked(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS - 1000
    run_lock_chore(bench)

    assert value_of(bench) == VALUE


def test_use_does_not_delay_the_absolute_lock(bench: Bench) -> None:
    for _ in range(limits.ABSOLUTE_LOCK_MS // limits.IDLE_LOCK_MS + 1):
        clock_of(bench).at_ms += limits.IDLE_LOCK_MS - 1000
        if bench.vault.keys is None:
            break
        run_lock_chore(bench)
        if bench.vault.keys is not None:
            value_of(bench)

    assert bench.vault.keys is None


def test_the_deadlines_are_settings_and_0_means_never(bench: Bench) -> None:
    bench.call("settings.set", key="secrets_idle_lock_ms", value=0)
    bench.call("settings.set", key="secrets_absolute_lock_ms", value=5000)
    clock_of(bench).at_ms += 4000
    run_lock_chore(bench)
    assert value_of(bench) == VALUE
    clock_of(bench).at_ms += 2000
    run_lock_chore(bench)

    assert bench.call("secrets.status") == {
        **bench.call("secrets.status"),
        "state": "locked",
        "idle_lock_ms": 0,
        "absolute_lock_ms": 5000,
    }


def try_wrong_passphrase(bench: Bench) -> None:
    """Try a wrong passphrase, at a time when the throttle lets it through."""
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase="wrong")


def wait_ms(bench: Bench) -> int:
    """Return how long a try must wait."""
    with pytest.raises(Throttled) as caught:
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    waits = caught.value.data["retry_after_ms"]
    assert isinstance(waits, int)
    return waits


def test_security_07_after_three_wrong_passphrases_each_further_try_waits_twice_as_long(
    bench: Bench,
) -> None:
    bench.call("secrets.lock")
    for _ in range(limits.UNLOCK_FREE_TRIES):
        try_wrong_passphrase(bench)
    waits = []
    for _ in range(8):
        waits.append(round(wait_ms(bench) / 1000))
        clock_of(bench).at_ms += waits[-1] * 1000 + 100
        try_wrong_passphrase(bench)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    clock_of(bench).at_ms += 61_000
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    bench.call("secrets.lock")
    try_wrong_passphrase(bench)
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"


def test_security_07_a_clock_that_was_wrong_and_is_set_back_makes_no_wait_longer(
    bench: Bench,
) -> None:
    bench.call("secrets.lock")
    clock_of(bench).at_ms += 400 * 24 * 3_600_000
    for _ in range(limits.UNLOCK_FREE_TRIES):
        try_wrong_passphrase(bench)
    clock_of(bench).at_ms -= 400 * 24 * 3_600_000

    assert wait_ms(bench) == 1000
    clock_of(bench).at_ms += 1000
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"


def test_a_typing_mistake_in_a_recovery_code_does_not_count_as_a_try(bench: Bench) -> None:
    code = bench.call("secrets.add_recovery")["recovery_code"]
    bench.call("secrets.lock")
    for slip in ("0" if code[0] != "0" else "1") + code[1:], code[:-1], "not a code":
        for _ in range(limits.UNLOCK_FREE_TRIES):
            with pytest.raises(WrongPassphrase):
                bench.call("secrets.unlock", recovery_code=slip)

    assert bench.call("secrets.unlock", recovery_code=code)["state"] == "unlocked"


def test_security_07_a_refused_try_derives_nothing_and_a_restart_keeps_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secret_bench(tmp_path) as bench:
        set_up(bench)
        for _ in range(limits.UNLOCK_FREE_TRIES):
            try_wrong_passphrase(bench)
        at_ms = clock_of(bench).at_ms
    with secret_bench(tmp_path) as bench:
        clock_of(bench).at_ms = at_ms
        derived: list[bytes] = []
        monkeypatch.setattr(crypto, "stretch", lambda *given: derived.append(given[1]))

        assert wait_ms(bench) > 900
        assert derived == []


def test_a_clock_that_was_set_back_makes_no_wait_longer(bench: Bench) -> None:
    for _ in range(limits.UNLOCK_FREE_TRIES):
        try_wrong_passphrase(bench)
    clock_of(bench).at_ms -= 3_600_000

    assert wait_ms(bench) <= 1000


def test_an_unlock_rewrites_a_slot_that_costs_less_than_a_new_one(bench: Bench) -> None:
    bench.call("secrets.lock")
    bench.vault.cost = crypto.Cost(limits.KDF_MEMORY_MIN_KIB, limits.KDF_PASSES_MIN + 1, 1)

    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["kdf"]["passes"] == 3
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE


def test_a_slot_that_costs_more_by_other_parameters_is_not_rewritten(bench: Bench) -> None:
    bench.call("secrets.lock")
    slot = bench.rows("SELECT blob FROM key_slots")
    bench.vault.cost = crypto.Cost(limits.KDF_MEMORY_MIN_KIB // 2, limits.KDF_PASSES_MIN + 1, 1)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert bench.rows("SELECT blob FROM key_slots") == slot


def test_a_passphrase_may_have_the_greatest_length_and_not_one_character_more(
    bench: Bench,
) -> None:
    most = "\N{GREEK SMALL LETTER OMEGA}" * limits.PASSPHRASE_MAX_CHARS
    assert bench.refused(
        InvalidParams,
        "secrets.change_passphrase",
        old_passphrase=PASSPHRASE,
        new_passphrase=most + "x",
    ) == {"path": "$.params.new_passphrase"}

    bench.call("secrets.change_passphrase", old_passphrase=PASSPHRASE, new_passphrase=most)
    assert bench.call("secrets.unlock", passphrase=most)["state"] == "unlocked"


# --- what may prevent a lock ------------------------------------------------------------------


def test_an_unlock_that_is_running_does_not_undo_a_lock(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.call("secrets.lock")
    stretch = crypto.stretch

    def locked_meanwhile(*given: Any) -> Any:
        assert bench.call("secrets.lock")["state"] == "locked"
        return stretch(*given)

    monkeypatch.setattr(crypto, "stretch", locked_meanwhile)
    with pytest.raises(Locked):
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert bench.vault.keys is None
    monkeypatch.undo()
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"


def test_keys_are_wiped_at_the_deadline_although_the_log_cannot_be_written(
    bench: Bench,
) -> None:
    bench.store.db.set_busy_timeout(0)
    other = apsw.Connection(str(bench.store.path))
    other.execute("BEGIN IMMEDIATE")
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS

    with pytest.raises(apsw.BusyError):
        run_lock_chore(bench)

    assert bench.vault.keys is None
    other.close(True)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE


def test_secrets_past_their_deadline_are_reported_as_locked(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS

    assert bench.call("secrets.status")["state"] == "locked"


def test_a_wrong_passphrase_that_the_file_cannot_count_is_throttled_all_the_same(
    bench: Bench,
) -> None:
    tamper(
        bench,
        "CREATE TRIGGER refuse BEFORE UPDATE ON vault_state BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    for _ in range(limits.UNLOCK_FREE_TRIES):
        try_wrong_passphrase(bench)

    assert bench.rows("SELECT failures FROM vault_state") == [(0,)]
    assert 900 < wait_ms(bench) <= 1000
    clock_of(bench).at_ms += 1000
    try_wrong_passphrase(bench)
    assert 1900 < wait_ms(bench) <= 2000
    tamper(bench, "DROP TRIGGER refuse")
    clock_of(bench).at_ms += 2000
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    try_wrong_passphrase(bench)


def test_a_deadline_that_passes_during_an_unlock_does_not_refuse_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive = crypto.stretch

    def due_meanwhile(*given: Any) -> Any:
        clock_of(bench).at_ms += limits.IDLE_LOCK_MS
        run_lock_chore(bench)
        return derive(*given)

    monkeypatch.setattr(crypto, "stretch", due_meanwhile)
    result = bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert result["state"] == "unlocked"
    assert ("vault_lock", "vault", {"by": "timer"}) in bench.audited()
