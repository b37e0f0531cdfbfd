"""Why a command failed: the one place that turns a failure into a text and an exit code."""

import math
import sys
from typing import Any

from sidecar.cli.child import CallFailed, ChildEnded
from sidecar.cli.terminal_text import visible
from sidecar.errors import RECOVER_HINT, ExitCode, RecoveryRequired, SidecarError


class CommandFailed(Exception):
    """A command cannot do its work; the text says why, and what the person can do about it."""

    def __init__(self, text: str, exit_code: int = ExitCode.USAGE) -> None:
        """Keep the text and the exit code, which is that of wrong usage unless another is given."""
        super().__init__(text)
        self.exit_code = exit_code


Failure = CommandFailed | CallFailed | ChildEnded | SidecarError
"""All that a command may raise when it fails for a reason that can be explained."""


def report(command: str, failure: Failure) -> int:
    """Write to stderr why a command failed; returns its exit code."""
    match failure:
        case CommandFailed():
            text, code = f"sim-sidecar {command}: {visible(failure)}\n", failure.exit_code
        case ChildEnded():
            text, code = _explain_end(failure), failure.exit_code
        case CallFailed():
            text, code = explain(failure.error), _code_of(failure.error)
        case SidecarError():
            text, code = explain(failure.as_wire()), 1
    sys.stderr.write(text)
    return code


def _code_of(error: dict[str, Any]) -> int:
    """Return the exit code for an error; `recovery_required` has an exit code of its own."""
    slug = error.get("data", {}).get("slug")
    return ExitCode.RECOVERY_REQUIRED if slug == RecoveryRequired.slug else 1


def explain(error: dict[str, Any]) -> str:
    """Return a JSON-RPC error object as text for a person: its message, then its hints."""
    data = error.get("data", {})
    lines = [visible(f"{error['message']} ({data.get('slug', error['code'])})")]
    for key, label in (("path", "at"), ("hint", "hint"), ("did_you_mean", "did you mean")):
        value = data.get(key)
        if value:
            text = ", ".join(value) if isinstance(value, list) else value
            lines.append(f"  {label}: {visible(text)}")
    if data.get("slug") == "invalid_params" and "got `str`" in error["message"]:
        lines.append("  hint: NAME=TEXT passes text; write NAME:=JSON for a number, true, [] or {}")
    if data.get("slug") == RecoveryRequired.slug:
        lines.append(f"  hint: sim-sidecar backups lists what can be restored. {RECOVER_HINT}")
    if data.get("slug") == "throttled":
        lines.append(f"  wait: {math.ceil(data['retry_after_ms'] / 1000)} s")
    return "\n".join(lines) + "\n"


def _explain_end(ended: ChildEnded) -> str:
    """Return why the child process did not serve, as text for a person."""
    holder = ended.reason.get("pid")
    more = f" It is process {holder}." if ended.code == ExitCode.ALREADY_RUNNING and holder else ""
    hint = ended.reason.get("hint")
    return f"sim-sidecar: {visible(ended)}{more}\n" + (f"  hint: {visible(hint)}\n" if hint else "")
