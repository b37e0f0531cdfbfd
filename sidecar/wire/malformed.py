"""Finds out what is wrong with a line that does not decode as a request.

It also finds the id where one can be read, so that the client's pending call ends. Some faults that
real clients make have errors of their own: LSP framing, NaN, lone surrogates, wrong UTF-8 and
nesting without end.
"""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits
from sidecar.errors import InvalidParams, InvalidRequest, ParseError, SidecarError
from sidecar.wire import envelope
from sidecar.wire.envelope import Request, RequestId

_ID_MAX_DIGITS = 20
"""Length of the longest integer that is accepted as an id: 2^64 - 1, or -2^63 with its sign."""


class _LooseRequest(msgspec.Struct):
    """A request whose members may have any type."""

    jsonrpc: Raw | UnsetType = UNSET
    method: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET


class Refusal(Exception):
    """A line that is answered with an error, with the id where one could be read."""

    def __init__(self, error: SidecarError, request_id: RequestId | UnsetType = None) -> None:
        """Store both; UNSET as the id means a notification, which is not answered."""
        super().__init__(error.message)
        self.error = error
        self.request_id = request_id


def oversize() -> SidecarError:
    """Return the error for a line that is longer than allowed."""
    return InvalidRequest(
        "The line is longer than allowed.",
        limit=limits.LINE_MAX_BYTES,
        hint="Send less at a time, or give the path of a file.",
    )


def too_deep(line: bytes) -> Refusal:
    """Return the refusal of a line that nests too deep.

    The id is read from what is before the second opening bracket and after the last but one
    closing bracket, which are those of the params.
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
    """Return the position of the second opening bracket outside strings, -1 if there is none."""
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
    """Decode a line that msgspec refused as a request.

    Raises:
        Refusal: with what is wrong with the line; only a valid request raises nothing, and one
            whose params can be repaired.
    """
    try:
        return _read(line)
    except Refusal:
        from sidecar.wire.mending import mend  # noqa: PLC0415 - only a malformed line needs it

        mended = mend(line)
        if mended is None:
            raise
        return mended


def _read(line: bytes) -> Request:
    """Decode a line that msgspec refused, and repair nothing."""
    if envelope.nests_deeper(line, limits.LINE_DEPTH_MAX):
        raise too_deep(line)
    if not envelope.is_utf8(line, secret=envelope.may_hold_secret(line)):
        raise Refusal(ParseError("The line is not UTF-8."))
    try:
        loose = msgspec.json.decode(line, type=_LooseRequest)
    except msgspec.ValidationError:
        raise _refuse_non_object(line) from None
    except (msgspec.DecodeError, RecursionError):
        raise _refuse_non_json(line) from None
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


def _refuse_non_object(line: bytes) -> Refusal:
    """Return the refusal of a line that is no object: other JSON, or an object that is cut off."""
    try:
        msgspec.json.decode(line, type=Raw)
    except (msgspec.DecodeError, RecursionError):
        return _refuse_non_json(line)
    return Refusal(InvalidRequest("A request is a JSON object."))


def _decode(raw: Raw | UnsetType, kind: type[str]) -> str | None:
    """Return the member decoded, or None when it is absent or of another type."""
    if raw is UNSET:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _read_id(raw: Raw | UnsetType) -> RequestId | UnsetType:
    """Return the id of a request, UNSET when there is none.

    Raises:
        Refusal: its type is none that an id can have.
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


def _refuse_non_json(line: bytes) -> Refusal:
    """Return the refusal of a line that is not JSON; NaN and lone surrogates have their own."""
    import json  # noqa: PLC0415 - 7 ms that only a malformed line needs

    if line.lstrip()[:15].lower() == b"content-length:":
        hint = "Send one JSON message a line (NDJSON), without Content-Length headers."
        return Refusal(ParseError(hint=hint))
    if envelope.may_hold_secret(line):
        return Refusal(ParseError())  # to say more would take copies of it
    try:
        value = json.loads(line, parse_float=_read_number, parse_int=_read_number)
    except (ValueError, RecursionError):
        return Refusal(ParseError())
    path = _find_non_json(value, "$")
    if not isinstance(value, dict) or path is None:
        return Refusal(ParseError())
    request_id = value.get("id", UNSET)
    if request_id is not UNSET and (
        not envelope.request_id_fits(request_id) or _find_non_json(request_id, "") is not None
    ):
        return Refusal(InvalidRequest("The id must be a string, an integer or null.", path="$.id"))
    if not path.startswith("$.params"):
        return Refusal(InvalidRequest("A member is not valid Unicode or not a number.", path=path))
    error = InvalidParams("NaN, Infinity and lone surrogates are not JSON.", path=path)
    return Refusal(error, request_id)


def _read_number(text: str) -> int | float:
    """Return a number that can be an id; 0.0 for any other, so that 1e999 is not infinite."""
    return int(text) if len(text) <= _ID_MAX_DIGITS and text.lstrip("-").isdigit() else 0.0


def _find_non_json(value: object, path: str) -> str | None:
    """Return the path of the first value that strict JSON does not have, or None."""
    if isinstance(value, float):
        return path if value != value or value in (float("inf"), float("-inf")) else None  # noqa: PLR0124
    if isinstance(value, str):
        return path if any("\ud800" <= char <= "\udfff" for char in value) else None
    members: list[tuple[str, object]] = []
    if isinstance(value, dict):
        for name, member in value.items():
            if _find_non_json(name, path) is not None:
                return path
            members.append((f"{path}.{name[: limits.FIELD_NAME_MAX_CHARS]}", member))
    elif isinstance(value, list):
        members = [(f"{path}[{index}]", member) for index, member in enumerate(value)]
    for member_path, member in members:
        found = _find_non_json(member, member_path)
        if found is not None:
            return found
    return None
