"""The limits with which keys are derived as cheaply as the policy allows."""

from sidecar import limits

CHEAP_KEYS = (
    f"KDF_MEMORY_KIB={limits.KDF_MEMORY_MIN_KIB} KDF_PASSES={limits.KDF_PASSES_MIN} KDF_LANES=1"
)
"""What `other_limits/sitecustomize.py` reads."""
