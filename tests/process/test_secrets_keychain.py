"""The keychain of a real desktop: it works, is locked, dies during a call, is silent or absent.

Whatever it does, every other request goes on, and the error says whether to try again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.child_process import Child, environment, notice, product, request, until
from tests.process.conftest import Spawn
from tests.process.secret_service import SecretService, SilentBus

pytestmark = pytest.mark.usefixtures("cheap_keys")

PASSPHRASE = "correct horse battery"
UNLOCK = request("secrets.unlock", {"keychain": True}, "keychain")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SecretService]:
    started = SecretService(tmp_path / "desktop")
    yield started
    started.close()


def start(spawn: Spawn, database: Path, env: dict[str, str]) -> Child:
    """Start a process that finds this desktop and no other."""
    return spawn(product("--database", database), env={**environment(), "DISPLAY": "", **env})


def with_both(spawn: Spawn, database: Path, service: SecretService) -> Child:
    """Set up secrets that the passphrase and the keychain unlock, and lock them."""
    child = start(spawn, database, service.env)
    child.result("secrets.initialize", {"passphrase": PASSPHRASE})
    child.result("secrets.add_keychain")
    child.result("secrets.lock")
    return child


def refused(child: Child) -> dict[str, object]:
    """Return the data of the error that an unlock by the keychain is answered with."""
    data: dict[str, object] = child.call("secrets.unlock", {"keychain": True})["error"]["data"]
    assert data["slug"] == "keychain_unavailable"
    return data


def test_a_real_keychain_unlocks_after_a_rekey_and_a_restart(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = with_both(spawn, database, service)
    assert child.result("secrets.unlock", {"keychain": True})["state"] == "unlocked"
    child.result("secrets.rekey", {"passphrase": PASSPHRASE})
    child.finish()

    child = start(spawn, database, service.env)
    assert child.result("secrets.unlock", {"keychain": True})["state"] == "unlocked"
    assert until(lambda: service.count() == 1)


def test_a_locked_keychain_without_a_prompt_is_reported_at_once_and_can_be_retried(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = with_both(spawn, database, service)
    service.lock()

    assert refused(child)["retryable"] is True
    assert refused(child)["cause"] == "KeyringLocked"
    assert child.result("secrets.unlock", {"passphrase": PASSPHRASE})["state"] == "unlocked"


def test_while_a_keychain_is_silent_every_other_request_goes_on(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = with_both(spawn, database, service)
    service.stop_answering()
    child.send(UNLOCK)
    child.notification("$/progress")
    child.send(request("secrets.unlock", {"passphrase": PASSPHRASE}, "unlock"))
    child.send(request("backups.create", {}, "backup"))
    child.send(request("workflows.save", {"workflow": {"name": "n", "data": {}}}, "save"))
    answers = {answer["id"]: answer for answer in child.answers(4)}

    assert [name for name, answer in answers.items() if "result" not in answer] == ["keychain"]
    error = answers["keychain"]["error"]["data"]
    assert (error["cause"], error["retryable"]) == ("no answer in time", True)
    assert refused(child)["cause"] == "busy"
    service.go_on()
    assert until(lambda: "result" in child.call("secrets.unlock", {"keychain": True}))


def test_a_silent_keychain_is_waited_for_until_the_cancel(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = with_both(spawn, database, service)
    service.stop_answering()
    child.send(UNLOCK)
    assert child.notification("$/progress")["phase"] == "keychain"
    child.send(notice("$/cancelRequest", {"id": "keychain"}))

    assert child.answer()["error"]["data"]["slug"] == "cancelled"
    assert child.finish()[1] == 0


def test_a_keychain_that_is_killed_during_a_call_can_be_tried_again(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = with_both(spawn, database, service)
    service.stop_answering()
    child.send(UNLOCK)
    child.notification("$/progress")
    service.kill_daemon()
    answer = child.answer()["error"]["data"]
    assert (answer["slug"], answer["retryable"]) == ("keychain_unavailable", True)

    service.restart_daemon()
    assert child.result("secrets.unlock", {"keychain": True})["state"] == "unlocked"


def test_an_item_that_is_written_after_its_request_was_given_up_is_removed(
    spawn: Spawn, database: Path, service: SecretService
) -> None:
    child = start(spawn, database, service.env)
    service.stop_answering()
    child.send(request("secrets.initialize", {"keychain": True}))
    child.notification("$/progress")
    child.send(notice("$/cancelRequest", {"id": 1}))
    assert child.answer()["error"]["data"]["slug"] == "cancelled"
    service.go_on()

    assert until(lambda: service.count() == 0)
    assert child.result("secrets.status")["state"] == "uninitialized"
    initialized = until(lambda: "result" in child.call("secrets.initialize", {"keychain": True}))
    assert initialized
    assert service.count() == 1


def test_a_bus_that_accepts_and_never_answers_costs_seconds_and_holds_nothing(
    spawn: Spawn, database: Path, tmp_path: Path
) -> None:
    pytest.importorskip("secretstorage", reason="comes with the extra `keyring` on Linux")
    bus = SilentBus(tmp_path)
    child = start(spawn, database, bus.env)
    child.send(request("secrets.initialize", {"keychain": True}, "keychain"))
    child.notification("$/progress")
    child.send(request("secrets.initialize", {"passphrase": PASSPHRASE}, "passphrase"))
    child.send(request("backups.create", {}, "backup"))
    answers = {answer["id"]: answer for answer in child.answers(3)}
    bus.close()

    assert [name for name, answer in answers.items() if "result" not in answer] == ["keychain"]
    assert answers["keychain"]["error"]["data"]["cause"] == "no answer in time"


def test_an_absent_bus_is_told_at_once(spawn: Spawn, database: Path, tmp_path: Path) -> None:
    child = start(spawn, database, {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path / 'none'}"})

    error = child.call("secrets.initialize", {"keychain": True})["error"]["data"]
    assert (error["slug"], error["retryable"]) == ("keychain_unavailable", False)
