"""The product with one difference: a passphrase costs the least that the policy allows.

The sweep changes passphrases a thousand times, which would be most of its processor time.
"""

import sys

from sidecar import limits
from sidecar.__main__ import main

if __name__ == "__main__":
    # Before the vault is imported, which reads them.
    vars(limits).update(
        KDF_MEMORY_KIB=limits.KDF_MEMORY_MIN_KIB, KDF_PASSES=limits.KDF_PASSES_MIN, KDF_LANES=1
    )
    sys.exit(main())
