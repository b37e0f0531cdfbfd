"""Tests of importing what was imported before: resumed, skipped, replaced, planned."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.errors import Cancelled
from tests.bodies.made_documents import N8N
from tests.harness import Bench, open_bench
from tests.import_files import all_workflows, outcomes, put


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    return made


def test_the_same_call_again_makes_nothing_twice(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", N8N)
    put(folder, "b.json", {**N8N, "id": "own"})
    put(folder, "c.json", [1])
    bench.call("workflows.import", path=str(folder))
    before = all_workflows(bench)

    again = bench.call("workflows.import", path=str(folder))

    assert outcomes(again) == [(f"{each}.json", "skipped", "already_imported") for each in "abc"]
    assert all_workflows(bench) == before


def test_an_edited_workflow_does_not_lose_its_edits_to_the_same_call(
    bench: Bench, folder: Path
) -> None:
    put(folder, "a.json", {**N8N, "id": "own"})
    bench.call("workflows.import", path=str(folder))
    bench.call("workflows.save", workflow={"id": "own", "name": "mine", "data": {"nodes": [1]}})
    before = all_workflows(bench)

    again = bench.call("workflows.import", path=str(folder))

    assert (again["skipped"], all_workflows(bench)) == (1, before)


def test_a_document_whose_id_another_workflow_has_gets_an_id_of_its_own(
    bench: Bench, folder: Path
) -> None:
    bench.call("workflows.save", workflow={"id": "own", "name": "mine", "data": {"nodes": [1]}})
    put(folder, "a.json", {**N8N, "id": "own"})

    result = bench.call("workflows.import", path=str(folder))

    assert (result["created"], result["items"][0]["id"] == "own") == (1, False)
    assert bench.call("workflows.get", id="own")["workflow"]["name"] == "mine"


def test_a_file_that_has_changed_is_another_workflow_by_default(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", {**N8N, "id": "own"})
    bench.call("workflows.import", path=str(folder))
    put(folder, "a.json", {**N8N, "id": "own", "name": "Other"})

    result = bench.call("workflows.import", path=str(folder))

    assert (result["created"], len(all_workflows(bench))) == (1, 2)


def test_skip_leaves_what_is_there(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", {**N8N, "id": "own"})
    put(folder, "b.json", [1])
    bench.call("workflows.import", path=str(folder))
    put(folder, "a.json", {**N8N, "id": "own", "name": "Other"})
    put(folder, "b.json", [2])
    before = all_workflows(bench)

    result = bench.call("workflows.import", path=str(folder), policy="skip")

    assert outcomes(result) == [("a.json", "skipped", "exists"), ("b.json", "skipped", "exists")]
    assert all_workflows(bench) == before


def test_replace_makes_the_next_revision_and_keeps_what_the_document_does_not_say(
    bench: Bench, folder: Path
) -> None:
    put(folder, "a.json", {**N8N, "id": "own"})
    bench.call("workflows.import", path=str(folder))
    bench.call("workflows.update", id="own", category="mail", description="mine", tags=["mine"])
    changed = {**N8N, "id": "own", "name": "Other"}
    put(folder, "a.json", {name: changed[name] for name in changed if name != "tags"})
    bench.changes()
    bench.audited()

    result = bench.call("workflows.import", path=str(folder), policy="replace")

    assert outcomes(result) == [("a.json", "replaced", None)]
    found = bench.call("workflows.get", id="own")["workflow"]
    assert [found[name] for name in ("name", "category", "description", "tags", "revision")] == [
        "Other", "mail", "mine", ["mine"], 3,
    ]  # fmt: skip
    assert bench.audited() == [("workflow_import", "own", {"revision": 3, "created": False})]
    assert bench.changes() == [("own", 3, "saved")]
    again = bench.call("workflows.import", path=str(folder), policy="replace")
    assert outcomes(again) == [("a.json", "skipped", "unchanged")]


def test_replace_refuses_what_would_lose_something(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", {**N8N, "id": "shelved"})
    put(folder, "b.json", {**N8N, "id": "full"})
    bench.call("workflows.import", path=str(folder))
    bench.call("workflows.archive", id="shelved")
    put(folder, "a.json", {**N8N, "id": "shelved", "name": "Other"})
    put(folder, "b.json", {"nodes": [], "connections": {}})

    first = bench.call("workflows.import", path=str(folder / "a.json"), policy="replace")
    put(folder, "list.json", [1])
    bench.call("workflows.import", path=str(folder / "list.json"))
    put(folder, "list.json", [])
    second = bench.call("workflows.import", path=str(folder / "list.json"), policy="replace")

    assert outcomes(first) == [("a.json", "refused", "archived")]
    assert outcomes(second) == [("list.json", "refused", "empty_body")]


def test_an_exported_workflow_replaces_itself_and_no_other_from_the_same_place(
    bench: Bench, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        document = {**N8N, "id": "own", "name": name}
        result = bench.call("workflows.import", items=[{"data": document}])
    second = result["items"][0]["id"]
    path = tmp_path / "e.json"
    bench.call("workflows.export", path=str(path), ids=[second])
    bench.call("workflows.update", id=second, name="three")

    for policy, outcome in (("skip", "skipped"), ("replace", "replaced")):
        again = bench.call("workflows.import", path=str(path), policy=policy)
        assert [(each["id"], each["outcome"]) for each in again["items"]] == [(second, outcome)]
    assert bench.rows("SELECT id, name FROM workflows ORDER BY name") == [
        ("own", "one"), (second, "two"),
    ]  # fmt: skip


def test_two_exported_workflows_from_the_same_place_replace_themselves(
    bench: Bench, tmp_path: Path
) -> None:
    ids = [
        bench.call("workflows.import", items=[{"data": {**N8N, "id": "own", "name": name}}])[
            "items"
        ][0]["id"]
        for name in ("one", "two")
    ]
    path = tmp_path / "e.json"
    bench.call("workflows.export", path=str(path))
    before = all_workflows(bench)
    for each in ids:
        bench.call("workflows.save", workflow={"id": each, "name": "x", "data": [each]})

    (tmp_path / "second").mkdir()
    with open_bench(tmp_path / "second") as second:
        for outcome in ("created", "skipped"):
            result = second.call("workflows.import", path=str(path), policy="replace")
            assert [(each["id"], each["outcome"]) for each in result["items"]] == [
                (each, outcome) for each in ids
            ]
    result = bench.call("workflows.import", path=str(path), policy="replace")
    assert [(each["id"], each["outcome"]) for each in result["items"]] == [
        (each, "replaced") for each in ids
    ]
    assert [row[3] for row in all_workflows(bench)] == [row[3] for row in before]


def test_documents_of_one_import_never_replace_each_other(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", {**N8N, "id": "own", "name": "one"})
    put(folder, "b.json", {**N8N, "id": "own", "name": "two"})

    first = bench.call("workflows.import", path=str(folder), policy="replace")
    before = all_workflows(bench)
    again = bench.call("workflows.import", path=str(folder), policy="replace")

    assert (first["created"], again["skipped"], all_workflows(bench)) == (2, 2, before)


def test_a_cancelled_import_is_finished_by_the_same_call(tmp_path: Path, folder: Path) -> None:
    for number in range(40):
        put(folder, f"{number:02}.json", {**N8N, "name": f"n{number}"})
    with open_bench(tmp_path) as bench:
        bench.cancel_after_steps = 3
        with pytest.raises(Cancelled):
            bench.call("workflows.import", path=str(folder))
        done = len(all_workflows(bench))
        bench.cancel_after_steps = None

        result = bench.call("workflows.import", path=str(folder))

        assert 0 < done < 40
        assert (result["skipped"], result["created"]) == (done, 40 - done)
        assert len(all_workflows(bench)) == 40


@pytest.mark.parametrize("policy", ["new", "skip", "replace"])
def test_a_dry_run_reports_what_the_call_does_and_writes_nothing(
    bench: Bench, folder: Path, policy: str
) -> None:
    put(folder, "a.json", {**N8N, "id": "own"})
    put(folder, "b.json", {**N8N, "id": "own"})
    put(folder, "c.json", {**N8N, "id": "own", "name": "Other"})
    put(folder, "d.json", b"{")
    bench.call("workflows.save", workflow={"id": "w", "name": "w", "data": {}})
    put(folder, "e.json", {**N8N, "id": "w"})
    items = [{"id": each, "name": "n", "data": each} for each in ("i1", "i2", "i1")]
    put(folder, "f.json", {"format": "sim-sidecar/1", "exported_at": 1, "items": items})
    before, told = all_workflows(bench), list(bench.told)

    dry = bench.call("workflows.import", path=str(folder), policy=policy, dry_run=True)

    unwritten = (all_workflows(bench), bench.audited())
    assert unwritten == (before, [("workflow_save", "w", {"revision": 1, "created": True})]), told
    assert dry == bench.call("workflows.import", path=str(folder), policy=policy)
