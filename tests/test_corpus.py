"""Tests that real workflow files, on one line each, are saved and read back byte for byte.

The files are not in the repository; without them the test is skipped.
"""

import json
import os
from pathlib import Path

import msgspec
import pytest

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
