"""A migration that renames a setting of ours loses no setting of an app that has the new name."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from tests.harness import open_bench
from tests.store import samples

OWN = "archive_keep_days"


@pytest.mark.parametrize(
    ("taken", "moved"),
    [
        ([OWN], "app.archive_keep_days"),
        ([OWN, "app.archive_keep_days"], "app.archive_keep_days_2"),
        ([], None),
    ],
)
def test_a_setting_of_an_app_with_the_new_name_of_ours_survives_and_is_told(
    tmp_path: Path, taken: list[str], moved: str | None
) -> None:
    samples.unpack("v1", tmp_path / "test.db")
    with closing(sqlite3.connect(tmp_path / "test.db")) as db, db:
        db.execute("UPDATE settings SET value = '7' WHERE key = 'trash_keep_days'")
        db.executemany(
            "INSERT INTO settings (key, value, value_type, updated_at) VALUES (?, ?, 'string', 1)",
            [(key, f'"of the app: {key}"') for key in taken],
        )

    with open_bench(tmp_path) as bench:
        found = {each["key"]: each["value"] for each in bench.call("settings.list")["items"]}
        entry = bench.call("audit.list", action="migrate")["items"][0]

    assert found[OWN] == 7
    assert "trash_keep_days" not in found
    assert moved is None or found[moved] == f"of the app: {OWN}"
    assert all(f"of the app: {key}" in found.values() for key in taken)
    assert entry["details"].get("settings_renamed") == (None if moved is None else [moved])
