"""Pairs of requests under way at once, and an independent reader that judges their answers.

Each act says what it does to the state of a database and what its answer claims. After a pair has
been answered, a second program, which has only Python's own `sqlite3`, reads the file: the state
must be one that the acts that were acknowledged lead to, in one of the two orders, and each answer
must describe such a state.
"""

import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import zstandard

from sidecar.archive.manifest import FRAME_BYTES
from tests.process.child_process import Child, Message, request

WORKFLOWS = 60
LONG_WAIT_S = 60.0

_READER = """
import json, sqlite3, sys
for line in sys.stdin:
    path, after = json.loads(line)
    db = sqlite3.connect("file:" + path + "?mode=ro", uri=True)
    db.execute("BEGIN")
    def rows(sql, *values):
        return [list(row) for row in db.execute(sql, values)]
    print(json.dumps({
        "workflows": rows("SELECT id, name, tags, archived_at IS NOT NULL FROM workflows"),
        "runs": rows("SELECT r.id, w.id, r.status FROM runs AS r JOIN workflows AS w"
                     " ON w.rid = r.workflow"),
        "settings": rows("SELECT key, value FROM settings WHERE key LIKE 'pair%'"),
        "log": rows("SELECT seq, action FROM access_log WHERE seq > ? ORDER BY seq", after),
        "damage": [row[0] for row in rows("PRAGMA quick_check") if row[0] != "ok"],
    }), flush=True)
    db.close()
"""


class State(NamedTuple):
    """What a database holds, as far as the acts change it."""

    workflows: dict[str, tuple[str, str, bool]]
    """Name, tags and whether it is archived, by id."""
    runs: dict[str, tuple[str, str]]
    """Workflow and status, by id."""
    settings: dict[str, str]


class Seen(NamedTuple):
    """What the independent reader found in a file."""

    state: State
    log: list[tuple[int, str]]
    """Numbers and actions of the entries after the one asked for."""
    damage: list[str]


class Reader:
    """The second program."""

    def __init__(self) -> None:
        """Start it; `-I` keeps our code out of its reach."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _READER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self, path: Path, after_seq: int = 0) -> Seen:
        """Read a database that may be served."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(path), after_seq]) + "\n")
        self._process.stdin.flush()
        found = json.loads(self._process.stdout.readline())
        state = State(
            {key: (name, tags, bool(archived)) for key, name, tags, archived in found["workflows"]},
            {key: (owner, status) for key, owner, status in found["runs"]},
            dict(found["settings"]),
        )
        return Seen(state, [(seq, action) for seq, action in found["log"]], found["damage"])

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


class Act(NamedTuple):
    """One request with what it does and claims."""

    method: str
    params: dict[str, Any]
    effect: Callable[[State], State]
    """The state after it was acknowledged."""
    claims: Callable[[Any, list[State]], bool]
    """Whether the result is right for one of these states."""
    action: str | None = None
    """What the audit log must have of it."""
    replaces: bool = False
    refusals: tuple[str, ...] = ()
    """Slugs of errors that it may get from what else is going on."""
    has_steps: bool = False
    """It changes rows in several transactions, between which others see some of them changed."""


Maker = Callable[["World", str], Act]
"""Makes an act for a world, with a key that no other act has."""


class World:
    """One served database and what is needed to judge it."""

    def __init__(self, child: Child, database: Path, reader: Reader) -> None:
        """Fill the database and make the backup that is restored."""
        self.child = child
        self.database = database
        self.reader = reader
        self.pairs = 0
        self.are_in_steps = False
        for start in range(0, WORKFLOWS, 20):
            items = [{"workflow": _workflow(number)} for number in range(start, start + 20)]
            child.result("workflows.save_many", {"items": items})
        for number in range(20):
            child.result("runs.start", {"workflow_id": f"w{number % 5}", "id": f"r{number}"})
            child.result("runs.finish", {"id": f"r{number}", "status": "success"})
        self.backup = child.result("backups.create")
        self.base = reader.read(database).state

    def saved_state(self, backup: str) -> State:
        """Unpack a backup without our reader, and let the second program read it."""
        packed = (self.database.parent / "backups" / backup).read_bytes()[FRAME_BYTES:]
        plain = self.database.with_name("unpacked")
        with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
            plain.write_bytes(stream.read())
        try:
            return self.reader.read(plain).state
        finally:
            plain.unlink()

    def is_one_of(self, found: State, possible: list[State]) -> bool:
        """Return whether a state is possible, for acts in steps as each row by itself."""
        if found in possible or not self.are_in_steps:
            return found in possible
        tables: Any = zip(found, *possible, strict=True)
        return all(
            rows.get(key) in [others.get(key) for others in every]
            for rows, *every in tables
            for key in {key for each in (rows, *every) for key in each}
        )

    def judge(self, seed: int, makers: tuple[Maker, Maker]) -> list[str]:
        """Run two acts at a random distance; return what the reader contradicts."""
        self.pairs += 1
        rng = random.Random(seed)
        acts = [make(self, f"{self.pairs}_{place}") for place, make in enumerate(makers)]
        before = self.reader.read(self.database)
        head = max((seq for seq, _action in before.log), default=0)
        self.child.send(request(acts[0].method, acts[0].params, 0))
        # The distance is what is drawn; nothing waits for this.
        time.sleep(rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.15)]))
        self.child.send(request(acts[1].method, acts[1].params, 1))
        answers: dict[int, Message] = {}
        while len(answers) < len(acts):
            answer = self.child.answer(LONG_WAIT_S)
            answers[answer["id"]] = answer
        after = self.reader.read(self.database, head)
        done = [act for number, act in enumerate(acts) if "result" in answers[number]]
        finals, passed = _possible(before.state, done)
        self.are_in_steps = any(act.has_steps for act in acts)
        wrong = [
            text
            for number, act in enumerate(acts)
            for text in _judge_answer(act, acts[1 - number], answers[number], passed)
        ]
        wrong += [f"the file: {text}" for text in after.damage]
        self.are_in_steps = all(act.has_steps for act in acts)
        if not self.is_one_of(after.state, finals):
            wrong.append(
                f"the state is none of the possible ones: {_difference(after.state, finals)}"
            )
        wrong += _judge_log(head, after.log, done)
        return wrong


def _judge_answer(act: Act, other: Act, answer: Message, passed: list[State]) -> list[str]:
    """Return what is wrong with one answer."""
    if "error" in answer:
        slug = answer["error"]["data"]["slug"]
        allowed = {"maintenance"} if act.replaces or other.replaces else set()
        allowed |= set(act.refusals)
        return [] if slug in allowed else [f"{act.method}: {answer['error']}"]
    if act.claims(answer["result"], passed):
        return []
    return [f"{act.method} claims what no state has: {json.dumps(answer['result'])[:600]}"]


def _judge_log(head: int, log: list[tuple[int, str]], done: list[Act]) -> list[str]:
    """Return what is wrong with the entries that the pair added."""
    actions = [action for _seq, action in log]
    wrong = [
        f"there is no entry of {act.method}"
        for act in done
        if act.action and act.action not in actions
    ]
    if "backup_rejected" in actions:
        wrong.append("the log says that a sound backup was rejected")
    if [seq for seq, _action in log] != list(range(head + 1, head + 1 + len(log))):
        wrong.append(f"the numbers of the log have gaps: {log}")
    return wrong


def _possible(state: State, done: list[Act]) -> tuple[list[State], list[State]]:
    """Return the states that these acts can lead to, and all that there can be on the way."""
    finals, passed = [], [state]
    for order in itertools.permutations(done):
        now = state
        for act in order:
            now = act.effect(now)
            passed.append(now)
        finals.append(now)
    return finals, passed


def _difference(found: State, finals: list[State]) -> str:
    """Describe how a state differs from each possible one."""
    texts = []
    for final in finals:
        both: Any = zip(State._fields, found, final, strict=True)
        for name, has, wants in both:
            differing = {key for key in {*has, *wants} if has.get(key) != wants.get(key)}
            texts += [
                f"{name} {key}: {has.get(key)} for {wants.get(key)}"
                for key in sorted(differing)[:3]
            ]
    return "; ".join(texts[:8])


def _workflow(number: int) -> dict[str, Any]:
    """Return a workflow whose body does not compress."""
    noise = random.Random(number).randbytes(4000).hex()
    tags = ["old", f"t{number % 7}"]
    return {"id": f"w{number}", "name": f"name {number}", "tags": tags, "data": {"noise": noise}}
