"""Tests of two processes that use one folder of backups at the same time."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from schema.clients.python.sidecar_client import Client
from tests.process.child_process import product
from tests.process.conftest import Connect

_EACH = 6


@pytest.mark.parametrize("of_copies", [True, False], ids=["of copies", "of two databases"])
def test_two_processes_in_one_folder_of_backups_make_whole_backups_of_their_own(
    connect: Connect, tmp_path: Path, *, of_copies: bool
) -> None:
    databases = [tmp_path / "one" / "sim.db", tmp_path / "two" / "sim.db"]
    shared = tmp_path / "shared"
    for number, database in enumerate(databases):
        if number and of_copies:
            database.parent.mkdir()
            shutil.copyfile(databases[0], database)
        client: Client = connect(product("--database", database, "--no-events"))
        client.call("workflows.save", {"workflow": {"id": "w", "name": "n", "data": number}})
        client.call("settings.set", {"key": "backup_directory", "value": str(shared)})
        client.close()

    clients = [connect(product("--database", each, "--no-events")) for each in databases]
    names: list[list[str]] = [[], []]
    for _round in range(_EACH):
        under_way = [client.start("backups.create") for client in clients]
        for number, each in enumerate(under_way):
            names[number].append(each.result(30)["name"])

    assert len({*names[0], *names[1]}) == 2 * _EACH
    assert {path.name for path in shared.glob("*.zst")} == {*names[0], *names[1]}
    assert list(shared.glob("*.partial")) == []
    for number, client in enumerate(clients):
        for name in names[number]:
            verified = client.call("backups.verify", {"name": name})
            assert (verified["ok"], verified["backup"]["this_database"]) == (True, True)
        client.call("backups.restore", {"name": names[number][0]})
        client.close()
    for number, database in enumerate(databases):
        db = sqlite3.connect(database)
        logged = db.execute(
            "SELECT resource FROM access_log WHERE action = 'backup_create' ORDER BY seq"
        ).fetchall()
        db.close()
        assert [name for (name,) in logged][:_EACH] == names[number]
