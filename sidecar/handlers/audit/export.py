"""`audit.export`: the log as a file that another program can check without this one.

The file is signed by a key that only the root key gives. A signature says who wrote the file, not
that the log was whole: so the log is verified first, in the same snapshot, and the signed first
line says what was found. A log that does not verify is exported too, for it is evidence.
"""

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from sidecar import files, limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, Locked
from sidecar.handlers.audit.keys import keys_of, refuse_other_keys
from sidecar.store import meta
from sidecar.store.audit.export import write_log
from sidecar.store.audit.verify import verify_chain
from sidecar.values import Count
from sidecar.vault import crypto
from sidecar.vocabularies import AuditStatus

_PARTIAL = ".partial"
_FIELD = "$.params.path"


class AuditExportParams(Params, frozen=True):
    """Where to write the file."""

    path: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.PATH_MAX_CHARS,
            description="Absolute path of a file that does not exist yet, and whose name does not"
            " belong to the database: as `sim.db-wal` and `sim.db.swap` do for `sim.db`.",
        ),
    ]


class AuditExportResult(Result, frozen=True):
    """The file that was written."""

    path: Annotated[str, Meta(description="The file.")]
    audit_entries: Annotated[Count, Meta(description="How many entries it holds.")]
    status: Annotated[
        AuditStatus, Meta(description="What `audit.verify` says of the log as it was exported.")
    ]
    public_key: Annotated[
        str | None,
        Meta(
            description="Ed25519 key that checks its signature, hex; null while nothing is set up."
        ),
    ]


@method("audit.export", long=True, errors=(Conflict, Locked))
def export(ctx: LongContext, params: AuditExportParams) -> AuditExportResult:
    """Write the whole log into a file of JSON lines, signed when secrets are set up.

    The log is verified first; the first line says what was found. The last line holds the SHA-256
    of all bytes before it and the Ed25519 signature of these 32 bytes; any tool can check it with
    the public key. A log that is sealed must be unlocked.
    """
    path = Path(params.path)
    if "\0" in params.path or not path.is_absolute():
        raise InvalidParams("The path must be absolute, without U+0000.", path=_FIELD)
    if files.is_companion(path, ctx.store.path):
        raise InvalidParams(
            "Names that begin with the name of the database belong to the database.", path=_FIELD
        )
    if os.path.lexists(path):
        raise _file_exists()
    with files.wire_errors(), _partial_file(ctx, path) as partial:
        return _export(ctx, path, partial)


def _file_exists() -> Conflict:
    return Conflict("There is a file of that name.", path=_FIELD)


def _owner(ctx: LongContext) -> str:
    """Return the id of the database, by which it knows its own unfinished files."""
    with ctx.reading() as db:
        return meta.store_id(db).hex()


@contextmanager
def _partial_file(ctx: LongContext, path: Path) -> Iterator[Path]:
    """Create a private file beside `path` for the block, and remove it afterwards.

    Such files of this database's earlier exports that were killed are removed, too.

    Raises:
        InvalidParams: no file can be made there.
    """
    owner = _owner(ctx)
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
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _export(ctx: LongContext, path: Path, partial: Path) -> AuditExportResult:
    """Verify the log, write it into `partial`, and give that file the name `path`."""

    def report(done: int, total: int, *, done_before: int = 0) -> None:
        ctx.check_cancelled()
        ctx.progress("export", done_before + min(done, total), 2 * total, "entries")

    def sign(sha256: bytes) -> str | None:
        with ctx.store.lock:
            refuse_other_keys(ctx, keys)
            return crypto.sign(keys.audit_sign, sha256).hex() if keys else None

    with ctx.reading(snapshot=True) as db:
        with ctx.store.lock:
            keys = keys_of(ctx, db)
            public_key = crypto.public_key(keys.audit_sign).hex() if keys else None
        verdict = verify_chain(db, None, report, keys.open_for_audit if keys else None)
        refuse_other_keys(ctx, keys)
        entries = write_log(
            db,
            partial,
            exported_at=ctx.clock.now_ms(),
            verdict=verdict,
            public_key=public_key,
            sign=sign,
            step=lambda done, total: report(done, total, done_before=total),
        )
    with ctx.writing(last=True):
        ctx.audit("audit_export", "audit", audit_entries=entries, signed=keys is not None)
        _publish(partial, path)
    return AuditExportResult(str(path), entries, verdict.status, public_key)


def _publish(partial: Path, path: Path) -> None:
    """Give the file its name.

    Raises:
        Conflict: another file has been given the name meanwhile.
    """
    try:
        files.publish(partial, path)
    except FileExistsError:
        raise _file_exists() from None
