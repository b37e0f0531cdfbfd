"""The job of one long request, which runs in a worker thread.

It runs the method and hands its answer and its last events to the loop. The store's lock, if the
method holds it until then, is released after that, so that the events follow the answer in their
order. The job does not know how an answer is encoded or where it goes.
"""

from collections.abc import Callable
from typing import Protocol

from sidecar import redaction
from sidecar.context import Emitted, LongContext
from sidecar.errors import SidecarError
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.wiping import wipe
from sidecar.wire.reply import Reply
from sidecar.wire.wire_errors import as_exception
from sidecar.wire.workers import cancel_key


class Post(Protocol):
    """Queues messages of a worker thread for the loop to send; may be called from any thread."""

    def post_events(self, emitted: list[Emitted]) -> None:
        """Queue notifications."""

    def post_reply(self, reply: Reply) -> None:
        """Queue a reply that is complete, and its events."""


class LongJob:
    """One long request as a job of the workers."""

    def __init__(
        self,
        call: Callable[[], object],
        context: LongContext,
        finish: Callable[[object, Exception | None], Reply],
        post: Post,
        *,
        replaces_file: bool,
        runs_without_client: bool,
        secret_text: bytes | None = None,
    ) -> None:
        """`call` is the method with its context and params; `finish` fills the reply.

        `secret_text` is the text that the params are views of, if it is to be wiped at the end.
        """
        self._call = call
        self._context = context
        self._finish = finish
        self._post = post
        self._secret_text = secret_text
        self._refused_with: SidecarError | None = None
        self.key = cancel_key(context.request_id)
        self.replaces_file = replaces_file
        self.runs_without_client = runs_without_client
        self.gives_way = False
        self.is_answered = False

    def run(self) -> None:
        """Run the method; whatever happens, one reply is posted and the lock is released."""
        context = self._context
        result: object = None
        fault: Exception | None = None
        try:
            context.check_cancelled()
            if self._refused_with is not None:
                raise self._refused_with
            result = self._call()
        except BaseException as caught:  # noqa: BLE001 - the dispatcher turns it into a wire error
            fault = as_exception(caught)
        if fault is not None and spoils_connection(fault):
            context.store.reopen()
        context.send_last_progress()
        reply = self._finish(result, fault)
        redaction.wipe_secrets()
        self.discard()
        # After a failure this is only the event of the refusal's audit entry.
        reply.emitted = context.take_emitted()
        reply.pending = False
        # The client may send the next request as soon as it has the answer.
        self.is_answered = True
        self._post.post_reply(reply)
        context.release_lock()

    def discard(self) -> None:
        """Wipe the text of the params, when the job has run or is never run."""
        if self._secret_text is not None:
            wipe(self._secret_text)

    def cancel(self) -> None:
        """Ask the method to stop at its next safe point."""
        self._context.cancel_event.set()

    def refuse(self, error: SidecarError) -> None:
        """Make `run` answer with this error and not call the method."""
        self._refused_with = error

    def report_waiting(self) -> None:
        """Report that the request waits for other long requests."""
        self._context.progress("waiting", 0, None, "requests")
