"""The requests of the page: the state, frames, calls, graphs and a new copy."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import msgspec

from sidecar import __version__
from sidecar.errors import SidecarError
from sidecar.inspector import graphs, permitted
from sidecar.inspector.frames import Frames
from sidecar.inspector.gate import Refused
from sidecar.inspector.served import Answer, Ended
from sidecar.inspector.sources import Source
from sidecar.limits import inspector as limits
from sidecar.own_command import typed_command

Mode = Literal["copy", "write", "through"]
"""Whether the page shows a copy, the file itself, or the traffic of a host."""


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """A call of one method."""

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class GraphOf(msgspec.Struct, forbid_unknown_fields=True):
    """The workflow whose graph is requested."""

    id: str
    revision: int | None = None


class State(msgspec.Struct, frozen=True):
    """The state of the inspector, as the page shows it."""

    mode: Mode
    version: str
    database: str | None
    copied_at: int | None
    command: list[str] | None
    """The command of `--through`."""
    program: str
    """The command with which a person starts this program."""
    reading: list[str]
    """The methods that change nothing."""
    restore: str


class _Body(msgspec.Struct):
    """The member of the result of `workflows.get` that has the body."""

    data: msgspec.Raw


class _Found(msgspec.Struct):
    workflow: _Body


class _Place(msgspec.Struct):
    database: str


class _Ready(msgspec.Struct):
    """The part of `system.ready` that says which database is served."""

    params: _Place


class Session:
    """One inspector, without its web server."""

    def __init__(
        self,
        mode: Mode,
        source: Source,
        frames: Frames,
        command: list[str] | None = None,
    ) -> None:
        """Connect the parts of the inspector."""
        self.mode: Mode = mode
        self.source = source
        self.frames = frames
        self.command = command
        frames.notified = self._notified

    def _notified(self, method: str, line: bytes) -> None:
        """Read from a notification which database the host's sidecar serves."""
        if self.mode == "through" and method == "system.ready":
            with suppress(msgspec.DecodeError):
                found = msgspec.json.decode(line, type=_Ready)
                self.source.database = Path(found.params.database)

    def get(self, path: str, query: dict[str, str]) -> bytes:
        """Answer a GET.

        Raises:
            Refused: there is no such path, or no such frame.
        """
        if path == "state":
            return msgspec.json.encode(self._state())
        if path == "frames":
            page = self.frames.after(_number(query, "after"), limits.POLL_S)
            return msgspec.json.encode(page)
        if path == "frame":
            found = self.frames.find(_number(query, "seq"))
            if found is not None:
                return msgspec.json.encode(found)
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")

    def post(self, path: str, body: bytes) -> bytes:
        """Answer a POST.

        Raises:
            Refused: there is no such path, the body is wrong, or a write is not allowed.
        """
        work: dict[str, Callable[[bytes], bytes]] = {
            "call": self._call,
            "graph": self._graph,
            "copy": self._copy,
        }
        if path not in work:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")
        try:
            return work[path](body)
        except (msgspec.DecodeError, RecursionError) as fault:
            raise Refused(
                HTTPStatus.BAD_REQUEST, "invalid", f"The request has the wrong form: {fault}."
            ) from None
        except SidecarError as fault:
            return msgspec.json.encode({"error": fault.as_wire()})
        except Ended as ended:
            raise Refused(HTTPStatus.BAD_GATEWAY, "sidecar_ended", str(ended)) from None

    def _state(self) -> State:
        """Return the state."""
        database = self.source.database
        return State(
            mode=self.mode,
            version=__version__,
            database=None if database is None else str(database),
            copied_at=self.source.copied_at,
            command=self.command,
            program=typed_command(),
            reading=sorted(permitted.READING),
            restore=permitted.RESTORE,
        )

    def _call(self, body: bytes) -> bytes:
        """Call a method."""
        call = msgspec.json.decode(body, type=Call)
        params: Any = msgspec.json.decode(call.params)
        if not self.source.writable and not permitted.is_reading(call.method, params):
            text = (
                f"{call.method} can change something, and this inspector only reads."
                " Start the inspector with --write to allow that."
            )
            raise Refused(HTTPStatus.FORBIDDEN, "write_refused", text)
        return _as_json(self.source.call(call.method, bytes(call.params)))

    def _graph(self, body: bytes) -> bytes:
        """Read the graph of a workflow."""
        wanted = msgspec.json.decode(body, type=GraphOf)
        params = {"id": wanted.id, "revision": wanted.revision}
        answer = self.source.call("workflows.get", msgspec.json.encode(params))
        if bytes(answer.error):
            return _as_json(answer)
        found = msgspec.json.decode(answer.result, type=_Found)
        return msgspec.json.encode({"result": graphs.read(bytes(found.workflow.data))})

    def _copy(self, _body: bytes) -> bytes:
        """Serve a new copy, and return the state."""
        if not self.source.writable:
            self.source.copy_again()
        return msgspec.json.encode({"result": self._state()})


def _number(query: dict[str, str], name: str) -> int:
    """Return a number from the query string.

    Raises:
        Refused: it is missing, or is not a number.
    """
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 - below 2^53
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid", f"{name} must be a number.")
    return int(text)


def _as_json(answer: Answer) -> bytes:
    """Return an answer with the result or the error exactly as the sidecar wrote it."""
    if bytes(answer.error):
        return b'{"error":' + bytes(answer.error) + b"}"
    return b'{"result":' + bytes(answer.result) + b"}"
