"""Where the views of the page get their data: a sidecar on a copy, or on the file itself."""

import threading
from contextlib import ExitStack
from pathlib import Path

from sidecar.clock import Clock
from sidecar.inspector.frames import Frames
from sidecar.inspector.served import Answer, Ended, Served


class Source:
    """The sidecar that answers the page; it is started at the first call."""

    def __init__(
        self, database: Path | None, clock: Clock, frames: Frames | None, *, writable: bool
    ) -> None:
        """Name the database; None while it is not known yet."""
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
            Ended: the sidecar does not serve; the next call starts it again.
            SidecarError: the database cannot be copied.
        """
        with self._turn:
            served = self._started()
        return served.call(method, params)

    def open(self) -> None:
        """Start the sidecar, unless it serves already."""
        with self._turn:
            self._started()

    def copy_again(self) -> None:
        """Serve a new copy of the database."""
        with self._turn:
            self._stop()
            self._started()

    def close(self) -> None:
        """End the sidecar, and remove the copy."""
        with self._turn:
            self._stop()

    def _started(self) -> Served:
        """Return the sidecar, after starting it where it does not serve."""
        if self._served is not None and not self._served.has_ended:
            return self._served
        self._stop()
        if self.database is None:
            raise Ended(None, "The sidecar has not said yet which database it serves.")
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
        # Loaded here: a host waits until its sidecar is started, which needs none of it.
        from sidecar.inspector.copies import serve_copy  # noqa: PLC0415 - see above

        copied_at = self._clock.now_ms()
        served = serve_copy(database, self._held, self._frames)
        self.copied_at = copied_at
        return served

    def _stop(self) -> None:
        """End the sidecar and remove what was made for it."""
        served, self._served = self._served, None
        if served is not None:
            served.close()
        self._held.close()
        self._held = ExitStack()
