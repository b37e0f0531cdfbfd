"""Calls every method of the Python client on real processes, for a test that counts what was sent.

The parts are in the order in which a database can answer them all.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from schema.clients.python.sidecar_client import Client, Progress

Told = Callable[[Progress], None]


def workflows(client: Client, folder: Path, told: Told) -> None:
    """Call the methods of workflows."""
    workflows = client.workflows
    workflows.save(workflow={"id": "w1", "name": "Mail", "data": {"nodes": [1]}, "tags": ["old"]})
    workflows.save(workflow={"id": "w1", "name": "Mail", "data": [2]}, expected_revision=1)
    workflows.save_many(
        items=[{"workflow": {"id": f"w{n}", "name": f"Flow {n}", "data": [n]}} for n in (2, 3)],
        on_error="skip",
    )
    assert workflows.get(id="w1", revision=1)["workflow"]["data"] == {"nodes": [1]}
    assert workflows.get_many(ids=["w1", "nobody"], data=False)["missing"] == ["nobody"]
    assert workflows.list(order_by="last_run_at", total=True)["total"] == 3
    assert [each["id"] for each in workflows.search(query="mail")["items"]] == ["w1"]
    workflows.update(id="w1", name="Post", description=None, tags=["old"])
    workflows.duplicate(id="w1", new_id="copy")
    workflows.update_many(ids=["copy"], add_tags=["new"])
    workflows.archive(id="copy")
    workflows.unarchive(id="copy")
    assert workflows.history(id="w1")["items"][0]["revision"] == 3
    workflows.diff(id="w1", from_revision=1, to_revision=2)
    workflows.revert(id="w1", revision=1)
    assert workflows.tags()["items"][0]["tag"] == "new"
    workflows.rename_tag(tag="old", new_tag="newer")
    workflows.categories()
    workflows.export(path=str(folder / "flows.zip"), ids=["w1"], on_progress=told)
    imported: Any = {"id": "x7", "name": "Mail", "nodes": [], "connections": {}}
    workflows.import_(items=[{"data": imported}])
    workflows.delete(id="w2")
    workflows.delete_many(ids=["w3"])


def runs(client: Client, _folder: Path, _told: Told) -> None:
    """Call the methods of runs."""
    for run in ("r1", "r2", "r3"):
        client.runs.start(workflow_id="w1", id=run)
    client.runs.progress(id="r1", tokens_used=1)
    for run in ("r1", "r2", "r3"):
        client.runs.finish(id=run, status="success", summary={"rows": 3})
    assert client.runs.get(id="r1")["run"]["tokens_used"] == 1
    client.runs.list(workflow_id="w1", limit=1)
    client.runs.stats(workflow_id="w1", time_zone="Europe/Vienna")
    client.runs.pin(id="r1", pinned=True)
    client.runs.delete(id="r2")
    client.runs.delete_many(ids=["r3"])
    client.runs.prune(keep_last=0, dry_run=True)


def settings(client: Client, _folder: Path, _told: Told) -> None:
    """Call the methods of settings; the last call makes more events than are stored for a host."""
    client.settings.set(key="theme", value="dark")
    client.settings.set(key="app.own", value=[1, {"two": None}])
    assert client.settings.get(key="app.own")["setting"]["value"] == [1, {"two": None}]
    client.settings.list(prefix="app.")
    client.settings.delete(key="app.own")
    client.settings.reset(keys=["theme"])
    client.settings.set_many(items=many_settings())


def many_settings() -> Any:
    """Return settings whose events are more than the process stores until a host reads."""
    return [{"key": f"app.{number}", "value": "x" * 60_000} for number in range(40)]


def remotes(client: Client, folder: Path) -> None:
    """Call the methods of remotes, over a folder; secrets are unlocked and have a recovery code."""
    remotes = client.remotes
    (folder / "remote").mkdir()
    client.settings.set(key="remote_push", value="off")
    remotes.set(url=(folder / "remote").as_uri())
    remotes.test()
    remotes.push()
    (only,) = remotes.list()["backups"]
    remotes.fetch(device=only["device"], n=only["n"])
    assert remotes.verify(deep=True)["ok"]
    assert remotes.status()["remotes"][0]["due_backups"] == 0
    remotes.delete()


def secrets(client: Client, folder: Path, _told: Told) -> None:
    """Call the methods of secrets, mostly with the keychain: a passphrase takes a second."""
    secrets = client.secrets
    secrets.initialize(keychain=True)
    secrets.set(provider="openai", value="sk-0123456789abcdefWXYZ")
    secrets.lock()
    secrets.unlock(keychain=True)
    assert secrets.get(provider="openai")["value"] == "sk-0123456789abcdefWXYZ"
    secrets.verify(provider="openai", value="sk-wrong")
    secrets.list()
    secrets.rotate()
    secrets.rekey()
    secrets.delete(provider="openai")
    secrets.add_recovery()
    remotes(client, folder)
    secrets.change_passphrase(keychain=True, new_passphrase="battery staple")
    (slot,) = (each["slot"] for each in secrets.status()["slots"] if each["kind"] == "keychain")
    secrets.remove_slot(slot=slot)
    secrets.add_keychain()
    secrets.reset(losing=0)


def rest(client: Client, folder: Path, told: Told) -> None:
    """Call the methods of the log, of backups and of the process itself."""
    client.audit.list()
    client.audit.subscribe(after=0)
    client.audit.unsubscribe()
    assert client.audit.verify()["first_bad_seq"] is None
    client.audit.export(path=str(folder / "audit.jsonl"))
    client.audit.prune(keep_last=1_000)
    name = client.backups.start_create(label="before the move", on_progress=told).result()["name"]
    client.backups.list()
    client.backups.verify(name=name)
    client.backups.restore(name=name)
    client.backups.delete(name=name)
    client.system.ping()
    client.system.info()
    client.system.stats()
    client.system.check(full=True)
    client.system.purge()
    client.system.compact()
    client.rpc.discover()
    client.system.shutdown()


def begin_anew(client: Client, _folder: Path, _told: Told) -> None:
    """Give up a database that is lost."""
    client.system.recover(begin_new=True)


def back_up(client: Client, _folder: Path, _told: Told) -> None:
    """Back up a database that has a table of somebody else, which is a warning."""
    client.backups.create()
