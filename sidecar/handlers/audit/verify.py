"""`audit.verify`: checks that the log is the one that this program has written.

While secrets are unlocked, every code and key of the chain is recomputed from the sealed start and
the checkpoints. While they are locked, only numbers, order and ends can be checked, and the answer
says so.
"""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict
from sidecar.handlers.audit.list_subscribe import Seq
from sidecar.notifications import ChainHead
from sidecar.remotes.access import ERRORS, open_remote
from sidecar.store import remotes
from sidecar.store.audit.verify import verify_chain
from sidecar.values import Count
from sidecar.vocabularies import AuditFault, AuditStatus, RemoteLogStatus


class AuditAnchor(Struct, frozen=True, forbid_unknown_fields=True):
    """The head of the log at some time, which the client has kept outside the database."""

    seq: Annotated[Seq, Meta(description="Number of the entry; 0 for the head of an empty log.")]
    mac: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{64}$",
            max_length=64,
            description="Code of the entry, lower-case hex.",
        ),
    ]


class AuditVerifyParams(Params, frozen=True):
    """The entry, and whether also the remotes, with which the log is compared."""

    expect: Annotated[
        AuditAnchor | None,
        Meta(description="A head that the log must contain; absent or null: none."),
    ] = None
    remote: Annotated[
        bool,
        Meta(
            description="Also compare the log with what this device has pushed of it to each"
            " remote; absent: false."
        ),
    ] = False


class AuditRemote(Struct, frozen=True):
    """How the log compares with the copy of it in one remote."""

    name: Annotated[str, Meta(description="Name of the remote.")]
    status: RemoteLogStatus
    first_bad_seq: Annotated[
        int | None, Meta(description="First entry that is not as it was pushed; null for none.")
    ]
    audit_entries: Annotated[Count, Meta(description="Number of entries that were compared.")]
    newest_seq: Annotated[Count, Meta(description="Newest entry known there; 0 for none.")]


class AuditVerifyResult(Result, frozen=True):
    """What was found."""

    status: AuditStatus
    first_bad_seq: Annotated[
        int | None, Meta(description="First entry that is wrong; null for none.")
    ]
    reason: Annotated[
        AuditFault | None, Meta(description="What is wrong with it; null for nothing.")
    ]
    verified_from: Annotated[Count, Meta(description="First entry that was checked.")]
    verified_to: Annotated[Count, Meta(description="Last entry that is sound.")]
    pruned_through: Annotated[Count, Meta(description="Newest entry that was pruned; 0 for none.")]
    unsealed_through: Annotated[
        Count,
        Meta(description="Newest entry that was written before the log was sealed; 0 for none."),
    ]
    head: Annotated[
        ChainHead, Meta(description="The newest entry, by the row that keeps the state of the log.")
    ]
    remotes: Annotated[
        list[AuditRemote] | None,
        Meta(description="One for each remote; null when `remote` was not asked for."),
    ]


@method("audit.verify", long=True, errors=(Conflict, *ERRORS))
def verify(ctx: LongContext, params: AuditVerifyParams) -> AuditVerifyResult:
    """Recompute the chain of the whole log; compare its end with what is stored and expected.

    With `remote`, every entry that was pushed is read back and compared, which needs unlocked
    secrets. When no remote is set, nothing is compared.
    """
    expect = None if params.expect is None else (params.expect.seq, params.expect.mac)

    def step(done: int, total: int) -> None:
        ctx.check_cancelled()
        ctx.progress("verify", min(done, total), total, "entries")

    found = None
    while found is None:
        keys = ctx.vault.keys
        with ctx.reading(snapshot=True) as db:
            opener = keys.open_for_audit if keys and not ctx.vault.ephemeral else None
            found = verify_chain(db, expect, step, opener)
        if ctx.vault.keys is not keys:
            found = None  # Locked or unlocked meanwhile: what was sealed could not be opened.
    head = ChainHead(found.head.seq, found.head.mac.hex())
    return AuditVerifyResult(*found[:7], head, _compare(ctx) if params.remote else None)


def _compare(ctx: LongContext) -> list[AuditRemote]:
    """Compare the log with its copy in each remote."""
    from sidecar.remotes.compare_log import compare_log  # noqa: PLC0415 - seldom asked for
    from sidecar.remotes.pushing import alone  # noqa: PLC0415 - the same

    with ctx.reading() as db:
        names = [row.name for row in remotes.all_remotes(db)]
    with alone(ctx):
        return [AuditRemote(name, *compare_log(ctx, open_remote(ctx, name))) for name in names]
