"""A database to look at, and an inspector of it that tests which change nothing share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inspector.inspectors import Inspector, Page
from tests.inspector.sample_database import make
from tests.process.conftest import spawn

__all__ = ["spawn"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that no process has open; nothing may change it."""
    database = tmp_path_factory.mktemp("inspected") / "sim.db"
    make(database)
    return database


@pytest.fixture(scope="module")
def page(sample: Path) -> Iterator[Page]:
    """The page of an inspector that shows a copy of the sample."""
    with Inspector("--database", sample) as inspector:
        yield inspector.page
