"""`remotes.test`: test whether a remote supports everything that pushes need."""

from typing import Annotated

from msgspec import Meta

from sidecar import limits
from sidecar.catalog import Params, Result, method
from sidecar.context import LongContext
from sidecar.errors import Conflict
from sidecar.handlers.remotes.views import DEFAULT_NAME, NameParam
from sidecar.remotes import device, heads
from sidecar.remotes.access import ERRORS, open_remote, remote_errors
from sidecar.remotes.session import RemoteFailed, Session
from sidecar.values import Count
from sidecar.vocabularies import RemoteLack

_STEPS = 5


class RemotesTestParams(Params, frozen=True):
    """The remote to test."""

    name: NameParam = DEFAULT_NAME


class RemotesTestResult(Result, frozen=True):
    """The abilities of the remote."""

    ok: Annotated[bool, Meta(description="Whether the remote can do all that is needed.")]
    lacks: Annotated[list[RemoteLack], Meta(description="What the remote cannot do.")]
    duration_ms: Annotated[Count, Meta(description="Time that the five requests took.")]


@method("remotes.test", long=True, errors=(*ERRORS, Conflict))
def test(ctx: LongContext, params: RemotesTestParams) -> RemotesTestResult:
    """Write a small object, try to write it again, then read, list and delete it.

    When the remote refuses everything, as with wrong credentials, the request fails with that.
    """
    access = open_remote(ctx, params.name)
    base = device.read_or_make(ctx.store.path, ctx.clock)
    own = device.prefix(base, access.remote.name, access.remote.created_at)
    folder = f"{heads.folder(access.store, own)}/t"
    began_ms = ctx.clock.monotonic_ms()
    with remote_errors(ctx, access), access.session(ctx) as session:
        lacks = _probe(ctx, session, folder)
    return RemotesTestResult(not lacks, lacks, round(ctx.clock.monotonic_ms() - began_ms))


def _probe(ctx: LongContext, session: Session, folder: str) -> list[RemoteLack]:
    """Return what the remote cannot do."""
    name = f"{folder}/{ctx.clock.random_bytes(8).hex()}"
    data, other = (ctx.clock.random_bytes(limits.REMOTE_TEST_BYTES) for _ in range(2))
    other = other[:-1] + bytes([data[-1] ^ 1])
    lacks: list[RemoteLack] = []

    def told(done: int) -> None:
        ctx.check_cancelled()
        ctx.progress("check", done, _STEPS, "phases")

    told(0)
    session.put(name, [data])
    told(1)
    try:
        session.put(name, [other])
        lacks.append("create_once")
    except RemoteFailed as failed:
        if failed.fault == "unsupported":
            lacks.append("create_once")
        elif failed.fault != "exists":
            raise
    told(2)
    if not _reads(session, name, (data, other)):
        lacks.append("read")
    told(3)
    if name not in [each for each, _ in session.names(folder)]:
        lacks.append("list")
    told(4)
    session.delete(name)
    if _reads(session, name, (data, other)):
        lacks.append("delete")
    told(_STEPS)
    return lacks


def _reads(session: Session, name: str, written: tuple[bytes, bytes]) -> bool:
    """Return whether an object exists, and has one of the contents that were written."""
    try:
        return session.read(name, limits.REMOTE_TEST_BYTES) in written
    except RemoteFailed as failed:
        if failed.fault not in ("missing", "too_large"):
            raise
        return False
