"""The program with additional methods that misbehave; started as `misbehaving.py serve ...`.

The methods import what they need in their bodies, so that the list of loaded modules is that of the
program.
"""

import os
import sys
import threading
import time
from typing import Any

from sidecar.__main__ import main
from sidecar.catalog import Params, method
from sidecar.context import Context, LongContext

STARTED: list[str] = []
"""The ids of the long requests whose method has started."""

SECRET = "sk-sentinel-5c1f"


class NoParams(Params, frozen=True):
    """No params."""


class Amount(Params, frozen=True):
    """How many of something."""

    count: int
    per_step: int = 1


class Tag(Params, frozen=True):
    """A name for one call."""

    tag: str = ""


@method("test.noise")
def noise(_ctx: Context, params: NoParams) -> dict[str, object]:  # noqa: ARG001
    """Write to stdout in many ways, and start a child that does so and reads stdin."""
    import ctypes
    import subprocess

    print("noise of print")  # noqa: T201 - this is the fault
    sys.stdout.write("noise of sys.stdout\n")
    sys.stdout.flush()
    os.write(1, b"noise of descriptor 1\n")
    libc = ctypes.CDLL(None)
    libc.puts(b"noise of C")
    libc.fflush(None)
    program = "import sys; print('noise of a child', flush=True); sys.exit(len(sys.stdin.read()))"
    before = time.monotonic()
    child = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)
    return {"read": child.returncode, "seconds": time.monotonic() - before}


@method("test.hang")
def hang(_ctx: Context, params: Tag) -> int:
    """Never return; sleep, or with the tag `busy` use the processor."""
    sys.stderr.write("hanging\n")
    while True:
        if params.tag != "busy":
            time.sleep(1000)


def other(name: str) -> Any:
    """Return a name that is in no vocabulary, for an act that only tests have."""
    return name


@method("test.hang_long", long=True)
def hang_long(ctx: LongContext, params: Tag) -> int:
    """Never return in a worker thread, and ignore a cancel."""
    ctx.progress(other(f"hanging {params.tag}"), 0, None, other("steps"))
    while True:
        time.sleep(1000)


@method("test.fail")
def fail(_ctx: Context, params: NoParams) -> int:  # noqa: ARG001
    """Raise an exception with a secret in its text."""
    raise RuntimeError(SECRET)


class Said(Params, frozen=True):
    """A text from elsewhere."""

    text: str


@method("test.fail_with")
def fail_with(_ctx: Context, params: Said) -> int:
    """Raise an exception with this text."""
    raise RuntimeError(params.text)


@method("test.fail_long", long=True)
def fail_long(_ctx: LongContext, params: NoParams) -> int:  # noqa: ARG001
    """Raise an exception with a secret in its text, in a worker thread."""
    raise RuntimeError(SECRET)


@method("test.work", long=True)
def work(ctx: LongContext, params: Tag) -> dict[str, str]:
    """Work in one transaction until the request is cancelled, which undoes it."""
    STARTED.append(params.tag)
    pause = threading.Event()
    if params.tag == "writing":
        with ctx.writing():
            ctx.audit(other("test_work"), params.tag)
            _work_on(ctx, pause)
    _work_on(ctx, pause)
    return {}


def _work_on(ctx: LongContext, pause: threading.Event) -> None:
    ctx.progress(other("working"), 0, None, other("steps"))
    while True:
        ctx.check_cancelled()
        pause.wait(0.01)


@method("test.started")
def started(_ctx: Context, params: NoParams) -> list[str]:  # noqa: ARG001
    """Return the ids of the long requests that have started."""
    return STARTED


@method("test.events", long=True)
def events(ctx: LongContext, params: Amount) -> dict[str, int]:
    """Emit many events, `per_step` in each transaction."""
    done = 0
    while done < params.count:
        with ctx.writing():
            for number in range(done, min(done + params.per_step, params.count)):
                ctx.audit(other("test_event"), f"event-{number}", number=number)
        done += params.per_step
    return {"emitted": params.count}


@method("test.log")
def log(_ctx: Context, params: Amount) -> int:
    """Write this many bytes to the log."""
    from sidecar import log as product_log

    for number in range(params.count // 1000):
        product_log.error("flood", number=number, filler="x" * 1000)
    return params.count


@method("test.big")
def big(_ctx: Context, params: Amount) -> str:
    """Return this many characters."""
    return "x" * params.count


@method("test.modules")
def modules(_ctx: Context, params: NoParams) -> list[str]:  # noqa: ARG001
    """Return the names of the loaded modules."""
    return sorted(sys.modules)


# --- the methods of the JSON-RPC 2.0 specification's examples ---------------------------------


class Pair(Params, frozen=True):
    """Two numbers."""

    minuend: int
    subtrahend: int


class Three(Params, frozen=True):
    """Three numbers."""

    a: int
    b: int
    c: int


class Five(Three, frozen=True):
    """Five numbers."""

    d: int
    e: int


class One(Params, frozen=True):
    """One number."""

    a: int


@method("subtract")
def subtract(_ctx: Context, params: Pair) -> int:
    """Return the difference."""
    return params.minuend - params.subtrahend


@method("sum")
def sum_(_ctx: Context, params: Three) -> int:
    """Return the sum."""
    return params.a + params.b + params.c


@method("update")
def update(_ctx: Context, params: Five) -> int:
    """Accept five numbers."""
    return params.e


@method("notify_hello")
def notify_hello(_ctx: Context, params: One) -> int:
    """Accept a greeting."""
    return params.a


@method("notify_sum")
def notify_sum(_ctx: Context, params: Three) -> int:
    """Accept three numbers."""
    return params.a


@method("get_data")
def get_data(_ctx: Context, params: NoParams) -> list[object]:  # noqa: ARG001
    """Return two values."""
    return ["hello", 5]


if __name__ == "__main__":
    sys.exit(main())
