"""A progress bar for methods that take long."""

import os
import sys
from typing import Any


class Bar:
    """A progress bar on stderr while a method works; where stderr is no terminal, nothing."""

    def __init__(self) -> None:
        """Draw nothing yet: the bar appears with the first progress that is reported."""
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._bar: Any = None
        self._task: Any = None

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Draw the progress that a `$/progress` notification reports; ignore all others."""
        if name == "$/progress":
            self.draw(params["phase"], params["done"], params["total"], params["unit"])

    def draw(self, phase: str, done: int, total: int | None, _unit: str) -> None:
        """Draw how much of a phase is done."""
        if not self._wanted:
            return
        if self._bar is None:
            from rich.console import Console  # noqa: PLC0415 - only for a terminal
            from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(phase, total=total)
        self._bar.update(self._task, completed=done, total=total, description=phase)

    def close(self) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
