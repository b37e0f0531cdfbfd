"""Tests of the supervisor of the Python client."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schema.clients.python.sidecar_client import (
    ConnectionLost,
    CrashLoop,
    NotFound,
    StartFailed,
    Supervisor,
    aio,
)
from tests.clients import python_conversation as conversation
from tests.clients.python_hosts import PEER, SIDECAR, flow, peer, served
from tests.process.child_process import environment, until

pytestmark = pytest.mark.usefixtures("cheap_keys")

CALLS = 1_000


def entries(database: Path) -> list[int]:
    """Return the numbers of all audit entries that are stored."""
    with closing(sqlite3.connect(database)) as db:
        return [seq for (seq,) in db.execute("SELECT seq FROM access_log ORDER BY seq")]


def stored(database: Path) -> set[str]:
    """Return the ids of all workflows that are stored."""
    with closing(sqlite3.connect(database)) as db:
        return {name for (name,) in db.execute("SELECT id FROM workflows")}


def test_a_kill_amid_a_thousand_calls_settles_each_call_of_the_python_client_once(
    tmp_path: Path,
) -> None:
    database = tmp_path / "sim.db"
    settled: Counter[int] = Counter()
    events: list[int] = []
    states: list[str] = []
    supervisor = served(
        tmp_path,
        on_event=lambda event: events.append(event["seq"]),
        on_state=lambda state, _error: states.append(state),
    ).start()
    client = supervisor.client

    def settle(number: int) -> None:
        settled[number] += 1
        if settled.total() == CALLS // 4:
            client.wire.process.kill()

    calls = [
        client.start(
            "workflows.save",
            {"workflow": flow(f"w{number}")},
            on_settled=lambda number=number: settle(number),  # type: ignore[misc]
        )
        for number in range(CALLS)
    ]
    outcomes = [outcome(call.result) for call in calls]
    later = outcome(client.system.ping)
    supervisor.wait_ready()
    client.workflows.save(workflow=flow("last"))
    code = supervisor.stop()

    lost = [each for each in outcomes if isinstance(each, ConnectionLost)]
    saved = {each["id"] for each in outcomes if not isinstance(each, ConnectionLost)}
    assert settled == Counter(range(CALLS))
    assert all(each.may_have_run and each.exit_code == -signal.SIGKILL for each in lost)
    assert lost
    assert len(saved) == CALLS - len(lost) >= CALLS // 4
    assert isinstance(later, ConnectionLost)
    assert not later.may_have_run
    assert states == ["starting", "ready", "down", "starting", "ready", "stopped"]
    assert events == entries(database)
    assert saved <= stored(database)
    assert code == 0


def outcome(call: Any) -> Any:
    """Return the result of a call, or the connection that it lost."""
    try:
        return call()
    except ConnectionLost as lost:
        return lost


def test_a_kill_amid_a_thousand_calls_settles_each_awaited_call_once(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"
    events: list[int] = []

    async def host() -> list[Any]:
        options: Any = {"command": SIDECAR, "env": environment()}
        supervisor = aio.AsyncSupervisor(
            database, on_event=lambda event: events.append(event["seq"]), **options
        )
        async with supervisor:
            client = supervisor.client
            done = 0

            async def save(number: int) -> Any:
                nonlocal done
                saved = await client.workflows.save(workflow=flow(f"w{number}"))
                done += 1
                if done == CALLS // 4:
                    os.kill(client.ready["pid"], signal.SIGKILL)
                return saved["id"]

            calls = [save(number) for number in range(CALLS)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            await supervisor.wait_ready()
            await client.workflows.save(workflow=flow("last"))
            found: set[str] = set()
            async for page in client.workflows.list_pages(limit=100):
                found |= {each["id"] for each in page["items"]}
            assert found == stored(database)
        return outcomes

    outcomes = asyncio.run(host())

    saved = {each for each in outcomes if isinstance(each, str)}
    lost = [each for each in outcomes if isinstance(each, ConnectionLost)]
    assert len(saved) + len(lost) == CALLS
    assert saved
    assert lost
    assert events == entries(database)
    assert saved <= stored(database)


def test_a_start_that_fails_tells_its_slug_through_the_python_client(tmp_path: Path) -> None:
    (tmp_path / "sim.db").write_text("a letter", encoding="utf-8")
    states: list[tuple[str, str]] = []
    lines: list[str] = []
    supervisor = served(
        tmp_path,
        on_state=lambda state, error: states.append((state, type(error).__name__)),
        on_log=lines.append,
    )

    with pytest.raises(StartFailed) as raised:
        supervisor.start()

    assert (raised.value.slug, raised.value.exit_code) == ("not_ours", 4)
    assert str(raised.value) == "The file is not a database of this product."
    assert states == [("starting", "NoneType"), ("stopped", "StartFailed")]
    assert '"start_failed"' in lines[-1]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with secrets, which a passphrase unlocks; to make it takes a second."""
    folder = tmp_path_factory.mktemp("locked")
    with served(folder) as supervisor:
        supervisor.client.secrets.initialize(passphrase="correct horse")
    return folder / "sim.db"


def test_the_python_supervisor_unlocks_after_each_start(locked: Path, tmp_path: Path) -> None:
    shutil.copy(locked, tmp_path)
    asked: list[bool] = []

    def unlock(wrong: bool) -> str | None:  # noqa: FBT001 - as the supervisor calls it
        asked.append(wrong)
        return "correct horse" if wrong else "wrong horse"

    with served(tmp_path, unlock=unlock) as supervisor:
        state = supervisor.client.secrets.status()["state"]

    assert asked == [False, True]
    assert state == "unlocked"


def test_the_python_supervisor_hands_over_the_runs_that_a_kill_interrupted(
    tmp_path: Path,
) -> None:
    given: list[list[str]] = []

    def take_up(runs: list[str]) -> None:
        given.append(runs)
        supervisor.client.runs.progress(id=runs[0], tokens_used=1)

    with served(tmp_path, on_runs=take_up) as supervisor:
        supervisor.client.workflows.save(workflow=flow("w1"))
        supervisor.client.runs.start(workflow_id="w1", id="r1")
        supervisor.client.wire.process.kill()
        supervisor.client.wire.wait_end()
        assert until(lambda: supervisor.state != "ready")
        supervisor.wait_ready()
        run = supervisor.client.runs.get(id="r1")["run"]

    assert given == [["r1"]]
    assert (run["status"], run["tokens_used"]) == ("running", 1)


def test_the_python_supervisor_fills_the_gap_of_an_overflow(tmp_path: Path) -> None:
    events: list[int] = []
    methods: list[str] = []
    with served(
        tmp_path,
        on_event=lambda event: events.append(event["seq"]),
        on_notification=lambda notification: methods.append(notification.method),
    ) as supervisor:
        settings = supervisor.client.settings
        settings.set(key="theme", value="dark")
        settings.set_many(items=conversation.many_settings())
        settings.set(key="theme", value="light")
        assert until(lambda: len(events) == 3)

    assert methods.count("audit.overflow") == 1
    assert events == [1, 2, 3]


def test_the_python_supervisor_tells_that_an_older_database_was_put_back(tmp_path: Path) -> None:
    events: list[int] = []
    stale: list[None] = []
    (tmp_path / "other").mkdir()
    supervisor = served(
        tmp_path,
        on_event=lambda event: events.append(event["seq"]),
        on_stale=lambda: stale.append(None),
    ).start()
    supervisor.client.settings.set(key="theme", value="dark")
    supervisor.client.settings.set(key="theme", value="light")
    supervisor.stop()
    with served(tmp_path / "other"):
        pass
    (tmp_path / "other" / "sim.db").replace(tmp_path / "sim.db")
    with supervisor:
        supervisor.client.settings.set(key="theme", value="dark")

    assert events == [1, 2, 1]
    assert len(stale) == 1


def test_a_python_host_goes_on_with_the_audit_entries_after_the_last_that_it_has(
    tmp_path: Path,
) -> None:
    events: list[int] = []
    with served(tmp_path) as supervisor:
        for value in ("dark", "light", "system"):
            supervisor.client.settings.set(key="theme", value=value)
    with served(tmp_path, last_seq=1, on_event=lambda event: events.append(event["seq"])) as again:
        again.client.settings.set(key="theme", value="dark")

    assert events == [2, 3, 4]


def test_errors_and_callbacks_reach_the_event_loop_of_the_python_client(
    locked: Path, tmp_path: Path
) -> None:
    shutil.copy(locked, tmp_path)
    phases: list[str] = []
    states: list[str] = []

    async def unlock(_wrong: bool) -> str | None:  # noqa: FBT001 - as the supervisor calls it
        return "correct horse"

    async def host() -> tuple[str, str]:
        options: Any = {"command": SIDECAR, "env": environment()}
        async with aio.AsyncSupervisor(
            tmp_path / "sim.db",
            unlock=unlock,
            on_state=lambda state, _error: states.append(state),
            **options,
        ) as supervisor:
            client = supervisor.client
            await client.backups.create(on_progress=lambda told: phases.append(told["phase"]))
            with pytest.raises(NotFound) as raised:
                await client.workflows.get(id="nobody")
            return raised.value.slug, (await client.secrets.status())["state"]

    assert asyncio.run(host()) == ("not_found", "unlocked")
    assert "copy" in phases
    assert states[:2] == ["starting", "ready"]


# --- small programs in place of the process -------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["./no-such-program"],
        [sys.executable, "-c", "import sys; sys.exit('no reason that a client knows')"],
        [sys.executable, "-c", PEER.replace('"1.0"', '"2.0"') + "hear()"],
        [sys.executable, "-c", "import time; time.sleep(60)"],
    ],
    ids=["missing", "no reason", "newer protocol", "silent"],
)
def test_a_program_that_never_serves_is_a_failed_start_of_the_python_client(
    command: list[str], tmp_path: Path
) -> None:
    states: list[str] = []
    supervisor = Supervisor(
        tmp_path / "none",
        command=command,
        timeout=0.5,
        on_state=lambda state, _error: states.append(state),
    )

    with pytest.raises(StartFailed) as raised:
        supervisor.start()

    assert raised.value.slug is None
    assert states == ["starting", "stopped"]


def test_the_python_supervisor_gives_up_on_a_crash_loop(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    supervisor = Supervisor(
        tmp_path / "none",
        command=peer("os._exit(1)"),
        on_state=lambda state, _error: told.append((state, time.monotonic())),
    ).start()

    with pytest.raises(CrashLoop) as raised:
        wait_for_ever(supervisor)
    code = supervisor.stop()

    down = [at for state, at in told if state == "down"]
    again = [at for state, at in told if state == "starting"][1:]
    pauses = [after - before for before, after in zip(down, again, strict=True)]
    assert [state for state, _at in told] == [
        *["starting", "ready", *["down", "starting"] * 4],
        *["gave_up", "stopped"],
    ]
    assert all(took >= least for took, least in zip(pauses, (0.25, 0.5, 1, 2), strict=True))
    assert isinstance(raised.value.__cause__, ConnectionLost)
    assert code == 1


def wait_for_ever(supervisor: Supervisor) -> None:
    """Wait for one process after the other; it ends when there will be none any more."""
    while True:
        supervisor.wait_ready()


def test_a_callback_that_fails_does_not_stop_the_python_supervisor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise LookupError

    answers = """
print("words", file=sys.stderr, flush=True)
event(8)
say(id=hear()["id"], result=1)
hear()
"""
    with Supervisor(
        tmp_path / "none",
        command=peer(answers),
        on_state=fails,
        on_event=fails,
        on_log=fails,
        on_notification=fails,
    ) as supervisor:
        assert supervisor.client.call("one") == 1

    assert capsys.readouterr().err.count("LookupError") >= 5
