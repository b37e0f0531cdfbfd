"""Starts and ends an inspector: on a database, or between a host and its sidecar."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.inspector.frames import Frames, LineRecorder
from sidecar.inspector.relay import Relay, end_as
from sidecar.inspector.session import Session
from sidecar.inspector.sources import Source
from sidecar.inspector.web import Web


def inspect_database(database: Path, *, writable: bool, port: int) -> None:
    """Serve the page about a database until the person presses Ctrl-C or the terminal is closed.

    Raises:
        Ended: the sidecar does not serve the database.
        SidecarError: the database cannot be copied.
        OSError: the port is taken.
    """
    clock = SystemClock()
    frames = Frames(clock)
    source = Source(database, clock, frames, writable=writable)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    try:
        source.open()
        web = Web(Session("write" if writable else "copy", source, frames), port)
        what = (
            "The inspector can change the database"
            if writable
            else "The inspector shows a copy and changes nothing"
        )
        sys.stdout.write(f"{what}. Open this address; press Ctrl-C to end:\n{web.address}\n")
        sys.stdout.flush()
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        source.close()


def _interrupt(_number: int, _frame: object) -> None:
    """End as after Ctrl-C, so that the copy is removed."""
    raise KeyboardInterrupt


def inspect_through(command: list[str], *, port: int) -> None:
    """Run a command in the place of the host's sidecar, show its traffic, and end as it ends.

    Only the command's own bytes are written to stdout. The page's address is written to stderr, as
    a line of JSON like those of the sidecar's log. This function does not return.

    Raises:
        OSError: the command cannot be started, or the port is taken.
    """
    clock = SystemClock()
    frames = Frames(clock)
    source = Source(None, clock, None, writable=False)
    session = Session("through", source, frames, command)
    web = Web(session, port)
    relay = Relay(command, LineRecorder(frames, "to"), LineRecorder(frames, "from"))
    line = {
        "at": clock.now_ms(),
        "level": "info",
        "event": "inspector",
        "url": web.address,
        "pid": os.getpid(),
    }
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
    code = relay.run()
    end_as(code, source.close)
