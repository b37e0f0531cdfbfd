"""Tests that real workflow files are saved, imported, exported and read back byte for byte.

The files are not in the repository; without them the test is skipped.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.bodies.tools.table import recognise
from tests.harness import Bench, open_bench
from tests.import_files import body_of
from tests.scenarios.talk import ROOT, Talk, talk

CORPUS = Path(os.environ.get("SIM_SIDECAR_CORPUS") or ROOT.parent / "shared" / "corpus")
FILES = sorted(CORPUS.glob("*/*.json"))
AT_ONCE = 16
"""Requests that are sent before their answers are read; they fit into a pipe."""


class _Body(msgspec.Struct):
    data: msgspec.Raw


class _Result(msgspec.Struct):
    workflow: _Body


class _Answer(msgspec.Struct):
    id: int
    result: _Result


def compacted(path: Path) -> bytes:
    """Return a file on one line, with numbers as Python writes them."""
    value = json.loads(path.read_bytes())
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate can only be sent as an escape
        return json.dumps(value, separators=(",", ":")).encode()


def kept(body: bytes) -> bytes:
    """Return what the program returns: U+2028 and U+2029, where many programs split, escaped."""
    return body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


def save(conversation: Talk, number: int, path: Path, body: bytes) -> None:
    """Send a save with this body."""
    name = json.dumps(path.stem[:200])
    head = f'{{"jsonrpc":"2.0","id":{number},"method":"workflows.save","params":{{"workflow":'
    conversation.send(f'{head}{{"id":"c{number}","name":{name},"data":'.encode() + body + b"}}}")


def get(conversation: Talk, number: int) -> None:
    """Request one body."""
    params = f'{{"id":"c{number}"}}'
    conversation.send(
        f'{{"jsonrpc":"2.0","id":{number},"method":"workflows.get","params":{params}}}'.encode()
    )


@pytest.mark.skipif(not FILES, reason=f"there are no workflow files in {CORPUS}")
def test_every_file_of_the_corpus_comes_back_byte_for_byte(tmp_path: Path) -> None:
    bodies = [compacted(path) for path in FILES]
    with talk(tmp_path / "sim.db", "--no-events") as conversation:
        for first in range(0, len(FILES), AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, len(FILES)))
            for number in numbers:
                save(conversation, number, FILES[number], bodies[number])
            for number in numbers:
                told = conversation.receive()
                assert told["id"] == number
                assert told["result"]["size_bytes"] == len(kept(bodies[number]))
        for number, body in enumerate(bodies):
            get(conversation, number)
            answer = msgspec.json.decode(conversation.receive_bytes(), type=_Answer)
            assert bytes(answer.result.workflow.data) == kept(body), FILES[number]
        checked = conversation.request("system.check", {"full": True})
        assert checked["result"]["ok"]
        assert checked["result"]["checked"]["workflows"] == len(FILES)


def find_and_compare(bench: Bench, items: list[dict[str, Any]]) -> None:
    """Find workflows by the names of their steps, and compare each with an edit that is undone."""
    while bench.call("workflows.search", query="x")["indexing"]:
        pass
    for workflow_id in (item["id"] for item in items):
        document = msgspec.json.decode(body_of(bench, workflow_id))
        (header,) = bench.rows("SELECT name, revision FROM workflows WHERE id = ?", workflow_id)
        steps = recognise(document).steps(document)
        query = " ".join(f'"{step.name}"' for step in steps[:3])
        found = bench.call("workflows.search", query=query, limit=500)["items"]
        assert workflow_id in [item["id"] for item in found], query
        edited = {"id": workflow_id, "name": header[0], "data": {"nodes": [{"name": "edited"}]}}
        bench.call("workflows.save", workflow=edited)
        place = {"from_revision": header[1], "to_revision": header[1] + 1}
        difference = bench.call("workflows.diff", id=workflow_id, **place)
        assert [step["name"] for step in difference["added"]] == ["edited"]
        assert len(difference["removed"]) == min(len(steps), 200)
        bench.call("workflows.revert", id=workflow_id, revision=header[1])


def bodies_of(folder: Path, path: Path) -> dict[str, bytes]:
    """Import files into a new database, export them, and return each body by its id."""
    folder.mkdir()
    with open_bench(folder) as bench:
        result = bench.call("workflows.import", path=str(path))
        assert (result["created"], len(result["items"])) == (len(FILES), len(FILES))
        assert bench.call("system.check", full=True)["findings"] == []
        find_and_compare(bench, result["items"][::20])
        bench.call("workflows.export", path=str(folder / "export.json"))
        ids = [workflow_id for (workflow_id,) in bench.rows("SELECT id FROM workflows")]
        return {each: body_of(bench, each) for each in ids}


@pytest.mark.skipif(not FILES, reason=f"there are no workflow files in {CORPUS}")
def test_the_corpus_goes_from_a_zip_through_two_databases_byte_for_byte(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in FILES:
            archive.write(path, path.relative_to(CORPUS))

    first = bodies_of(tmp_path / "first", tmp_path / "corpus.zip")
    second = bodies_of(tmp_path / "second", tmp_path / "first" / "export.json")

    assert sorted(first.values()) == sorted(path.read_bytes() for path in FILES)
    assert second == first
