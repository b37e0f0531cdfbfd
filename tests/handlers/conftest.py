"""What several tests of methods share."""

from pathlib import Path

import pytest

from tests.handlers.rows_of_acts import make_rows
from tests.harness import open_bench


@pytest.fixture(scope="session")
def made_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a database with the rows; tests open copies of it."""
    folder = tmp_path_factory.mktemp("made")
    with open_bench(folder) as bench:
        make_rows(bench)
    return folder
