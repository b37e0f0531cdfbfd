"""Damages a file that is not served: destroys pages and flips bits."""

import random
from pathlib import Path

import apsw

from sidecar.store.open_close import open_store
from tests.faults.store_work import Shell
from tests.harness import ManualClock
from tests.wire.loop_in_process import Served, call

PAGE_BYTES = 4096


def fill(path: Path, bursts: int = 60, seed: int = 11) -> None:
    """Make a database with rows of every kind, without a clean end."""
    served = Served(open_store(path, ManualClock()).store, ManualClock())
    shell = Shell(seed, most_chars=3000)
    for _ in range(bursts):
        served.send(*shell.requests())
    served.send(call(1, "workflows.save", workflow={"id": "steady", "name": "n", "data": {}}))
    served.send(call(2, "system.purge"))
    served.close()
    open_store(path, ManualClock()).store.close()  # which ends the runs that were under way


def pages_of(path: Path, name: str, kind: str = "leaf") -> list[int]:
    """Return the page numbers of a table or an index; the first page of a file is 1."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = db.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno",
            (name, kind),
        )
        return [int(number) for (number,) in rows]
    finally:
        db.close()


def destroy(path: Path, page: int, seed: int = 1) -> None:
    """Overwrite a page with random bytes."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(random.Random(seed).randbytes(PAGE_BYTES))


def flip(path: Path, rng: random.Random) -> int:
    """Flip one bit anywhere after the file's header and return its offset."""
    with path.open("r+b") as file:
        at = rng.randrange(100, path.stat().st_size)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << rng.randrange(8))]))
    return at
