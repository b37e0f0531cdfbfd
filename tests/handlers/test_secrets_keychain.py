"""The system's keychain, driven through the interface of the real library `keyring`.

The back end here is a subclass of `keyring.backend.KeyringBackend` that keeps its items in a
dictionary: no test run has a desktop session. The back ends of the platforms were read, not run.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.context import LongContext
from sidecar.errors import KeychainUnavailable, SidecarError
from sidecar.keychain import Keychain, NamedBackend
from sidecar.secrets.key_slots import remove_stale_items
from tests.harness import Bench
from tests.process.child_process import environment
from tests.vault_benches import PASSPHRASE, VALUE, secret_bench, value_of

backend_module = pytest.importorskip("keyring.backend", reason="comes with the extra `keyring`")


class DictionaryKeyring(backend_module.KeyringBackend):  # type: ignore[misc,name-defined]
    """Keeps items in a dictionary, and fails at the calls in `failing`."""

    priority = 1

    def __init__(self) -> None:
        """Begin without items and without failures."""
        super().__init__()
        self.items: dict[tuple[str, str], str] = {}
        self.failing: set[str] = set()

    def _may_fail(self, name: str) -> None:
        if name in self.failing:
            raise backend_module.errors.KeyringError(name)

    def get_password(self, service: str, username: str) -> str | None:
        """Return the item, None when there is none."""
        self._may_fail("get")
        return self.items.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write the item."""
        self._may_fail("set")
        if "keeps nothing" not in self.failing:
            self.items[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Remove the item."""
        self._may_fail("delete")
        del self.items[service, username]


@pytest.fixture
def keyring() -> DictionaryKeyring:
    return DictionaryKeyring()


@pytest.fixture
def bench(tmp_path: Path, keyring: DictionaryKeyring) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        opened.vault.keychain.find = lambda: NamedBackend("tests.Dictionary", keyring)
        yield opened


def set_up(bench: Bench) -> None:
    """Set up secrets that only the keychain unlocks, and store a key."""
    bench.call("secrets.initialize", keychain=True)
    bench.call("secrets.set", provider="openai", value=VALUE)


def refusal(bench: Bench, name: str, /, **params: object) -> SidecarError:
    """Return the error that a call is refused with."""
    with pytest.raises(SidecarError) as caught:
        bench.call(name, **params)
    return caught.value


def generations(keyring: DictionaryKeyring) -> list[str]:
    """Return the generations of the items in the keychain."""
    return sorted(username.rpartition("/")[2] for _service, username in keyring.items)


def test_one_item_of_44_characters_opens_everything(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    set_up(bench)
    bench.call("secrets.lock")

    ((key, item),) = keyring.items.items()
    ((store_id,),) = bench.rows("SELECT value FROM meta WHERE key = 'store_id'")
    assert (key, len(item)) == (("sim-sidecar", f"{store_id.hex()}/1"), 44)
    status = bench.call("secrets.unlock", keychain=True)
    assert [slot["kind"] for slot in status["slots"]] == ["keychain"]
    assert value_of(bench) == VALUE
    assert refusal(bench, "secrets.unlock", passphrase="x").slug == "wrong_passphrase"


@pytest.mark.parametrize("fault", ["get", "set", "keeps nothing"])
def test_security_12_a_keychain_that_does_not_store_is_reported(
    bench: Bench, keyring: DictionaryKeyring, fault: str
) -> None:
    keyring.failing.add(fault)

    refused = refusal(bench, "secrets.initialize", keychain=True)
    assert isinstance(refused, KeychainUnavailable)
    assert refused.data["expected"] == "tests.Dictionary"
    assert bench.call("secrets.status")["state"] == "uninitialized"
    assert bench.rows("SELECT count(*) FROM key_slots") == [(0,)]


def test_security_12_a_keychain_that_hangs_times_out(
    keyring: DictionaryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    keyring.get_password = lambda *_names: released.wait(30)  # type: ignore[method-assign,assignment]
    chain = Keychain(lambda: NamedBackend("tests.Dictionary", keyring))
    monkeypatch.setattr(limits, "KEYCHAIN_ASK_MS", 50)

    with pytest.raises(KeychainUnavailable) as caught:
        chain.read("item", None, lambda _: None)
    released.set()
    assert caught.value.data["cause"] == "no answer in time"
    assert caught.value.data["retryable"] is True


def test_an_item_that_the_keychain_writes_late_is_removed_by_the_call_that_wrote_it(
    keyring: DictionaryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, removed = threading.Event(), threading.Event()
    write, remove = keyring.set_password, keyring.delete_password

    def set_late(*item: str) -> None:
        answered.wait(30)
        write(*item)

    def delete(*item: str) -> None:
        remove(*item)
        removed.set()

    monkeypatch.setattr(keyring, "set_password", set_late)
    monkeypatch.setattr(keyring, "delete_password", delete)
    monkeypatch.setattr(limits, "KEYCHAIN_ASK_MS", 50)
    chain = Keychain(lambda: NamedBackend("tests.Dictionary", keyring))
    with chain.turn(), pytest.raises(KeychainUnavailable):
        chain.write("item", "text", lambda _: None)
    with pytest.raises(KeychainUnavailable) as caught, chain.turn(timeout_ms=0):
        pass
    assert caught.value.data["cause"] == "busy"

    answered.set()
    assert removed.wait(30)
    assert keyring.items == {}
    with chain.turn():
        pass


def test_security_12_nothing_that_the_environment_names_is_imported(tmp_path: Path) -> None:
    """The library itself would obey both the variable and the file."""
    (tmp_path / "evil.py").write_text("open('imported', 'w').close()\nclass Keyring: pass\n")
    folder = tmp_path / "python_keyring"
    folder.mkdir()
    config = f"[backend]\ndefault-keyring=evil.Keyring\nkeyring-path={tmp_path}\n"
    (folder / "keyringrc.cfg").write_text(config)
    code = (
        "from sidecar.errors import KeychainUnavailable\n"
        "from sidecar.keychain import find_backend\n"
        "try: print(find_backend().name)\n"
        "except KeychainUnavailable as refused: print(refused.slug)"
    )
    env = environment(
        PYTHON_KEYRING_BACKEND="evil.Keyring",
        XDG_CONFIG_HOME=str(tmp_path),
        XDG_DATA_HOME=str(tmp_path),
        DBUS_SESSION_BUS_ADDRESS="unix:path=/nonexistent",
    )
    env["PYTHONPATH"] = os.pathsep.join([env["PYTHONPATH"], str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip

    assert done.stdout.strip() == "keychain_unavailable"
    assert not (tmp_path / "imported").exists()


def test_security_13_a_lost_item_is_reported_and_the_recovery_code_unlocks(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    set_up(bench)
    code = bench.call("secrets.add_recovery")["recovery_code"]
    bench.call("secrets.lock")
    keyring.items.clear()

    refused = refusal(bench, "secrets.unlock", keychain=True)
    assert (refused.slug, refused.data["expected"], refused.data["found"]) == (
        "keychain_unavailable",
        "tests.Dictionary",
        "tests.Dictionary",
    )
    assert refusal(bench, "secrets.initialize", keychain=True).slug == "conflict"
    assert keyring.items == {}
    bench.call("secrets.unlock", recovery_code=code)
    assert value_of(bench) == VALUE


def test_a_rekey_after_an_unlock_keeps_its_new_item(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    """An unlock regards items of neighbouring generations as left by a killed rekey."""
    set_up(bench)
    for _ in range(3):
        bench.call("secrets.lock")
        bench.call("secrets.unlock", keychain=True)
        bench.call("secrets.rekey")
        remove_stale_items(LongContext(bench.services, None, bench.tell))
        assert len(keyring.items) == 1

    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    assert value_of(bench) == VALUE


def test_security_13_another_keychain_than_that_of_the_slot_is_reported(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    set_up(bench)
    bench.call("secrets.lock")
    bench.vault.keychain.find = lambda: NamedBackend("tests.Other", keyring)

    refused = refusal(bench, "secrets.unlock", keychain=True)
    assert (refused.data["expected"], refused.data["found"]) == ("tests.Dictionary", "tests.Other")


def test_an_item_that_was_changed_is_tampered(bench: Bench, keyring: DictionaryKeyring) -> None:
    set_up(bench)
    bench.call("secrets.lock")
    (key,) = keyring.items
    keyring.items[key] = "A" * 43 + "="

    assert refusal(bench, "secrets.unlock", keychain=True).slug == "tampered"


def remove_stale(bench: Bench) -> None:
    """Remove stale items, as the chore does after a lock, an unlock or a rekey."""
    remove_stale_items(LongContext(bench.services, None, bench.tell))


@pytest.mark.parametrize("fault", ["set", "get", "keeps nothing"])
def test_security_11_a_rekey_that_fails_at_the_keychain_changes_nothing(
    bench: Bench, keyring: DictionaryKeyring, fault: str
) -> None:
    set_up(bench)
    before = bench.rows("SELECT * FROM key_slots"), bench.rows("SELECT * FROM secrets")
    keyring.failing.add(fault)

    assert refusal(bench, "secrets.rekey").slug == "keychain_unavailable"
    keyring.failing.clear()

    assert (bench.rows("SELECT * FROM key_slots"), bench.rows("SELECT * FROM secrets")) == before
    assert value_of(bench) == VALUE
    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    remove_stale(bench)
    assert generations(keyring) == ["1"]


def test_security_11_a_rekey_that_is_rolled_back_leaves_one_item_until_the_next_unlock(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    set_up(bench)
    bench.store.db.execute(
        "CREATE TEMP TRIGGER full BEFORE UPDATE ON key_slots BEGIN SELECT RAISE(ABORT, ''); END"
    )
    with pytest.raises(apsw.ConstraintError):
        bench.call("secrets.rekey")
    bench.store.db.execute("DROP TRIGGER full")

    assert generations(keyring) == ["1", "2"]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    remove_stale(bench)
    assert generations(keyring) == ["1"]
    assert value_of(bench) == VALUE


def test_security_11_after_a_rekey_removing_the_old_item_is_retried(
    bench: Bench, keyring: DictionaryKeyring
) -> None:
    set_up(bench)
    keyring.failing.add("delete")

    bench.call("secrets.rekey")
    remove_stale(bench)
    assert generations(keyring) == ["1", "2"]
    keyring.failing.clear()
    remove_stale(bench)

    assert generations(keyring) == ["2"]
    bench.call("secrets.lock")
    bench.call("secrets.unlock", keychain=True)
    assert value_of(bench) == VALUE


def test_a_keychain_item_is_removed_with_its_slot(bench: Bench, keyring: DictionaryKeyring) -> None:
    set_up(bench)
    bench.call("secrets.add_recovery")

    bench.call("secrets.remove_slot", slot=1)
    remove_stale(bench)

    assert keyring.items == {}
    rows: list[Any] = bench.rows("SELECT kind FROM key_slots")
    assert rows == [("recovery",)]
    assert PASSPHRASE not in str(rows)
