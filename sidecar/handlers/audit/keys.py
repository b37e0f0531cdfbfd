"""The keys that long methods over the log work with, which a lock may take away at any moment.

A lock overwrites them where they lie: whoever goes on with them would find every checkpoint
wrong, or sign with zeros. So a method asks anew before it believes what it found or did.
"""

from sidecar.context import LongContext
from sidecar.errors import Locked
from sidecar.store.audit.log import is_log_sealed
from sidecar.store.connection import Connection
from sidecar.vault.keys import Keys


def keys_of(ctx: LongContext, db: Connection) -> Keys | None:
    """The keys, where the log is sealed; None where it is not.

    Raises:
        Locked: it is sealed, and nothing is unlocked.
    """
    if not is_log_sealed(db):
        return None
    keys = ctx.vault.keys
    if keys is None or ctx.vault.ephemeral:
        raise Locked
    return keys


def refuse_other_keys(ctx: LongContext, keys: Keys | None) -> None:
    """Refuse to go on when what was unlocked at the start no longer is.

    Raises:
        Locked: a lock came meanwhile.
    """
    if keys is not None and ctx.vault.keys is not keys:
        raise Locked("Secrets were locked meanwhile.")
