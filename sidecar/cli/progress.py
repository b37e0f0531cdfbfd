"""A bar for what takes long, on a terminal."""

import os
import sys
from typing import Any


class Bar:
    """A bar on a terminal's stderr while a long method works; nothing elsewhere."""

    def __init__(self) -> None:
        """Draw nothing before there is something to draw."""
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._bar: Any = None
        self._task: Any = None

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Draw `$/progress`."""
        if name == "$/progress":
            self.tell(params["phase"], params["done"], params["total"], params["unit"])

    def tell(self, phase: str, done: int, total: int | None, _unit: str) -> None:
        """Draw how far something is."""
        if not self._wanted:
            return
        if self._bar is None:
            from rich.console import Console  # noqa: PLC0415 - only for a terminal
            from rich.progress import Progress  # noqa: PLC0415 - only for a terminal

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(phase, total=total)
        self._bar.update(self._task, completed=done, total=total, description=phase)

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
