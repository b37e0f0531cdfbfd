"""What must be in the database, and what is."""

import copy
import random
from dataclasses import dataclass, field, replace
from typing import Any

from tests.process.child_process import Child


@dataclass
class World:
    """Everything a client can see that the acts change."""

    workflows: dict[str, Any] = field(default_factory=dict)
    """Name and body by id."""
    runs: dict[str, str] = field(default_factory=dict)
    """Status by id."""
    owners: dict[str, str] = field(default_factory=dict)
    """Workflow of each run; not compared: it is the run's own."""
    interrupted: set[str] = field(default_factory=set)
    """Runs that a start has ended, which pruning spares for 7 days; not compared."""
    theme: str = "system"
    secrets: dict[str, str] = field(default_factory=dict)
    passphrase: str = "first"

    def after_a_death(self) -> "World":
        """What the next start makes of it: what was running is interrupted."""
        found = copy.deepcopy(self)
        found.interrupted |= {key for key, status in self.runs.items() if status == "running"}
        found.runs = {
            key: "error" if status == "running" else status for key, status in self.runs.items()
        }
        return found

    def stopped_before(self, end: "World", found: "World") -> "World":
        """This world on its way to one with fewer runs, as far gone as the one found."""
        runs = {
            run: status for run, status in self.runs.items() if run in end.runs or run in found.runs
        }
        owners = {run: self.owners[run] for run in runs}
        return replace(copy.deepcopy(end), runs=runs, owners=owners)

    def shown(self) -> tuple[Any, ...]:
        """What is compared."""
        return self.workflows, self.runs, self.theme, self.secrets, self.passphrase


def look(child: Child, passphrases: list[str]) -> World:
    """Read everything back, unlocking with whichever passphrase opens."""
    found = World()
    opened = [
        each
        for each in dict.fromkeys(passphrases)
        if "result" in child.call("secrets.unlock", {"passphrase": each})
    ]
    found.passphrase = "/".join(opened)
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = child.result(
            "workflows.list", {"limit": 500, **({"cursor": cursor} if cursor else {})}
        )
        ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    for start in range(0, len(ids), 100):
        got = child.result("workflows.get_many", {"ids": ids[start : start + 100]})
        for item in got["items"]:
            found.workflows[item["id"]] = (item["name"], item["data"])
    for item in child.result("runs.list", {"limit": 500})["items"]:
        found.runs[item["id"]] = item["status"]
        found.owners[item["id"]] = item["workflow_id"]
        if item["interrupted"]:
            found.interrupted.add(item["id"])
    found.theme = child.result("settings.get", {"key": "theme"})["setting"]["value"]
    for item in child.result("secrets.list")["items"]:
        provider = item["provider"]
        found.secrets[provider] = child.result("secrets.get", {"provider": provider})["value"]
    return found


def body(rng: random.Random) -> Any:
    """A body of some size."""
    size = rng.choice((10, 200, 3000, 20000))
    return {"nodes": [{"id": rng.randrange(10**9), "text": rng.randbytes(size // 2).hex()}]}
