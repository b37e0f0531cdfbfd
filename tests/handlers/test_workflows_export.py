"""`workflows.export`: envelopes and zips, credentials in them, and files that fail."""

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar import limits
from sidecar.errors import Cancelled, Conflict, InvalidParams
from tests.bodies.made_documents import DIFY, N8N, OF_TOOLS
from tests.harness import Bench, ManualClock, open_bench
from tests.import_files import body_of, put
from tests.made_workflows import add_runs, flow, save

KEY = "sk-proj-0123456789abcdefghij"
ODD = b'{"a": 1e999,\n "a":\t0.10000000000000000001,\r\n"\\u0041": "\xe2\x80\xa8"}'


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


class Item(msgspec.Struct):
    """What a reader of an envelope needs to find the bytes of a body."""

    id: str
    data: msgspec.Raw


class Envelope(msgspec.Struct):
    """The bodies of an envelope."""

    items: list[Item]


def save_bytes(bench: Bench, workflow_id: str, name: str, body: bytes) -> None:
    """Save a workflow with exactly this body."""
    head = json.dumps({"id": workflow_id, "name": name})[:-1].encode()
    bench.call_json("workflows.save", b'{"workflow":' + head + b',"data":' + body + b"}}")


def exported(bench: Bench, path: Path, **params: Any) -> dict[str, Any]:
    """Export into a file; return the answer."""
    return bench.call("workflows.export", path=str(path), **params)


def test_an_envelope_has_headers_and_bodies_byte_for_byte(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    save_bytes(bench, "odd", "Odd", ODD)
    save(bench, "w", "Mail", N8N, description="Sorts mail.", tags=["a", "b"], category="mail")
    archived_at = bench.call("workflows.archive", id="w")["archived_at"]
    bench.audited()

    result = exported(bench, path)

    found = json.loads(path.read_bytes())
    assert list(found) == ["format", "exported_at", "items"]
    assert (found["format"], len(found["items"])) == ("sim-sidecar/1", 2)
    assert {key: value for key, value in found["items"][1].items() if key != "data"} == {
        "id": "w",
        "name": "Mail",
        "description": "Sorts mail.",
        "tags": ["a", "b"],
        "category": "mail",
        "archived_at": archived_at,
        "source": None,
        "source_id": None,
        "data_space": None,
    }
    bodies = {
        each.id: bytes(each.data)
        for each in msgspec.json.decode(path.read_bytes(), type=Envelope).items
    }
    assert bodies["odd"] == ODD
    assert json.loads(bodies["w"]) == N8N
    assert result == {
        "path": str(path),
        "size_bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "workflows": 2,
        "runs": 0,
        "missing": [],
        "damaged": [],
        "credentials": [],
        "credentials_total": 0,
        "redacted": False,
    }
    counts = {"workflows": 2, "runs": 0, "credentials": 0, "redacted": False}
    assert bench.audited() == [("workflow_export", "workflows", counts)]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"ids": ["c", "nobody", "a", "c"]}, ["c", "a"]),
        ({"category": "mail"}, ["b"]),
        ({"tags": ["x", "y"]}, ["a", "c"]),
        ({"archived": True}, ["c"]),
        ({"archived": False}, ["a", "b"]),
        ({"archived": False, "tags": ["x"], "category": "general"}, ["a"]),
    ],
)
def test_an_export_has_the_workflows_that_were_asked_for(
    bench: Bench, tmp_path: Path, params: dict[str, Any], expected: list[str]
) -> None:
    save(bench, "a", tags=["x"])
    save(bench, "b", category="mail")
    save(bench, "c", tags=["x", "y"])
    bench.call("workflows.archive", id="c")

    result = exported(bench, tmp_path / "e.json", **params)

    found = json.loads((tmp_path / "e.json").read_bytes())
    assert [each["id"] for each in found["items"]] == expected
    assert result["missing"] == (["nobody"] if "ids" in params else [])


def test_a_zip_has_a_file_for_each_workflow_and_a_manifest_with_hashes(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "all.zip"
    for workflow_id, name in (("1", "../a:b"), ("2", "CON"), ("3", "con"), ("4", "manifest")):
        save(bench, workflow_id, name, [1])
    save(bench, "5", "Übung\u202e. ", DIFY)
    save_bytes(bench, "6", "Odd", ODD)

    exported(bench, path, format="original")

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    assert list(files) == [
        "_a_b.json", "_CON.json", "_con (2).json", "manifest (2).json", "Übung_.yml", "Odd.json",
    ]  # fmt: skip
    assert files["Odd.json"] == ODD
    assert json.loads(files["Übung_.yml"]) == DIFY
    assert [each["id"] for each in manifest["items"]] == ["1", "2", "3", "4", "5", "6"]
    assert manifest["items"][5] == {
        "file": "Odd.json",
        "size_bytes": len(ODD),
        "sha256": hashlib.sha256(ODD).hexdigest(),
        "id": "6",
        "name": "Odd",
        "description": None,
        "tags": [],
        "category": "general",
        "archived_at": None,
        "source": None,
        "source_id": None,
    }


@pytest.mark.parametrize("now_ms", [0, limits.SAFE_INTEGER_MAX])
def test_a_zip_is_exported_whatever_the_clock_says(
    bench: Bench, tmp_path: Path, now_ms: int
) -> None:
    save(bench, "w")
    bench.clock = ManualClock(now_ms, step_ms=0)

    exported(bench, tmp_path / "all.zip", format="original")

    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        years = {entry.date_time[0] for entry in archive.infolist()}
        manifest = json.loads(archive.read("manifest.json"))
    assert (years, manifest["exported_at"]) == ({2107 if now_ms else 1980}, now_ms)


@pytest.mark.parametrize("name", ["manifest", "-._hidden", "~.Mail"])
def test_a_zip_that_was_exported_brings_its_workflows_and_nothing_else(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    save(bench, "w", name, {**N8N, "id": "own", "name": name})
    exported(bench, tmp_path / "all.zip", format="original")

    result = bench.call("workflows.import", path=str(tmp_path / "all.zip"))

    assert [(each["id"], each["outcome"]) for each in result["items"]] == [("own", "created")]


def test_a_zip_that_was_exported_brings_a_document_of_one_letter_repeated(
    bench: Bench, tmp_path: Path
) -> None:
    save(bench, "w", "Long", {"nodes": [], "edges": [], "note": "x" * 2 * limits.MIB})
    exported(bench, tmp_path / "all.zip", format="original")

    result = bench.call("workflows.import", path=str(tmp_path / "all.zip"))

    assert [(each["outcome"], each["reason"]) for each in result["items"]] == [("created", None)]


def with_credentials() -> dict[str, Any]:
    """Return a document with a key, a password and what only looks like one."""
    nodes = [
        {"name": "Ask", "type": "t", "parameters": {"auth": f"Bearer {KEY}", "n": 1}},
        {"name": "Log in", "type": "t", "parameters": {
            "headers": [{"name": "X-Api-Key", "value": "abcdefgh01234567"}],
            "password": "correct-horse-battery", "token": "={{ $json.some_long_token }}",
            "secret": "short", "apiKey": "a sentence that explains the key"}},
    ]  # fmt: skip
    return {"name": "x", "nodes": nodes, "connections": {}, "meta": {"token": "z" * 20}}


def test_credentials_are_told_with_their_steps_and_never_with_their_text(
    bench: Bench, tmp_path: Path
) -> None:
    save(bench, "w", "n", with_credentials(), description=f"uses {KEY}")

    result = exported(bench, tmp_path / "e.json")

    assert [tuple(each.values()) for each in result["credentials"]] == [
        ("w", None, "description", "found"),
        ("w", "Ask", "parameters.auth", "found"),
        ("w", "Log in", "parameters.headers.0.value", "maybe"),
        ("w", "Log in", "parameters.password", "maybe"),
        ("w", None, "meta.token", "maybe"),
    ]
    assert result["credentials_total"] == 5
    assert KEY not in json.dumps(result)
    assert KEY in (tmp_path / "e.json").read_text()


@pytest.mark.parametrize("form", ["envelope", "original"])
def test_redacted_exports_have_no_credentials_and_everything_else(
    bench: Bench, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "e"
    save(bench, "w", f"key {KEY}", with_credentials(), description=f"uses {KEY}", tags=[KEY])
    # A member that comes twice: a reader of JSON sees only the last.
    save_bytes(bench, "twice", "n", b'{"k":"' + KEY.encode() + b'","k":1e999}')

    result = exported(bench, path, format=form, redact=True)

    if form == "original":
        with zipfile.ZipFile(path) as archive:
            text = " ".join(archive.namelist())
            text += b"".join(archive.read(name) for name in archive.namelist()).decode()
    else:
        text = path.read_text()
    for secret in (KEY, "abcdefgh01234567", "correct-horse-battery", "z" * 20):
        assert secret not in text
    expected = '"auth":"[secret]"' if form == "original" else '"auth": "[secret]"'
    assert expected.replace(" ", "") in text.replace(" ", "")
    assert "a sentence that explains the key" in text
    assert '{"k":"[secret]","k":1e999}' in text
    assert result["redacted"] is True
    assert {**result["credentials"][-1]} == {
        "id": "twice",
        "step": None,
        "member": "",
        "certainty": "found",
    }


def test_runs_are_exported_with_their_summaries(bench: Bench, tmp_path: Path) -> None:
    save(bench, "w")
    add_runs(bench, "w", 501)
    bench.call("runs.start", workflow_id="w", id="r", trigger=KEY)
    bench.call("runs.finish", id="r", status="error", error_message=f"bad {KEY}", summary=[KEY])
    bench.call("runs.start", workflow_id="w", id="r2")
    bench.call("runs.finish", id="r2", status="success", summary={KEY: 1})

    result = exported(bench, tmp_path / "e.json", runs=True)
    exported(bench, tmp_path / "r.json", runs=True, redact=True)

    found = json.loads((tmp_path / "e.json").read_bytes())["items"][0]["runs"]
    redacted = json.loads((tmp_path / "r.json").read_bytes())["items"][0]["runs"]
    assert (len(found), result["runs"]) == (503, 503)
    stored = bench.call("runs.get", id="r")["run"]
    assert found[1] == {
        name: value
        for name, value in stored.items()
        if name not in ("workflow_id", "summary_bytes")
    }
    assert KEY not in (tmp_path / "r.json").read_text()
    assert redacted[0]["summary"] == {"[secret]": 1}
    assert [redacted[1][name] for name in ("trigger", "error_message", "summary")] == [
        "[secret]", "bad [secret]", ["[secret]"],
    ]  # fmt: skip
    assert [each["member"] for each in result["credentials"]] == [
        "runs.r2.summary", "runs.r.trigger", "runs.r.error_message", "runs.r.summary.0",
    ]  # fmt: skip
    assert bench.refused(
        InvalidParams, "workflows.export", path="/x", runs=True, format="original"
    ) == {"path": "$.params.runs"}


def test_a_damaged_workflow_is_left_out_and_told(bench: Bench, tmp_path: Path) -> None:
    save(bench, "a")
    save(bench, "b")
    save(bench, "c")
    bench.rows("UPDATE workflow_bodies SET data = x'00' WHERE rid = 1")
    bench.rows("UPDATE workflows SET name = CAST(x'ff' AS TEXT) WHERE id = 'b'")

    result = exported(bench, tmp_path / "e.json")

    found = json.loads((tmp_path / "e.json").read_bytes())
    assert [each["id"] for each in found["items"]] == ["c"]
    assert (result["damaged"], result["workflows"]) == (["a", "b"], 1)


def test_a_file_is_replaced_on_request_only_and_is_private(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    path.write_text("mine")

    assert bench.refused(Conflict, "workflows.export", path=str(path)) == {"path": "$.params.path"}
    assert path.read_text() == "mine"
    exported(bench, path, overwrite=True)
    assert json.loads(path.read_bytes())["items"] == []
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "folder", Path("relative"), tmp_path / "test.db-wal"):
        bench.refused(InvalidParams, "workflows.export", path=str(place), overwrite=True)


def test_a_cancelled_export_leaves_no_file_and_no_entry(bench: Bench, tmp_path: Path) -> None:
    bench.call("workflows.save_many", items=[{"workflow": flow(f"w{n}")} for n in range(100)])
    bench.audited()
    bench.cancel_after_steps = 1
    path = tmp_path / "out" / "e.json"
    path.parent.mkdir()

    with pytest.raises(Cancelled):
        exported(bench, path)

    assert list(path.parent.iterdir()) == []
    assert bench.audited() == []


def test_an_export_is_imported_into_a_second_database_byte_for_byte(
    bench: Bench, tmp_path: Path
) -> None:
    folder = tmp_path / "flows"
    for tool, documents in OF_TOOLS.items():
        for number, document in enumerate(documents):
            put(folder, f"{tool}-{number}.json", document)
    put(folder, "odd.json", b"\r\n \t" + ODD + b"\n\n")
    bench.call("workflows.import", path=str(folder))
    save(bench, "w", "Mail", N8N, description="Sorts mail.", tags=["a"], category="mail")
    bench.call("workflows.archive", id="w")
    bench.call("workflows.save", workflow={"id": "w2", "name": "own", "data": [1]})

    exported(bench, tmp_path / "e.json")
    (tmp_path / "second").mkdir()
    with open_bench(tmp_path / "second") as second:
        result = second.call("workflows.import", path=str(tmp_path / "e.json"))
        again = second.call("workflows.import", path=str(tmp_path / "e.json"))

        assert (result["created"], result["refused"]) == (len(result["items"]), 0)
        assert again["created"] == 0
        assert contents(second) == contents(bench)


def contents(bench: Bench) -> list[tuple[Any, ...]]:
    """Return what an export is to carry over, for each workflow."""
    sql = (
        "SELECT id, name, description, tags, category, archived_at IS NULL, source_id"
        " FROM workflows ORDER BY id"
    )
    return [(*row, body_of(bench, row[0])) for row in bench.rows(sql)]
