"""The modules that serving needs only after its start: their list, and the chore that loads them.

They would make each start 0.5 s slower. But an app that updates itself can replace the folder of
this program while it runs, after which nothing can be loaded, or code of another version. So they
are loaded in a thread soon after the start, one after the other and in the pauses between requests.
A request waits for at most one, and one whose own module is not loaded yet loads it first.
`cryptography` is loaded where no secrets are set up, too, though it takes 5 MiB; the libraries of
the keychain are loaded where it opens the secrets. What needs a module that cannot be loaded is
refused with `out_of_resources`.
"""

import gc
import sys
from importlib import import_module
from typing import Final

from sidecar import keychain, limits, log, memory_room
from sidecar.catalog import chore, load_handlers
from sidecar.context import LongContext
from sidecar.store import migrations, secrets

CHORE: Final = "modules"

MODULES: Final = (
    "ctypes",
    "difflib",
    "hashlib",
    "hmac",
    "encodings.cp437",
    "json",
    "mmap",
    "msgspec.inspect",
    "sidecar.decode_errors",
    "sidecar.backups.old_database",
    "sidecar.backups.restore",
    "sidecar.bodies.difference",
    "sidecar.bodies.text",
    "sidecar.describe",
    "sidecar.exports.documents",
    "sidecar.exports.envelope",
    "sidecar.exports.originals",
    "sidecar.exports.runs",
    "sidecar.documents.archive",
    "sidecar.documents.yaml_text",
    "sidecar.handlers.workflows.import_steps",
    "sidecar.remotes.compare_log",
    "sidecar.repair.recover",
    "sidecar.store.log_room",
    "sidecar.wire.mending",
    "urllib.parse",
    "zoneinfo",
    "zstandard",
    "jsonrpcserver",
)
"""The modules that are imported within functions while serving, the longest import last; `zipfile`
imports the code page 437, in which the names of a zip are."""


@chore(CHORE)
def load_modules(ctx: LongContext) -> None:
    """Load the handlers and the modules one after the other, and the files that are read later.

    What cannot be loaded is tried again later.
    """
    from sidecar.vault import crypto  # noqa: PLC0415 - the start needs none of it

    served = ctx.session.bursts_served()
    latest_ms = ctx.clock.monotonic_ms() + limits.MODULES_LATEST_MS
    gc.disable()  # it would look at all objects again and again, and find no garbage
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(limits.MODULES_SWITCH_MS / 1000)
    try:
        memory_room.require(limits.MODULE_ROOM_BYTES)
        for _ in load_handlers():
            served = _let_requests_pass(ctx, served, latest_ms)
            memory_room.require(limits.MODULE_ROOM_BYTES)
        for name in MODULES:
            with crypto.LOADING:
                memory_room.require(limits.MODULE_ROOM_BYTES)
                import_module(name)
            served = _let_requests_pass(ctx, served, latest_ms)
        from sidecar import describe  # noqa: PLC0415 - loaded here, not at the start

        describe.load_examples()
        describe.load_docstrings()
        migrations.text_of_all_tables()
        ctx.check_cancelled()
        crypto.load_all()
        _load_keychain_if_needed(ctx)
    except Exception:
        ctx.session.schedule(CHORE, limits.CHORES_FIRST_MS)
        raise
    finally:
        sys.setswitchinterval(interval_s)
        gc.freeze()  # all modules stay: they need not be looked at again
        gc.enable()
    log.debug("modules_loaded", count=len(MODULES))


def _let_requests_pass(ctx: LongContext, served: int, latest_ms: float) -> int:
    """Wait while requests come one after the other, since `served` bursts, until a time.

    Return how many bursts were served then.
    """
    while served != (now := ctx.session.bursts_served()) and ctx.clock.monotonic_ms() < latest_ms:
        served = now
        ctx.cancel_event.wait(limits.MODULES_REST_MS / 1000)
    ctx.check_cancelled()
    return now


def _load_keychain_if_needed(ctx: LongContext) -> None:
    """Load the libraries of the system's keychain where it opens the secrets."""
    if ctx.store.rescue is not None:
        return
    with ctx.reading() as db:
        is_used = secrets.has_keychain_slot(db)
    if is_used:
        keychain.load()
