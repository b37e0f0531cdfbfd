import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.errors import (
    Cancelled,
    Conflict,
    InvalidParams,
    SidecarError,
)
from sidecar.handlers.workflows import tags_categories
from tests.harness import Bench, open_bench
from tests.made_workflows import add_runs, get, save


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def test_an_update_keeps_what_it_does_not_name(bench: Bench) -> None:
    save(bench, description="d", tags=["t"], category="c", data={"x": 1})
    result = bench.call("workflows.update", id="w", name="m")
    assert (result["revision"], result["created"], result["changed"]) == (2, False, True)
    workflow = get(bench)
    assert (workflow["name"], workflow["description"], workflow["tags"]) == ("m", "d", ["t"])
    assert (workflow["category"], workflow["data"]) == ("c", {"x": 1})


def test_null_clears_in_an_update_but_a_name_stays(bench: Bench) -> None:
    save(bench, description="d", tags=["t"], category="c")

    bench.call("workflows.update", id="w", name=None, description=None, tags=None, category=None)

    workflow = get(bench)
    assert (workflow["name"], workflow["description"]) == ("n", None)
    assert (workflow["tags"], workflow["category"]) == ([], "general")


def test_an_update_to_the_same_writes_nothing(bench: Bench) -> None:
    saved = save(bench, tags=["a", "b"])
    bench.told.clear()
    for params in ({}, {"name": "n"}, {"tags": ["a", "b", "a"]}, {"description": None}):
        assert bench.call("workflows.update", id="w", **params) == {
            **saved,
            "created": False,
            "changed": False,
        }
    assert bench.told == []


def test_an_update_compares_the_expected_revision(bench: Bench) -> None:
    save(bench)
    with pytest.raises(Conflict) as caught:
        bench.call("workflows.update", id="w", name="m", expected_revision=2)
    assert caught.value.data["revision"] == 1
    assert bench.call("workflows.update", id="w", name="m", expected_revision=1)["revision"] == 2
    with pytest.raises(InvalidParams):
        bench.call("workflows.update", id="w", name="a\0")


def test_update_many_changes_each_workflow_and_reports_each_id(bench: Bench) -> None:
    for key, tags in (("a", ["x"]), ("b", ["y", "z"]), ("old", [])):
        save(bench, key, tags=tags)
    bench.call("workflows.archive", id="old")
    bench.told.clear()

    items = bench.call(
        "workflows.update_many",
        ids=["b", "nobody", "old", "a"],
        category="sales",
        add_tags=["new", "y"],
        remove_tags=["x", "z"],
    )["items"]

    at = {key: get(bench, key)["updated_at"] for key in "ab"}
    done = {"revision": 2, "changed": True, "archived_at": None}
    assert items == [
        {"id": "b", "updated": {**done, "updated_at": at["b"]}, "error": None},
        refused("nobody", 1, -32050, "not_found", "No workflow has that id."),
        refused("old", 2, -32053, "archived", "The workflow is archived; unarchive it first."),
        {"id": "a", "updated": {**done, "updated_at": at["a"]}, "error": None},
    ]
    assert [(get(bench, key)["tags"], get(bench, key)["category"]) for key in "ab"] == [
        (["new", "y"], "sales"),
        (["y", "new"], "sales"),
    ]
    assert bench.changes() == [("b", 2, "saved"), ("a", 2, "saved")]
    assert [(action, key) for action, key, _ in bench.audited()] == [
        ("workflow_save", "b"),
        ("workflow_save", "a"),
    ]


def refused(key: str, index: int, code: int, slug: str, message: str) -> dict[str, object]:
    """Return the result of an id that could not be changed."""
    path = f"$.params.ids[{index}]"
    error = {"code": code, "slug": slug, "message": message, "path": path}
    return {"id": key, "updated": None, "error": error}


def test_update_many_unarchives_before_and_archives_after_the_other_changes(bench: Bench) -> None:
    save(bench, "a")
    bench.told.clear()

    for archived in (True, False):
        (item,) = bench.call(
            "workflows.update_many", ids=["a"], archived=archived, add_tags=[f"{archived}"]
        )["items"]
        assert item["error"] is None
        assert (item["updated"]["archived_at"] is not None) is archived

    assert get(bench, "a")["tags"] == ["True", "False"]
    assert bench.changes() == [
        ("a", 2, "saved"), ("a", 2, "archived"), ("a", 2, "unarchived"), ("a", 3, "saved"),
    ]  # fmt: skip


def test_update_many_to_the_same_writes_nothing(bench: Bench) -> None:
    save(bench, "a", tags=["x"])
    save(bench, "old")
    bench.call("workflows.archive", id="old")
    bench.told.clear()

    for ids, params in (
        (["a", "a"], {"archived": False, "category": "general", "add_tags": ["x"]}),
        (["a"], {"archived": None, "category": None, "add_tags": None, "remove_tags": None}),
        (["a", "old"], {}),
        (["old"], {"archived": True}),
        ([], {"category": "c"}),
    ):
        items = bench.call("workflows.update_many", ids=ids, **params)["items"]
        assert [item["updated"]["changed"] for item in items] == [False] * len(ids)
    assert bench.told == []


def test_update_many_leaves_a_workflow_alone_that_would_have_too_many_tags(bench: Bench) -> None:
    save(bench, "full", tags=[f"t{index}" for index in range(limits.TAGS_MAX)])
    save(bench, "b")
    bench.call("workflows.archive", id="full")
    before = get(bench, "full")
    bench.told.clear()

    full, other = bench.call(
        "workflows.update_many", ids=["full", "b"], archived=False, add_tags=["more"]
    )["items"]

    assert (full["error"]["slug"], full["error"]["path"]) == ("invalid_params", "$.params.add_tags")
    assert get(bench, "full") == before
    assert other["error"] is None
    assert bench.changes() == [("b", 2, "saved")]


def test_update_many_mends_a_damaged_workflow_as_an_update_does(bench: Bench) -> None:
    save(bench, "a")
    bench.store.db.execute("UPDATE workflows SET tags = '[1'")

    (item,) = bench.call("workflows.update_many", ids=["a"], add_tags=["x"])["items"]

    assert item["error"] is None
    assert get(bench, "a")["tags"] == ["x"]


def test_a_copy_is_new_and_live(bench: Bench) -> None:
    save(bench, name="n" * 512, description="d", tags=["t"], category="c", data={"x": [1]})
    add_runs(bench, "w", 2)
    bench.call("workflows.archive", id="w")
    bench.told.clear()
    result = bench.call("workflows.duplicate", id="w")
    assert (result["id"], result["revision"], result["created"]) == ("made-1", 1, True)
    copy = get(bench, "made-1")
    assert copy["name"] == "n" * 505 + " (copy)"
    assert (copy["data"], copy["tags"], copy["run_count"]) == ({"x": [1]}, ["t"], 0)
    assert copy["archived_at"] is None
    assert bench.changes() == [("made-1", 1, "created")]
    named = bench.call("workflows.duplicate", id="w", new_id="mine", name="called")
    assert named["id"] == "mine"
    assert get(bench, "mine")["name"] == "called"
    with pytest.raises(Conflict) as caught:
        bench.call("workflows.duplicate", id="w", new_id="mine")
    assert caught.value.data["path"] == "$.params.new_id"


def test_archiving_again_changes_nothing(bench: Bench) -> None:
    save(bench)
    bench.told.clear()
    at = bench.call("workflows.archive", id="w")["archived_at"]
    assert bench.call("workflows.archive", id="w") == {"id": "w", "archived_at": at}
    assert bench.changes() == [("w", 1, "archived")]
    assert bench.audited() == [("workflow_archive", "w", {})]
    assert bench.call("workflows.list")["items"] == []
    assert bench.call("workflows.list", archived=True)["items"][0]["archived_at"] == at
    for _ in range(2):
        assert bench.call("workflows.unarchive", id="w") == {"id": "w", "archived_at": None}
    assert bench.changes() == [("w", 1, "unarchived")]
    assert bench.audited() == [("workflow_unarchive", "w", {})]


def test_a_delete_deletes_the_runs_and_returns_their_number(bench: Bench) -> None:
    save(bench)
    add_runs(bench, "w", 7)
    bench.told.clear()
    assert bench.call("workflows.delete", id="w") == {
        "id": "w",
        "runs_deleted": 7,
        "revisions_deleted": 0,
    }
    assert bench.changes() == [("w", None, "deleted")]
    assert bench.audited() == [("workflow_delete", "w", {"revisions": 0, "runs": 7})]
    assert bench.rows("SELECT count(*) FROM runs") == [(0,)]
    assert bench.rows("SELECT value FROM meta WHERE key = 'purge_pending'") == [(1,)]


def test_many_runs_are_deleted_in_steps_first(bench: Bench) -> None:
    save(bench)
    add_runs(bench, "w", limits.RUNS_DELETE_INLINE_MAX + 700)
    bench.told.clear()
    result = bench.call("workflows.delete", id="w")
    assert result["runs_deleted"] == limits.RUNS_DELETE_INLINE_MAX + 700
    actions = [action for action, _, _ in bench.audited()]
    assert actions == ["run_delete", "run_delete", "workflow_delete"]


def test_large_runs_and_revisions_are_deleted_in_steps_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DELETE_STEP_BYTES", 12_000)
    noise = random.Random(3)
    for number in range(15):
        save(bench, data=noise.randbytes(1000).hex(), name=f"{number}")
    for run in ("r1", "r2", "r3"):
        bench.call("runs.start", workflow_id="w", id=run)
        summary = noise.randbytes(5000).hex()
        bench.call("runs.finish", id=run, status="success", summary=summary)
    bench.told.clear()

    result = bench.call("workflows.delete", id="w")

    assert result == {"id": "w", "runs_deleted": 3, "revisions_deleted": 14}
    assert [(action, details) for action, _id, details in bench.audited()] == [
        ("run_delete", {"runs": 2}),
        ("run_delete", {"runs": 1}),
        ("revision_prune", {"revisions": 9}),
        ("workflow_delete", {"runs": 3, "revisions": 14}),
    ]


def test_a_cancelled_delete_leaves_the_workflow_with_its_newer_runs(bench: Bench) -> None:
    save(bench)
    add_runs(bench, "w", 3000)
    bench.cancel_after_steps = 1
    with pytest.raises(Cancelled):
        bench.call("workflows.delete", id="w")
    workflow = get(bench)
    (left,) = bench.rows("SELECT count(*), min(started_at) FROM runs")[0:1]
    assert left == (workflow["run_count"], limits.RUNS_DELETE_BATCH + 1)
    assert bench.store.lock.acquire(blocking=False)
    bench.store.lock.release()


def test_delete_many_reports_each_id(bench: Bench) -> None:
    for key in "abc":
        save(bench, key)
    result = bench.call("workflows.delete_many", ids=["a", "unknown", "c", "a"])["items"]
    assert [item["id"] for item in result] == ["a", "unknown", "c", "a"]
    assert [item["deleted"] is not None for item in result] == [True, False, True, False]
    assert result[1]["error"]["slug"] == "not_found"
    assert [item["id"] for item in bench.call("workflows.list")["items"]] == ["b"]
    assert bench.call("workflows.delete_many", ids=[]) == {"items": []}


def test_tags_and_categories_are_counted(bench: Bench) -> None:
    save(bench, "1", tags=["b", "a"], category="x")
    save(bench, "2", tags=["a"])
    save(bench, "3", tags=["a", "gone"], category="gone")
    bench.call("workflows.archive", id="3")
    assert bench.call("workflows.tags")["items"] == [
        {"tag": "a", "workflows": 2},
        {"tag": "b", "workflows": 1},
    ]
    assert bench.call("workflows.categories")["items"] == [
        {"category": "general", "workflows": 1},
        {"category": "x", "workflows": 1},
    ]


def test_a_tag_is_renamed_in_every_workflow_and_kept_once(bench: Bench) -> None:
    save(bench, "1", tags=["x", "old", "new"])
    save(bench, "2", tags=["old"])
    save(bench, "3", tags=["other"])
    save(bench, "4", tags=["old"])
    bench.call("workflows.archive", id="4")
    bench.told.clear()
    result = bench.call("workflows.rename_tag", tag="old", new_tag="new")
    assert result == {"workflows_changed": 3}
    assert [get(bench, key)["tags"] for key in "1234"] == [
        ["x", "new"],
        ["new"],
        ["other"],
        ["new"],
    ]
    assert sorted(bench.changes()) == [("1", 2, "saved"), ("2", 2, "saved"), ("4", 2, "saved")]
    assert bench.audited() == [("tag_rename", "tags", {"workflows": 3})]
    assert len(bench.call("workflows.list", tags=["new"])["items"]) == 2
    for tag, new_tag in (("old", "new"), ("new", "new")):
        result = bench.call("workflows.rename_tag", tag=tag, new_tag=new_tag)
        assert result == {"workflows_changed": 0}


def test_a_rename_in_many_workflows_takes_several_steps(bench: Bench) -> None:
    count = 2 * tags_categories.RENAME_STEP + 5
    for index in range(count):
        save(bench, f"w{index}", tags=["old"])
    bench.told.clear()
    assert bench.call("workflows.rename_tag", tag="old", new_tag="new") == {
        "workflows_changed": count
    }
    assert [details["workflows"] for _, _, details in bench.audited()] == [
        tags_categories.RENAME_STEP,
        tags_categories.RENAME_STEP,
        5,
    ]


def test_no_error_of_ours_repeats_a_value(bench: Bench) -> None:
    secret = "my private title\0"
    with pytest.raises(SidecarError) as caught:
        save(bench, name=secret)
    assert "private" not in json.dumps(caught.value.as_wire())
