"""`python -m tests.bench.scale`: what grows with the store, and what must not.

Fills a database with workflows and runs in steps, measures lists, gets, run pages, saves and
searches at each (95th percentile), then prunes runs while saves go on. `--plot FILE.svg` draws
the growth. Runs are written into their table directly: a million requests would only take time.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from tests.bench import workload
from tests.bench.peer import Peer
from tests.bench.plot import Panel, draw_growth

_STEPS = ((1_000, 10_000), (10_000, 100_000), (100_000, 1_000_000))
_QUERIES = ("agent", "invoice customer", "zebra", "slack -email", "aut", '"daily report"')
_AT_THE_END = "save while pruning, p99"
_GROWTH_MOST, _SEARCH_MOST_MS = 2.0, 50.0
_RUN = (
    "INSERT INTO runs (id, workflow, revision, status, started_at, seen_at, completed_at,"
    " duration_ms, tokens_used, summary_bytes, stored_bytes)"
    " VALUES (?, ?, 1, ?, ?, ?, ?, ?, 100, 20, 40)"
)


class Fill:
    """A database that grows."""

    def __init__(self, database: Path, kinds: list[workload.Workflow]) -> None:
        self.database = database
        self._kinds = kinds
        self._rng = random.Random(5)
        self.workflows = 0
        self.runs = 0

    def to(self, workflows: int, runs: int) -> None:
        """Grow to so many."""
        peer = spawn(self.database)
        while self.workflows < workflows:
            count = min(50, workflows - self.workflows)
            items = [{"workflow": self.workflow(self.workflows + each)} for each in range(count)]
            peer.call(peer.line("workflows.save_many", {"items": items}))
            self.workflows += count
        peer.close()
        self._add_runs(runs)

    def is_behind(self) -> bool:
        """Whether the search indexes have yet to follow."""
        db = apsw.Connection(str(self.database), flags=apsw.SQLITE_OPEN_READONLY)
        rows = "SELECT 1 FROM header_pending UNION ALL SELECT 1 FROM text_pending LIMIT 1"
        behind = db.execute(rows).fetchone() is not None
        db.close()
        return behind

    def workflow(self, number: int) -> workload.Workflow:
        """One of the kinds under a name of its own."""
        kind = self._rng.choice(self._kinds)
        return {**kind, "id": f"s{number}", "name": f"{kind['name'][:200]} {number}"}

    def _add_runs(self, runs: int) -> None:
        db = apsw.Connection(str(self.database))
        owners = [row[0] for row in db.execute("SELECT rid FROM workflows")]
        statuses = ["success"] * 8 + ["error", "cancelled"]
        with db:
            db.executemany(
                _RUN,
                (
                    (f"run-{n}", self._rng.choice(owners), statuses[n % 10], n, n, n + 500, n % 900)
                    for n in range(self.runs, runs)
                ),
            )
            db.execute(
                "UPDATE workflows SET"
                " run_count = (SELECT count(*) FROM runs WHERE workflow = workflows.rid)"
            )
        db.close()
        self.runs = runs


def spawn(database: Path) -> Peer:
    """The product on that file."""
    command = [sys.executable, "-m", "sidecar", "serve", "--no-events", "--database", str(database)]
    peer = Peer(command)
    peer.call(peer.line("system.ping", {}))
    return peer


def p95_ms(times_s: list[float]) -> float:
    """Ninety-fifth percentile, milliseconds."""
    return statistics.quantiles(times_s, n=20)[-1] * 1000


def measure(peer: Peer, fill: Fill) -> dict[str, float]:
    """Every kind of request on what is there."""
    rng = random.Random(7)
    ids = [f"s{rng.randrange(fill.workflows)}" for _ in range(200)]
    line = peer.line
    catch_up(peer, fill)
    lines = {
        "get": [line("workflows.get", {"id": each}) for each in ids],
        "list": [line("workflows.list", {"limit": 50})] * 40,
        "list by name": [line("workflows.list", {"limit": 50, "order_by": "name"})] * 40,
        "list by tag": [line("workflows.list", {"limit": 50, "tags": ["bench"]})] * 40,
        "run page": [line("runs.list", {"workflow_id": each, "limit": 50}) for each in ids[:100]],
        "run page of errors": [line("runs.list", {"statuses": ["error"], "limit": 50})] * 40,
        "save": [
            line("workflows.save", {"workflow": {**fill.workflow(0), "id": f"new{each}"}})
            for each in range(200)
        ],
    }
    found = {name: p95_ms(peer.timed(several)) for name, several in lines.items()}
    first = [line("workflows.search", {"query": _QUERIES[0], "limit": 20})]
    found["first search after 200 saves"] = peer.timed(first)[0] * 1000
    catch_up(peer, fill)
    for query in _QUERIES:
        several = [line("workflows.search", {"query": query, "limit": 20})] * 20
        found[f"search {query}"] = p95_ms(peer.timed(several))
    return found


def catch_up(peer: Peer, fill: Fill) -> None:
    """Wait until the search indexes know all that was saved, as they do after a pause."""
    while fill.is_behind():
        peer.call(peer.line("workflows.search", {"query": "warm"}))


def prune_amid_saves(peer: Peer, fill: Fill) -> float:
    """Saves one after the other while old runs go; their 99th percentile."""
    peer.send(peer.line("runs.prune", {"older_than_ms": 0}))
    times_s: list[float] = []
    pruned = False
    while not pruned:
        save = peer.line("workflows.save", {"workflow": fill.workflow(len(times_s))})
        began = time.perf_counter()
        answer = peer.call(save)
        if b'"reached_limit"' in answer[:200]:
            pruned = True
            answer = peer.answer()
        times_s.append(time.perf_counter() - began)
    return statistics.quantiles(times_s, n=100)[-1] * 1000


def main() -> None:
    """Fill, measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of workflow files to take shapes from")
    parser.add_argument("--steps", type=int, default=len(_STEPS), help="how far to grow, 1 to 3")
    parser.add_argument("--plot", type=Path, help="SVG file to draw the growth into")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    kinds = workload.from_folder(given.corpus, 375) if given.corpus else workload.generated(200)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        fill = Fill(Path(folder) / "scale.db", kinds)
        for workflows, runs in _STEPS[: given.steps]:
            fill.to(workflows, runs)
            peer = spawn(fill.database)
            for name, value in measure(peer, fill).items():
                found.setdefault(name, []).append(value)
            if workflows == _STEPS[given.steps - 1][0]:
                found[_AT_THE_END] = [prune_amid_saves(peer, fill)]
            peer.close()
    sizes = [f"{workflows} / {runs}" for workflows, runs in _STEPS[: given.steps]]
    _print(found, sizes)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    if given.plot:
        steps = [workflows for workflows, _runs in _STEPS[: given.steps]]
        draw_growth(given.plot, steps, _panels(found))


def _panels(found: dict[str, list[float]]) -> list[Panel]:
    """Searches have one bound in milliseconds, all else twice what the smallest store takes."""
    # What is measured at the end alone is no curve.
    grown = {name: values for name, values in found.items() if name != _AT_THE_END}
    searches = {name: grown.pop(name) for name in [*grown] if name.startswith("search ")}
    others = "p95 in ms by workflows, 10 runs each; dashes at the end: twice the first"
    return [
        Panel(others, grown, most_times=_GROWTH_MOST),
        Panel("p95 in ms of a search for 20", searches, most_ms=_SEARCH_MOST_MS),
    ]


def _print(found: dict[str, list[float]], sizes: list[str]) -> None:
    write: Callable[[str], object] = sys.stdout.write
    write(f"{'p95, ms, at workflows / runs':32}" + "".join(f"{size:>20}" for size in sizes) + "\n")
    for name, values in found.items():
        write(f"{name:32}" + "".join(f"{value:20.2f}" for value in values) + "\n")


if __name__ == "__main__":
    main()
