"""Serves a database with one damaged cell, calls every method, and says what must not happen."""

import shutil
from pathlib import Path
from typing import Any

from sidecar.errors import SidecarError
from sidecar.store.migrations import EditedMigration
from sidecar.store.open_close import close_store, open_store
from sidecar.store.repair import recover
from tests.faults.damaged_cells import Damage, do_damage
from tests.vault_benches import PASSPHRASE, RandomClock
from tests.wire.loop_in_process import Served, answers, call

Calls = list[tuple[str, dict[str, Any]]]

READS: Calls = [
    ("system.ping", {}),
    ("system.info", {}),
    ("system.stats", {}),
    ("workflows.list", {}),
    ("workflows.list", {"order_by": "name"}),
    ("workflows.list", {"archived": True}),
    ("workflows.list", {"tags": ["a", "b"], "limit": 1}),
    ("workflows.search", {"query": ""}),
    ("workflows.search", {"query": "Qzname", "snippets": "body"}),
    ("workflows.search", {"query": "zname"}),
    ("workflows.search", {"query": '"w1 2"'}),
    ("workflows.get", {"id": "w0"}),
    ("workflows.get", {"id": "w0", "revision": 1}),
    ("workflows.get_many", {"ids": ["w0", "w1", "w2"]}),
    ("workflows.history", {"id": "w0"}),
    ("workflows.diff", {"id": "w0", "from_revision": 1, "to_revision": 2}),
    ("workflows.tags", {}),
    ("workflows.categories", {}),
    ("runs.list", {}),
    ("runs.list", {"workflow_id": "w0", "limit": 1}),
    ("runs.get", {"id": "r0"}),
    ("runs.stats", {}),
    ("settings.list", {}),
    ("settings.get", {"key": "own"}),
    ("secrets.status", {}),
    ("secrets.list", {}),
    ("secrets.verify", {"provider": "openai", "value": "sk-live-0123456789abcdefWXYZ"}),
    ("audit.list", {}),
    ("audit.verify", {}),
    ("audit.subscribe", {"after": 0}),
    ("audit.unsubscribe", {}),
    ("backups.list", {}),
    ("rpc.discover", {}),
]

WRITES: Calls = [
    ("secrets.unlock", {"passphrase": PASSPHRASE}),
    ("secrets.list", {}),
    ("secrets.verify", {"provider": "openai", "value": "sk-live-0123456789abcdefWXYZ"}),
    ("secrets.get", {"provider": "openai"}),
    ("secrets.set", {"provider": "other", "value": "sk-live-0123456789abcdefWXYZ"}),
    ("audit.verify", {}),
    ("runs.start", {"workflow_id": "w1", "id": "r9"}),
    ("runs.progress", {"id": "r9", "tokens_used": 1}),
    ("runs.finish", {"id": "r9", "status": "success"}),
    ("runs.finish", {"id": "r0", "status": "success"}),
    ("runs.pin", {"id": "r0", "pinned": True}),
    ("runs.prune", {"keep_last": 5, "dry_run": True}),
    ("workflows.archive", {"id": "w0"}),
    ("workflows.unarchive", {"id": "w0"}),
    ("workflows.duplicate", {"id": "w0"}),
    ("workflows.revert", {"id": "w0", "revision": 1}),
    ("workflows.rename_tag", {"tag": "a", "new_tag": "b"}),
    ("backups.create", {}),
    ("workflows.update", {"id": "w0", "name": "again"}),
    ("workflows.save", {"workflow": {"id": "w0", "name": "once more", "data": [5]}}),
    ("workflows.save_many", {"items": [{"workflow": {"id": "w1", "name": "n", "data": [5]}}]}),
    ("settings.set", {"key": "own", "value": 5}),
    ("settings.set_many", {"items": [{"key": "theme", "value": "dark"}]}),
    ("system.purge", {}),
    ("system.compact", {}),
    ("runs.delete", {"id": "r0"}),
    ("settings.delete", {"key": "own"}),
    ("settings.reset", {}),
    ("workflows.delete", {"id": "w0"}),
    ("workflows.delete_many", {"ids": ["w1"]}),
    ("secrets.rotate", {}),
    ("secrets.add_recovery", {}),
    ("secrets.change_passphrase", {"old_passphrase": PASSPHRASE, "new_passphrase": "another one"}),
    ("secrets.rekey", {"passphrase": "another one"}),
    ("secrets.delete", {"provider": "openai"}),
    ("secrets.lock", {}),
    ("secrets.reset", {"losing": 1}),
    ("audit.prune", {"keep_last": 2}),
    ("runs.prune", {"keep_last": 0}),
]

CHECK: Calls = [("system.check", {"full": True})]
RECOVER: Calls = [("system.recover", {"dry_run": True}), ("system.recover", {})]


def unexpected(answers_: list[Any], told: Calls) -> list[str]:
    """Return the methods with an error that no damage may cause."""
    found = []
    for (method, _), answer in zip(told, answers_, strict=True):
        error = answer.get("error")
        if error is not None and error["code"] in (-32603, -32602, -32601):
            found.append(f"{method}: {error}")
    return found


class Sweep:
    """One damaged file and what was wrong about how it was served."""

    def __init__(self, whole: Path, folder: Path, damage: Damage) -> None:
        """Serve a copy of the file with the damage."""
        self.path = folder / "sim.db"
        for each in folder.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
        shutil.copy(whole, self.path)
        self.wrong: list[str] = []
        self.findings: list[Any] | None = None
        self.checked: Any = {}
        if not do_damage(self.path, damage):
            self.wrong.append("nothing to damage")
            return
        for calls in (READS, CHECK, WRITES, CHECK, RECOVER + CHECK):
            self._serve(calls)
        if damage.must_be_found and not self.findings:
            self.wrong.append("system.check did not find it")

    def _serve(self, calls: Calls) -> None:
        """Open the file, make the calls one by one and close it."""
        try:
            store = open_store(self.path, RandomClock()).store
        except (SidecarError, EditedMigration) as fault:
            self._recover_closed(type(fault).__name__)
            return
        served = Served(store, RandomClock())
        try:
            received = []
            for method, params in calls:
                (answer,) = answers(served.send(call(1, method, **params)))
                received.append(answer)
            self.wrong += unexpected(received, calls)
            if calls[-1:] == CHECK:
                result = received[-1].get("result")
                self.checked = received[-1] if result is None else result
                if self.findings is None:
                    self.findings = self.checked.get("findings", [])
            if calls[:2] == RECOVER:
                self.wrong += [str(each) for each in received[:2] if "error" in each]
                # Where the log has lost an entry or its state, its verification goes on saying so.
                left = [each for each in self.checked["findings"] if each["kind"] != "audit_chain"]
                if left:
                    self.wrong.append(f"after recover: {left}")
        finally:
            close_store(served.store)
            served.close()

    def _recover_closed(self, refusal: str) -> None:
        """Recover a file that cannot be served."""
        self.findings = [refusal]
        try:
            recover.recover_file(
                self.path,
                RandomClock(),
                lambda _table, _rows: None,
                log=recover.audit_entry_writer(RandomClock()),
            )
        except SidecarError as fault:
            self.wrong.append(f"refused as {refusal}, and not recovered: {fault!r}")
