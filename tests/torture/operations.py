"""What the storm does: each act says its request and the world after it."""

import copy
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.torture.model import World, body


class Act(NamedTuple):
    """A request, and what must be there once it has succeeded."""

    method: str
    params: dict[str, Any]
    after: World
    in_steps: bool = False
    """Stopped amid it, any part of the runs that go may be gone."""


Draw = Callable[[random.Random, World, dict[str, World]], Act | None]
"""Draws one for a world and its backups by name; None when there is nothing to do it to."""

WORKFLOWS_MAX = 60
RUNS_MAX = 150


def save(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Save a new workflow or replace one."""
    after = copy.deepcopy(world)
    known = sorted(world.workflows)
    new = len(known) < WORKFLOWS_MAX and rng.random() < 0.4
    key = f"w{rng.randrange(10**6)}" if new or not known else rng.choice(known)
    name, data = f"name {rng.randrange(1000)}", body(rng)
    after.workflows[key] = (name, data)
    return Act("workflows.save", {"workflow": {"id": key, "name": name, "data": data}}, after)


def delete(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Delete a workflow with its runs."""
    if not world.workflows:
        return None
    after = copy.deepcopy(world)
    key = rng.choice(sorted(world.workflows))
    del after.workflows[key]
    after.runs = {run: status for run, status in world.runs.items() if world.owners[run] != key}
    after.owners = {run: owner for run, owner in world.owners.items() if owner != key}
    return Act("workflows.delete", {"id": key}, after)


def start(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Start a run."""
    if not world.workflows or len(world.runs) >= RUNS_MAX:
        return None
    after = copy.deepcopy(world)
    key, run = rng.choice(sorted(world.workflows)), f"r{rng.randrange(10**9)}"
    after.runs[run], after.owners[run] = "running", key
    return Act("runs.start", {"workflow_id": key, "id": run}, after)


def finish(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """End a run."""
    running = sorted(run for run, status in world.runs.items() if status == "running")
    if not running:
        return None
    after = copy.deepcopy(world)
    run, status = rng.choice(running), rng.choice(("success", "error", "cancelled"))
    after.runs[run] = status
    return Act("runs.finish", {"id": run, "status": status, "summary": body(rng)}, after)


def prune(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Let every ended run go, except those that were interrupted."""
    if len(world.runs) < RUNS_MAX // 2 and rng.random() < 0.9:
        return None
    after = copy.deepcopy(world)
    after.runs = {
        run: status
        for run, status in world.runs.items()
        if status == "running" or run in world.interrupted
    }
    after.owners = {run: world.owners[run] for run in after.runs}
    return Act("runs.prune", {"keep_last": 0}, after, in_steps=True)


def setting(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Set a setting."""
    after = copy.deepcopy(world)
    after.theme = f"theme {rng.randrange(100)}"
    return Act("settings.set", {"key": "theme", "value": after.theme}, after)


def set_secret(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Keep or replace a key."""
    after = copy.deepcopy(world)
    provider, value = f"p{rng.randrange(8)}", f"value-{rng.randrange(10**9)}"
    after.secrets[provider] = value
    return Act("secrets.set", {"provider": provider, "value": value}, after)


def delete_secret(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Delete a key."""
    if not world.secrets:
        return None
    after = copy.deepcopy(world)
    provider = rng.choice(sorted(world.secrets))
    del after.secrets[provider]
    return Act("secrets.delete", {"provider": provider}, after)


def change_passphrase(rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Another passphrase."""
    after = copy.deepcopy(world)
    after.passphrase = f"passphrase {rng.randrange(10**6)}"
    params = {"old_passphrase": world.passphrase, "new_passphrase": after.passphrase}
    return Act("secrets.change_passphrase", params, after)


def _same(method: str, **params: Any) -> Draw:
    """An act after which everything is as it was."""

    def draw(_rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
        return Act(method, params, copy.deepcopy(world))

    return draw


def rekey(_rng: random.Random, world: World, _backups: dict[str, World]) -> Act | None:
    """Every key anew."""
    return Act("secrets.rekey", {"passphrase": world.passphrase}, copy.deepcopy(world))


def restore(rng: random.Random, world: World, backups: dict[str, World]) -> Act | None:
    """Go back to a backup; secrets stay those of now."""
    if not backups:
        return None
    name = rng.choice(sorted(backups))
    after = backups[name].after_a_death()
    after.secrets, after.passphrase = copy.deepcopy(world.secrets), world.passphrase
    return Act("backups.restore", {"name": name}, after)


ACTS: dict[str, tuple[int, Draw]] = {
    "save": (30, save),
    "delete": (6, delete),
    "start": (12, start),
    "finish": (12, finish),
    "prune": (2, prune),
    "setting": (6, setting),
    "set secret": (6, set_secret),
    "delete secret": (2, delete_secret),
    "rotate": (1, _same("secrets.rotate")),
    "rekey": (1, rekey),
    "change passphrase": (1, change_passphrase),
    "purge": (2, _same("system.purge")),
    "compact": (1, _same("system.compact")),
    "backup": (2, _same("backups.create")),
    "restore": (1, restore),
    "check": (1, _same("system.check", full=True)),
}
"""Each with how often it comes."""


def draw(rng: random.Random, world: World, backups: dict[str, World]) -> Act:
    """The next one."""
    while True:
        weights = [weight for weight, _draw in ACTS.values()]
        ((_weight, found),) = rng.choices(list(ACTS.values()), weights)
        act = found(rng, world, backups)
        if act is not None:
            return act
