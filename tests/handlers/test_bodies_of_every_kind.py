"""Bodies with any numbers and characters are stored, compared and searched, and never damage."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from sidecar.store.workflows.header import load
from sidecar.wire.envelope import encode_result
from tests.harness import Bench, open_bench

KINDS = {
    "beyond a double": "1e999",
    "finer than a double": "0.10000000000000000001",
    "below every double": "1e-999",
    "5 000 digits": "9" * 5000,
    "5 000 digits of a fraction": f"0.{'3' * 5000}",
    "exponent of 5 000 digits": f"1e{'9' * 5000}",
    "CR between tokens": "[\r1\r,\r2\r]",
    "line separators": '"a\u2028b\u2029c"',
    "512 levels": "[" * 508 + "]" * 508,
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def body_of(value: str, more: int = 0) -> str:
    """Return a body with a node that has this value."""
    return f'{{"nodes":[{{"id":"1","name":"Limit","note":"kumquat {more}","value":{value}}}]}}'


def save(bench: Bench, body: str) -> dict[str, Any]:
    """Save a workflow with this body."""
    text = f'{{"workflow":{{"name":"n","id":"w","data":{body}}}}}'
    return bench.call_json("workflows.save", text.encode())


def find(bench: Bench, query: str) -> list[str]:
    """Return the ids of the workflows that a search finds."""
    return [each["id"] for each in bench.call("workflows.search", query=query)["items"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_any_kind_is_stored_as_it_was_sent(bench: Bench, kind: str) -> None:
    body = body_of(KINDS[kind])

    saved = save(bench, body)

    stored = load(bench.store.db, "w")
    assert stored is not None
    assert stored.body() == body.encode()
    assert stored.header.content_sha256 == hashlib.sha256(body.encode()).digest()
    assert saved["size_bytes"] == len(body.encode())


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_any_kind_is_answered_on_one_line_with_the_same_value(
    bench: Bench, kind: str
) -> None:
    save(bench, body_of(KINDS[kind]))

    line = encode_result(1, Raw(bench.call_raw("workflows.get", b'{"id":"w"}'))).decode()

    sent = body_of(KINDS[kind]).replace("\r", " ")
    sent = sent.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert f'"data":{sent}}}' in line
    assert line.splitlines() == [line[:-1]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_of_any_kind_is_found_compared_reverted_and_no_damage(
    bench: Bench, kind: str
) -> None:
    save(bench, body_of(KINDS[kind]))
    save(bench, body_of(KINDS[kind], more=1))

    assert find(bench, "kumquat") == ["w"]
    found = bench.call("workflows.diff", id="w", from_revision=1, to_revision=2)
    note = {"name": "note", "before": '"kumquat 0"', "after": '"kumquat 1"'}
    assert found["changed"] == [{"id": "1", "name": "Limit", "fields": [note]}]
    bench.call("workflows.revert", id="w", revision=1)
    assert bench.call("system.check", full=True)["ok"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1e999", "1e998"),
        ("0.10000000000000000001", "0.1"),
        ("1e-999", "0.0"),
        ("9" * 5000, "9" * 4999 + "8"),
    ],
)
def test_a_difference_that_no_double_shows_is_reported(
    bench: Bench, before: str, after: str
) -> None:
    save(bench, body_of(before))
    save(bench, body_of(after))

    found = bench.call("workflows.diff", id="w", from_revision=1, to_revision=2)

    (changed,) = found["changed"]
    assert [each["name"] for each in changed["fields"]] == ["value"]
    assert changed["fields"][0]["before"][:1000] == before[:1000]
