"""The manifest of a backup: JSON in a skippable frame of fixed size in front of the data.

The frame's size is fixed because the manifest contains values that are known only after the data
has been packed. Blanks are written first and replaced at the end, so that the data is read once.
The manifest contains its own SHA-256, which reveals every flipped bit, and a message
authentication code (MAC) when the vault was unlocked as the backup was made.
"""

import struct
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from sidecar import digests, limits
from sidecar.errors import BackupRejected
from sidecar.vocabularies import BackupReason, BackupRefusal, BackupSecrets
from sidecar.vocabulary_sentences import BACKUP_REFUSALS

FORMAT: Final = 1
"""Version of the format; increased when readers of the previous version cannot read it."""

Mac = Callable[[bytes], bytes] | None
"""Computes a message authentication code under a key derived from the root key; None while the
vault is locked or not set up. `backups.create.manifest_mac` makes such a function."""

Hex = Annotated[str, Meta(pattern="^(?:[0-9a-f]{2}){1,64}$(?!\\n)")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\\n)")]
Number = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX)]


def rejection(reason: BackupRefusal) -> BackupRejected:
    """Return the error that rejects a backup for this reason."""
    return BackupRejected(f"{BACKUP_REFUSALS[reason]} The database is unchanged.", reason=reason)


class Head(Struct, frozen=True):
    """Number and code of the newest entry of the audit log in the backup."""

    seq: Number
    mac: Hex


class Manifest(Struct, frozen=True, kw_only=True):
    """The description of a backup that stands at its beginning."""

    format: Number = FORMAT
    program: Annotated[str, Meta(max_length=64)]
    sqlite: Annotated[str, Meta(max_length=64)]
    schema_version: Number
    created_at: Number
    reason: BackupReason
    label: Annotated[str, Meta(max_length=limits.BACKUP_LABEL_MAX_CHARS)] | None
    store_id: Hex
    epoch: Number
    head: Head
    state: Hex
    """Fingerprint of the database's data; entries of the audit log about backups do not count."""
    counts: dict[str, Number]
    secrets: BackupSecrets
    database_bytes: Number
    sha256: Sha256 = "0" * 64
    """SHA-256 of the database."""
    packed_bytes: Number = 0
    """Size of the data frame."""
    manifest_sha256: Sha256 | Literal[""] = ""
    """SHA-256 of the manifest with this member empty."""
    mac: Hex | None = None
    """MAC of the manifest with `manifest_sha256` empty and this member null."""


_MAGIC: Final = 0x184D2A50
_HEADER: Final = struct.Struct("<II")
FRAME_BYTES: Final = _HEADER.size + limits.ARCHIVE_MANIFEST_BYTES
"""Size of the manifest's frame, which is also the offset of the data frame."""


def encode_manifest(manifest: Manifest, mac: Mac = None) -> bytes:
    """Return the skippable frame with the manifest, its SHA-256 and its code filled in.

    Raises:
        ValueError: the manifest is larger than its frame, which is a fault of this program.
    """
    code = None if mac is None else mac(_without_checks(manifest)).hex()
    manifest = replace(manifest, mac=code)
    content = msgspec.json.encode(replace(manifest, manifest_sha256=_sha256_of(manifest)))
    if len(content) > limits.ARCHIVE_MANIFEST_BYTES:
        raise ValueError("The manifest does not fit into its frame.")
    return _frame_of(content)


def decode_manifest(frame: bytes) -> Manifest:
    """Read the manifest in a skippable frame.

    Raises:
        BackupRejected: there is no manifest, it is of a newer format, or it was changed.
    """
    if len(frame) < _HEADER.size or _HEADER.unpack_from(frame)[0] != _MAGIC:
        raise rejection("not_a_backup")
    if len(frame) < FRAME_BYTES:
        raise rejection("truncated")
    content = frame[_HEADER.size :]
    if _is_newer_format(content):
        raise rejection("newer")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise rejection("manifest") from None
    as_written = frame == _frame_of(msgspec.json.encode(manifest))
    if not as_written or manifest.manifest_sha256 != _sha256_of(manifest):
        raise rejection("manifest")
    return manifest


def is_authentic(manifest: Manifest, mac: Mac) -> bool | None:
    """Return whether `mac` yields the manifest's MAC; None when either of them is missing."""
    if mac is None or manifest.mac is None:
        return None
    return digests.equal(mac(_without_checks(manifest)).hex(), manifest.mac)


def _frame_of(content: bytes) -> bytes:
    """Return the skippable frame around a manifest, which is padded with blanks."""
    padded = content.ljust(limits.ARCHIVE_MANIFEST_BYTES, b" ")
    return _HEADER.pack(_MAGIC, limits.ARCHIVE_MANIFEST_BYTES) + padded


def _without_checks(manifest: Manifest) -> bytes:
    """Return the manifest as JSON without its SHA-256 and its MAC: the input of the MAC."""
    return msgspec.json.encode(replace(manifest, manifest_sha256="", mac=None))


def _sha256_of(manifest: Manifest) -> str:
    """Return the SHA-256 of the manifest without the member that holds it."""
    return digests.sha256(msgspec.json.encode(replace(manifest, manifest_sha256=""))).hex()


class _Format(Struct):
    """The one member of a manifest that every version of the format has."""

    format: int


def _is_newer_format(content: bytes) -> bool:
    """Return whether a manifest has a newer format; its other members are not read."""
    try:
        return msgspec.json.decode(content, type=_Format).format > FORMAT
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
