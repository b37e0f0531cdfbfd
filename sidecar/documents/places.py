"""The places that one import reads: the files of a path, or the texts of a request.

Each place has a name within the import, and a name that is unique among imports; the second
identifies a document without an id when it is imported again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sidecar import limits
from sidecar.documents import files
from sidecar.documents.decode import json_texts
from sidecar.documents.files import Identities
from sidecar.documents.large_envelope import large_documents
from sidecar.documents.split import Document, NotTaken, documents


class Place(NamedTuple):
    """One file or text."""

    name: str
    """Its path within the folder or archive, with slashes."""
    origin: str
    """The name after that of the folder or archive."""
    read: Callable[[], bytes]
    """Returns the bytes of the place, or raises `Refused`."""
    path: Path | None = None
    """The path of the file; None in an archive or in the request."""


class Places(NamedTuple):
    """The places that one import reads."""

    key: str
    """Identifies this import; the ids that the import makes depend on it."""
    found: list[Place]


def documents_of(place: Place, forbidden: Identities) -> Iterator[Document | NotTaken]:
    """Yield the documents of a place; a large file is read item by item.

    Raises:
        Refused: the place, or the rest of it, cannot be imported.
    """
    if place.path is not None and _is_large(place.path):
        with files.opened(place.path, forbidden) as file:
            yield from large_documents(file)
        return
    texts = json_texts(place.name, place.read())
    for number, text in enumerate(texts):
        for found in documents(text):
            # Each of several documents in one YAML text has an index, as in a list.
            yield found._replace(place=number) if len(texts) > 1 else found


def _is_large(path: Path) -> bool:
    """Return whether a file is too large to be read as a whole."""
    try:
        return path.lstat().st_size > limits.IMPORT_FILE_MAX_BYTES
    except OSError:
        return False


@contextmanager
def of_path(path: Path, forbidden: Identities) -> Iterator[Places]:
    """Find the files at an absolute path: those of a folder or an archive, or a single file.

    Raises:
        Refused: the path is neither a file nor a folder, or cannot be read.
        NotAnArchive: the archive cannot be read.
        TooMany: there are more files than an import accepts.
    """
    key = str(path)
    if path.is_dir():
        names = files.names_in(path)
        reads: list[Callable[[], bytes]] = [partial(files.read, path / n, forbidden) for n in names]
        paths = [path / name for name in names]
        yield Places(key, _places(path.name, names, reads, paths))
        return
    with files.opened(path, forbidden) as file:
        from sidecar.documents import archive  # noqa: PLC0415 - takes 5 ms, which a folder does not need

        if not archive.is_archive(file):
            read = partial(files.read, path, forbidden)
            yield Places(key, _places(path.parent.name, [path.name], [read], [path]))
            return
        packed = archive.Archive(file)
        names = packed.names()
        reads = [partial(packed.read, number) for number in range(len(names))]
        yield Places(key, _places(path.name, names, reads, [None] * len(names)))


def of_texts(texts: list[tuple[str, bytes]]) -> Places:
    """Return the places of texts, each with a name, which is "" when it has none."""
    return Places("", [Place(name, name, partial(bytes, text)) for name, text in texts])


def _places(
    root: str, names: list[str], reads: list[Callable[[], bytes]], paths: Sequence[Path | None]
) -> list[Place]:
    """Return places within a folder or archive called `root`."""
    shown = [files.shown(name) for name in names]
    root = files.shown(root)
    return [
        Place(name, f"{root}/{name}" if root else name, read, path)
        for name, read, path in zip(shown, reads, paths, strict=True)
    ]
