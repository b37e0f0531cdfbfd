"""Locks that come by themselves, and tries that must wait."""

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
from tests.secrets_kit import PASSPHRASE, VALUE, clock_of, secret_bench, set_up, value_of


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        set_up(opened)
        yield opened


def chore(bench: Bench) -> None:
    """What the process does when it is time."""
    context = LongContext(bench.services, None, bench.tell)
    CHORES["vault_lock"].function(context)
    bench.tell(context.take_emitted())


def test_security_16_only_secrets_put_the_idle_lock_off(bench: Bench) -> None:
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
    chore(bench)
    assert bench.vault.keys is None
    assert bench.audited()[-1] == ("vault_lock", "vault", {"by": "timer"})


def test_in_time_nothing_locks(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS - 1000
    chore(bench)

    assert value_of(bench) == VALUE


def test_use_does_not_put_the_absolute_lock_off(bench: Bench) -> None:
    for _ in range(limits.ABSOLUTE_LOCK_MS // limits.IDLE_LOCK_MS + 1):
        clock_of(bench).at_ms += limits.IDLE_LOCK_MS - 1000
        if bench.vault.keys is None:
            break
        chore(bench)
        if bench.vault.keys is not None:
            value_of(bench)

    assert bench.vault.keys is None


def test_the_times_are_settings_and_0_is_never(bench: Bench) -> None:
    bench.call("settings.set", key="secrets_idle_lock_ms", value=0)
    bench.call("settings.set", key="secrets_absolute_lock_ms", value=5000)
    clock_of(bench).at_ms += 4000
    chore(bench)
    assert value_of(bench) == VALUE
    clock_of(bench).at_ms += 2000
    chore(bench)

    assert bench.call("secrets.status") == {
        **bench.call("secrets.status"),
        "state": "locked",
        "idle_lock_ms": 0,
        "absolute_lock_ms": 5000,
    }


def wrong(bench: Bench) -> None:
    """A try that is let through, and wrong."""
    with pytest.raises(WrongPassphrase):
        bench.call("secrets.unlock", passphrase="wrong")


def wait_ms(bench: Bench) -> int:
    """How long a try has to wait."""
    with pytest.raises(Throttled) as caught:
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
    waits = caught.value.data["retry_after_ms"]
    assert isinstance(waits, int)
    return waits


def test_security_07_after_three_wrong_ones_each_further_try_waits_twice_as_long(
    bench: Bench,
) -> None:
    bench.call("secrets.lock")
    for _ in range(limits.UNLOCK_FREE_TRIES):
        wrong(bench)
    waits = []
    for _ in range(8):
        waits.append(round(wait_ms(bench) / 1000))
        clock_of(bench).at_ms += waits[-1] * 1000 + 100
        wrong(bench)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    clock_of(bench).at_ms += 61_000
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"
    bench.call("secrets.lock")
    wrong(bench)
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"


def test_security_07_a_clock_that_was_wrong_and_is_set_back_makes_no_wait_longer(
    bench: Bench,
) -> None:
    bench.call("secrets.lock")
    clock_of(bench).at_ms += 400 * 24 * 3_600_000
    for _ in range(limits.UNLOCK_FREE_TRIES):
        wrong(bench)
    clock_of(bench).at_ms -= 400 * 24 * 3_600_000

    assert wait_ms(bench) == 1000
    clock_of(bench).at_ms += 1000
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["state"] == "unlocked"


def test_a_slip_of_the_pen_in_a_recovery_code_costs_no_wait(bench: Bench) -> None:
    code = bench.call("secrets.add_recovery")["recovery_code"]
    bench.call("secrets.lock")
    for slip in ("0" if code[0] != "0" else "1") + code[1:], code[:-1], "not a code":
        for _ in range(limits.UNLOCK_FREE_TRIES):
            with pytest.raises(WrongPassphrase):
                bench.call("secrets.unlock", recovery_code=slip)

    assert bench.call("secrets.unlock", recovery_code=code)["state"] == "unlocked"


def test_security_07_a_refused_try_derives_nothing_and_a_respawn_forgets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secret_bench(tmp_path) as bench:
        set_up(bench)
        for _ in range(limits.UNLOCK_FREE_TRIES):
            wrong(bench)
        at_ms = clock_of(bench).at_ms
    with secret_bench(tmp_path) as bench:
        clock_of(bench).at_ms = at_ms
        derived: list[bytes] = []
        monkeypatch.setattr(crypto, "stretch", lambda *given: derived.append(given[1]))

        assert wait_ms(bench) > 900
        assert derived == []


def test_a_clock_that_was_set_back_makes_no_wait_longer(bench: Bench) -> None:
    for _ in range(limits.UNLOCK_FREE_TRIES):
        wrong(bench)
    clock_of(bench).at_ms -= 3_600_000

    assert wait_ms(bench) <= 1000


def test_a_slot_cheaper_than_today_is_written_anew_at_an_unlock(bench: Bench) -> None:
    bench.call("secrets.lock")
    bench.vault.cost = crypto.Cost(limits.KDF_MEMORY_MIN_KIB, limits.KDF_PASSES_MIN + 1, 1)

    assert bench.call("secrets.unlock", passphrase=PASSPHRASE)["kdf"]["passes"] == 3
    bench.call("secrets.lock")
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE


def test_a_slot_that_costs_more_by_other_numbers_stays(bench: Bench) -> None:
    bench.call("secrets.lock")
    slot = bench.rows("SELECT blob FROM key_slots")
    bench.vault.cost = crypto.Cost(limits.KDF_MEMORY_MIN_KIB // 2, limits.KDF_PASSES_MIN + 1, 1)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)

    assert bench.rows("SELECT blob FROM key_slots") == slot


def test_a_passphrase_has_as_many_characters_as_it_may_have_and_not_one_more(
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


# --- whatever is in the way -------------------------------------------------------------------


def test_a_lock_that_comes_while_an_unlock_is_under_way_is_not_undone_by_it(
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


def test_keys_go_in_time_also_while_another_program_keeps_the_log_from_being_written(
    bench: Bench,
) -> None:
    bench.store.db.set_busy_timeout(0)
    other = apsw.Connection(str(bench.store.path))
    other.execute("BEGIN IMMEDIATE")
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS

    with pytest.raises(apsw.BusyError):
        chore(bench)

    assert bench.vault.keys is None
    other.close(True)
    bench.call("secrets.unlock", passphrase=PASSPHRASE)
    assert value_of(bench) == VALUE


def test_what_is_due_to_be_locked_is_told_as_locked(bench: Bench) -> None:
    clock_of(bench).at_ms += limits.IDLE_LOCK_MS

    assert bench.call("secrets.status")["state"] == "locked"
