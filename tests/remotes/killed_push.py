"""Pushes in processes of their own, each of which kills itself at a request to the courier.

For each line of stdin, which has a folder and the number N of the request, a process is forked; how
it ended is written to stdout as a line: 0 when it had fewer requests.
"""

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sidecar.remotes.session import Session
from tests.vault_benches import PASSPHRASE, secret_bench


def push(folder: Path, last: int) -> None:
    """Open the database in the folder, unlock and push."""
    call = Session._call
    count = 0

    def call_or_end(self: Session, work: Any) -> Any:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, work)

    Session._call = call_or_end  # type: ignore[method-assign] # to be killed amid it
    with secret_bench(folder) as bench:
        bench.call("secrets.unlock", passphrase=PASSPHRASE)
        bench.call("remotes.push")


def main() -> None:
    """Push in a process for each line."""
    importlib.import_module("sidecar.handlers.every")
    for line in sys.stdin:
        folder, last = json.loads(line)
        child = os.fork()
        if child == 0:
            push(Path(folder), last)
            return
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
