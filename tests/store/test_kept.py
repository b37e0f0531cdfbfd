"""Files as they were written once are opened for ever."""

from pathlib import Path

import pytest

from sidecar.store import migrations
from sidecar.store.opening import close_store, open_store
from tests.store import kept
from tests.store.steady import SteadyClock


def test_there_are_kept_files_of_every_shape_of_the_seed() -> None:
    shapes = {name.split("-")[1] for name in kept.names() if name.startswith("seed-")}

    assert shapes == {"absent", "plain", "generated"}
    assert len(kept.names()) >= 9


@pytest.mark.parametrize("name", kept.names())
def test_a_kept_file_is_opened_with_all_its_rows(name: str, tmp_path: Path) -> None:
    path = kept.unpack(name, tmp_path / "sim.db")

    opened = open_store(path, SteadyClock())

    db = opened.store.db
    assert opened.schema_version == migrations.current_version()
    counts = "SELECT (SELECT count(*) FROM workflows), (SELECT count(*) FROM runs)"
    assert db.execute(counts).get == (3, 3)
    assert db.execute("SELECT count(*) FROM access_log").get >= 3
    assert db.pragma("quick_check") == "ok"
    close_store(opened.store)
