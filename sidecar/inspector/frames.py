"""The newest frames (the recorded lines) in order; the page waits here for further frames."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from sidecar.clock import Clock
from sidecar.inspector import envelopes, masking
from sidecar.inspector.envelopes import Envelope, Kind
from sidecar.limits import inspector as limits

Direction = Literal["to", "from"]
"""The direction of a frame: to the sidecar, or from it."""


class Frame(msgspec.Struct, frozen=True):
    """One recorded line."""

    seq: int
    at: int
    """Milliseconds since the Unix epoch."""
    direction: Direction
    kind: Kind
    id: str | None
    """JSON text of the request's id."""
    method: str | None
    """The method; for an answer, the method of its request."""
    size_bytes: int
    duration_ms: float | None
    """The time since the request; only for an answer."""
    whole: bool
    """Whether `text` is the complete frame, with nothing hidden."""
    text: str


class Page(msgspec.Struct, frozen=True):
    """Frames in order, each with the beginning of its text."""

    frames: list[Frame]
    last: int
    """Number of the newest frame that was recorded."""


class _Asked(NamedTuple):
    """A request whose answer is awaited."""

    method: str | None
    at_ms: float


class Frames:
    """The newest frames; some threads record them, others wait for them."""

    def __init__(self, clock: Clock) -> None:
        """Begin without frames."""
        self.notified: Callable[[str, bytes], None] = lambda _method, _line: None
        """Called with each complete notification of the sidecar, after it was recorded."""
        self._clock = clock
        self._changed = threading.Condition()
        self._kept: deque[Frame] = deque()
        self._kept_chars = 0
        self._last = 0
        self._asked: OrderedDict[bytes, _Asked] = OrderedDict()
        self._secret_batch = False
        """Whether a batch may have asked for a secret; its answers cannot be told apart."""

    def record(self, direction: Direction, line: bytes, size_bytes: int | None = None) -> None:
        """Record a line without its end; `size_bytes` is its whole size when `line` is a part."""
        size = len(line) if size_bytes is None else size_bytes
        cut = size > len(line)
        envelope = envelopes.read(line, cut=cut)
        at_ms = self._clock.monotonic_ms()
        with self._changed:
            asked = self._follow(direction, envelope, at_ms)
            if asked is not None:
                envelope = envelope._replace(method=asked.method)
            came = direction == "from"
            text, hidden = masking.masked(
                envelope, line, came=came, cut=cut, doubtful=came and self._is_doubtful(envelope)
            )
            self._secret_batch |= envelope.kind == "batch" and hidden
            self._last += 1
            frame = Frame(
                seq=self._last,
                at=self._clock.now_ms(),
                direction=direction,
                kind=envelope.kind,
                id=None if envelope.id is None else envelope.id.decode(errors="replace"),
                method=envelope.method,
                size_bytes=size,
                duration_ms=None if asked is None else round(at_ms - asked.at_ms, 3),
                whole=not (cut or hidden),
                text=text,
            )
            self._keep(frame)
            self._changed.notify_all()
        if direction == "from" and envelope.kind == "notification" and not cut:
            self.notified(envelope.method or "", line)

    def _follow(self, direction: Direction, envelope: Envelope, at_ms: float) -> _Asked | None:
        """Remember a request, or return the request that an answer belongs to."""
        if envelope.id is None:
            return None
        if direction == "from":
            return self._asked.pop(envelope.id, None)
        if envelope.kind == "request":
            self._asked[envelope.id] = _Asked(envelope.method, at_ms)
            if len(self._asked) > limits.UNANSWERED_KEPT:
                self._asked.popitem(last=False)
        return None

    def _is_doubtful(self, envelope: Envelope) -> bool:
        """Return whether the request that a line of the sidecar answers is unknown."""
        if envelope.kind == "batch":
            return self._secret_batch
        return envelope.kind == "result" and envelope.method is None

    def _keep(self, frame: Frame) -> None:
        """Keep a frame, and drop the oldest frames that exceed the limit."""
        self._kept.append(frame)
        self._kept_chars += len(frame.text)
        while len(self._kept) > limits.FRAMES_KEPT or self._kept_chars > limits.FRAMES_KEPT_CHARS:
            self._kept_chars -= len(self._kept.popleft().text)

    def after(self, seq: int, wait_s: float) -> Page:
        """Return the frames after this number, the oldest first; wait when there is none yet.

        An unknown number, such as one of an earlier inspector, means 0.
        """
        with self._changed:
            if seq > self._last:
                seq = 0
            self._changed.wait_for(lambda: self._last > seq, wait_s)
            newer = [frame for frame in self._kept if frame.seq > seq]
            shown = [
                msgspec.structs.replace(frame, text=frame.text[: limits.FRAME_PREVIEW_CHARS])
                for frame in newer[: limits.FRAMES_ANSWERED]
            ]
            return Page(shown, self._last)

    def find(self, seq: int) -> Frame | None:
        """Return a frame with all of its kept text; None when the frame was dropped."""
        with self._changed:
            return next((frame for frame in self._kept if frame.seq == seq), None)


class LineRecorder:
    """Cuts the bytes of one direction into lines, and records them."""

    def __init__(self, frames: Frames, direction: Direction) -> None:
        """Begin before the first byte."""
        self._frames = frames
        self._direction: Direction = direction
        self._kept = bytearray()
        self._size_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes, which may be a part of a line or many lines."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            self._end_line()
        self._add(rest)

    def finish(self) -> None:
        """Record the last line, if it has no end."""
        if self._size_bytes:
            self._end_line()

    def _add(self, part: bytes) -> None:
        """Add bytes to the unfinished line."""
        self._size_bytes += len(part)
        room = limits.FRAME_KEPT_BYTES - len(self._kept)
        if room > 0:
            self._kept += part[:room]

    def _end_line(self) -> None:
        """Record the line, and begin the next one."""
        line, size_bytes = bytes(self._kept), self._size_bytes
        self._kept.clear()
        self._size_bytes = 0
        self._frames.record(self._direction, line, size_bytes)
