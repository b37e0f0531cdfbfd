"""The product on a disk of which one operation fails: TORTURE_FAIL names which."""

import os
import sys

from sidecar.__main__ import main
from tests.faults.failing_vfs import FailingVFS, Plan


def serve() -> int:
    """Serve as always; operation number N since the start fails, once."""
    number = int(os.environ.get("TORTURE_FAIL", "0"))
    if number:
        vfs = FailingVFS("torture", default=True)
        vfs.plan = Plan("once", number)
    return main(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(serve())
