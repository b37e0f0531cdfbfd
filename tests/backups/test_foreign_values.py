"""Tests that a sound backup of another origin changes nothing that guards the user.

The backups are written by the second program, the sqlite3 module of Python, into a database that
is then packed as a sound one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from sidecar.store import settings
from tests.backups.test_foreign_objects import run_sql
from tests.backups.test_hostile import packed, rejection_of, sound
from tests.harness import Bench


def set_value(key: str, value: str) -> str:
    """Return the statement that sets a setting."""
    return f"UPDATE settings SET value = '{value}' WHERE key = '{key}'"  # noqa: S608 - a test's own


IMPOSSIBLE = {
    "requests for a purge": "INSERT INTO meta VALUES ('purge_pending', 9223372036854775807)"
    " ON CONFLICT DO UPDATE SET value = excluded.value",
    "requests for a purge that are a text": "UPDATE meta SET value = CAST(x'ff' AS TEXT)"
    " WHERE key = 'purge_pending'",
    "an epoch that cannot rise": "UPDATE meta SET value = 9223372036854775807 WHERE key = 'epoch'",
    "a short number of the store": "UPDATE meta SET value = x'01' WHERE key = 'store_id'",
    "a time of creation before all times": "UPDATE meta SET value = -1 WHERE key = 'created_at'",
    "a number of entries that cannot rise": "UPDATE vault_state SET generation = 1 << 62",
    **{
        f"{key} = {value}": set_value(key, value)
        for key, value in (
            ("backup_directory", "5"),
            ("backup_directory", '"relative"'),
            ("backup_interval_hours", "-1"),
            ("secrets_idle_lock_ms", "1e99"),
            ("run_keep_days", '"x"'),
            ("archive_keep_days", "36501"),
        )
    },
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_a_backup_with_a_value_that_no_method_accepts_is_refused(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    database, manifest = sound(bench, tmp_path / "elsewhere")
    run_sql(database, IMPOSSIBLE[kind])

    assert rejection_of(bench, packed(database, manifest)) == "content"


GUARDS = {
    "backup_directory": '"/nowhere/else"',
    "backup_interval_hours": "0",
    "secrets_idle_lock_ms": "0",
    "secrets_absolute_lock_ms": "0",
    "archive_keep_days": "1",
    "run_keep_count": "1",
}


def test_settings_that_guard_the_user_stay_and_other_changes_are_told_before(
    bench: Bench, tmp_path: Path
) -> None:
    bench.call("settings.set", key="backup_interval_hours", value=5)
    database, manifest = sound(bench, tmp_path / "elsewhere")
    changes = {**GUARDS, "theme": '"evil"'}
    rest = [
        "DELETE FROM settings WHERE key = 'run_keep_bytes'",
        "INSERT INTO settings VALUES ('new', '[1]', 'json', NULL, 1)",
    ]
    run_sql(database, ";".join([*(set_value(*change) for change in changes.items()), *rest]))
    hostile = packed(database, manifest)
    before = {each["key"]: each["value"] for each in bench.call("settings.list")["items"]}

    told = bench.call("backups.restore", path=str(hostile), dry_run=True)["settings_changed"]
    bench.call("backups.restore", path=str(hostile))
    after = {each["key"]: each["value"] for each in bench.call("settings.list")["items"]}

    assert told == [
        {"key": "new", "before": None, "after": "[1]"},
        {"key": "theme", "before": '"system"', "after": '"evil"'},
    ]
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed == {"new", "theme"}
    assert {key: after[key] for key in settings.GUARDING} == {
        key: before[key] for key in settings.GUARDING
    }


SPOILT: dict[str, Callable[[apsw.Connection], Any]] = {
    "a setting": lambda db: db.execute(
        "UPDATE settings SET value = '5' WHERE key = 'backup_directory'"
    ),
    "requests for a purge": lambda db: db.execute(
        "UPDATE meta SET value = 9223372036854775807 WHERE key = 'purge_pending'"
    ),
    "requests for a purge that are a text": lambda db: db.execute(
        "UPDATE meta SET value = CAST(x'ff' AS TEXT) WHERE key = 'purge_pending'"
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_an_impossible_value_of_the_program_itself_is_found_and_stops_no_backup(
    bench: Bench, kind: str
) -> None:
    with bench.store.writing() as db:
        SPOILT[kind](db)

    found = bench.call("system.check")["findings"]
    name = bench.call("backups.create")["name"]
    verified = bench.call("backups.verify", name=name)
    bench.call("backups.restore", name=name)
    bench.call("system.purge")

    assert [each["kind"] for each in found] == ["value"]
    assert verified["ok"]
    assert bench.call("system.check")["ok"]
