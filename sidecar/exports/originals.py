"""Writes a zip of workflows in the formats of their tools: one file each, and a manifest.

Each file has the document as it is stored. For a tool that reads YAML it is JSON with the suffix
of YAML, because JSON is a subset of YAML.
"""

import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO, Final

import msgspec

from sidecar import digests, limits
from sidecar.documents.split import MANIFEST_FORMAT
from sidecar.exports.documents import Document
from sidecar.exports.file_names import FileNames
from sidecar.store import codec

MANIFEST: Final = "manifest.json"
_FROM_S: Final = 315_532_800
_UNTIL_S: Final = 4_354_819_199
"""The years that a zip can write, 1980 to 2107, for a computer whose clock is wrong."""
_SUFFIXES: Final = {"dify": ".yml", "kestra": ".yml"}


class ManifestItem(msgspec.Struct, frozen=True):
    """One file of the zip, and the header of its workflow."""

    file: str
    size_bytes: int
    sha256: str
    id: str
    name: str
    description: str | None
    tags: list[str]
    category: str
    archived_at: int | None
    source: str | None
    source_id: str | None


class Manifest(msgspec.Struct, frozen=True):
    """The last file of the zip."""

    format: str
    exported_at: int
    items: list[ManifestItem]


def write_originals(file: IO[bytes], documents: Iterable[Document], exported_at: int) -> None:
    """Write a zip of the documents and their manifest."""
    names = FileNames(MANIFEST)
    items: list[ManifestItem] = []
    at = datetime.fromtimestamp(min(max(exported_at // 1000, _FROM_S), _UNTIL_S), UTC)

    def put(name: str, data: bytes) -> None:
        """Write one file; once unpacked, only its owner may read it."""
        entry = zipfile.ZipInfo(name, at.timetuple()[:6])
        entry.compress_type = (
            zipfile.ZIP_STORED if _looks_like_a_bomb(data) else zipfile.ZIP_DEFLATED
        )
        entry.external_attr = 0o600 << 16
        archive.writestr(entry, data)

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            body = document.body
            name = names.name_for(document.name, _SUFFIXES.get(document.tool, ".json"))
            put(name, body)
            sha256 = digests.sha256(body).hex()
            items.append(ManifestItem(name, len(body), sha256, *document[:-1]))
        put(MANIFEST, msgspec.json.encode(Manifest(MANIFEST_FORMAT, exported_at, items)))


def _looks_like_a_bomb(data: bytes) -> bool:
    """Return whether an import could refuse a document for how small it is when it is packed.

    The zip packs up to three times as small as the codec.
    """
    if len(data) <= limits.IMPORT_RATIO_FROM_BYTES:
        return False
    return len(codec.pack(data).data) * limits.IMPORT_RATIO_MAX // 4 < len(data)
