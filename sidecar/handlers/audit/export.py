"""`audit.export`: the log as a file that another program can check without this one.

Its lines, and under them their SHA-256 signed by a key that only the root key gives. A signature
says who wrote the file, not that the log was whole: so the log is verified first, in the same
state, and what was found stands in the signed first line. A log that does not verify is exported
all the same, for it is evidence.
"""

import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, Locked
from sidecar.handlers.audit.keys import keys_of, refuse_other_keys
from sidecar.store import audit, files, meta
from sidecar.store.audit.log import Entry
from sidecar.store.audit.verify import Status, Verdict
from sidecar.store.connection import Connection
from sidecar.values import Count
from sidecar.vault import crypto
from sidecar.vault.keys import Keys

_PARTIAL = ".partial"
_FIELD = "$.params.path"


class AuditExportParams(Params, frozen=True):
    """Where to."""

    path: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.PATH_MAX_CHARS,
            description="Absolute path of a file that does not exist yet.",
        ),
    ]


class AuditExportResult(Result, frozen=True):
    """What was written."""

    path: Annotated[str, Meta(description="The file.")]
    entries: Annotated[Count, Meta(description="How many entries it holds.")]
    status: Annotated[
        Status, Meta(description="What `audit.verify` says of the log as it was exported.")
    ]
    public_key: Annotated[
        str | None,
        Meta(
            description="Ed25519 key that checks its signature, hex; null while nothing is set up."
        ),
    ]


class _Verified(msgspec.Struct):
    """What the log was found to be, as `audit.verify` says it."""

    status: str
    first_bad_seq: int | None
    reason: str | None
    verified_from: int
    verified_to: int
    unsealed_through: int


class _Header(msgspec.Struct):
    format: str
    store_id: str
    exported_at: int
    pruned_through: int
    verified: _Verified
    public_key: str | None


class _Line(msgspec.Struct):
    seq: int
    at: int
    action: str
    resource: str
    details: msgspec.Raw
    mac: str


class _Trailer(msgspec.Struct):
    entries: int
    sha256: str
    signature: str | None


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
    if os.path.lexists(path):
        raise _there_is_one()
    with files.wire_errors(), _unfinished(ctx, path) as partial:
        return _export(ctx, path, partial)


def _there_is_one() -> Conflict:
    return Conflict("There is a file of that name.", path=_FIELD)


@contextmanager
def _unfinished(ctx: LongContext, path: Path) -> Iterator[Path]:
    """A private file beside `path`, gone afterwards, as are those of exports that were killed.

    Raises:
        InvalidParams: no file can be made there.
    """
    partial = files.beside(path, f".{ctx.clock.new_id()}{_PARTIAL}")
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
        for each in path.parent.glob(f"{glob.escape(path.name)}.*{_PARTIAL}"):
            if now_s - each.stat().st_mtime > limits.EXPORT_LEFTOVER_S:
                each.unlink(missing_ok=True)
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _export(ctx: LongContext, path: Path, partial: Path) -> AuditExportResult:
    with ctx.reading(snapshot=True) as db:
        with ctx.store.lock:
            keys = keys_of(ctx, db)
            public_key = crypto.public_key(keys.audit_sign).hex() if keys else None
        found = _verified(ctx, db, keys)
        entries = _write(ctx, db, partial, keys, _header(ctx, db, found, public_key))
    with ctx.writing(last=True):
        ctx.audit("audit_export", "audit", entries=entries, signed=keys is not None)
        _publish(partial, path)
    return AuditExportResult(str(path), entries, found.status, public_key)


def _publish(partial: Path, path: Path) -> None:
    """Give the file its name, unless another one has it meanwhile.

    Raises:
        Conflict: there is one.
    """
    try:
        try:
            # A link refuses to take the place of a file, which a rename would not.
            os.link(partial, path)
        except FileExistsError:
            raise
        except OSError:
            # Sticks and shares know no links: the name is taken first, with nothing under it.
            files.create_private(path)
            partial.replace(path)
    except FileExistsError:
        raise _there_is_one() from None
    files.sync_folder(path.parent)


def _verified(ctx: LongContext, db: Connection, keys: Keys | None) -> Verdict:
    def step(done: int, total: int) -> None:
        ctx.check_cancelled()
        ctx.progress("export", min(done, total), 2 * total, "entries")

    found = audit.verify_chain(db, None, step, keys.open_for_audit if keys else None)
    refuse_other_keys(ctx, keys)
    return found


def _header(
    ctx: LongContext, db: Connection, found: Verdict, public_key: str | None
) -> msgspec.Struct:
    return _Header(
        "sim-sidecar audit 1",
        meta.store_id(db).hex(),
        ctx.clock.now_ms(),
        found.pruned_through,
        _Verified(
            found.status,
            found.first_bad_seq,
            found.reason,
            found.verified_from,
            found.verified_to,
            found.unsealed_through,
        ),
        public_key,
    )


def _write(
    ctx: LongContext, db: Connection, path: Path, keys: Keys | None, header: msgspec.Struct
) -> int:
    """Write everything and sync it; how many entries there are."""
    digest = hashlib.sha256()
    pruned = audit.pruned_through(db)
    count, total = 0, audit.head(db).seq - pruned
    with path.open("wb") as file:

        def put(line: msgspec.Struct) -> None:
            data = msgspec.json.encode(line) + b"\n"
            digest.update(data)
            file.write(data)

        put(header)
        for entry in audit.entries(db, pruned, limits.SAFE_INTEGER_MAX):
            put(_line(entry))
            count += 1
            if count % limits.VERIFY_STEP_ENTRIES == 0:
                ctx.check_cancelled()
                ctx.progress("export", total + min(count, total), 2 * total, "entries")
        with ctx.store.lock:
            refuse_other_keys(ctx, keys)
            signature = crypto.sign(keys.audit_sign, digest.digest()).hex() if keys else None
        put(_Trailer(count, digest.hexdigest(), signature))
        file.flush()
        os.fsync(file.fileno())
    return count


def _line(entry: Entry) -> _Line:
    return _Line(
        entry.seq,
        entry.at,
        entry.action,
        entry.resource,
        msgspec.Raw(entry.details),
        entry.mac.hex(),
    )
