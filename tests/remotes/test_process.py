"""The real process while a courier works: no socket of its own, and an end that does not wait."""

import os
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.child_process import Child, environment, product, request
from tests.promptness import within
from tests.remotes.proxy import proxy_to
from tests.remotes.s3_server import ADMIN, BUCKET, Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at descriptors in /proc")


def couriers_of(pid: int) -> list[int]:
    """Return the ids of the couriers that a process has started."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            status = (each / "stat").read_text().rpartition(")")[2].split()
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(status[1]) == pid and b"courier" in words:
            found.append(int(each.name))
    return found


def links_of(pid: int) -> list[str]:
    """Return what the descriptors of a process lead to."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except OSError:
            continue
    return found


def wait_for(condition: object, limit_s: float = 60) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + limit_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_push_opens_no_socket_in_the_serving_process_and_does_not_delay_its_end(
    s3: Server, tmp_path: Path
) -> None:
    secrets = environment(AWS_SECRET_ACCESS_KEY="not-for-the-courier", SIM_TEST_MARK="mark")
    with (
        proxy_to(s3.port) as proxy,
        closing(Child(product("--database", tmp_path / "sim.db"), env=secrets)) as child,
    ):
        proxy.bytes_per_s = 1000
        child.wait_ready()
        child.result("secrets.initialize", {"passphrase": "correct horse"})
        child.result("secrets.add_recovery")
        child.result("settings.set", {"key": "remote_push", "value": "off"})
        url = s3.url_of(BUCKET, proxy.port, f"process-{os.getpid()}")
        child.result("remotes.set", {"url": url, "credentials": ADMIN})
        child.send(request("remotes.push", {}, 9))
        wait_for(lambda: couriers_of(child.pid))
        (courier,) = couriers_of(child.pid)
        wait_for(lambda: any(each.startswith("socket:") for each in links_of(courier)))

        sockets = [each for each in links_of(child.pid) if each.startswith("socket:")]
        variables = Path(f"/proc/{courier}/environ").read_bytes()
        words = Path(f"/proc/{courier}/cmdline").read_bytes()
        with within(10):
            lines, code = child.finish()

    assert sockets == []
    assert b"AWS_" not in variables
    assert b"SIM_TEST_MARK" not in variables
    assert ADMIN.split()[1].encode() not in variables + words
    assert code == 0
    assert any(b'"cancelled"' in line for line in lines)
    wait_for(lambda: not Path(f"/proc/{courier}").exists())
