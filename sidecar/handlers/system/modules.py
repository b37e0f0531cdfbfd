"""The modules that serving needs only after its start: their list, and the chore that loads them.

They would make each start 0.3 s slower. But an app that updates itself can replace the folder of
this program while it runs, after which nothing can be loaded, or code of another version. So they
are loaded in a worker thread some seconds after the start. `cryptography` follows only where
secrets are set up, because it takes 5 MiB; where it cannot be loaded, secrets are refused
with `out_of_resources`.
"""

from importlib import import_module
from typing import Final

from sidecar import limits, log
from sidecar.catalog import chore
from sidecar.context import LongContext
from sidecar.secrets.state import vault_state
from sidecar.vault.crypto import load_cryptography

CHORE: Final = "modules"

MODULES: Final = (
    "ctypes",
    "difflib",
    "json",
    "msgspec.inspect",
    "sidecar.decode_errors",
    "sidecar.backups.old_database",
    "sidecar.backups.restore",
    "sidecar.bodies.difference",
    "sidecar.describe",
    "sidecar.repair.recover",
    "zstandard",
    "jsonrpcserver",
)
"""What is imported within functions while serving, the longest import last."""


@chore(CHORE, first_ms=limits.CHORES_FIRST_MS)
def load_modules(ctx: LongContext) -> None:
    """Load the modules one after the other, and the file of examples."""
    with ctx.reading() as db:
        secrets = vault_state(db, ctx.vault) != "uninitialized"
    if secrets:
        load_cryptography()
    for name in MODULES:
        ctx.check_cancelled()
        import_module(name)
    from sidecar.describe import load_examples  # noqa: PLC0415 - loaded here, not at the start

    load_examples()
    log.debug("modules_loaded", count=len(MODULES))
