"""The checks that smoke.py makes on an artefact, each a name and a function that raises."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import smoke_archives
import smoke_remote
import smoke_replaced
from smoke_inspector import leaves_others_alone, shows_its_page
from smoke_process import WAIT_S, Served, alive, children, listing, size_on_disk

DISK_BYTES_MAX = 50_000_000
"""What the folder may take on the disk."""
PASSPHRASE = "correct horse battery"  # noqa: S105 - of a database that is thrown away
MALFORMED = -32700
"""The error code `parse_error`."""
WITHOUT_VERSION = ("libffi (in Python)", "libffi (in cffi)")
"""The parts that do not tell their version."""
NOT_CALLED = ("system.shutdown",)
"""Methods that would end the process amid the others."""

COMMANDS: dict[str, list[list[str]]] = {
    "demo": [["--database", "{db}"]],
    "call": [["workflows.list", "--database", "{db}"], ["system.info", "--ephemeral"]],
    "search": [["invoice", "--database", "{db}"]],
    "history": [["demo-invoices", "--database", "{db}"]],
    "diff": [["demo-invoices", "--database", "{db}"]],
    "export": [
        ["{scratch}/all.json", "--database", "{db}"],
        ["{scratch}/all.zip", "--original", "--database", "{db}"],
    ],
    "import": [["{scratch}/all.json", "--database", "{db}"]],
    "runs": [["--database", "{db}"]],
    "stats": [["--database", "{db}"]],
    "secrets": [
        ["init", "--passphrase-fd", "0", "--database", "{db}"],
        ["list", "--passphrase-fd", "0", "--database", "{db}"],
    ],
    "audit": [
        ["list", "--database", "{db}"],
        ["verify", "--passphrase-fd", "0", "--database", "{db}"],
        ["export", "{scratch}/log.jsonl", "--passphrase-fd", "0", "--database", "{db}"],
    ],
    "remotes": [["status", "--database", "{db}"]],
    "backup": [["--database", "{db}"]],
    "backups": [["--database", "{db}"]],
    "verify": [["{backup}", "--database", "{db}"]],
    "restore": [["{backup}", "--database", "{db}"]],
    "recover": [["--yes", "--database", "{db}"]],
    "doctor": [["--database", "{db}"]],
    "inspect": [["--through", "--", "{program}", "serve", "--ephemeral"]],
    "openrpc": [[]],
}
"""The words with which each command is run, in this order on one database."""


class Artefact(NamedTuple):
    """What is tried."""

    folder: Path
    """Where its files lie, which nothing may write to."""
    variants: list[list[str]]
    """The commands that start the program; the first is the usual one."""
    source: Path
    """What it was installed from."""
    bundled: bool
    """Whether it has an interpreter of its own, which obeys no variable of Python."""


class Check(NamedTuple):
    """One thing that must hold."""

    name: str
    run: Callable[[], None]


def require(holds: object, text: object) -> None:
    """Raise with a text unless something holds."""
    if not holds:
        raise AssertionError(text)


class Tried:
    """An artefact with the folders and variables of the checks."""

    def __init__(self, artefact: Artefact, scratch: Path) -> None:
        """Make the folders."""
        self.artefact = artefact
        self.command = artefact.variants[0]
        self.scratch = scratch / "Daten für alle"
        self.home, self.temporary = scratch / "home", scratch / "temporary"
        for folder in (self.scratch, self.home, self.temporary, scratch / "foreign"):
            folder.mkdir()
        (scratch / "foreign" / "json.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
        self.database = self.scratch / "sim.db"
        self.before = listing(artefact.folder)
        omitted = ("PYTHON", "SIM_SIDECAR", "XDG_", "LD_", "DBUS_")
        plain = {k: v for k, v in os.environ.items() if not k.startswith(omitted)}
        self.variables = {
            **plain,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONOPTIMIZE": "2",
            "PYTHONINSPECT": "1",
            "PYTHONTZPATH": str(scratch / "nowhere"),
        }
        if artefact.bundled:
            self.variables |= {
                "PYTHONPATH": str(scratch / "foreign"),
                "PYTHONHOME": str(scratch / "nowhere"),
                "PYTHONWARNINGS": "error",
                "PYTHONSTARTUP": str(scratch / "foreign" / "json.py"),
                "PYTHONIOENCODING": "utf-16",
                "PYTHONDEVMODE": "1",
            }
        self.served: Served | None = None

    def run(self, *words: str, command: list[str] | None = None) -> bytes:
        """Run a command that must succeed, with a passphrase on its stdin; return its stdout."""
        done = subprocess.run(
            [*(command or self.command), *words],
            input=f"{PASSPHRASE}\n".encode(),
            capture_output=True,
            check=False,
            timeout=2 * WAIT_S,
            cwd=self.scratch,
            env=self.variables,
        )
        require(done.returncode == 0, (words, done.returncode, done.stderr[-2000:]))
        require(b"Traceback" not in done.stderr, done.stderr)
        return done.stdout

    def serve(self, database: Path | None = None) -> Served:
        """Start a serving process."""
        return Served(self.command, database or self.database, self.variables)


def checks(artefact: Artefact, scratch: Path) -> Iterator[Check]:
    """Yield all checks of an artefact, in the order in which they are to be made."""
    tried = Tried(artefact, scratch)
    if artefact.bundled:
        yield Check("it is small enough and has no links", partial(small, tried))
        yield Check("it tells what is in it", partial(describes_itself, tried))
    if archive := smoke_archives.archive_of(artefact.source):
        same = partial(smoke_archives.has_the_files, archive, artefact.folder, tried.scratch)
        yield Check(f"{archive.name} has the same files", same)
    if sdist := smoke_archives.sdist_of(artefact.source):
        same = partial(smoke_archives.gives_the_wheel, sdist, artefact.source, tried.scratch)
        yield Check(f"{sdist.name} gives the same wheel", same)
    if layouts := layouts_of(artefact.source):
        yield Check(
            "it runs from the layout of Tauri and Electron", partial(layout, tried, layouts)
        )
    yield Check("one process serves, under the pid that was spawned", partial(one_process, tried))
    yield Check("it ends with its killed parent and leaves nothing", partial(killed_parent, tried))
    for name in listed_commands(tried):
        yield Check(f"command {name}", partial(command, tried, name))
    for variant in artefact.variants[1:]:
        name = " ".join(word for word in variant if "/" not in word) or "script"
        yield Check(f"commands by {name}", partial(by_variant, tried, variant))
    shown = partial(shows_its_page, tried.command, tried.database, tried.variables)
    yield Check("the inspector serves its page", shown)
    alone = partial(leaves_others_alone, tried.command, tried.variables)
    yield Check("the command of inspect gets no variable of the program's", alone)
    yield from remote_checks(tried)
    document = json.loads(tried.run("openrpc"))
    examples = {one["name"]: one["examples"][0]["params"] for one in document["methods"]}
    for name, params in examples.items():
        if name not in NOT_CALLED:
            given = {one["name"]: one["value"] for one in params}
            yield Check(f"method {name}", partial(method, tried, name, given))
    yield Check("a batch and a malformed line are answered", partial(odd_lines, tried))
    yield Check("days of statistics in a time zone", partial(time_zone, tried))
    yield Check("it ends with code 0 at the end of input", partial(ends, tried))
    yield from replaced_checks(tried, examples)
    yield Check("it wrote to no folder but that of the database", partial(writes_nowhere, tried))


def remote_checks(tried: Tried) -> Iterator[Check]:
    """Yield the checks of object stores, whose library a bundle has from the extra alone."""
    given = (tried.scratch, tried.variables)
    if not tried.artefact.bundled:
        opens = partial(smoke_remote.opens_connections, tried.command, *given)
        yield Check("a bucket is asked for", opens)
        return
    asks = partial(smoke_remote.asks_for_the_extra, tried.command, *given)
    yield Check("a bucket needs the extra, and the hint says which", asks)
    if extra := smoke_remote.extra_of(tried.artefact.source):
        folder = tried.artefact.folder
        finds = partial(smoke_remote.finds_the_extra, tried.command, folder, extra, *given)
        yield Check(f"a bucket is asked for with {extra.name}", finds)


def replaced_checks(tried: Tried, examples: smoke_replaced.Examples) -> Iterator[Check]:
    """Yield the checks of what an app that updates itself does to the folder."""
    given = (tried.command, tried.artefact.folder, tried.scratch, tried.variables)
    without_end = {name: params for name, params in examples.items() if name not in NOT_CALLED}
    replaced = partial(smoke_replaced.answers_as_ever, *given, without_end)
    yield Check("its folder is replaced while it serves", replaced)
    early = partial(smoke_replaced.goes_on_after_an_early_replacement, *given, without_end)
    yield Check("its folder is replaced before it has loaded all", early)


def listed_commands(tried: Tried) -> list[str]:
    """Return the commands that the help lists, in the order of COMMANDS; unknown ones last."""
    shown = tried.run("--help").decode()
    lines = shown.partition("  COMMAND\n")[2].partition("\n\n")[0].splitlines()
    names = {line.split()[0] for line in lines if line[:4] == "    " and line[4:5] != " "}
    names.discard("serve")
    require("call" in names, shown)
    return [name for name in COMMANDS if name in names] + sorted(names - COMMANDS.keys())


def small(tried: Tried) -> None:
    """The folder takes at most 50 MB and has no links, which npm and installers lose."""
    files = [path for path in tried.artefact.folder.rglob("*") if not path.is_dir()]
    taken = size_on_disk(files)
    require(taken <= DISK_BYTES_MAX, f"{taken} bytes")
    require(not [path for path in files if path.is_symlink()], "has links")


def describes_itself(tried: Tried) -> None:
    """Manifest, bill of materials and licences are in the folder and agree with the program."""
    folder = tried.artefact.folder
    manifest = json.loads((folder / "manifest.json").read_bytes())
    served = tried.serve(tried.scratch / "other.db")
    require(served.end() == 0, "no orderly end")
    for name in ("version", "protocol_version", "schema_version", "schema_hash"):
        require(manifest[name] == served.ready[name], name)
    unknown = {name for name, version in manifest["parts"].items() if not version}
    require(sys.platform != "linux" or unknown <= set(WITHOUT_VERSION), unknown)
    parts = {
        one["name"] for one in json.loads((folder / "sbom.cdx.json").read_bytes())["components"]
    }
    require(parts >= manifest["parts"].keys(), manifest["parts"].keys() - parts)
    text = (folder / "THIRD-PARTY-LICENCES.txt").read_text(encoding="utf-8")
    require(all(f"\n{name} {v}\n" in text for name, v in manifest["parts"].items()), "licences")
    require((folder / "LICENSE").read_bytes()[:3] == b"MIT", "LICENSE")


def layouts_of(source: Path) -> list[tuple[str, str]]:
    """Return from where to where a host's configuration copies the folder, as dist/ has it."""
    if not (source.parent / "tauri.conf.json").exists() or not source.is_dir():
        return []
    tauri = json.loads((source.parent / "tauri.conf.json").read_bytes())
    electron = json.loads((source.parent / "electron-builder.json").read_bytes())
    pairs = [*tauri["bundle"]["resources"].items()]
    return pairs + [(one["from"], one["to"]) for one in electron["extraResources"]]


def layout(tried: Tried, layouts: list[tuple[str, str]]) -> None:
    """The folder runs from where a host's bundler copies it."""
    for number, (source, target) in enumerate(layouts):
        host = tried.scratch / f"host {number}"
        shutil.copytree(tried.artefact.folder, host / source, copy_function=shutil.copy)
        shutil.copytree(host / source, host / "App" / "Resources" / target)
        program = host / "App" / "Resources" / "sim-sidecar" / Path(tried.command[0]).name
        tried.run("call", "system.ping", "--ephemeral", command=[str(program)])


def one_process(tried: Tried) -> None:
    """The process that was spawned is the one that serves, and starts no other."""
    served = tried.serve(tried.scratch / "other.db")
    served.result("system.ping")
    require(served.ready["pid"] == served.process.pid, "another pid")
    if sys.platform == "linux":
        require(children(served.process.pid) == [], "has children")
        loaded = Path(f"/proc/{served.process.pid}/maps").read_text(encoding="utf-8")
        require("apsw" in loaded and "cryptography" not in loaded, "heavy library at the start")
    require(served.end() == 0, "no orderly end")


PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def killed_parent(tried: Tried) -> None:
    """A process whose parent is killed ends, and nothing is left in the temporary folder."""
    if sys.platform != "linux":
        return
    words = [*tried.command, "serve", "--ephemeral"]
    parent = subprocess.Popen(
        [sys.executable, "-I", "-c", PARENT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=tried.variables,
    )
    require(parent.stdout is not None, "no pipe")
    pid = int(parent.stdout.readline()) if parent.stdout else 0
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until_s = time.monotonic() + WAIT_S
    while alive(pid) and time.monotonic() < until_s:
        time.sleep(0.05)
    require(not alive(pid), "still there")
    require(list(tried.temporary.iterdir()) == [], list(tried.temporary.iterdir()))


def command(tried: Tried, name: str) -> None:
    """A command does its work, and its help does."""
    require(name in COMMANDS, "unknown to COMMANDS in build/smoke_checks.py: add a row")
    require(b"example" in tried.run(name, "--help"), "help")
    for words in COMMANDS[name]:
        backups = sorted(tried.scratch.glob("backups/*.db.zst"))
        told = {
            "db": str(tried.database),
            "program": tried.command[0],
            "scratch": str(tried.scratch),
            "backup": str(backups[-1]) if backups else "",
        }
        printed = tried.run(name, *(word.format(**told) for word in words))
        require(printed or name == "recover", "printed nothing")


def by_variant(tried: Tried, variant: list[str]) -> None:
    """The commands that start a child work when the program is started in another way."""
    options = ["--database", str(tried.database)]
    tried.run("demo", *options, command=variant)
    tried.run("doctor", *options, command=variant)
    found = tried.run("call", "system.info", *options, command=variant)
    require(json.loads(found)["database"] == str(tried.database), found)


def method(tried: Tried, name: str, params: dict[str, Any]) -> None:
    """A method answers its example with a result, or with an error that is foreseen."""
    if tried.served is None:
        tried.served = tried.serve()
        tried.served.result("secrets.unlock", passphrase=PASSPHRASE)
        tried.served.result("workflows.save", workflow={"id": "w1", "name": "A", "data": {"n": 1}})
        tried.served.result("workflows.save", workflow={"id": "w1", "name": "A", "data": {"n": 2}})
        tried.served.result("runs.start", workflow_id="w1", id="r1")
    answer = smoke_replaced.called(tried.served, tried.scratch, name, params)
    code, slug = smoke_replaced.failure(answer)
    require(code != smoke_replaced.INTERNAL and slug != "out_of_resources", answer)


def odd_lines(tried: Tried) -> None:
    """What goes through jsonrpcserver is answered too."""
    served = tried.served or tried.serve()
    served.send(b'[{"jsonrpc":"2.0","id":"a","method":"system.ping"}]')
    require(served.read_until(lambda one: "batch" in one)["batch"][0]["id"] == "a", "batch")
    served.send(b'{"jsonrpc":')
    require(served.read_until(lambda one: "error" in one)["error"]["code"] == MALFORMED, "?")


def time_zone(tried: Tried) -> None:
    """The time zones of the package itself are found: PYTHONTZPATH hides those of the system."""
    served = tried.served or tried.serve()
    served.result("runs.stats", time_zone="Pacific/Auckland")


def ends(tried: Tried) -> None:
    """The process that served all methods ends in order."""
    served = tried.served or tried.serve()
    require(served.end() == 0, served.rest_of_log())
    tried.served = None


def writes_nowhere(tried: Tried) -> None:
    """Neither the program's own folder nor the user's or the temporary one was written to."""
    require(listing(tried.artefact.folder) == tried.before, "its own folder was changed")
    for folder in (tried.home, tried.temporary):
        require(list(folder.rglob("*")) == [], list(folder.rglob("*")))
