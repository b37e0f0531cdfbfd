"""The page in a real Chromium: every view, light and dark, with the keyboard alone, for everybody.

INSPECTOR_SHOTS=FOLDER keeps a screenshot of each view, to be looked at.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.inspector.inspectors import Inspector
from tests.inspector.test_through import address_in, through
from tests.process.child_process import ROOT, Child, product, saving

WALKER = Path(__file__).with_name("browser.mjs")
MODULES = ROOT / "build" / "inspector" / "node_modules"
LIMIT_S = 300
VIEWS = ["Workflows", "Runs", "Frames and events", "Methods", "Storage and latency", "Audit log",
         "Backups", "Overview"]  # fmt: skip

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not Path("/usr/bin/chromium").exists(), reason="there is no /usr/bin/chromium"
    ),
    pytest.mark.skipif(
        not MODULES.exists(), reason="needs `npm ci` in build/inspector: playwright-core, axe-core"
    ),
    pytest.mark.timeout(LIMIT_S + 30),
]


class Browser:
    """A browser, which walks through the page when it is told to."""

    def __init__(self) -> None:
        """Start it."""
        command = ["node", str(WALKER), os.environ.get("INSPECTOR_SHOTS", "")]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def begin(self, walk: str, address: str) -> None:
        """Begin a walk."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([walk, address]) + "\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """Return the next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def seen(self) -> Any:
        """What the walk has seen, once it has ended; nothing may be wrong."""
        report = json.loads(self.line())
        assert report["problems"] == []
        serious = [each for each in report["axe"] if each["impact"] in ("serious", "critical")]
        assert serious == []
        assert report["axe"] == [], "not serious, but there was none so far"
        return report["seen"]

    def walk(self, name: str, address: str) -> Any:
        """Walk, and return what was seen."""
        self.begin(name, address)
        return self.seen()

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=LIMIT_S)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return the browser of all walks."""
    with closing(Browser()) as started:
        yield started


@pytest.mark.parametrize(
    ("colours", "back"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(18, 21, 26)")]
)
def test_every_view_shows_what_it_is_for_in_light_and_dark(
    browser: Browser, sample: Path, colours: str, back: str
) -> None:
    with Inspector("--database", sample) as inspector:
        seen = browser.walk(colours, inspector.page.address)

    assert seen["back"] == back
    assert seen["overview"]["figures"][0] == "7"
    assert seen["workflows"]["hits"] == ["Invoice intake"]
    assert seen["workflows/nightly"] == {"drawn": 14, "links": 14}
    assert '"INBOX/2026"' in seen["workflows/demo-invoices/history"]["changes"][0]
    assert seen["runs"] == {"charts": 2, "days": 30}
    assert seen["frames"]["kinds"] == ["notification", "request", "result"]
    assert seen["methods"]["methods"] > 70
    assert seen["methods/workflows.delete"]["disabled"]
    assert seen["storage"] == {"charts": 4}
    assert seen["audit"] == {"verdict": "✓\nunsealed", "entries": 11}
    assert seen["backups"] == {"backups": 2}


def test_everything_is_reached_and_seen_with_the_keyboard_alone(
    browser: Browser, sample: Path
) -> None:
    with Inspector("--database", sample) as inspector:
        seen = browser.walk("keyboard", inspector.page.address)

    assert seen == {
        "skipped": "MAIN",
        "views": VIEWS,
        "tab": "History and diff",
        "choice": "Calls",
        "copied": '{"jsonrpc":"2.0",',
        "result": True,
    }


def test_with_write_a_form_changes_the_database_and_its_event_comes(
    browser: Browser, sample: Path, tmp_path: Path
) -> None:
    database = Path(shutil.copy(sample, tmp_path / "sim.db"))
    with Inspector("--database", database, "--write") as inspector:
        seen = browser.walk("write", inspector.page.address)

    assert seen["mistake"] == "value is missing."
    assert seen["command"].endswith(f"call settings.set key=theme value=dark --database {database}")
    assert '"settings_update"' in seen["event"]


def test_frames_of_a_host_are_copied_and_sent_again(
    browser: Browser, spawn: Callable[..., Child], tmp_path: Path
) -> None:
    child = spawn(through(product("--database", tmp_path / "sim.db")))
    child.send(saving("first"))
    child.answers(1)
    child.result("settings.set", {"key": "theme", "value": "dark"})
    child.result("workflows.list", {"limit": 1})
    seen = browser.walk("through", address_in(child))

    assert json.loads(seen["json"]) == {
        "jsonrpc": "2.0", "id": 1, "method": "workflows.list", "params": {"limit": 1},
    }  # fmt: skip
    assert json.loads(seen["again"])["items"][0]["name"] == "first"
    assert seen["refused"].startswith("It could change something")


def test_an_empty_database_a_missing_token_and_the_end_are_told(
    browser: Browser, spawn: Callable[..., Child], tmp_path: Path
) -> None:
    spawn(product("--database", tmp_path / "sim.db")).finish()
    with Inspector("--database", tmp_path / "sim.db") as inspector:
        browser.begin("states", inspector.page.address)
        assert browser.line() == "READY\n"
        inspector.end()
        seen = browser.seen()

    assert seen["fault"].startswith("No workflow has that id.")
