"""Verifies a remote: each device's chain of heads, and the objects that it names."""

from collections.abc import Iterator
from typing import NamedTuple

from sidecar.remotes import heads
from sidecar.remotes.heads import BadHead, Head
from sidecar.remotes.read import UNSOUND, Reader, Report, no_report
from sidecar.remotes.session import RemoteFailed
from sidecar.store.remotes import HeadRow
from sidecar.vault.crypto import BadSealError
from sidecar.vocabularies import RemoteFindingKind


class Finding(NamedTuple):
    """One fault in what a device has pushed to a remote."""

    kind: RemoteFindingKind
    device: str
    n: int | None
    detail: str


class Verdict(NamedTuple):
    """The result of the verification of one device."""

    device: str
    heads: int
    objects: int
    size_bytes: int
    findings: list[Finding]


def verify_device(
    reader: Reader, device: str, own: list[HeadRow], *, deep: bool, report: Report = no_report
) -> Verdict:
    """Verify the heads of a device and the objects that they name; `deep` reads every object.

    `own` holds the heads that this database has signed; it is empty for another device.
    """
    found: list[Finding] = []
    chain = dict(_read_chain(reader, device, found))
    _compare(device, chain, own, found)
    pruned = {head.object for head, _ in chain.values() if head.kind == "pruned"}
    named = [head for head, _ in chain.values() if head.kind != "pruned"]
    there = dict(reader.session.names(heads.folder(reader.store, device)))
    size = 0
    expected = {heads.head_name(reader.store, device, n) for n in reader.head_numbers(device)}
    for head in named:
        if head.object in pruned:
            continue
        names = [
            heads.part_name(reader.store, device, head.object, part) for part in range(head.parts)
        ]
        expected.update(names)
        found.extend(_check_object(reader, head, names, there, deep=deep, report=report))
        size += head.size
    strays = len(there.keys() - expected)
    if strays:
        text = f"{strays} objects are not named by any head."
        found.append(Finding("stray", device, None, text))
    kept = sum(head.object not in pruned for head in named)
    return Verdict(device, len(chain), kept, size, found)


def _read_chain(
    reader: Reader, device: str, found: list[Finding]
) -> Iterator[tuple[int, tuple[Head, str]]]:
    """Yield the heads of a device by number; add the faults of the chain to the findings."""
    numbers = reader.head_numbers(device)
    for n, following in zip([0, *numbers], numbers, strict=False):
        if following > n + 1:
            detail = f"Heads {n + 1} to {following - 1} are missing."
            found.append(Finding("missing", device, n + 1, detail))
    before = None
    for n in numbers:
        try:
            head, text = reader.head(device, n)
        except BadHead as bad:
            found.append(Finding("head", device, n, str(bad)))
            before = None
            continue
        except RemoteFailed as failed:
            if failed.fault not in UNSOUND:
                raise
            found.append(Finding("missing", device, n, "The head is missing, or is not a file."))
            before = None
            continue
        if before is not None and head.prev != heads.digest(before):
            detail = "The head does not contain the hash of the head before it."
            found.append(Finding("head", device, n, detail))
        before = text
        yield n, (head, text)


def _compare(
    device: str, chain: dict[int, tuple[Head, str]], own: list[HeadRow], found: list[Finding]
) -> None:
    """Compare the heads in the remote with those that this database has signed."""
    sent = {row.n: row.head for row in own if row.sent}
    for n, text in sent.items():
        if n not in chain:
            detail = "The remote lacks a head that was pushed."
            found.append(Finding("rolled_back", device, n, detail))
        elif chain[n][1] != text:
            detail = "The head differs from the one that was pushed."
            found.append(Finding("forked", device, n, detail))
    newest = max((row.n for row in own), default=0)
    if own and any(n > newest for n in chain):
        detail = "A copy of this database, or a later state of it, has pushed under its device id."
        found.append(Finding("forked", device, newest + 1, detail))


def _check_object(
    reader: Reader,
    head: Head,
    names: list[str],
    there: dict[str, int],
    *,
    deep: bool,
    report: Report,
) -> Iterator[Finding]:
    """Yield the faults of the object that a head names."""
    if any(name not in there for name in names):
        yield Finding("missing", head.device, head.n, f"The object {head.object} is missing.")
        return
    is_sound = sum(there[name] for name in names) == head.size
    if is_sound and deep:
        is_sound = _opens(reader, head, report)
    if not is_sound:
        detail = f"The object {head.object} differs from the one that was pushed."
        yield Finding("changed", head.device, head.n, detail)


def _opens(reader: Reader, head: Head, report: Report) -> bool:
    """Return whether an object has the hash that its head names, and can be unsealed."""
    is_sealed = head.kind != "keys"
    try:
        for _ in (reader.open_object if is_sealed else reader.sealed_object)(head, report):
            pass
    except BadSealError:
        return False
    except RemoteFailed as failed:
        if failed.fault in UNSOUND:
            return False
        raise
    return True
