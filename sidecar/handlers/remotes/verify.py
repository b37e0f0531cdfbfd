"""`remotes.verify`: whether a remote still holds what was pushed to it."""

from typing import Annotated

from msgspec import Meta, Struct

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict
from sidecar.handlers.remotes.views import DEFAULT_NAME, Device, NameParam
from sidecar.remotes import device
from sidecar.remotes.access import ERRORS, open_remote, reader_of, remote_errors
from sidecar.remotes.inspect import Finding, verify_device
from sidecar.remotes.pushing import alone
from sidecar.store import remotes
from sidecar.values import Count
from sidecar.vocabularies import RemoteFindingKind


class RemotesVerifyParams(Params, frozen=True):
    """The remote to verify, and how thoroughly."""

    name: NameParam = DEFAULT_NAME
    deep: Annotated[
        bool,
        Meta(
            description="Read every object and compare its hash, not only its size; absent: false."
        ),
    ] = False


class RemoteFinding(Struct, frozen=True):
    """One fault in the objects of a remote."""

    kind: RemoteFindingKind
    device: Device
    n: Annotated[
        int | None, Meta(description="Number of the head; null when the finding concerns no head.")
    ]
    detail: Annotated[str, Meta(description="One sentence for a person.")]


class RemotesVerifyResult(Result, frozen=True):
    """The result of the verification."""

    ok: Annotated[
        bool, Meta(description="Whether there are no findings but stray objects, which do no harm.")
    ]
    findings: Annotated[
        list[RemoteFinding], Meta(description="The faults that were found, at most 1 000.")
    ]
    devices: Annotated[Count, Meta(description="Devices that have written to the remote.")]
    heads: Annotated[Count, Meta(description="Heads that are valid.")]
    objects: Annotated[
        Count, Meta(description="Objects that these heads name and that should exist.")
    ]
    size_bytes: Annotated[Count, Meta(description="Total size of these objects.")]


@method("remotes.verify", long=True, errors=(*ERRORS, Conflict))
def verify(ctx: LongContext, params: RemotesVerifyParams) -> RemotesVerifyResult:
    """Verify the heads of every device, and that the objects that they name exist.

    A head is a signed statement of a device about an object that it has pushed. The heads of this
    device are compared with those that it has signed: this detects an earlier state of the remote,
    and heads that a copy of this database has pushed.
    """
    access = open_remote(ctx, params.name)
    remote = access.remote
    findings: list[Finding] = []
    totals = [0, 0, 0]
    done = 0

    def report(size: int) -> None:
        nonlocal done
        ctx.check_cancelled()
        done += size
        ctx.progress("verify", done, None, "bytes")

    with alone(ctx), remote_errors(ctx, access), access.session(ctx) as session:
        own = device.own_id(ctx.store.path, remote)
        with ctx.reading() as db:
            rows = [] if own is None else remotes.heads(db, remote.name, own)
        reader = reader_of(ctx, access, session)
        devices = set(reader.devices())
        if own is not None and rows:
            devices.add(own)
        for each in sorted(devices):
            report(0)
            known = rows if each == own else []
            verdict = verify_device(reader, each, known, deep=params.deep, report=report)
            findings += verdict.findings
            totals = [a + b for a, b in zip(totals, verdict[1:4], strict=True)]
    shown = [RemoteFinding(*each) for each in findings[: limits.REMOTE_FINDINGS_MAX]]
    ok = all(each.kind == "stray" for each in findings)
    return RemotesVerifyResult(ok, shown, len(devices), *totals)
