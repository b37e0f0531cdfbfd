"""`sim-sidecar demo`: the product at work, through a real child process over real pipes.

Saves a handful of workflows in several tools' shapes, changes one, searches, runs, shows a
conflict, and leaves a database the person can go on with. Beside each step the audit events it
caused are shown as they arrive.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from sidecar.cli.call import tell_ended
from sidecar.cli.child import CallFailed, Child, ChildEnded

_WORKFLOWS = Path(__file__).with_name("workflows")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `demo`."""
    parser.add_argument(
        "--database",
        metavar="FILE",
        type=Path,
        default=Path("sim-sidecar-demo") / "sim.db",
        help="where to work (default: sim-sidecar-demo/sim.db below this folder)",
    )


def run(given: argparse.Namespace) -> int:
    """Show everything; returns 0 when all of it worked."""
    database: Path = given.database.absolute()
    demo = _Demo(Console(highlight=False, soft_wrap=True))
    demo.console.print(f"[bold]sim-sidecar at work[/bold] on {database}")
    try:
        child = Child(["--database", str(database)], demo.notified)
        try:
            demo.show(child)
        finally:
            child.close()
    except ChildEnded as ended:
        return tell_ended(ended)
    demo.console.print("\nThe database stays. Go on with it:")
    demo.console.print(f'  sim-sidecar call workflows.list --database "{database}"', markup=False)
    return 0


class _Demo:
    """The steps, and the audit events beside them."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Show one audit event."""
        if name == "audit.event":
            text = f"        audit {params['seq']:>4}  {params['action']}  {params['resource']}"
            self.console.print(text, style="dim", markup=False)

    def say(self, text: str) -> None:
        """Begin a step."""
        self.console.print(f"\n{text}", style="bold", markup=False)

    def tell(self, text: str) -> None:
        """Tell what came of it."""
        self.console.print(f"  {text}", markup=False)

    def show(self, child: Child) -> None:
        """Every step in turn."""
        ready = child.ready
        self.tell(f"ready: version {ready['version']}, protocol {ready['protocol_version']}")
        first = self._save(child)
        self._change(child, first)
        self._find(child)
        self._run(child, first)
        self._settle(child)

    def _save(self, child: Child) -> dict[str, Any]:
        paths = sorted(_WORKFLOWS.glob("*.json"))
        self.say(f"Save {len(paths)} workflows, as five tools and an app of its own write them")
        workflows = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        for workflow in workflows:
            saved = child.call("workflows.save", {"workflow": workflow})
            state = "saved" if saved["changed"] else "unchanged"
            sizes = f"{saved['size_bytes']} bytes, {saved['stored_bytes']} stored"
            self.tell(f"{workflow['name']}: {state}, revision {saved['revision']}, {sizes}")
        child.settle()
        first: dict[str, Any] = workflows[0]
        return first

    def _change(self, child: Child, first: dict[str, Any]) -> None:
        self.say("Save one again, changed; then once more from what another window still has")
        now = child.call("workflows.get", {"id": first["id"]})["workflow"]
        edited = {**first, "description": f"Edited at revision {now['revision']}."}
        params = {"workflow": edited, "expected_revision": now["revision"]}
        saved = child.call("workflows.save", params)
        self.tell(f"revision {saved['revision']}")
        try:
            child.call("workflows.save", {**params, "workflow": first})
        except CallFailed as failed:
            self.tell(f"refused: {failed.error['data']['slug']}: {failed}")
        child.settle()

    def _find(self, child: Child) -> None:
        self.say("Search")
        for query in ("invoice", "rech", "要約"):
            found = child.call("workflows.search", {"query": query})["items"]
            names = ", ".join(item["name"] for item in found) or "nothing"
            self.tell(f"{query}: {names}")
        tags = child.call("workflows.tags")["items"]
        self.tell("tags: " + ", ".join(f"{item['tag']} {item['workflows']}" for item in tags))

    def _run(self, child: Child, first: dict[str, Any]) -> None:
        self.say("Run it")
        run = child.call("runs.start", {"workflow_id": first["id"]})
        child.call("runs.progress", {"id": run["id"], "blocks_executed": 2})
        ended = child.call(
            "runs.finish",
            {"id": run["id"], "status": "success", "summary": {"rows": 3}, "tokens_used": 420},
        )
        self.tell(f"{ended['status']} after {ended['duration_ms']} ms")

    def _settle(self, child: Child) -> None:
        self.say("Settings, sizes, and a check of everything")
        theme = child.call("settings.get", {"key": "theme"})["value"]
        child.call(
            "settings.set", {"key": "theme", "value": "dark" if theme != "dark" else "light"}
        )
        stats = child.call("system.stats")
        share = f"{stats['compression_ratio']:.0%}"
        self.tell(f"{stats['workflows']} workflows, {stats['runs']} runs, bodies at {share}")
        found = child.call("system.check")
        self.tell(f"check: {'all sound' if found['ok'] else found['findings']}")
        verdict = child.call("audit.verify")
        self.tell(f"audit chain: {verdict['status']}, {verdict['verified_to']} entries verified")
