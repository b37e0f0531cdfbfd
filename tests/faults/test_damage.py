"""Damage is confirmed before it counts; then nothing is written to the file or deleted."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar.errors import DatabaseDamaged, NotOurs
from sidecar.store import swap, tables
from sidecar.store.columns import find_damaged_rows
from sidecar.store.open_close import close_store, open_store
from sidecar.store.repair import CHORE, recover
from sidecar.store.search import indexes
from tests.faults import damaged_files
from tests.faults.damaged_cells import Damage, do_damage
from tests.faults.store_work import state_at
from tests.harness import ManualClock
from tests.store import legacy_files
from tests.wire.loop_in_process import Served, answers, call, notifications

SAVE = call("save", "workflows.save", workflow={"id": "later", "name": "n", "data": {}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sim.db"
    damaged_files.fill(path)
    return path


@contextmanager
def serving(path: Path) -> Iterator[Served]:
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    try:
        yield served
    finally:
        close_store(served.store)
        served.close()


def confirmed(served: Served) -> list[Any]:
    """Let the process check the file by itself and return its warnings."""
    served.loop.schedule(CHORE, 0)
    served.loop._chores.start_due()
    served.finish_long()
    return [each["params"]["slug"] for each in served.told() if each["method"] == "system.warning"]


def slugs(received: list[Any]) -> list[str]:
    return [
        each["error"]["data"]["slug"] if "error" in each else "ok" for each in answers(received)
    ]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- confirming -------------------------------------------------------------------------------


def test_after_an_unclean_end_a_sound_file_is_checked_and_served(path: Path) -> None:
    with serving(path) as served:
        assert served.store.damage_suspected

        assert confirmed(served) == []

        assert not served.store.damage_suspected
        assert slugs(served.send(SAVE)) == ["ok"]


def test_confirmed_damage_makes_the_process_read_only_and_is_reported(path: Path) -> None:
    damaged_files.destroy(path, damaged_files.pages_of(path, "access_log")[0])
    with serving(path) as served:
        assert slugs(served.send(SAVE)) != ["database_damaged"]

        assert confirmed(served) == ["database_damaged"]

        (refused,) = answers(served.send(SAVE))
        assert refused["error"]["data"] == {
            "slug": "database_damaged",
            "retryable": False,
            "hint": "system.recover",
            "outcome": "not_applied",
        }
        reads = [
            call(1, "workflows.list"),
            call(2, "runs.list"),
            call(3, "workflows.get", id="steady"),
        ]
        assert slugs(served.send(*reads)) == ["ok", "ok", "ok"]
        assert slugs(served.send(call(4, "workflows.delete", id="steady"))) == ["database_damaged"]


def test_damage_met_by_a_request_is_a_failure_until_it_is_confirmed(path: Path) -> None:
    ask = call(1, "audit.list")
    with serving(path) as served:
        served.store.checkpoint()
        damaged_files.destroy(path, damaged_files.pages_of(path, "access_log")[0])
        served.store.reopen()
        first = answers(served.send(ask))[0]["error"]["data"]
        assert (first["slug"], first["retryable"]) == ("storage_failed", True)

        assert confirmed(served) == ["database_damaged"]

        assert slugs(served.send(ask)) == ["database_damaged"]


def test_a_start_that_cannot_write_for_damage_serves_what_can_be_read(path: Path) -> None:
    """The start has to end the interrupted runs and cannot."""
    db = apsw.Connection(str(path))
    db.execute("UPDATE runs SET status = 'running'")
    db.close()
    damaged_files.destroy(path, damaged_files.pages_of(path, "runs")[0])

    with serving(path) as served:
        assert served.store.damaged
        assert slugs(served.send(call(1, "workflows.list"), SAVE)) == ["ok", "database_damaged"]
        assert confirmed(served) == ["database_damaged"]


def test_an_unconfirmed_suspicion_is_not_called_a_clean_end(path: Path) -> None:
    with serving(path) as served:
        served.store.damage_suspected = True

    with serving(path) as served:
        assert served.store.damage_suspected
        confirmed(served)

    with serving(path) as served:
        assert not served.store.damage_suspected


# --- damage to a part -------------------------------------------------------------------------


def test_a_damaged_body_is_one_bad_workflow_and_an_older_revision_brings_it_back(
    path: Path,
) -> None:
    with serving(path) as served:
        for number in range(2):
            body = {"id": "bad", "name": "n", "data": {"n": number}}
            served.send(call(1, "workflows.save", workflow=body))
        served.store.db.execute(
            "UPDATE workflow_bodies SET data = x'1f8b00' WHERE rid ="
            " (SELECT rid FROM workflows WHERE id = 'bad')"
        )
        received = served.send(
            call(1, "workflows.get", id="bad"), SAVE, call(2, "workflows.get", id="steady")
        )

        assert slugs(received) == ["database_damaged", "ok", "ok"]
        assert confirmed(served) == []
        assert not served.store.damaged
        assert slugs(served.send(call(3, "workflows.revert", id="bad", revision=1))) == ["ok"]
        (got,) = answers(served.send(call(4, "workflows.get", id="bad")))
        assert got["result"]["workflow"]["data"] == {"n": 0}


def test_a_search_index_that_lost_its_rows_is_rebuilt(path: Path) -> None:
    db = apsw.Connection(str(path))
    db.execute("DELETE FROM search_heads_docsize")
    db.close()
    with serving(path) as served:
        served.send(call(1, "system.check"))
        with served.store.lock:
            indexes.update_for_search(served.store)
        confirmed(served)

        (received,) = answers(served.send(call(2, "system.check", full=True)))

        assert received["result"]["findings"] == []
        assert not served.store.damaged


@pytest.mark.parametrize(("index", "query"), [("search_texts", "cherry"), ("search_heads", "flow")])
def test_a_damaged_index_that_a_search_meets_is_rebuilt(path: Path, index: str, query: str) -> None:
    flow = {"id": "c", "name": "flow", "data": {"nodes": [{"text": "a cherry"}]}}
    search = call(2, "workflows.search", query=query)
    with serving(path) as served:
        assert slugs(served.send(call(1, "workflows.save", workflow=flow), search)) == ["ok"] * 2
        confirmed(served)
    db = apsw.Connection(str(path))
    db.execute(
        f"DELETE FROM {index}_docsize WHERE id = (SELECT rid FROM workflows WHERE id = 'c')"  # noqa: S608 - ours
    )
    db.close()
    with serving(path) as served:
        assert slugs(served.send(search)) == ["storage_failed"]
        assert confirmed(served) == ["index_rebuilt"]
        while indexes.update_step(served.store):
            pass

        assert slugs(served.send(search)) == ["ok"]
        (received,) = answers(served.send(call(2, "system.check", full=True)))
        assert received["result"]["findings"] == []


@pytest.mark.parametrize("name", ["search_heads_data", "search_parts_config", "runs_started"])
def test_an_index_that_cannot_be_rebuilt_is_recovered_without_loss(path: Path, name: str) -> None:
    before = state_at(path)
    damaged_files.destroy(path, damaged_files.pages_of(path, name)[0])
    with serving(path) as served:
        assert confirmed(served) == ["database_damaged"]
        (answer,) = answers(served.send(call(1, "system.recover")))
        assert answer["result"]["lost"] == {}
        (received,) = answers(served.send(call(2, "system.check", full=True)))
        assert received["result"]["findings"] == []
        assert slugs(served.send(call(3, "workflows.search", query="flow"))) == ["ok"]
    after = state_at(path)
    assert after.pop("audit")[: len(before["audit"])] == before.pop("audit")
    assert after == before


# --- recovering -------------------------------------------------------------------------------


def lose_a_page(path: Path, table: str) -> int:
    """Destroy one middle leaf page of a table and return how many rows it held."""
    pages = damaged_files.pages_of(path, table)
    page = pages[len(pages) // 2]
    db = apsw.Connection(str(path))
    rows = int(
        db.execute("SELECT ncell FROM dbstat WHERE pageno = ? AND name = ?", (page, table)).get
    )
    db.close()
    damaged_files.destroy(path, page)
    return rows


@pytest.mark.parametrize("table", ["workflows", "runs", "access_log", "workflow_bodies"])
def test_recovery_loses_the_rows_of_the_page_alone_and_keeps_the_damaged_file(
    path: Path, table: str
) -> None:
    before = state_at(path)
    rows = lose_a_page(path, table)
    ((noun, _rows),) = tables.by_noun({table: rows}).items()
    with serving(path) as served:
        assert confirmed(served) == ["database_damaged"]
        raw = sha256(path)
        (dry,) = answers(served.send(call(1, "system.recover", dry_run=True)))
        received = served.send(call(2, "system.recover"))
        (answer,) = answers(received)
        assert slugs(served.send(SAVE)) == ["ok"]
        (found,) = answers(served.send(call(3, "system.check")))

    assert dry["result"]["kept_aside"] is None
    assert answer["result"] == {**dry["result"], "kept_aside": answer["result"]["kept_aside"]}
    assert answer["result"]["lost"][noun] == rows
    kept = path.with_name(answer["result"]["kept_aside"])
    assert sha256(kept) == raw
    assert "system.restored" in [each["method"] for each in notifications(received)]
    if table != "access_log":
        assert [
            each["kind"] for each in found["result"]["findings"] if each["kind"] != "body"
        ] == []
        assert state_at(path)["audit"][: len(before["audit"])] == before["audit"]
    else:
        assert [each["kind"] for each in found["result"]["findings"]] == ["audit_chain"]


def test_a_sound_file_recovers_to_itself(path: Path) -> None:
    before = state_at(path)

    found = recover.recover_file(path, ManualClock(), no_step, log=no_log)

    assert (found.lost, found.from_backup) == ({}, {})
    after = state_at(path)
    assert after == before


def no_step(_table: str, _rows: int) -> None:
    """Ignore the progress."""


def no_log(_db: apsw.Connection, _recovered: recover.Recovered) -> None:
    """Write no audit entry."""


@pytest.mark.parametrize("page", [1, 2])
def test_a_file_of_which_nothing_can_be_read_stays_unchanged(path: Path, page: int) -> None:
    for number in range(page, path.stat().st_size // damaged_files.PAGE_BYTES + 1):
        damaged_files.destroy(path, number)
    before = sha256(path)

    with pytest.raises(DatabaseDamaged, match="Nothing can be read"):
        recover.recover_file(path, ManualClock(), no_step, log=no_log)

    assert sha256(path) == before
    assert not swap.staged_path(path).exists()


def test_lost_rows_come_from_a_backup_except_those_deleted_since(
    path: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    backup.write_bytes(path.read_bytes())
    before = state_at(path)
    gone = before["workflows"][0][0]
    with serving(path) as served:
        served.send(call(1, "workflows.delete", id=gone), call(2, "system.purge"))
    for table in ("workflows", "runs", "workflow_bodies", "run_summaries"):
        lose_a_page(path, table)

    found = recover.recover_file(path, ManualClock(), no_step, log=no_log, backup=backup)

    after = state_at(path)
    assert found.from_backup.keys() >= {"workflows", "workflow_bodies"}
    assert [row[:6] for row in after["workflows"]] == [row[:6] for row in before["workflows"][1:]]
    assert [row[0] for row in after["runs"]] == [
        row[0] for row in before["runs"] if row[0] in {each[0] for each in after["runs"]}
    ]
    assert gone not in [row[0] for row in after["workflows"]]


def test_what_is_damaged_in_a_backup_is_mended_or_left_out_when_rows_come_from_it(
    path: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    backup.write_bytes(path.read_bytes())
    (first, *_), (second, *_), *_ = state_at(path)["workflows"]
    for damage in (
        Damage("workflows", "name", "bad_utf8", "CAST(x'51ff' AS TEXT)", f"id = '{first}'"),
        Damage("workflows", "id", "bad_utf8", "CAST(x'51ff' AS TEXT)", f"id = '{second}'"),
        Damage("runs", "tokens_used", "negative", "-5"),
        Damage("workflow_bodies", "data", "short", "x'00'"),
        Damage("run_summaries", "data", "wrong_type", "CAST(x'51ff' AS TEXT)"),
    ):
        assert do_damage(backup, damage)
    for table in ("workflows", "runs", "workflow_bodies", "run_summaries"):
        lose_a_page(path, table)

    found = recover.recover_file(path, ManualClock(), no_step, log=no_log, backup=backup)

    assert found.from_backup.keys() >= {"workflows", "workflow_bodies"}
    with closing(apsw.Connection(str(path))) as db:
        assert list(find_damaged_rows(db)) == []
    ids = [row[0] for row in state_at(path)["workflows"]]
    assert first in ids
    assert second not in ids


def test_a_schema_that_cannot_be_read_is_refused_and_untouched(path: Path) -> None:
    """A leaf of the schema is destroyed; the first page still has the file's mark."""
    damaged_files.destroy(path, damaged_files.pages_of(path, "sqlite_schema")[-1])
    before = sha256(path)

    with pytest.raises(DatabaseDamaged):
        open_store(path, ManualClock())

    assert sha256(path) == before


def test_a_file_that_is_not_ours_is_not_recovered(tmp_path: Path) -> None:
    path = legacy_files.build(tmp_path / "sim.db")
    before = sha256(path)

    with pytest.raises(NotOurs):
        recover.recover_file(path, ManualClock(), no_step, log=no_log)

    assert sha256(path) == before
