"""Tests that stdout has JSON-RPC only, whatever handlers, locales and parents do."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.process.child_process import (
    Child,
    environment,
    misbehaving,
    product,
    request,
    saving,
    until,
)
from tests.process.conftest import Spawn

NOISES = (
    "noise of print",
    "noise of sys.stdout",
    "noise of descriptor 1",
    "noise of C",
    "noise of a child",
)


def _is_on_stderr(child: Child, text: str) -> bool:
    return text in child.stderr_text()


def test_stdio_05_what_handlers_print_never_reaches_the_wire(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, *half))
    answer = child.call("test.noise")
    child.send(request("system.ping"))
    lines, code = child.finish()

    assert answer["result"]["read"] == 0, "the handler's child read from our stdin"
    assert answer["result"]["seconds"] < 10
    assert [json.loads(line).get("id") for line in lines] == [1, None]
    assert code == 0
    for noise in NOISES:
        assert noise in child.stderr_text()


def test_a_secret_in_an_exception_stays_on_stderr(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(misbehaving("--database", database, *half))
    for method in ("test.fail", "test.fail_long"):
        error = child.call(method)["error"]
        assert error["code"] == -32603
        assert "sk-sentinel" not in json.dumps(error)
        incident = error["data"]["incident"]
        assert until(partial(_is_on_stderr, child, incident))
    assert "result" in child.call("system.ping")


# --- characters -------------------------------------------------------------------------------

SPLITTERS = "a\u2028b\u2029c\rd\u0085e\x0bf\x1cg"


def test_stdio_09_characters_that_split_lines_never_leave_raw(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database, *half))
    workflow = {"name": SPLITTERS, "data": {"key " + SPLITTERS: SPLITTERS}, "tags": ["x"]}
    raw = json.dumps(workflow, ensure_ascii=False).replace('"tags"', '\r"tags"')
    line = (
        '{"jsonrpc":"2.0","id":1,\r"method":"workflows.save","params":{"workflow":RAW}}\n'.replace(
            "RAW", raw
        )
    )
    child.send(line.encode())
    saved = child.answer()["result"]
    child.send(request("workflows.get", {"id": saved["id"]}, SPLITTERS))
    child.send(request("workflows.list", {}, 3) + request(SPLITTERS, {SPLITTERS: 1}, 4))
    lines, _code = child.finish()

    raw_out = b"\n".join(lines)
    for splitter in ("\u2028", "\u2029", "\r"):
        assert splitter.encode() not in raw_out
    answers = {each["id"]: each for each in map(json.loads, lines) if "id" in each}
    assert answers[SPLITTERS]["result"]["workflow"]["data"] == workflow["data"]
    assert answers[SPLITTERS]["result"]["workflow"]["name"] == SPLITTERS
    assert answers[3]["result"]["items"][0]["name"] == SPLITTERS


LONE = [
    '{"name":"\\ud800","data":{}}',
    '{"name":"x","data":{"a":["\\udfff"]}}',
    '{"name":"x","data":{"\\ud800":1}}',
    '{"name":"x","data":{},"description":"\\ud800x"}',
    '{"name":"x","data":{"n":NaN}}',
    '{"name":"x","data":{"n":-Infinity}}',
]


@pytest.mark.parametrize("workflow", LONE)
def test_stdio_09_a_lone_surrogate_or_nan_is_refused_and_nothing_is_stored(
    workflow: str, spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    before = child.result("system.stats")
    child.send(
        b'{"jsonrpc":"2.0","id":7,"method":"workflows.save","params":{"workflow":%b}}\n'
        % workflow.encode()
    )
    answer = child.answer()
    after = child.result("system.stats")

    assert answer["id"] == 7
    assert answer["error"]["code"] == -32602
    assert answer["error"]["data"]["path"].startswith("$.params")
    counted = ("workflows", "revisions", "audit_entries", "live_bytes")
    assert [before[key] for key in counted] == [after[key] for key in counted]
    assert child.result("workflows.list")["items"] == []


LOCALES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"},
    "cp932": {"PYTHONIOENCODING": "cp932", "PYTHONUTF8": "0"},
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "plain": {},
}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("locale", LOCALES)
def test_stdio_10_the_bytes_are_the_same_under_every_locale(
    locale: str, end: bytes, half: list[str], spawn: Spawn, tmp_path: Path
) -> None:
    env = environment(**LOCALES[locale])
    name = "sim.db" if locale == "C" else "é日.db"  # the locale C has no such name
    child = spawn(product("--database", tmp_path / name, *half), env=env)
    text = "Grüße 日本語 🙂 \u00a0 ÿ"
    workflow = {"id": "w", "name": text, "data": {text: [text]}}
    lines = [
        request("workflows.save", {"workflow": workflow}, "öß"),
        request("workflows.get", {"id": "w"}, 2),
    ]
    child.send(b"".join(line.rstrip(b"\n") + end for line in lines))
    out, code = child.finish()

    assert code == 0
    assert not any(line.endswith(b"\r") for line in out)
    answers = [json.loads(line) for line in out]
    assert answers[0]["id"] == "öß"
    got = next(each for each in answers if each.get("id") == 2)["result"]["workflow"]
    assert got["name"] == text
    assert json.dumps(workflow["data"], ensure_ascii=False).encode() in b"\n".join(out)
    assert child.ready["database"].endswith(name)


def test_stdio_10_a_path_that_is_no_text_is_refused_as_wrong_usage(spawn: Spawn) -> None:
    child = spawn([*product("--database"), b"/tmp/\xff.db"], ready=False)

    assert child.wait_exit() == 2
    assert "not text" in child.stderr_text()
    assert child.rest() == []


# --- descriptors ------------------------------------------------------------------------------


def test_it_serves_over_a_socket_pair_as_node_hands_it(
    half: list[str], spawn: Spawn, database: Path
) -> None:
    (in_ours, in_theirs), (out_ours, out_theirs) = socket.socketpair(), socket.socketpair()
    with in_ours, out_ours:
        with in_theirs, out_theirs:
            child = spawn(
                product("--database", database, *half),
                ready=False,
                stdin=in_theirs.fileno(),
                stdout=out_theirs.fileno(),
            )
        in_ours.sendall(saving("over a socket") + request("workflows.list", {}, 2))
        in_ours.shutdown(socket.SHUT_WR)
        with out_ours.makefile("rb") as stream:
            messages = [json.loads(line) for line in stream]

    assert child.wait_exit() == 0
    assert messages[0]["method"] == "system.ready"
    listed = next(each for each in messages if each.get("id") == 2)
    assert listed["result"]["items"][0]["name"] == "over a socket"
    assert messages[-1]["method"] == "system.closing"


def test_it_serves_over_one_socket_for_both_directions(spawn: Spawn, database: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = spawn(
                product("--database", database),
                ready=False,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
            )
        ours.sendall(request("system.ping"))
        ours.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as stream:
            messages = [json.loads(line) for line in stream]

    assert [each.get("id") for each in messages] == [None, 1, None]
    assert child.wait_exit() == 0


def test_it_serves_from_a_file_into_a_file(half: list[str], spawn: Spawn, database: Path) -> None:
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as sink:
        source.write(saving("from a file") + request("workflows.list", {}, 2))
        source.seek(0)
        child = spawn(
            product("--database", database, *half),
            ready=False,
            stdin=source.fileno(),
            stdout=sink.fileno(),
        )
        code = child.wait_exit()
        sink.seek(0)
        messages = [json.loads(line) for line in sink]

    assert code == 0, child.stderr_text()
    assert messages[0]["method"] == "system.ready"
    assert [each["id"] for each in messages if "id" in each] == [1, 2]
    assert messages[-1]["method"] == "system.closing"


CLOSED = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("closed", CLOSED)
def test_descriptors_that_are_closed_at_the_start_harm_nothing(
    closed: tuple[int, ...], spawn: Spawn, database: Path
) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    child = spawn(product("--database", database), ready=False, before=close)
    if 0 not in closed:
        child.send(saving("kept"))
        child.close_stdin()

    assert child.wait_exit() == 0
    if 1 not in closed:
        assert b"system.ready" in child.rest()[0]
    with open(database, "rb") as file:  # noqa: PTH123 - its first bytes only
        assert file.read(16) == b"SQLite format 3\0"
    again = spawn(product("--database", database))
    assert len(again.result("workflows.list")["items"]) == (0 not in closed)


def test_it_opens_no_network_socket_and_leaks_no_descriptor(spawn: Spawn, database: Path) -> None:
    child = spawn(product("--database", database))
    child.result("workflows.save", {"workflow": {"name": "x", "data": {}}})
    child.send(b"[]\n")  # through jsonrpcserver as well, which imports asyncio
    child.answer()
    child.result("system.check", {"full": True})
    opened = list(targets(child))
    child.send(b"".join(saving(f"w{number}", request_id=number) for number in range(200)))
    child.answers(200)

    assert not any(target.startswith("socket:") for target in opened)
    assert len(list(targets(child))) == len(opened)
    theirs = [target for target in opened if "/" in target and not target.startswith("/dev/")]
    assert {Path(target).parent for target in theirs if "[" not in target} == {
        database.parent,
        *(Path(t).parent for t in theirs if t.startswith("/tmp") and "deleted" in t),
    }


def targets(child: Child) -> Iterator[str]:
    """Return what the descriptors of the process are."""
    for entry in Path(f"/proc/{child.pid}/fd").iterdir():
        yield str(entry.readlink())


def test_a_child_process_of_a_handler_inherits_no_descriptor_of_ours(
    spawn: Spawn, database: Path
) -> None:
    child = spawn(product("--database", database))
    for entry in Path(f"/proc/{child.pid}/fdinfo").iterdir():
        flags = int(entry.read_text().split("flags:")[1].split()[0], 8)
        if int(entry.name) > 2:
            assert flags & os.O_CLOEXEC, entry.name


def test_every_kind_of_noise_is_really_made(tmp_path: Path) -> None:
    """Without the claim of stdout the noise is there, so that the other tests prove something."""
    program = "import runpy, sys; ns = runpy.run_path(sys.argv[1]); ns['noise'](None, None)"
    run = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).with_name("misbehaving.py"))],
        env=environment(),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=True,
        cwd=tmp_path,
        timeout=120,
    )
    for noise in NOISES:
        assert noise.encode() in run.stdout
