"""Compiles the Tauri host and tries it as a person would: in a real window under a virtual screen.

It types and clicks, looks into the database for what that did, and keeps pictures of the window in
dist/hosts, to be looked at. It needs more of the system than the tests do and takes minutes
when it compiles for the first time, so it is run before a release and not by the gate.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = ROOT / "schema" / "hosts" / "tauri"
CLIENT = ROOT / "schema" / "clients" / "typescript"
PACKAGE = ROOT / "dist" / "sim-sidecar"
PICTURES = ROOT / "dist" / "hosts"
IDENTIFIER = "dev.sim-sidecar.workflows"

TOOLS = ("cargo", "npm", "pkg-config", "pgrep", "Xvfb", "xdotool", "import")
DEBIAN = "libwebkit2gtk-4.1-dev libgtk-3-dev xvfb xdotool imagemagick"
"""The Debian packages that have what is needed besides cargo and npm."""

WAIT_S = 60
"""The bound of every wait, which a busy machine must not reach."""
SETTLED_S = 1.5
"""How long a page may take to draw what was done; nothing tells when it has."""

COLOURS_MIN = 10
"""Fewest colours of a window that shows something: an empty one has one or two."""

SEARCH, NAME = (180, 133), (560, 125)
"""Places in the window of the field of the search and of the name, in pixels."""


def main() -> int:
    """Compile, run, look, and return the exit code."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    webkit = ["pkg-config", "--exists", "webkit2gtk-4.1"]
    if missing or subprocess.call(webkit):
        print(f"hosts: missing {' '.join(missing) or 'webkit2gtk-4.1'}; on Debian: {DEBIAN}")
        return 3
    program = compiled()
    with tempfile.TemporaryDirectory() as folder, screen() as display:
        attempt(program, Path(folder), display)
    print(f"hosts: lists, searches, edits, shows live events; look at {PICTURES}/*.png")
    return 0


def compiled() -> Path:
    """Compile the page and the app, with the folder of the package, and return the program."""
    if not PACKAGE.is_dir():
        run(sys.executable, ROOT / "build" / "dev.py", "package")
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=CLIENT)
    run("npm", "run", "build", folder=CLIENT)
    run("npm", "ci", "--no-audit", "--no-fund", folder=HOST)
    run("npm", "run", "build", folder=HOST)
    resources = HOST / "src-tauri" / "resources"
    shutil.rmtree(resources, ignore_errors=True)
    shutil.copytree(PACKAGE, resources / "sim-sidecar")
    run("cargo", "build", folder=HOST / "src-tauri")
    target = Path(os.environ.get("CARGO_TARGET_DIR", HOST / "src-tauri" / "target"))
    return target / "debug" / "sim-sidecar-tauri-app"


def run(*words: object, folder: Path = ROOT) -> None:
    """Run a command, which must succeed."""
    print(f"hosts: {' '.join(map(str, words))}", flush=True)
    subprocess.run([str(word) for word in words], cwd=folder, check=True)


@contextmanager
def screen() -> Iterator[str]:
    """Run a virtual screen and yield its name."""
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1080x720x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL)
    os.close(writes)
    try:
        with os.fdopen(reads) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def attempt(program: Path, folder: Path, display: str) -> None:
    """Run the app, use it, and check what it did."""
    environment = {**os.environ, "DISPLAY": display, "XDG_DATA_HOME": str(folder)}
    environment.pop("SIM_SIDECAR", None)  # the folder in the app is what is tried
    database = folder / IDENTIFIER / "app.db"
    database.parent.mkdir()
    for name in ("Mail digest", "Invoices", "Backup of photos"):
        workflow = f'workflow:={{"name": "{name}", "data": {{"nodes": []}}}}'
        call = [str(PACKAGE / "sim-sidecar"), "call", "--database", str(database)]
        call += ["workflows.save", workflow]
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    PICTURES.mkdir(parents=True, exist_ok=True)
    app = subprocess.Popen([program], env=environment)
    try:
        window = Window(environment)
        use(window, database)
        lose_the_process(window, app.pid, database)
        app.send_signal(signal.SIGTERM)
        app.wait(WAIT_S)
    finally:
        app.kill()
        app.wait()


class Window:
    """The window of the app, used by mouse and keys."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Wait until the window is there."""
        self._environment = environment
        self._id = self._xdotool("search", "--sync", "--onlyvisible", "--name", "^Workflows$")
        self._xdotool("windowsize", self._id, "1080", "720", "windowmove", self._id, "0", "0")
        self._xdotool("windowfocus", self._id)

    def _xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words],
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=WAIT_S,
        )
        return done.stdout.split("\n")[0]

    def click(self, place: tuple[int, int]) -> None:
        """Click at a place."""
        self._xdotool("mousemove", *map(str, place), "click", "1")

    def keys(self, *names: str) -> None:
        """Press keys, one after another."""
        self._xdotool("key", "--delay", "60", *names)

    def type(self, text: str) -> None:
        """Type a text."""
        self._xdotool("type", "--delay", "40", text)

    def picture(self, name: str) -> None:
        """Keep a picture of the window, as soon as it shows something."""
        time.sleep(SETTLED_S)
        path = PICTURES / f"tauri-{name}.png"
        until(lambda: self._colours(path) >= COLOURS_MIN, "the window shows something")

    def _colours(self, path: Path) -> int:
        """Take a picture and return the number of its colours."""
        command = ["import", "-window", "root", str(path)]
        subprocess.run(command, env=self._environment, check=True)
        count = ["identify", "-format", "%k", str(path)]
        return int(subprocess.check_output(count, text=True))


def use(window: Window, database: Path) -> None:
    """Look at the list, search, open what was found, rename it and save."""
    until(lambda: database.with_name("app.db-wal").exists(), "the back end serves")
    window.picture("list")
    window.click(SEARCH)
    window.type("invoi")
    window.picture("search")
    window.keys("Tab", "Return")
    time.sleep(SETTLED_S)
    rename(window, database, "Invoices of March", revision=2)
    window.click(SEARCH)
    window.keys("ctrl+a", "BackSpace")
    window.picture("edited")


def rename(window: Window, database: Path, name: str, *, revision: int) -> None:
    """Give the workflow that is edited another name, save, and find it in the database."""
    window.click(NAME)
    window.keys("ctrl+a")
    window.type(name)
    window.keys("Return")
    found = f"SELECT count(*) FROM workflows WHERE name = '{name}' AND revision = {revision}"  # noqa: S608 -- its own words
    until(lambda: count(database, found) == 1, "what was edited is in the database")


def lose_the_process(window: Window, app: int, database: Path) -> None:
    """Kill the back end, and continue in the same window with the next one."""
    first = back_ends(app)
    os.kill(first[0], signal.SIGKILL)
    until(lambda: bool(back_ends(app)) and back_ends(app) != first, "another process is started")
    until(lambda: database.with_name("app.db-wal").exists(), "the back end serves again")
    time.sleep(SETTLED_S)
    rename(window, database, "Invoices of April", revision=3)
    window.picture("again")


def back_ends(app: int) -> list[int]:
    """Return the processes of the back end that an app has."""
    done = subprocess.run(
        ["pgrep", "--parent", str(app), "--exact", "sim-sidecar"],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [int(line) for line in done.stdout.split()]


def count(database: Path, query: str) -> int:
    """Return the number that a query counts."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"hosts: it never came that {what}.")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
