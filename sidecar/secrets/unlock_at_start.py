"""Unlocking at the start with a passphrase from an inherited descriptor, where no person is there.

No other program can read a descriptor; arguments and environment can be read. After a wrong
passphrase the process serves, locked; the log on stderr and the audit log say so.
"""

import os
from collections.abc import Callable

from sidecar import limits, log
from sidecar.context import LongContext
from sidecar.errors import InvalidParams, SidecarError
from sidecar.passphrase_input import read_passphrase
from sidecar.redaction import add_secret, wipe_secrets
from sidecar.secrets.open_slot import Proof
from sidecar.secrets.root_key import unlock


def unlock_from_descriptor(ctx: LongContext, descriptor: int, unwanted: Callable[[], bool]) -> None:
    """Read one line from the descriptor, close it, and unlock with that passphrase.

    Nothing is read any more once `unwanted` says that there is no host to serve.
    """
    try:
        passphrase = read_passphrase(descriptor, limits.PASSPHRASE_WAIT_MS, unwanted)
    except TimeoutError:
        log.error("passphrase_unreadable", reason="The descriptor gave no line in time.")
        return
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
