"""The exceptions of the client, and the value of a param that is not sent."""

from __future__ import annotations

import enum
import json
from typing import Any, ClassVar, cast


class Unset(enum.Enum):
    """The type of UNSET, the value of a param that is not sent; None is sent as null."""

    UNSET = "unset"


UNSET = Unset.UNSET


class ClientError(Exception):
    """The base of all exceptions of the client."""


class CallTimeout(ClientError):
    """There was no answer and no progress in time. A write may nevertheless have been done."""


class ConnectionLost(ClientError):
    """The process has ended, or its pipe was closed, before it answered.

    `may_have_run` says whether the request was sent, so that it may have been done. `exit_code` and
    `stderr_tail`, the last lines of stderr, show why the process ended.
    """

    def __init__(
        self, exit_code: int | None, stderr_tail: str, *, may_have_run: bool = False
    ) -> None:
        """Store what is known of the end; `exit_code` is None while the process still runs."""
        self.exit_code = exit_code
        self.stderr_tail = stderr_tail
        self.may_have_run = may_have_run
        last = stderr_tail.rstrip().rpartition("\n")[2]
        super().__init__(f"The process has ended with exit code {exit_code}: {last}")


class StartFailed(ConnectionLost):
    """The process did not start to serve; `slug` is the reason, None when it gave none.

    `line` has the members of the line `start_failed`, the last one on stderr.
    """

    def __init__(self, reason: str, exit_code: int | None, stderr_tail: str) -> None:
        """Store the reason, unless the process itself has written it to stderr."""
        super().__init__(exit_code, stderr_tail)
        self.line = _start_failed_line(stderr_tail)
        self.slug: str | None = self.line.get("slug")
        self.args = (self.line.get("message", reason),)


class CrashLoop(ClientError):
    """The process ended repeatedly soon after its start, and is not started again."""


class SidecarError(ClientError):
    """The process has answered with an error; each error code has a subclass."""

    CODE: ClassVar[int]
    SLUG: ClassVar[str]
    _by_code: ClassVar[dict[int, type[SidecarError]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the subclass under its code."""
        SidecarError._by_code[cls.CODE] = cls

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        """Store the members of the JSON-RPC error."""
        super().__init__(message)
        self.code = code
        self.message = message
        members = cast(dict[str, Any], data) if isinstance(data, dict) else {}
        self.data: Any = members
        """The further members of the error's data; each subclass declares their types."""
        self.slug = str(members.get("slug", ""))
        self.retryable = bool(members.get("retryable", False))

    @staticmethod
    def of(error: Any) -> SidecarError:
        """Return the exception for a JSON-RPC error object."""
        if not isinstance(error, dict):
            return SidecarError(0, str(error))
        error = cast(dict[str, Any], error)
        code = error.get("code", 0)
        kind = SidecarError._by_code.get(code, SidecarError)
        return kind(code, str(error.get("message", "")), error.get("data"))


def _start_failed_line(stderr_tail: str) -> dict[str, Any]:
    """Return the members of the newest line `start_failed`, or nothing."""
    for text in reversed(stderr_tail.splitlines()):
        try:
            line: Any = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and '"start_failed"' in text:
            return cast(dict[str, Any], line)
    return {}
