"""Unlocking at the start with a passphrase from an inherited descriptor, where no person is there.

No other program can read a descriptor; arguments and environment can be read. After a wrong
passphrase the process serves, locked; the log on stderr and the audit log say so.
"""

import os
import sys

from sidecar import limits, log
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, SidecarError
from sidecar.redaction import add_secret, wipe_secrets
from sidecar.secrets.open_slot import Proof
from sidecar.secrets.root_key import unlock
from sidecar.wiping import wipe

_MAX_BYTES = 4 * limits.PASSPHRASE_MAX_CHARS


def unlock_from_descriptor(ctx: LongContext, descriptor: int) -> None:
    """Read the passphrase to the end of the descriptor, close it, and unlock."""
    try:
        passphrase = _read_passphrase(descriptor)
    except OSError as fault:
        log.error("passphrase_unreadable", reason=os.strerror(fault.errno or 0))
        return
    add_secret(passphrase)
    try:
        if not passphrase:
            raise InvalidParams("The descriptor holds no passphrase.")
        unlock(ctx, Proof(passphrase))
    except SidecarError as refused:
        log.error("unlock_at_start_failed", slug=refused.slug, message=refused.message)
        if refused.audited_as is not None:
            with ctx.writing():
                ctx.audit(refused.audited_as, "vault", method="start", reason=refused.slug)
    finally:
        wipe_secrets()
        ctx.release_lock()


def _read_passphrase(descriptor: int) -> bytearray:
    """Return what the descriptor holds, without a line's end, in a buffer that the caller wipes."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        descriptor = msvcrt.open_osfhandle(descriptor, os.O_RDONLY)
    buffer = bytearray(_MAX_BYTES + 2)
    length = 0
    try:
        while length < len(buffer):
            part = os.read(descriptor, len(buffer) - length)
            if not part:
                break
            buffer[length : length + len(part)] = part
            length += len(part)
            wipe(part)
    finally:
        os.close(descriptor)
    passphrase = buffer[:length].rstrip(b"\r\n")
    wipe(buffer)
    return passphrase
