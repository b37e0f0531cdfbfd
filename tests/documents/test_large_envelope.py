"""Tests of reading an export item by item, as it is read when it is too large for memory."""

import io
import json
from pathlib import Path

import pytest

from sidecar import limits
from sidecar.documents.large_envelope import large_documents
from sidecar.documents.refused import Refused
from sidecar.documents.split import Document
from tests.harness import open_bench
from tests.import_files import all_workflows

HEAD = b'{"format":"sim-sidecar/1","exported_at":1,"items":['


def bodies(data: bytes) -> list[bytes | None]:
    """Return the body of each item; None for one that is refused."""
    found = list(large_documents(io.BytesIO(data)))
    return [each.body if isinstance(each, Document) else None for each in found]


def reason(data: bytes) -> str:
    """Return why an envelope is refused."""
    with pytest.raises(Refused) as refused:
        bodies(data)
    return refused.value.reason


def item(body: str) -> bytes:
    """Return an item as an export writes it."""
    return b'{"id":"w","name":"n","data":' + body.encode() + b"}"


def envelope(*items: bytes) -> bytes:
    """Return an envelope as an export writes it."""
    return HEAD + b"\n" + b",\n".join(items) + b"\n]}\n"


def test_items_end_where_they_are_whole_whatever_their_bodies_hold() -> None:
    tricky = '[{"id":1},\n{"id":2},\n{"id":"]}"}\n]'

    assert bodies(envelope(item(tricky), item("1"), b'{"id":"x"}', item(tricky))) == [
        tricky.encode(), b"1", None, tricky.encode(),
    ]  # fmt: skip


def test_an_envelope_that_is_cut_off_gives_its_whole_items_and_is_refused() -> None:
    whole = envelope(item("1"), item("[2, 3]"))

    for size in range(len(HEAD) + 1, len(whole) - 2):
        assert reason(whole[:size]) == "format"


def test_another_large_file_is_refused() -> None:
    assert reason(b'{"nodes":[]}') == "too_large"
    assert reason(envelope(item(",\n".join(["[1"] + ['{"id":2}'] * 2000)))) == "format"


def test_an_item_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_FILE_MAX_BYTES", 1000)

    assert reason(envelope(item(json.dumps("x" * 2000)))) == "too_large"


def test_a_large_export_is_imported_as_a_small_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for number in range(50):
        data = {"nodes": [{"text": "x" * 2000, "number": number}]}
        written.append({"id": f"w{number}", "name": f"n{number}", "data": data})
    states = []
    for name, most in (("small", limits.IMPORT_FILE_MAX_BYTES), ("large", 10_000)):
        (tmp_path / name).mkdir()
        with open_bench(tmp_path / name) as bench:
            for workflow in written:
                bench.call("workflows.save", workflow=workflow)
            exported = tmp_path / f"{name}.json"
            bench.call("workflows.export", path=str(exported))
        (tmp_path / f"{name} again").mkdir()
        monkeypatch.setattr(limits, "IMPORT_FILE_MAX_BYTES", most)
        with open_bench(tmp_path / f"{name} again") as bench:
            assert bench.call("workflows.import", path=str(exported))["created"] == 50
            assert bench.call("workflows.import", path=str(exported))["skipped"] == 50
            states.append(all_workflows(bench))

    assert states[0] == states[1]
