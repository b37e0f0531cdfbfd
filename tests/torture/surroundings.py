"""What happens around the process in a storm: overlaps, second names, lost files, flipped bits.

Each function does one such thing to a storm and compares what the process answered with what a
fresh process finds in the file. An answer that the file contradicts is a loss.
"""

import contextlib
import copy
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from tests.process.child_process import Child, environment, product, request
from tests.torture.model import World
from tests.torture.operations import save

if TYPE_CHECKING:
    from tests.torture.__main__ import Storm

SAVES = 5
"""Saves that a client sends before it goes without reading an answer."""

ENDED_WITHOUT_A_READER = (0, 10)
"""Exit codes of a process that has lost its reader: nothing was left, or some reads were."""


def effect(method: str, params: dict[str, Any], world: World, backups: dict[str, World]) -> World:
    """Return the world after a request that succeeded."""
    after = copy.deepcopy(world)
    if method == "workflows.save":
        workflow = params["workflow"]
        after.workflows[workflow["id"]] = (workflow["name"], workflow["data"])
    elif method == "settings.set":
        after.theme = params["value"]
    elif method == "backups.restore" and not params.get("dry_run"):
        after = backups[params["name"]].after_a_death()
        after.secrets, after.passphrase = copy.deepcopy(world.secrets), world.passphrase
    return after


def overlap(storm: "Storm") -> None:
    """Have two requests under way at once, the first a long one."""
    rng, backups = storm.rng, dict(storm.backups)
    long_ones: list[tuple[str, dict[str, Any]]] = [
        ("system.compact", {}),
        ("system.purge", {}),
        ("system.check", {"full": True}),
        ("system.recover", {"dry_run": True}),
        ("audit.verify", {}),
        ("audit.export", {"path": str(storm.database.with_name(f"export-{rng.random()}"))}),
        ("backups.create", {}),
    ]
    for name in sorted(backups):
        long_ones += [("backups.restore", {"name": name}), ("backups.verify", {"name": name})]
        long_ones.append(("backups.restore", {"name": name, "dry_run": True}))
    saving = save(rng, storm.world, {})
    assert saving is not None
    short_ones = [(saving.method, saving.params), ("settings.set", {"key": "theme", "value": "x"})]
    first = rng.choice(long_ones)
    others = [each for each in long_ones if each is not first or each[0] != "audit.export"]
    second = rng.choice([*others, *short_ones, *short_ones])  # one file is exported only once
    storm.child.send(request(*first, "first"))
    with contextlib.suppress(Exception):
        storm.child.process.wait(rng.uniform(0, 0.1))
    storm.child.send(request(*second, "second"))
    answers = {each["id"]: each for each in storm.child.answers(2)}
    done = [
        asked for asked, name in ((first, "first"), (second, "second")) if "result" in answers[name]
    ]
    for answer in answers.values():
        if "error" in answer and answer["error"]["data"]["slug"] not in storm.BORNE:
            storm.report(f"unexpected beside another request: {first} {second} {answer}")
    possible = [storm.world]
    if done:
        possible = [_all_effects(done, storm.world, backups)]
        possible.append(_all_effects(done[::-1], storm.world, backups))
    storm.restart(possible)


def _all_effects(
    done: list[tuple[str, dict[str, Any]]], world: World, backups: dict[str, World]
) -> World:
    """Return the world after requests that succeeded in this order."""
    for method, params in done:
        world = effect(method, params, world, backups)
    return world


def second_name(storm: "Storm") -> None:
    """Start another process on a second name of the file that is served."""
    other = storm.database.with_name("second-name.db")
    os.link(storm.database, other)
    child = Child(product("--database", other))
    try:
        code = child.wait_exit()
        if code == 0 or "already_running" not in child.stderr_text():
            storm.report(f"a second name was served: {code} {child.stderr_text()[-200:]}")
    finally:
        child.close()
        other.unlink()
        for companion in other.parent.glob("second-name.db*"):
            companion.unlink() if companion.is_file() else shutil.rmtree(companion)


def lost_companion(storm: "Storm") -> None:
    """Remove a file beside the database while it is served, save on, and kill the process."""
    suffix = storm.rng.choice(("-wal", ".lock"))
    storm.database.with_name(storm.database.name + suffix).unlink(missing_ok=True)
    world = storm.world
    for _number in range(3):
        act = save(storm.rng, world, {})
        assert act is not None
        if "result" in storm.child.call(act.method, act.params):
            world = act.after
    storm.restart([world])


def flipped_bit(storm: "Storm") -> None:
    """Flip a bit in a row of a copy of the file, and ask a process that serves it for all of it."""
    storm.child.finish()
    storm.child.close()
    content = bytearray(storm.database.read_bytes())
    name = storm.rng.choice([name for name, _data in storm.world.workflows.values()] or ["theme"])
    at = content.find(name.encode())
    if at >= 0:
        content[at + storm.rng.randrange(len(name))] ^= 1 << storm.rng.randrange(8)
    copied = storm.database.with_name("flipped.db")
    copied.write_bytes(content)
    child = Child(product("--database", copied), env=environment())
    try:
        child.wait_ready()
        for method, params in (
            ("workflows.list", {"limit": 500}),
            ("workflows.search", {"query": name}),
            ("workflows.tags", {}),
            ("runs.list", {"limit": 500}),
            ("settings.list", {}),
            ("audit.list", {"limit": 500}),
            ("system.stats", {}),
            ("system.check", {"full": True}),
            *(("workflows.get", {"id": key}) for key in storm.world.workflows),
        ):
            answer = child.call(method, params)
            if answer.get("error", {}).get("code") == -32603:
                trace = child.stderr_text()[-1500:]
                storm.report(f"a flipped bit in {name!r}: {method} {json.dumps(answer)} {trace}")
    finally:
        child.close()
        for companion in storm.database.parent.glob("flipped.db*"):
            companion.unlink() if companion.is_file() else shutil.rmtree(companion)
    storm.restart([storm.world])


def lost_reader(storm: "Storm") -> None:
    """Send saves and go at once, without reading an answer: all that was delivered is done."""
    world, lines = storm.world, b""
    for number in range(SAVES):
        act = save(storm.rng, world, {})
        assert act is not None
        lines += request(act.method, act.params, number)
        world = act.after
    storm.child.send(lines)
    assert storm.child.process.stdout is not None
    storm.child.process.stdout.close()
    storm.child.close_stdin()
    code = storm.child.wait_exit(30)
    if code not in ENDED_WITHOUT_A_READER:
        storm.report(f"exit code {code} without a reader")
    storm.restart([world])


EVENTS = [overlap, overlap, overlap, lost_companion, flipped_bit, lost_reader]
if sys.platform != "win32":
    EVENTS.append(second_name)
