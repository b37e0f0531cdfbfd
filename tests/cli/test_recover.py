"""`sim-sidecar recover` on a file that is damaged in its middle, with a backup beside it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw

from tests.harness import open_bench
from tests.workflow_kit import save

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = 30


def run(*words: str | Path) -> Any:
    """What the command says."""
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "recover", *map(str, words)],
        capture_output=True, encoding="utf-8", cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def damaged(folder: Path) -> Path:
    """A database of which pages of bodies are destroyed, and a backup made before."""
    path = folder / "test.db"
    with open_bench(folder) as bench:
        for number in range(WORKFLOWS):
            text = f"{number}".rjust(9, "x") * 900
            save(bench, f"w{number}", data={"text": [hash((number, each)) for each in text]})
        bench.call("backups.create")
        bench.store.checkpoint()
    db = apsw.Connection(str(path))
    sql = "SELECT pageno FROM dbstat WHERE name = 'workflow_bodies' AND pagetype = 'leaf'"
    pages = [row[0] for row in db.execute(sql)]
    size = db.pragma("page_size")
    db.close()
    with path.open("r+b") as file:
        for page in pages[: len(pages) // 2]:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
    return path


def test_it_tells_first_and_keeps_the_damaged_file(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    before = path.read_bytes()

    told = run("--database", path)
    assert (told["dry_run"], told["quarantine"]) == (True, None)
    assert path.read_bytes() == before

    done = run("--database", path, "--yes")
    assert done["salvaged"]["workflows"] == WORKFLOWS
    assert done["from_backup"]["workflow_bodies"] > 0
    assert path.with_name(done["quarantine"]).read_bytes() == before
    with open_bench(tmp_path) as bench:
        assert bench.call("system.check")["findings"] == []
        for number in range(WORKFLOWS):
            assert bench.call("workflows.get", id=f"w{number}")["workflow"]["data"]["text"]
