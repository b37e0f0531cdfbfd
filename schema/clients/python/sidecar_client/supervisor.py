"""The supervisor, which starts the process, restarts it after a crash, and ends it in order."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self, Unpack

from .client import Options
from .contract import AuditEvent, Notification, WrongPassphrase
from .errors import CallTimeout, ClientError, ConnectionLost, CrashLoop, StartFailed
from .methods import Client
from .wire import CALL_TIMEOUT_S, called_back

State = Literal["starting", "ready", "down", "gave_up", "stopped"]

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 10.0
"""The pause before a restart; it doubles with each end that comes soon after a start."""
SHORT_LIFE_S = 10.0
"""A process that ends before it has served for this time counts towards a crash loop."""
SHORT_LIVES_MAX = 5
"""The number of such ends in a row that is a crash loop."""
STOP_LOOK_S = 0.1
"""The interval at which a wait checks for other events."""


class SupervisorOptions(Options, total=False):
    """The options of a supervisor; callbacks run in its threads, one at a time in each."""

    command: Sequence[str] | None
    """The program, such as ["sim-sidecar"]; when absent, the one that `find_command` finds."""

    arguments: Sequence[str]
    """More arguments of `serve`, after those that name the database."""

    last_seq: int | None
    """The newest audit entry that the host has; when absent, the newest one at the first start."""

    on_state: Callable[[State, ClientError | None], None] | None
    """Called with each state; after an end, also with the error that gives the reason."""

    on_event: Callable[[AuditEvent], None] | None
    """Called with each later audit entry once and in order, also those missed while none ran."""

    on_runs: Callable[[list[str]], None] | None
    """Called with the ids of runs that a crash has interrupted; `runs.progress` resumes a run.

    The ids are the newest 100; `runs.list` with `interrupted` returns all.
    """


class Supervisor:
    """Restarts a process after it has died, and has a client for the current process.

    `client` stays the same object. A call in flight when the process dies raises ConnectionLost,
    and so does each later one until the next process serves; `wait_ready` waits for that. Callbacks
    run in threads of the supervisor: `on_event`, `on_notification` and `on_stale` must not wait for
    an answer, `unlock`, `on_runs` and `on_state` may.
    """

    def __init__(
        self,
        database: str | os.PathLike[str],
        *,
        unlock: Callable[[bool], str | None] | None = None,
        **options: Unpack[SupervisorOptions],
    ) -> None:
        """Supervise a process for this database.

        `unlock` is called after each start whose secrets are locked, and returns the passphrase or
        None; it is called again with True when the passphrase was wrong.
        """
        command = options.get("command") or find_command()
        arguments = ("serve", "--database", os.fspath(database), *options.get("arguments", ()))
        self._options = options
        self._unlock = unlock
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._state: State = "stopped"
        self._error: ClientError | None = None
        self._serves_since: float | None = None
        self._thread: threading.Thread | None = None
        self.client = Client(
            [*command, *arguments],
            env=options.get("env"),
            cwd=options.get("cwd"),
            timeout=options.get("timeout", CALL_TIMEOUT_S),
            on_log=options.get("on_log"),
            on_stale=options.get("on_stale"),
            on_notification=self._take,
        )
        self.client.last_seq = options.get("last_seq")

    def __enter__(self) -> Self:
        """Start the process."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.stop()

    @property
    def state(self) -> State:
        """Return the state of the process."""
        return self._state

    def start(self) -> Self:
        """Start the process and wait until it serves; raise StartFailed when it does not."""
        if self._state not in {"stopped", "gave_up"}:
            message = f"The supervisor is {self._state}."
            raise RuntimeError(message)
        self._stopping.clear()
        outcome: queue.SimpleQueue[ClientError | None] = queue.SimpleQueue()
        self._set_state("starting")
        self._thread = threading.Thread(target=self._run, args=(outcome.put,), daemon=True)
        self._thread.start()
        if (failure := outcome.get()) is not None:
            raise failure
        return self

    def stop(self) -> int | None:
        """End the process in order and return its exit code; it is not started again."""
        thread = self._thread
        if thread is None:
            return None
        if thread is threading.current_thread() or self.client.in_callback():
            message = "A callback cannot stop the supervisor: it runs in one of its threads."
            raise RuntimeError(message)
        self._stopping.set()
        code = self.client.close()
        while thread.is_alive():  # it may be about to start a process
            thread.join(STOP_LOOK_S)
            code = self.client.close()
        self._thread = None
        self._set_state("stopped")
        return code

    def wait_ready(self, timeout: float = CALL_TIMEOUT_S) -> None:
        """Wait until a process serves; raise CrashLoop or StartFailed when there will be none."""
        with self._changed:
            bound_s = min(timeout, threading.TIMEOUT_MAX)
            if not self._changed.wait_for(
                lambda: self._serves() or self._state in {"gave_up", "stopped"}, bound_s
            ):
                message = f"No process serves within {timeout} s."
                raise CallTimeout(message)
            if self._state in {"gave_up", "stopped"}:
                raise self._error or StartFailed("The supervisor is stopped.", None, "")

    def _serves(self) -> bool:
        """Return whether a process serves; the supervising thread notices its end a bit later."""
        return self._state == "ready" and not self.client.wire.ended

    # --- in the supervising thread --------------------------------------------------------

    def _run(self, tell_outcome: Callable[[ClientError | None], None]) -> None:
        """Start the process, report the result, and start it again after each end."""
        failure = self._start_process()
        if failure is not None:
            self._set_state("stopped", failure)
        tell_outcome(failure)
        if failure is None:
            self._supervise()

    def _supervise(self) -> None:
        """Start the process again after each end."""
        short_lives = 0
        pause_s = BACKOFF_FIRST_S
        error: ClientError | None = None
        while True:
            self.client.wire.wait_end()
            if self._stopping.is_set():
                return
            since = self._serves_since
            if since is not None and time.monotonic() - since >= SHORT_LIFE_S:
                short_lives, pause_s = 0, BACKOFF_FIRST_S
            else:
                short_lives += 1
            error = error or self.client.wire.lost()
            if short_lives == SHORT_LIVES_MAX:
                message = f"The process has ended {short_lives} times in a row soon after a start."
                crash_loop = CrashLoop(message)
                crash_loop.__cause__ = error
                self._set_state("gave_up", crash_loop)
                return
            self._set_state("down", error)
            if self._stopping.wait(pause_s):
                return
            pause_s = min(pause_s * 2, BACKOFF_MAX_S)
            self._set_state("starting")
            error = self._start_process()

    def _start_process(self) -> ClientError | None:
        """Start the process, unlock and report runs; return the error of a failed start."""
        self._serves_since = None
        try:
            self.client.restart()
        except ClientError as error:
            self.client.close(0)
            return error
        self._serves_since = time.monotonic()
        if self._take_up():
            self._set_state("ready")
        return None

    def _take_up(self) -> bool:
        """Unlock and report interrupted runs; return whether that ended before the process did."""
        ready = self.client.ready
        done = True
        if self._unlock is not None and ready["secrets"] == "locked":
            done = self._call_host(self._do_unlock, self._unlock)
        on_runs = self._options.get("on_runs")
        if done and on_runs is not None and ready["runs_interrupted_ids"]:
            done = self._call_host(on_runs, ready["runs_interrupted_ids"])
        return done

    def _call_host(self, callback: Callable[..., object], *arguments: object) -> bool:
        """Call a callback that may wait for a person, and return whether it ended in time."""
        thread = threading.Thread(target=called_back, args=(callback, *arguments), daemon=True)
        thread.start()
        while thread.is_alive() and not (self._stopping.is_set() or self.client.wire.ended):
            thread.join(STOP_LOOK_S)
        return not thread.is_alive()

    def _do_unlock(self, unlock: Callable[[bool], str | None]) -> None:
        """Unlock the secrets with the passphrase of the host, if it has one."""
        wrong = False
        while (passphrase := unlock(wrong)) is not None:
            try:
                self.client.secrets.unlock(passphrase=passphrase)
            except WrongPassphrase:
                wrong = True
            else:
                return

    def _set_state(self, state: State, error: ClientError | None = None) -> None:
        """Store the state and call `on_state`."""
        with self._changed:
            if state == self._state:
                return
            self._state, self._error = state, error
            self._changed.notify_all()
        if (on_state := self._options.get("on_state")) is not None:
            called_back(on_state, state, error)

    # --- in the reading thread ------------------------------------------------------------

    def _take(self, notification: Notification) -> None:
        """Forward a notification, and request audit events that were dropped."""
        if notification.method == "audit.overflow" and self.client.last_seq is not None:
            with suppress(ConnectionLost):  # the restart requests them too
                self.client.start_replay(self.client.last_seq)
        if (on_notification := self._options.get("on_notification")) is not None:
            called_back(on_notification, notification)
        on_event = self._options.get("on_event")
        if on_event is not None and notification.method == "audit.event":
            on_event(notification.params)


def find_command() -> list[str]:
    """Return the command of the program that is installed for this one.

    It is that of the environment variable SIM_SIDECAR; else the folder `sim-sidecar` beside this
    program; else the script `sim-sidecar` of this Python's environment; else that on PATH.
    """
    if named := os.environ.get("SIM_SIDECAR"):
        return [named]
    name = "sim-sidecar.exe" if os.name == "nt" else "sim-sidecar"
    program = sys.executable if getattr(sys, "frozen", False) else sys.argv[0]
    places = [
        Path(program).resolve().parent / "sim-sidecar" / name,
        Path(sysconfig.get_path("scripts")) / name,
    ]
    for place in places:
        if place.is_file():
            return [str(place)]
    if (found := shutil.which("sim-sidecar")) is not None:
        return [found]
    message = "There is no sim-sidecar: not in SIM_SIDECAR, beside the program, or on PATH."
    raise FileNotFoundError(message)
