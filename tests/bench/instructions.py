"""`python -m tests.bench.instructions`: instructions per operation, and two commits compared.

Time measured on a busy machine differs by more than most changes are worth; the instructions that
a process executes hardly differ. The process under test is the real one on real pipes, run by
`valgrind --tool=callgrind`. It is asked for its count before and after the requests of an
operation, and what lies between is divided by their number. All threads count.

Three things are held still, because under valgrind a process runs some fifty times slower and the
work that the product does by the clock would fall into another operation each time: the clocks
that timeouts are measured with advance by one microsecond a reading, so that no timer comes due;
the machine has one processor, as valgrind runs one thread at a time; and strings hash alike in all
processes (PYTHONHASHSEED). What timers would start is measured where requests do the same work:
the rows `index` are searches that find saved workflows not indexed yet, divided by workflows.

Of a measured commit only the package `sidecar` is taken; workload and measure are those of this
checkout. They speak to it by basic requests alone, so that older and newer commits answer them.

    python -m tests.bench.instructions                  the checkout as it is
    python -m tests.bench.instructions --base HEAD~5    and its ratio to another commit

Each is measured three times: the figures are medians, and `spread` is the distance of the largest
from the smallest of one commit. Ends with code 1 when an operation needs more than `--bound` times
the instructions of the base, with code 2 when a child process fails, and with code 3 when valgrind
is missing. Two commits take about five minutes on two processors.
"""

import argparse
import compileall
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Timer

from tests.bench import workload
from tests.bench.peer import Peer

Figures = dict[str, float]

BOUND = 1.03
"""Largest accepted ratio to the base. Medians of the same code differ by less than 0.5 %."""

MODULES = "modules at start"
"""Row of the table that counts imported modules; it is shown and not judged."""

_ROOT = Path(__file__).resolve().parents[2]
_EXIT_WORSE, _EXIT_FAILED, _EXIT_NO_VALGRIND = 1, 2, 3
_WORKFLOWS = 100
_IN_FLIGHT = 40
"""Workflows of one pipelined burst: all lines of it fit into a pipe of _PIPE_BYTES, so that no
burst depends on which of two processes is the faster one."""
_PIPE_BYTES = 1 << 20
_INDEXING_SEARCHES = 16
"""Enough for the searches to index all that was saved: each does a bounded part of it."""
_PAUSE_S = 0.003
"""Between an answer and the next request, so that a checkpoint that waits for a pause finds one:
without it, it ran now in one phase and now in another, 1 % of a phase."""
_PROCESS_LIMIT_S, _ANSWER_LIMIT_S, _WAKE_AFTER_S = 900, 60, 3
_QUERIES = ("agent", "webhook", "http", "openai", "bench", "data", "slack", "email")

_STILL = """\
import itertools, os, time
time.monotonic = itertools.count(1.0, 1e-6).__next__
time.perf_counter_ns = itertools.count(0, 1000).__next__
os.cpu_count = lambda: 1
"""
"""The `sitecustomize` module of the measured process: runs before anything reads a clock."""


def instructions(status: str) -> int:
    """Return the instructions of all threads that callgrind's answer to `status internal` states.

    Each thread has a line `events-THREAD: COUNT`, followed by lines `events-THREAD-FRAME`.
    """
    counts = re.findall(r"^events-\d+: (\d+)$", status, re.MULTILINE)
    if not counts:
        message = f"callgrind told no instruction counts: {status[:200]!r}"
        raise RuntimeError(message)
    return sum(map(int, counts))


class _Counted:
    """One serving process under callgrind, whose requests are counted by operation."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.figures: Figures = {}
        self.ping = peer.line("system.ping", {})

    def total(self) -> int:
        """Return the instructions executed so far.

        A process that sleeps answers when it next wakes up, which a pending timeout makes it do
        five times a second; without one it is woken by a ping.
        """
        command = ["vgdb", f"--pid={self.peer.pid}", "--max-invoke-ms=0", "status", "internal"]
        with subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as asking:
            for _attempt in range(_ANSWER_LIMIT_S // _WAKE_AFTER_S):
                try:
                    return instructions(asking.communicate(timeout=_WAKE_AFTER_S)[0])
                except subprocess.TimeoutExpired:
                    self.peer.call(self.ping)
            asking.kill()
        message = f"valgrind told no instruction count within {_ANSWER_LIMIT_S} s."
        raise RuntimeError(message)

    def start(self, name: str) -> None:
        """Count what the process executed from its start to its first answer."""
        self.peer.call(self.ping)
        self.figures[name] = self.total()

    def each(self, name: str, lines: list[bytes], *, lines_each: int = 1) -> None:
        """Count an operation of `lines_each` requests, sent one after the other.

        The first tenth is sent before counting begins: it fills caches.
        """
        warming = len(lines) // 10 // lines_each * lines_each
        self.peer.timed(lines[:warming], pause_s=_PAUSE_S)
        before = self.total()
        self.peer.timed(lines[warming:], pause_s=_PAUSE_S)
        self.figures[name] = (self.total() - before) * lines_each / (len(lines) - warming)

    def in_flight(self, name: str, lines: list[bytes]) -> None:
        """Count a request of those that are all sent before the first answer is read."""
        before = self.total()
        self.peer.pipelined(lines)
        self.figures[name] = (self.total() - before) / len(lines)

    def indexed(self, name: str, workflows: int) -> None:
        """Count the indexing of a workflow, which the next searches do for all that were saved."""
        line = self.peer.line("workflows.search", {"query": "sync", "limit": 1})
        before = self.total()
        self.peer.timed([line] * _INDEXING_SEARCHES, pause_s=_PAUSE_S)
        self.figures[name] = (self.total() - before) / workflows


@contextmanager
def serving(folder: Path) -> Iterator[_Counted]:
    """Run the package in `folder` under callgrind; kill it when the measuring takes too long."""
    command = [
        *("valgrind", "--tool=callgrind", "--vgdb=yes", "--vgdb-poll=100"),
        *("--callgrind-out-file=/dev/null", f"--log-file={folder / 'valgrind.log'}"),
        *(sys.executable, *_serve_command(folder)),
    ]
    peer = Peer(command, env=environment(folder), cwd=folder, pipesize=_PIPE_BYTES)
    limit = Timer(_PROCESS_LIMIT_S, peer.kill)
    limit.start()
    try:
        yield _Counted(peer)
        peer.close()
    finally:
        limit.cancel()
        peer.kill()


def _serve_command(folder: Path) -> list[str]:
    return ["-m", "sidecar", "serve", "--database", str(folder / "data" / "bench.db")]


def environment(folder: Path | None = None) -> dict[str, str]:
    """Return all variables of a child process but PATH: what differs between two people, counts.

    `folder` holds the package that is measured.
    """
    fixed = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**fixed, "PATH": os.environ["PATH"], "PYTHONPATH": str(folder or "")}


def prepare(folder: Path, commit: str | None) -> None:
    """Put a commit's package `sidecar` into `folder`, compiled; without one the checkout's."""
    (folder / "data").mkdir(parents=True)
    if commit is None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / "sidecar", folder / "sidecar", ignore=ignored)
    else:
        command = ["git", "-C", str(_ROOT), "archive", "--format=tar", commit, "sidecar"]
        packed = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
    (folder / "sitecustomize.py").write_text(_STILL, encoding="utf-8")
    compileall.compile_dir(folder, quiet=1)


def modules(folder: Path) -> int:
    """Return how many modules a process imports that starts, answers one request and ends.

    `-X importtime` would not tell of those that `importlib.import_module` imports.
    """
    done = subprocess.run(
        [sys.executable, "-v", *_serve_command(folder)],
        input=b'{"jsonrpc":"2.0","id":1,"method":"system.ping"}\n',
        env=environment(folder),
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=_ANSWER_LIMIT_S,
    )
    return done.stderr.count(b"\nimport '")


def measure(folder: Path) -> Figures:
    """Return the instructions of each operation of the package in `folder`."""
    workflows = workload.generated(_WORKFLOWS)
    edited = [{**w, "data": {**w["data"], "edited": 1}} for w in workflows]
    again = [{**w, "description": f"again {w['description']}"} for w in edited[:_IN_FLIGHT]]
    with serving(folder) as counted:
        line = counted.peer.line
        counted.start("start, no database")
        counted.each("ping", [counted.ping] * 300)
        counted.each("save", [line("workflows.save", {"workflow": w}) for w in workflows])
        counted.indexed("index", len(workflows))
        gets = [line("workflows.get", {"id": w["id"]}) for w in workflows]
        counted.each("get", gets)
        counted.each("replace", [line("workflows.save", {"workflow": w}) for w in edited])
        counted.indexed("index replaced", len(workflows))
        counted.each("list", [line("workflows.list", {"limit": 50})] * 50)
        search = [line("workflows.search", {"query": query, "limit": 20}) for query in _QUERIES]
        counted.each("search", search * 5)
        counted.each("run", list(_run_lines(counted.peer, workflows[:2])), lines_each=2)
        pages = [line("runs.list", {"workflow_id": w["id"], "limit": 50}) for w in workflows[:2]]
        counted.each("run page", pages * 25)
        counted.in_flight("get in flight", gets[:_IN_FLIGHT])
        saves = [line("workflows.save", {"workflow": w}) for w in again]
        counted.in_flight("save in flight", saves)
    with serving(folder) as restarted:
        restarted.start("start")
    return {**counted.figures, **restarted.figures, MODULES: modules(folder)}


def _run_lines(peer: Peer, workflows: list[workload.Workflow]) -> Iterator[bytes]:
    """Yield the two requests of each of 100 runs of these workflows."""
    finish = {"status": "success", "summary": {"ok": True, "out": "x" * 500}, "blocks_executed": 5}
    for number in range(100):
        workflow = workflows[number % len(workflows)]
        yield peer.line("runs.start", {"id": f"r{number}", "workflow_id": workflow["id"]})
        yield peer.line("runs.finish", {"id": f"r{number}", **finish})


def middle(measured: list[Figures]) -> Figures:
    """Return the median of each operation."""
    return {name: median(figures[name] for figures in measured) for name in measured[0]}


def spread(measured: list[Figures], name: str) -> float:
    """Return how far the largest figure of an operation lies above the smallest, as a share."""
    values = [figures[name] for figures in measured]
    return max(values) / min(values) - 1


def worse(base: Figures, head: Figures, bound: float) -> list[str]:
    """Return the operations that need more than `bound` times the instructions of the base."""
    return [name for name in head if name != MODULES and head[name] > base[name] * bound]


def _print(names: list[str], sides: list[list[Figures]]) -> None:
    """Print one row an operation: the figure of each commit, the ratio, the largest spread."""
    medians = [middle(measured) for measured in sides]
    print(f"{'instructions':20}", *(f"{name[:15]:>15}" for name in names), "  ratio  spread")
    for name in medians[0]:
        figures = [figures[name] for figures in medians]
        ratio = f"{figures[-1] / figures[0]:7.4f}" if len(figures) > 1 else " " * 7
        widest = max(spread(measured, name) for measured in sides)
        print(f"{name:20}", *(f"{figure:15,.0f}" for figure in figures), ratio, f"{widest:7.2%}")


def main(words: list[str] | None = None) -> int:
    """Measure what `words` name, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", metavar="COMMIT", help="compare with this commit")
    parser.add_argument("--head", metavar="COMMIT", help="measure this commit, not the checkout")
    parser.add_argument("--bound", type=float, default=BOUND, help="largest ratio (default: 1.03)")
    parser.add_argument("--times", type=int, default=3, help="measure each so often (default: 3)")
    given = parser.parse_args(words)
    if not (shutil.which("valgrind") and shutil.which("vgdb")):
        print("valgrind is not installed; the measure needs its tool callgrind.", file=sys.stderr)
        return _EXIT_NO_VALGRIND
    commits = [given.head] if given.base is None else [given.base, given.head]
    try:
        sides = _measure_all(commits, given.times)
    except subprocess.CalledProcessError as fault:
        print(f"{' '.join(fault.cmd)} failed.", (fault.stderr or b"").decode(), file=sys.stderr)
        return _EXIT_FAILED
    _print([commit or "checkout" for commit in commits], sides)
    if given.base is None:
        return 0
    failing = worse(middle(sides[0]), middle(sides[1]), given.bound)
    print(f"more than {given.bound} times the base: {', '.join(failing) or 'none'}")
    return _EXIT_WORSE if failing else 0


def _measure_all(commits: list[str | None], times: int) -> list[list[Figures]]:
    """Measure each commit so many times, two processes at a time; a list for each commit."""
    wanted = commits * times
    with tempfile.TemporaryDirectory() as top, ThreadPoolExecutor(2) as pool:
        # Names of one length, because a start handles the path of every module.
        folders = [Path(top, f"{number:02}") for number in range(len(wanted))]
        for folder, commit in zip(folders, wanted, strict=True):
            prepare(folder, commit)
        measured = list(pool.map(measure, folders))
    return [measured[side :: len(commits)] for side in range(len(commits))]


if __name__ == "__main__":
    sys.exit(main())
