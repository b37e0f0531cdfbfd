"""Every method of settings: whole answers, refusals by code, events, limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import InvalidParams, NotFound, TooLarge
from sidecar.notifications import SettingsChanged
from sidecar.store import settings
from tests.harness import Bench, ManualClock, open_bench

NOW = 1_700_000_000_000
SEVEN = [
    "app_version", "auto_save_interval", "canvas_grid_size", "default_ai_provider",
    "enable_telemetry", "execution_timeout", "theme",
]  # fmt: skip
OURS = [
    "archive_keep_days", "backup_directory", "backup_interval_hours", "backup_keep_bytes",
    "revision_keep_count", "run_keep_bytes", "run_keep_count", "run_keep_days",
    "secrets_absolute_lock_ms", "secrets_idle_lock_ms",
    "remote_audit", "remote_keep_bytes", "remote_push",
]  # fmt: skip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW, step_ms=0)


@pytest.fixture
def bench(tmp_path: Path, clock: ManualClock) -> Iterator[Bench]:
    with open_bench(tmp_path, clock) as opened:
        clock.at_ms += 1000
        yield opened


def view(key: str, value: Any, value_type: str, **more: Any) -> dict[str, Any]:
    """Return a setting as it is when set just now without a description."""
    shown = {"key": key, "value": value, "value_type": value_type, "description": None}
    return {**shown, "updated_at": NOW + 1000, **more}


def changed(bench: Bench) -> list[dict[str, Any]]:
    """Return the settings.changed events since the last call, as values by key."""
    found = [
        {
            change.key: json.loads(bytes(change.value)) if change.value else None
            for change in event.items
        }
        for event in bench.told
        if isinstance(event, SettingsChanged)
    ]
    bench.told = [event for event in bench.told if not isinstance(event, SettingsChanged)]
    return found


def test_a_deletion_is_told_apart_from_null(bench: Bench) -> None:
    bench.call("settings.set", key="a", value=None)
    bench.call("settings.delete", key="a")

    told = [event for event in bench.told if isinstance(event, SettingsChanged)]
    assert [each.items[0].deleted for each in told] == [False, True]
    assert [each.seq for each in told] == [1, 2]


def values(bench: Bench) -> dict[str, Any]:
    """Return the value of every setting by key."""
    return {item["key"]: item["value"] for item in bench.call("settings.list")["items"]}


def test_a_new_database_has_every_default_and_its_version(bench: Bench) -> None:
    result = bench.call("settings.list")["items"]

    assert [item["key"] for item in result] == sorted([*SEVEN, *OURS, "schema_version"])
    assert result[0] == {
        "key": "app_version",
        "value": "1.0.0",
        "value_type": "string",
        "description": "Application version",
        "updated_at": NOW,
    }
    assert result == [bench.call("settings.get", key=item["key"])["setting"] for item in result]


def test_the_version_is_that_of_the_tables(bench: Bench) -> None:
    assert bench.call("settings.get", key="schema_version")["setting"] == view(
        "schema_version",
        bench.store.schema_version(),
        "number",
        description="Version of the database's tables",
        updated_at=0,
    )


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("run_", ["run_keep_bytes", "run_keep_count", "run_keep_days"]),
        ("z", []),
    ],
)
def test_a_list_has_only_keys_with_its_prefix(bench: Bench, prefix: str, found: list[str]) -> None:
    result = bench.call("settings.list", prefix=prefix)["items"]

    assert [item["key"] for item in result] == found


def test_a_key_of_a_legacy_file_is_listed_whatever_its_characters(bench: Bench) -> None:
    with bench.store.writing() as db:
        settings.put(db, settings.Setting("größe.Ω🎈", "1", "number", None, NOW))
        settings.put(db, settings.Setting("Über", "2", "number", None, NOW))

    assert {"größe.Ω🎈": 1, "Über": 2}.items() <= values(bench).items()


def test_an_unknown_key_is_refused(bench: Bench) -> None:
    assert bench.refused(NotFound, "settings.get", key="nothing") == {
        "path": "$.params.key",
        "did_you_mean": None,
    }


@pytest.mark.parametrize("key", ["", "A", "a b", "a\n", "ä", "x" * 65])
def test_a_key_has_only_allowed_characters(bench: Bench, key: str) -> None:
    for name, params in (
        ("settings.get", {"key": key}),
        ("settings.set", {"key": key, "value": 1}),
        ("settings.delete", {"key": key}),
    ):
        assert bench.refused(InvalidParams, name, **params) == {"path": "$.params.key"}
    if key:
        prefix = {"path": "$.params.prefix"}
        assert bench.refused(InvalidParams, "settings.list", prefix=key) == prefix


# --- settings.set -----------------------------------------------------------------------------

LOOKS: list[tuple[Any, str]] = [
    ("", "string"),
    ("grün 🎈", "string"),
    (0, "number"),
    (-1.5, "number"),
    (True, "boolean"),
    (False, "boolean"),
    (None, "json"),
    ([], "json"),
    ({"a": [1]}, "json"),
]


@pytest.mark.parametrize(("value", "value_type"), LOOKS)
def test_a_key_without_a_default_takes_the_type_of_its_value(
    bench: Bench, value: Any, value_type: str
) -> None:
    result = bench.call("settings.set", key="own", value=value)

    assert result == view("own", value, value_type)
    assert bench.call("settings.get", key="own") == {"setting": result}
    assert changed(bench) == [{"own": value}]


@pytest.mark.parametrize(("value", "_looks"), LOOKS)
def test_any_value_can_be_of_type_json(bench: Bench, value: Any, _looks: str) -> None:
    assert bench.call("settings.set", key="own", value=value, value_type="json") == view(
        "own", value, "json"
    )


@pytest.mark.parametrize(
    ("value", "value_type"),
    [("1", "number"), (1, "string"), (1, "boolean"), (None, "string"), ({}, "string")],
)
def test_a_value_of_another_type_than_said_is_refused(
    bench: Bench, value: Any, value_type: str
) -> None:
    assert bench.refused(
        InvalidParams, "settings.set", key="own", value=value, value_type=value_type
    ) == {"path": "$.params.value"}


def test_a_key_with_a_default_keeps_its_type(bench: Bench) -> None:
    for params, path in (
        ({"value": 7}, "$.params.value"),
        ({"value": None}, "$.params.value"),
        ({"value": "dark", "value_type": "json"}, "$.params.value_type"),
    ):
        result = bench.refused(InvalidParams, "settings.set", key="theme", **params)
        assert result == {"path": path}
    assert values(bench)["theme"] == "system"
    assert changed(bench) == []


def test_a_key_without_a_default_may_change_its_type(bench: Bench) -> None:
    bench.call("settings.set", key="own", value=1)

    assert bench.call("settings.set", key="own", value="x") == view("own", "x", "string")


def test_a_description_is_kept_until_another_or_an_empty_one(bench: Bench) -> None:
    described = view("own", 1, "number", description="mine")

    assert bench.call("settings.set", key="own", value=1, description="mine") == described
    assert bench.call("settings.set", key="own", value=2) == {**described, "value": 2}
    kept = bench.call("settings.set", key="own", value=3, description=None)
    assert kept == {**described, "value": 3}
    cleared = bench.call("settings.set", key="own", value=2, description="")
    assert cleared == view("own", 2, "number")


def test_setting_the_same_value_again_writes_and_emits_nothing(
    bench: Bench, clock: ManualClock
) -> None:
    first = bench.call("settings.set", key="own", value=[1], description="d")
    bench.told.clear()
    clock.at_ms += 5

    assert bench.call("settings.set", key="own", value=[1]) == first
    assert bench.told == []


def test_a_value_stays_as_it_was_sent(bench: Bench) -> None:
    result = bench.call_raw("settings.set", b'{"key":"own","value":{"n" : 1.50,"big":1e400}}')

    assert b'"value":{"n" : 1.50,"big":1e400},' in result
    assert b'"value":{"n" : 1.50,"big":1e400},' in bench.call_raw("settings.get", b'{"key":"own"}')


def test_a_value_has_a_greatest_size(bench: Bench) -> None:
    most = "x" * (limits.SETTING_VALUE_MAX_BYTES - 2)

    assert bench.call("settings.set", key="own", value=most)["value"] == most
    assert bench.refused(TooLarge, "settings.set", key="own", value=most + "x") == {
        "path": "$.params.value",
        "limit": limits.SETTING_VALUE_MAX_BYTES,
    }
    assert bench.refused(TooLarge, "settings.set", key="own", value="é" * (len(most) // 2 + 1)) == {
        "path": "$.params.value",
        "limit": limits.SETTING_VALUE_MAX_BYTES,
    }


def test_the_version_cannot_be_set(bench: Bench) -> None:
    assert bench.refused(InvalidParams, "settings.set", key="schema_version", value=2) == {
        "path": "$.params.key"
    }


# --- settings.set_many ------------------------------------------------------------------------


def test_several_settings_are_set_in_order_and_emitted_as_one_event(bench: Bench) -> None:
    result = bench.call(
        "settings.set_many",
        items=[
            {"key": "b", "value": 1},
            {"key": "a", "value": [2], "description": "two"},
            {"key": "b", "value": "last"},
        ],
    )

    assert result == {
        "items": [
            view("b", 1, "number"),
            view("a", [2], "json", description="two"),
            view("b", "last", "string"),
        ]
    }
    assert changed(bench) == [{"b": "last", "a": [2]}]
    assert bench.audited() == [("settings_update", "*", {"keys": ["b", "a"]})]


def test_one_invalid_setting_prevents_all_from_being_set(bench: Bench) -> None:
    before = values(bench)
    good = {"key": "own", "value": 1}

    for bad, error, path in (
        ({"key": "theme", "value": 1}, InvalidParams, "$.params.items[1].value"),
        ({"key": "schema_version", "value": 1}, InvalidParams, "$.params.items[1].key"),
        ({"key": "own", "value": "x" * 70_000}, TooLarge, "$.params.items[1].value"),
    ):
        result = bench.refused(error, "settings.set_many", items=[good, bad])
        assert result["path"] == path
    assert values(bench) == before
    assert bench.told == []


@pytest.mark.parametrize("count", [0, limits.MANY_MAX_ITEMS + 1])
def test_set_many_takes_at_least_one_item_and_has_a_greatest_number(
    bench: Bench, count: int
) -> None:
    items = [{"key": f"k{each}", "value": each} for each in range(count)]

    result = bench.refused(InvalidParams, "settings.set_many", items=items)

    assert result == {"path": "$.params.items"}


def test_set_many_emits_only_the_settings_that_changed(bench: Bench) -> None:
    bench.call("settings.set", key="a", value=1)
    bench.told.clear()

    bench.call("settings.set_many", items=[{"key": "a", "value": 1}, {"key": "b", "value": 2}])

    assert changed(bench) == [{"b": 2}]
    assert bench.audited() == [("settings_update", "b", {"keys": ["b"]})]


# --- settings.delete --------------------------------------------------------------------------


def test_a_deleted_setting_is_emitted_as_null(bench: Bench) -> None:
    bench.call("settings.set", key="own", value=1)
    bench.told.clear()

    assert bench.call("settings.delete", key="own") == {"key": "own"}

    assert changed(bench) == [{"own": None}]
    assert bench.audited() == [("settings_delete", "own", {})]
    for name in ("settings.get", "settings.delete"):
        assert bench.refused(NotFound, name, key="own") == {
            "path": "$.params.key",
            "did_you_mean": None,
        }


@pytest.mark.parametrize("key", ["theme", "run_keep_days", "schema_version"])
def test_a_key_with_a_default_cannot_be_deleted(bench: Bench, key: str) -> None:
    assert bench.refused(InvalidParams, "settings.delete", key=key) == {"path": "$.params.key"}


# --- settings.reset ---------------------------------------------------------------------------


def test_a_reset_of_some_gives_their_defaults_with_their_descriptions(bench: Bench) -> None:
    bench.call("settings.set", key="theme", value="dark", description=None)
    bench.told.clear()

    result = bench.call("settings.reset", keys=["theme", "run_keep_days", "theme"])

    theme = view("theme", "system", "string", description="UI theme preference")
    text = "Days that ended runs are kept; 0 = for ever"
    assert result["items"] == [
        theme,
        view("run_keep_days", 0, "number", description=text, updated_at=NOW),
        theme,
    ]
    assert changed(bench) == [{"theme": "system"}]
    assert bench.audited() == [("settings_update", "theme", {"keys": ["theme"]})]


@pytest.mark.parametrize("given", [{}, {"keys": None}])
def test_a_reset_of_all_leaves_keys_without_a_default(bench: Bench, given: dict[str, Any]) -> None:
    before = values(bench)
    bench.call("settings.set", key="theme", value="dark")
    bench.call("settings.set", key="run_keep_days", value=3)
    bench.call("settings.set", key="own", value=1)
    bench.told.clear()

    result = bench.call("settings.reset", **given)

    assert sorted(item["key"] for item in result["items"]) == sorted([*SEVEN, *OURS])
    assert values(bench) == {**before, "own": 1}
    assert changed(bench) == [{"theme": "system", "run_keep_days": 0}]


def test_a_reset_of_nothing_does_nothing(bench: Bench) -> None:
    assert bench.call("settings.reset", keys=[]) == {"items": []}
    assert bench.told == []


def test_a_reset_of_a_key_without_a_default_resets_nothing_and_names_its_path(bench: Bench) -> None:
    bench.call("settings.set", key="theme", value="dark")

    result = bench.refused(NotFound, "settings.reset", keys=["theme", "theme", "own"])

    assert result == {"path": "$.params.keys[2]", "did_you_mean": None}
    assert values(bench)["theme"] == "dark"
    assert bench.refused(NotFound, "settings.reset", keys=["schema_version"]) == {
        "path": "$.params.keys[0]",
        "did_you_mean": "app_version",
    }


def test_an_unknown_setting_is_answered_with_the_most_similar_one(bench: Bench) -> None:
    bench.call("settings.set", key="my.colour", value=1)

    for method, key, meant in (
        ("settings.get", "my.color", "my.colour"),
        ("settings.get", "run_keep_day", "run_keep_days"),
        ("settings.get", "zzz", None),
        ("settings.delete", "my.color", "my.colour"),
    ):
        refusal = bench.refused(NotFound, method, key=key)
        assert refusal == {"path": "$.params.key", "did_you_mean": meant}
    refusal = bench.refused(NotFound, "settings.reset", keys=["run_keep_count", "thema"])
    assert refusal == {"path": "$.params.keys[1]", "did_you_mean": "theme"}
