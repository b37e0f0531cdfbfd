"""Derives the reason of a failed request from the exception of the system or the library."""

import re
from errno import EDQUOT, EIO, EISDIR, ELOOP, ENOSPC, ENOTDIR
from typing import Final

from sidecar.courier_protocol import Fault, Reply

_SHOWN: Final = 300
"""Characters shown of the text of an exception."""


class Failed(Exception):
    """A request failed; `fault` is the reason, `detail` explains it to a person."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        """Store both."""
        super().__init__(fault)
        self.fault: Fault = fault
        self.detail = detail


_CODES: Final[dict[str, Fault]] = {
    "RequestTimeTooSkewed": "clock",
    "NoSuchBucket": "no_bucket",
    "InvalidBucketName": "no_bucket",
    "QuotaExceeded": "full",
    "XMinioAdminBucketQuotaExceeded": "full",
    "InsufficientStorage": "full",
    "StorageFull": "full",
    "XMinioStorageFull": "full",
    "InvalidAccessKeyId": "forbidden",
    "SignatureDoesNotMatch": "forbidden",
    "AccessDenied": "forbidden",
    "NotImplemented": "unsupported",
}
"""The fault for each error code in the body of a store's answer; it takes precedence."""
_STATUSES: Final[dict[int, Fault]] = {
    401: "forbidden",
    403: "forbidden",
    408: "offline",
    429: "offline",
    500: "offline",
    501: "unsupported",
    502: "offline",
    503: "offline",
    504: "offline",
    507: "full",
}
"""The fault for each HTTP status of a store's answer."""
_ANSWER: Final = re.compile(r"Server returned (?:non-2xx|error) status code: ([1-5][0-9]{2})\b")
_CODE: Final = re.compile(r"<Code>\s*([A-Za-z]{1,64})\s*</Code>")
_BROKEN: Final = re.compile(r"\b(?:error sending request|error decoding response body|timed out)\b")
"""Matches the library's text for a connection that was not established, or broke."""
_DEBUG: Final = "Debug source:"
"""Matches where the dump of the library's structures begins, with addresses and times."""


def fault_of(error: Exception) -> Reply:
    """Return the reason of a failed request, and the text to show.

    The body of a store's answer is not shown, because it may repeat what was sent: the id of the
    key, the token and the signature.
    """
    if isinstance(error, Failed):
        return Reply(error.fault, error.detail)
    kind = type(error).__name__
    if kind == "AlreadyExistsError" or isinstance(error, FileExistsError):
        return Reply("exists")
    text = " ".join(str(error).partition(_DEBUG)[0].split())
    fault, detail = _read(text)
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return Reply("forbidden" if fault in (None, "offline") else fault, detail)
    if kind == "NotFoundError" or isinstance(error, FileNotFoundError):
        return Reply("no_bucket" if fault == "no_bucket" else "missing", detail)
    if isinstance(error, OSError) and error.errno is not None:
        return Reply(_of_system(error), kind)
    return Reply(fault or "failed", detail)


def _read(text: str) -> tuple[Fault | None, str]:
    """Return the fault that the text of the library's error means, and the part to show."""
    answer = _ANSWER.search(text)
    if answer is None:
        return ("offline" if _BROKEN.search(text) else None), text[:_SHOWN]
    code = _CODE.search(text, answer.end())
    fault = _CODES.get(code[1]) if code else None
    return fault or _STATUSES.get(int(answer[1])), " ".join(
        [answer[1], *(code.groups() if code else ())]
    )


def _of_system(error: OSError) -> Fault:
    """Return the fault that an error of the operating system means."""
    if error.errno in (ENOSPC, EDQUOT):
        return "full"
    if isinstance(error, PermissionError):
        return "forbidden"
    is_wrong_file = error.errno in (EIO, EISDIR, ELOOP, ENOTDIR)
    return "failed" if is_wrong_file else "offline"
