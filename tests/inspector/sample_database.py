"""A database with something to see in every view: workflows of several tools, revisions, runs."""

import json
import random
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.process.child_process import ROOT, Child, forked

WORKFLOWS = ROOT / "sidecar" / "cli" / "workflows"
DAY_MS = 86_400_000
MESSAGES = ("HTTP 503 from the invoice service", "The model answered nothing", "Step timed out")


def branching(steps: int) -> dict[str, Any]:
    """A document of n8n with branches that meet again."""
    names = [f"Step {number}" for number in range(steps)]
    nodes = [
        {"id": f"s{number}", "name": name, "type": f"app.{('fetch', 'model', 'store')[number % 3]}",
         "parameters": {"retries": number}}
        for number, name in enumerate(names)
    ]  # fmt: skip
    links: dict[str, list[str]] = {}
    for number in range(1, steps):
        links.setdefault(names[(number - 1) // 2], []).append(names[number])
    links.setdefault(names[-2], []).append(names[-1])
    connections = {
        name: {"main": [[{"node": other, "type": "main", "index": 0} for other in others]]}
        for name, others in links.items()
    }
    return {"nodes": nodes, "connections": connections}


def make(database: Path, days: int = 14) -> None:
    """Make the database by real calls; it is closed afterwards."""
    with closing(Child(forked("--database", database))) as client:
        client.wait_ready()
        found = [json.loads(path.read_text("utf-8")) for path in sorted(WORKFLOWS.glob("*.json"))]
        for workflow in found:
            client.result("workflows.save", {"workflow": workflow})
        _edit(client, found[0])
        big = {"id": "nightly", "name": "Nightly import <b>&amp;", "data": branching(14)}
        client.result("workflows.save", {"workflow": {**big, "tags": ["night"], "category": "ops"}})
        client.result("backups.create", {"label": "before the runs"})
        _run(client, [workflow["id"] for workflow in found], days)
        client.result("backups.create", {})
        client.finish()


def _edit(client: Child, workflow: dict[str, Any]) -> None:
    """Save two further revisions: a changed field, then a further step."""
    text = json.dumps(workflow["data"]).replace("INBOX/invoices", "INBOX/2026")
    changed = json.loads(text)
    client.result("workflows.save", {"workflow": {**workflow, "data": changed}})
    changed["nodes"].append(
        {"id": "a9", "name": "Tell accounting", "type": "mail.send", "parameters": {"to": "books"}}
    )
    client.result("workflows.save", {"workflow": {**workflow, "data": changed}})


def _run(client: Child, ids: list[str], days: int) -> None:
    """Record some runs on each day, most of them successful."""
    chance = random.Random(7)
    now_ms = int(time.time() * 1000)
    for day in range(days):
        for number in range(chance.randint(2, 9)):
            at = now_ms - (days - day) * DAY_MS + chance.randint(0, DAY_MS - 600_000)
            run = {"id": f"run-{day}-{number}", "workflow_id": chance.choice(ids)}
            client.result("runs.start", {**run, "started_at": at, "trigger": "timer"})
            if day == days - 1 and number == 0:
                continue  # still running
            status = chance.choices(("success", "error", "cancelled"), (8, 2, 1))[0]
            ended = at + int(chance.lognormvariate(8, 1))
            more = {"error_message": chance.choice(MESSAGES)} if status == "error" else {}
            counts = {
                "blocks_executed": chance.randint(1, 9),
                "tokens_used": chance.randint(0, 4000),
            }
            params = {"id": run["id"], "status": status, "completed_at": ended, **counts, **more}
            client.result("runs.finish", params)
