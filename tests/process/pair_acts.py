"""The acts that are paired: what each one does to the state of a database and what it claims.

The function of each act is given the world and a key that no other act has.
"""

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

from tests.process.pairs import WORKFLOWS, Act, Maker, State, World


def _same(state: State) -> State:
    return state


def _any(_result: Any, _states: list[State]) -> bool:
    return True


def _counts_workflows(read: Callable[[Any], int]) -> Callable[[Any, list[State]], bool]:
    """Return a claim about the number of workflows, of which some may be deleted in steps."""

    def claims(result: Any, states: list[State]) -> bool:
        counts = [len(state.workflows) for state in states]
        return min(counts) <= read(result) <= max(counts)

    return claims


def _restore(world: World, _key: str) -> Act:
    def claims(result: Any, states: list[State]) -> bool:
        saved = result["safety_backup"]
        right = result["counts"]["workflows"] == len(world.base.workflows)
        return right and world.is_one_of(world.saved_state(saved), states)

    params = {"name": world.backup["name"]}
    return Act(
        "backups.restore", params, lambda _state: world.base, claims, "restore", replaces=True
    )


def _recovers(result: Any, states: list[State]) -> bool:
    return not result["lost"] and _counts_workflows(lambda each: each["salvaged"]["workflows"])(
        result, states
    )


def _without(ids: list[str]) -> Callable[[State], State]:
    def effect(state: State) -> State:
        kept = {key: value for key, value in state.workflows.items() if key not in ids}
        runs = {key: run for key, run in state.runs.items() if run[0] not in ids}
        return state._replace(workflows=kept, runs=runs)

    return effect


def _rename_tag(world: World, key: str) -> Act:
    """Rename a tag that sixty workflows have to a new one."""
    tags = json.loads(next(iter(world.reader.read(world.database).state.workflows.values()))[1])
    old, new = tags[0], f"tag{key}"

    def effect(state: State) -> State:
        def renamed(text: str) -> str:
            return json.dumps(
                [new if tag == old else tag for tag in json.loads(text)], separators=(",", ":")
            )

        return state._replace(
            workflows={
                k: (name, renamed(t), gone) for k, (name, t, gone) in state.workflows.items()
            }
        )

    return Act("workflows.rename_tag", {"tag": old, "new_tag": new}, effect, _any, has_steps=True)


def _delete_many(_world: World, key: str) -> Act:
    number = int(key.split("_", maxsplit=1)[0])
    ids = [f"w{(number * 3 + offset) % WORKFLOWS}" for offset in range(3)]

    def claims(result: Any, _states: list[State]) -> bool:
        return all(
            item["deleted"] or item["error"]["slug"] == "not_found" for item in result["items"]
        )

    params = {"ids": ids}
    return Act("workflows.delete_many", params, _without(ids), claims, has_steps=True)


def _save(_world: World, key: str) -> Act:
    workflow = {"id": f"new{key}", "name": key, "tags": [f"t{key}"], "data": {"k": key}}

    def effect(state: State) -> State:
        added = {f"new{key}": (key, f'["t{key}"]', False)}
        return state._replace(workflows={**state.workflows, **added})

    return Act("workflows.save", {"workflow": workflow}, effect, _any, "workflow_save")


def _archive(_world: World, _key: str) -> Act:
    def effect(state: State) -> State:
        if "w59" not in state.workflows:
            return state
        name, tags, _gone = state.workflows["w59"]
        return state._replace(workflows={**state.workflows, "w59": (name, tags, True)})

    return Act("workflows.archive", {"id": "w59"}, effect, _any, refusals=("not_found",))


def _start_run(_world: World, key: str) -> Act:
    def effect(state: State) -> State:
        return state._replace(runs={**state.runs, f"run{key}": ("w58", "running")})

    params = {"workflow_id": "w58", "id": f"run{key}"}
    return Act("runs.start", params, effect, _any, refusals=("not_found",))


def _set(_world: World, key: str) -> Act:
    def effect(state: State) -> State:
        return state._replace(settings={**state.settings, f"pair.{key}": f'"{key}"'})

    return Act(
        "settings.set", {"key": f"pair.{key}", "value": key}, effect, _any, "settings_update"
    )


def _create(world: World, key: str) -> Act:
    def claims(result: Any, states: list[State]) -> bool:
        return world.is_one_of(world.saved_state(result["name"]), states)

    return Act("backups.create", {"label": key}, _same, claims, "backup_create")


def _export(world: World, key: str) -> Act:
    path = world.database.with_name(f"log{key}")

    def claims(result: Any, _states: list[State]) -> bool:
        lines = path.read_bytes().splitlines()
        path.unlink()
        return bool(result["audit_entries"] == len(lines) - 2 == json.loads(lines[-1])["entries"])

    return Act("audit.export", {"path": str(path)}, _same, claims, "audit_export")


def _plain(
    method: str,
    claims: Callable[[Any, list[State]], bool] = _any,
    action: str | None = None,
    *,
    replaces: bool = False,
    **params: Any,
) -> Maker:
    """Return an act that changes no row that is compared."""
    return lambda _world, _key: Act(method, params, _same, claims, action, replaces)


def _is_ok(result: Any, _states: list[State]) -> bool:
    return bool(result["ok"])


LONG: dict[str, Maker] = {
    "restore": _restore,
    "recover": _plain("system.recover", _recovers, "recover", replaces=True),
    "compact": _plain("system.compact", action="compact", replaces=True),
    "recover dry": _plain("system.recover", _recovers, dry_run=True),
    "restore dry": lambda world, _key: Act(
        "backups.restore",
        {"name": world.backup["name"], "dry_run": True},
        _same,
        _counts_workflows(lambda result: result["counts_before"]["workflows"]),
    ),
    "verify": lambda world, _key: Act(
        "backups.verify", {"name": world.backup["name"]}, _same, _is_ok
    ),
    "create": _create,
    "check": _plain("system.check", _is_ok),
    "check full": _plain("system.check", _is_ok, full=True),
    # Its checkpoint waits only so long for a long read.
    "purge": lambda _world, _key: Act("system.purge", {}, _same, _any, refusals=("purge_blocked",)),
    "verify log": _plain("audit.verify", lambda result, _states: result["status"] == "unsealed"),
    "export": _export,
    "stats": _plain("runs.stats"),
    "rename tag": _rename_tag,
    "delete many": _delete_many,
}
SHORT: dict[str, Maker] = {
    "save": _save,
    "archive": _archive,
    "start run": _start_run,
    "set": _set,
}
REPLACING = {"restore", "recover", "compact"}
LONG_AND_SHORT = {**LONG, **SHORT}


def draw_pairs(seed: int, count: int) -> list[tuple[str, str]]:
    """Return so many pairs of acts in random order: every pair is drawn before one comes again.

    Every second pair, as long as there are, has an act that replaces the file.
    """
    rng = random.Random(seed)
    every = [*itertools.product(LONG, LONG), *itertools.product(LONG, SHORT)]
    drawn: list[tuple[str, str]] = []
    while len(drawn) < count:
        rng.shuffle(every)
        replacing = [pair for pair in every if not REPLACING.isdisjoint(pair)]
        others = [pair for pair in every if REPLACING.isdisjoint(pair)]
        for pairs in itertools.zip_longest(replacing, others):
            drawn += [pair for pair in pairs if pair]
    return drawn[:count]
