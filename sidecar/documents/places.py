"""The places that one import reads: the files of a path, or texts that a request holds.

Each place has a name within the import, and another that tells it from places of other imports, by
which a document without an id is known when it is imported again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sidecar.documents import files
from sidecar.documents.files import Identities


class Place(NamedTuple):
    """One file or text."""

    name: str
    """Its path within the folder or archive, with slashes."""
    origin: str
    """The name with that of the folder or archive before it."""
    read: Callable[[], bytes]
    """Returns its bytes, or raises `Refused`."""


class Places(NamedTuple):
    """What one import reads."""

    key: str
    """Tells this import from others: ids that it makes depend on it."""
    found: list[Place]


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
        yield Places(key, _places(path.name, names, reads))
        return
    with files.opened(path, forbidden) as file:
        from sidecar.documents import archive  # noqa: PLC0415 - 5 ms that a folder does not need

        if not archive.is_archive(file):
            read = partial(files.read, path, forbidden)
            yield Places(key, _places(path.parent.name, [path.name], [read]))
            return
        packed = archive.Archive(file)
        names = packed.names()
        reads = [partial(packed.read, number) for number in range(len(names))]
        yield Places(key, _places(path.name, names, reads))


def of_texts(texts: list[tuple[str, bytes]]) -> Places:
    """Return the places of texts, each with a name; "" for one that has none."""
    return Places("", [Place(name, name, partial(bytes, text)) for name, text in texts])


def _places(root: str, names: list[str], reads: list[Callable[[], bytes]]) -> list[Place]:
    """Return places within a folder or archive called `root`."""
    shown = [files.shown(name) for name in names]
    root = files.shown(root)
    return [
        Place(name, f"{root}/{name}" if root else name, read)
        for name, read in zip(shown, reads, strict=True)
    ]
