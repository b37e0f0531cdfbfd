"""Serves lines: one typed call and one reply for each request of a line.

A single well-formed request goes straight from msgspec to its method (the direct lane); batches and
malformed lines go through `jsonrpc_lane`, one member at a time. Both end in `_call`. A short method
runs here, inside a `Burst`; a long method becomes a job of the workers with a context of its own.
This is the only place where exceptions become wire errors.

Knows methods only as rows of the catalog.
"""

from functools import partial
from time import perf_counter_ns
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from sidecar import limits, log, redaction
from sidecar.bodies import depth
from sidecar.catalog import Access, Method, find_method
from sidecar.context import Context, LongContext, Services
from sidecar.errors import (
    AuditUnavailable,
    Cancelled,
    InvalidRequest,
    Maintenance,
    OutOfResources,
    Overloaded,
    RecoveryRequired,
    ShuttingDown,
    SidecarError,
)
from sidecar.wiping import wipe
from sidecar.wire import control, envelope, jsonrpc_lane, malformed
from sidecar.wire.burst import Burst
from sidecar.wire.envelope import Request
from sidecar.wire.latency import Latencies
from sidecar.wire.long_request import LongJob, Post
from sidecar.wire.params import decode_line, decode_params
from sidecar.wire.refusals import audit_long_refusal, audit_refusal, unknown_method
from sidecar.wire.reply import BatchReply, Reply
from sidecar.wire.wire_errors import WireErrors, as_exception
from sidecar.wire.workers import Workers, cancel_key


class Dispatcher:
    """Serves lines within bursts."""

    def __init__(self, services: Services, workers: Workers, post: Post) -> None:
        """`post` takes the answer and the events of a long method from its worker thread."""
        self._services = services
        self._workers = workers
        self._post = post
        self._context = Context(services)
        self.errors = WireErrors(services)
        self.latencies = Latencies()
        self.early_cancels: set[object] = set()
        self._refuse_with: SidecarError | None = services.store.rescue
        self._runs_without_client = False
        self.requests_not_run = 0
        """Requests that were refused because the client reads no answers."""

    def serve_line(self, line: bytes | None, burst: Burst) -> None:
        """Serve one line; its replies, or the error of a malformed line, go into the burst.

        A line that was longer than allowed is None.
        """
        try:
            request = self._read_single(line)
        except malformed.Refusal as refusal:
            _wipe_text(line or b"", burst)
            self._answer_refusal(refusal, burst.replies)
            return
        except MemoryError as fault:
            _wipe_text(line or b"", burst)
            self._answer_refusal(malformed.Refusal(self.errors.of(fault)), burst.replies)
            return
        if request is None:
            self._serve_through_lane(line or b"", burst)
        else:
            self.serve_request(request, burst, burst.replies, line or b"")

    def _read_single(self, line: bytes | None) -> Request | None:
        """Return the request of a line, or None for a batch or a malformed line.

        Raises:
            Refusal: the line is too long, or nests too deep.
        """
        if line is None:
            raise malformed.Refusal(malformed.oversize())
        # Most lines are sure not to nest so deep, or not well-formed, which decoding finds out:
        # each level has two brackets.
        is_deep = (
            len(line) > 2 * limits.DEPTH_MAX
            and not depth.is_shallow(line, limits.DEPTH_MAX)
            and envelope.nests_deeper(line, limits.DEPTH_MAX)
        )
        self._context.line_is_deep = is_deep
        if is_deep and envelope.nests_deeper(line, limits.LINE_DEPTH_MAX):
            from sidecar.wire.mending import is_mendable  # noqa: PLC0415 - seldom needed

            if is_mendable(line):
                return None
            raise malformed.too_deep(line)
        return decode_line(line)

    def _answer_refusal(self, refusal: malformed.Refusal, replies: list[Reply]) -> None:
        """Add the reply of a line or member that is no request."""
        reply = Reply(refusal.request_id)
        replies.append(reply)
        reply.fail(refusal.error)

    # --- the lane through jsonrpcserver ---------------------------------------------------

    def _serve_through_lane(self, line: bytes, burst: Burst) -> None:
        """Serve a batch or a malformed line."""
        members = self._read_batch(line)
        if members is None:
            self.serve_member(line, burst, burst.replies)
            return
        if not 0 < len(members) <= limits.BATCH_MAX_MEMBERS:
            text = "has too many members" if members else "must not be empty"
            error = InvalidRequest(f"The batch {text}.", limit=limits.BATCH_MAX_MEMBERS)
            _wipe_text(line, burst)
            self._answer_refusal(malformed.Refusal(error), burst.replies)
            return
        burst.batch = batch = BatchReply()
        burst.replies.append(batch)
        for following, member in zip(range(len(members) - 1, -1, -1), members, strict=True):
            batch.start_member(following)
            self.serve_member(bytes(member), burst, batch.members)
        batch.close()
        burst.batch = None
        if burst.sensitive:
            wipe(line)  # the members are copies

    @staticmethod
    def _read_batch(line: bytes) -> list[Raw] | None:
        """Return the members of a batch, or None when the line is no batch."""
        if line.lstrip()[:1] != b"[":
            return None
        try:
            if not envelope.is_utf8(line, secret=envelope.may_hold_secret(line)):
                return None
            return msgspec.json.decode(line, type=list[Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def serve_member(self, text: bytes, burst: Burst, replies: list[Reply]) -> None:
        """Serve a member of a batch, or a malformed line, through jsonrpcserver."""
        refused: list[malformed.Refusal] = []

        def read() -> Request:
            try:
                return malformed.read(text)
            except malformed.Refusal as refusal:
                refused.append(refusal)
                raise refusal.error from None

        def serve(request: Request) -> None:
            self._context.mended = getattr(request, "mended", {})
            try:
                self.serve_request(request, burst, replies, text)
            finally:
                self._context.mended = {}

        try:
            refusal = jsonrpc_lane.dispatch(read, serve)
        except (ImportError, MemoryError) as fault:
            refusal = self.errors.of(fault)
        if refused:
            _wipe_text(text, burst)
            self._answer_refusal(refused[0], replies)
        elif refusal is not None:
            _wipe_text(text, burst)
            self._answer_refusal(malformed.Refusal(refusal), replies)

    # --- the typed call -------------------------------------------------------------------

    def serve_request(
        self, request: Request, burst: Burst, replies: list[Reply], text: bytes
    ) -> None:
        """Serve one valid request and add its reply to `replies`; both lanes end here.

        `text` is what the request was decoded from: it is wiped if it can hold a secret.
        """
        if request.id is UNSET and self._handle_notification(request):
            return
        reply = Reply(request.id)
        replies.append(reply)
        started_ns = perf_counter_ns()
        method = None
        try:
            method = find_method(request.method)
            if self._refuse_with is not None:
                self._refuse(method, self._refuse_with)
            if method is None:
                raise unknown_method(request.method)
            self._call(method, request, reply, burst, text)
        except BaseException as caught:  # noqa: BLE001 - every exception becomes a wire error here
            fault = as_exception(caught)
            burst.undo(fault)
            error = self.errors.of(fault)
            audited = method is not None and method.sensitive and method.access == "write"
            if audited and fault is not error:
                # Where nothing can be written there is no audit entry, so no secret is used.
                error = AuditUnavailable(cause=error.slug)
            reply.fail(error)
            if method is not None and error.audited_as is not None:
                audit_refusal(self._context, method.name, error, reply, burst)
        redaction.wipe_secrets()
        if request.method.startswith("secrets."):
            burst.sensitive = True
            if not reply.pending:  # the job of a long method wipes it at its end
                wipe(text)
        if method is not None and not method.long:
            spent_ns = perf_counter_ns() - started_ns
            self.latencies.record(request.method, spent_ns, failed=reply.failed)

    def _refuse(self, method: Method | None, error: SidecarError) -> None:
        """Refuse a request at the end, unless it runs without the client, or in a rescue."""
        if isinstance(error, RecoveryRequired):
            if self._services.store.rescue is None:
                self._refuse_with = None
            elif method is not None and not method.in_rescue:
                self._services.store.require_file()
            return
        if self._runs_without_client:
            if method is not None and method.runs_without_client:
                return
            self.requests_not_run += 1
        raise error

    def _handle_notification(self, request: Request) -> bool:
        """Handle a control notification in its turn; return False for a call without an answer."""
        if request.method == control.EXIT:
            self._services.session.stop("exit")
            self.refuse_new()
        elif request.method == control.CANCEL:
            self.cancel(control.cancelled_id(request), lines_wait=True)
        else:
            return request.method.startswith("$/")
        return True

    def _call(
        self, method: Method, request: Request, reply: Reply, burst: Burst, text: bytes
    ) -> None:
        """Call the method of a request, or start it when it is a long one."""
        params = decode_params(method, request.params)
        if burst.batch is not None and request.id is not UNSET:
            burst.batch.require_room(long=method.long)
        if method.long:
            self._start_long(method, params, request, reply, burst, text)
            return
        if not method.succeeds_unlogged:
            self._call_short(method, params, request, reply, burst)
            return
        try:
            self._call_short(method, params, request, reply, burst)
        except Exception as fault:  # noqa: BLE001 - the keys are dropped, whatever has failed
            burst.undo(fault)
            self._services.vault.lock()
            log.error("not_audited", slug=self.errors.of(fault).slug)
            self._call_short(method, params, request, reply, burst, access="read")
        reply.succeeds_unlogged = True

    def _call_short(
        self,
        method: Method,
        params: Any,
        request: Request,
        reply: Reply,
        burst: Burst,
        access: Access | None = None,
    ) -> None:
        """Call a short method within the burst and encode its answer."""
        context = self._context
        context.emitted = []
        burst.enter(access or method.access, frees_space=method.frees_space)
        result = method.function(context, params)
        if request.id is not UNSET:
            self._encode(reply, method, request.id, result)
            if burst.batch is not None:
                burst.batch.check_fits(len(reply.data or b""))
            burst.served_bytes += len(reply.data or b"")
        burst.leave()
        reply.emitted = context.emitted

    @staticmethod
    def _encode(reply: Reply, method: Method, request_id: str | int | None, result: object) -> None:
        """Encode a result as the line of the reply."""
        if method.sensitive:
            reply.sensitive = True
            reply.data = envelope.encode_sensitive(request_id, result)
        else:
            reply.data = envelope.encode_result(request_id, result)

    # --- long methods ---------------------------------------------------------------------

    def _start_long(
        self,
        method: Method,
        params: object,
        request: Request,
        reply: Reply,
        burst: Burst,
        text: bytes,
    ) -> None:
        """Make a job of a long request; it is submitted when the burst is committed.

        Raises:
            Cancelled: the cancel was read before the request started.
        """
        key = cancel_key(request.id)
        if key in self.early_cancels:
            self.early_cancels.discard(key)
            raise Cancelled
        request_id = None if request.id is UNSET else request.id
        context = LongContext(self._services, request_id, self._post.post_events)
        context.frees_space = method.frees_space
        reply.pending = True
        finish = partial(self._finish_long, reply, method, context, perf_counter_ns())
        replaces_file = method.replaces_file and not getattr(params, "dry_run", False)
        job = LongJob(
            partial(method.function, context, params),
            context,
            finish,
            self._post,
            replaces_file=replaces_file,
            secret_text=text if method.name.startswith("secrets.") else None,
            runs_without_client=method.runs_without_client,
        )
        context.pausing = partial(self._workers.pausing, job)
        burst.long_jobs.append((job, reply))

    def submit(self, job: LongJob, reply: Reply) -> bool:
        """Give a long request to the workers, after the burst of the requests before it.

        Return False when it is refused: then no worker posts the reply, which is complete.
        """
        try:
            self._workers.submit(job)
        except (Maintenance, OutOfResources, Overloaded) as refused:
            job.discard()
            reply.pending = False
            reply.fail(refused)
            return False
        return True

    def cancel(self, request_id: str | int | UnsetType | None, *, lines_wait: bool) -> None:
        """Cancel a long request; with `lines_wait` also one whose line has not started yet."""
        if request_id is UNSET:
            return
        key = cancel_key(request_id)
        if self._workers.cancel(key) or not lines_wait:
            return
        if len(self.early_cancels) < limits.EARLY_CANCELS_MAX:
            self.early_cancels.add(key)

    def refuse_new(self) -> None:
        """Answer every further request with `shutting_down`."""
        self._refuse_with = ShuttingDown()
        self._runs_without_client = False

    def run_without_client(self) -> None:
        """Run only what changes the database: the client has closed stdout or has died."""
        if not isinstance(self._refuse_with, ShuttingDown):
            self._refuse_with = ShuttingDown()
            self._runs_without_client = True

    def _finish_long(
        self,
        reply: Reply,
        method: Method,
        context: LongContext,
        began_ns: int,
        result: object,
        fault: Exception | None,
    ) -> Reply:
        """Fill the reply of a long method, in its worker thread."""
        try:
            if fault is not None:
                raise fault
            if reply.request_id is not UNSET:
                self._encode(reply, method, reply.request_id, result)
                if reply.batch is not None:
                    reply.batch.take_long(len(reply.data or b""), context.outcome)
        except Exception as caught:  # noqa: BLE001 - every exception becomes a wire error, in workers too
            error = self.errors.of(caught, context.outcome)
            reply.fail(error)
            if error.audited_as is not None:
                audit_long_refusal(method.name, error, context)
        self.latencies.record(method.name, perf_counter_ns() - began_ns, failed=reply.failed)
        return reply


def _wipe_text(text: bytes, burst: Burst) -> None:
    """Wipe a text that could not be decoded: nothing says that it holds no secret."""
    burst.sensitive = True
    wipe(text)
