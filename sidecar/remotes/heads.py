"""Heads: the signed statements of a device about the objects that it has pushed, in a chain.

The objects of a device lie under `v1/STORE/DEVICE/`, in these folders:

    h   heads, numbered 1, 2, 3 ...
    b   backups, in parts
    a   parts of the audit log
    k   the key slots and the identities that open all of it

A head is made after its object was stored. It contains the object's name, size and hash, the hash
of the head before it, and the newest entry of the audit chain. So a changed, swapped, truncated or
invented object is detected. A remote can withhold the newest heads; only the device that signed
them can detect that.

A head is one line of JSON and a line with its Ed25519 signature; it is sealed as the objects are.
"""

import re
from typing import Final

import msgspec

from sidecar import digests
from sidecar.remotes.device import is_device
from sidecar.store.remotes import HeadKind
from sidecar.vault import crypto

ROOT: Final = "v1"
_SIGNED: Final = b"sim-remote-head/1\n"
_FOLDERS: Final[dict[HeadKind, str]] = {"keys": "k", "audit": "a", "backup": "b", "pruned": "b"}
_OBJECT: Final = re.compile(r"[abk]/[0-9]{12}-[0-9a-f]{8}")
_STORE: Final = re.compile(r"[0-9a-f]{32}")


class BadHead(Exception):
    """A head is not valid for its device; the text says why."""

    def __init__(self, detail: str = "The device has not signed this head.") -> None:
        """Store the reason."""
        super().__init__(detail)


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head; its attributes have the names of the members of its JSON."""

    store: str
    device: str
    n: int
    kind: HeadKind
    object: str
    """Name of the object below the device's folder, without the number of a part."""
    parts: int
    size: int
    """Total size of the sealed parts."""
    sha256: str
    """Hash of the sealed parts, in order."""
    subject: str
    """Name of the backup, number of the last audit entry, or `mark` of the object with keys."""
    made_at: int
    prev: str
    """Hash of the previous head; empty for the first head."""
    epoch: int
    seq: int
    mac: str

    def encode(self, seed: bytearray) -> str:
        """Return the text of the head with its signature."""
        line = msgspec.json.encode(self)
        return f"{line.decode()}\n{crypto.sign(seed, _SIGNED + line).hex()}\n"


def parse(text: bytes, store: str, device: str, n: int, verifiers: list[bytes]) -> Head:
    """Parse and verify the head `n` of a device.

    Raises:
        BadHead: the head is of another device or number, or its signature is wrong.
    """
    line, _, rest = text.partition(b"\n")
    try:
        signature = bytes.fromhex(rest.decode("ascii").removesuffix("\n"))
        head = msgspec.json.decode(line, type=Head)
    except (ValueError, msgspec.MsgspecError):
        raise BadHead from None
    if not any(crypto.verifies(each, signature, _SIGNED + line) for each in verifiers):
        raise BadHead
    is_named = _OBJECT.fullmatch(head.object) and head.object[0] == _FOLDERS[head.kind]
    if (head.store, head.device, head.n) != (store, device, n) or not is_named:
        raise BadHead
    if not (head.size >= 0 and 0 <= head.parts <= head.size + 1):
        raise BadHead
    return head


def digest(text: str) -> str:
    """Return the hash of this head, which the next head contains."""
    return digests.sha256(text.encode()).hex()


# --- names --------------------------------------------------------------------------------------


def is_store(text: str) -> bool:
    """Return whether a text has the form of a store's id."""
    return _STORE.fullmatch(text) is not None


def folder(store: str, device: str = "") -> str:
    """Return the folder of a store, or of one of its devices."""
    return f"{ROOT}/{store}/{device}" if device else f"{ROOT}/{store}"


def head_name(store: str, device: str, n: int) -> str:
    """Return the name of a head."""
    return f"{folder(store, device)}/h/{n:012}"


def new_object(kind: HeadKind, n: int, mark: bytes) -> str:
    """Return a name for the object of the head `n`; `mark` is different in each attempt."""
    return f"{_FOLDERS[kind]}/{n:012}-{mark.hex()}"


def part_name(store: str, device: str, name: str, part: int) -> str:
    """Return the name of a part of an object."""
    return f"{folder(store, device)}/{name}-{part:04}"


def is_backup(name: str) -> bool:
    """Return whether a name is that of an object of a backup, without the number of a part."""
    return name.startswith("b/") and _OBJECT.fullmatch(name) is not None


def numbers(names: list[str]) -> list[int]:
    """Return the numbers of the heads among the names of objects, in order."""
    found = [name.rpartition("/") for name in names]
    return sorted(
        int(last)
        for place, _, last in found
        if place.endswith("/h") and len(last) == 12 and last.isascii() and last.isdigit()  # noqa: PLR2004 - as in `head_name`
    )


def devices(names: list[str]) -> list[str]:
    """Return the names of folders that are ids of devices."""
    return [name for name in names if is_device(name)]
