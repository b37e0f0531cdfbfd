"""A child process on raw descriptors: tests send bytes and read lines, with a bound on every wait.

It is for what the typed client hides: bytes that are no message, a parent that stops reading,
descriptors that are files or sockets, the moment of the end. It has no thread and reads only when
it is told to, so that a test decides what stays unread in a pipe.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
MISBEHAVING = Path(__file__).with_name("misbehaving.py")

MIB = 1024 * 1024

WAIT_S = 60.0
"""The bound of every wait, which a busy machine must not reach."""

Message = dict[str, Any]


def environment(**extra: str) -> dict[str, str]:
    """Return environment variables with which a child imports this checkout."""
    folders = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), **extra}


def product(*options: str | Path) -> list[str]:
    """Return the command that serves with these options."""
    return [sys.executable, "-m", "sidecar", "serve", *map(str, options)]


def started() -> "type[subprocess.Popen[Any]]":
    """Return what makes a process of the program: on Linux it is forked instead of started."""
    if sys.platform != "linux":
        return subprocess.Popen
    from tests.forked import ForkedProcess

    return ForkedProcess


class ForkedCommand(list[str]):
    """A command whose process is forked from one with its modules: see `tests/forked.py`."""


def forked(*options: str | Path) -> list[str]:
    """Return the command of `product`, for a test that is not about a start."""
    return ForkedCommand(product(*options))


def misbehaving(*options: str | Path) -> list[str]:
    """Return the command that serves with the methods of `misbehaving.py` added."""
    return [sys.executable, str(MISBEHAVING), "serve", *map(str, options)]


def forked_misbehaving(*options: str | Path) -> list[str]:
    """Return the command of `misbehaving`, for a test that is not about a start."""
    return ForkedCommand(misbehaving(*options))


def request(method: str, params: object = None, request_id: object = 1) -> bytes:
    """Return the line of a request."""
    message = {"jsonrpc": "2.0", "id": request_id, "method": method}
    if params is not None:
        message["params"] = params
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


def notice(method: str, params: object = None) -> bytes:
    """Return the line of a notification."""
    message: Message = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    return json.dumps(message).encode() + b"\n"


def saving(name: str, *, request_id: object = 1, **data: object) -> bytes:
    """Return a line that saves a new workflow."""
    return request("workflows.save", {"workflow": {"name": name, "data": data}}, request_id)


def until(condition: Callable[[], object], timeout_s: float = WAIT_S) -> bool:
    """Wait until a condition holds, by polling."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    text = Path(f"/proc/{pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")


def peak_bytes(pid: int) -> int:
    """Return the peak memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(pid)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _activity(pid: int) -> tuple[bool, list[str]]:
    """Return whether all threads of a process wait for events, and the time that each has run."""
    tasks = sorted(Path(f"/proc/{pid}/task").iterdir())
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks]
    return set(states) == {"S"}, [(task / "schedstat").read_text() for task in tasks]


def quiet(pid: int) -> bool:
    """Wait until a process has waited for events for a while: not for a processor or a disk."""
    looks: list[tuple[bool, list[str]]] = []

    def still() -> bool:
        try:
            looks.append(_activity(pid))
        except FileNotFoundError:  # a thread has ended meanwhile
            looks.clear()
        return len(looks) > 20 and looks[-20:] == [(True, looks[-1][1])] * 20

    return until(still)


def ended(pid: int, timeout_s: float = WAIT_S) -> bool:
    """Return whether a process ends in time; it need not be a child, and a zombie has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(handle)


class Child:
    """One child process; its stderr goes to a file unless another descriptor is given."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int | None = None,
        before: Callable[[], None] | None = None,
        inherit: Sequence[int] = (),
    ) -> None:
        """Start the process; `before` runs in the child before the program."""
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        is_forked = isinstance(argv, ForkedCommand) and before is None
        start = started() if is_forked else subprocess.Popen
        self.process = start(
            list(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=self._log if stderr is None else stderr,
            env=environment() if env is None else env,
            cwd=ROOT,
            preexec_fn=before,
            pass_fds=tuple(inherit),
            bufsize=0,
        )
        self.pid = self.process.pid
        self._buffer = b""
        self._lines: list[bytes] = []
        self.notifications: list[Message] = []
        self.ready: Message = {}

    # --- stdin ------------------------------------------------------------------------------

    def _stdin(self) -> int:
        assert self.process.stdin is not None
        return self.process.stdin.fileno()

    def send(self, data: bytes, timeout_s: float = WAIT_S) -> None:
        """Send all bytes, however slowly the process reads."""
        sent = self.send_some(data, timeout_s)
        assert sent == len(data), f"only {sent} of {len(data)} bytes were taken"

    def send_some(self, data: bytes, timeout_s: float) -> int:
        """Send until there is no room for `timeout_s`; return the number of bytes sent."""
        descriptor, sent = self._stdin(), 0
        os.set_blocking(descriptor, False)
        view = memoryview(data)
        while sent < len(data):
            if not select.select([], [descriptor], [], timeout_s)[1]:
                break
            try:
                sent += os.write(descriptor, view[sent : sent + 65536])
            except BlockingIOError:  # room for one byte, but not for that many
                sent += os.write(descriptor, view[sent : sent + 1])
        return sent

    def close_stdin(self) -> None:
        """Close its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    # --- stdout -----------------------------------------------------------------------------

    def stdout(self) -> int:
        """Return the descriptor to read its stdout from."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def _fill(self, deadline: float) -> bool:
        """Read once; return False at the end of stdout."""
        left = max(0.0, deadline - time.monotonic())
        if not select.select([self.stdout()], [], [], left)[0]:
            raise AssertionError(f"no line in time; stderr: {self.stderr_text()[-2000:]}")
        data = os.read(self.stdout(), 1 << 20)
        *lines, self._buffer = (
            (self._buffer + data).split(b"\n") if b"\n" in data else (self._buffer + data,)
        )
        self._lines.extend(lines)
        return bool(data)

    def next_line(self, timeout_s: float = WAIT_S) -> bytes:
        """Return the next line without its end."""
        deadline = time.monotonic() + timeout_s
        while not self._lines:
            if not self._fill(deadline):
                raise EOFError(f"stdout ended; stderr: {self.stderr_text()[-2000:]}")
        return self._lines.pop(0)

    def next_message(self, timeout_s: float = WAIT_S) -> Message:
        """Return the next line as strict JSON."""
        message: Message = json.loads(self.next_line(timeout_s), parse_constant=_no_constant)
        return message

    def answer(self, timeout_s: float = WAIT_S) -> Any:
        """Return the next line that is no notification; store the notifications before it."""
        while True:
            message = self.next_message(timeout_s)
            if "method" not in message:
                return message
            self.notifications.append(message)

    def answers(self, count: int) -> list[Any]:
        """Return the next answers."""
        return [self.answer() for _ in range(count)]

    def notification(self, method: str, timeout_s: float = WAIT_S) -> Message:
        """Return the params of the next notification of this name; store the others before it."""
        while True:
            message = self.next_message(timeout_s)
            if message.get("method") == method:
                params: Message = message["params"]
                return params
            self.notifications.append(message)

    def call(self, method: str, params: object = None, request_id: object = 1) -> Message:
        """Send a request and return its answer; no other request may be in flight."""
        self.send(request(method, params, request_id))
        answer: Message = self.answer()
        assert answer["id"] == request_id
        return answer

    def result(self, method: str, params: object = None) -> Any:
        """Send a request and return its result."""
        answer = self.call(method, params)
        if "result" not in answer:
            until(self.stderr_text, 2.0)  # the traceback of a bug follows its answer
            raise AssertionError(answer, self.stderr_text()[-8000:])
        return answer["result"]

    def rest(self, timeout_s: float = WAIT_S) -> list[bytes]:
        """Return all lines until the end of stdout, an incomplete last one too."""
        deadline = time.monotonic() + timeout_s
        while self._fill(deadline):
            pass
        lines, self._lines = self._lines, []
        return lines + ([self._buffer] if self._buffer else [])

    def wait_ready(self) -> Self:
        """Read the first line, which must be `system.ready`."""
        first = self.next_message()
        assert first["method"] == "system.ready", first
        self.ready = first["params"]
        return self

    def stderr_text(self) -> str:
        """Return what the process has written to stderr."""
        return os.pread(self._log.fileno(), 1 << 24, 0).decode(errors="replace")

    # --- the end ----------------------------------------------------------------------------

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait_exit(self, timeout_s: float = WAIT_S) -> int:
        """Wait for its end and return its exit code."""
        return self.process.wait(timeout_s)

    def finish(self) -> tuple[list[bytes], int]:
        """Close its stdin; return the rest of its lines and its exit code."""
        self.close_stdin()
        return self.rest(), self.wait_exit()

    def close(self) -> None:
        """Kill the process if it runs, and close every descriptor."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr, self._log):
            if stream is not None:
                stream.close()


def _no_constant(name: str) -> object:
    raise AssertionError(f"{name} is no JSON")
