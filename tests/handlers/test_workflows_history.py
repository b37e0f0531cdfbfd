"""`workflows.history`, `get` of earlier revisions, `revert` and `diff`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.catalog import CHORES
from sidecar.context import LongContext
from sidecar.errors import Archived, Conflict, InvalidParams, NotFound, TooLarge
from tests.harness import Bench, ManualClock, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path, ManualClock(now_ms=1000, step_ms=0)) as opened:
        yield opened


def save(bench: Bench, data: Any, at_ms: int = 1000, **more: Any) -> dict[str, Any]:
    assert isinstance(bench.clock, ManualClock)
    bench.clock.at_ms = at_ms
    return bench.call("workflows.save", workflow={"id": "w", "name": "n", "data": data, **more})


def run_chore(bench: Bench, name: str) -> None:
    context = LongContext(bench.services, None, bench.tell)
    CHORES[name].function(context)


def test_history_lists_the_current_revision_first_then_what_it_replaced(bench: Bench) -> None:
    save(bench, {"v": 1}, 1000)
    save(bench, {"v": 2}, 2000, name="renamed")
    bench.call("runs.start", workflow_id="w", id="r")
    saved = save(bench, {"v": 22}, 3000)

    found = bench.call("workflows.history", id="w")

    assert found["next_cursor"] is None
    assert [(item["revision"], item["name"], item["created_at"]) for item in found["items"]] == [
        (3, "n", 3000),
        (2, "renamed", 2000),
        (1, "n", 1000),
    ]
    assert [item["pinned_by_runs"] for item in found["items"]] == [False, True, False]
    assert [item["size_bytes"] for item in found["items"]] == [9, 8, 8]
    assert found["items"][0]["stored_bytes"] == saved["stored_bytes"]


def test_history_continues_after_its_cursor(bench: Bench) -> None:
    for number in range(7):
        save(bench, [number])

    pages, cursor = [], None
    while True:
        found = bench.call("workflows.history", id="w", limit=3, cursor=cursor)
        pages.append([item["revision"] for item in found["items"]])
        cursor = found["next_cursor"]
        if cursor is None:
            break

    assert pages == [[7, 6, 5], [4, 3, 2], [1]]


def test_a_cursor_of_another_workflows_history_is_refused(bench: Bench) -> None:
    for number in range(3):
        save(bench, [number])
        save(bench, [number], id="other")
    cursor = bench.call("workflows.history", id="w", limit=1)["next_cursor"]

    with pytest.raises(InvalidParams) as caught:
        bench.call("workflows.history", id="other", limit=1, cursor=cursor)

    assert caught.value.data["path"] == "$.params.cursor"


@pytest.mark.parametrize("packed", [False, True])
def test_an_earlier_revision_is_what_was_saved_byte_for_byte(bench: Bench, packed: bool) -> None:  # noqa: FBT001
    bodies = ['{"n": 1.10}', ' {"a" : "\u00e9\\u00e9"} ', "[1,2]"]
    for number, body in enumerate(bodies):
        params = (
            f'{{"workflow":{{"id":"w","name":"n{number}","tags":["t{number}"],"data":{body}}}}}'
        )
        bench.call_json("workflows.save", params.encode())
    if packed:
        run_chore(bench, "revisions")

    for number, body in enumerate(bodies):
        raw = bench.call_raw(
            "workflows.get", json.dumps({"id": "w", "revision": number + 1}).encode()
        )
        assert body.strip().encode() in raw
        workflow = json.loads(raw)["workflow"]
        assert (workflow["name"], workflow["tags"]) == (f"n{number}", [f"t{number}"])
        assert workflow["revision"] == number + 1


@pytest.mark.parametrize("method", ["workflows.get", "workflows.revert"])
def test_a_revision_that_was_never_made_is_not_found(bench: Bench, method: str) -> None:
    save(bench, [1])

    with pytest.raises(NotFound) as caught:
        bench.call(method, id="w", revision=5)

    assert caught.value.data["path"] == "$.params.revision"
    assert caught.value.data["revision"] == 1


def test_a_revert_is_a_new_revision_with_all_of_the_old_content(bench: Bench) -> None:
    save(bench, {"v": 1}, tags=["old"], description="first", category="x")
    save(bench, {"v": 2})
    bench.told.clear()

    saved = bench.call("workflows.revert", id="w", revision=1, expected_revision=2)

    assert (saved["revision"], saved["changed"]) == (3, True)
    workflow = bench.call("workflows.get", id="w")["workflow"]
    assert workflow["data"] == {"v": 1}
    assert (workflow["tags"], workflow["description"], workflow["category"]) == (
        ["old"],
        "first",
        "x",
    )
    assert bench.audited() == [
        ("workflow_save", "w", {"revision": 3, "created": False, "reverted_to": 1})
    ]
    assert bench.call("workflows.get", id="w", revision=2)["workflow"]["data"] == {"v": 2}


def test_a_revert_to_the_current_content_changes_nothing(bench: Bench) -> None:
    save(bench, [1])
    save(bench, [2])
    save(bench, [1])

    assert bench.call("workflows.revert", id="w", revision=3)["changed"] is False
    assert bench.call("workflows.revert", id="w", revision=1)["changed"] is False


def test_a_revert_keeps_the_rules_of_a_save(bench: Bench) -> None:
    save(bench, [1])
    save(bench, [2])
    with pytest.raises(Conflict):
        bench.call("workflows.revert", id="w", revision=1, expected_revision=1)
    bench.call("workflows.archive", id="w")
    with pytest.raises(Archived):
        bench.call("workflows.revert", id="w", revision=1)


def test_deleting_a_workflow_returns_the_number_of_its_revisions(bench: Bench) -> None:
    for number in range(4):
        save(bench, [number])

    assert bench.call("workflows.delete", id="w")["revisions_deleted"] == 3
    assert bench.rows("SELECT count(*) FROM workflow_revisions") == [(0,)]


def test_revisions_beyond_the_setting_are_pruned_and_logged(bench: Bench) -> None:
    bench.call("settings.set", key="revision_keep_count", value=5)
    for number in range(32):
        save(bench, [number])
    bench.told.clear()

    run_chore(bench, "revisions")

    kept = [item["revision"] for item in bench.call("workflows.history", id="w")["items"]]
    assert kept == [32, *range(31, 19, -1)]
    assert bench.audited() == [("revision_prune", "w", {"revisions": 19, "by": "timer"})]


def test_diff_names_nodes_and_their_settings(bench: Bench) -> None:
    before = {
        "name": "flow",
        "nodes": [
            {"id": "1", "name": "Start", "type": "trigger", "position": [0, 0], "parameters": {}},
            {"id": "2", "name": "Ask", "type": "llm", "parameters": {"prompt": "a", "model": "m"}},
            {"id": "3", "name": "Old", "type": "y", "parameters": {}},
        ],
        "connections": {"Start": {"main": [[{"node": "Ask"}]]}},
    }
    after = {
        "name": "flow",
        "nodes": [
            {"id": "1", "name": "Start", "type": "trigger", "position": [9, 9], "parameters": {}},
            {"id": "2", "name": "Ask", "type": "llm", "parameters": {"prompt": "b", "model": "m"}},
            {"id": "4", "name": "New", "type": "x", "parameters": {}},
        ],
        "connections": {"Start": {"main": [[{"node": "Ask"}, {"node": "New"}]]}},
    }
    save(bench, before)
    save(bench, after, name="renamed", tags=["t"])

    assert bench.call("workflows.diff", id="w", from_revision=1, to_revision=2) == {
        "tool": "n8n",
        "layout_only": False,
        "added": [{"id": "4", "name": "New", "kind": "x"}],
        "removed": [{"id": "3", "name": "Old", "kind": "y"}],
        "renamed": [],
        "moved": [{"id": "1", "name": "Start", "kind": "trigger"}],
        "changed": [
            {
                "id": "2",
                "name": "Ask",
                "fields": [{"name": "prompt", "before": '"a"', "after": '"b"'}],
            }
        ],
        "links_added": [{"source": "1", "target": "4", "port": "main 0"}],
        "links_removed": [],
        "metadata": [
            {"name": "name", "before": '"n"', "after": '"renamed"'},
            {"name": "tags", "before": "[]", "after": '["t"]'},
        ],
    }


def test_a_diff_of_places_alone_is_layout_only(bench: Bench) -> None:
    save(bench, {"nodes": [{"id": "a", "name": "A", "x": 1}]})
    save(bench, {"nodes": [{"id": "a", "name": "A", "x": 2}]})
    save(bench, {"nodes": [{"id": "a", "name": "A", "x": 2}]}, name="other")

    moved = bench.call("workflows.diff", id="w", from_revision=1, to_revision=2)
    both = bench.call("workflows.diff", id="w", from_revision=1, to_revision=3)

    assert (moved["layout_only"], both["layout_only"]) == (True, False)
    assert moved["moved"] == both["moved"] == [{"id": "a", "name": "A", "kind": ""}]


def test_a_revision_does_not_differ_from_itself(bench: Bench) -> None:
    save(bench, {"nodes": [{"id": "a"}]})

    assert bench.call("workflows.diff", id="w", from_revision=1, to_revision=1) == {
        "tool": "unknown",
        "layout_only": False,
        "added": [],
        "removed": [],
        "renamed": [],
        "moved": [],
        "changed": [],
        "links_added": [],
        "links_removed": [],
        "metadata": [],
    }


def test_a_diff_of_bodies_too_large_to_compare_is_refused(bench: Bench) -> None:
    save(bench, "x" * limits.BODY_INDEXED_MAX_BYTES)
    save(bench, "y")

    with pytest.raises(TooLarge):
        bench.call("workflows.diff", id="w", from_revision=1, to_revision=2)
