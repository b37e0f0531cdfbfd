"""`python -m tests.bench.relevance --corpus DIR`: does search find what it should, and how high.

Every workflow is asked for by words of its title and by words and phrases of a text that stands
inside it alone; the hit rates at 1 and at 10 are printed. Titles are made of file names, since
those of the corpus were normalised by who collected it.
"""

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sidecar.bodies.tools.table import recognise
from tests.bench import workload
from tests.harness import Bench, open_bench

_WORD = re.compile(r"[^\W\d_]{4,}")
_NOISE = re.compile(r"[_-]+|\b\d+\b|[0-9a-f]{8,}")
_ASKED = 300


class Question(NamedTuple):
    """A query, and the workflow that answers it."""

    query: str
    answer: str


class Rates(NamedTuple):
    """How often the answer came first, and among the first ten."""

    asked: int
    at_1: float
    at_10: float


def fill(bench: Bench, workflows: Iterable[workload.Workflow]) -> None:
    """Save all of them and index them whole."""
    for workflow in workflows:
        bench.call("workflows.save", workflow=workflow)
    while bench.rows("SELECT 1 FROM header_pending UNION SELECT 1 FROM text_pending"):
        bench.call("workflows.search", query="x")


def titles(workflows: list[workload.Workflow], words: int) -> list[Question]:
    """Some words of each title."""
    rng = random.Random(3)
    found = []
    for workflow in workflows:
        known = list(dict.fromkeys(_WORD.findall(workflow["name"])))
        if len(known) >= words:
            found.append(Question(" ".join(rng.sample(known, words)), workflow["id"]))
    return found


def inner(workflows: list[workload.Workflow], words: int | None) -> list[Question]:
    """Some words, or with None the beginning as a phrase, of texts that one workflow alone has."""
    rng = random.Random(4)
    texts = [(text, workflow["id"]) for workflow in workflows for text in _texts(workflow["data"])]
    counts = Counter(text for text, _ in set(texts))
    unique = sorted(pair for pair in set(texts) if counts[pair[0]] == 1)
    rng.shuffle(unique)
    found = []
    for text, answer in unique[:_ASKED]:
        known = list(dict.fromkeys(_WORD.findall(text)))
        if words is None:
            found.append(Question(f'"{" ".join(_WORD_ANY.findall(text)[:7])}"', answer))
        elif len(known) >= words:
            found.append(Question(" ".join(rng.sample(known, words)), answer))
    return found


_WORD_ANY = re.compile(r"[^\W_]+")


def _texts(data: Any) -> list[str]:
    return [
        " ".join(value.split())
        for node in recognise(data).steps(data)
        for value in node.settings.values()
        if isinstance(value, str) and 30 < len(value) < 400 and value.count(" ") > 5
    ]


def ask(bench: Bench, questions: list[Question]) -> Rates:
    """Ask them all."""
    at_1 = at_10 = 0
    for query, answer in questions:
        items = bench.call("workflows.search", query=query, limit=10)["items"]
        ids = [item["id"] for item in items]
        at_1 += ids[:1] == [answer]
        at_10 += answer in ids
    count = max(1, len(questions))
    return Rates(len(questions), at_1 / count, at_10 / count)


def survey(bench: Bench, workflows: list[workload.Workflow]) -> dict[str, Rates]:
    """The rates of every kind of question."""
    return {
        "title, 2 words": ask(bench, titles(workflows, 2)),
        "title, 3 words": ask(bench, titles(workflows, 3)),
        "inside, 3 words": ask(bench, inner(workflows, 3)),
        "inside, 5 words": ask(bench, inner(workflows, 5)),
        "inside, phrase": ask(bench, inner(workflows, None)),
    }


def of_folder(folder: Path) -> list[workload.Workflow]:
    """The single workflows of a folder under titles made of their file names."""
    found: list[workload.Workflow] = []
    for path in sorted(folder.rglob("*.json")):
        if path.parent.name.startswith("history-"):
            continue  # versions of one workflow answer for each other
        name = " ".join(_NOISE.sub(" ", path.stem).split()) or path.stem
        data = msgspec.json.decode(path.read_bytes())
        found.append({"id": f"w{len(found)}", "name": name[:200], "data": data})
    return found


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="folder of workflow files")
    given = parser.parse_args()
    workflows = of_folder(given.corpus) if given.corpus else workload.generated(200)
    with tempfile.TemporaryDirectory() as folder, open_bench(Path(folder)) as bench:
        fill(bench, workflows)
        for name, rates in survey(bench, workflows).items():
            text = (
                f"{name:18} {rates.asked:4} asked   at 1 {rates.at_1:.2f}   at 10 {rates.at_10:.2f}"
            )
            sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
