"""Pushes to a remote, sealed, everything that it does not have yet.

A push is a sequence of steps. Each step sends one object and then its head. A head is written to
the database before it is sent, so that after a kill the next push sends the same head again; an
object without a head is sealed again under another name. The order is: keys, audit log, backups.
Afterwards the oldest backups are deleted from the remote while they exceed `remote_keep_bytes`.

Before the first step the newest head is read from the remote. When it is missing or different, the
remote was rolled back. When a head with the next number exists already, a copy of this database
pushes under the same device id. In both cases the device takes a new id and pushes everything
again.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from sidecar import digests, limits
from sidecar.backups.directory import Backup
from sidecar.context import LongContext
from sidecar.errors import RecoveryCodeNeeded
from sidecar.notifications import SystemWarning
from sidecar.redaction import add_secret
from sidecar.remotes import device, heads, segments
from sidecar.remotes.access import Access, require_unlocked
from sidecar.remotes.due import due_backups, entries_after
from sidecar.remotes.heads import Head
from sidecar.remotes.session import RemoteFailed, Session
from sidecar.secrets import remote_identities as identities
from sidecar.secrets.remote_identities import Identity
from sidecar.store import meta, remotes, settings
from sidecar.store.audit.log import chain_head
from sidecar.store.remotes import HeadKind, HeadRow
from sidecar.vault import age_format
from sidecar.vault.crypto import BadSealError
from sidecar.vocabularies import WarningSlug

_PIECE_BYTES: Final = 1024 * 1024

_TEXTS: Final[dict[WarningSlug, str]] = {
    "remote_forked": "A copy of this database, or a later state of it, has written to the remote"
    " under this device's id; the device has a new id now.",
    "remote_rolled_back": "The remote lacks what was pushed to it, or holds something else;"
    " everything is pushed again.",
}
"""The text of the warning for each reason why a device takes a new id."""


class StartAgain(Exception):
    """The push must start again under a new device id."""

    def __init__(self, reason: Literal["forked", "rolled_back"]) -> None:
        """Store why."""
        super().__init__(reason)
        self.reason: Literal["forked", "rolled_back"] = reason


class Pushed(NamedTuple):
    """The objects that a push has sent."""

    backups: list[str]
    audit_entries: int
    sent_bytes: int
    pruned: list[str]


def push(ctx: LongContext, access: Access) -> Pushed:
    """Push everything that is due to one remote.

    Raises:
        RecoveryCodeNeeded: there is no recovery code, so no other machine could open the objects.
            RemoteFailed: the remote failed; what was sent before stays there.
            Locked: the secrets were locked during the push.
        Cancelled: the request was cancelled.
    """
    with access.session(ctx) as session:
        for _ in range(2):
            try:
                return _Push(ctx, access, session).run()
            except StartAgain as again:
                _take_new_name(ctx, access, again.reason)
        return _Push(ctx, access, session).run()


def _take_new_name(
    ctx: LongContext, access: Access, reason: Literal["forked", "rolled_back"]
) -> None:
    """Give the device a new id, log the change, and send a warning with the reason."""
    with ctx.writing():
        new = device.make(ctx.store.path, ctx.clock)
        ctx.audit("remote_device", access.remote.name, reason=reason, device=new)
        slug: WarningSlug = "remote_forked" if reason == "forked" else "remote_rolled_back"
        ctx.emit(SystemWarning(slug, f"{access.remote.name}: {_TEXTS[slug]}"))


class _Push:
    """One push to one remote, under the current device id."""

    def __init__(self, ctx: LongContext, access: Access, session: Session) -> None:
        """Read which heads were pushed before, and make an identity when there is none."""
        self._ctx = ctx
        self._access = access
        self._session = session
        self._name = access.remote.name
        with ctx.writing() as db:
            require_unlocked(ctx, access)
            if not identities.has_recovery_code(db):
                raise RecoveryCodeNeeded
            base = device.read_or_make(ctx.store.path, ctx.clock)
            self._device = device.prefix(base, self._name, access.remote.created_at)
            found = identities.open_current(db, access.keys, self._device)
            self._own: Identity = found or identities.make(db, access.keys, ctx.clock, self._device)
            self._newest = remotes.newest_head(db, self._name, self._device)
        add_secret(self._own.secret)
        add_secret(self._own.seed)
        self._sent_bytes = 0
        self._done_bytes = 0
        self._total_bytes: int | None = None

    def run(self) -> Pushed:
        """Do every step that is due.

        Raises:
            StartAgain: the device must take a new id.
        """
        self._confirm_newest()
        backups = self._due_backups()
        self._total_bytes = sum(age_format.sealed_size(each.size_bytes) for each in backups)
        self._push_keys()
        entries = self._push_log()
        for backup in backups:
            self._push_backup(backup)
        pruned = self._prune()
        with self._ctx.writing() as db:
            remotes.set_pushed(db, self._name, self._ctx.clock.now_ms())
        return Pushed([each.name for each in backups], entries, self._sent_bytes, pruned)

    # --- the chain of heads -------------------------------------------------------------------

    def _confirm_newest(self) -> None:
        """Send the newest head if that was interrupted; else compare it with the remote's."""
        newest = self._newest
        if newest is not None and not newest.sent:
            self._put_head(newest)
        elif newest is not None and self._read_head(newest.n) != newest.head:
            raise StartAgain("rolled_back")
        if self._read_head(self._next_n()) is not None:
            raise StartAgain("forked")

    def _next_n(self) -> int:
        return 1 if self._newest is None else self._newest.n + 1

    def _read_head(self, n: int) -> str | None:
        """Return the remote's head of that number, None when there is none."""
        name = heads.head_name(self._access.store, self._device, n)
        try:
            sealed = self._session.get(name, limits.REMOTE_HEAD_MAX_BYTES)
            return self._unseal(sealed).decode(errors="replace")
        except RemoteFailed as failed:
            if failed.fault == "too_large":
                return ""
            if failed.fault != "missing":
                raise
            return None

    def _unseal(self, pieces: Iterator[bytes]) -> bytes:
        """Unseal a head with any identity of this device; return b"" when none opens it."""
        sealed = b"".join(pieces)
        with self._ctx.store.lock:
            require_unlocked(self._ctx, self._access)
            known = identities.open_all(self._ctx.store.db, self._access.keys)
        try:
            for each in known:
                with suppress(BadSealError):
                    return b"".join(age_format.unseal(each.secret, [sealed]))
            return b""
        finally:
            for each in known:
                each.wipe()

    def _put_head(self, row: HeadRow) -> None:
        """Send a head, and record in the database that it was sent.

        Raises:
            StartAgain: the remote has a different head of that number.
        """
        sealed = age_format.seal(
            self._own.recipient, [row.head.encode()], self._ctx.clock.random_bytes
        )
        name = heads.head_name(self._access.store, self._device, row.n)
        try:
            self._session.put(name, sealed)
        except RemoteFailed as failed:
            if failed.fault != "exists":
                raise
            if self._read_head(row.n) != row.head:
                raise StartAgain("forked") from None
        with self._ctx.writing() as db:
            remotes.set_sent(db, self._name, self._device, row.n)

    def _step(self, kind: HeadKind, subject: str, made_at: int, pieces: Iterable[bytes]) -> None:
        """Send a sealed object in parts, and then its head."""
        name = heads.new_object(kind, self._next_n(), self._ctx.clock.random_bytes(4))
        parts = _Parts(pieces, self._report)
        self._session.put_all(
            (heads.part_name(self._access.store, self._device, name, number), pieces)
            for number, pieces in parts.each()
        )
        self._sent_bytes += parts.size
        self._add_head(kind, name, subject, made_at, parts)

    def _add_head(
        self, kind: HeadKind, name: str, subject: str, made_at: int, parts: "_Parts | None" = None
    ) -> None:
        """Sign the next head, write it to the database, and send it."""
        ctx = self._ctx
        with ctx.writing() as db:
            require_unlocked(ctx, self._access)
            newest = self._newest
            log_head = chain_head(db)
            head = Head(
                store=self._access.store,
                device=self._device,
                n=self._next_n(),
                kind=kind,
                object=name,
                parts=0 if parts is None else parts.count,
                size=0 if parts is None else parts.size,
                sha256="" if parts is None else parts.hash.hexdigest(),
                subject=subject,
                made_at=made_at,
                prev="" if newest is None else heads.digest(newest.head),
                epoch=meta.epoch(db),
                seq=log_head.seq,
                mac=log_head.mac.hex(),
            )
            row = HeadRow(
                self._name, self._device, head.n, kind, name, subject, head.size,
                head.encode(self._own.seed), 0,
            )  # fmt: skip
            remotes.add_head(db, row)
        self._put_head(row)
        self._newest = row._replace(sent=1)

    def _seal(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        return age_format.seal(self._own.recipient, pieces, self._ctx.clock.random_bytes)

    def _report(self, size: int) -> None:
        self._ctx.check_cancelled()
        self._done_bytes += size
        self._ctx.progress("push", self._done_bytes, self._total_bytes, "bytes")

    # --- what is pushed -----------------------------------------------------------------------

    def _push_keys(self) -> None:
        """Push the key slots and identities if they have changed since they were last pushed."""
        with_passphrase = bool(self._access.remote.with_passphrase)
        ctx = self._ctx
        with ctx.store.lock:
            require_unlocked(ctx, self._access)
            db = ctx.store.db
            mark = identities.mark(db, with_passphrase=with_passphrase)
            newest = remotes.newest_head(db, self._name, self._device, "keys")
            if newest is not None and newest.subject == mark:
                return
            made = identities.keys_object(
                db, self._access.keys, ctx.clock, with_passphrase=with_passphrase
            )
        self._step("keys", mark, ctx.clock.now_ms(), [made])

    def _push_log(self) -> int:
        """Push the entries of the audit log that were not pushed yet; return their number."""
        with self._ctx.reading(snapshot=True) as db:
            after = entries_after(db, self._name, self._device)
            through = chain_head(db).seq
        count = 0
        while after is not None:
            # Each part is read in a transaction of its own: one that stays open during an upload
            # would delay the purge of deleted bytes.
            with self._ctx.reading(snapshot=True) as db:
                part = segments.next_segment(db, after, through)
            if part is None:
                break
            self._step("audit", str(part.last), self._ctx.clock.now_ms(), self._seal([part.data]))
            count += part.last - part.first + 1
            after = part.last
        return count

    def _due_backups(self) -> list[Backup]:
        with self._ctx.reading() as db:
            return due_backups(db, self._ctx.store.path, self._name, self._device)

    def _push_backup(self, backup: Backup) -> None:
        """Push a backup; do nothing when its file was deleted in the meantime."""
        try:
            file = backup.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            self._step("backup", backup.name, backup.manifest.created_at, self._seal(pieces))
        with self._ctx.writing():
            self._ctx.audit(
                "remote_push", backup.name, remote=self._name, size_bytes=backup.size_bytes
            )

    # --- deleting from the remote -------------------------------------------------------------

    def _prune(self) -> list[str]:
        """Delete the oldest backups of this device while they exceed `remote_keep_bytes`.

        The newest backup is never deleted. A signed head records each deletion before it is done.
        """
        with self._ctx.reading() as db:
            keep_bytes = settings.number(db, "remote_keep_bytes")
            rows = remotes.heads(db, self._name, self._device)
        gone = {row.object for row in rows if row.kind == "pruned"}
        held = [row for row in rows if row.kind == "backup" and row.object not in gone]
        pruned = []
        while keep_bytes and len(held) > 1 and sum(row.size_bytes for row in held) > keep_bytes:
            oldest = held.pop(0)
            self._add_head("pruned", oldest.object, oldest.subject, self._ctx.clock.now_ms())
            with self._ctx.writing():
                self._ctx.audit("remote_prune", oldest.subject, remote=self._name)
            gone.add(oldest.object)
            pruned.append(oldest.subject)
        if pruned:
            self._delete_leftovers({row.object for row in held})
        return pruned

    def _delete_leftovers(self, held: set[str]) -> None:
        """Delete parts that no head names: of pruned backups, and of interrupted pushes."""
        start = heads.folder(self._access.store, self._device)
        for name, _ in self._session.names(f"{start}/b"):
            whole = name.removeprefix(f"{start}/").rpartition("-")[0]
            if heads.is_backup(whole) and whole not in held:
                self._session.delete(name)


class _Parts:
    """Divides a stream into parts of bounded size; has their count, total size and hash."""

    def __init__(self, pieces: Iterable[bytes], report: Callable[[int], None]) -> None:
        """Divide these pieces; `report` is called with the size of each piece."""
        self._pieces = iter(pieces)
        self._report = report
        self._held = next(self._pieces, b"")
        self.count = 0
        self.size = 0
        self.hash = digests.new_sha256()

    def each(self) -> Iterator[tuple[int, Iterator[bytes]]]:
        """Yield the number and the pieces of each part; read a part whole before the next one."""
        while self._held:
            self.count += 1
            yield self.count - 1, self._part()

    def _part(self) -> Iterator[bytes]:
        left = limits.REMOTE_PART_BYTES
        while left and self._held:
            piece, self._held = self._held[:left], self._held[left:]
            left -= len(piece)
            self.size += len(piece)
            self.hash.update(piece)
            self._report(len(piece))
            yield piece
            if not self._held:
                self._held = next(self._pieces, b"")
