"""Compares the audit log with the parts of it that a remote has.

An attacker who changes the log and its codes in the database, or replaces the database by an
earlier copy, cannot change the parts that were pushed: they are signed, and never overwritten.
"""

from typing import NamedTuple

from sidecar.context import LongContext
from sidecar.remotes import device, segments
from sidecar.remotes.access import Access, reader_of, remote_errors
from sidecar.remotes.heads import BadHead
from sidecar.remotes.read import UNSOUND, Reader
from sidecar.remotes.session import RemoteFailed
from sidecar.store import remotes
from sidecar.store.audit.log import chain_head
from sidecar.vault.crypto import BadSealError
from sidecar.vocabularies import RemoteLogStatus


class Comparison(NamedTuple):
    """How the log compares with what was pushed."""

    status: RemoteLogStatus
    first_bad_seq: int | None
    compared: int
    """Number of entries that the remote has."""
    newest_seq: int
    """Number of the newest entry that the remote has; 0 when it has none."""


def compare_log(ctx: LongContext, access: Access) -> Comparison:
    """Compare every entry that this device has pushed to a remote with the log.

    Raises:
        RemoteUnavailable, RemoteRefused: the remote failed.
        Locked: the secrets were locked during the comparison.
    """
    remote = access.remote
    own = device.own_id(ctx.store.path, remote)
    if own is None:
        return Comparison("ok", None, 0, 0)
    with remote_errors(ctx, access), access.session(ctx) as session:
        reader = reader_of(ctx, access, session)
        return _compare(ctx, access, reader, own)


def _compare(ctx: LongContext, access: Access, reader: Reader, own: str) -> Comparison:
    with ctx.reading() as db:
        rows = remotes.heads(db, access.remote.name, own)
        log_head = chain_head(db).seq
    wanted = {row.n for row in rows if row.kind == "audit" and row.sent}
    newest_n = max((row.n for row in rows), default=0)
    wanted |= {n for n in reader.head_numbers(own) if n > newest_n}
    compared = newest_seq = 0
    status: RemoteLogStatus = "ok"
    for done, n in enumerate(sorted(wanted)):
        ctx.check_cancelled()
        ctx.progress("verify", done, len(wanted), "files")
        try:
            head, _ = reader.head(own, n)
            entries = reader.log_entries(head) if head.kind == "audit" else []
        except (BadHead, BadSealError):
            status = "missing"
            continue
        except RemoteFailed as failed:
            if failed.fault not in UNSOUND:
                raise
            status = "missing"
            continue
        with ctx.reading() as db:
            bad = segments.first_difference(db, entries)
        if bad is not None:
            return Comparison("differs", bad, compared, newest_seq)
        compared += len(entries)
        newest_seq = max(newest_seq, *(each.seq for each in entries), head.seq)
    if newest_seq > log_head:
        return Comparison("behind", log_head + 1, compared, newest_seq)
    return Comparison(status, None, compared, newest_seq)
