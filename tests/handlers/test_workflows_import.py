"""Tests of `workflows.import` on a real store: what comes in, under which id, and how often."""

import json
import os
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import Cancelled, InvalidParams, NotFound, TooLarge
from sidecar.notifications import Progress
from tests.bodies.made_documents import DIFY, KESTRA, N8N, NODE_RED, OF_NO_TOOL, OF_TOOLS
from tests.harness import Bench, open_bench
from tests.import_files import all_workflows, body_of, outcomes, put


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    return made


def test_a_body_is_the_whole_file_byte_for_byte(bench: Bench, folder: Path) -> None:
    written = b'\r\n{"nodes" : [ ],\r\n\t"connections":{},"n":1.50,"k":1,"k":2}\n\n'
    put(folder, "a.json", written)

    result = bench.call("workflows.import", path=str(folder))

    assert body_of(bench, result["items"][0]["id"]) == written


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_body_in_another_encoding_is_transcoded(
    bench: Bench, folder: Path, encoding: str
) -> None:
    text = json.dumps({"name": "Grüße 😀", "nodes": [], "connections": {}}, ensure_ascii=False)
    put(folder, "a.json", text.encode(encoding))

    result = bench.call("workflows.import", path=str(folder))

    assert body_of(bench, result["items"][0]["id"]) == text.encode()


def test_each_document_of_a_tool_comes_in_with_its_tool(bench: Bench, folder: Path) -> None:
    for tool, documents in OF_TOOLS.items():
        for number, document in enumerate(documents):
            put(folder, f"{tool}/{number}.json", document)

    result = bench.call("workflows.import", path=str(folder))

    assert {each["path"].partition("/")[0] for each in result["items"]} == set(OF_TOOLS)
    for each in result["items"]:
        assert (each["outcome"], each["source"]) == ("created", each["path"].partition("/")[0])


def test_what_no_tool_is_known_for_comes_in_named_by_its_file(bench: Bench, folder: Path) -> None:
    for number, document in enumerate(OF_NO_TOOL):
        put(folder, f"odd {number}.json", document)

    result = bench.call("workflows.import", path=str(folder))

    assert {each["source"] for each in result["items"]} == {"unknown"}
    names = {name for (name,) in bench.rows("SELECT name FROM workflows")}
    named = {str(each["name"]) for each in OF_NO_TOOL if isinstance(each, dict) and "name" in each}
    assert len(result["items"]) == len(OF_NO_TOOL)
    assert names - named == {f"odd {n}" for n in range(1, len(OF_NO_TOOL))}


def test_name_description_and_tags_are_those_of_the_document(bench: Bench, folder: Path) -> None:
    put(folder, "a.json", {**N8N, "id": "w7", "description": "Sends them."})

    bench.call("workflows.import", path=str(folder))

    found = bench.call("workflows.get", id="w7")["workflow"]
    assert (found["name"], found["description"], found["tags"], found["category"]) == (
        "Invoices", "Sends them.", ["money", "daily"], "general",
    )  # fmt: skip
    assert (found["source"], found["source_id"]) == ("n8n", "w7")


def test_a_title_longer_than_allowed_is_cut(bench: Bench) -> None:
    document = {
        "name": "\0" + "n" * 600,
        "description": "d" * 20_000,
        "tags": ["t" * 100, "u\0", *map(str, range(100))],
        "nodes": [],
        "connections": {},
    }

    result = bench.call("workflows.import", items=[{"data": document}])

    found = bench.call("workflows.get", id=result["items"][0]["id"])["workflow"]
    assert (found["name"], found["description"]) == ("n" * 512, "d" * 16_384)
    assert found["tags"] == ["t" * 64, "u", *map(str, range(62))]


def test_yaml_is_turned_into_json(bench: Bench, folder: Path) -> None:
    put(folder, "app.yml", b"kind: app\napp: {mode: workflow, name: Translate}\nversion: 0.3.0\n")

    result = bench.call("workflows.import", path=str(folder / "app.yml"))

    assert (result["items"][0]["source"], result["created"]) == ("dify", 1)
    assert body_of(bench, result["items"][0]["id"]) == (
        b'{"kind":"app","app":{"mode":"workflow","name":"Translate"},"version":"0.3.0"}'
    )


def test_json_under_the_suffix_of_yaml_is_kept_byte_for_byte(bench: Bench, folder: Path) -> None:
    written = json.dumps(DIFY, indent=3).encode()
    put(folder, "app.yml", written)

    result = bench.call("workflows.import", path=str(folder))

    assert body_of(bench, result["items"][0]["id"]) == written


def test_a_list_of_complete_documents_is_many_workflows(bench: Bench, folder: Path) -> None:
    first, second = {**N8N, "id": "a"}, {**KESTRA, "id": "b"}
    put(folder, "all.json", f"[ {json.dumps(first)} ,\n{json.dumps(second, indent=1)}]".encode())

    result = bench.call("workflows.import", path=str(folder))

    assert [(each["index"], each["id"]) for each in result["items"]] == [(0, "a"), (1, "b")]
    assert body_of(bench, "b") == json.dumps(second, indent=1).encode()


@pytest.mark.parametrize("document", [NODE_RED, [N8N, {"title": "no workflow"}], []])
def test_any_other_list_is_one_workflow(bench: Bench, document: Any) -> None:
    result = bench.call("workflows.import", items=[{"data": document, "path": "list.json"}])

    assert [(each["index"], each["outcome"]) for each in result["items"]] == [(None, "created")]


def test_a_long_list_of_other_values_is_not_taken_apart(bench: Bench, folder: Path) -> None:
    path = put(folder, "data.json", b"[1" + b",1" * limits.BODY_MAX_BYTES + b"]")
    size = path.stat().st_size

    tracemalloc.start()
    result = bench.call("workflows.import", path=str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert outcomes(result) == [("data.json", "refused", "too_large")]
    assert peak < 4 * size


def test_an_envelope_reports_how_many_workflows_were_read(bench: Bench, folder: Path) -> None:
    items = [{"id": f"w{number}", "name": "w", "data": [number]} for number in range(5)]
    put(folder, "export.json", {"format": "sim-sidecar/1", "exported_at": 1, "items": items})

    bench.call("workflows.import", path=str(folder))

    assert bench.long is not None
    bench.long.send_last_progress()
    assert bench.told[-1] == Progress(1, "import", 5, 5, "workflows")


@pytest.mark.parametrize("item", [{"id": "w", "name": "w", "data": 1}, {"id": "w"}])
def test_a_dry_run_of_an_envelope_is_cancelled_between_two_workflows(
    bench: Bench, folder: Path, item: dict[str, Any]
) -> None:
    items = [item] * 5
    put(folder, "export.json", {"format": "sim-sidecar/1", "exported_at": 1, "items": items})
    bench.cancel_after_steps = 1  # at the first progress

    with pytest.raises(Cancelled):
        bench.call("workflows.import", path=str(folder), dry_run=True)


def test_an_envelope_brings_whole_headers(bench: Bench, folder: Path) -> None:
    items = [
        {"id": "w1", "name": "Mail", "description": "d", "tags": ["a"], "category": "c",
         "source": None, "source_id": None, "data": {"n": 1}},
        {"id": "w2", "name": "Old", "description": None, "tags": [], "category": "general",
         "source": "n8n", "source_id": "77", "archived_at": 5, "data": [2]},
        {"id": "w3", "data": {}},
    ]  # fmt: skip
    envelope = {"format": "sim-sidecar/1", "exported_at": 1, "items": items}
    put(folder, "export.json", envelope)

    result = bench.call("workflows.import", path=str(folder / "export.json"))

    assert [(each["outcome"], each["reason"]) for each in result["items"]] == [
        ("created", None), ("created", None), ("refused", "format"),
    ]  # fmt: skip
    one, two = (bench.call("workflows.get", id=each)["workflow"] for each in ("w1", "w2"))
    assert [one[name] for name in ("name", "description", "tags", "category", "data")] == [
        "Mail", "d", ["a"], "c", {"n": 1},
    ]  # fmt: skip
    assert "source" not in one
    assert (two["source"], two["source_id"], two["archived_at"] is not None) == ("n8n", "77", True)
    for policy, outcome in (("new", "skipped"), ("skip", "skipped")):
        again = bench.call("workflows.import", path=str(folder / "export.json"), policy=policy)
        assert again[outcome] == 2


def test_a_zip_comes_in_as_its_folder_does(bench: Bench, folder: Path, tmp_path: Path) -> None:
    put(folder, "sub/a.json", N8N)
    put(folder, "b.json", [1])
    put(folder, "README.md", b"no workflow")
    packed = tmp_path / "flows.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("b.json", "sub/a.json", "README.md"):
            file.write(folder / name, name)

    result = bench.call("workflows.import", path=str(packed))

    assert outcomes(result) == [("b.json", "created", None), ("sub/a.json", "created", None)]
    assert body_of(bench, result["items"][1]["id"]) == (folder / "sub/a.json").read_bytes()


def test_the_database_is_never_opened_as_a_file(bench: Bench, folder: Path) -> None:
    """Closing any descriptor of it would drop its locks."""
    served = bench.store.path
    os.link(served, folder / "served.json")

    assert outcomes(bench.call("workflows.import", path=str(folder))) == [
        ("served.json", "refused", "not_a_file")
    ]
    bench.refused(InvalidParams, "workflows.import", path=str(served))


def test_a_path_that_cannot_be_imported_is_refused(bench: Bench, folder: Path) -> None:
    nothing = str(folder / "none.zip")
    broken = put(folder, "broken.zip", b"PK\x03\x04 and no directory")

    for path, error in (
        ("flows", InvalidParams),
        (nothing, NotFound),
        (str(broken), InvalidParams),
    ):
        told = bench.refused(error, "workflows.import", path=path)
        assert told == {"path": "$.params.path"}


def test_too_many_files_are_refused_before_any_is_read(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILES_MAX", 2)
    for each in "abc":
        put(folder, f"{each}.json", [each])

    told = bench.refused(TooLarge, "workflows.import", path=str(folder))

    assert (told, all_workflows(bench)) == ({"path": "$.params.path", "limit": 2}, [])


def test_a_report_that_is_too_long_is_cut_and_counted(
    bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "IMPORT_REPORT_MAX_BYTES", 1000)
    for number in range(10):
        put(folder, f"{number}.json", [number])

    result = bench.call("workflows.import", path=str(folder))

    assert (result["created"], len(result["items"]), result["items_omitted"]) == (10, 3, 7)
    assert Counter(each["outcome"] for each in result["items"]) == {"created": 3}


@pytest.mark.parametrize("order_by", ["updated_at", "created_at", "last_run_at", "name"])
@pytest.mark.parametrize("most", [0, 2000], ids=["many", "few"])
def test_a_list_has_only_the_workflows_of_a_source(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, order_by: str, most: int
) -> None:
    monkeypatch.setattr(limits, "LIST_SORT_MAX", most)
    bench.call("workflows.import", items=[{"data": {**N8N, "id": "a"}}, {"data": DIFY}])
    bench.call("workflows.save", workflow={"id": "mine", "name": "m", "data": 1})

    def listed(**params: object) -> list[str]:
        found = bench.call("workflows.list", order_by=order_by, total=True, **params)
        assert found["total"] == len(found["items"])
        return [each["id"] for each in found["items"]]

    assert listed(source="n8n") == listed(source="n8n", tags=["money"], category="general") == ["a"]
    assert len(listed(source="dify")) == 1
    assert listed(source="n8n", tags=["other"]) == listed(source="make") == []
    assert listed(source="n8n", archived=True) == []


def nested(levels: int) -> Any:
    """Return a document of so many levels."""
    found: Any = []
    for _ in range(levels - 1):
        found = [found]
    return found


def test_a_body_may_nest_as_deep_as_one_that_is_saved_also_in_an_envelope(
    bench: Bench, folder: Path
) -> None:
    items = [{"id": f"e{depth}", "name": "n", "data": nested(depth)} for depth in (512, 513)]
    put(folder, "envelope.json", {"format": "sim-sidecar/1", "items": items})
    put(folder, "f512.json", nested(512))
    put(folder, "f513.json", nested(513))
    put(folder, "hostile.json", b"[" * 100_000 + b"]" * 100_000)

    assert outcomes(bench.call("workflows.import", path=str(folder))) == [
        ("envelope.json", "created", None),
        ("envelope.json", "refused", "too_deep"),
        ("f512.json", "created", None),
        ("f513.json", "refused", "too_deep"),
        ("hostile.json", "refused", "too_deep"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"n": NaN}', "not_json"), (b'{"n": 1,}', "not_json"), (b"{'n': 1}", "not_json"),
        (b"", "not_json"), (b"{} {}", "not_json"), (b'{"n": "\xff"}', "encoding"),
        (b"\xff\xfe{", "encoding"), (b'["' + b"x" * (16 * limits.MIB) + b'"]', "too_large"),
        (b'{"format": "sim-sidecar/2", "items": []}', "format"),
    ],
    ids=lambda value: repr(value[:20]),
)  # fmt: skip
def test_what_cannot_be_a_body_is_refused_alone(
    bench: Bench, folder: Path, content: bytes, reason: str
) -> None:
    put(folder, "a.json", content)
    put(folder, "b.json", N8N)

    assert outcomes(bench.call("workflows.import", path=str(folder))) == [
        ("a.json", "refused", reason),
        ("b.json", "created", None),
    ]


def test_numbers_that_no_double_holds_are_kept(bench: Bench, folder: Path) -> None:
    body = b'{"n":1e999,"m":' + b"9" * 5000 + b',"nodes":[],"connections":{}}'
    put(folder, "a.json", body)

    (item,) = bench.call("workflows.import", path=str(folder))["items"]

    assert (item["outcome"], item["source"]) == ("created", "n8n")
    assert body_of(bench, item["id"]) == body


def test_a_workflow_is_found_by_the_id_that_others_call_it_by(bench: Bench) -> None:
    bench.call("workflows.save", workflow={"id": "own", "name": "mine", "data": [1]})
    called, other = {**N8N, "id": "own", "name": "called"}, {**N8N, "id": "other"}
    bench.call("workflows.import", items=[{"data": called}, {"data": other}])

    def listed(**params: object) -> list[str]:
        return [each["name"] for each in bench.call("workflows.list", **params)["items"]]

    assert listed(source_id="own") == listed(source_id="own", source="n8n") == ["called"]
    assert listed(source_id="own", source="sim") == listed(source_id="none") == []
    assert listed(source_id="own", tags=["money"], order_by="name") == ["called"]
    (found,) = bench.call("workflows.list", source_id="own")["items"]
    bench.call("workflows.archive", id=found["id"])
    assert listed(source_id="own", archived=True) == ["called"]


@pytest.mark.parametrize("query", ["invoices", "voice", "politely", "-nothing"])
def test_a_search_finds_only_the_workflows_of_a_source(bench: Bench, query: str) -> None:
    bench.call("workflows.import", items=[{"data": {**N8N, "id": "a"}}])
    bench.call("workflows.save", workflow={"id": "mine", "name": "Invoices", "data": N8N})

    def found(**params: object) -> list[str]:
        items = bench.call("workflows.search", query=query, **params)["items"]
        return sorted(each["id"] for each in items)

    assert found() == ["a", "mine"]
    assert (found(source="n8n"), found(source="make")) == (["a"], [])
