"""Numbers of secrets and the sealed audit log; see the package."""

from typing import Final

from sidecar.limits.sizes import KIB

KDF_MEMORY_KIB: Final = 64 * KIB
KDF_PASSES: Final = 3
KDF_LANES: Final = 4
"""Argon2id for a new slot: RFC 9106's second recommendation; about 0.2 s of one processor."""

KDF_MEMORY_MIN_KIB: Final = 19 * KIB
KDF_PASSES_MIN: Final = 2
"""Floor: OWASP's least. A slot below it was not written by us, or somebody weakened it."""

KDF_MEMORY_MAX_KIB: Final = 1024 * KIB
KDF_PASSES_MAX: Final = 16
KDF_LANES_MAX: Final = 16
"""Ceiling, looked at before deriving: a hostile file must not take the machine's memory."""

PASSPHRASE_MAX_CHARS: Final = 1024
SECRET_MAX_BYTES: Final = 16 * KIB
"""A provider's key or a service account's JSON file; its length is kept in 16 bits."""

PROVIDER_MAX_CHARS: Final = 128
SECRETS_MAX: Final = 1000
"""The code over all rows is computed for each use: 2 us a row."""

SEALS_MAX: Final = 2**20
DATA_KEY_MAX_MS: Final = 365 * 86_400_000
DATA_KEY_LOOK_MS: Final = 3_600_000
"""A data key is replaced by itself after so many records or so long (NIST SP 800-38D: 2^32);
looked at once an hour."""

SLOTS_MAX: Final = 16
"""Ways to unlock: each recovery code is tried in turn."""

UNLOCK_FREE_TRIES: Final = 3
UNLOCK_DELAY_MAX_MS: Final = 60_000
"""After three wrong passphrases the next must wait 1 s, then 2, 4 ... 60 s."""

IDLE_LOCK_MS: Final = 15 * 60_000
ABSOLUTE_LOCK_MS: Final = 8 * 3_600_000
LOCK_MAX_MS: Final = 30 * 86_400_000
"""Locks by itself after so long without use of a secret, and after so long at all."""

LOCK_LOOK_AGAIN_MS: Final = 10_000
"""While unlocked the deadlines are looked at this often: the wall clock runs on in sleep."""

REFUSALS_FOLDED_MS: Final = 1000
REFUSALS_FOLDED_MAX: Final = 256
"""Refusals of one kind within a second are one entry with a count: a client in a loop would write
4 MB a second. Of more kinds than that at once each is an entry of its own."""

KEYCHAIN_TIMEOUT_MS: Final = 3000
"""A keychain may ask the person; past it the request fails and the process goes on."""

CHECKPOINT_ENTRIES: Final = 1024
"""Audit entries between two sealed checkpoints while unlocked: 4 ms to verify from the last."""

AUDIT_KEEP_MIN_MS: Final = 30 * 86_400_000
"""Younger entries are never pruned, so that nobody wipes his traces with the key in hand."""

AUDIT_PRUNE_BATCH: Final = 2000
"""Entries deleted in one step: about 10 ms."""

SENSITIVE_ANSWER_BYTES: Final = 128 * KIB
"""Buffer for an answer that holds a secret: one whose every byte is an escape still fits."""
