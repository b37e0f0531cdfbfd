"""A host in Python for each of the programs that misbehave; the other languages have the same."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from schema.clients.python.sidecar_client import (
    CallTimeout,
    ClientError,
    ConnectionLost,
    SidecarError,
    StartFailed,
    Supervisor,
)

LOG_LINE_MAX = 65_536
WAIT_S = 90


class Host:
    """A supervisor, and what its callbacks were told."""

    def __init__(self, case: dict[str, Any]) -> None:
        """Make the supervisor of a case."""
        self._case = case
        self._changed = threading.Condition()
        self._signs: list[str] = []
        self._taken = 0
        self.states: list[str] = []
        self.events: list[int] = []
        self.stale = 0
        self.longest = 0
        self.supervisor = Supervisor(
            case["database"],
            command=case["command"],
            timeout=case["wait_ms"] / 1000,
            on_state=self._on_state,
            on_event=self._on_event,
            on_stale=self._on_stale,
            on_log=self._on_log,
            on_runs=lambda _runs: self._told("runs"),
            unlock=self._on_unlock,
        )

    def step(self, step: str) -> str:
        """Do one step and return what came of it."""
        verb, _, word = step.partition(" ")
        if verb == "wait":
            return self._wait(word)
        try:
            if verb == "start":
                self.supervisor.start()
                self._taken = len(self._signs)
                return "ready"
            if verb == "call":
                timeout = 0.3 if word == "quickly" else 20
                self.supervisor.client.call("system.ping", {}, timeout=timeout)
                return "result"
            self.supervisor.stop()
        except ClientError as error:
            return described(error)
        return "stopped"

    def _wait(self, name: str) -> str:
        """Wait for the next sign of this name that was not waited for."""
        while True:
            with self._changed:
                found = self._changed.wait_for(lambda: len(self._signs) > self._taken, WAIT_S)
                assert found, f"no {name} after {self._signs}"
                sign = self._signs[self._taken]
                self._taken += 1
            if sign.split(" ")[0] == name:
                return sign

    def _told(self, sign: str) -> None:
        """Note what a callback was told."""
        with self._changed:
            self._signs.append(sign)
            self._changed.notify_all()
        if self._case["throws"]:
            raise LookupError(sign)

    def _on_state(self, state: str, error: ClientError | None) -> None:
        self.states.append(state)
        slug = getattr(error.__cause__, "slug", None) if error is not None else None
        self._told(f"{state} {slug or ''}".strip())

    def _on_event(self, event: Any) -> None:
        self.events.append(event["seq"])
        self._told("event")

    def _on_stale(self) -> None:
        self.stale += 1
        self._told("stale")

    def _on_log(self, line: str) -> None:
        self.longest = max(self.longest, len(line))
        self._told("log")

    def _on_unlock(self, _wrong: bool) -> str | None:  # noqa: FBT001 - as the supervisor calls it
        self._told("unlock")
        if self._case["hangs"]:
            threading.Event().wait()
        return None


def described(error: ClientError) -> str:
    """Return an error in the words that the cases have."""
    if isinstance(error, StartFailed):
        return f"start_failed {error.slug or ''}".strip()
    if isinstance(error, SidecarError):
        return f"error {error.slug}".strip()
    if isinstance(error, ConnectionLost):
        return "lost" if error.may_have_run else "lost unsent"
    return "timeout" if isinstance(error, CallTimeout) else repr(error)


def seen_in(case: dict[str, Any]) -> dict[str, Any]:
    """Run the steps of a case and return what was seen."""
    host = Host(case)
    did = [host.step(step) for step in case["steps"]]
    return {
        "did": did,
        "states": host.states,
        "events": host.events,
        "stale": host.stale,
        "longest_log_line_at_most_64_ki": host.longest <= LOG_LINE_MAX,
    }


def main() -> None:
    """Run all cases of a file at once; print what was seen of each, in a line of its own."""

    def run(name: str, case: dict[str, Any]) -> None:
        line = json.dumps({name: seen_in(case)}) + "\n"
        os.write(1, line.encode())

    cases = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    threads = [threading.Thread(target=run, args=item, daemon=True) for item in cases.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)  # a callback that never returns


if __name__ == "__main__":
    main()
