"""Writes an envelope: one JSON document with workflows and their headers, in a file.

`workflows.import` reads it. It contains the bodies byte for byte as they are stored, so it can
contain line feeds. It is written piece by piece: only one workflow is in memory at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

import msgspec
from msgspec import Raw

from sidecar.exports.documents import Document
from sidecar.exports.runs import ExportedRun

FORMAT: Final = "sim-sidecar/1"
"""The name of the format and its version, the first member of an envelope."""


_SPACE: Final = b" \t\r\n"
"""The white space of JSON."""


class File(Protocol):
    """The file that an export writes."""

    def write(self, data: bytes, /) -> Any:
        """Write bytes."""


class EnvelopeItem(msgspec.Struct, frozen=True):
    """One workflow in an envelope; `runs` follows `data` where runs are exported."""

    id: str
    name: str
    description: str | None
    tags: list[str]
    category: str
    archived_at: int | None
    source: str | None
    source_id: str | None
    data_space: tuple[str, str] | None
    """The white space before and after the body, which a JSON parser drops; null for none."""
    data: Raw


def write_envelope(
    file: File,
    documents: Iterable[Document],
    exported_at: int,
    *,
    runs_of: Callable[[Document], Iterator[ExportedRun]] | None = None,
) -> None:
    """Write an envelope of the documents, with their runs when `runs_of` is given."""
    head = {"format": FORMAT, "exported_at": exported_at, "items": []}
    file.write(msgspec.json.encode(head)[:-2])
    separator = b"\n"
    for document in documents:
        item = EnvelopeItem(*document[:-1], _space_around(document.body), Raw(document.body))
        encoded = msgspec.json.encode(item)
        file.write(separator + (encoded if runs_of is None else encoded[:-1] + b',"runs":['))
        separator = b",\n"
        if runs_of is not None:
            _write_runs(file, runs_of(document))
            file.write(b"]}")
    file.write(b"\n]}\n")


def _space_around(body: bytes) -> tuple[str, str] | None:
    """Return the white space before and after the value of a body; None when there is none."""
    before = len(body) - len(body.lstrip(_SPACE))
    after = len(body.rstrip(_SPACE))
    if before == 0 and after == len(body):
        return None
    return body[:before].decode(), body[after:].decode()


def _write_runs(file: File, runs: Iterator[ExportedRun]) -> None:
    """Write the runs of one workflow as the items of a list."""
    separator = b""
    for run in runs:
        file.write(separator + msgspec.json.encode(run))
        separator = b","
