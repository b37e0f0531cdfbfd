"""A bench with a database that holds five workflows and a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from tests.harness import Bench
from tests.made_workflows import save
from tests.vault_benches import secret_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with secret_bench(tmp_path) as opened:
        for number in range(5):
            save(opened, f"w{number}", name=f"name {number}")
        opened.call("runs.start", workflow_id="w1", id="r1")
        opened.told.clear()
        yield opened
