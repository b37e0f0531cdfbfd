"""`python -m tests.bench.imports`: ten thousand files imported while other requests are served.

Prints how long the import takes, how much memory the process takes at most (Linux), and how long
other requests take meanwhile: saves, reads and lists. The promises: 20 s for 10 000 files on two
cores, 150 MB, and 50 ms for 99 of 100 other requests. Bodies are of the sizes of real workflows;
`--corpus FOLDER` takes real ones from a folder.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.scenarios.talk import Talk, talk

_MEDIAN_BYTES = 12_000
_SPREAD = 1.2


def _documents(corpus: Path | None) -> Callable[[int], bytes]:
    """Return a function that returns the document of a number."""
    chance = random.Random(1)
    files = [path.read_bytes() for path in sorted(corpus.rglob("*.json"))] if corpus else []
    words = [f"word{number}" for number in range(3000)]

    def document(number: int) -> bytes:
        if files:
            return files[number % len(files)]
        size = min(int(_MEDIAN_BYTES * chance.lognormvariate(0, _SPREAD)), 400_000)
        nodes = []
        while size > 0:
            text = " ".join(chance.choices(words, k=25))
            nodes.append({
                "id": f"{chance.randrange(2**64):x}", "name": chance.choice(words),
                "type": f"n8n-nodes-base.{chance.choice(words)}", "position": [1, 2],
                "parameters": {"text": text, "url": f"https://example.com/{chance.random()}"},
            })  # fmt: skip
            size -= len(text) + 250
        name = " ".join(chance.choices(words, k=4))
        whole = {"name": name, "tags": [chance.choice(words[:50])], "nodes": nodes,
                 "connections": {}, "number": number}  # fmt: skip
        return json.dumps(whole, indent=2).encode()

    return document


def _write(folder: Path, count: int, document: Callable[[int], bytes], *, packed: bool) -> Path:
    """Write the files into a folder or an archive, and return its path."""
    if not packed:
        target = folder / "flows"
        for number in range(count):
            path = target / str(number // 500) / f"{number}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(document(number))
        return target
    target = folder / "flows.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"{number // 500}/{number}.json", document(number))
    return target


def _memory_kib(pid: int, name: str) -> int:
    """Return a figure of the memory of a process, on Linux."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(name)))


class _Others:
    """Requests that are sent while the import works, one after the other."""

    def __init__(self, conversation: Talk) -> None:
        self._conversation = conversation
        self.taken_ms: dict[str, list[float]] = {"save": [], "get": [], "list": []}
        self._number = 0

    def send_one(self) -> dict[str, Any] | None:
        """Send one request and wait for its answer; return that of the import if it comes first."""
        self._number += 1
        kind = ("save", "get", "list")[self._number % 3]
        workflow = {"id": "small", "name": "small", "data": {"n": self._number}}
        of_kind: dict[str, dict[str, Any]] = {
            "save": {"workflow": workflow}, "get": {"id": "first"}, "list": {"limit": 50},
        }  # fmt: skip
        request = {"jsonrpc": "2.0", "id": self._number, "method": f"workflows.{kind}",
                   "params": of_kind[kind]}  # fmt: skip
        begun = time.perf_counter()
        self._conversation.send(json.dumps(request).encode())
        ended = None
        while True:
            message = self._conversation.receive()
            if message.get("id") == "import":
                ended = message
            if message.get("id") == self._number:
                break
        self.taken_ms[kind].append((time.perf_counter() - begun) * 1000)
        return ended


def _run(folder: Path, path: Path, count: int, pause_s: float) -> None:
    """Import, and print the figures."""
    with talk(folder / f"{path.name}.db", "--no-events") as conversation:
        conversation.request(
            "workflows.save", {"workflow": {"id": "first", "name": "first", "data": {"n": 1}}}
        )
        before = _memory_kib(conversation.process.pid, "VmRSS")
        quiet = _Others(conversation)
        for _ in range(300):
            quiet.send_one()
            time.sleep(pause_s)
        others = _Others(conversation)
        request = {"jsonrpc": "2.0", "id": "import", "method": "workflows.import",
                   "params": {"path": str(path)}}  # fmt: skip
        begun = time.perf_counter()
        conversation.send(json.dumps(request).encode())
        while (answer := others.send_one()) is None:
            time.sleep(pause_s)
        taken_s = time.perf_counter() - begun
        result = answer["result"]
        assert result["created"] == count == len(result["items"]), result["created"]
        peak = _memory_kib(conversation.process.pid, "VmHWM")
    print(f"{path.name}: {count} files in {taken_s:.1f} s, {count / taken_s:.0f} a second;")
    print(f"  memory {before / 1024:.0f} MiB before, {peak / 1024:.0f} MiB at most")
    for when, requests in (("before", quiet), ("meanwhile", others)):
        for kind, taken in requests.taken_ms.items():
            print(
                f"  {kind} {when}: {len(taken)} times, median {statistics.median(taken):.1f} ms,"
                f" p99 {statistics.quantiles(taken, n=100)[-1]:.1f} ms, longest {max(taken):.1f} ms"
            )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--corpus", type=Path, help="a folder of real workflows")
    parser.add_argument("--folder", type=Path, help="where the files are made")
    parser.add_argument("--pause-ms", type=float, default=5, help="between two other requests")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        for packed in (False, True):
            document = _documents(given.corpus)
            path = _write(folder, given.files, document, packed=packed)
            _run(folder, path, given.files, given.pause_ms / 1000)


if __name__ == "__main__":
    main()
