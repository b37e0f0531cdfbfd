"""The command line as a whole, `call`, `doctor`, `demo` and what ends a command early."""

import json
import keyword
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.cli.parser import COMMANDS
from tests.cli.commands import result_of, run, run_afresh
from tests.process.child_process import ROOT, environment


def test_the_version_is_printed_without_loading_anything_else() -> None:
    code = (
        "import sys; sys.argv = ['x', '--version']\n"
        "from sidecar.__main__ import main; main()\n"
        "print(sorted(name for name in sys.modules if name.startswith(('sidecar', 'msgspec'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
        env=environment(SIM_TEST_LIMITS=""),
    )

    first, loaded = done.stdout.splitlines()
    assert first.startswith("sim-sidecar ")
    assert loaded == "['sidecar', 'sidecar.__main__']"


def test_the_version_is_printed_as_json() -> None:
    done = run("--version", "--json")

    assert set(json.loads(done.stdout)) == {"version", "protocol_version", "python", "sqlite"}


def test_help_names_every_command_and_an_example() -> None:
    done = run("--help")

    assert done.returncode == 0
    assert all(f"    {word} " in done.stdout for word in ("serve", *COMMANDS))
    assert "sim-sidecar search" in done.stdout


def test_each_command_is_in_a_file_of_its_name() -> None:
    for name, command in COMMANDS.items():
        file = f"{name}s" if keyword.iskeyword(name) else name
        assert (command.name, command.run.__module__) == (name, f"sidecar.cli.{file}")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_describes_it_and_gives_an_example(name: str) -> None:
    done = run_afresh(name, "--help")

    assert done.returncode == 0
    assert "example" in done.stdout
    assert f"sim-sidecar {name}" in done.stdout.partition("example")[2]


def test_openrpc_prints_the_published_contract_byte_for_byte() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", "openrpc"],
        capture_output=True,
        timeout=120,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout == (ROOT / "schema" / "openrpc.json").read_bytes()


def test_call_answers_with_one_line_of_json_in_a_pipe(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    workflow = '{"id": "a", "name": "A", "data": {"n": [1]}}'
    saved = run("call", "workflows.save", f"workflow:={workflow}", "--database", database)
    got = run("call", "workflows.get", "id=a", "--database", database)

    assert (saved.returncode, json.loads(saved.stdout)["revision"]) == (0, 1)
    assert json.loads(got.stdout)["workflow"]["data"] == {"n": [1]}


def test_call_explains_an_error_and_suggests_the_nearest_method() -> None:
    done = run("call", "workflows.serch", "query=x", "--ephemeral")

    assert (done.returncode, done.stdout) == (1, "")
    assert "method_not_found" in done.stderr
    assert "workflows.search" in done.stderr


def test_call_refuses_a_word_that_is_no_param() -> None:
    assert run("call", "system.ping", "what", "--ephemeral").returncode == 2


def test_call_and_doctor_name_the_process_that_serves_the_database(tmp_path: Path) -> None:
    database = str(tmp_path / "a.db")
    holder = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve", "--database", database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    done = run("call", "system.ping", "--database", database)
    checks = result_of("doctor", "--json", "--database", database)
    holder.communicate(timeout=120)

    assert done.returncode == 3
    assert str(holder.pid) in done.stderr
    content = checks[-1]
    assert (content["state"], str(holder.pid) in content["detail"]) == ("ok", True)


def test_doctor_warns_of_a_file_with_several_names_and_sees_its_server_without_a_lock_file(
    tmp_path: Path,
) -> None:
    database = tmp_path / "a.db"
    holder = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve", "--database", database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    os.link(database, tmp_path / "b.db")
    (tmp_path / "a.db.lock").unlink()
    for name in ("a.db", "b.db"):
        checks = result_of("doctor", "--json", "--database", tmp_path / name)
        lock = next(check for check in checks if check["name"] == "lock")
        assert lock["state"] == "warn"
        # The number is known again when the process has put the lock file back.
        assert re.match(r"held by process (unknown|\d+); the file has 2 names", lock["detail"])
    holder.communicate(timeout=120)


def test_doctor_says_how_old_the_newest_backup_is(tmp_path: Path) -> None:
    database = tmp_path / "sim.db"

    def backups() -> tuple[str, str]:
        checks = result_of("doctor", "--json", "--database", database)
        (found,) = [each for each in checks if each["name"] == "backups"]
        return found["state"], found["detail"]

    assert backups() == ("ok", "none yet")
    run("call", "system.ping", "--database", database)
    assert backups() == ("warn", "none beside the database")
    run("backup", "--database", database)
    state, detail = backups()
    assert (state, detail.startswith("1, the newest 0.0 days old: sim_backup_")) == ("ok", True)


def test_doctor_finds_a_foreign_file_and_says_so(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    database.write_bytes(b"not a database at all, but long enough for a header" * 100)
    done = run("doctor", "--json", "--database", database)

    states = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    assert done.returncode == 1
    assert states["database"] == "fail"


HANGING_CHILD = """
import os, signal, sys
if "serve" in sys.orig_argv:
    os.kill(os.getppid(), signal.SIGINT)
    sys.stdin.read()
else:
    signal.signal(signal.SIGINT, signal.default_int_handler)
"""
"""Run by every Python at its start: a child sends its parent Ctrl-C, then waits to be closed."""

INTERRUPTED_IMPORT = """
import sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "sidecar.cli.search":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Pressed())
"""
"""Run by every Python at its start: Ctrl-C comes while the commands are being imported."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process it sends SIGINT to")
@pytest.mark.parametrize("code", [HANGING_CHILD, INTERRUPTED_IMPORT])
@pytest.mark.parametrize(
    "words", [("search", "x"), ("stats",), ("audit", "list"), ("secrets", "list"), ("backup",),
              ("call", "system.ping"), ("demo",)], ids=" ".join,
)  # fmt: skip
def test_ctrl_c_ends_a_command_without_a_traceback(
    tmp_path: Path, code: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sidecar", *words, "--database", str(tmp_path / "sim.db")],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )

    assert (done.returncode, done.stderr) == (130, "")


def test_the_demo_works_twice_on_one_database(tmp_path: Path) -> None:
    first = run("demo", cwd=tmp_path)
    second = run("demo", cwd=tmp_path)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "audit    1  workflow_import" in first.stdout
    assert "audit chain: unsealed" in second.stdout
    assert "skipped; its tool: n8n" in second.stdout
    assert "restored: 6 workflows" in second.stdout
    assert {path.name for path in (tmp_path / "sim-sidecar-demo").iterdir()} >= {
        "sim.db", "backups", "demo-workflows.zip", "demo-export.json",
    }  # fmt: skip


def test_serving_options_that_are_wrong_end_with_the_usage_code() -> None:
    assert run("serve", "--parent-pid", "0").returncode == 2
