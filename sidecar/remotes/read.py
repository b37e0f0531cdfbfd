"""Reads a remote: its stores and devices, their heads, and the objects that the heads name.

Everything that comes from a remote is untrusted input. A head is valid when an identity unseals it
and an identity of its device has signed it. An object is valid when it has the size and the hash
that its head names. Only one property is not verified: that the remote shows its newest heads; only
the device that signed them can check that.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from sidecar import digests, limits
from sidecar.redaction import add_secret
from sidecar.remotes import heads, segments
from sidecar.remotes.heads import BadHead, Head
from sidecar.remotes.session import RemoteFailed, Session
from sidecar.secrets.remote_identities import Identity, KeysObject, open_ring, parse_keys_object
from sidecar.store.audit.log import Entry
from sidecar.vault import age_format
from sidecar.vault.crypto import BadSealError
from sidecar.vault.keys import Keys

UNSOUND: Final = frozenset({"missing", "too_large", "failed"})
"""Faults that concern one object; every other fault means that the remote cannot be read."""

Report = Callable[[int], None]
"""Called with the number of bytes read since the last call; it may raise to stop the work."""


def no_report(_size: int) -> None:
    """Report nothing."""


class Reader(NamedTuple):
    """A store in a remote, and the identities that open its objects."""

    session: Session
    store: str
    identities: list[Identity]

    def devices(self) -> list[str]:
        """Return the ids of the devices that have written to the store, in order."""
        return heads.devices(self.session.folders(heads.folder(self.store)))

    def head_numbers(self, device: str) -> list[int]:
        """Return the numbers of the heads of a device, in order."""
        found = self.session.names(f"{heads.folder(self.store, device)}/h")
        return heads.numbers([name for name, _ in found])[-limits.REMOTE_HEADS_READ_MAX :]

    def head(self, device: str, n: int) -> tuple[Head, str]:
        """Return a head of a device, and its text.

        Raises:
            BadHead: the device has not signed it.
            RemoteFailed: it cannot be read.
        """
        name = heads.head_name(self.store, device, n)
        try:
            text = self.unseal(self.session.read(name, limits.REMOTE_HEAD_MAX_BYTES))
        except BadSealError:
            raise BadHead(
                "No key of this file opens the head: it was changed, or pushed before"
                " secrets.reset, after which nothing that was pushed earlier can be verified."
            ) from None
        except RemoteFailed as failed:
            if failed.fault == "too_large":
                raise BadHead from None
            raise
        verifiers = [each.verifier for each in self.identities if each.device == device]
        head = heads.parse(text, self.store, device, n, verifiers)
        return head, text.decode()

    def unseal(self, sealed: bytes) -> bytes:
        """Open a small object.

        Raises:
            BadSealError: no identity opens it.
        """
        for each in self.identities:
            try:
                return b"".join(age_format.unseal(each.secret, [sealed]))
            except BadSealError:
                continue
        raise BadSealError

    def backups(self, device: str) -> Iterator[Head]:
        """Yield the heads of a device's backups in the remote, the newest first.

        An invalid head is skipped; `remotes.verify` reports it.

        Raises:
            RemoteFailed: the remote cannot be reached, or refuses.
        """
        start = heads.folder(self.store, device)
        found = {
            name.removeprefix(f"{start}/").rpartition("-")[0]
            for name, _ in self.session.names(f"{start}/b")
        }
        for name in sorted(found, reverse=True):
            number = name.partition("/")[2].partition("-")[0]
            if not (number.isascii() and number.isdigit()):
                continue
            try:
                head, _ = self.head(device, int(number))
            except BadHead:
                continue
            except RemoteFailed as failed:
                if failed.fault not in UNSOUND:
                    raise
                continue
            if head.kind == "backup" and head.object == name:
                yield head

    def sealed_object(self, head: Head, report: Report = no_report) -> Iterator[bytes]:
        """Yield the sealed bytes of an object; their hash is compared with the head at the end.

        Raises:
            RemoteFailed: the object is missing, or differs from the one that the head names.
        """
        digest, left = digests.new_sha256(), head.size
        for part in range(head.parts):
            name = heads.part_name(self.store, head.device, head.object, part)
            for piece in self.session.get(name, left):
                left -= len(piece)
                digest.update(piece)
                report(len(piece))
                yield piece
        if left or digest.hexdigest() != head.sha256:
            raise RemoteFailed("too_large", "The object differs from the one that was pushed.")

    def open_object(self, head: Head, report: Report = no_report) -> Iterator[bytes]:
        """Yield the unsealed content of an object; after an error the content must not be used.

        Raises:
            RemoteFailed: as `sealed_object`.
            BadSealError: no identity of the device opens it.
        """
        pieces = self.sealed_object(head, report)
        first = next(pieces, b"")
        for each in reversed(self.identities):
            try:
                age_format.check_recipient(each.secret, first)
            except BadSealError:
                continue
            yield from age_format.unseal(each.secret, _joined(first, pieces))
            return
        raise BadSealError

    def log_entries(self, head: Head) -> list[Entry]:
        """Return the entries of a part of the audit log.

        Raises:
            RemoteFailed, BadSealError: it differs from the one that the head names.
        """
        if head.size > limits.REMOTE_SEGMENT_MAX_BYTES:
            raise RemoteFailed("too_large")
        return segments.read_lines(b"".join(self.open_object(head)))


def open_reader(session: Session, store: str, known: list[Identity], keys: Keys) -> Reader:
    """Return a reader with the identities in the database and those of other devices in the remote.

    A device that was restored elsewhere has made an identity of its own, which the root key opens.
    """
    found = {each.recipient: each for each in known}
    for device in heads.devices(session.folders(heads.folder(store))):
        for made in keys_objects(session, store, device):
            try:
                others = open_ring(made, keys)
            except BadSealError:
                continue
            for each in others:
                add_secret(each.secret)
                add_secret(each.seed)
                found.setdefault(each.recipient, each)
    return Reader(session, store, list(found.values()))


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def stores(session: Session) -> list[str]:
    """Return the ids of the stores that a remote has, in order."""
    return [each for each in session.folders(heads.ROOT) if heads.is_store(each)]


def keys_objects(session: Session, store: str, device: str) -> Iterator[KeysObject]:
    """Yield the objects with keys of a device, the newest first; skip files of another form.

    Raises:
        RemoteFailed: the remote cannot be reached, or refuses.
    """
    found = session.names(f"{heads.folder(store, device)}/k")
    for name, _ in found[: -limits.REMOTE_KEYS_READ_MAX - 1 : -1]:
        try:
            made = parse_keys_object(session.read(name, limits.REMOTE_KEYS_MAX_BYTES))
        except BadSealError:
            continue
        except RemoteFailed as failed:
            if failed.fault not in UNSOUND:
                raise
            continue
        if made.store == store:
            yield made
