"""Decides by names, sizes and bytes whether it is safe to let SQLite open a path.

SQLite opens nearly anything: where the main file is missing or empty it creates an empty database
and removes the `-wal`, the last copy of the data; and it writes into files of other programs. So
what can be known without SQLite is decided here, before this process has any connection (only
then may the file be opened: closing a descriptor drops SQLite's POSIX locks).

Version and application come from the header, or from the newest committed first page in a `-wal`
that has not been moved into the file yet. Checksums of the WAL are not computed: a version in a
transaction that was not completed is still one that a newer program began to write.
"""

import os
import stat
import struct
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from sidecar import files
from sidecar.errors import (
    RECOVER_HINT,
    DatabaseDamaged,
    NewerSchema,
    NotOurs,
    ReadOnly,
    RecoveryRequired,
)
from sidecar.limits import APPLICATION_ID
from sidecar.store.traces import BEFORE, KNOWN, companions, orphaned_backups
from sidecar.vocabularies import RescueReason

MAGIC = b"SQLite format 3\0"

_HEADER_BYTES = 100
_PAGE_MIN_BYTES = 512
_FORMAT_MAX = 2
"""Highest file format SQLite knows: 1 is a rollback journal, 2 is WAL."""
_WAL_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24


class Finding(StrEnum):
    """The kind of the file at the path, which decides how it is opened."""

    NEW = "new"
    """Nothing is there, and no trace of an earlier database: one may be created."""
    OPEN = "open"
    """A file of this product that this version can open or migrate."""
    CANDIDATE = "candidate"
    """A SQLite file without an application id; its tables tell whether it is a legacy file."""


class Header(NamedTuple):
    """Facts from the first 100 bytes of a database."""

    page_bytes: int
    file_format: int
    pages: int
    """Size of the file in pages, 0 when the last program to write did not maintain it."""
    user_version: int
    application_id: int


class Examined(NamedTuple):
    """The finding, and the version of the tables: 0 for a new file or a candidate."""

    finding: Finding
    schema_version: int


def examine(path: Path, known_version: int) -> Examined:
    """Find out what is at `path`; nothing is changed, but a missing parent folder is created.

    Raises:
        RecoveryRequired: a database was here (see `traces`) and is missing, empty or cut off.
        NotOurs: it is the file of another program, or not a file.
        NewerSchema: it was written by a newer version of this program or of SQLite.
        DatabaseDamaged: the header of the file is damaged.
        ReadOnly: the file or its folder cannot be written, or belongs to another user.
    """
    evidence = _evidence(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        _refuse_if_used(path, evidence + orphaned_backups(path), "is missing", "missing")
        files.make_folder(path.parent)
        _check_writable(path.parent, path.parent)
        return Examined(Finding.NEW, 0)
    _check_kind(path, found)
    if found.st_size == 0:
        _refuse_if_used(path, evidence + orphaned_backups(path), "is empty", "cut")
        _check_writable(path, path.parent)
        return Examined(Finding.NEW, 0)
    header = _read_header(path, found.st_size, evidence)
    _check_size(header, found.st_size, evidence)
    try:
        examined = _classify(header, known_version)
    except NewerSchema as newer:
        newer.data["hint"] = _hint_for_newer(path, evidence, known_version)
        raise
    _check_writable(path, path.parent)
    return examined


def _move_back(path: Path, copy: str, evidence: list[str]) -> str:
    """Return the command that puts the copy in the file's place, and keeps what was there.

    A log that is left there belongs to the newer file; it must not be applied to the copy.
    """
    newer = f"{path.name}.newer"
    moves = [(path.name, newer), (copy, path.name)]
    if f"{path.name}-wal" in evidence:
        moves.insert(0, (f"{path.name}-wal", f"{newer}-wal"))
    return " && ".join(
        f"{_MOVE} {_quoted(path.with_name(source))} {_quoted(path.with_name(target))}"
        for source, target in moves
    )


def _quoted(path: Path) -> str:
    """Return a path as one word of the shell; on Windows no name has a quotation mark."""
    if sys.platform == "win32":
        return f'"{path}"'
    return "'" + str(path).replace("'", "'\\''") + "'"


def _evidence(path: Path) -> list[str]:
    """Return the names of the files that are only beside a database that has been used."""
    try:
        return companions(path)
    except PermissionError as fault:
        raise ReadOnly(f"The folder {path.parent} cannot be read.") from fault


_MOVE = "move" if sys.platform == "win32" else "mv"
"""The command of the system that renames a file."""


def _hint_for_newer(path: Path, evidence: list[str], known_version: int) -> str:
    """Return the hint for a person who has installed an older program."""
    prefix = path.name + BEFORE
    versions = [name.removeprefix(prefix) for name in evidence if name.startswith(prefix)]
    for version in sorted(filter(str.isdecimal, versions), key=int):
        if int(version) <= known_version + 1:
            return (
                f"Install the newer program. Or go back to {prefix}{version}, the copy of version"
                f" {int(version) - 1} made before the update, without what was changed after it:"
                f" {_move_back(path, f'{prefix}{version}', evidence)}"
            )
    return f"Install the newer program, or restore a backup of version {known_version} or older."


def _refuse_if_used(path: Path, evidence: list[str], what: str, reason: RescueReason) -> None:
    """Refuse to create a database where there are traces of an earlier one."""
    if evidence:
        message = f"The database {path} {what}, but {', '.join(evidence)} is beside it."
        hint = (
            "sim-sidecar backups lists what can be restored; system.recover with begin_new begins"
            " with an empty database and deletes nothing."
        )
        raise RecoveryRequired(message, hint=hint, reason=reason)


def _check_kind(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise ReadOnly(f"{path} is a symbolic link; name the database file itself.")
    if not stat.S_ISREG(found.st_mode):
        raise NotOurs(f"{path} is not a file.")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise ReadOnly(f"{path} belongs to another user.")


def _check_writable(path: Path, folder: Path) -> None:
    # The effective user counts, as it does for open(); access() asks for the real one.
    effective = os.access in os.supports_effective_ids
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=effective):
        raise ReadOnly(f"The folder {folder} cannot be written; check its permissions.")
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=effective):
        raise ReadOnly(f"The file {path.name} in {folder} cannot be read and written.")


def _read_header(path: Path, size_bytes: int, evidence: list[str]) -> Header:
    try:
        with path.open("rb") as file:
            first = file.read(_HEADER_BYTES)
    except PermissionError as fault:
        raise ReadOnly(f"The file {path.name} in {path.parent} cannot be read.") from fault
    if not first.startswith(MAGIC) or len(first) < _HEADER_BYTES:
        if size_bytes < _PAGE_MIN_BYTES:
            _refuse_if_used(path, evidence, "is torn", "cut")
        if files.beside(path, KNOWN).name in evidence:
            raise DatabaseDamaged("The first page of the database is destroyed.")
        raise NotOurs
    header = parse_header(first)
    wal = files.beside(path, "-wal")
    page = newest_first_page(wal) if wal.name in evidence else None
    if page is None:
        return header
    newest = parse_header(page)
    # The page count in the main file is judged against the main file's size.
    return newest._replace(page_bytes=header.page_bytes, pages=header.pages)


def parse_header(first: bytes) -> Header:
    """Parse the header of a database, as SQLite's file format defines it.

    Raises:
        DatabaseDamaged: the page size is not a valid one.
    """
    page_bytes, write_format, read_format = struct.unpack_from(">HBB", first, 16)
    change, pages = struct.unpack_from(">II", first, 24)
    (user_version,) = struct.unpack_from(">i", first, 60)
    (application_id,) = struct.unpack_from(">I", first, 68)
    (pages_valid_for,) = struct.unpack_from(">I", first, 92)
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    if page_bytes < _PAGE_MIN_BYTES or page_bytes & (page_bytes - 1):
        raise DatabaseDamaged("The header of the database is damaged.")
    return Header(
        page_bytes,
        max(write_format, read_format),
        pages if pages_valid_for == change else 0,
        user_version,
        application_id,
    )


def _check_size(header: Header, size_bytes: int, evidence: list[str]) -> None:
    """Compare the size of the file with its page count, unless a journal is to be applied first.

    Raises:
        RecoveryRequired: the file is shorter than its page count says, or than one page.
    """
    if size_bytes < header.page_bytes:
        message = "The database is shorter than one page; restore a backup."
        raise RecoveryRequired(message, reason="cut")
    if any(name.endswith(("-wal", "-journal")) for name in evidence):
        return
    if size_bytes % header.page_bytes or size_bytes < header.pages * header.page_bytes:
        message = "The database file is cut off."
        raise RecoveryRequired(message, hint=RECOVER_HINT, reason="cut")


def _classify(header: Header, known_version: int) -> Examined:
    ours = header.application_id == APPLICATION_ID
    if not ours and (header.application_id or header.user_version):
        raise NotOurs
    if header.file_format > _FORMAT_MAX:
        raise NewerSchema(found=header.user_version, known=known_version)
    if not ours:
        return Examined(Finding.CANDIDATE, 0)
    if header.user_version > known_version:
        raise NewerSchema(found=header.user_version, known=known_version)
    if header.user_version < 1:
        raise DatabaseDamaged("The header of the database is damaged.")
    return Examined(Finding.OPEN, header.user_version)


def newest_first_page(wal: Path) -> bytes | None:
    """Return the header in the newest committed first page of a WAL, or None when it has none.

    Only headers of frames are read. A frame belongs to this WAL while it repeats the two salts,
    and is committed when this frame or a later one has the size of the database.
    """
    newest: bytes | None = None
    pending: bytes | None = None
    for number, committed_pages, page in _frames(wal):
        if number == 1:
            pending = page
        if committed_pages and pending is not None:
            newest, pending = pending, None
    return newest


def _frames(wal: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield of each valid frame its page number, the size after a commit or 0, and first bytes."""
    with wal.open("rb") as file:
        start = file.read(_WAL_HEADER_BYTES)
        if len(start) < _WAL_HEADER_BYTES:
            return
        page_bytes = struct.unpack_from(">I", start, 8)[0]
        salts = start[16:24]
        if page_bytes < _PAGE_MIN_BYTES:
            return
        at, end = _WAL_HEADER_BYTES, os.fstat(file.fileno()).st_size
        while at + _FRAME_HEADER_BYTES + page_bytes <= end:
            file.seek(at)
            frame = file.read(_FRAME_HEADER_BYTES + _HEADER_BYTES)
            number, committed_pages = struct.unpack_from(">II", frame)
            if frame[8:16] != salts:
                return
            yield number, committed_pages, frame[_FRAME_HEADER_BYTES:]
            at += _FRAME_HEADER_BYTES + page_bytes
