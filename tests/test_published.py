"""The contract may gain, and what was published stays: each kind of loss is found."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sidecar.handlers  # noqa: F401 - importing it fills the catalog
from published import compare
from sidecar import describe

ROOT = Path(__file__).resolve().parent.parent
CONTRACT: dict[str, Any] = describe.contract()
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    """Return the contract with a change."""
    document = copy.deepcopy(CONTRACT)
    change(document)
    return document


def method(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a method of a contract."""
    found: dict[str, Any] = next(each for each in document["methods"] if each["name"] == name)
    return found


def param(document: dict[str, Any], name: str, of: str) -> dict[str, Any]:
    """Return a param of a method."""
    params = method(document, of)["params"]
    found: dict[str, Any] = next(each for each in params if each["name"] == name)
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a schema of the components."""
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def setting(document: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a setting of a contract."""
    found: dict[str, Any] = next(each for each in document["x-settings"] if each["key"] == key)
    return found


def remove(items: list[dict[str, Any]], name: str) -> None:
    """Remove the item of this name."""
    items[:] = [each for each in items if each.get("name", each.get("key")) != name]


HEADER = "WorkflowHeader"

LOSSES: dict[str, tuple[Change, str]] = {
    "a method": (
        lambda d: remove(d["methods"], "workflows.list"), "workflows.list: is gone",
    ),
    "a notification": (
        lambda d: remove(d["x-notifications"]["outgoing"], "runs.changed"),
        "runs.changed: is gone",
    ),
    "a notification that is accepted": (
        lambda d: remove(d["x-notifications"]["incoming"], "system.exit"), "system.exit: is gone",
    ),
    "a param": (
        lambda d: remove(method(d, "workflows.list")["params"], "tags"),
        "workflows.list.tags: is not accepted any more",
    ),
    "a bound of a param": (
        lambda d: param(d, "limit", "workflows.list")["schema"]["anyOf"][0].update(maximum=100),
        "workflows.list.limit: maximum 500 where 100 is the bound",
    ),
    "null for a param": (
        lambda d: param(d, "category", "workflows.list")["schema"]["anyOf"].pop(),
        "workflows.list.category: null is not accepted any more",
    ),
    "a value of a param": (
        lambda d: param(d, "order_by", "workflows.list")["schema"]["anyOf"][0]["enum"].remove(
            "name"
        ),
        "workflows.list.order_by: 'name' is not accepted any more",
    ),
    "the type of a param": (
        lambda d: param(d, "archived", "workflows.list")["schema"]["anyOf"][0].update(
            type="string"
        ),
        "workflows.list.archived: boolean is not accepted any more",
    ),
    "a param that may be left out": (
        lambda d: param(d, "tags", "workflows.list").update(required=True),
        "workflows.list.tags: is required now",
    ),
    "the place of a param": (
        lambda d: method(d, "workflows.list")["params"].reverse(),
        "workflows.list: params by position have another order",
    ),
    "the default of a param": (
        lambda d: param(d, "limit", "workflows.list")["schema"].update(default=10),
        "workflows.list.limit: has another default",
    ),
    "a member of a result": (
        lambda d: schema(d, "WorkflowsListResult")["properties"].pop("total"),
        "workflows.list: result.total: is gone",
    ),
    "a member of an item": (
        lambda d: schema(d, HEADER)["properties"].pop("run_count"),
        "workflows.list: result.items[].run_count: is gone",
    ),
    "a member that is always there": (
        lambda d: schema(d, HEADER)["required"].remove("name"),
        "workflows.list: result.items[].name: may be missing now",
    ),
    "a value of an enumeration": (
        lambda d: schema(d, "RunStatus")["enum"].remove("cancelled"),
        "runs.list: result.items[].status: 'cancelled' is not in the enumeration any more",
    ),
    "a value without null": (
        lambda d: schema(d, HEADER)["properties"].update(
            name={"anyOf": [schema(d, HEADER)["properties"]["name"], {"type": "null"}]}
        ),
        "workflows.list: result.items[].name: null was excluded",
    ),
    "a bound of a result": (
        lambda d: schema(d, HEADER)["properties"]["name"].pop("maxLength"),
        "workflows.list: result.items[].name: maxLength None where 512 is the bound",
    ),
    "the type of a result": (
        lambda d: schema(d, HEADER)["properties"].update(run_count={"type": "string"}),
        "workflows.list: result.items[].run_count: string was excluded",
    ),
    "a member of a notification": (
        lambda d: remove(
            next(e for e in d["x-notifications"]["outgoing"] if e["name"] == "runs.changed")[
                "params"
            ],
            "seq",
        ),
        "runs.changed.seq: is gone",
    ),
    "an error": (lambda d: d["components"]["errors"].pop("Conflict"), "error Conflict: is gone"),
    "the code of an error": (
        lambda d: d["components"]["errors"]["Conflict"].update(code=1),
        "error Conflict: has another code",
    ),
    "a limit": (
        lambda d: d["x-limits"].update(page=100), "limit page: 100 where 500 was published",
    ),
    "a value that is a multiple": (
        lambda d: param(d, "limit", "workflows.list")["schema"]["anyOf"][0].update(multipleOf=10),
        "workflows.list.limit: multipleOf None where 10 is the bound",
    ),
    "the default within a param": (
        lambda d: schema(d, "WorkflowsSaveWorkflow")["properties"]["category"].update(default="x"),
        "workflows.save.workflow.category: has another default",
    ),
    "params by position": (
        lambda d: method(d, "workflows.list").update(paramStructure="by-name"),
        "workflows.list: paramStructure differs",
    ),
    "progress and cancel": (
        lambda d: method(d, "workflows.import").pop("x-long"), "workflows.import: x-long differs",
    ),
    "the order of answers": (
        lambda d: method(d, "workflows.list").update({"x-long": True}),
        "workflows.list: x-long differs",
    ),
    "a method without a database": (
        lambda d: method(d, "system.check").pop("x-rescue"), "system.check: x-rescue is gone",
    ),
    "one of two types of a result": (
        lambda d: schema(d, "WorkflowsListResult")["properties"]["next_cursor"].update(
            anyOf=[{"type": "null"}]
        ),
        "workflows.list: result.next_cursor: string is not sent any more",
    ),
    "a line on stderr": (
        lambda d: d["x-stderr"].pop(), "#/components/schemas/Undelivered: is gone",
    ),
    "a member of a line on stderr": (
        lambda d: schema(d, "StartFailed")["properties"].pop("pid"), "StartFailed.pid: is gone",
    ),
    "a setting": (lambda d: remove(d["x-settings"], "theme"), "theme: is gone"),
    "the type of a setting": (
        lambda d: setting(d, "theme").update(type="number"),
        "theme: string is not accepted any more",
    ),
    "a bound of a setting": (
        lambda d: setting(d, "revision_keep_count").update(maximum=10),
        "revision_keep_count: maximum 100000 where 10 is the bound",
    ),
    "the default of a setting": (
        lambda d: setting(d, "revision_keep_count").update(default=10),
        "revision_keep_count: has another default",
    ),
    "the effect of a setting": (
        lambda d: setting(d, "revision_keep_count").update(used=False),
        "revision_keep_count: is not used any more",
    ),
    "an exit code": (
        lambda d: d["x-exit-codes"][1].update(name="other"), "exit code 2: is other now",
    ),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_published_cannot_be_lost(loss: str) -> None:
    change, expected = LOSSES[loss]

    assert expected in compare(CONTRACT, changed(change))


def add_all(document: dict[str, Any]) -> None:
    """Add to a contract what a minor version may add."""
    listed = method(document, "workflows.list")
    optional = {"name": "more", "required": False, "schema": {"type": "string"}}
    listed["params"].append(optional)
    param(document, "limit", "workflows.list")["schema"]["anyOf"][0]["maximum"] = 1000
    param(document, "order_by", "workflows.list")["schema"]["anyOf"][0]["enum"].append("size")
    document["methods"].append({**listed, "name": "workflows.other"})
    header = schema(document, HEADER)
    header["properties"]["more"] = {"type": "string"}
    header["required"].append("more")
    header["properties"]["name"]["maxLength"] = 100
    schema(document, "RunStatus")["enum"].append("paused")
    document["x-limits"]["page"] = 1000
    document["components"]["errors"]["Other"] = {}
    method(document, "system.ping")["x-rescue"] = method(document, "runs.get")["x-rescue"] = True
    header["properties"]["description"] = {"type": "string"}
    setting(document, "revision_keep_count").update(maximum=1_000_000)
    setting(document, "theme")["used"] = True


def test_a_later_contract_may_gain() -> None:
    assert compare(CONTRACT, CONTRACT) == []
    assert compare(CONTRACT, changed(add_all)) == []


def test_the_contract_of_now_has_all_that_was_published() -> None:
    command = [sys.executable, "build/published.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
