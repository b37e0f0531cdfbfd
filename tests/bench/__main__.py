"""`python -m tests.bench`: the table of medians, p99 and ratios to the bare-loop floor.

Every peer is run alternately, round by round, so that a drifting machine hits all alike. With
`--corpus DIR` real files are used, with `--json FILE` the figures are written, with
`--plot FILE.svg` they are drawn. Ratios, not microseconds, are what a change is judged by.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.bench import workload
from tests.bench.peer import Peer
from tests.bench.plot import draw

Figures = dict[str, list[float]]

_QUERIES = ("agent", "webhook", "http", "openai", "bench", "data", "slack", "email")


def _floor(workflows: list[workload.Workflow]) -> Figures:
    """The bare loop on the same lines."""
    peer = Peer([sys.executable, str(Path(__file__).with_name("floor.py"))])
    ping = peer.line("ping", {})
    peer.call(ping)
    saves = [peer.line("save", {"workflow": workflow}) for workflow in workflows]
    figures = {
        "ping": peer.timed([ping] * 500),
        "save": peer.timed(saves),
        "get_pipelined": [peer.pipelined(saves)],
    }
    peer.close()
    return figures


def _sidecar(workflows: list[workload.Workflow], folder: Path, round_number: int) -> Figures:
    """The product, every kind of request once over."""
    database = folder / "bench.db"
    peer = Peer([sys.executable, "-m", "sidecar", "serve", "--database", str(database)])
    line = peer.line
    figures: Figures = {}
    import time

    peer.call(line("system.ping", {}))
    figures["first_answer"] = [time.perf_counter() - peer.spawned_at]
    figures["ping"] = peer.timed([line("system.ping", {})] * 500)
    save = "workflows.save"
    figures["save"] = peer.timed([line(save, {"workflow": w}) for w in workflows])
    figures["resave"] = peer.timed([line(save, {"workflow": w}) for w in workflows])
    edited = [{**w, "data": {**w["data"], "edited": round_number + 1}} for w in workflows]
    figures["replace"] = peer.timed([line(save, {"workflow": w}) for w in edited])
    figures["get"] = peer.timed([line("workflows.get", {"id": w["id"]}) for w in workflows])
    figures["list"] = peer.timed([line("workflows.list", {"limit": 50})] * 50)
    figures["search"] = peer.timed(
        [line("workflows.search", {"query": query, "limit": 20}) for query in _QUERIES * 8]
    )
    figures.update(_runs(peer, workflows[:100]))
    gets = [line("workflows.get", {"id": w["id"]}) for w in workflows]
    figures["get_pipelined"] = [peer.pipelined(gets)]
    again = [{**w, "description": f"again {w['description']}"} for w in workflows]
    figures["save_pipelined"] = [peer.pipelined([line(save, {"workflow": w}) for w in again])]
    resident = peer.resident_mb()
    if resident is not None:
        figures["resident_mb"] = [resident]
    peer.close()
    size_bytes = sum(path.stat().st_size for path in folder.glob("bench.db*"))
    figures["database_share"] = [size_bytes / workload.compact_bytes(edited)]
    return figures


def _runs(peer: Peer, workflows: list[workload.Workflow]) -> Figures:
    starts = [
        peer.line("runs.start", {"id": f"r{number}", "workflow_id": workflow["id"]})
        for number, workflow in enumerate(workflows)
    ]
    finish = {"status": "success", "summary": {"ok": True, "out": "x" * 500}, "blocks_executed": 5}
    ends = [peer.line("runs.finish", {"id": f"r{n}", **finish}) for n in range(len(workflows))]
    both = zip(peer.timed(starts), peer.timed(ends), strict=True)
    pages = [peer.line("runs.list", {"workflow_id": w["id"], "limit": 50}) for w in workflows]
    return {"run": [start + end for start, end in both], "run_page": peer.timed(pages)}


def _row(name: str, values: list[float], floor: float | None) -> str:
    middle = statistics.median(values)
    worst = sorted(values)[int(len(values) * 0.99)]
    if name == "resident_mb":
        return f"{name:16}{middle:12.1f} MB"
    if name == "database_share":
        return f"{name:16}{middle:12.1%} of the compact JSON"
    ratio = f"{middle / floor:8.1f} x floor" if floor else ""
    return f"{name:16}{middle * 1e6:12.0f} us   p99 {worst * 1e6:8.0f} us {ratio}"


def main() -> int:
    """Run the rounds, print the table, write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of workflow files (default: generated)")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--plot", type=Path, help="draw the ratios as SVG there")
    given = parser.parse_args()
    if given.corpus:
        workflows = workload.from_folder(given.corpus, given.files)
    else:
        workflows = workload.generated(given.files)
    floor: Figures = defaultdict(list)
    product: Figures = defaultdict(list)
    for number in range(given.rounds):
        for name, values in _floor(workflows).items():
            floor[name].extend(values)
        with tempfile.TemporaryDirectory() as folder:
            for name, values in _sidecar(workflows, Path(folder), number).items():
                product[name].extend(values)
    _print(workflows, floor, product)
    if given.json:
        given.json.write_text(json.dumps({"floor": floor, "sidecar": product}), encoding="utf-8")
    if given.plot:
        draw(given.plot, _ratios(floor, product))
    return 0


def _base(name: str, floor: Figures) -> float | None:
    """The floor a figure is compared with: the echo of a body for saves, of a ping for the rest."""
    if name in ("first_answer", "resident_mb", "database_share"):
        return None
    like = name if name in floor else ("save" if name in ("resave", "replace", "get") else "ping")
    if name == "save_pipelined":
        like = "get_pipelined"
    return statistics.median(floor[like])


def _ratios(floor: Figures, product: Figures) -> dict[str, float]:
    ratios = {}
    for name, values in product.items():
        base = _base(name, floor)
        if base:
            ratios[name] = statistics.median(values) / base
    return ratios


def _print(workflows: list[workload.Workflow], floor: Figures, product: Figures) -> None:
    size_mb = workload.compact_bytes(workflows) / 1e6
    sys.stdout.write(f"{len(workflows)} workflows, {size_mb:.1f} MB compact JSON\n")
    for name, values in product.items():
        sys.stdout.write(_row(name, values, _base(name, floor)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
