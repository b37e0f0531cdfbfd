"""`sim-sidecar demo`: the product at work, through a real child process over real pipes.

Saves a handful of workflows in several tools' shapes, changes one, searches, runs, shows a
conflict, and leaves a database the person can go on with. The audit events that each step caused
stand beside it on a terminal, and below it in a pipe.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.cli.call import tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded
from sidecar.cli.terminal_text import visible

if TYPE_CHECKING:
    from rich.console import Console

EXAMPLES = """examples:
  sim-sidecar demo
  sim-sidecar demo --keep my-demo        the database will be my-demo/sim.db

On a database that is there already it goes on with what it finds.
"""
_WORKFLOWS = Path(__file__).with_name("workflows")
_FOLDER = Path("sim-sidecar-demo")
_NEXT = (
    "search invoice",
    "history demo-invoices",
    "runs",
    "stats",
    "secrets init",
    "audit list",
)
_SIDE_BY_SIDE_COLUMNS = 100
"""Narrower terminals show the events below their step, as a pipe does."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `demo`."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--database",
        metavar="FILE",
        type=Path,
        help=f"the database to work on (default: {_FOLDER}/sim.db below this folder)",
    )
    place.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="the folder that keeps the demo's sim.db"
    )


def run(given: argparse.Namespace) -> int:
    """Show everything; returns 0 when all of it worked."""
    from rich.console import Console  # noqa: PLC0415 - the other commands start without it

    database: Path = (given.database or (given.keep or _FOLDER) / "sim.db").absolute()
    demo = _Demo(Console(highlight=False, soft_wrap=True))
    demo.console.print("sim-sidecar at work", style="bold")
    state = "goes on with" if database.exists() else "makes"
    demo.console.print(f"  It {state} the database {database}", markup=False)
    try:
        child = Child(["--database", str(database)], demo.notified)
        try:
            demo.show(child)
        finally:
            child.close()
    except ChildEnded as ended:
        return tell_ended(ended)
    demo.console.print("\nThe database stays. Go on with it:", style="bold")
    for command in _NEXT:
        demo.console.print(f'  {_program()} {command} --database "{database}"', markup=False)
    return 0


def _program() -> str:
    """How the person can call us again: by name, by where we are installed, or by module."""
    if shutil.which("sim-sidecar"):
        return "sim-sidecar"
    installed = Path(sys.executable).with_name("sim-sidecar")
    if installed.exists() or installed.with_suffix(".exe").exists():
        return f'"{installed}"'
    return f'"{sys.executable}" -m sidecar'


class _Demo:
    """The steps, and the audit events beside them."""

    def __init__(self, console: "Console") -> None:
        self.console = console
        self._events: list[str] = []
        self._told: list[str] = []

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Keep one audit event for the step that caused it."""
        if name == "audit.event":
            text = f"audit {params['seq']:>4}  {params['action']}  {params['resource']}"
            self._events.append(visible(text))

    def tell(self, text: str) -> None:
        """Tell what came of a step."""
        self._told.append(visible(text))

    def show(self, child: Child) -> None:
        """Every step in turn."""
        ready = child.ready
        facts = f"version {ready['version']}, protocol {ready['protocol_version']}"
        self.console.print(f"  Process {ready['pid']} is ready: {facts}", markup=False)
        paths = sorted(_WORKFLOWS.glob("*.json"))
        workflows = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        steps = (
            (f"Save {len(workflows)} workflows, in the shapes of five tools and its own", _save),
            ("Save one again as it is, then edited, then from what another window has", _change),
            ("Search, list, tag", _find),
            ("Run one", _run),
            ("Keep a provider's key, sealed, in memory only for this demo", _secrets),
            ("Set a setting; delete for good; sizes; a check of everything", _settle),
        )
        for title, step in steps:
            step(self, child, workflows)
            child.settle()
            self._print_step(title)

    def _print_step(self, title: str) -> None:
        self.console.print(f"\n{title}", style="bold", markup=False)
        told, self._told = self._told, []
        events, self._events = self._events, []
        if self.console.is_terminal and self.console.width >= _SIDE_BY_SIDE_COLUMNS:
            self._print_beside(told, events)
            return
        for text in told:
            self.console.print(f"  {text}", markup=False)
        for text in events:
            self.console.print(f"        {text}", style="dim", markup=False)

    def _print_beside(self, told: list[str], events: list[str]) -> None:
        from rich.table import Table  # noqa: PLC0415 - only for a terminal
        from rich.text import Text  # noqa: PLC0415 - only for a terminal

        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(ratio=3)
        table.add_column(ratio=2, style="dim")
        left = Text("\n".join(f"  {text}" for text in told))
        table.add_row(left, Text("\n".join(events), no_wrap=True, overflow="ellipsis"))
        self.console.print(table, soft_wrap=False)


def _save(demo: _Demo, child: Child, workflows: list[dict[str, Any]]) -> None:
    for workflow in workflows:
        saved = child.call("workflows.save", {"workflow": workflow})
        state = "saved" if saved["changed"] else "unchanged"
        sizes = f"{saved['size_bytes']} bytes, {saved['stored_bytes']} stored"
        demo.tell(f"{workflow['name']}: {state}, revision {saved['revision']}, {sizes}")


def _change(demo: _Demo, child: Child, workflows: list[dict[str, Any]]) -> None:
    first = workflows[0]
    again = child.call("workflows.save", {"workflow": first})
    demo.tell(f"as it is: {'saved' if again['changed'] else 'unchanged, nothing was written'}")
    edited = {**first, "description": f"Edited at revision {again['revision']}."}
    params = {"workflow": edited, "expected_revision": again["revision"]}
    saved = child.call("workflows.save", params)
    demo.tell(f"edited: revision {saved['revision']}")
    try:
        child.call("workflows.save", {**params, "workflow": first})
    except CallFailed as failed:
        data = failed.error["data"]
        demo.tell(f"from another window: refused, {data['slug']}: {failed}")
    found = child.call("workflows.history", {"id": first["id"]})["items"]
    demo.tell(f"history: {len(found)} revisions, the first one byte for byte as it was")
    child.call("workflows.get", {"id": first["id"], "revision": found[-1]["revision"]})


def _find(demo: _Demo, child: Child, workflows: list[dict[str, Any]]) -> None:
    first = workflows[0]
    for query in ("invoice", "rech", "要約", "gardener"):
        found = child.call("workflows.search", {"query": query})["items"]
        names = ", ".join(item["name"] for item in found) or "nothing"
        demo.tell(f"search {query}: {names}")
    newest = child.call("workflows.list", {"limit": 2})["items"]
    demo.tell("list, newest first: " + ", ".join(item["name"] for item in newest) + " …")
    child.call("workflows.update", {"id": first["id"], "tags": [*first["tags"], "favourite"]})
    tags = child.call("workflows.tags")["items"]
    demo.tell("tags: " + ", ".join(f"{item['tag']} {item['workflows']}" for item in tags))


def _run(demo: _Demo, child: Child, workflows: list[dict[str, Any]]) -> None:
    first = workflows[0]
    run_id = child.call("runs.start", {"workflow_id": first["id"]})["id"]
    progress = {"id": run_id, "blocks_executed": 2, "api_calls_made": 1}
    demo.tell(f"started; {child.call('runs.progress', progress)['status']}: 2 blocks, 1 API call")
    finish = {"id": run_id, "status": "success", "summary": {"rows": 3}, "tokens_used": 420}
    ended = child.call("runs.finish", finish)
    demo.tell(f"{ended['status']} after {ended['duration_ms']} ms")


def _secrets(demo: _Demo, child: Child, _workflows: list[dict[str, Any]]) -> None:
    state = child.call("secrets.status")["state"]
    if state != "uninitialized":
        demo.tell(f"secrets are {state} here; yours are left alone")
        return
    child.call("secrets.initialize", {"ephemeral": True})
    child.call("secrets.set", {"provider": "openai", "value": "sk-demo-0123456789abcdef"})
    listed = child.call("secrets.list")["items"][0]
    demo.tell(f"{listed['provider']}: ends in {listed['hint']}, fingerprint {listed['key_hash']}")
    child.call("secrets.get", {"provider": "openai"})
    demo.tell("read once: the audit entry was on disk before the answer")
    demo.tell(f"locked: secrets are {child.call('secrets.lock')['state']} again")


def _settle(demo: _Demo, child: Child, _workflows: list[dict[str, Any]]) -> None:
    theme = child.call("settings.get", {"key": "theme"})["value"]
    wanted = {"key": "theme", "value": "dark" if theme != "dark" else "light"}
    demo.tell(f"theme: {theme}, now {child.call('settings.set', wanted)['value']}")
    doomed = {"name": "Draft", "data": {"nodes": []}, "id": "demo-draft"}
    child.call("workflows.save", {"workflow": doomed})
    child.call("workflows.delete", {"id": "demo-draft"})
    purged = child.call("system.purge")["purged"]
    demo.tell(f"a draft deleted and {'purged: no byte of it is left' if purged else 'not purged'}")
    stats = child.call("system.stats")
    share = f"{stats['stored_bytes']} for {stats['body_bytes']} ({stats['compression_ratio']:.0%})"
    demo.tell(f"{stats['workflows']} workflows, runs: {stats['runs']}; stored bytes {share}")
    found = child.call("system.check")
    demo.tell(f"check: {'all sound' if found['ok'] else found['findings']}")
    verdict = child.call("audit.verify")
    demo.tell(f"audit chain: {verdict['status']}, {verdict['verified_to']} entries verified")
