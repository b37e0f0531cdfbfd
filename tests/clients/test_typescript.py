"""Tests of the TypeScript client: programs in Node, compiled once, against the real process."""

import json
import re
import shutil
import sqlite3
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import package_client
from package import npm_name, platforms
from sidecar import describe
from tests.clients.hostile_peers import without_later_ready
from tests.clients.node_programs import (
    CLIENT,
    NO_TYPESCRIPT,
    NO_TYPESCRIPT_REASON,
    NODE,
    compile_typescript,
    program,
    run_node,
)
from tests.promptness import TooSlowError
from tests.store import samples

SIDECAR = [sys.executable, "-m", "sidecar"]
RUNTIME_LINES = 700

PEER = """
import json, sys, time
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)
ready = {"protocol_version": "1.0", "head": {"seq": 0}, "runs_interrupted_ids": [], "secrets": ""}
"""
READY = 'say(method="system.ready", params=ready)\n'
SHUTDOWN = 'say(id=hear()["id"], result={})\n'

pytestmark = [
    pytest.mark.skipif(NO_TYPESCRIPT, reason=NO_TYPESCRIPT_REASON),
    pytest.mark.usefixtures("cheap_keys"),
]


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Compile the client and its test programs."""
    compile_typescript(CLIENT / "test")


def report(program: str, *words: object) -> Any:
    """Run one of the compiled programs and return what it reports."""
    return json.loads(run_node(CLIENT / "test" / "dist" / f"{program}.js", *words))


def peer(text: str) -> list[str]:
    """Return the command of a small program that takes the place of the real process."""
    return [sys.executable, "-I", "-S", "-c", PEER + text]


# --- the contract ---------------------------------------------------------------------------


def test_the_typescript_client_calls_every_method_and_receives_every_notification(
    tmp_path: Path,
) -> None:
    older = samples.unpack("v1", tmp_path / "older.db")
    with closing(sqlite3.connect(older)) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
    (tmp_path / "lost.db.known").touch()
    contract = describe.contract()
    methods = [each["name"] for each in contract["methods"]]
    notifications = [each["name"] for each in contract["x-notifications"]["outgoing"]]

    seen = report("methods", tmp_path, sys.executable, "-m", "tests.scenarios.with_keychain")

    assert seen == {"answered": sorted(methods), "notified": sorted(notifications)}


def test_the_errors_of_the_typescript_client_are_told_apart_by_slug(tmp_path: Path) -> None:
    assert report("faults", "errors", tmp_path / "sim.db", *SIDECAR) == {
        "slugs": ["not_found", "invalid_params", "invalid_request"],
        "path": "$.params.id",
        "other": False,
        "all": True,
    }


def test_the_typescript_client_yields_the_pages_of_a_list(tmp_path: Path) -> None:
    assert report("faults", "pages", tmp_path / "sim.db", *SIDECAR) == {
        "pages": [["w0", "w1", "w2"], ["w3", "w4", "w5"], ["w6"], []],
        "rest": [3, 1],
    }


def test_the_core_of_the_typescript_client_needs_nothing_of_node() -> None:
    """A web page loads it: what index.js imports, directly or not, imports only its own files."""
    waiting, seen = ["index.js"], set[str]()
    while waiting:
        name = waiting.pop()
        text = (CLIENT / "dist" / name).read_text("utf-8")
        imported = set(re.findall(r'^(?:im|ex)port .*?from "(.+)";$', text, re.MULTILINE))
        assert all(each.startswith("./") for each in imported), name
        seen.add(name)
        waiting += [each[2:] for each in imported if each[2:] not in seen]

    assert seen == {"index.js", "client.js", "errors.js", "generated.js"}


def test_the_hand_written_part_of_the_typescript_client_stays_small() -> None:
    sources = [path for path in (CLIENT / "src").glob("*.ts") if path.name != "generated.ts"]
    lines = [line for path in sources for line in path.read_text("utf-8").splitlines()]
    code = [line for line in lines if line.strip() and not re.match(r"\s*(//|/?\*)", line)]

    assert len(code) <= RUNTIME_LINES


# --- time-outs and cancelling ---------------------------------------------------------------


def test_progress_starts_the_timeout_of_the_typescript_client_afresh(tmp_path: Path) -> None:
    slow = """
request = hear()
for done in range(6):
    time.sleep(0.5)
    say(method="$/progress", params={"id": request["id"], "done": done})
say(id=request["id"], result="done")
silent, cancel, last = hear(), hear(), hear()
say(id=silent["id"], result="too late")
right = cancel["params"]["id"] == silent["id"]
say(id=last["id"], result={"method": cancel["method"], "right": right})
"""
    seen = report("faults", "progress", tmp_path / "none", *peer(READY + slow + SHUTDOWN))

    assert seen == {
        "result": "done",
        "done": [0, 1, 2, 3, 4, 5],
        "late": True,
        "heard": {"method": "$/cancelRequest", "right": True},
    }


def test_an_abort_signal_cancels_a_call_of_the_typescript_client(tmp_path: Path) -> None:
    assert report("faults", "abort", tmp_path / "sim.db", *SIDECAR) == {
        "early": "early",
        "late": "late",
        "backups": 0,
    }


# --- the supervisor -------------------------------------------------------------------------


def test_a_kill_amid_a_thousand_calls_settles_each_call_of_the_typescript_client_once(
    tmp_path: Path,
) -> None:
    database = tmp_path / "sim.db"

    seen = report("killed", database, *SIDECAR)

    assert seen["settled"] == [1] * 1000
    assert seen["outcomes"] == {"done": 250, "may_have_run": 750, "not_sent": 1, "other": 0}
    assert seen["states"] == ["starting", "ready", "down", "starting", "ready", "stopped"]
    with closing(sqlite3.connect(database)) as db:
        entries = [seq for (seq,) in db.execute("SELECT seq FROM access_log ORDER BY seq")]
        stored = {name for (name,) in db.execute("SELECT id FROM workflows")}
    assert seen["events"] == entries
    if set(seen["saved"]) | {"last"} == stored:
        raise TooSlowError("It was killed before it had done what it never told.")
    assert set(seen["saved"]) | {"last"} < stored


def test_a_start_that_fails_tells_its_slug_through_the_typescript_client(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.db"
    theirs.write_text("a letter", encoding="utf-8")

    assert report("faults", "start_failed", theirs, *SIDECAR) == {
        "name": "StartFailed",
        "slug": "not_ours",
        "data": "not_ours",
        "exitCode": 4,
        "message": "The file is not a database of this product.",
        "states": ["starting", "stopped"],
        "logged": True,
    }


@pytest.mark.parametrize(
    "command",
    [
        ["./no-such-program"],
        peer("sys.exit('no reason that a client knows')"),
        peer('ready["protocol_version"] = "2.0"\n' + READY + "hear()"),
    ],
    ids=["missing", "silent", "newer protocol"],
)
def test_a_program_that_never_serves_is_a_failed_start_of_the_typescript_client(
    command: list[str], tmp_path: Path
) -> None:
    assert report("faults", "not_found", tmp_path / "none", *command) == [True, None]


def test_the_typescript_supervisor_gives_up_on_a_crash_loop(tmp_path: Path) -> None:
    seen = report("faults", "crash_loop", tmp_path / "none", *peer(READY + "sys.exit(1)"))

    waits = seen.pop("waits")
    assert all(map(float.__ge__, waits, (249.0, 499.0, 999.0, 1999.0)))
    seen["states"] = without_later_ready(seen["states"])
    assert seen == {
        "loop": True,
        "cause": True,
        "states": ["starting", "ready", *["down", "starting"] * 4, "gave_up"],
        "ready": "StartFailed: The supervisor is gave_up.",
        "again": "ready",
    }


def test_the_typescript_supervisor_unlocks_after_each_start(tmp_path: Path) -> None:
    assert report("faults", "unlock", tmp_path / "sim.db", *SIDECAR) == {
        "asked": [False, True],
        "state": "unlocked",
    }


def test_the_typescript_supervisor_hands_over_the_runs_that_a_kill_interrupted(
    tmp_path: Path,
) -> None:
    assert report("faults", "runs", tmp_path / "sim.db", *SIDECAR) == {
        "given": [["r1"]],
        "status": "running",
        "tokens": 1,
    }


def test_the_typescript_supervisor_fills_the_gap_of_an_overflow(tmp_path: Path) -> None:
    assert report("faults", "overflow", tmp_path / "sim.db", *SIDECAR) == {
        "overflows": 1,
        "events": [1, 2, 3],
    }


def test_the_typescript_supervisor_of_a_host_that_starts_again_continues_after_an_entry(
    tmp_path: Path,
) -> None:
    assert report("faults", "after", tmp_path / "sim.db", *SIDECAR) == [1, 2, 2, 3, 4]


def test_the_typescript_supervisor_tells_that_an_older_database_was_put_back(
    tmp_path: Path,
) -> None:
    assert report("faults", "stale", tmp_path / "sim.db", *SIDECAR) == {
        "before": [1, 2],
        "stale": 1,
        "events": [1, 2, 1],
    }


def test_a_callback_that_throws_does_not_stop_the_typescript_client(tmp_path: Path) -> None:
    assert report("faults", "throwing", tmp_path / "sim.db", *SIDECAR) == {
        "value": "dark",
        "exitCode": 0,
        "thrown": True,
    }


def test_lines_of_the_typescript_client_end_in_lf_alone(tmp_path: Path) -> None:
    """A character of several bytes that comes in two parts is one, and a cut off line is none."""
    parts = r"""
for part in ("a\u2028b\u0085ü".encode()[:-1], "ü\n\ncut".encode()[1:]):
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
    time.sleep(0.1)
print("last words", file=sys.stderr, end="", flush=True)
sys.exit(7)
"""
    assert report("faults", "transport", tmp_path / "none", *peer(parts)) == {
        "lines": ["a\u2028b\u0085ü", ""],
        "end": {"exitCode": 7, "signal": None, "stderr": "last words"},
    }


# --- what a reader tries first --------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the npm package of the client."""
    names = [npm_name(row) for row in platforms()]
    folder = tmp_path_factory.mktemp("npm")
    remotes = [npm_name(row, "remote") for row in platforms()]
    return package_client.make(folder, "1.2.3", names, remotes, epoch_s=1_700_000_000)


def install(packed: Path, folder: Path) -> Path:
    """Unpack the npm package where Node finds it from a folder."""
    place = folder / "node_modules" / "@sim-sidecar"
    place.mkdir(parents=True)
    with tarfile.open(packed) as tar:
        tar.extractall(place, filter="data")
    return (place / "package").rename(place / "client")


def test_the_package_of_the_typescript_client_chooses_among_those_of_the_platforms(
    packed: Path, tmp_path: Path
) -> None:
    manifest = json.loads((install(packed, tmp_path) / "package.json").read_text("utf-8"))

    assert (manifest["name"], manifest["version"]) == ("@sim-sidecar/client", "1.2.3")
    assert manifest["optionalDependencies"] == {npm_name(row): "1.2.3" for row in platforms()}
    remotes = [npm_name(row, "remote") for row in platforms()]
    assert manifest["peerDependencies"] == dict.fromkeys(sorted(remotes), "1.2.3")
    assert manifest["peerDependenciesMeta"] == {name: {"optional": True} for name in remotes}
    assert not {"private", "scripts", "devDependencies", "dependencies"} & set(manifest)


def test_the_example_of_the_typescript_client_is_a_host_in_fifteen_lines(
    packed: Path, tmp_path: Path
) -> None:
    """The first one of its README is run as it stands, in a folder that has only the package."""
    text = (CLIENT / "README.md").read_text("utf-8")
    example = text.partition("```js\n")[2].partition("```")[0]
    (tmp_path / "host.mjs").write_text(example, encoding="utf-8")
    install(packed, tmp_path)

    printed = run_node("host.mjs", folder=tmp_path, SIM_SIDECAR=program(tmp_path))

    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    assert printed.splitlines() == ["hello created", "Hello", "conflict with revision 1"]


def test_the_typescript_client_finds_the_program_in_each_place(
    packed: Path, tmp_path: Path
) -> None:
    """A copy of Node makes the folder beside it the test's own; each place goes before the next."""
    client = install(packed, tmp_path)
    node = make(tmp_path / "bin" / "node")
    shutil.copy(Path(str(NODE)).resolve(), node)
    system = run_node("-p", "process.platform + '-' + process.arch").strip()
    package = client.with_name(f"sidecar-{system}")
    make(package / "package.json", "{}")
    in_package = make(package / "sim-sidecar" / "sim-sidecar")
    beside = make(node.parent / "sim-sidecar" / "sim-sidecar")

    def found(**variables: str) -> str:
        look = "import('@sim-sidecar/client/node').then((it) => console.log(it.findProgram()))"
        return run_node("-e", look, node=node, folder=tmp_path, **variables).strip()

    assert found(SIM_SIDECAR="/opt/some where/sim-sidecar") == "/opt/some where/sim-sidecar"
    assert found() == str(in_package)
    in_package.unlink()
    assert found() == str(beside)
    beside.unlink()
    assert found() == "sim-sidecar"


def test_the_typescript_client_tells_the_process_where_the_package_of_the_extra_is(
    packed: Path, tmp_path: Path
) -> None:
    client = install(packed, tmp_path)
    show = "import os; print(os.environ.get('SIM_SIDECAR_REMOTE'))"

    def told(**variables: str) -> str:
        words = json.dumps([sys.executable, "-c", show])
        start = f"new it.ProcessTransport({words}).onLine((line) => console.log(line))"
        look = f"import('@sim-sidecar/client/node').then((it) => {start})"
        return run_node("-e", look, folder=tmp_path, **variables).strip()

    assert told() == "None"
    system = run_node("-p", "process.platform + '-' + process.arch").strip()
    package = client.with_name(f"remote-{system}")
    make(package / "package.json", "{}")
    assert told() == str(package / "remote")
    assert told(SIM_SIDECAR_REMOTE="/opt/some where") == "/opt/some where"


def make(path: Path, text: str = "") -> Path:
    """Write a file and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
