"""The methods of secrets one by one: complete answers, errors, and the limits of params."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from sidecar import limits
from sidecar.errors import (
    Conflict,
    InvalidParams,
    Locked,
    NotFound,
    NotInitialized,
    SidecarError,
    WrongPassphrase,
)
from sidecar.vault.recovery_code import parse_code
from tests.harness import FLOOR, Bench, NoSession, open_bench
from tests.vault_benches import PASSPHRASE, VALUE, RandomClock, secret_bench, set_up, value_of

KDF = {"name": "argon2id", **FLOOR._asdict()}
EMPTY: dict[str, Any] = {
    "state": "uninitialized",
    "slots": [],
    "kdf": None,
    "secrets": 0,
    "idle_lock_ms": limits.IDLE_LOCK_MS,
    "absolute_lock_ms": limits.ABSOLUTE_LOCK_MS,
}
SLOT = {"slot": 1, "kind": "passphrase", "label": "Passphrase", "created_at": ANY}
UNLOCKED = {**EMPTY, "state": "unlocked", "slots": [SLOT], "kdf": KDF}


class Served(NoSession):
    """A serving process that has facts about itself."""

    def facts(self) -> dict[str, Any]:
        """Return the facts as the loop does."""
        return {"pid": 7, "started_at": 1000, "database": "/somewhere/my.db"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        yield opened


def refused(bench: Bench, error: type[SidecarError], name: str, /, **params: object) -> None:
    """Assert that a call is refused with this error."""
    with pytest.raises(error):
        bench.call(name, **params)


# --- setting up, unlocking, locking -----------------------------------------------------------


def test_secrets_are_set_up_once_and_unlocked_afterwards(bench: Bench) -> None:
    bench.context.session = Served()
    assert bench.call("secrets.status") == EMPTY

    assert bench.call("secrets.initialize", passphrase=PASSPHRASE) == UNLOCKED

    assert bench.call("secrets.status") == UNLOCKED
    assert bench.call("system.info")["secrets"] == "unlocked"
    refused(bench, Conflict, "secrets.initialize", passphrase=PASSPHRASE)
    refused(bench, Conflict, "secrets.initialize", ephemeral=True)


def test_a_lock_forgets_the_keys_and_an_unlock_restores_them(bench: Bench) -> None:
    set_up(bench)
    locked = {**UNLOCKED, "state": "locked", "secrets": 1}

    assert bench.call("secrets.lock") == locked
    assert bench.call("secrets.lock") == locked
    refused(bench, Locked, "secrets.get", provider="openai")
    refused(bench, WrongPassphrase, "secrets.unlock", passphrase="open sesamE")
    assert bench.call("secrets.unlock", passphrase=PASSPHRASE) == {**UNLOCKED, "secrets": 1}
    assert value_of(bench) == VALUE


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("secrets.initialize", {}),
        ("secrets.initialize", {"passphrase": "a", "keychain": True}),
        ("secrets.initialize", {"passphrase": ""}),
        ("secrets.initialize", {"passphrase": 7}),
        ("secrets.initialize", {"passphrase": "x" * (4 * limits.PASSPHRASE_MAX_CHARS + 1)}),
        ("secrets.unlock", {}),
        ("secrets.unlock", {"passphrase": "a", "recovery_code": "b"}),
    ],
    ids=str,
)
def test_exactly_one_of_the_ways_to_unlock_must_be_given(
    bench: Bench, name: str, params: dict[str, Any]
) -> None:
    refused(bench, InvalidParams, name, **params)

    assert bench.call("secrets.status") == EMPTY


NEEDS_KEYS: dict[str, dict[str, Any]] = {
    "secrets.set": {"provider": "openai", "value": "v"},
    "secrets.get": {"provider": "openai"},
    "secrets.delete": {"provider": "openai"},
    "secrets.verify": {"provider": "openai", "value": "v"},
    "secrets.rotate": {},
    "secrets.rekey": {"passphrase": PASSPHRASE},
    "secrets.change_passphrase": {"old_passphrase": PASSPHRASE, "new_passphrase": "n"},
    "secrets.add_recovery": {},
    "secrets.remove_slot": {"slot": 1},
}


@pytest.mark.parametrize("name", NEEDS_KEYS)
def test_methods_that_need_keys_are_refused_before_set_up_and_while_locked(
    bench: Bench, name: str
) -> None:
    refused(bench, NotInitialized, name, **NEEDS_KEYS[name])
    assert bench.call("secrets.list") == {"items": [], "next_cursor": None}
    refused(bench, NotInitialized, "secrets.unlock", passphrase=PASSPHRASE)

    set_up(bench)
    bench.call("secrets.lock")

    refused(bench, Locked, name, **NEEDS_KEYS[name])
    assert [item["hint"] for item in bench.call("secrets.list")["items"]] == [None]
    assert bench.call("secrets.status")["state"] == "locked"


def test_a_passphrase_is_the_same_however_a_keyboard_composes_it(bench: Bench) -> None:
    bench.call("secrets.initialize", passphrase="Schlu\u0308ssel")
    bench.call("secrets.lock")

    assert bench.call("secrets.unlock", passphrase="Schl\u00fcssel")["state"] == "unlocked"


def test_ephemeral_secrets_are_only_in_memory_and_end_with_a_lock(bench: Bench) -> None:
    status = bench.call("secrets.initialize", ephemeral=True)
    bench.call("secrets.set", provider="openai", value=VALUE)

    assert status == {**EMPTY, "state": "ephemeral"}
    assert value_of(bench) == VALUE
    assert bench.rows("SELECT count(*) FROM secrets") == [(0,)]
    for name in ("secrets.rotate", "secrets.add_recovery"):
        refused(bench, Conflict, name)
    refused(bench, Conflict, "secrets.unlock", passphrase=PASSPHRASE)
    assert bench.call("secrets.lock") == EMPTY
    assert bench.call("secrets.list") == {"items": [], "next_cursor": None}


# --- values -----------------------------------------------------------------------------------


def test_a_key_is_stored_listed_by_its_end_compared_and_deleted(bench: Bench) -> None:
    set_up(bench, openai=VALUE)

    again = bench.call("secrets.set", provider="openai", value=VALUE + "!")
    assert again == {"provider": "openai", "created": False, "updated_at": ANY}
    assert bench.call("secrets.get", provider="openai") == {
        "provider": "openai",
        "value": VALUE + "!",
    }
    assert bench.call("secrets.verify", provider="openai", value=VALUE)["matches"] is False
    assert bench.call("secrets.verify", provider="openai", value=VALUE + "!")["matches"] is True
    (item,) = bench.call("secrets.list")["items"]
    assert item == {
        "provider": "openai",
        "hint": "XYZ!",
        "key_hash": ANY,
        "created_at": ANY,
        "updated_at": ANY,
        "last_used_at": ANY,
        "state": "ok",
    }
    assert item["created_at"] < item["updated_at"] < item["last_used_at"]
    assert bench.call("secrets.delete", provider="openai") == {"provider": "openai"}
    for name, params in (("get", {}), ("delete", {}), ("verify", {"value": "v"})):
        refused(bench, NotFound, f"secrets.{name}", provider="openai", **params)


@pytest.mark.parametrize(
    "value",
    [
        "x",
        'quote " and \\ backslash /',
        "line\nbreak\ttab\r\u0000",
        "grün 名前 🎈 \u2028",
        "x" * limits.SECRET_MAX_BYTES,
        "🎈" * (limits.SECRET_MAX_BYTES // 4),
    ],
    ids=lambda value: f"{value[:12]!a}",
)
def test_any_text_comes_back_as_it_was(bench: Bench, value: str) -> None:
    set_up(bench, openai=value)

    assert value_of(bench) == value


def test_escapes_of_the_line_are_those_of_json(bench: Bench) -> None:
    set_up(bench)
    line = rb'{"provider":"p","value":"\u0041\u00e9\ud83c\udf88\n\/\\\""}'

    bench.call_json("secrets.set", bytes(bytearray(line)))

    assert value_of(bench, "p") == 'Aé🎈\n/\\"'


@pytest.mark.parametrize("value", [b'""', b"7", b"null", b'["a"]'])
def test_a_value_that_is_no_text_is_refused_with_its_path(bench: Bench, value: bytes) -> None:
    set_up(bench)

    with pytest.raises(InvalidParams) as caught:
        bench.call_json("secrets.set", b'{"provider":"p","value":%b}' % value)
    assert caught.value.data["path"] == "$.params.value"
    refused(bench, NotFound, "secrets.get", provider="p")


def test_a_value_that_is_one_byte_too_long_is_refused(bench: Bench) -> None:
    longest = "x" * limits.SECRET_MAX_BYTES
    set_up(bench, p=longest)

    refused(bench, InvalidParams, "secrets.set", provider="p", value=longest + "x")
    assert value_of(bench, "p") == longest


def test_no_more_keys_are_stored_than_allowed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SECRETS_MAX", 3)
    set_up(bench, a="1", b="2", c="3")

    refused(bench, Conflict, "secrets.set", provider="d", value="4")
    bench.call("secrets.set", provider="a", value="5")
    assert value_of(bench, "a") == "5"


def test_keys_that_an_older_program_sealed_are_listed_as_enter_again(bench: Bench) -> None:
    for provider in ("mistral", "openai"):
        bench.store.db.execute("INSERT INTO legacy_secrets VALUES (?, 1, 2)", (provider,))
    legacy = {"hint": None, "key_hash": None, "last_used_at": None, "state": "enter_again"}

    shown = bench.call("secrets.list")["items"]
    assert shown == [
        {"provider": provider, "created_at": 1, "updated_at": 2, **legacy}
        for provider in ("mistral", "openai")
    ]
    set_up(bench)
    states = {item["provider"]: item["state"] for item in bench.call("secrets.list")["items"]}
    assert states == {"mistral": "enter_again", "openai": "ok"}
    refused(bench, NotFound, "secrets.get", provider="mistral")
    bench.call("secrets.delete", provider="mistral")
    assert [item["provider"] for item in bench.call("secrets.list")["items"]] == ["openai"]


def test_security_01_no_file_holds_a_value_in_any_spelling(tmp_path: Path) -> None:
    import base64

    with secret_bench(tmp_path) as bench:
        set_up(bench)
        value_of(bench)
        bench.call("secrets.set", provider="openai", value=VALUE)
    plain = VALUE.encode()
    spellings = [plain, base64.b64encode(plain), plain.hex().encode(), plain[::-1]]
    windows = [plain[at : at + 8] for at in range(len(plain) - 7)]

    for path in tmp_path.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert [each for each in [*spellings, *windows] if each in content] == []


# --- recovery codes ---------------------------------------------------------------------------


def test_a_recovery_code_unlocks_and_the_last_slot_cannot_be_removed(bench: Bench) -> None:
    set_up(bench)
    made = bench.call("secrets.add_recovery")
    bench.call("secrets.lock")

    status = bench.call("secrets.unlock", recovery_code=made["recovery_code"].lower())
    assert [slot["kind"] for slot in status["slots"]] == ["passphrase", "recovery"]
    assert value_of(bench) == VALUE
    refused(bench, WrongPassphrase, "secrets.unlock", recovery_code="0000-" * 8 + "0000")
    assert bench.call("secrets.remove_slot", slot=1)["slots"][0]["slot"] == made["slot"]
    refused(bench, Conflict, "secrets.remove_slot", slot=made["slot"])
    refused(bench, NotFound, "secrets.remove_slot", slot=9)
    refused(bench, WrongPassphrase, "secrets.unlock", passphrase=PASSPHRASE)
    refused(bench, Conflict, "secrets.rekey")
    assert value_of(bench) == VALUE


class RememberingClock(RandomClock):
    """A clock that keeps the bytes that it has drawn."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.drawn: list[bytes] = []

    def random_bytes(self, size_bytes: int) -> bytes:
        """Keep the bytes, and return them."""
        self.drawn.append(super().random_bytes(size_bytes))
        return self.drawn[-1]


def test_the_bytes_that_a_secret_was_drawn_as_are_overwritten(tmp_path: Path) -> None:
    """A freed copy would keep them, after the lock too, until its memory is used again."""
    clock = RememberingClock()
    with open_bench(tmp_path, clock) as bench:
        bench.call("secrets.initialize", passphrase=PASSPHRASE)
        code = bench.call("secrets.add_recovery")["recovery_code"]
        keys = bench.vault.keys
        assert keys is not None
        secrets = [
            bytes(keys.root),
            bytes(bench.vault.newest_data_key[1]),
            bytes(parse_code(bytearray(code, "ascii"))),
        ]

        assert [secret for secret in secrets if secret in clock.drawn] == []
        assert clock.drawn.count(bytes(32)) == 2
        assert clock.drawn.count(bytes(20)) == 1
