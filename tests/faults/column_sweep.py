"""Serves a database with one damaged cell, calls every method, and says what must not happen."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.faults.damaged_cells import Damage, do_damage
from tests.faults.sweep_servers import IN_CHILD, RefusedFile, Way
from tests.vault_benches import PASSPHRASE

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
    ("remotes.status", {}),
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
    ("remotes.set", {"url": "file:///nowhere/other"}),
    ("secrets.rotate", {}),
    ("secrets.add_recovery", {}),
    ("secrets.change_passphrase", {"old_passphrase": PASSPHRASE, "new_passphrase": "another one"}),
    ("secrets.rekey", {"passphrase": "another one"}),
    ("remotes.delete", {}),
    ("secrets.delete", {"provider": "openai"}),
    ("secrets.lock", {}),
    ("secrets.reset", {"losing": 1}),
    ("audit.prune", {"keep_last": 2}),
    ("runs.prune", {"keep_last": 0}),
]

CHECK: Calls = [("system.check", {"full": True})]
RECOVER: Calls = [("system.recover", {"dry_run": True}), ("system.recover", {})]

SERVED: Final = (CHECK + READS, WRITES + CHECK, RECOVER + CHECK)
"""The calls of each time that a file is opened in this process.

The first check comes before the first search, which writes what is indexed anew, also over damage.
"""

SERVED_ONCE: Final = (CHECK + READS + WRITES + CHECK + RECOVER + CHECK,)
"""The calls of a real process, the start of which costs as much as a third of them."""


class Sweep:
    """One damaged file and what was wrong about how it was served."""

    def __init__(self, whole: Path, folder: Path, damage: Damage, way: Way) -> None:
        """Serve a copy of the file with the damage."""
        self.path = folder / "sim.db"
        _empty(folder)
        shutil.copy(whole, self.path)
        self.wrong: list[str] = []
        self.calls = 0
        self._way = way
        self._findings: list[Any] | None = None
        if not do_damage(self.path, damage):
            self.wrong.append("nothing to damage")
            return
        for calls in SERVED_ONCE if way is IN_CHILD else SERVED:
            self._serve(calls)
        if damage.must_be_found and not self._findings:
            self.wrong.append("system.check did not find it")

    def _serve(self, calls: Calls) -> None:
        """Open the file, make the calls one by one and close it."""
        try:
            server = self._way.serve(self.path)
        except RefusedFile as refused:
            self._findings = [str(refused)]
            fault = self._way.recover_closed(self.path)
            if fault is not None:
                self.wrong.append(f"refused as {refused}, and not recovered: {fault}")
            return
        recovered = False
        try:
            for method, params in calls:
                answer = server.call(method, params)
                self.calls += 1
                recovered |= method == "system.recover"
                self._judge(method, answer, recovered=recovered)
        except BaseException:
            server.kill()  # `close` would report the answer that the test has not read
            raise
        server.close()

    def _judge(self, method: str, answer: Any, *, recovered: bool) -> None:
        """Add to `wrong` what must not be in an answer."""
        error = answer.get("error")
        if error is not None and (recovered or error["code"] in (-32603, -32602, -32601)):
            self.wrong.append(f"{method}: {error}")
        if method != "system.check":
            return
        findings = answer.get("result", {}).get("findings", [])
        if self._findings is None:
            self._findings = findings
        # Where the log has lost an entry or its state, its verification goes on saying so.
        left = [each for each in findings if each["kind"] != "audit_chain"]
        if recovered and left:
            self.wrong.append(f"after recover: {left}")


def sweep(
    whole: Path, folder: Path, damages: Sequence[Damage], way: Way, *, workers: int = 1
) -> dict[str, list[str]]:
    """Return what was wrong about how files with these damages were served, by damage.

    `workers` files are served at a time.
    """

    def share(number: int) -> dict[str, list[str]]:
        own = folder / str(number)
        own.mkdir()
        return {str(each): _wrong_of(whole, own, each, way) for each in damages[number::workers]}

    with ThreadPoolExecutor(workers) as pool:
        shares = list(pool.map(share, range(workers)))
    return {name: wrong for each in shares for name, wrong in each.items() if wrong}


def _wrong_of(whole: Path, folder: Path, damage: Damage, way: Way) -> list[str]:
    """Return what was wrong with one damage; the sweep goes on after a server that failed."""
    try:
        return Sweep(whole, folder, damage, way).wrong
    except Exception as fault:  # noqa: BLE001 - one failure must not hide those of other damages
        return [repr(fault)]


def _empty(folder: Path) -> None:
    """Remove everything in a folder."""
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()
