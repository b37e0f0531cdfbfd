"""Secrets outside the vault: none in freed memory, in texts, in files or in other processes."""

import json
import os
import random
import string
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar import limits
from sidecar.store import meta, secrets
from sidecar.vault import crypto, slot_format
from sidecar.vault.keys import LABELS, Keys
from tests.cheap_keys import CHEAP_KEYS
from tests.process.child_process import environment, misbehaving, product, request
from tests.process.conftest import Spawn
from tests.process.registers import CAN_READ, read_registers

VALUE = "sk-live-Zq8vR3tY7uJ2kLp5wX9cB4nM6"
pytestmark = pytest.mark.usefixtures("usual_limits")

PASSPHRASE = "correct horse battery"

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def _root_key(database: Path) -> bytes:
    """Return the root key, opened by the passphrase without the process."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    (slot,) = secrets.slots(db)
    passphrase = bytearray(PASSPHRASE, "ascii")
    root = slot_format.unwrap(slot.blob, slot.sha256, meta.store_id(db), passphrase)
    db.close()
    return bytes(root)


def _needles(database: Path) -> dict[str, bytes]:
    """Return the value and every key, by name."""
    root = _root_key(database)
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    store_id, (row,) = meta.store_id(db), secrets.data_keys(db)
    db.close()
    keys = Keys(bytearray(root), store_id)
    return {
        "value": VALUE.encode(),
        "root key": root,
        "data key": bytes(keys.unwrap_data_key(row.key_id, row.wrapped)),
        **{label: bytes(crypto.derive(bytearray(root), store_id, label)) for label in LABELS},
    }


def _copies(pid: int, needles: dict[str, bytes]) -> dict[str, int]:
    """Return how often each needle occurs in the writable memory of a process."""
    found = dict.fromkeys(needles, 0)
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
            span, mode, *_rest = line.split()
            if not mode.startswith("rw") or "[vvar" in line or "[vsyscall" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            for name, needle in needles.items():
                found[name] += content.count(needle)
    return found


@linux
def test_security_17_no_value_stays_in_memory_and_after_lock_no_key(
    spawn: Spawn, database: Path
) -> None:
    """No answer leaves a copy of the value, unlocked or not; the keys stay until the lock."""
    child = spawn(product("--database", database))
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    needles = _needles(database)
    try:
        assert _copies(child.pid, needles)["root key"] >= 1, "the search finds what is there"
    except PermissionError:
        pytest.skip("only the administrator may read another process's memory; CI is")
    left = {}
    for method, params in (
        *_uses_of(VALUE),
        ("secrets.list", {}),
    ):
        assert "result" in child.call(method, params)
        child.call("system.ping")  # the answer before it is wiped when it is written
        left[method] = _copies(child.pid, needles)["value"]
    child.call("secrets.lock")
    for _number in range(200):
        child.call("system.ping")

    assert left == dict.fromkeys(left, 0)
    assert _copies(child.pid, needles) == dict.fromkeys(needles, 0)


@pytest.mark.skipif(not CAN_READ, reason="reads the registers of Linux on x86-64")
def test_no_register_holds_a_key_or_a_value_after_the_answer(spawn: Spawn, database: Path) -> None:
    """Registers get out of their thread: onto stacks, and into threads that it starts."""
    child = spawn(product("--database", database))
    value = _text(200)
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    needles = {**_needles(database), "value": value.encode(), "passphrase": PASSPHRASE.encode()}
    left = {}
    for method, params in (
        *_uses_of(value),
        ("secrets.list", {}),
        ("secrets.unlock", {"passphrase": PASSPHRASE}),
        ("secrets.lock", {}),
    ):
        assert "result" in child.call(method, params)
        child.call("system.ping")  # the answer before it is wiped when it is written
        try:
            left[method] = _names_in(read_registers(child.pid), needles)
        except PermissionError:
            pytest.skip("only the administrator may read another process's registers; CI is")

    assert left == {method: set() for method in left}


def _names_in(registers: list[bytes], needles: dict[str, bytes]) -> set[str]:
    """Return the needles of which 16 bytes in a row are in a register."""
    return {
        name
        for name, needle in needles.items()
        for at in range(len(needle) - 15)
        if any(needle[at : at + 16] in each for each in registers)
    }


def _uses_of(value: str) -> tuple[tuple[str, dict[str, str]], ...]:
    """Return the calls that take or answer a value."""
    return (
        ("secrets.set", {"provider": "openai", "value": value}),
        ("secrets.get", {"provider": "openai"}),
        ("secrets.verify", {"provider": "openai", "value": value}),
    )


def _text(length: int) -> str:
    """Return a text that occurs nowhere else."""
    return "".join(random.choices(string.ascii_letters, k=length))


@linux
def test_values_of_any_length_leave_memory_and_most_passphrases(
    spawn: Spawn, database: Path
) -> None:
    """Also those that are too long for the memory that is always used again soon."""
    child = spawn(product("--database", database), env=environment(SIM_TEST_LIMITS=CHEAP_KEYS))
    old = PASSPHRASE
    child.call("secrets.initialize", {"passphrase": old})
    left = {}
    for length in (16, 40, 200, 300, 500, 700, 9000):
        value, new = _text(length), _text(min(length, limits.PASSPHRASE_MAX_CHARS))
        for method, params in (
            *_uses_of(value),
            ("secrets.change_passphrase", {"old_passphrase": old, "new_passphrase": new}),
            ("secrets.unlock", {"passphrase": new}),
        ):
            assert "result" in child.call(method, params)
        child.call("system.ping")
        try:
            left[length] = _copies(child.pid, {"value": value.encode(), "new": new.encode()})
        except PermissionError:
            pytest.skip("only the administrator may read another process's memory; CI is")
        old = new

    assert {length: copies["value"] for length, copies in left.items()} == dict.fromkeys(left, 0)
    assert sum(copies["new"] for copies in left.values()) < 3, "seldom one stays"


def _spellings(method: str, params: dict[str, object]) -> dict[str, bytes]:
    """Return lines that hold a secret where the name of its method is hard to find."""
    plain = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    escaped = plain.replace("secrets.", "\\u0073ecrets\\u002e")
    ping = '{"jsonrpc":"2.0","id":2,"method":"system.ping"}'
    padded = plain.replace('"method"', " " * 5000 + '"method"') + " " * 5000
    check = '{"jsonrpc":"2.0","id":3,"method":"system.check"}'
    return {
        "in a batch": f"[{ping},{plain}]".encode(),
        "in a batch with a long method": f"[{plain},{check}]".encode(),
        "escaped": escaped.encode(),
        "escaped in a batch": f"[{escaped}]".encode(),
        "padded": padded.encode(),
        "with letters beyond ASCII": plain.replace("openai", "öpenai").encode(),
        "with wrong UTF-8": plain.encode().replace(b'"2.0"', b'"2.0\xff"'),
        "cut off": plain.encode()[:-2],
        "nested too deep": plain.replace(
            '"id"', '"x": ' + "[" * 200 + "]" * 200 + ', "id"'
        ).encode(),
        "in several reads": plain.replace('"id"', " " * 300_000 + '"id"').encode(),
        "longer than a line may be": plain.encode() + b" " * (33 << 20),
    }


@linux
def test_a_secret_leaves_memory_however_its_line_is_spelled(spawn: Spawn, database: Path) -> None:
    """Whether a line is wiped is decided by the decoded method, and without one it is wiped."""
    child = spawn(product("--database", database))
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    needle = {"value": VALUE.encode()}
    try:
        _copies(child.pid, needle)
    except PermissionError:
        pytest.skip("only the administrator may read another process's memory; CI is")
    left = {}
    for name, line in _spellings("secrets.set", {"provider": "openai", "value": VALUE}).items():
        child.send(line + b"\n")
        child.answer()
        child.call("system.ping", request_id="after")
        left[name] = _copies(child.pid, needle)["value"]

    assert left == dict.fromkeys(left, 0)


@linux
def test_security_17_no_process_may_attach_and_no_core_is_written(
    spawn: Spawn, database: Path
) -> None:
    """The kernel refuses other processes of the same user where PR_GET_DUMPABLE is 0."""
    child = spawn(product("--database", database))
    lines = Path(f"/proc/{child.pid}/limits").read_text(encoding="ascii").splitlines()

    assert [line.split()[4:6] for line in lines if "core file" in line] == [["0", "0"]]
    assert _dumpable("from sidecar.hardening import harden; harden()") == "0"
    assert _dumpable("") == "1"


def _dumpable(first: str) -> str:
    """Return what PR_GET_DUMPABLE says in a process that has run these lines."""
    script = f"{first}\nimport ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


@linux
def test_the_process_opens_no_socket(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    child.call("secrets.set", {"provider": "openai", "value": VALUE})
    child.call("system.check")

    entries = Path(f"/proc/{child.pid}/fd").iterdir()
    targets = [str(entry.readlink()) for entry in entries]
    assert [target for target in targets if target.startswith("socket:")] == []


def test_a_dumpable_process_never_holds_a_key(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database, "--dumpable"))

    for method in ("secrets.initialize", "secrets.unlock"):
        error = child.call(method, {"passphrase": PASSPHRASE})["error"]
        assert error["data"]["slug"] == "conflict"
    assert child.call("secrets.status")["result"]["state"] == "uninitialized"


def test_our_own_names_are_not_redacted_whatever_the_passphrase_is(
    spawn: Spawn, database: Path
) -> None:
    cheap = environment(SIM_TEST_LIMITS=CHEAP_KEYS)
    child = spawn(product("--database", database), env=cheap)
    passphrases = ["wrong", '"slot":1', "passphrase", '{"kind":"', "null"]
    child.call("secrets.initialize", {"passphrase": passphrases[0]})
    for old, new in pairwise(passphrases):
        child.call("secrets.change_passphrase", {"old_passphrase": old, "new_passphrase": new})
        child.call("secrets.lock")
        unlocked = child.call("secrets.unlock", {"passphrase": new})
        assert unlocked["result"]["state"] == "unlocked"
    items = child.call("audit.list")["result"]["items"]
    assert [each["details"] for each in items if each["action"] == "vault_unlock"] == [
        {"slot": 1, "kind": "passphrase"}
    ] * 4

    messages = [
        child.call("secrets.unlock", {"passphrase": "wrong"})["error"]["message"] for _ in range(4)
    ]
    assert messages[-1] == "Too many passphrases were wrong; wait before you try again."


def test_a_key_where_a_providers_name_belongs_is_refused_and_in_no_file(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    swapped = {"provider": VALUE, "value": "openai"}
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    for name, params in (
        ("secrets.set", swapped),
        ("secrets.set", {"provider": "private-key", "value": "private-key"}),
        ("secrets.verify", swapped),
        ("secrets.get", {"provider": VALUE}),
    ):
        error = child.call(name, params)["error"]
        assert (error["data"]["slug"], error["data"]["path"]) == (
            "invalid_params",
            "$.params.provider",
        )
    child.call("secrets.lock")
    child.call("secrets.set", swapped)
    child.call("secrets.delete", {"provider": VALUE})
    child.finish()

    found = b"".join(path.read_bytes() for path in database.parent.rglob("*") if path.is_file())
    assert [word for word in (VALUE, "private-key") if word.encode() in found] == []
    assert VALUE not in child.stderr_text()


def test_an_inherited_descriptor_unlocks_at_the_start(spawn: Spawn, database: Path) -> None:
    first = spawn(product("--database", database))
    first.call("secrets.initialize", {"passphrase": PASSPHRASE})
    first.finish()

    states = {}
    wrong = [b"wrong\n", b"", b"\xff\xfe\n", b"x" * 5000]
    for passphrase in (PASSPHRASE.encode() + b"\n", *wrong):
        reader, writer = os.pipe()
        os.write(writer, passphrase)
        os.close(writer)
        options = product("--database", database, "--passphrase-fd", str(reader))
        child = spawn(options, inherit=(reader,))
        os.close(reader)
        states[passphrase] = child.ready["secrets"]
        child.finish()

    unlocked = {PASSPHRASE.encode() + b"\n": "unlocked"}
    assert states == {**unlocked, **dict.fromkeys(wrong, "locked")}
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    tries = db.execute("SELECT failures FROM vault_state").fetchone()
    db.close(True)
    assert tries == (2,)  # neither nothing nor what is no text is a try


def test_security_18_a_planted_value_is_in_no_text_at_the_debug_level(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, "--log-level", "debug"))
    child.call("secrets.initialize", {"passphrase": PASSPHRASE})
    child.call("secrets.set", {"provider": "openai", "value": VALUE})
    answers: list[Any] = [
        child.call("test.fail_with", {"text": f"the provider said: bad key {VALUE}"}),
        child.call("secrets.get", {"provider": VALUE}),
        child.call("secrets.set", {"provider": "", "value": VALUE}),
        child.call("secrets.set", {"provider": "x", "value": VALUE, "surplus": VALUE}),
        child.call("secrets.unlock", {"passphrase": PASSPHRASE, "recovery_code": VALUE}),
    ]
    child.send(request("secrets.set", {"provider": "x", "value": [VALUE]}))
    lines, _code = child.finish()
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    logged = str(list(db.execute("SELECT action, details FROM access_log")))
    db.close()

    assert all("error" in answer for answer in answers)
    assert VALUE not in str(answers)
    assert VALUE not in str(lines)
    assert VALUE not in child.stderr_text()
    assert VALUE not in logged


def test_security_18_a_result_is_never_redacted(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    workflow = {"id": "w", "name": f"uses {VALUE}", "data": {"key": VALUE}}
    child.call("workflows.save", {"workflow": workflow})
    got = child.call("workflows.get", {"id": "w"})["result"]["workflow"]

    assert (got["name"], got["data"]) == (workflow["name"], workflow["data"])
