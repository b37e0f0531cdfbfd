"""`audit.prune` and `audit.export`.

Pruning moves the start of the log forward: what is kept stays verifiable, and the entry of the
pruning says what went. An export is a file that another program can check without this one: its
lines, and under them their SHA-256 signed by a key that only the root key gives.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sidecar import limits
from sidecar.catalog import Params, Result, chore, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, InvalidParams, Locked, Tampered
from sidecar.store import audit, audit_verify, files, purge, secrets
from sidecar.store.audit import Entry
from sidecar.store.connection import Connection
from sidecar.values import Count, Timestamp
from sidecar.vault import crypto
from sidecar.vault.keys import Keys

PRUNED_CHORE = "audit_pruned"


def _keys(ctx: LongContext, db: Connection) -> Keys | None:
    """The keys, where the log is sealed; None where it is not.

    Raises:
        Locked: it is sealed, and nothing is unlocked.
    """
    if not audit.is_sealed(db):
        return None
    keys = ctx.vault.keys
    if keys is None or ctx.vault.ephemeral:
        raise Locked
    return keys


# --- audit.prune ------------------------------------------------------------------------------


class AuditPruneParams(Params, frozen=True):
    """What goes: exactly one of them."""

    before_at: Annotated[
        Timestamp | UnsetType, Meta(description="Entries older than this time.")
    ] = UNSET
    keep: Annotated[Count | UnsetType, Meta(description="All but the newest so many entries.")] = (
        UNSET
    )


class AuditPruneResult(Result, frozen=True):
    """What went."""

    deleted: Annotated[Count, Meta(description="How many entries are gone.")]
    pruned_through: Annotated[Count, Meta(description="Newest entry that was pruned, 0 for none.")]


@method("audit.prune", long=True, frees=True, errors=(Locked, Tampered))
def prune(ctx: LongContext, params: AuditPruneParams) -> AuditPruneResult:
    """Delete the oldest entries; the rest stays verifiable. The last 30 days always stay.

    A sealed log must be unlocked for it.
    """
    if isinstance(params.before_at, UnsetType) == isinstance(params.keep, UnsetType):
        raise InvalidParams("Exactly one of before_at, keep is needed.", path="$.params")
    with ctx.reading() as db:
        db.execute("BEGIN")
        keys = _keys(ctx, db)
        upto = _bound(ctx, db, params)
        before = audit.pruned_through(db)
        point = audit_verify.point_at(db, upto, keys.open_for_audit if keys else None)
    if upto <= before:
        return AuditPruneResult(0, before)
    if point is None:
        raise Tampered("The log does not verify; nothing was pruned.", what="audit")
    deleted = upto - before
    with ctx.writing() as db:
        if (_keys(ctx, db), audit.pruned_through(db)) != (keys, before):
            raise Conflict("The log was pruned or sealed meanwhile.")
        audit.begin_at(db, point, ctx.chain_sealer(keys) if keys else None)
        ctx.audit("audit_prune", "audit", **{"from": before + 1, "to": upto}, head=point.head.hex())
        purge.ask(db)
    _delete(ctx, deleted)
    ctx.session.schedule(purge.CHORE, limits.PURGE_PAUSE_MS)
    return AuditPruneResult(deleted, upto)


def _bound(ctx: LongContext, db: Connection, params: AuditPruneParams) -> int:
    """Number of the newest entry that goes."""
    youngest = ctx.clock.now_ms() - limits.AUDIT_KEEP_MIN_MS
    if isinstance(params.keep, UnsetType):
        at = 0 if isinstance(params.before_at, UnsetType) else params.before_at
        return audit.newest_before(db, min(at, youngest))
    return min(audit.head(db).seq - params.keep, audit.newest_before(db, youngest))


def _delete(ctx: LongContext, total: int | None) -> None:
    """Delete what the log no longer begins with, a batch at a time."""
    done, gone = 0, -1
    while gone:
        with ctx.writing() as db:
            gone = audit.delete_pruned(db, limits.AUDIT_PRUNE_BATCH)
        done += gone
        ctx.progress("prune", done, total, "entries")


@chore(PRUNED_CHORE, first_ms=limits.CHORES_FIRST_MS)
def finish_pruning(ctx: LongContext) -> None:
    """Delete what a pruning that was killed has left."""
    _delete(ctx, None)


# --- audit.export -----------------------------------------------------------------------------


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
    public_key: Annotated[
        str | None,
        Meta(
            description="Ed25519 key that checks its signature, hex; null while nothing is set up."
        ),
    ]


class _Header(msgspec.Struct):
    format: str
    store_id: str
    exported_at: int
    pruned_through: int
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

    The last line holds the SHA-256 of all bytes before it and the Ed25519 signature of these 32
    bytes; any tool can check it with the public key. A log that is sealed must be unlocked.
    """
    path = Path(params.path)
    if not path.is_absolute():
        raise InvalidParams("The path must be absolute.", path="$.params.path")
    partial = files.beside(path, ".partial")
    with files.wire_errors():
        try:
            files.create_private(partial)
        except FileExistsError:
            raise Conflict("Another export to that name is unfinished.") from None
        try:
            return _export(ctx, path, partial)
        finally:
            partial.unlink(missing_ok=True)


def _export(ctx: LongContext, path: Path, partial: Path) -> AuditExportResult:
    with ctx.reading() as db:
        db.execute("BEGIN")
        keys = _keys(ctx, db)
        public_key = crypto.public_key(keys.audit_sign).hex() if keys else None
        entries = _write(ctx, db, partial, keys, public_key)
    try:
        with ctx.writing(last=True):
            ctx.audit("audit_export", "audit", entries=entries, signed=keys is not None)
            # A link refuses to take the place of a file, which a rename would not.
            os.link(partial, path)
            files.sync_folder(path.parent)
    except FileExistsError:
        raise Conflict("There is a file of that name.", path="$.params.path") from None
    return AuditExportResult(str(path), entries, public_key)


def _write(
    ctx: LongContext, db: Connection, path: Path, keys: Keys | None, public_key: str | None
) -> int:
    digest = hashlib.sha256()
    count, total = 0, audit.head(db).seq - audit.pruned_through(db)
    with path.open("wb") as file:
        for line in _lines(ctx, db, public_key):
            digest.update(line)
            file.write(line)
            count += 1
            if count % limits.VERIFY_STEP_ENTRIES == 0:
                ctx.check_cancelled()
                ctx.progress("export", count - 1, total, "entries")
        signature = crypto.sign(keys.audit_sign, digest.digest()).hex() if keys else None
        trailer = _Trailer(count - 1, digest.hexdigest(), signature)
        file.write(msgspec.json.encode(trailer) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return count - 1


def _lines(ctx: LongContext, db: Connection, public_key: str | None) -> Iterator[bytes]:
    header = _Header(
        "sim-sidecar audit 1",
        secrets.store_id(db).hex(),
        ctx.clock.now_ms(),
        audit.pruned_through(db),
        public_key,
    )
    yield msgspec.json.encode(header) + b"\n"
    for entry in audit.entries(db, audit.pruned_through(db), limits.SAFE_INTEGER_MAX):
        yield _line(entry)


def _line(entry: Entry) -> bytes:
    line = _Line(
        entry.seq,
        entry.at,
        entry.action,
        entry.resource,
        msgspec.Raw(entry.details),
        entry.mac.hex(),
    )
    return msgspec.json.encode(line) + b"\n"
