"""A damaged cell: lists go on and mark the row, and no answer is an unknown error or not JSON."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sidecar.store.open_close import close_store, open_store
from tests.faults.column_sweep import sweep
from tests.faults.damaged_cells import Damage, do_damage, every_damage, fill
from tests.faults.sweep_servers import IN_CHILD, IN_PROCESS
from tests.harness import ManualClock
from tests.vault_benches import PASSPHRASE, VALUE, RandomClock
from tests.wire.loop_in_process import Served, answers, call

LISTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "workflows": [
        ("workflows.list", {}),
        ("workflows.search", {"query": ""}),
        ("workflows.get_many", {"ids": ["w0", "w1"]}),
    ],
    "runs": [("runs.list", {}), ("runs.list", {"workflow_id": "w0"})],
    "settings": [("settings.list", {})],
    "access_log": [("audit.list", {"limit": 500})],
}
"""The lists of the rows of a table."""

SHOWN = [
    Damage("workflows", "name", "bad_utf8", "CAST(x'51ff' AS TEXT)"),
    Damage("workflows", "id", "bad_utf8", "CAST(x'51ff' AS TEXT)"),
    Damage("workflows", "tags", "wrong_json", "'[\"a'"),
    Damage("workflows", "created_at", "negative", "-1"),
    Damage("workflows", "revision", "wrong_type", "'text'"),
    Damage("runs", "id", "bad_utf8", "CAST(x'51ff' AS TEXT)"),
    Damage("runs", "status", "wrong_type", "x'00'"),
    Damage("runs", "error_message", "bad_utf8", "CAST(x'51ff' AS TEXT)"),
    Damage("settings", "key", "bad_utf8", "CAST(x'51ff' AS TEXT)", "key = 'own'"),
    Damage("settings", "value", "wrong_json", "'[1'", "key = 'own'"),
    Damage("settings", "updated_at", "too_large", "9223372036854775807", "key = 'own'"),
    Damage("access_log", "details", "wrong_json", "'[1'"),
    Damage("access_log", "mac", "wrong_type", "17"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a closed database with rows in every table."""
    path = tmp_path_factory.mktemp("whole") / "sim.db"
    fill(path)
    return path


@contextmanager
def serving(whole: Path, folder: Path, damage: Damage) -> Iterator[Served]:
    """Serve a copy of the database with a damaged cell."""
    path = folder / "sim.db"
    shutil.copy(whole, path)
    assert do_damage(path, damage)
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    try:
        yield served
    finally:
        close_store(served.store)
        served.close()


@pytest.mark.parametrize("damage", SHOWN, ids=str)
def test_a_list_goes_on_and_marks_a_damaged_row(
    whole: Path, tmp_path: Path, damage: Damage
) -> None:
    with serving(whole, tmp_path, damage) as served:
        for method, params in LISTS[damage.table]:
            (answer,) = answers(served.send(call(1, method, **params)))
            items: list[Any] = answer["result"]["items"]
            marked = [item for item in items if "damaged" in item]
            if method != "workflows.get_many" or damage.column != "id":
                assert len(marked) == 1, (method, items)
                assert marked[0]["damaged"] is True
            assert len(items) > 1 or method == "workflows.get_many"


TO_MEND = [
    Damage("workflows", "name", "bad_utf8", "CAST(x'51ff' AS TEXT)"),
    Damage("workflows", "tags", "wrong_json", "'[\"a'"),
    Damage("workflows", "revision", "wrong_type", "'text'"),
    Damage("workflows", "created_at", "negative", "-1"),
]


@pytest.mark.parametrize("damage", TO_MEND, ids=str)
@pytest.mark.parametrize("method", ["workflows.save", "workflows.delete", "system.recover"])
def test_a_damaged_workflow_is_found_and_saved_over_deleted_or_recovered(
    whole: Path, tmp_path: Path, damage: Damage, method: str
) -> None:
    all_params: dict[str, dict[str, Any]] = {
        "workflows.save": {"workflow": {"id": "w0", "name": "again", "data": [7]}},
        "workflows.delete": {"id": "w0"},
        "system.recover": {},
    }
    params = all_params[method]
    with serving(whole, tmp_path, damage) as served:
        check = call(2, "system.check", full=True)
        (found,) = answers(served.send(check))
        assert ("row", "workflows 1") in [
            (each["kind"], each["where"]) for each in found["result"]["findings"]
        ]

        (changed,) = answers(served.send(call(1, method, **params)))
        (got,) = answers(served.send(call(1, "workflows.get", id="w0")))
        served.send(call(1, "workflows.search", query="again"))
        (after,) = answers(served.send(check))

        assert "result" in changed
        assert ("error" in got) is (method == "workflows.delete")
        assert after["result"]["findings"] == []


def test_rows_of_tags_are_written_again_beside_a_workflow_with_a_damaged_time(
    whole: Path, tmp_path: Path
) -> None:
    damage = Damage("workflows", "updated_at", "wrong_type", "x'00'")
    with serving(whole, tmp_path, damage) as served:
        check = call(1, "system.check")
        with closing(sqlite3.connect(tmp_path / "sim.db", isolation_level=None)) as db:
            db.execute("INSERT INTO workflow_tags VALUES ('x', 1, 99)")
        (found,), (after,) = (answers(served.send(check)) for _ in range(2))

    of_row = [("constraint", "workflows"), ("row", "workflows 1")]
    assert [
        [(each["kind"], each["where"]) for each in answer["result"]["findings"]]
        for answer in (found, after)
    ] == [[*of_row, ("index", "workflow_tags")], of_row]


@pytest.mark.parametrize("column", ["started_at", "seen_at", "tokens_used"])
def test_a_start_goes_on_and_ends_the_other_runs_when_a_running_one_is_damaged(
    whole: Path, tmp_path: Path, column: str
) -> None:
    path = tmp_path / "with_running.db"
    shutil.copy(whole, path)
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    for run in ("bad", "sound"):
        served.send(call(1, "runs.start", workflow_id="w0", id=run))
    close_store(served.store)
    served.close()

    damage = Damage("runs", column, "wrong_type", "'text'", "id = 'bad'")
    with serving(path, tmp_path, damage) as served:
        (listed,) = answers(served.send(call(1, "runs.list")))
        (found,) = answers(served.send(call(1, "system.check")))
        (recovered,) = answers(served.send(call(1, "system.recover")))
        (after,) = answers(served.send(call(1, "runs.list")))
        (deleted,) = answers(served.send(call(1, "runs.delete", id="bad")))

        shown = {
            each["id"]: (each["status"], each["interrupted"], "damaged" in each)
            for each in listed["result"]["items"]
        }
        assert shown["bad"] == ("running", False, column != "seen_at"), "which no list shows"
        assert shown["sound"] == ("error", True, False)
        assert [each["id"] for each in after["result"]["items"] if "damaged" in each] == []
        assert "row" in [each["kind"] for each in found["result"]["findings"]]
        assert "result" in recovered
        assert "result" in deleted


def test_a_damaged_cell_of_any_column_causes_no_unknown_error_and_is_recovered(
    whole: Path, tmp_path: Path
) -> None:
    """Every 61st of the damages, so that each run of the suite takes the same."""
    assert sweep(whole, tmp_path, every_damage(whole)[::61], IN_PROCESS) == {}


ONCE_UNKNOWN = {
    "workflow_tags.tag wrong_type": "JSON cannot hold bytes",
    "vault_state.generation null": "nothing plus one is nothing",
    "key_slots.generation too_large": "no column holds the next number",
    "migrations.sha256 bad_utf8": "it was read as text",
}
"""Damages that once caused an unknown error in the sweep, and why."""


def test_damages_that_once_caused_an_unknown_error_cause_none(whole: Path, tmp_path: Path) -> None:
    damages = [each for each in every_damage(whole) if str(each) in ONCE_UNKNOWN]

    assert len(damages) == len(ONCE_UNKNOWN)
    assert sweep(whole, tmp_path, damages, IN_PROCESS) == {}


UNLOCK = ("secrets.unlock", {"passphrase": PASSPHRASE})


@pytest.mark.parametrize(
    ("damage", "calls"),
    [
        # It was copied into a column that needs a value.
        (
            Damage("secrets", "created_at", "null", "NULL"),
            [UNLOCK, ("secrets.reset", {"losing": 1})],
        ),
        # Nothing plus one is nothing, so that the audit log was said to be unavailable.
        (
            Damage("data_keys", "seal_count", "null", "NULL"),
            [UNLOCK, ("secrets.set", {"provider": "other", "value": VALUE})],
        ),
    ],
    ids=["reset", "set"],
)
def test_a_damaged_cell_of_the_vault_does_not_prevent_a_call_that_writes_it(
    whole: Path, tmp_path: Path, damage: Damage, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    with serving(whole, tmp_path, damage) as served:
        told = [answers(served.send(call(1, method, **params))) for method, params in calls]

        assert ["result" in answer for (answer,) in told] == [True, True], told


def test_a_wrong_passphrase_is_counted_although_the_count_is_damaged(
    whole: Path, tmp_path: Path
) -> None:
    damage = Damage("vault_state", "failures", "null", "NULL")
    with serving(whole, tmp_path, damage) as served:
        (answer,) = answers(served.send(call(1, "secrets.unlock", passphrase="a wrong one")))

        assert answer["error"]["data"]["slug"] == "wrong_passphrase"
        assert served.store.db.execute("SELECT failures FROM vault_state").get == 1


def test_a_recovery_code_unlocks_beside_a_slot_that_is_no_bytes(
    whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "with_recovery.db"
    shutil.copy(whole, path)
    served = Served(open_store(path, RandomClock()).store, RandomClock())
    served.send(call(1, "secrets.unlock", passphrase=PASSPHRASE))
    (added,) = answers(served.send(call(1, "secrets.add_recovery")))
    close_store(served.store)
    served.close()

    with serving(path, tmp_path, Damage("key_slots", "blob", "number", "17")) as served:
        told = [
            answers(
                served.send(
                    call(1, "secrets.unlock", recovery_code=added["result"]["recovery_code"])
                )
            ),
            answers(served.send(call(1, "audit.verify"))),
        ]

        assert ["result" in answer for (answer,) in told] == [True, True], told


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("cheap_keys")
def test_every_damage_of_every_column_causes_no_unknown_error_in_a_real_process(
    whole: Path, tmp_path: Path
) -> None:
    """It takes a second of processor time for each of nearly 700 damages."""
    assert sweep(whole, tmp_path, every_damage(whole), IN_CHILD, workers=2) == {}
