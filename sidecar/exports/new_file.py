"""The file of an export, which gets its name only when it is complete and synced to disk."""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, NamedTuple

from msgspec import Meta

from sidecar import files, limits
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams
from sidecar.store import meta

ExportPath = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=limits.PATH_MAX_CHARS,
        description="Absolute path of the file to write. Its name must not belong to the database:"
        " as `sim.db-wal` and `sim.db.swap` do for `sim.db`.",
    ),
]

_PARTIAL = ".partial"
_FIELD = "$.params.path"


class NewFile(NamedTuple):
    """A file that is being written under a temporary name."""

    partial: Path
    """The private file to write into, and to sync."""
    path: Path
    overwrites: bool

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """Open the file for the block, and sync it to disk when the block has succeeded."""
        with self.partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def measure(self) -> tuple[int, str]:
        """Return the size of the file and its SHA-256, in hexadecimal."""
        return self.partial.stat().st_size, files.sha256_of(self.partial)

    def publish(self) -> None:
        """Give the finished file its name.

        Raises:
            Conflict: another file has got the name in the meantime.
        """
        if self.overwrites:
            self.partial.replace(self.path)
            files.sync_folder(self.path.parent)
            return
        try:
            files.publish(self.partial, self.path)
        except FileExistsError:
            raise _file_exists() from None


def _file_exists() -> Conflict:
    return Conflict("There is a file of that name.", path=_FIELD)


def _check(ctx: LongContext, text: str, *, overwrite: bool) -> Path:
    """Return the path of an export.

    Raises:
        InvalidParams: no export can be written there.
        Conflict: there is a file of that name.
    """
    path = Path(text)
    if "\0" in text or not path.is_absolute():
        raise InvalidParams("The path must be absolute, without U+0000.", path=_FIELD)
    if files.is_companion(path, ctx.store.path):
        raise InvalidParams(
            "Names that begin with the name of the database belong to the database.", path=_FIELD
        )
    if os.path.lexists(path):
        if not overwrite:
            raise _file_exists()
        if path.is_symlink() or not path.is_file():
            raise InvalidParams("Only a plain file can be replaced.", path=_FIELD)
    return path


@contextmanager
def new_file(ctx: LongContext, text: str, *, overwrite: bool = False) -> Iterator[NewFile]:
    """Create a private file beside the path `text` for the block, and remove it afterwards.

    Files that killed exports of this database have left behind are removed, too.

    Raises:
        InvalidParams: no file can be made there.
        Conflict: there is a file of that name.
    """
    path = _check(ctx, text, overwrite=overwrite)
    with files.wire_errors():
        with ctx.reading() as db:
            # The id of the database identifies its own unfinished files.
            owner = meta.store_id(db).hex()
        partial = files.beside(path, f".{owner}.{ctx.clock.new_id()}{_PARTIAL}")
        try:
            files.create_private(partial)
        except (FileNotFoundError, NotADirectoryError):
            raise InvalidParams(f"There is no folder {path.parent}.", path=_FIELD) from None
        except (OSError, ValueError) as fault:
            if isinstance(fault, OSError) and fault.errno in files.EXPECTED:
                raise
            raise InvalidParams("No file of that name can be made.", path=_FIELD) from None
        try:
            now_s = partial.stat().st_mtime
            for each in path.parent.glob(f"{glob.escape(path.name)}.{owner}.*{_PARTIAL}"):
                if now_s - each.stat().st_mtime > limits.PARTIAL_LEFTOVER_S:
                    each.unlink(missing_ok=True)
            yield NewFile(partial, path, overwrite)
        finally:
            partial.unlink(missing_ok=True)
