"""The places that one import reads: the files of a path, or texts that a request holds.

Each place has a name within the import, and another that tells it from places of other imports, by
which a document without an id is known when it is imported again.
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
    """The name with that of the folder or archive before it."""
    read: Callable[[], bytes]
    """Returns its bytes, or raises `Refused`."""
    path: Path | None = None
    """Where it is; None for one in an archive or in the request."""


class Places(NamedTuple):
    """What one import reads."""

    key: str
    """Tells this import from others: ids that it makes depend on it."""
    found: list[Place]


def documents_of(place: Place, forbidden: Identities) -> Iterator[Document | NotTaken]:
    """Yield the documents of a place; a large file is read item by item.

    Raises:
        Refused: the place cannot be imported, or no further.
    """
    if place.path is not None and _is_large(place.path):
        with files.opened(place.path, forbidden) as file:
            yield from large_documents(file)
        return
    texts = json_texts(place.name, place.read())
    for number, text in enumerate(texts):
        for found in documents(text):
            # Of several in one YAML text each has its place, as in a list.
            yield found._replace(place=number) if len(texts) > 1 else found


def _is_large(path: Path) -> bool:
    """Return whether a file is too large to be read as a whole."""
    try:
        return path.lstat().st_size > limits.IMPORT_FILE_MAX_BYTES
    except OSError:
        return False


@contextmanager
def of_path(path: Path, forbidden: Identities) -> Iterator[Places]:
    """Find what there is at an absolute path: the files of a folder or an archive, or one file.

    Raises:
        Refused: it is neither, or cannot be read.
        NotAnArchive: it is an archive that cannot be read.
        TooMany: it has more files than an import takes.
    """
    key = str(path)
    if path.is_dir():
        names = files.names_in(path)
        reads: list[Callable[[], bytes]] = [partial(files.read, path / n, forbidden) for n in names]
        paths = [path / name for name in names]
        yield Places(key, _places(path.name, names, reads, paths))
        return
    with files.opened(path, forbidden) as file:
        from sidecar.documents import archive  # noqa: PLC0415 - 5 ms that a folder does not need

        if not archive.is_archive(file):
            read = partial(files.read, path, forbidden)
            yield Places(key, _places(path.parent.name, [path.name], [read], [path]))
            return
        packed = archive.Archive(file)
        names = packed.names()
        reads = [partial(packed.read, number) for number in range(len(names))]
        yield Places(key, _places(path.name, names, reads, [None] * len(names)))


def of_texts(texts: list[tuple[str, bytes]]) -> Places:
    """Return the places of texts, each with a name; "" for one that has none."""
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
