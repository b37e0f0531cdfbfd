"""Requests for a store under faults, and a short description of what a store holds.

The requests are those of a shell, sent through the real loop. `state_of` returns everything that
they can change; two stores with equal states hold the same.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from sidecar.store.audit.verify import verify_chain
from sidecar.store.connection import Connection
from tests.wire.loop_in_process import call

State = dict[str, Any]
Message = dict[str, Any]


def state_of(db: Connection) -> State:
    """Return everything that a client can know of, except times."""
    return {
        "workflows": list(
            db.execute(
                "SELECT w.id, w.name, w.revision, w.run_count, w.archived_at IS NULL,"
                " w.content_sha256, b.data FROM workflows AS w"
                " JOIN workflow_bodies AS b USING (rid) ORDER BY w.id"
            )
        ),
        "tags": list(db.execute("SELECT workflow, tag FROM workflow_tags ORDER BY 1, 2")),
        "revisions": list(
            db.execute("SELECT workflow, revision, sha256 FROM workflow_revisions ORDER BY 1, 2")
        ),
        "runs": list(db.execute("SELECT id, workflow, status, tokens_used FROM runs ORDER BY id")),
        "summaries": list(db.execute("SELECT rid, sha256 FROM run_summaries ORDER BY rid")),
        "settings": list(db.execute("SELECT key, value FROM settings ORDER BY key")),
        "audit": list(db.execute("SELECT seq, action, resource FROM access_log ORDER BY seq")),
    }


def faults_of(db: Connection) -> list[str]:
    """Return the faults that SQLite, the search indexes and the audit chain report."""
    found = [str(row[0]) for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
    found += [str(row) for row in db.execute("PRAGMA foreign_key_check")]
    verdict = verify_chain(db, None, lambda _done, _total: None)
    if verdict.status not in ("ok", "unsealed"):
        found.append(f"audit: {verdict.status} at {verdict.first_bad_seq}")
    return found


def state_at(path: Path) -> State:
    """Return the state of a file that is not served."""
    db = apsw.Connection(str(path))
    try:
        assert faults_of(db) == []
        return state_of(db)
    finally:
        db.close()


def body(rng: random.Random, most_chars: int) -> dict[str, object]:
    """Return a body that compresses badly."""
    return {"nodes": [], "filler": rng.randbytes(rng.randint(1, most_chars // 2)).hex()}


class Shell:
    """Makes random requests of a shell that remembers what it has saved."""

    def __init__(self, seed: int, most_chars: int = 6000) -> None:
        self.rng = random.Random(seed)
        self.most_chars = most_chars
        self.sent = 0
        self.workflows: list[str] = []
        self.runs: list[str] = []

    def requests(self) -> list[Message]:
        """Return requests that arrive at once and share a transaction; a delete comes alone."""
        if self.rng.random() < 0.15:
            return [self._made(self._delete)]
        acts = [self._save, self._save, self._save, self._replace, self._start, self._finish]
        acts += [self._start, self._set, self._archive]
        count = self.rng.choice((1, 1, 2, 5))
        return [self._made(self.rng.choice(acts)) for _ in range(count)]

    def _made(self, act: Callable[[], tuple[str, Message]]) -> Message:
        self.sent += 1
        method, params = act()
        return call(self.sent, method, **params)

    def _any(self) -> str:
        return self.rng.choice(self.workflows) if self.workflows else "w0"

    def _save(self) -> tuple[str, Message]:
        workflow_id = f"w{len(self.workflows)}"
        self.workflows.append(workflow_id)
        tags = self.rng.sample(["mail", "form", "daily"], self.rng.randint(0, 2))
        made = {"id": workflow_id, "name": f"flow {self.sent}", "tags": tags}
        return "workflows.save", {"workflow": made | {"data": body(self.rng, self.most_chars)}}

    def _replace(self) -> tuple[str, Message]:
        changed = {"id": self._any(), "name": f"again {self.sent}"}
        return "workflows.save", {"workflow": changed | {"data": body(self.rng, self.most_chars)}}

    def _start(self) -> tuple[str, Message]:
        self.runs.append(f"r{self.sent}")
        return "runs.start", {"workflow_id": self._any(), "id": self.runs[-1]}

    def _finish(self) -> tuple[str, Message]:
        run = self.rng.choice(self.runs) if self.runs else "r0"
        summary = {"out": self.rng.randbytes(50).hex()}
        return "runs.finish", {
            "id": run, "status": "success", "summary": summary, "tokens_used": self.sent,
        }  # fmt: skip

    def _delete(self) -> tuple[str, Message]:
        return "workflows.delete", {"id": self._any()}

    def _set(self) -> tuple[str, Message]:
        return "settings.set", {"key": "theme", "value": f"theme {self.sent}"}

    def _archive(self) -> tuple[str, Message]:
        name = self.rng.choice(("workflows.archive", "workflows.unarchive"))
        return name, {"id": self._any()}
