"""A recovery tells lost rows only where rows were, whichever page is destroyed."""

from pathlib import Path

import pytest

from sidecar.errors import DatabaseDamaged
from sidecar.store.repair import recover
from sidecar.store.tables import TABLES, count
from tests.harness import ManualClock, open_bench
from tests.made_workflows import save

PAGE_BYTES = 4096


@pytest.fixture
def rows(tmp_path: Path) -> dict[str, int]:
    """Make a database with some workflows; return the number of rows of each table."""
    with open_bench(tmp_path) as bench:
        for number in range(5):
            save(bench, f"w{number}", data={"text": "x" * 2000})
        names = [table.name for table in TABLES if not table.derived]
        return {name: count(bench.store.db, name) for name in names}


def test_a_recovery_tells_lost_rows_only_where_rows_were(
    rows: dict[str, int], tmp_path: Path
) -> None:
    path = tmp_path / "test.db"
    content = path.read_bytes()
    told: set[str] = set()
    opened = 0
    for start in range(PAGE_BYTES, len(content), PAGE_BYTES):
        path.write_bytes(content[:start] + b"\xa5" * PAGE_BYTES + content[start + PAGE_BYTES :])
        try:
            found = recover.recover_file(path, ManualClock(), lambda *_: None, log=None)
        except DatabaseDamaged:
            continue  # the schema is destroyed
        opened += 1
        told |= found.lost.keys()
        if "access_log" not in found.lost:
            assert {name: rows[name] for name in found.lost if not rows[name]} == {}
        short = {name for name in rows if found.salvaged[name] < rows[name]}
        assert short - {"workflow_bodies"} <= found.lost.keys()  # those of lost workflows are not

    assert opened > len(content) // PAGE_BYTES * 0.9
    assert {name for name in rows if rows[name]} <= told
