"""A host that shows what a database holds, and can be killed at any moment.

Run as a program it starts the process, changes things at random, follows what it is told, and
writes what it shows into a file, with the number of the newest audit entry that this includes.
Started again it goes on by the recipe of schema/recipes.md. It prints the number of the process
at each start, and a line for each change:

    python -m tests.process.following_host DATABASE FILE CHANGES SEED
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from schema.clients.python.sidecar_client import (
    CallTimeout,
    Client,
    ConnectionLost,
    NotFound,
    SidecarError,
    Stale,
    catch_up,
)
from tests.process.child_process import product

Shown = dict[str, dict[str, Any]]
"""What is shown: rows by id, under the name of their table."""

STEP = 5
"""Changes between two looks at what has become stale."""


class Host:
    """What is shown, and the process that it comes from."""

    def __init__(self, database: Path, kept: Path, seed: int) -> None:
        """Start the process, and take up what an earlier host has kept."""
        self._kept = kept
        self._random = Random(seed)
        self.shown: Shown = {"workflows": {}, "settings": {}, "runs": {}}
        self.client = Client.spawn(product("--database", database))
        self._say(f"process {self.client.ready['pid']}")
        if kept.exists():
            stored = json.loads(kept.read_text())
            self.shown = stored["shown"]
            self.stale = catch_up(self.client, stored["seq"])
        else:
            head = self.client.ready["head"]
            assert head is not None
            self.stale = Stale(head["seq"])
            self.stale.everything = True

    # --- following --------------------------------------------------------------------------

    def follow(self) -> None:
        """Take what was told, ask for what is stale, and keep what is shown now."""
        self.client.call("system.ping")
        with suppress(CallTimeout):
            while True:
                self.stale.take(self.client.events.get(0))
        if self.stale.resume_after is not None:
            raise AssertionError("This host reads fast enough.")
        self._ask_again(self.stale)
        written = self._kept.with_suffix(".new")
        written.write_text(json.dumps({"seq": self.stale.seq, "shown": self.shown}))
        written.replace(self._kept)
        self.stale = Stale(self.stale.seq)

    def _ask_again(self, stale: Stale) -> None:
        """Ask for what is stale."""
        shown = self.shown
        if stale.everything:
            shown["workflows"] = {
                each["id"]: header(each)
                for archived in (False, True)
                for each in self._pages("workflows.list", archived=archived)
            }
            shown["settings"] = {
                each["key"]: each["value"] for each in self._pages("settings.list")
            }
            del shown["settings"]["schema_version"]
        elif stale.workflows:
            answer = self.client.workflows.get_many(ids=sorted(stale.workflows), data=False)
            shown["workflows"].update((each["id"], header(each)) for each in answer["items"])
            for missing in answer["missing"]:
                shown["workflows"].pop(missing, None)
        if stale.everything or stale.all_runs:
            shown["runs"] = {each["id"]: each["status"] for each in self._pages("runs.list")}
        for run in () if stale.all_runs else stale.runs:
            with self._dropping("runs", run):
                shown["runs"][run] = self.client.call("runs.get", {"id": run})["run"]["status"]
        for key in () if stale.everything else stale.settings:
            with self._dropping("settings", key):
                shown["settings"][key] = self._setting(key)

    def _setting(self, key: str) -> Any:
        """Return the value of a setting."""
        answer = self.client.call("settings.get", {"key": key})
        return answer.get("setting", answer)["value"]

    def _dropping(self, table: str, row: str) -> "Dropping":
        """Return a block in which what is not found is shown no more."""
        return Dropping(self.shown[table], row)

    def _pages(self, method: str, **params: Any) -> Iterator[Any]:
        """Yield the items of all pages of a list."""
        cursor = None
        while True:
            answer = self.client.call(method, {**params, "cursor": cursor} if cursor else params)
            yield from answer["items"]
            cursor = answer.get("next_cursor")
            if cursor is None:
                return

    # --- changing ---------------------------------------------------------------------------

    def change(self) -> None:
        """Change something; what is refused, such as an archived workflow, is no fault here."""
        chance = self._random
        workflow, tag = f"w{chance.randrange(15)}", f"t{chance.randrange(3)}"
        key, name = f"own.{chance.randrange(5)}", f"n{chance.random()}"
        run = f"r{chance.randrange(15)}"
        saved = {"id": workflow, "name": name, "data": {"n": name}, "tags": [tag]}
        acts: list[tuple[str, dict[str, Any]]] = [
            *[("workflows.save", {"workflow": saved})] * 4,
            ("workflows.update", {"id": workflow, "name": name}),
            ("workflows.archive", {"id": workflow}),
            ("workflows.unarchive", {"id": workflow}),
            ("workflows.delete", {"id": workflow}),
            ("workflows.rename_tag", {"tag": tag, "new_tag": "t9"}),
            ("settings.set", {"key": key, "value": chance.choice([None, 1, "x"])}),
            ("settings.delete", {"key": key}),
            *[("runs.start", {"workflow_id": workflow, "id": run})] * 2,
            ("runs.finish", {"id": run, "status": "success"}),
            ("runs.delete", {"id": run}),
        ]
        with suppress(SidecarError):
            self.client.call(*chance.choice(acts))
        self._say("changed")

    def _say(self, line: str) -> None:
        """Print a line at once."""
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def restart(self) -> None:
        """Start the process again after its death."""
        with suppress(ConnectionLost):
            self.client.restart()
            self._say(f"process {self.client.ready['pid']}")


class Dropping:
    """A block in which what is not found is removed from what is shown."""

    def __init__(self, rows: dict[str, Any], row: str) -> None:
        """Remove `row` of `rows`."""
        self._rows, self._row = rows, row

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> bool:
        """Remove the row when it was not found."""
        if isinstance(fault, NotFound):
            self._rows.pop(self._row, None)
        return isinstance(fault, NotFound)


def header(row: Any) -> list[Any]:
    """Return what is shown of a workflow."""
    return [row["name"], row["revision"], row["archived_at"], row["tags"]]


def main(database: str, kept: str, changes: str, seed: str) -> None:
    """Change things so many times, then show the last state and end in order."""
    host = Host(Path(database), Path(kept), int(seed))
    left = int(changes)
    while True:
        try:
            if left % STEP == 0:
                host.follow()
            if not left:
                break
            left -= 1
            host.change()
        except ConnectionLost:
            host.restart()
    host.client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
