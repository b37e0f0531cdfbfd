"""Redaction: keeps secrets out of error texts, log lines, audit details and progress.

Two things are redacted. The first are the secrets of the current request: its method registers
them (`add_secret`), and they are wiped when the request is done and its texts are written
(`wipe_secrets`). The second is any text that has the shape of a known provider's keys, for a key
that came another way, for example in the text of a failed call. A result is never redacted: a
client gets what it has saved. Neither are the members that hold names of ours, because programs
rely on them.
"""

import re
import threading
from functools import cache
from typing import Any, Final

from sidecar.wiping import wipe

_SHAPES: Final = r"""
      \bsk-[A-Za-z0-9_-]{16,}                              # OpenAI, Anthropic, OpenRouter
    | \b(?:gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}
    | \bglpat-[A-Za-z0-9_-]{20,}
    | \bxox[abeprs]-[A-Za-z0-9-]{10,}                     # Slack
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                       # AWS
    | \bAIza[0-9A-Za-z_-]{35}                             # Google
    | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}       # Stripe
    | \bhf_[A-Za-z0-9]{20,}                               # Hugging Face
    | \bgsk_[A-Za-z0-9]{20,}                              # Groq
    | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}        # SendGrid
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*  # JSON Web Token
    | (?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{16,}
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
"""
MARK: Final = "[secret]"

_NAME_MEMBERS: Final = ("slug", "path", "method", "level", "event", "kind")
"""Members that hold only names of ours, which stay readable even where a passphrase equals one."""

_MIN_BYTES: Final = 4
"""Shorter secrets are not redacted: a sentence without any `a` hides nothing and says nothing."""


@cache
def _shapes() -> re.Pattern[str]:
    """Compile the shapes when the first text is redacted: 2 ms that a start need not pay."""
    return re.compile(_SHAPES, re.VERBOSE)


class _Secrets(threading.local):
    """The secrets of the request that this thread serves, in the buffers their method uses."""

    def __init__(self) -> None:
        self.buffers: list[bytearray] = []


_secrets: Final = _Secrets()


def add_secret(secret: bytearray) -> None:
    """Redact this secret in every text of this thread until `wipe_secrets` overwrites it."""
    _secrets.buffers.append(secret)


def wipe_secrets() -> None:
    """Overwrite the secrets of the request that this thread has served, and forget them."""
    for buffer in _secrets.buffers:
        wipe(buffer)
    _secrets.buffers.clear()


def redact(text: str) -> str:
    """Return the text with `[secret]` in the place of every secret."""
    for buffer in _secrets.buffers:
        if len(buffer) >= _MIN_BYTES:
            text = text.replace(buffer.decode(errors="replace"), MARK)
    return _shapes().sub(MARK, text)


def has_key_shape(text: str) -> bool:
    """Return whether a part of the text has the shape of a known provider's keys."""
    return _shapes().search(text) is not None


def redact_all(value: Any) -> Any:
    """Return the value, made of dicts and lists, with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            key: member if key in _NAME_MEMBERS else redact_all(member)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_all(item) for item in value]
    return value
