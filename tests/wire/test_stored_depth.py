"""How deep a value that is stored may nest does not depend on what is around it in the line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from tests.wire.loop_in_process import Served, answers, call, serving

DEEPEST = limits.DEPTH_MAX


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "sim.db", events=False) as opened:
        opened.send(call(0, "workflows.save", workflow={"id": "w", "name": "n", "data": [0]}))
        opened.send(call(0, "runs.start", workflow_id="w", id="r"))
        yield opened


def nested(levels: int) -> Any:
    """Return lists within lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def save(value: Any) -> dict[str, Any]:
    """Return a request to save a body."""
    return call(1, "workflows.save", workflow={"id": "w", "name": "n", "data": value})


def save_by_position(value: Any) -> dict[str, Any]:
    """Return a request with params by position."""
    return {**save(value), "params": [{"id": "w", "name": "n", "data": value}]}


def save_many(value: Any, on_error: str = "fail") -> dict[str, Any]:
    """Return a request to save the body twice."""
    items = [{"workflow": {"id": each, "name": "n", "data": value}} for each in "wv"]
    return call(1, "workflows.save_many", items=items, on_error=on_error)


def set_setting(value: Any) -> dict[str, Any]:
    """Return a request to set a setting of the app."""
    return call(1, "settings.set", key="layout", value=value)


PLACES = {
    "save": (save, "$.params.workflow.data"),
    "save by position": (save_by_position, "$.params.workflow.data"),
    "save_many": (save_many, "$.params.items[0].workflow.data"),
    "setting": (set_setting, "$.params.value"),
}
BATCHED = [pytest.param(False, id="alone"), pytest.param(True, id="in a batch")]


def answer(served: Served, request: Any, *, batched: bool) -> dict[str, Any]:
    """Return the answer to a request, which may be the second of a batch."""
    (told,) = answers(served.send([call(7, "system.ping"), request] if batched else request))
    found: dict[str, Any] = told[1] if batched else told
    assert found["id"] == 1
    return found


@pytest.mark.parametrize("batched", BATCHED)
@pytest.mark.parametrize("place", PLACES)
def test_the_deepest_value_is_stored_wherever_it_stands(
    served: Served, place: str, *, batched: bool
) -> None:
    request, _path = PLACES[place]

    assert "result" in answer(served, request(nested(DEEPEST)), batched=batched)


@pytest.mark.parametrize("batched", BATCHED)
@pytest.mark.parametrize("place", PLACES)
def test_a_value_one_level_deeper_is_refused_wherever_it_stands(
    served: Served, place: str, *, batched: bool
) -> None:
    request, path = PLACES[place]

    error = answer(served, request(nested(DEEPEST + 1)), batched=batched)["error"]

    assert (error["code"], error["data"]["path"]) == (-32602, path)
    assert error["data"]["limit"] == DEEPEST


def test_a_shallow_line_after_a_deep_one_is_served(served: Served) -> None:
    served.send(save(nested(DEEPEST + 1)))

    assert "result" in answer(served, save(nested(DEEPEST)), batched=False)


def test_an_item_that_nests_too_deep_is_skipped_alone(served: Served) -> None:
    request = save_many(nested(DEEPEST + 1), "skip")
    request["params"]["items"][1]["workflow"]["data"] = nested(DEEPEST)

    first, second = answer(served, request, batched=False)["result"]["items"]

    assert (first["error"]["slug"], second["error"]) == ("invalid_params", None)


@pytest.mark.parametrize("levels", [limits.LINE_DEPTH_MAX, 100_000])
def test_a_hostile_depth_is_answered_with_the_request_s_id(served: Served, levels: int) -> None:
    line = json.dumps(save("HERE")).replace('"HERE"', "[" * levels + "]" * levels).encode()

    (told,) = answers(served.send(line))

    error = told["error"]
    assert (told["id"], error["code"], error["data"]["limit"]) == (1, -32602, DEEPEST)
    assert "result" in answer(served, save(nested(1)), batched=False)


def test_the_deepest_body_comes_back_and_is_compared_and_found(served: Served) -> None:
    text = "[" * DEEPEST + '"kumquat"' + "]" * DEEPEST
    line = json.dumps(save("HERE")).replace('"HERE"', text).encode()
    served.send(line, line.replace(b"kumquat", b"pomelo"))

    got, diff, hits = answers(
        served.send(
            call(2, "workflows.get", id="w", revision=2),
            call(3, "workflows.diff", id="w", from_revision=2, to_revision=3),
            call(4, "workflows.search", query="pomelo"),
        )
    )

    assert json.dumps(got["result"]["workflow"]["data"]) == text
    assert [each["name"] for each in diff["result"]["metadata"]] == ["data.*"]
    assert [each["id"] for each in hits["result"]["items"]] == ["w"]
