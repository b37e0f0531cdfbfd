"""Pushes in a process of its own, which kills itself at its request number N to the courier.

python killed_push.py FOLDER N
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from sidecar.remotes.session import Session
from tests.vault_benches import PASSPHRASE, secret_bench


def main() -> int:
    """Open the database in the folder, unlock and push."""
    last = int(sys.argv[2])
    call = Session._call
    count = 0

    def call_or_end(self: Session, work: Any) -> Any:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, work)

    Session._call = call_or_end  # type: ignore[method-assign] # to be killed amid it
    with secret_bench(Path(sys.argv[1])) as bench:
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
        bench.call("remotes.push")
    return 0


if __name__ == "__main__":
    sys.exit(main())
