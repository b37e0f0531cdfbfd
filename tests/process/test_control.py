"""Cancel and exit are recognised in every form that JSON-RPC allows."""

import json
from pathlib import Path

import pytest

from tests.process.child_process import forked, forked_misbehaving, request
from tests.process.conftest import Spawn

LONG_ID = "L" * 300

CANCELS = {
    "plain": '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"target"}}',
    "in a batch": '[{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"target"}}]',
    "beside others in a batch": '[{"jsonrpc":"2.0","method":"$/cancelRequest","params":'
    '{"id":"target"}},{"jsonrpc":"2.0","method":"system.ping"}]',
    "by position": '{"jsonrpc":"2.0","method":"$/cancelRequest","params":["target"]}',
    "with the method last": '{"params":{"id":"target"},"jsonrpc":"2.0","method":"$/cancelRequest"}',
    "with an escaped slash": '{"jsonrpc":"2.0","method":"$\\/cancelRequest","params":'
    '{"id":"target"}}',
    "with an escaped letter": '{"jsonrpc":"2.0","method":"$/\\u0063ancelRequest","params":'
    '{"id":"\\u0074arget"}}',
    "with a member more": '{"jsonrpc":"2.0","method":"$/cancelRequest","params":'
    '{"id":"target","reason":1}}',
    "behind many blanks": '{"jsonrpc":"2.0",'
    + " " * 9000
    + '"method":"$/cancelRequest",'
    + " " * 9000
    + '"params":{"id":"target"}}',
}

EXITS = {
    "plain": '{"jsonrpc":"2.0","method":"system.exit"}',
    "in a batch": '[{"jsonrpc":"2.0","method":"system.exit"}]',
    "with params": '{"jsonrpc":"2.0","method":"system.exit","params":[]}',
    "escaped": '{"jsonrpc":"2.0","method":"system\\u002eexit"}',
    "behind many blanks": '{"jsonrpc":"2.0",'
    + " " * 9000
    + '"method":"system.exit"'
    + " " * 9000
    + "}",
}


@pytest.mark.parametrize("form", CANCELS)
def test_a_cancel_is_recognised_in_any_form(form: str, spawn: Spawn, database: Path) -> None:
    child = spawn(forked_misbehaving("--database", database))
    child.send(request("test.work", {"tag": "target"}, "target"))
    child.notification("$/progress")

    child.send(CANCELS[form].encode() + b"\n")

    assert child.answer()["error"]["data"]["slug"] == "cancelled"


@pytest.mark.parametrize("form", EXITS)
def test_an_exit_is_recognised_in_any_form(form: str, spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database))

    child.send(EXITS[form].encode() + b"\n" + request("system.ping", None, "late"))

    answers = [json.loads(line) for line in child.rest()]
    assert child.wait_exit() == 0
    assert [each["error"]["data"]["slug"] for each in answers if each.get("id") == "late"] == [
        "shutting_down"
    ]


def test_an_exit_of_another_version_of_json_rpc_is_none(spawn: Spawn, database: Path) -> None:
    child = spawn(forked("--database", database))

    child.send(b'{"jsonrpc":"1.0","method":"system.exit"}\n')

    child.answer()
    assert "result" in child.call("system.ping")
