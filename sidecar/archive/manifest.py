"""What a backup says of itself: JSON in a skippable frame before the data, of a fixed size.

The size is fixed because the manifest holds what is only known once the data has been packed: it
is written over blanks when the rest is done, and the data is read once. It carries the SHA-256 of
itself, so that no flipped bit of it is believed, and a code under the root key where there is one.
"""

import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from sidecar import limits
from sidecar.errors import BackupRejected

FORMAT: Final = 1
"""Rises when a reader of the former one could not read it."""

Reason = Literal["manual", "interval", "migrate", "restore", "compact", "recover"]
"""Why a backup was made."""

Secrets = Literal["none", "sealed"]

Mac = Callable[[bytes], bytes] | None
"""Codes bytes under a key that the root key leads to; None while secrets are locked or not set
up. The one place where the vault plugs in is `backups.create.manifest_mac`."""

Refusal = Literal[
    "not_a_backup",
    "newer",
    "manifest",
    "size",
    "window",
    "form",
    "truncated",
    "trailing",
    "damaged",
    "not_ours",
    "schema",
    "content",
]
"""Why a backup is rejected."""

_SAID: Final[dict[Refusal, str]] = {
    "not_a_backup": "The file is no backup of this product.",
    "newer": "The backup was made by a newer version; update this program.",
    "manifest": "The backup's description of itself is damaged.",
    "size": "The backup claims a size that it cannot have.",
    "window": "The backup asks for more memory than a backup needs.",
    "form": "The backup is not packed the way backups are.",
    "truncated": "The backup is cut off.",
    "trailing": "Something else stands behind the backup's data.",
    "damaged": "The backup's data is damaged.",
    "not_ours": "What is in the backup is no database of this product.",
    "schema": "The tables in the backup are not those of this product.",
    "content": "What is in the backup contradicts itself.",
}

Hex = Annotated[str, Meta(pattern="^(?:[0-9a-f]{2}){1,64}$(?!\\n)")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\\n)")]
Number = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX)]


def rejection(reason: Refusal) -> BackupRejected:
    """The error for a backup that is not to be believed."""
    return BackupRejected(f"{_SAID[reason]} The database is unchanged.", reason=reason)


class Head(Struct, frozen=True):
    """The newest entry of the audit log in the backup."""

    seq: Number
    mac: Hex


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: Number = FORMAT
    program: Annotated[str, Meta(max_length=64)]
    sqlite: Annotated[str, Meta(max_length=64)]
    schema_version: Number
    created_at: Number
    reason: Reason
    label: Annotated[str, Meta(max_length=limits.BACKUP_LABEL_MAX_CHARS)] | None
    store_id: Hex
    epoch: Number
    head: Head
    state: Hex
    """Fingerprint of what the database holds, the log of backups aside."""
    counts: dict[str, Number]
    secrets: Secrets
    database_bytes: Number
    sha256: Sha256 = "0" * 64
    """Of the database."""
    packed_bytes: Number = 0
    """Of the data frame."""
    manifest_sha256: Sha256 | Literal[""] = ""
    """Of the manifest itself, this member empty."""
    mac: Hex | None = None
    """Over the manifest, its SHA-256 empty and this null."""


_MAGIC: Final = 0x184D2A50
_HEADER: Final = struct.Struct("<II")
FRAME_BYTES: Final = _HEADER.size + limits.ARCHIVE_MANIFEST_BYTES
"""Where the data frame begins."""


def encode(manifest: Manifest, mac: Mac = None) -> bytes:
    """The skippable frame with the manifest, made to vouch for itself.

    Raises:
        ValueError: it has grown larger than its frame; a fault of ours.
    """
    code = None if mac is None else mac(_coded(manifest)).hex()
    coded = replace(manifest, mac=code)
    content = msgspec.json.encode(replace(coded, manifest_sha256=_self_sha256(coded)))
    if len(content) > limits.ARCHIVE_MANIFEST_BYTES:
        raise ValueError("The manifest does not fit into its frame.")
    return _framed(content)


def decode(frame: bytes) -> Manifest:
    """Read the skippable frame.

    Raises:
        BackupRejected: it is no manifest, one of a newer form, or not as it was written.
    """
    if len(frame) < _HEADER.size or _HEADER.unpack_from(frame)[0] != _MAGIC:
        raise rejection("not_a_backup")
    if len(frame) < FRAME_BYTES:
        raise rejection("truncated")
    content = frame[_HEADER.size :]
    if _newer(content):
        raise rejection("newer")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise rejection("manifest") from None
    as_written = frame == _framed(msgspec.json.encode(manifest))
    if not as_written or manifest.manifest_sha256 != _self_sha256(manifest):
        raise rejection("manifest")
    return manifest


def is_authentic(manifest: Manifest, mac: Mac) -> bool | None:
    """Whether the code is the one this root key makes; None where that cannot be told."""
    if mac is None or manifest.mac is None:
        return None
    return hmac.compare_digest(mac(_coded(manifest)).hex(), manifest.mac)


def _framed(content: bytes) -> bytes:
    filled = content.ljust(limits.ARCHIVE_MANIFEST_BYTES, b" ")
    return _HEADER.pack(_MAGIC, limits.ARCHIVE_MANIFEST_BYTES) + filled


def _coded(manifest: Manifest) -> bytes:
    return msgspec.json.encode(replace(manifest, manifest_sha256="", mac=None))


def _self_sha256(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(replace(manifest, manifest_sha256=""))).hexdigest()


class _Format(Struct):
    format: int


def _newer(content: bytes) -> bool:
    try:
        return msgspec.json.decode(content, type=_Format).format > FORMAT
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
