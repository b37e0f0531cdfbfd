"""The sidecar that gives the page its data; it serves a copy of the database, or the file."""

import threading
from contextlib import ExitStack
from pathlib import Path

from sidecar.clock import Clock
from sidecar.inspector.frames import Frames
from sidecar.inspector.served import Answer, Ended, Served


class Source:
    """The sidecar that answers the page's calls; the first call starts it."""

    def __init__(
        self, database: Path | None, clock: Clock, frames: Frames | None, *, writable: bool
    ) -> None:
        """Store the path of the database; None while it is not known yet."""
        self.database = database
        self.writable = writable
        self.copied_at: int | None = None
        """When the copy was made, in milliseconds since the Unix epoch; None without a copy."""
        self._clock = clock
        self._frames = frames
        self._turn = threading.Lock()
        self._served: Served | None = None
        self._held = ExitStack()

    def call(self, method: str, params: bytes) -> Answer:
        """Call a method.

        Raises:
            Ended: the sidecar has ended or did not start; the next call starts it again.
            SidecarError: the database cannot be copied.
        """
        with self._turn:
            served = self._started()
        return served.call(method, params)

    def open(self) -> None:
        """Start the sidecar, unless it is running."""
        with self._turn:
            self._started()

    def copy_again(self) -> None:
        """Serve a new copy of the database."""
        with self._turn:
            self._stop()
            self._started()

    def close(self) -> None:
        """End the sidecar and remove the copy."""
        with self._turn:
            self._stop()

    def _started(self) -> Served:
        """Return the sidecar; start it when it is not running."""
        if self._served is not None and not self._served.has_ended:
            return self._served
        self._stop()
        if self.database is None:
            raise Ended(None, "The sidecar has not reported yet which database it serves.")
        try:
            self._served = self._serve(self.database)
        except BaseException:
            self._stop()
            raise
        return self._served

    def _serve(self, database: Path) -> Served:
        """Start the sidecar on the file itself, or on a copy of it."""
        if self.writable:
            return Served([f"--database={database}", "--existing"], self._frames)
        # Imported here: the start of a host's sidecar does not need it, and should not wait.
        from sidecar.inspector.copies import serve_copy  # noqa: PLC0415 - see above

        copied_at = self._clock.now_ms()
        served = serve_copy(database, self._held, self._frames)
        self.copied_at = copied_at
        return served

    def _stop(self) -> None:
        """End the sidecar and remove the files that were made for it."""
        served, self._served = self._served, None
        if served is not None:
            served.close()
        self._held.close()
        self._held = ExitStack()
