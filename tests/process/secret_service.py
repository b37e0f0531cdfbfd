"""A real Secret Service on a bus of its own, so that no test touches a person's keychain.

`gnome-keyring-daemon` is the one of Debian. Its folders are those of the test, its bus starts
nothing by itself, and a person is never asked: there is no display.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.child_process import until

BUS = """<busconfig><type>session</type><listen>unix:path={path}</listen>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/>
<allow own="*"/></policy></busconfig>
"""
_TOOL = """
import sys, secretstorage
connection = secretstorage.dbus_init()
if sys.argv[1] == "ready":
    sys.exit(not secretstorage.Collection(connection).is_locked() is False)
collection = secretstorage.Collection(connection)
if sys.argv[1] == "lock":
    collection.lock()
elif sys.argv[1] == "count":
    found = secretstorage.search_items(connection, {"service": "sim-sidecar"})
    print(len(list(found)))
"""


class SecretService:
    """A bus and the daemon on it, in a folder."""

    def __init__(self, folder: Path) -> None:
        """Start both; skip the test where they are not installed."""
        pytest.importorskip("secretstorage", reason="comes with the extra `keyring` on Linux")
        for name in ("dbus-daemon", "gnome-keyring-daemon"):
            if shutil.which(name) is None:
                pytest.skip(f"{name} is not installed")
        self._folder = folder
        folder.mkdir(mode=0o700)
        config = folder / "bus.conf"
        config.write_text(BUS.format(path=folder / "bus"))
        self.bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
            stderr=subprocess.DEVNULL,
        )
        self.env = {
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder / 'bus'}",
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        assert until((folder / "bus").exists)
        self.daemon = self._start_daemon()

    def _start_daemon(self) -> subprocess.Popen[bytes]:
        """Start the daemon with its collection unlocked."""
        environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env={**environment, **self.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert daemon.stdin is not None
        daemon.stdin.write(b"password of the login")
        daemon.stdin.close()
        assert until(lambda: self._tool("ready").returncode == 0)
        return daemon

    def _tool(self, act: str) -> subprocess.CompletedProcess[str]:
        """Act on the daemon from a program of its own."""
        return subprocess.run(
            [sys.executable, "-c", _TOOL, act],
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def lock(self) -> None:
        """Lock the collection."""
        assert self._tool("lock").returncode == 0

    def count(self) -> int:
        """Return how many items of the product there are."""
        return int(self._tool("count").stdout)

    def stop_answering(self) -> None:
        """Stop the daemon as it is; the bus goes on."""
        self.daemon.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a stopped daemon go on."""
        self.daemon.send_signal(signal.SIGCONT)

    def kill_daemon(self) -> None:
        """Kill the daemon."""
        self.daemon.kill()
        self.daemon.wait()

    def restart_daemon(self) -> None:
        """Start the daemon again, with the items that it had."""
        self.daemon = self._start_daemon()

    def close(self) -> None:
        """End both."""
        for process in (self.daemon, self.bus):
            process.kill()
            process.wait()


class SilentBus:
    """A bus that lets a program log in and then never answers a call."""

    def __init__(self, folder: Path) -> None:
        """Listen."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "silent"))
        self._socket.listen(16)
        self._connections: list[socket.socket] = []
        self.env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder / 'silent'}"}
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        """Answer the log-in of each connection, and nothing after it."""
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._connections.append(connection)
                connection.settimeout(10)
                lines = connection.makefile("rb")
                while not (line := lines.readline()).startswith(b"BEGIN"):
                    agreed = b"AGREE_UNIX_FD" if b"NEGOTIATE" in line else b"OK " + b"0" * 32
                    connection.sendall(agreed + b"\r\n")

    def close(self) -> None:
        """Close every connection."""
        for each in (self._socket, *self._connections):
            each.close()
