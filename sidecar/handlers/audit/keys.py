"""The keys that long methods use on the audit log; a lock may erase them at any moment.

`secrets.lock` overwrites the keys in memory. A method that went on with them would find every
checkpoint wrong, or sign with zeros. So each method compares the keys again, by
`refuse_other_keys`, before it relies on what it found or writes what it signed.
"""

from sidecar.context import LongContext
from sidecar.errors import Locked
from sidecar.store.audit.log import is_log_sealed
from sidecar.store.connection import Connection
from sidecar.vault.keys import Keys


def keys_of(ctx: LongContext, db: Connection) -> Keys | None:
    """Return the keys that a sealed log needs; None when the log is not sealed.

    Raises:
        Locked: the log is sealed, and secrets are locked.
    """
    if not is_log_sealed(db):
        return None
    keys = ctx.vault.keys
    if keys is None or ctx.vault.ephemeral:
        raise Locked
    return keys


def refuse_other_keys(ctx: LongContext, keys: Keys | None) -> None:
    """Check that `keys`, taken at the start, are still the keys that are unlocked.

    Raises:
        Locked: secrets were locked since.
    """
    if keys is not None and ctx.vault.keys is not keys:
        raise Locked("The secrets were locked while the request was running.")
