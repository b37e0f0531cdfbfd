"""Unlock at the start with what an inherited descriptor holds, for hosts without a person.

A descriptor is seen by nobody else: arguments and environment are. A wrong passphrase leaves the
process serving and locked; the log on stderr and the audit log say so.
"""

import os
import sys

from sidecar import limits, log
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, SidecarError
from sidecar.handlers.secrets import unlock as opening
from sidecar.redaction import hold, release
from sidecar.secrets import slots
from sidecar.wiping import wipe

_MOST_BYTES = 4 * limits.PASSPHRASE_MAX_CHARS


def unlock(ctx: LongContext, descriptor: int) -> None:
    """Read the passphrase to the end of the descriptor, close it, and unlock."""
    try:
        passphrase = _read(descriptor)
    except OSError as fault:
        log.error("passphrase_unreadable", reason=os.strerror(fault.errno or 0))
        return
    hold(passphrase)
    locks = ctx.vault.locks
    try:
        if not passphrase:
            raise InvalidParams("The descriptor holds no passphrase.")
        with ctx.vault.turn:
            opening.refuse_dumpable(ctx)
            opening.refuse_uninitialized(ctx)
            found = slots.open_with_text(ctx, "passphrase", passphrase)
            opening.unlock_with(ctx, found, locks)
    except SidecarError as refused:
        log.error("unlock_at_start_failed", slug=refused.slug, message=refused.message)
        if refused.audited_as is not None:
            with ctx.writing():
                ctx.audit(refused.audited_as, "vault", method="start", reason=refused.slug)
    finally:
        release()
        ctx.release_lock()


def _read(descriptor: int) -> bytearray:
    """What the descriptor holds, without a line's end, in a buffer the caller wipes."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        descriptor = msvcrt.open_osfhandle(descriptor, os.O_RDONLY)
    held = bytearray(_MOST_BYTES + 2)
    length = 0
    try:
        while length < len(held):
            part = os.read(descriptor, len(held) - length)
            if not part:
                break
            held[length : length + len(part)] = part
            length += len(part)
            wipe(part)
    finally:
        os.close(descriptor)
    passphrase = held[:length].rstrip(b"\r\n")
    wipe(held)
    return passphrase
