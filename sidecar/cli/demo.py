"""`sim-sidecar demo`: show what the product does, by real requests to a real serving process.

It imports workflows in the formats of several tools, changes one, shows what is different and how a
conflict is refused, searches, runs, exports, backs up and restores, and leaves a database to
continue with. The audit entries that each step made are shown beside the step on a wide terminal,
below it elsewhere.
"""

import argparse
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.cli.child import CallFailed, Child, run_with_child
from sidecar.cli.command import Command
from sidecar.cli.terminal_text import visible
from sidecar.own_command import typed_command

if TYPE_CHECKING:
    from rich.console import Console

_HELP = "show what this product does, on an example database"
_EXAMPLES = """examples:
  sim-sidecar demo
  sim-sidecar demo --keep my-demo        makes the database my-demo/sim.db

The database stays, so that you can try the other commands on it. You may run the
demo again on the same database.
"""
_WORKFLOWS = Path(__file__).with_name("workflows")
_FOLDER = Path("sim-sidecar-demo")
_NEXT = (
    "search invoice",
    "history demo-invoices",
    "diff demo-invoices",
    "runs",
    "stats",
    "secrets init",
    "audit list",
)
_SIDE_BY_SIDE_COLUMNS = 100
"""A narrower terminal shows the audit entries below their step."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Declare where the database is made."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--database",
        metavar="FILE",
        type=Path,
        help=f"the database file (default: {_FOLDER}/sim.db in the current folder)",
    )
    place.add_argument("--keep", metavar="FOLDER", type=Path, help="a folder for the file sim.db")


def _run(given: argparse.Namespace) -> int:
    """Show all steps; returns the exit code of success."""
    from rich.console import Console  # noqa: PLC0415 - the other commands start without it

    database: Path = (given.database or (given.keep or _FOLDER) / "sim.db").absolute()
    demo = _Demo(Console(highlight=False, soft_wrap=True))
    what = "an existing" if database.exists() else "a new"
    demo.print("This demo starts a serving process and sends it real requests.", "bold")
    demo.print(f"  It uses {what} database: {database}")
    run_with_child([f"--database={database}"], demo.show, demo.notified)
    demo.print_title("The database stays. Try these commands on it:")
    for command in _NEXT:
        demo.print(f'  {typed_command()} {command} --database "{database}"')
    return 0


class _Demo:
    """Runs the steps, and prints each with the audit entries that it made."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._entries: list[str] = []

    def notified(self, name: str, params: dict[str, Any]) -> None:
        """Remember an audit entry until its step is printed."""
        if name == "audit.event":
            text = f"audit {params['seq']:>4}  {params['action']}  {params['resource']}"
            self._entries.append(visible(text))

    def print(self, text: str, style: str = "") -> None:
        """Print one line."""
        self._console.print(text, style=style, markup=False)

    def print_title(self, text: str) -> None:
        """Print a line in bold after an empty one."""
        self.print(f"\n{text}", "bold")

    def show(self, child: Child) -> None:
        """Run and print every step."""
        ready = child.ready
        facts = f"version {ready['version']}, protocol {ready['protocol_version']}"
        self.print(f"  Process {ready['pid']} serves it: {facts}")
        self.print('  Lines that begin with "audit" are entries that a step made in the audit log.')
        paths = sorted(_WORKFLOWS.glob("*.json"))
        workflows = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        steps = (
            (f"Import a zip of {len(workflows)} files, written by different tools", _import),
            ("Save a workflow unchanged, then edited, then from an outdated copy", _change),
            ("Search, list and tag workflows", _find),
            ("Record a run of a workflow", _run_workflow),
            ("Store a provider's API key, encrypted (only in memory for this demo)", _secrets),
            ("Export all workflows, make a backup, and restore it after a loss", _export_restore),
            ("Change a setting, delete for good, measure and check everything", _check),
        )
        for title, step in steps:
            lines = [f"  {visible(text)}" for text in step(child, workflows)]
            child.settle()
            self.print_title(title)
            entries, self._entries = self._entries, []
            if self._console.is_terminal and self._console.width >= _SIDE_BY_SIDE_COLUMNS:
                self._print_side_by_side(lines, entries)
                continue
            for line in lines:
                self.print(line)
            for entry in entries:
                self.print(f"        {entry}", "dim")

    def _print_side_by_side(self, lines: list[str], entries: list[str]) -> None:
        """Print what a step did on the left, and its audit entries on the right."""
        from rich.table import Table  # noqa: PLC0415 - only for a terminal
        from rich.text import Text  # noqa: PLC0415 - only for a terminal

        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(ratio=3)
        table.add_column(ratio=2, style="dim")
        left = Text("\n".join(lines))
        table.add_row(left, Text("\n".join(entries), no_wrap=True, overflow="ellipsis"))
        self._console.print(table, soft_wrap=False)


def _beside(child: Child, name: str) -> Path:
    """Return the path of a file of the demo, beside its database."""
    return Path(child.ready["database"]).with_name(name)


def _import(child: Child, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Import the example documents, and give each workflow its tags and its category."""
    path = _beside(child, "demo-workflows.zip")
    by_file = {f"{each['name']}.json": each for each in workflows}
    with zipfile.ZipFile(path, "w") as archive:
        for name, workflow in by_file.items():
            archive.writestr(name, json.dumps(workflow["data"]))
    for item in child.call("workflows.import", {"path": str(path)})["items"]:
        workflow = by_file[item["path"]]
        yield f"{workflow['name']}: {item['outcome']}; its tool: {item['source']}"
        if item["outcome"] == "created":
            header = {name: workflow[name] for name in ("name", "description", "tags", "category")}
            child.call("workflows.update", {"id": item["id"], **header})


def _change(child: Child, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Save one workflow unchanged, edited, and from an outdated copy; read its first revision."""
    first = workflows[0]
    again = child.call("workflows.save", {"workflow": first})
    yield f"unchanged: {'it was saved' if again['changed'] else 'nothing was written'}"
    text = json.dumps(first["data"]).replace("INBOX/invoices", f"INBOX/{again['revision']}")
    edited = {**first, "data": json.loads(text)}
    params = {"workflow": edited, "expected_revision": again["revision"]}
    saved = child.call("workflows.save", params)
    yield f"edited: saved as revision {saved['revision']}"
    try:
        child.call("workflows.save", {**params, "workflow": first})
    except CallFailed as failed:
        yield f"from an outdated copy: refused ({failed.error['data']['slug']}). {failed}"
    (step,) = child.call("workflows.diff", {
        "id": first["id"], "from_revision": again["revision"], "to_revision": saved["revision"],
    })["changed"]  # fmt: skip
    for field in step["fields"]:
        yield f"step {step['name']}: {field['name']} was {field['before']}, is {field['after']}"
    found = child.call("workflows.history", {"id": first["id"]})["items"]
    child.call("workflows.get", {"id": first["id"], "revision": found[-1]["revision"]})
    yield f"history: {len(found)} revisions; the first is returned byte for byte as it was saved"


def _find(child: Child, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Search, list and tag."""
    first = workflows[0]
    for query in ("invoice", "rech", "要約", "gardener"):
        found = child.call("workflows.search", {"query": query})["items"]
        yield f"search for {query}: {', '.join(item['name'] for item in found) or 'nothing'}"
    newest = child.call("workflows.list", {"limit": 2})["items"]
    yield f"saved last: {', '.join(item['name'] for item in newest)}"
    child.call("workflows.update", {"id": first["id"], "tags": [*first["tags"], "favourite"]})
    tags = child.list_all("workflows.tags")["items"]
    counts = ", ".join(f"{item['tag']} {item['workflows']}" for item in tags)
    yield f"tags, and how many workflows have each: {counts}"


def _run_workflow(child: Child, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Record a run from its start to its end."""
    run_id = child.call("runs.start", {"workflow_id": workflows[0]["id"]})["run"]["id"]
    progress = {"id": run_id, "blocks_executed": 2, "api_calls_made": 1}
    status = child.call("runs.progress", progress)["status"]
    yield f"started; status {status}: 2 blocks executed, 1 API call made"
    finish = {"id": run_id, "status": "success", "summary": {"rows": 3}, "tokens_used": 420}
    ended = child.call("runs.finish", finish)
    yield f"finished; status {ended['status']} after {ended['duration_ms']} ms"


def _secrets(child: Child, _workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Store a key under a passphrase that only this process knows, read it, lock."""
    state = child.call("secrets.status")["state"]
    if state != "uninitialized":
        yield f"left out: this database has secrets of its own, which are {state}"
        return
    child.call("secrets.initialize", {"ephemeral": True})
    child.call("secrets.set", {"provider": "openai", "value": "sk-demo-0123456789abcdef"})
    listed = child.call("secrets.list")["items"][0]
    yield f"stored: {listed['provider']}, ending in {listed['hint']}, hash {listed['key_hash']}"
    child.call("secrets.get", {"provider": "openai"})
    yield "read: its audit entry was on disk before the key was returned"
    yield f"locked: the key is forgotten, secrets are {child.call('secrets.lock')['state']} again"


def _export_restore(child: Child, workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Export everything, back it up, delete a workflow, and bring it back."""
    path = _beside(child, "demo-export.json")
    exported = child.call("workflows.export", {"path": str(path), "overwrite": True})
    found = f"credentials in them: {exported['credentials_total']}"
    yield f"exported: {exported['workflows']} workflows in {path.name}; {found}"
    backup = child.call("backups.create", {"label": "demo"})
    yield f"backed up: {backup['name']}, {backup['size_bytes']} bytes"
    child.call("workflows.delete", {"id": workflows[0]["id"]})
    restored = child.call("backups.restore", {"name": backup["name"]})
    child.call("workflows.get", {"id": workflows[0]["id"]})
    yield f"deleted {workflows[0]['name']}, restored: {restored['counts']['workflows']} workflows"


def _check(child: Child, _workflows: list[dict[str, Any]]) -> Iterator[str]:
    """Change a setting, delete a workflow and purge it, then measure and check everything."""
    theme = child.call("settings.get", {"key": "theme"})["setting"]["value"]
    wanted = {"key": "theme", "value": "dark" if theme != "dark" else "light"}
    yield f"setting theme: was {theme}, is {child.call('settings.set', wanted)['value']} now"
    draft = {"name": "Draft", "data": {"nodes": []}, "id": "demo-draft"}
    child.call("workflows.save", {"workflow": draft})
    child.call("workflows.delete", {"id": "demo-draft"})
    purged = child.call("system.purge")["purged"]
    yield f"a draft was deleted: {'no byte of it is' if purged else 'some of it may be'} left"
    stats = child.call("system.stats")
    yield f"sizes: {stats['body_bytes']} bytes of workflows are stored in {stats['stored_bytes']}"
    found = child.call("system.check")
    yield f"check: {'everything is sound' if found['ok'] else found['findings']}"
    verdict = child.call("audit.verify")
    why = ", because secrets are not set up" if verdict["status"] == "unsealed" else ""
    yield f"audit chain: {verdict['status']}{why}; entries verified: {verdict['verified_to']}"


COMMAND = Command("demo", _HELP, _EXAMPLES, _add_options, _run)
