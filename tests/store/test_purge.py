"""After a purge no eight bytes of what was deleted are left in the file or beside it."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sidecar import limits
from sidecar.errors import PurgeBlocked
from sidecar.store import purge
from tests.harness import Bench, NoSession, open_bench

WINDOW = 8


class Story:
    """Random work on a database, with a record of every word that was ever in it."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.live: dict[str, list[str]] = {}
        self.ever: set[str] = set()
        self.made = 0

    def word(self) -> str:
        """Return a new word, which has no eight bytes in common with another one."""
        found = "".join(self.rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(14))
        self.ever.add(found)
        return found

    def workflow(self, workflow_id: str) -> tuple[dict[str, Any], list[str]]:
        """Return a workflow with new words in every place that holds text, and the words."""
        words = [self.word() for _ in range(self.rng.randint(6, 40))]
        nodes = [{"id": "n", "name": words[3], "parameters": {"prompt": " ".join(words[4:])}}]
        workflow = {
            "id": workflow_id,
            "name": words[0],
            "description": words[1],
            "tags": [words[2]],
            "data": {"nodes": nodes},
        }
        return workflow, words

    def step(self, bench: Bench) -> None:
        """Call one method at random."""
        act = self.rng.randint(0, 9)
        if act <= 4 or not self.live:
            self.made += 1
            workflow, words = self.workflow(f"w{self.made}")
            bench.call("workflows.save", workflow=workflow)
            self.live[workflow["id"]] = words
        elif act == 5 and self.rng.random() < 0.6:
            changed = self.rng.choice(sorted(self.live))
            workflow, words = self.workflow(changed)
            bench.call("workflows.save", workflow=workflow)
            self.live[changed] += words  # what was replaced is kept as a revision
        elif act == 5:
            bench.call("workflows.search", query="x")
        elif act == 6:
            bench.call("workflows.save_many", items=[], on_error="fail")
            self.roll_back(bench)
        elif act == 7:
            bench.store.db.execute("ANALYZE").fetchall()
        else:
            gone = self.rng.choice(sorted(self.live))
            del self.live[gone]
            bench.call("workflows.delete", id=gone)

    def roll_back(self, bench: Bench) -> None:
        """Make a request that writes and is undone."""
        workflow, _words = self.workflow("never")
        try:
            bench.call(
                "workflows.save_many",
                items=[{"workflow": workflow}, {"workflow": workflow, "expected_revision": 99}],
            )
        except Exception:  # noqa: BLE001 - it must fail
            return
        raise AssertionError

    def deleted(self) -> set[str]:
        """Return the words that no stored workflow contains."""
        kept = {word for words in self.live.values() for word in words}
        return self.ever - kept


def windows_left(path: Path, data: bytes) -> int:
    """Count the windows of `data` that the files of the database still contain."""
    found = 0
    for each in path.parent.glob(f"{path.name}*"):
        content = each.read_bytes()
        found += sum(data[i : i + WINDOW] in content for i in range(len(data) - WINDOW + 1))
    return found


def remains(path: Path, words: set[str]) -> dict[str, list[str]]:
    """Return the windows of the words that files of the database still contain, by file."""
    found: dict[str, list[str]] = {}
    for each in sorted(path.parent.glob(f"{path.name}*")):
        content = each.read_bytes().lower()
        seen = {content[i : i + WINDOW] for i in range(len(content) - WINDOW + 1)}
        for word in sorted(words):
            windows = (word[i : i + WINDOW] for i in range(len(word) - WINDOW + 1))
            hit = next((window for window in windows if window.encode() in seen), None)
            if hit is not None:
                found.setdefault(each.name, []).append(hit)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_what_was_deleted_is_left(tmp_path: Path, seed: int) -> None:
    story = Story(seed)
    with open_bench(tmp_path) as bench:
        for _ in range(120):
            story.step(bench)
        before = remains(bench.store.path, story.deleted())

        result = bench.call("system.purge")

        assert before, "there was nothing to purge"
        assert remains(bench.store.path, story.deleted()) == {}
        assert (result["purged"], result["pending"]) == (True, False)
        assert bench.call("system.stats")["purge_pending"] is False
        for words in story.live.values():
            assert bench.call("workflows.search", query=words[-1])["items"]


def test_design_mistake_07_a_deleted_text_is_gone_from_indexes_log_and_statistics(
    tmp_path: Path,
) -> None:
    with open_bench(tmp_path) as bench:
        story = Story(99)
        workflow, words = story.workflow("w")
        bench.call("workflows.save", workflow=workflow)
        bench.call("workflows.search", query="x")
        bench.store.db.execute("ANALYZE").fetchall()
        packed = bench.rows("SELECT data FROM workflow_bodies")[0][0]
        packed = packed[10:]  # every gzip member begins alike
        bench.store.checkpoint()
        assert windows_left(bench.store.path, packed)
        bench.call("workflows.delete", id="w")

        bench.call("system.purge")

        assert remains(bench.store.path, set(words)) == {}
        assert windows_left(bench.store.path, packed) == 0


def test_a_reader_in_the_way_is_told_and_the_wish_stays(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        workflow, _words = Story(5).workflow("w")
        bench.call("workflows.save", workflow=workflow)
        with bench.store.reader() as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM workflows").fetchall()
            bench.call("workflows.delete", id="w")

            with pytest.raises(PurgeBlocked):
                bench.call("system.purge")

        assert purge.count_requests(bench.store.db) == 1
        assert bench.call("system.purge")["purged"]
        assert purge.count_requests(bench.store.db) == 0


class Recorder(NoSession):
    """A serving process that notes what is scheduled."""

    def __init__(self) -> None:
        self.scheduled: list[tuple[str, int, bool]] = []

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Add it to the list."""
        self.scheduled.append((chore, delay_ms, at_latest))


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("workflows.delete", {"id": "w"}),
        ("workflows.delete_many", {"ids": ["w"]}),
        ("runs.delete", {"id": "r"}),
        ("runs.prune", {"keep_last": 0}),
    ],
)
def test_what_deletes_text_requests_a_purge_and_schedules_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, params: dict[str, Any]
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(NoSession, "schedule", recorder.schedule)
    with open_bench(tmp_path) as bench:
        workflow, _words = Story(5).workflow("w")
        bench.call("workflows.save", workflow=workflow)
        bench.call("runs.start", workflow_id="w", id="r")
        bench.call("runs.finish", id="r", status="success")
        recorder.scheduled.clear()

        bench.call(method, **params)

        assert recorder.scheduled == [("purge", limits.PURGE_PAUSE_MS, False)]
        assert purge.count_requests(bench.store.db) == 1


def test_the_file_gets_smaller(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        for number in range(60):
            data = {"noise": random.Random(number).randbytes(30_000).hex()}
            workflow = {"id": f"w{number}", "name": "n", "data": data}
            bench.call("workflows.save", workflow=workflow)
        bench.call("workflows.delete_many", ids=[f"w{number}" for number in range(60)])
        bench.store.checkpoint()
        before = bench.store.path.stat().st_size

        result = bench.call("system.purge")

        after = bench.store.path.stat().st_size
        assert after < before / 5
        assert result["freed_bytes"] == before - after


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.store.test_purge import Story
from tests.harness import open_bench
story = Story({seed})
with open_bench(Path({folder!r})) as bench:
    for _ in range(60):
        story.step(bench)
    bench.call("workflows.delete", id=min(story.live))
    print("deleted", flush=True)
    for _ in range(1000):
        bench.call("system.purge")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("seed", [11, 12])
def test_a_kill_amid_a_purge_leaves_the_wish_and_the_next_one_finds_all(
    tmp_path: Path, seed: int
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    program = KILLED.format(root=root, seed=seed, folder=str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root)
    assert child.stdout is not None
    assert child.stdout.readline() == b"deleted\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()

    story = Story(seed)
    with open_bench(tmp_path / "model") as model:
        for _ in range(60):
            story.step(model)
    del story.live[min(story.live)]
    with open_bench(tmp_path) as bench:
        live = bench.rows("SELECT id FROM workflows ORDER BY id")
        assert [row[0] for row in live] == sorted(story.live)
        bench.call("system.purge")

        assert remains(bench.store.path, story.deleted()) == {}
