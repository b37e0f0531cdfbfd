"""`audit.export`: the log as a file that another program can check without this one.

The file is signed by a key that only the root key gives. A signature says who wrote the file, not
that the log was whole: so the log is verified first, in the same snapshot, and the signed first
line says what was found. A log that does not verify is exported too, for it is evidence.
"""

from typing import Annotated

from msgspec import Meta

from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict, Locked
from sidecar.exports.new_file import ExportPath, NewFile, new_file
from sidecar.handlers.audit.keys import keys_of, refuse_other_keys
from sidecar.store.audit.export import write_log
from sidecar.store.audit.verify import verify_chain
from sidecar.values import Count
from sidecar.vault import crypto
from sidecar.vocabularies import AuditStatus


class AuditExportParams(Params, frozen=True):
    """Where to write the file."""

    path: ExportPath


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

    The log is verified first; the first line has the result. The last line has the SHA-256 of all
    bytes before it and the Ed25519 signature of these 32 bytes; any tool can check it with the
    public key. When the log is sealed, secrets must be unlocked. An existing file is not replaced.
    """
    with new_file(ctx, params.path) as file:
        return _export(ctx, file)


def _export(ctx: LongContext, file: NewFile) -> AuditExportResult:
    """Verify the log, write it into `file`, and give that its name."""

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
            file.partial,
            exported_at=ctx.clock.now_ms(),
            verdict=verdict,
            public_key=public_key,
            sign=sign,
            step=lambda done, total: report(done, total, done_before=total),
        )
    with ctx.writing(last=True):
        ctx.audit("audit_export", "audit", audit_entries=entries, signed=keys is not None)
        file.publish()
    return AuditExportResult(str(file.path), entries, verdict.status, public_key)
