"""Tests of the hosts in schema/hosts that need no window: each is run as its page says."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.node_programs import (
    CLIENT,
    NO_TYPESCRIPT,
    NO_TYPESCRIPT_REASON,
    NODE,
    compile_typescript,
    program,
    run_node,
)
from tests.process.child_process import ROOT, environment

HOSTS = ROOT / "schema" / "hosts"
BASH = shutil.which("bash")
JQ = shutil.which("jq")
ELECTRON = HOSTS / "electron"


def run(*words: object, folder: Path, code: int = 0) -> str:
    """Run a host in a folder that has the program, and return what it prints."""
    done = subprocess.run(
        [*map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(SIM_SIDECAR=program(folder)),
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.skipif(NO_TYPESCRIPT, reason=NO_TYPESCRIPT_REASON)
def test_the_host_in_node_saves_lists_searches_and_renames(tmp_path: Path) -> None:
    compile_typescript(CLIENT)
    packages = tmp_path / "node_modules" / "@sim-sidecar"
    packages.mkdir(parents=True)
    (packages / "client").symlink_to(CLIENT)
    shutil.copy(HOSTS / "node" / "host.mjs", tmp_path)
    (tmp_path / "Mail.json").write_text('{"nodes": [{"text": "find me"}]}', encoding="utf-8")
    host = (NODE, "host.mjs", "app.db")

    saved = run(*host, "save", "Mail.json", folder=tmp_path).strip()
    run(*host, "rename", saved, "Post", folder=tmp_path)

    assert run(*host, "list", folder=tmp_path) == f"{saved}\t2\tPost\n"
    assert run(*host, "search", "find", folder=tmp_path) == f"{saved}\tPost\n"
    missing = run(*host, "rename", "nobody", "Post", folder=tmp_path, code=1)
    assert missing == "There is no such workflow.\n"


@pytest.mark.skipif(BASH is None or JQ is None, reason="needs bash and jq")
def test_the_host_in_the_shell_saves_and_lists_over_one_pipe(tmp_path: Path) -> None:
    host = (BASH, HOSTS / "shell" / "host.sh", "app.db")

    printed = run(*host, "Hello", 'A "quoted" name', folder=tmp_path)

    assert [line.partition("\t")[2] for line in printed.splitlines()] == [
        'A "quoted" name',
        "Hello",
    ]
    assert run(*host, "", folder=tmp_path, code=1) == "Expected `str` of length >= 1.\n"


@pytest.mark.skipif(
    NO_TYPESCRIPT or not (ELECTRON / "node_modules" / "electron").exists(),
    reason="needs `npm ci --ignore-scripts` in schema/hosts/electron",
)
def test_the_electron_host_fits_the_types_of_electron_and_lets_a_page_do_only_what_it_may(
    tmp_path: Path,
) -> None:
    compile_typescript(CLIENT)
    compile_typescript(ELECTRON / "test")

    words = (ELECTRON / "test" / "dist" / "bridge.js", tmp_path / "app.db", program(tmp_path))
    assert json.loads(run_node(*words)) == {
        "names": ["Mail"],
        "found": ["Post"],
        "slugs": ["conflict", "method_not_found", "method_not_found", "connection_lost"],
        "reason": "gone",
        "told": ["audit.event", "workflows.changed"] * 2,
        "afterwards": 0,
        "exitCode": 0,
    }


def test_every_host_has_a_page_that_says_how_long_it_took() -> None:
    pages = {path.parent.name: path.read_text("utf-8") for path in HOSTS.glob("*/README.md")}

    assert pages.keys() == {path.name for path in HOSTS.iterdir() if path.is_dir()}
    assert [name for name, text in pages.items() if "in ten minutes" not in text] == []
