"""Invalid params of every method: a wrong type, missing, unknown, too long, too deep.

They are made from the catalog, so that a new method is covered as soon as it is declared. Each is
answered with -32602 and the path of the fault, and no table changes by a byte.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import limits
from sidecar.catalog import METHODS
from tests.make_params import params_type, wrong_params
from tests.scenarios.talk import Talk, talk

WORKFLOW = {"id": "w1", "name": "Mail", "data": {"nodes": [1]}, "tags": ["a"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Talk, Path]]:
    """Yield a process that serves a workflow and a run, and the path of its database."""
    database = tmp_path_factory.mktemp("bad") / "sim.db"
    with talk(database, "--no-events") as conversation:
        assert "result" in conversation.request("workflows.save", {"workflow": WORKFLOW})
        assert "result" in conversation.request("runs.start", {"workflow_id": "w1", "id": "r1"})
        # A search updates the indexes, which would otherwise change while a test compares tables.
        assert conversation.request("workflows.search", {"query": "mail"})["result"]["items"]
        yield conversation, database


def dump(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    names = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    tables = {str(name): list(db.execute(f'SELECT * FROM "{name}"')) for (name,) in names}  # noqa: S608 - names of our tables
    db.close()
    return tables


@pytest.mark.parametrize("name", METHODS)
def test_every_fault_of_every_param_is_reported_with_its_path_and_changes_nothing(
    served: tuple[Talk, Path], name: str
) -> None:
    conversation, database = served
    before = dump(database)

    for wrong in wrong_params(METHODS[name]):
        answer = conversation.request(name, wrong.params)
        shown = f"{wrong.fault} at {wrong.path}: {str(wrong.params)[:200]} -> {answer}"
        assert answer.get("error", {}).get("code") == -32602, shown
        assert answer["error"]["data"]["slug"] == "invalid_params", shown
        assert answer["error"]["data"]["path"] == wrong.path, shown
        assert "x" * 60 not in answer["error"]["message"], shown
    assert dump(database) == before


@pytest.mark.parametrize("name", METHODS)
def test_every_method_without_params_refuses_a_surplus_one_by_position(
    served: tuple[Talk, Path], name: str
) -> None:
    conversation, database = served
    fields = params_type(METHODS[name]).fields
    before = dump(database)

    answer = conversation.request(name, [None] * len(fields) + [1])

    assert answer["error"]["code"] == -32602
    assert answer["error"]["data"]["path"].startswith("$.params")
    assert dump(database) == before


def test_the_faults_are_of_every_kind() -> None:
    """Otherwise the generator would prove less than it seems to."""
    kinds: dict[str, int] = {}
    for method in METHODS.values():
        for wrong in wrong_params(method):
            kinds[wrong.fault] = kinds.get(wrong.fault, 0) + 1

    assert set(kinds) == {"wrong type", "missing", "unknown", "too long", "too deep"}
    assert kinds["unknown"] >= len(METHODS)
    assert all(count > 10 for count in kinds.values()), kinds


def test_json_that_is_too_deep_is_refused_with_its_limit(served: tuple[Talk, Path]) -> None:
    conversation, _database = served
    deep: Any = 1
    for _ in range(limits.DEPTH_MAX + 1):
        deep = [deep]

    answer = conversation.request("workflows.save", {"workflow": {**WORKFLOW, "data": deep}})

    assert answer["error"]["data"]["limit"] == limits.DEPTH_MAX
