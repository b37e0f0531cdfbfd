"""One long request at work in a thread of the pool.

Runs the method whole, then hands its answer and its last events to the loop while the store's
lock is still held where the method kept it, so that events follow the answer and keep their
order. Knows neither how an answer is encoded nor where it goes.
"""

from collections.abc import Callable
from typing import Protocol

from sidecar import redaction
from sidecar.context import Emitted, LongContext
from sidecar.store.sqlite_errors import spoils_connection
from sidecar.wire.reply import Reply
from sidecar.wire.workers import cancel_key


class Post(Protocol):
    """Where a worker leaves what the loop shall send; safe from any thread."""

    def post_events(self, emitted: list[Emitted]) -> None:
        """Queue notifications."""

    def post_reply(self, reply: Reply) -> None:
        """Queue a finished reply and its events."""


class LongJob:
    """A job of the worker pool."""

    def __init__(
        self,
        call: Callable[[], object],
        context: LongContext,
        finish: Callable[[object, Exception | None], Reply],
        post: Post,
    ) -> None:
        """`call` is the method bound to its context and params; `finish` fills its reply."""
        self._call = call
        self._context = context
        self._finish = finish
        self._post = post
        self.key = cancel_key(context.request_id)

    def run(self) -> None:
        """Do it; whatever happens, one reply is posted and the lock is free."""
        context = self._context
        result: object = None
        fault: Exception | None = None
        try:
            context.check_cancelled()
            result = self._call()
        except Exception as caught:  # noqa: BLE001 - the dispatcher turns it into a wire error
            fault = caught
        if fault is not None and spoils_connection(fault):
            context.store.reopen()
        context.send_last_progress()
        reply = self._finish(result, fault)
        redaction.wipe_secrets()
        # After a failure what is left to tell is the refusal's own entry.
        reply.emitted = context.take_emitted()
        reply.pending = False
        self._post.post_reply(reply)
        context.release_lock()

    def cancel(self) -> None:
        """Stop at the next safe point."""
        self._context.cancel_event.set()
