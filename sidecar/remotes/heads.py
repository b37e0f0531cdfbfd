"""Heads: what a device signs about each object that it has put into a remote, in a chain.

The objects of a device lie under `v1/STORE/DEVICE/`, in these folders:

    h   heads, numbered 1, 2, 3 ...
    b   backups, in parts
    a   parts of the audit log
    k   the key slots and the identities that open all of it

A head is made when its object is there. It names the object with its size and hash, the hash of
the head before, and the newest entry of the audit chain. So everything is found that is changed,
swapped, cut or invented in a remote. A remote can withhold the newest heads: the device that has
signed them finds that, another one cannot.

A head is one line of JSON and a line with its Ed25519 signature; it is sealed as the objects are.
"""

import re
from typing import Final

import msgspec

from sidecar.remotes.device import is_device
from sidecar.store.remotes import HeadKind
from sidecar.vault import crypto

ROOT: Final = "v1"
_SIGNED: Final = b"sim-remote-head/1\n"
_FOLDERS: Final[dict[HeadKind, str]] = {"keys": "k", "audit": "a", "backup": "b", "pruned": "b"}
_OBJECT: Final = re.compile(r"[abk]/[0-9]{12}-[0-9a-f]{8}")
_STORE: Final = re.compile(r"[0-9a-f]{32}")


class BadHead(Exception):
    """A head is not one that the device has signed; the text says what is known of it."""

    def __init__(self, detail: str = "The head is not one that the device signed.") -> None:
        """Store what is known of the head."""
        super().__init__(detail)


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head. The names are those of its JSON."""

    store: str
    device: str
    n: int
    kind: HeadKind
    object: str
    """Name of the object below the device's folder, without the number of a part."""
    parts: int
    size: int
    """Size of all parts, sealed."""
    sha256: str
    """Hash of all parts, sealed."""
    subject: str
    """Name of the backup, number of the last entry, or hash of what the keys are for."""
    made_at: int
    prev: str
    """Hash of the head before; empty for the first."""
    epoch: int
    seq: int
    mac: str

    def encode(self, seed: bytearray) -> str:
        """Return the text of the head with its signature."""
        line = msgspec.json.encode(self)
        return f"{line.decode()}\n{crypto.sign(seed, _SIGNED + line).hex()}\n"


def parse(text: bytes, store: str, device: str, n: int, verifiers: list[bytes]) -> Head:
    """Return the head that a device has signed as its number `n`.

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
    """Return the hash by which the next head names this one."""
    return crypto.sha256(text.encode()).hex()


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
    """Return a name for the object of the head `n`; `mark` tells one try from another."""
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
