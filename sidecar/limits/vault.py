"""The numbers of secrets and of the sealed audit log; see the package."""

from typing import Final

from sidecar.limits.sizes import KIB, MIB

KDF_MEMORY_KIB: Final = 64 * KIB
KDF_PASSES: Final = 3
KDF_LANES: Final = 4
"""Argon2id of a new key slot: the second recommendation of RFC 9106, about 0.2 s of one
processor."""

KDF_MEMORY_MIN_KIB: Final = 19 * KIB
KDF_PASSES_MIN: Final = 2
"""Least that a slot may use, after OWASP. A slot with less was not written by this program, or was
weakened by another."""

CRYPTO_ROOM_BYTES: Final = 96 * MIB
"""Memory that must be free when the library of the vault is loaded: it takes 13 MiB (measured), a
derivation 64 MiB, and another thread may take some meanwhile. Where a small request of the library
itself then fails, it ends the process instead of raising."""

STRETCH_SPARE_BYTES: Final = 16 * MIB
"""Memory that must be free beside that of the derivation itself, for what other threads take."""

KDF_MEMORY_MAX_KIB: Final = 1024 * KIB
KDF_PASSES_MAX: Final = 16
KDF_LANES_MAX: Final = 16
"""Most that a slot may use, checked before deriving: a hostile file must not take all memory."""

PASSPHRASE_WAIT_MS: Final = 10_000
PASSPHRASE_PERSON_WAIT_MS: Final = 120_000
"""How long a start waits for the line on `--passphrase-fd`, which a host can send at once, and how
long a command waits, whose line may come from a password manager that asks a person first."""

PASSPHRASE_MAX_CHARS: Final = 1024
SECRET_MAX_BYTES: Final = 16 * KIB
"""Longest secret, such as a service account's JSON file; its length is stored in 16 bits."""

PROVIDER_MAX_CHARS: Final = 128
SECRETS_MAX: Final = 1000
"""Most secrets. The code that authenticates all rows is computed at each use: 2 us a row."""

SEALS_MAX: Final = 2**20
DATA_KEY_MAX_MS: Final = 365 * 86_400_000
DATA_KEY_CHECK_MS: Final = 3_600_000
"""Number of sealed records and age at which a chore replaces the data key (NIST SP 800-38D allows
2^32 records), and how often it checks them."""

SLOTS_MAX: Final = 16
"""Most key slots: a recovery code is tried on each slot in turn."""

UNLOCK_FREE_TRIES: Final = 3
UNLOCK_DELAY_MAX_MS: Final = 60_000
"""Wrong passphrases without a delay; the next one must wait 1 s, then 2, 4 ... 60 s."""

IDLE_LOCK_MS: Final = 15 * 60_000
ABSOLUTE_LOCK_MS: Final = 8 * 3_600_000
LOCK_MAX_MS: Final = 30 * 86_400_000
"""Secrets lock after this time without use of one, and this long after the unlock in any case;
the last is the longest time that a client may set for either."""

LOCK_CHECK_MS: Final = 1000
"""How often these deadlines are checked while unlocked: the machine may have slept meanwhile, and
the lock is reported within a second of its deadline."""

REFUSALS_FOLDED_MS: Final = 1000
REFUSALS_FOLDED_MAX: Final = 256
"""Refusals of one kind within this time are one audit entry with a count, since a client that
retries in a loop would add 4 MB a second. Of more kinds than this at a time each refusal is an
entry of its own."""

KEYCHAIN_TIMEOUT_MS: Final = 3000
KEYCHAIN_ASK_MS: Final = 120_000
KEYCHAIN_WAIT_STEP_MS: Final = 250
"""How long a keychain may take to show that it lives, and from then on until it has answered: it
may ask a person, who needs 5 to 30 s by reports and may have to look for a password. How often
progress is sent and a cancel is looked for meanwhile."""

CHECKPOINT_ENTRIES: Final = 1024
"""Audit entries from one sealed checkpoint to the next while unlocked: 4 ms to verify."""

AUDIT_KEEP_MIN_MS: Final = 30 * 86_400_000
"""Entries younger than this are never pruned, so that a person who has the passphrase cannot remove
the traces of what they did."""

AUDIT_PRUNE_BATCH: Final = 2000
"""Entries deleted in one transaction: about 10 ms."""

SENSITIVE_ANSWER_BYTES: Final = 128 * KIB
"""Size of the buffer for an answer with a secret: one in which every byte is escaped fits."""
