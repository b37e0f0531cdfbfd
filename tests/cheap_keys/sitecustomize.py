"""Python runs this at its start where this folder is in PYTHONPATH: a passphrase costs the least.

Where tests use passphrases a hundred times, deriving keys as the policy recommends would be most of
their processor time. What they start is the product with this one difference.
"""

from sidecar import limits

# Before the vault is imported, which reads them.
vars(limits).update(
    KDF_MEMORY_KIB=limits.KDF_MEMORY_MIN_KIB, KDF_PASSES=limits.KDF_PASSES_MIN, KDF_LANES=1
)
