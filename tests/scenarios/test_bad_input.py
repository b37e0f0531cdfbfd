"""For every method and every param: wrong type, missing, unknown, too long, too deep.

Made from the catalog: a new method is covered as soon as it is declared. Each is answered with
-32602 and the path of the fault, and no table changes by a byte.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import sidecar.handlers  # noqa: F401 - importing it fills the catalog
from sidecar import limits
from sidecar.catalog import METHODS
from tests.making import params_type, wrong_params
from tests.scenarios.talk import Talk, talk

WORKFLOW = {"id": "w1", "name": "Mail", "data": {"nodes": [1]}, "tags": ["a"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Talk, Path]]:
    """A process with something in its database."""
    database = tmp_path_factory.mktemp("bad") / "sim.db"
    with talk(database, "--no-events") as begun:
        assert "result" in begun.ask("workflows.save", {"workflow": WORKFLOW})
        assert "result" in begun.ask("runs.start", {"workflow_id": "w1", "id": "r1"})
        # Indexes what was saved, which else a pause would do while a test looks.
        assert begun.ask("workflows.search", {"query": "mail"})["result"]["items"]
        yield begun, database


def dump(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    names = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    tables = {str(name): list(db.execute(f'SELECT * FROM "{name}"')) for (name,) in names}  # noqa: S608 - names of our tables
    db.close()
    return tables


@pytest.mark.parametrize("name", METHODS)
def test_every_fault_of_every_param_is_told_by_its_path_and_changes_nothing(
    served: tuple[Talk, Path], name: str
) -> None:
    """Issue 2: bad input."""
    begun, database = served
    before = dump(database)

    for wrong in wrong_params(METHODS[name]):
        told = begun.ask(name, wrong.params)
        shown = f"{wrong.fault} at {wrong.path}: {str(wrong.params)[:200]} -> {told}"
        assert told.get("error", {}).get("code") == -32602, shown
        assert told["error"]["data"]["slug"] == "invalid_params", shown
        assert told["error"]["data"]["path"] == wrong.path, shown
        assert "x" * 60 not in told["error"]["message"], shown
    assert dump(database) == before


@pytest.mark.parametrize("name", METHODS)
def test_every_method_without_params_refuses_a_surplus_one_by_position(
    served: tuple[Talk, Path], name: str
) -> None:
    begun, database = served
    fields = params_type(METHODS[name]).fields
    before = dump(database)

    told = begun.ask(name, [None] * len(fields) + [1])

    assert told["error"]["code"] == -32602
    assert told["error"]["data"]["path"].startswith("$.params")
    assert dump(database) == before


def test_the_faults_are_of_every_kind() -> None:
    """The generator is worth what it generates."""
    kinds: dict[str, int] = {}
    for method in METHODS.values():
        for wrong in wrong_params(method):
            kinds[wrong.fault] = kinds.get(wrong.fault, 0) + 1

    assert set(kinds) == {"wrong type", "missing", "unknown", "too long", "too deep"}
    assert kinds["unknown"] >= len(METHODS)
    assert all(count > 10 for count in kinds.values()), kinds


def test_depth_is_told_with_its_limit(served: tuple[Talk, Path]) -> None:
    begun, _database = served
    deep: Any = 1
    for _ in range(limits.DEPTH_MAX):
        deep = [deep]

    told = begun.ask("workflows.save", {"workflow": {**WORKFLOW, "data": deep}})

    assert told["error"]["data"]["limit"] == limits.DEPTH_MAX
