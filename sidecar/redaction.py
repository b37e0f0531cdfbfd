"""Keep secrets out of words: error texts, log lines, audit details and progress.

Two nets. The secrets of the request in hand, which its method has put here (`hold`) and which
are wiped when it is done and its words are written; and the shapes that providers' keys are
known by, for a key that came another way, as in the text of a failed call. Never touches a
result: what a client has saved is what it gets; nor names of ours, which programs go by.
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

_OUR_WORDS: Final = ("slug", "path", "method", "level", "event", "kind")
"""Members that only ever hold names of ours: a passphrase may be one of those words."""

_SHORT: Final = 4
"""Shorter secrets are left: to blot every `a` out of a sentence hides nothing and costs it."""


@cache
def _shapes() -> re.Pattern[str]:
    """Compiled when the first words are said: 2 ms that a start need not pay."""
    return re.compile(_SHAPES, re.VERBOSE)


class _InHand(threading.local):
    """The secrets of the request that this thread serves, in their owners' buffers."""

    def __init__(self) -> None:
        self.buffers: list[bytearray] = []


_in_hand: Final = _InHand()


def hold(secret: bytearray) -> None:
    """Blot this out of every text until `release`, which wipes it."""
    _in_hand.buffers.append(secret)


def release() -> None:
    """The request is done: wipe what it held."""
    for buffer in _in_hand.buffers:
        wipe(buffer)
    _in_hand.buffers.clear()


def redact(text: str) -> str:
    """The text without secrets."""
    for buffer in _in_hand.buffers:
        if len(buffer) >= _SHORT:
            text = text.replace(buffer.decode(errors="replace"), MARK)
    return _shapes().sub(MARK, text)


def looks_like_key(text: str) -> bool:
    """Whether some of it has the shape of a known provider's keys."""
    return _shapes().search(text) is not None


def redact_all(value: Any) -> Any:
    """The same for every text in a value made of dicts and lists."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            key: member if key in _OUR_WORDS else redact_all(member)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_all(item) for item in value]
    return value
