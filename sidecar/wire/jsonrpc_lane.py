"""The lane through jsonrpcserver: batches member by member, and everything malformed.

The only door to that library. It costs 110 to 150 ms to import (asyncio, jsonschema), so it is
loaded when a line first needs it. Handed one member at a time, since one bad member fails a
whole batch in it; its deserializer is our envelope with the params still raw, its validator our
check, and its methods end in the same typed call as the direct lane.

Where it differs from the JSON-RPC 2.0 specification the specification wins: an invalid request
whose id could be read is answered with that id, a method name that is no string is an invalid
request, and an exception's text never reaches the peer.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from msgspec import UNSET

from sidecar.errors import Internal, InvalidRequest, ParseError, SidecarError
from sidecar.wire.envelope import Request


def load_jsonrpcserver() -> ModuleType:
    """Import the library; the one place that does."""
    import warnings  # noqa: PLC0415 - needed for this import only

    with warnings.catch_warnings():
        # 5.0.9 reads its schema by importlib.resources.read_text, deprecated since 3.11.
        warnings.simplefilter("ignore", DeprecationWarning)
        import jsonrpcserver  # noqa: PLC0415 - 110 ms that most sessions never pay
    return jsonrpcserver


class _AnyMethod(Mapping[str, Callable[..., Any]]):
    """Lets every name through to the typed call, which knows the real table."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._function

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def dispatch(read: Callable[[], Request], serve: Callable[[Request], None]) -> SidecarError | None:
    """Send one message through jsonrpcserver.

    `read` gives the request or raises ParseError or InvalidRequest; `serve` is the typed call.
    Returns the error to answer with when the call was not reached, else None.
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
