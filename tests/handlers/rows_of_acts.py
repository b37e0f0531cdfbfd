"""The rows that tests of every act of `tests/audited_calls.py` begin with, made once and copied."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.audited_calls import BACKUP
from tests.harness import Bench, ManualClock, NoSession, open_bench
from tests.made_workflows import save

MADE_MS = 1_700_000_100_000
"""The time after the rows were made."""


class SessionWithFacts(NoSession):
    """A session that knows the facts of its process."""

    def facts(self) -> dict[str, Any]:
        """Return facts as the loop does."""
        return {"pid": 7, "started_at": 1000, "database": "/somewhere/my.db"}


def make_rows(bench: Bench) -> None:
    """Make the rows that the acts change, but for the runs."""
    bench.context.session = SessionWithFacts()
    made = Path(bench.call("backups.create")["path"])
    made.rename(made.with_name(BACKUP))
    for name in ("w1", "w2", "shelved"):
        save(bench, name, tags=["old"] if name == "w2" else [])
    bench.call("workflows.update", id="w1", tags=["old"])
    bench.call("workflows.archive", id="shelved")
    bench.call("settings.set", key="own", value=1)
    bench.call("settings.set", key="canvas_grid_size", value=7)


@contextmanager
def bench_with_rows(made: Path, folder: Path, clock: ManualClock) -> Iterator[Bench]:
    """Open a copy of the folder in which `make_rows` has made rows, with runs that go on."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with open_bench(folder, clock) as bench:
        bench.context.session = SessionWithFacts()
        for run in ("going", "ended"):
            bench.call("runs.start", workflow_id="w1", id=run)
        bench.call("runs.finish", id="ended", status="error")
        bench.told.clear()
        yield bench
