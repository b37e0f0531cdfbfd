"""Serves batches and malformed lines through the library jsonrpcserver.

A lane is one of the two ways a message takes: a single well-formed request goes straight from
msgspec to its method (the direct lane), every other message through jsonrpcserver (this lane).
Both end in the same typed call. This is the only module that uses the library. Its import takes
110 to 150 ms (asyncio, jsonschema), so it is imported when a line first needs it. It is given one
member of a batch at a time, because one bad member would fail the whole batch in it; its
deserializer is our envelope, with the params still raw, and its validator our check.

Where the library differs from the JSON-RPC 2.0 specification, the specification is followed: an
invalid request with a readable id is answered with that id, a method name that is not a string is
an invalid request, and the text of an exception is never sent.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from msgspec import UNSET

from sidecar.errors import Internal, InvalidRequest, ParseError, SidecarError
from sidecar.wire.envelope import Request


def load_jsonrpcserver() -> ModuleType:
    """Import and return the library."""
    import warnings  # noqa: PLC0415 - needed for this import only

    with warnings.catch_warnings():
        # Version 5.0.9 uses importlib.resources.read_text, which is deprecated since Python 3.11.
        warnings.simplefilter("ignore", DeprecationWarning)
        import jsonrpcserver  # noqa: PLC0415 - 110 ms that most sessions do not need
    return jsonrpcserver


class _AnyMethod(Mapping[str, Callable[..., Any]]):
    """A table of methods that has the typed call under every name."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._function

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def dispatch(read: Callable[[], Request], serve: Callable[[Request], None]) -> SidecarError | None:
    """Dispatch one message with jsonrpcserver.

    `read` returns the request, or raises ParseError or InvalidRequest; `serve` is the typed call.
    Return None when `serve` was called, else the error to answer with.
    """
    library = load_jsonrpcserver()
    refused: list[SidecarError] = []
    served: list[Request] = []

    def deserialize(_text: str) -> dict[str, object]:
        try:
            request = read()
        except InvalidRequest as error:
            refused.append(error)
            return {}
        except ParseError as error:
            refused.append(error)
            raise
        member: dict[str, object] = {"method": request.method, "params": [request]}
        if request.id is not UNSET:
            member["id"] = request.id
        return member

    def validate(member: dict[str, object]) -> None:
        if not member:
            raise refused[0]

    def call(request: Request) -> Any:
        served.append(request)
        serve(request)
        return library.Success(None)

    library.dispatch_to_response(
        "",
        _AnyMethod(call),
        deserializer=deserialize,
        validator=validate,
    )
    if served:
        return None
    return refused[0] if refused else Internal()
