"""Tests the Rust client: its programs drive the real process."""

import json
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from package import write_layout
from sidecar import __version__
from sidecar.describe import contract
from tests.clients.node_programs import (
    CLIENT,
    NO_TYPESCRIPT,
    TSC,
    compile_typescript,
    run_node,
)
from tests.clients.rust_builds import BUILD_S, CRATE, TAURI, built, cargo, needed
from tests.process.child_process import environment
from tests.store import samples

pytestmark = [pytest.mark.timeout(BUILD_S), pytest.mark.usefixtures("cheap_keys")]

HELLO_LINES_MAX = 15
MAIN_LINES_MAX = 60
RUN_S = 120
"""The bound of one program of tests, which takes a twentieth of it."""

RECORDER = Path(__file__).with_name("recorder.py")


def program(path: Path, *command: str) -> Path:
    """Write a program that runs a command with this checkout's modules."""
    words = " ".join(map(shlex.quote, command))
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def sidecar(tmp_path: Path) -> Path:
    """Return a program that serves."""
    return program(tmp_path / "sim-sidecar", sys.executable, "-m", "sidecar")


def run(binary: Path, sidecar: Path, folder: Path, *words: str, **variables: str) -> str:
    """Run a compiled program in a folder and return its output."""
    done = subprocess.run(
        [str(binary), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=RUN_S,
        env=environment(
            SIM_SIDECAR=str(sidecar),
            SIM_TEST_FOLDER=str(folder),
            SIM_TEST_PYTHON=sys.executable,
            **variables,
        ),
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def recorded(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the messages that a recorder wrote, each with the mark of its direction."""
    for line in path.read_text("utf-8").splitlines():
        yield line[0], json.loads(line[2:])


def test_the_rust_client_calls_every_method_of_the_contract_with_success(tmp_path: Path) -> None:
    record = tmp_path / "record"
    served = (sys.executable, "-m", "tests.scenarios.with_keychain")
    sidecar = program(tmp_path / "sim-sidecar", sys.executable, str(RECORDER), str(record), *served)

    run(built()["process"], sidecar, tmp_path, "every_method::")

    asked: dict[object, str] = {}
    succeeded: set[str] = set()
    for mark, message in recorded(record):
        if mark == ">":
            asked[message["id"]] = str(message["method"])
        elif "result" in message:
            succeeded.add(asked[message["id"]])
    assert succeeded == {method["name"] for method in contract()["methods"]}


def test_the_rust_client_receives_every_notification_as_its_type(
    tmp_path: Path, sidecar: Path
) -> None:
    older = samples.unpack("v1", tmp_path / "older.db")
    with apsw.Connection(str(older)) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()

    output = run(
        built()["process"], sidecar, tmp_path, "every_notification::", SIM_TEST_OLDER=str(older)
    )

    assert "1 passed" in output
    assert "no database" not in output


def test_the_rust_client_is_true_to_bodies_errors_pages_time_outs_and_cancels(
    tmp_path: Path, sidecar: Path
) -> None:
    output = run(built()["process"], sidecar, tmp_path, "calls::", "peers::")

    assert re.search(r"1\d passed; 0 failed", output)


def test_the_rust_supervisor_settles_every_call_once_and_gives_every_entry_once(
    tmp_path: Path, sidecar: Path
) -> None:
    output = run(
        built()["process"], sidecar, tmp_path, "supervised::every_call_settles", "--nocapture"
    )

    found = re.search(r"seen of (.+): \[(.+)\]", output)
    assert found is not None
    with sqlite3.connect(found[1]) as database:
        logged = database.execute("SELECT seq FROM access_log ORDER BY seq").fetchall()
    database.close()
    assert [int(seq) for seq in found[2].split(", ")] == [seq for (seq,) in logged]


def test_the_rust_supervisor_starts_unlocks_catches_up_and_gives_up(
    tmp_path: Path, sidecar: Path
) -> None:
    words = ("supervised::", "--skip", "every_call_settles")

    output = run(built()["process"], sidecar, tmp_path, *words)

    assert re.search(r"[7-9] passed; 0 failed", output)


def test_the_example_in_the_rust_readme_runs(tmp_path: Path, sidecar: Path) -> None:
    example = (CRATE / "examples" / "host.rs").read_text("utf-8")

    output = run(built()["host"], sidecar, tmp_path, str(tmp_path / "app.db"))

    assert f"```rust,no_run\n{example}```\n" in (CRATE / "README.md").read_text("utf-8")
    assert output == "conflict with revision Some(1)\nHello\naudit log: workflow_save\n"


def test_a_hello_world_host_in_rust_takes_few_lines(tmp_path: Path, sidecar: Path) -> None:
    lines = (CRATE / "examples" / "hello.rs").read_text("utf-8").splitlines()

    output = run(built()["hello"], sidecar, tmp_path)

    assert len(lines) <= HELLO_LINES_MAX
    assert re.search(r"^saved \S+ as revision 1$", output, re.MULTILINE)


def test_the_tauri_host_passes_the_lines_of_a_page_and_tells_it_of_starts_and_ends(
    tmp_path: Path, sidecar: Path
) -> None:
    output = run(built(TAURI / "host")["page"], sidecar, tmp_path)

    assert "4 passed; 0 failed" in output


def test_the_window_of_the_tauri_host_takes_few_lines_and_its_folder_is_where_packages_say(
    tmp_path: Path,
) -> None:
    lines = (TAURI / "src-tauri" / "src" / "main.rs").read_text("utf-8").splitlines()
    configuration = json.loads((TAURI / "src-tauri" / "tauri.conf.json").read_text("utf-8"))

    write_layout(tmp_path)

    assert len(lines) < MAIN_LINES_MAX
    told = json.loads((tmp_path / "tauri.conf.json").read_text("utf-8"))
    assert configuration["bundle"]["resources"] == told["bundle"]["resources"]


@pytest.mark.skipif(
    NO_TYPESCRIPT or not (TAURI / "node_modules").exists(),
    reason="needs `npm ci --ignore-scripts` in schema/hosts/tauri",
)
def test_the_page_of_the_tauri_host_fits_the_types_of_client_and_tauri() -> None:
    compile_typescript(CLIENT)

    assert run_node(TSC, "--noEmit", "--project", TAURI) == ""


def test_the_rust_client_has_the_version_of_the_program() -> None:
    manifest = tomllib.loads((CRATE / "Cargo.toml").read_text("utf-8"))

    assert manifest["package"]["version"] == __version__


@pytest.mark.parametrize(
    "words",
    [
        ("clippy", "--offline", "--quiet", "--all-targets", "--", "-D", "warnings"),
        ("fmt", "--check"),
        ("package", "--offline", "--list", "--allow-dirty"),
    ],
)
@pytest.mark.parametrize("folder", [CRATE, TAURI / "host"], ids=["client", "host"])
def test_what_is_written_in_rust_satisfies_its_tools(folder: Path, words: tuple[str, ...]) -> None:
    needed()

    done = cargo(*words, folder=folder)

    if done.returncode and re.search(r"no such command|not installed", done.stderr):
        pytest.skip(f"cargo {words[0]} is not installed")
    assert (done.returncode, done.stderr if words[0] == "clippy" else "") == (0, "")
