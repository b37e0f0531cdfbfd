"""Finds out why a request of a courier failed, from what the system or the library raised."""

from errno import EDQUOT, ENOSPC
from typing import Final

from sidecar.courier_protocol import Fault, Reply

_SHOWN: Final = 300
"""Characters shown of what the system or the library says."""


class Failed(Exception):
    """A request failed; `fault` says why, `detail` for a person."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        """Store both."""
        super().__init__(fault)
        self.fault: Fault = fault
        self.detail = detail


_TEXTS: Final[tuple[tuple[str, Fault], ...]] = (
    ("RequestTimeTooSkewed", "clock"),
    ("NoSuchBucket", "no_bucket"),
    ("InvalidBucketName", "no_bucket"),
    ("QuotaExceeded", "full"),
    ("InsufficientStorage", "full"),
    ("StorageFull", "full"),
    ("status: 507", "full"),
    ("507 ", "full"),
    ("InvalidAccessKeyId", "forbidden"),
    ("SignatureDoesNotMatch", "forbidden"),
    ("AccessDenied", "forbidden"),
    ("403", "forbidden"),
    ("401", "forbidden"),
    ("NotImplemented", "unsupported"),
    ("501 ", "unsupported"),
    ("error sending request", "offline"),
    ("error decoding response body", "offline"),
    ("connect", "offline"),
    ("timed out", "offline"),
    ("50", "offline"),
)
"""What the library's errors say, and what it means; the first that fits counts."""


def fault_of(error: Exception) -> Reply:
    """Return why a request failed. The library's texts may hold the address, and no secret."""
    if isinstance(error, Failed):
        return Reply(error.fault, error.detail)
    kind = type(error).__name__
    whole = " ".join(str(error).split())
    text = whole[:_SHOWN]
    if kind == "AlreadyExistsError" or isinstance(error, FileExistsError):
        return Reply("exists")
    by_text = next((fault for part, fault in _TEXTS if part in whole), None)
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return Reply("clock" if by_text == "clock" else "forbidden", text)
    if kind == "NotFoundError" or isinstance(error, FileNotFoundError):
        return Reply("no_bucket" if by_text == "no_bucket" else "missing", text)
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in (ENOSPC, EDQUOT):
            return Reply("full", text)
        return Reply("forbidden" if isinstance(error, PermissionError) else "offline", kind)
    return Reply(by_text or "failed", text)
