"""`inspect --through` stands between a host and its sidecar, and neither notices."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.inspector.inspectors import Page
from tests.process.child_process import (
    Child,
    ended,
    product,
    request,
    saving,
    until,
)

Spawn = Callable[..., Child]


def through(command: list[str]) -> list[str]:
    """The command that a host starts in the place of another one."""
    return [sys.executable, "-m", "sidecar", "inspect", "--through", "--", *command]


def address_in(child: Child) -> str:
    """The address of the page, from the line on stderr."""
    assert until(lambda: '"inspector"' in child.stderr_text())
    lines = [json.loads(line) for line in child.stderr_text().splitlines()]
    (line,) = (line for line in lines if line.get("event") == "inspector")
    return str(line["url"])


def frames(page: Page, enough: Callable[[list[Any]], bool]) -> list[Any]:
    """The frames that were seen, once there are enough."""
    found: list[Any] = []

    def look() -> bool:
        found[:] = page.get("/api/frames?after=0").json["frames"]
        return enough(found)

    assert until(look), found
    return found


ECHO = """
import os, sys
os.write(2, b"!")
while data := os.read(0, 4099):
    os.write(1, data)
sys.exit(int(sys.argv[1]))
"""


def echo(code: int = 0) -> list[str]:
    """A program that returns every byte, in pieces, and writes to stderr."""
    return [sys.executable, "-c", ECHO, str(code)]


BYTES = (
    b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n'
    b"no json \xff\xfe\x00 at all\r\n\n\n"
    b'[{"id":1},{"id":2}]\n'
    + b"x" * 3_000_000
    + b"\n"
    + "zwölf € 🙂 \u2028".encode()
    + b'\n{"jsonrpc":"2.0","id":2,"met'
)
"""Lines, what is no line, a line that is longer than what is kept of it, and half a line."""


@pytest.mark.parametrize("code", [0, 255])
def test_bytes_and_exit_code_are_those_of_the_command(code: int) -> None:
    direct = subprocess.run(echo(code), input=BYTES, capture_output=True, check=False)
    passed = subprocess.run(through(echo(code)), input=BYTES, capture_output=True, check=False)

    assert passed.stdout == direct.stdout == BYTES
    assert (passed.returncode, direct.returncode) == (code, code)
    assert (direct.stderr, passed.stderr.count(b"!")) == (b"!", 1)


def test_half_a_line_is_passed_on_at_once(spawn: Spawn) -> None:
    child = spawn(through(echo()), ready=False)
    child.send(b'{"half')
    got = b""
    while len(got) < 6:
        got += os.read(child.stdout(), 100)
    child.send(b' a line"}\n')

    assert got == b'{"half'
    assert child.finish() == ([b' a line"}'], 0)


def conversation(child: Child) -> tuple[list[bytes], int]:
    """Talk to a sidecar, and return all that it says, without what differs each time."""
    child.wait_ready()
    child.send(saving("a") + b"no json\n" + request("system.nothing") + saving("b", request_id="é"))
    child.send(request("workflows.list", {"limit": 1}, 7))
    answers = child.answers(5)
    rest, code = child.finish()
    kept = [json.dumps(each).encode() for each in answers if "error" in each]
    return kept + [line for line in rest if b"closing" in line], code


def test_a_sidecar_answers_and_ends_as_without_the_inspector(spawn: Spawn, tmp_path: Path) -> None:
    direct = conversation(spawn(product("--database", tmp_path / "a.db"), ready=False))
    passed = conversation(spawn(through(product("--database", tmp_path / "b.db")), ready=False))

    assert passed == direct
    assert len(direct[0]) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_command_once_and_its_end_comes_back(
    spawn: Spawn, tmp_path: Path, number: signal.Signals
) -> None:
    direct = spawn(product("--database", tmp_path / "a.db"))
    passed = spawn(through(product("--database", tmp_path / "b.db")))
    found = []
    for child in (direct, passed):
        child.signal(number)
        found.append((child.rest(), child.wait_exit()))

    assert found[0] == found[1]


HEARS_SIGNALS = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
print("alone" if os.getpgrp() == os.getpid() else "in the group of the terminal", flush=True)
sys.stdin.readline()
"""


def test_a_signal_of_the_terminal_reaches_the_command_once(spawn: Spawn) -> None:
    """A terminal sends it to all processes of its group, and the inspector sends it on."""
    command = through([sys.executable, "-c", HEARS_SIGNALS])
    child = spawn(command, ready=False, before=os.setpgrp)
    first = child.next_line()
    os.killpg(child.pid, signal.SIGINT)

    assert (first, child.next_line()) == (b"alone", b"interrupted")
    assert child.finish() == ([], 0)


def test_a_command_that_is_killed_ends_the_inspector_by_the_same_signal(spawn: Spawn) -> None:
    child = spawn(through(product("--ephemeral")))
    os.kill(child.ready["pid"], signal.SIGKILL)

    assert child.rest() == []
    assert child.wait_exit() == -signal.SIGKILL


def test_an_inspector_that_is_killed_takes_the_command_with_it(spawn: Spawn) -> None:
    child = spawn(through(product("--ephemeral")))
    child.process.kill()

    assert ended(child.ready["pid"])


def test_a_host_that_reads_no_more_is_noticed_by_the_command(spawn: Spawn) -> None:
    endless = [sys.executable, "-c", "while True: print('x' * 1000)"]
    child = spawn(through(endless), ready=False, stderr=subprocess.DEVNULL)
    assert len(child.next_line()) == 1000
    assert child.process.stdout is not None
    child.process.stdout.close()

    assert child.wait_exit() == 1  # Python's code for a broken pipe at the end of a program


def test_a_command_that_reads_no_more_is_noticed_by_the_host(spawn: Spawn) -> None:
    deaf = [sys.executable, "-c", "import os, time; os.close(0); print('deaf', flush=True);"
            "time.sleep(60)"]  # fmt: skip
    child = spawn(through(deaf), ready=False)
    assert child.next_line() == b"deaf"

    def refuses() -> bool:
        try:
            child.send_some(b"x" * 65536, 0)
        except BrokenPipeError:
            return True
        return False

    assert until(refuses)


def test_a_descriptor_that_the_host_hands_down_reaches_the_command(spawn: Spawn) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"handed down")
    os.close(writer)
    program = f"import os; print(os.read({reader}, 100).decode())"
    child = spawn(through([sys.executable, "-c", program]), ready=False, inherit=[reader])
    os.close(reader)

    assert child.finish() == ([b"handed down"], 0)


@pytest.mark.parametrize(
    ("command", "code"), [(["/nowhere/at all"], 127), ([str(Path(__file__).parent)], 126)]
)
def test_a_command_that_cannot_start_is_told_as_a_shell_does(command: list[str], code: int) -> None:
    done = subprocess.run(through(command), input=b"", capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.startswith(b"sim-sidecar inspect: ")


def test_both_ways_are_shown_with_their_times_and_events(spawn: Spawn, tmp_path: Path) -> None:
    child = spawn(through(product("--database", tmp_path / "sim.db")))
    page = Page(address_in(child))
    child.result("settings.set", {"key": "theme", "value": "dark"})
    seen = frames(page, lambda found: any(each["method"] == "audit.event" for each in found))
    shown = [(each["direction"], each["kind"], each["method"], each["id"]) for each in seen]
    result = seen[2]

    assert shown[:4] == [
        ("from", "notification", "system.ready", None),
        ("to", "request", "settings.set", "1"),
        ("from", "result", "settings.set", "1"),
        ("from", "notification", "audit.event", None),
    ]
    assert 0 < result["duration_ms"] < 15_000
    assert (
        seen[1]["text"] == request("settings.set", {"key": "theme", "value": "dark"}).decode()[:-1]
    )


def test_the_views_show_a_copy_of_the_database_that_the_host_has_open(
    spawn: Spawn, tmp_path: Path
) -> None:
    child = spawn(through(product("--database", tmp_path / "sim.db")))
    child.result("settings.set", {"key": "theme", "value": "dark"})
    page = Page(address_in(child))
    state = page.get("/api/state").json
    found = page.call("settings.get", key="theme")
    refused = page.post("/api/call", {"method": "settings.set", "params": {}})
    seen = page.get("/api/frames?after=0").json["frames"]

    assert (state["mode"], state["database"]) == ("through", str(tmp_path / "sim.db"))
    assert found["setting"]["value"] == "dark"
    assert refused.status == 403
    assert "settings.get" not in {each["method"] for each in seen}, "the host never asked this"
    assert child.finish()[1] == 0


def test_a_secret_passes_and_is_not_shown(spawn: Spawn, tmp_path: Path) -> None:
    child = spawn(through(product("--database", tmp_path / "sim.db")))
    child.result("secrets.initialize", {"passphrase": "correct horse battery"})
    child.result("secrets.set", {"provider": "openai", "value": "sk-very-secret-0123456789"})
    got = child.result("secrets.get", {"provider": "openai"})
    page = Page(address_in(child))
    seen = frames(page, lambda found: len([f for f in found if f["kind"] == "result"]) == 3)
    texts = [page.get(f"/api/frame?seq={each['seq']}").json for each in seen]

    assert got["value"] == "sk-very-secret-0123456789"
    assert not [each for each in texts if "horse" in each["text"] or "0123456789" in each["text"]]
    assert [each["whole"] for each in texts if (each["method"] or "").startswith("secrets.")][
        :2
    ] == [False, True]
