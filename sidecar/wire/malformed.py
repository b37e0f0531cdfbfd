"""Lines the direct lane cannot take: says exactly what is wrong with each.

Finds the id where one can be read, so that the client's pending call ends. Knows the specific
faults that real peers send: LSP framing, NaN, lone surrogates, bad UTF-8, endless nesting.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits
from sidecar.errors import InvalidParams, InvalidRequest, ParseError, SidecarError
from sidecar.wire import envelope
from sidecar.wire.envelope import Request, RequestId


class _LooseRequest(msgspec.Struct):
    """A request whose members may have any type, to find out what is wrong with it."""

    jsonrpc: Raw | UnsetType = UNSET
    method: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


class Refusal(Exception):
    """A line that gets an error answer at once, with the id where one could be read."""

    def __init__(self, error: SidecarError, request_id: RequestId | UnsetType = None) -> None:
        """Keep both; an absent id means a notification, which is not answered."""
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


def oversize() -> SidecarError:
    """The error for a line over the limit."""
    return InvalidRequest(
        "The line is longer than allowed.",
        limit=limits.LINE_MAX_BYTES,
        hint="Send large payloads in parts, or by file path.",
    )


def too_deep(line: bytes) -> Refusal:
    """The refusal of a line that nests too deep.

    The id is read from what stands before the first deep opener and after the last closer.
    """
    error = InvalidRequest("The line nests deeper than allowed.", limit=limits.DEPTH_MAX)
    if line.lstrip()[:1] != b"{":
        return Refusal(error)
    begin = _second_opener(line)
    end = max(line.rfind(b"}", 0, line.rfind(b"}")), line.rfind(b"]"))
    if begin < 0 or end < begin:
        return Refusal(error)
    try:
        request = envelope.decode_request(line[:begin] + b"null" + line[end + 1 :])
        envelope.check(request)
    except (msgspec.DecodeError, UnicodeDecodeError, SidecarError, RecursionError):
        return Refusal(error)
    if envelope.params_kind(request.params) != b"n" or request.params is UNSET:
        return Refusal(error)
    deep = InvalidParams(
        "The params nest deeper than allowed.", path="$.params", limit=limits.DEPTH_MAX
    )
    return Refusal(deep, request.id)


def _second_opener(line: bytes) -> int:
    """Where the second bracket outside strings stands; -1 when there is none."""
    inside = escaped = False
    openers = 0
    for index, code in enumerate(line[: limits.FIELD_NAME_MAX_CHARS * 64]):
        if escaped:
            escaped = False
        elif inside:
            escaped = code == ord("\\")
            inside = code != ord('"')
        elif code == ord('"'):
            inside = True
        elif code in b"[{":
            openers += 1
            if openers == 2:  # noqa: PLR2004 - the request itself is the first
                return index
    return -1


def read(line: bytes) -> Request:
    """Read a line that msgspec refused, with its exact fault.

    Raises:
        Refusal: always, unless the line is a sound request after all.
    """
    try:
        line.decode()
    except UnicodeDecodeError:
        raise Refusal(ParseError("The line is not UTF-8.")) from None
    try:
        loose = msgspec.json.decode(line, type=_LooseRequest)
    except msgspec.ValidationError:
        raise _no_object(line) from None
    except (msgspec.DecodeError, RecursionError):
        raise _not_json(line) from None
    request_id = _read_id(loose.id)
    method = _decode(loose.method, str)
    version = _decode(loose.jsonrpc, str)
    if method is None:
        error = InvalidRequest('"method" must be a string.', path="$.method")
        raise Refusal(error, None if request_id is UNSET else request_id)
    request = Request(method, version or "", request_id, loose.params)
    try:
        envelope.check(request)
    except InvalidRequest as error:
        raise Refusal(error, None if request_id is UNSET else request_id) from None
    return request


def _no_object(line: bytes) -> Refusal:
    """Tell JSON that is no object from a text that breaks off behind its first character."""
    try:
        msgspec.json.decode(line, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return _not_json(line)
    return Refusal(InvalidRequest("A request is a JSON object."))


def _decode(raw: Raw | UnsetType, kind: type[str]) -> str | None:
    if raw is UNSET:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read_id(raw: Raw | UnsetType) -> RequestId | UnsetType:
    """The id of a request, UNSET when there is none.

    Raises:
        Refusal: it is of a type an id cannot have.
    """
    if raw is UNSET:
        return UNSET
    try:
        request_id: object = msgspec.json.decode(raw, type=str | int | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        request_id = object()
    if not envelope.request_id_fits(request_id):
        error = InvalidRequest("The id must be a string, an integer or null.", path="$.id")
        raise Refusal(error)
    return request_id  # type: ignore[return-value]  # checked by request_id_fits


def _not_json(line: bytes) -> Refusal:
    """Tell NaN and lone surrogates, which other parsers accept, from what is no JSON at all."""
    import json  # noqa: PLC0415 - 7 ms that only a malformed line pays

    if line.lstrip()[:15].lower() == b"content-length:":
        hint = "Send one JSON message a line (NDJSON), without Content-Length headers."
        return Refusal(ParseError(hint=hint))
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Refusal(ParseError())
    path = _unsound(value, "$")
    if not isinstance(value, dict) or path is None:
        return Refusal(ParseError())
    request_id = value.get("id", UNSET)
    if request_id is not UNSET and (
        not envelope.request_id_fits(request_id) or _unsound(request_id, "") is not None
    ):
        return Refusal(InvalidRequest("The id must be a string, an integer or null.", path="$.id"))
    if not path.startswith("$.params"):
        return Refusal(InvalidRequest("A member is not valid Unicode or not a number.", path=path))
    error = InvalidParams("NaN, Infinity and lone surrogates are not JSON.", path=path)
    return Refusal(error, request_id)


def _unsound(value: object, path: str) -> str | None:
    """Path of the first value that strict JSON does not have, None when there is none."""
    if isinstance(value, float):
        return path if value != value or value in (float("inf"), float("-inf")) else None  # noqa: PLR0124
    if isinstance(value, str):
        return path if any("\ud800" <= char <= "\udfff" for char in value) else None
    members: list[tuple[str, object]] = []
    if isinstance(value, dict):
        for name, member in value.items():
            if _unsound(name, path) is not None:
                return path
            members.append((f"{path}.{name[: limits.FIELD_NAME_MAX_CHARS]}", member))
    elif isinstance(value, list):
        members = [(f"{path}[{index}]", member) for index, member in enumerate(value)]
    for member_path, member in members:
        found = _unsound(member, member_path)
        if found is not None:
            return found
    return None
