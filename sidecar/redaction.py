"""Redaction: keeps secrets out of error texts, log lines, audit details and progress.

Two things are redacted. The first are the secrets of the current request: its method registers them
(`add_secret`), and they are wiped when the request is done and its texts are written
(`wipe_secrets`). The second is any text that has the shape of a known provider's keys, for a key
that came another way, for example in the text of a failed call. A result is never redacted: a
client gets what it has saved. Nor are members that hold names of this program, because clients rely
on them.
"""

import re
import threading
from functools import cache
from typing import Any, Final

from sidecar.wiping import wipe

_SHAPES: Final = r"""
    \b(?:
      sk-[A-Za-z0-9_-]{16,}                               # OpenAI, Anthropic, OpenRouter
    | (?:gh[pousr]|github_pat)_[A-Za-z0-9_]{20,}
    | gl(?:pat|ptt|dt|rt|cbt|soat|imt|ft|agent)-[A-Za-z0-9_-]{20,}  # GitLab
    | xox[abeprs]-[A-Za-z0-9-]{10,}                       # Slack
    | xapp-[0-9]-[A-Za-z0-9-]{10,}                        # Slack, apps
    | (?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b               # AWS
    | AIza[0-9A-Za-z_-]{35}                               # Google
    | GOCSPX-[A-Za-z0-9_-]{28}                            # Google, clients
    | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}         # Stripe
    | whsec_[A-Za-z0-9+/=]{24,}                           # Stripe and others, webhooks
    | hf_[A-Za-z0-9]{20,}                                 # Hugging Face
    | gsk_[A-Za-z0-9]{20,}                                # Groq
    | pplx-[A-Za-z0-9]{32,}                               # Perplexity
    | xai-[A-Za-z0-9]{40,}
    | r8_[A-Za-z0-9]{30,}                                 # Replicate
    | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}          # SendGrid
    | xkeysib-[a-f0-9]{64}                                # Brevo
    | key-[a-f0-9]{32}\b                                  # Mailgun
    | [a-f0-9]{32}-us[0-9]{1,2}\b                         # Mailchimp
    | [0-9]{8,10}:AA[A-Za-z0-9_-]{33}                     # Telegram
    | npm_[A-Za-z0-9]{36}
    | pypi-AgEI[A-Za-z0-9_-]{50,}
    | rubygems_[a-f0-9]{48}
    | do[opr]_v1_[a-f0-9]{64}                             # DigitalOcean
    | dp\.(?:pt|st|ct)\.[A-Za-z0-9.]{40,}                 # Doppler
    | dapi[a-f0-9]{32}                                    # Databricks
    | PMAK-[a-f0-9]{24}-[a-f0-9]{34}                      # Postman
    | lin_api_[A-Za-z0-9]{40}                             # Linear
    | ntn_[A-Za-z0-9]{40,}                                # Notion
    | pat[A-Za-z0-9]{14}\.[a-f0-9]{64}                    # Airtable
    | ATATT3[A-Za-z0-9_=-]{60,}                           # Atlassian
    | hv[bs]\.[A-Za-z0-9_-]{24,}                          # Vault
    | gl(?:c|sa)_[A-Za-z0-9+/_]{32,}                      # Grafana
    | NR(?:AK|JS|II|AA)-[A-Za-z0-9_-]{19,}                # New Relic
    | sntry[su]_[A-Za-z0-9+/=_-]{40,}                     # Sentry
    | sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}                   # Square
    | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}                  # Shopify
    | pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._-]{32,}        # PlanetScale
    | pul-[a-f0-9]{40}                                    # Pulumi
    | pnu_[A-Za-z0-9]{36}                                 # Prefect
    | sbp_[a-f0-9]{40}                                    # Supabase
    | LTAI[A-Za-z0-9]{20}\b                               # Alibaba Cloud
    | AGE-SECRET-KEY-1[0-9A-Z]{58}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*  # JSON Web Token
    | (?i:bearer\s+)[A-Za-z0-9._~+/=-]{16,}
    )
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
"""
"""The shapes of providers' keys. The prefixes of many are those of the rules of gitleaks (MIT)."""
MARK: Final = "[secret]"

_NAME_MEMBERS: Final = ("slug", "path", "method", "level", "event", "kind")
"""Members that hold only names of this program; these are never redacted."""

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
    found = [buffer for buffer in _secrets.buffers if len(buffer) >= _MIN_BYTES]
    if found:
        data = text.encode(errors="surrogatepass")
        for buffer in found:  # as bytes: a freed text of the secret would keep it
            data = data.replace(buffer, MARK.encode())
        text = data.decode(errors="surrogatepass")
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
