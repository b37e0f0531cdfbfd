"""Two ways to serve a damaged file for the column sweep: in this process, or in a real one."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sidecar.errors import SidecarError
from sidecar.store.migrations import EditedMigration
from sidecar.store.open_close import close_store, open_store
from sidecar.store.repair import recover
from tests.cli import commands
from tests.process.child_process import Child, product, request
from tests.vault_benches import RandomClock
from tests.wire.loop_in_process import Served, call

ANSWER_S = 60.0
"""The bound of one answer of a process, which a busy machine must not reach."""


class RefusedFile(Exception):
    """The file is not served; the text is the reason."""


class Server(Protocol):
    """Serves one file until it is closed."""

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer of one request; every other line must be a notification."""

    def close(self) -> None:
        """End serving as the end of the input does."""

    def kill(self) -> None:
        """End serving at once, after a call that failed."""


class InProcess:
    """A loop in this process."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            RefusedFile: it is not served.
        """
        try:
            store = open_store(path, RandomClock()).store
        except (SidecarError, EditedMigration) as fault:
            raise RefusedFile(type(fault).__name__) from None
        self._served = Served(store, RandomClock())
        self._ids = itertools.count(1)

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer of one request."""
        return only_answer(
            self._served.send(call(number := next(self._ids), method, **params)), number
        )

    def close(self) -> None:
        """Close the file."""
        close_store(self._served.store)
        self._served.close()

    def kill(self) -> None:
        """Close the file, as nothing else can end a loop in this process."""
        self.close()


class InChild:
    """The product in a process of its own, on pipes."""

    def __init__(self, path: Path) -> None:
        """Start the process.

        Raises:
            RefusedFile: it ended without serving, and said why.
        """
        self._child = Child(product("--database", path))
        self._ids = itertools.count(1)
        try:
            first = self._child.next_message(ANSWER_S)
        except EOFError:
            said = self._child.stderr_text().splitlines()[-1]
            self._child.close()
            told = json.loads(said)
            assert told["event"] == "start_failed", told
            raise RefusedFile(str(told)) from None
        assert first["method"] == "system.ready", first

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer of one request."""
        number = next(self._ids)
        self._child.send(request(method, params, number), ANSWER_S)
        answer = self._child.answer(ANSWER_S)
        assert answer["id"] == number, (method, answer)
        return answer

    def close(self) -> None:
        """End the process by the end of its input; it must end well, with whole lines."""
        try:
            self._child.close_stdin()
            for line in self._child.rest(ANSWER_S):
                assert "method" in json.loads(line), line
            assert self._child.wait_exit(ANSWER_S) == 0, self._child.stderr_text()
        finally:
            self._child.close()

    def kill(self) -> None:
        """Kill the process."""
        self._child.close()


def only_answer(told: list[Any], request_id: int) -> Any:
    """Return the answer of a request; everything else that was sent must be a notification."""
    found = [each for each in told if "method" not in each]
    assert [each["id"] for each in found] == [request_id], found
    return found[0]


def recover_in_process(path: Path) -> str | None:
    """Recover a file that is not served; return what was wrong, None when it was recovered."""
    clock = RandomClock()
    try:
        recover.recover_file(
            path, clock, lambda _table, _rows: None, log=recover.audit_entry_writer(clock)
        )
    except SidecarError as fault:
        return repr(fault)
    return None


def recover_in_child(path: Path) -> str | None:
    """Recover a file by the command line; return what was wrong, None when it was recovered."""
    done = commands.run("recover", "--database", path, "--yes")
    return None if done.returncode == 0 else done.stdout + done.stderr


class Way:
    """One way to serve files, and to recover one that is not served."""

    def __init__(
        self, serve: Callable[[Path], Server], recover_closed: Callable[[Path], str | None]
    ) -> None:
        self.serve = serve
        self.recover_closed = recover_closed


IN_PROCESS = Way(InProcess, recover_in_process)
IN_CHILD = Way(InChild, recover_in_child)
