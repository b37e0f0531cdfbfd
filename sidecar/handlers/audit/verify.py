"""`audit.verify`: whether the log is the one that was written here.

While unlocked, every code and key is computed anew from the sealed start and checkpoints; while
locked only numbers, order and ends can be looked at, and the answer says so.
"""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.notifications import ChainHead
from sidecar.store.audit.verify import Reason, Status, verify_chain
from sidecar.values import Count

Seq = Annotated[int, Meta(ge=0, le=limits.SAFE_INTEGER_MAX, description="Number of an entry.")]


class AuditAnchor(Struct, frozen=True, forbid_unknown_fields=True):
    """A head that the shell has kept outside the database."""

    seq: Annotated[Seq, Meta(description="Number of the entry, 0 for the head of an empty log.")]
    mac: Annotated[
        str,
        Meta(pattern="^[0-9a-f]{64}$", max_length=64, description="Its code, lower-case hex."),
    ]


class AuditVerifyParams(Params, frozen=True):
    """What the chain is held against."""

    expect: Annotated[
        AuditAnchor | None, Meta(description="A head kept outside that the chain must contain.")
    ] = None


class AuditVerifyResult(Result, frozen=True):
    """What the walk over the chain found."""

    status: Annotated[
        Status,
        Meta(
            description="`ok`: all is sound. `unsealed`: sound, but nothing is sealed. `locked`:"
            " order and ends are sound, the rest needs the keys. The others say what is wrong."
        ),
    ]
    first_bad_seq: Annotated[int | None, Meta(description="First entry that does not fit.")]
    reason: Annotated[Reason | None, Meta(description="What does not fit.")]
    verified_from: Annotated[Count, Meta(description="First entry walked over.")]
    verified_to: Annotated[Count, Meta(description="Last sound entry.")]
    pruned_through: Annotated[Count, Meta(description="Newest entry that was pruned, 0 for none.")]
    unsealed_through: Annotated[
        Count,
        Meta(description="Entries up to it were written before the chain was sealed; 0 for none."),
    ]
    head: Annotated[ChainHead, Meta(description="Head by the chain's state row.")]


@method("audit.verify", long=True)
def verify(ctx: LongContext, params: AuditVerifyParams) -> AuditVerifyResult:
    """Recompute the whole chain and compare its end with the state row and an outside anchor."""
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
            found = None  # locked or unlocked meanwhile: what was sealed was looked at with no key
    return AuditVerifyResult(
        status=found.status,
        first_bad_seq=found.first_bad_seq,
        reason=found.reason,
        verified_from=found.verified_from,
        verified_to=found.verified_to,
        pruned_through=found.pruned_through,
        unsealed_through=found.unsealed_through,
        head=ChainHead(found.head.seq, found.head.mac.hex()),
    )
