"""kill -9 while keys change: afterwards the old keys open everything, or the new ones do."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.process.child_process import ROOT, Child, environment, forked, request, until
from tests.process.conftest import Spawn

pytestmark = pytest.mark.usefixtures("cheap_keys")

OLD, NEW = "the old passphrase", "the new passphrase"
VALUES = {f"provider-{number}": f"sk-live-value-{number:04}" for number in range(20)}

PARAMS = {
    "secrets.rotate": {},
    "secrets.rekey": {"passphrase": OLD},
    "secrets.change_passphrase": {"old_passphrase": OLD, "new_passphrase": NEW},
}

State = tuple[dict[str, str], int, str]
"""The values that can be read, how many data keys are left, and what the log's check says."""

SOUND: State = (VALUES, 1, "ok")


def set_up(child: Child) -> None:
    """Set up secrets and store some keys."""
    assert "result" in child.call("secrets.initialize", {"passphrase": OLD})
    for provider, value in VALUES.items():
        assert "result" in child.call("secrets.set", {"provider": provider, "value": value})


def kill_during(child: Child, method: str, params: dict[str, str], after_s: float) -> None:
    """Send a request and kill the process after a time."""
    child.send(request(method, params))
    with contextlib.suppress(Exception):
        child.process.wait(after_s)
    child.process.kill()
    child.wait_exit()


def unlock(child: Child) -> str:
    """Unlock, and return the one passphrase that does."""
    opened = [
        passphrase
        for passphrase in (OLD, NEW)
        if "result" in child.call("secrets.unlock", {"passphrase": passphrase})
    ]
    assert len(opened) == 1
    return opened[0]


def found_by(child: Child, database: Path) -> State:
    """Return what an unlocked process finds in its database."""
    found = {
        provider: child.call("secrets.get", {"provider": provider})["result"]["value"]
        for provider in VALUES
    }
    verified = child.call("audit.verify")["result"]["status"]
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    keys = db.execute("SELECT count(*) FROM data_keys").get
    db.close()
    return found, keys, verified


def rounds(spawn: Spawn, database: Path, method: str, kills: int) -> Iterator[State]:
    """Kill the process during the method again and again; yield what the next one finds."""
    rng = random.Random(f"{method}/7")
    child = spawn(forked("--database", database, "--no-events"))
    set_up(child)
    current = OLD
    for _ in range(kills):
        params = {name: current if name != "new_passphrase" else "" for name in PARAMS[method]}
        if "new_passphrase" in params:
            params["new_passphrase"] = NEW if current == OLD else OLD
        # Stretching takes 0.2 to 0.4 s, what follows milliseconds.
        kill_during(child, method, params, rng.uniform(0, 0.7 if params else 0.03))
        child = spawn(forked("--database", database, "--no-events"))
        current = unlock(child)
        yield found_by(child, database)


@pytest.mark.parametrize("method", ["secrets.rotate", "secrets.rekey"])
def test_security_10_a_rotation_killed_at_any_moment_leaves_every_value_readable(
    spawn: Spawn, database: Path, method: str
) -> None:
    assert [*rounds(spawn, database, method, 4)] == [SOUND] * 4


def test_security_09_a_passphrase_change_killed_at_any_moment_leaves_one_that_works(
    spawn: Spawn, database: Path
) -> None:
    assert [*rounds(spawn, database, "secrets.change_passphrase", 4)] == [SOUND] * 4


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", PARAMS)
def test_security_10_a_hundred_kills_during_each(spawn: Spawn, database: Path, method: str) -> None:
    assert [*rounds(spawn, database, method, 100)] == [SOUND] * 100


def test_a_set_up_killed_at_any_moment_is_complete_or_absent(spawn: Spawn, tmp_path: Path) -> None:
    rng = random.Random(3)
    states = set()
    for number in range(4):
        database = tmp_path / f"{number}.db"
        child = spawn(forked("--database", database))
        kill_during(child, "secrets.initialize", {"passphrase": OLD}, rng.uniform(0.1, 0.6))
        child = spawn(forked("--database", database))
        state = child.ready["secrets"]
        states.add(state)
        if state == "uninitialized":
            assert "result" in child.call("secrets.initialize", {"passphrase": OLD})
        else:
            assert unlock(child) == OLD
        assert child.call("audit.verify")["result"]["status"] == "ok"

    assert states <= {"uninitialized", "locked"}


def test_security_10_after_a_rotation_the_old_data_key_is_in_no_file(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(forked("--database", database))
    set_up(child)
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    old = [row[0] for row in db.execute("SELECT wrapped FROM data_keys")]
    old += [row[0] for row in db.execute("SELECT encrypted_value FROM secrets")]
    db.close()
    assert len(old) == len(VALUES) + 1
    assert "result" in child.call("secrets.rotate")
    assert child.call("system.purge")["result"]["purged"]
    child.finish()

    for path in database.parent.iterdir():
        content = path.read_bytes()
        assert [blob for blob in old if blob in content] == []


def test_security_08_ping_is_answered_during_unlocks_that_derive_one_at_a_time(
    spawn: Spawn, database: Path
) -> None:
    with_real_cost = environment(PYTHONPATH=str(ROOT))
    child = spawn(forked("--database", database, "--no-events"), env=with_real_cost)
    set_up(child)
    child.call("secrets.lock")
    before = _peak_bytes(child.pid)
    child.send(b"".join(request("secrets.unlock", {"passphrase": OLD}, n) for n in range(100, 110)))
    child.send(request("system.ping", None, 1))
    first = child.answer()
    answers = [child.answer() for _ in range(10)]

    assert first["id"] == 1, "the ping does not wait for an unlock"
    assert [each["result"]["state"] for each in answers] == ["unlocked"] * 10
    assert _peak_bytes(child.pid) - before < 100 * 1024 * 1024, "64 MiB are taken once"


def _peak_bytes(pid: int) -> int:
    """Return the peak memory of the process, 0 where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = [line for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024


def test_security_20_a_key_is_not_answered_when_that_cannot_be_logged(
    spawn: Spawn, database: Path
) -> None:
    """While another program keeps the file from being written, no key can be read."""
    child = spawn(forked("--database", database))
    set_up(child)
    db = apsw.Connection(str(database))
    db.execute("BEGIN IMMEDIATE")
    error = child.call("secrets.get", {"provider": "provider-1"})["error"]
    db.execute("ROLLBACK")
    db.close()

    assert error["data"]["slug"] == "audit_unavailable"
    got = child.call("secrets.get", {"provider": "provider-1"})["result"]
    assert got["value"] == VALUES["provider-1"]


def test_sqlite_25_a_deleted_key_leaves_no_byte(spawn: Spawn, database: Path) -> None:
    """Neither its record nor the one it replaced; the purge runs two seconds later."""
    child = spawn(forked("--database", database, "--no-events"))
    set_up(child)
    records = []
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    for value in ("first", "second"):
        child.call("secrets.set", {"provider": "doomed", "value": value * 10})
        sql = "SELECT encrypted_value FROM secrets WHERE provider = 'doomed'"
        records.append(db.execute(sql).get[26:])
    db.close()
    child.call("secrets.delete", {"provider": "doomed"})

    def is_gone() -> bool:
        files = [path for path in database.parent.iterdir() if path.name != f"{database.name}-shm"]
        content = b"".join(path.read_bytes() for path in files)
        windows = [record[at : at + 8] for record in records for at in range(len(record) - 7)]
        return not any(window in content for window in windows)

    assert until(is_gone)
