"""The entries that each method writes to the audit log; `tests/audited_calls.py` lists them.

Every committed change of a workflow or a setting is logged, and a check with findings. Reads,
refusals, saves that change nothing, and runs except their deletion are not.
"""

import ast
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import sidecar
import sidecar.handlers.every
from sidecar import limits
from sidecar.catalog import METHODS
from sidecar.errors import AuditUnavailable, SidecarError
from sidecar.keychain import NamedBackend
from sidecar.store.audit.log import is_log_sealed, read_entries
from sidecar.vocabulary_sentences import AUDIT_ACTIONS
from tests.audited_calls import ACTS, READING, REFUSED, Act, Told
from tests.handlers.rows_of_acts import MADE_MS, bench_with_rows
from tests.harness import Bench, ManualClock
from tests.made_workflows import save
from tests.make_params import params_type, simplest
from tests.vault_benches import MemoryKeychain


@pytest.fixture
def bench(made_rows: Path, tmp_path: Path) -> Iterator[Bench]:
    with bench_with_rows(made_rows, tmp_path, ManualClock(MADE_MS)) as opened:
        yield opened


def log(bench: Bench) -> list[Told]:
    """Return the entries of the log as (action, resource, details)."""
    return [(item["action"], item["resource"], item["details"]) for item in listed(bench)]


def listed(bench: Bench) -> list[dict[str, Any]]:
    """Return the whole log as audit.list returns it."""
    found: list[dict[str, Any]] = bench.call("audit.list", limit=500)["items"]
    return found


def dump(bench: Bench) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables but those of the indexes, which are updated later."""
    names = bench.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_pending'"
        " AND name NOT GLOB 'search_*'"
    )
    return {name: bench.rows(f"SELECT * FROM {name}") for (name,) in names}  # noqa: S608 - our tables


def prepare(bench: Bench, name: str) -> None:
    """Make what an act needs beside the rows of the fixture."""
    if name == "audit.prune":
        assert isinstance(bench.clock, ManualClock)
        bench.clock.at_ms += limits.AUDIT_KEEP_MIN_MS
    if name.startswith(("secrets.", "remotes.")) and name != "secrets.initialize":
        bench.call("secrets.initialize", passphrase="open sesame")
        bench.call("secrets.set", provider="openai", value="sk-live-0123456789")
        bench.call("secrets.add_recovery")
        bench.told.clear()
    if name.startswith("remotes."):
        remote = bench.store.path.with_name("remote")
        remote.mkdir()
        bench.call("remotes.set", url=remote.as_uri())
        bench.call("system.purge")  # the credentials of before, which a backup would do first
        if name == "remotes.fetch":
            bench.call("remotes.push")
        bench.told.clear()
    if name == "secrets.add_keychain":
        bench.vault.keychain.find = lambda: NamedBackend("tests.Held", MemoryKeychain())
    if name == "system.check":
        bench.store.db.execute("UPDATE workflows SET run_count = 9 WHERE id = 'w1'")


def test_every_method_is_an_act_or_changes_nothing() -> None:
    """A new method is added to ACTS with its entries, or to READING."""
    ours = {name for name in METHODS if not name.startswith(("trial.", "test."))}

    assert set(ACTS) | READING == ours
    assert set(ACTS) & READING == set()
    assert {name for name in ours if METHODS[name].access == "write"} <= set(ACTS)


def filled(bench: Bench, params: dict[str, Any]) -> dict[str, Any]:
    """Return the params with what is in the folder of the test."""
    values: dict[object, object] = {
        "A PATH": str(bench.store.path.with_name("exported")),
        "A REMOTE": bench.store.path.with_name("remote").as_uri(),
    }
    if "A DEVICE" in params.values():
        values["A DEVICE"] = bench.call("remotes.status")["remotes"][0]["device"]
    return {
        key: values.get(value, value) if isinstance(value, str) else value
        for key, value in params.items()
    }


def every(acts: dict[str, list[Act]]) -> pytest.MarkDecorator:
    """Parametrize a test with every act, named for its method."""
    return pytest.mark.parametrize(
        ("name", "act"),
        [
            pytest.param(name, act, id=f"{name}-{index}")
            for name, several in acts.items()
            for index, act in enumerate(several)
        ],
    )


@every(ACTS)
def test_an_act_writes_its_entries_and_emits_each_as_an_event(
    bench: Bench, name: str, act: Act
) -> None:
    prepare(bench, name)
    before = len(log(bench))

    bench.call(name, **filled(bench, act.params))

    assert bench.audited() == act.entries
    assert log(bench)[-len(act.entries) or before :] == act.entries
    verdict = bench.call("audit.verify")
    sealed = is_log_sealed(bench.store.db)
    sound = "locked" if name == "secrets.lock" else "ok" if sealed else "unsealed"
    assert (verdict["status"], verdict["verified_to"]) == (sound, before + len(act.entries))


AUDITED = {name: [act for act in acts if act.entries] for name, acts in ACTS.items()}
del AUDITED["system.check"]  # It returns its findings all the same.
del AUDITED["system.compact"]  # It writes into another file: store/test_compact.py.
del AUDITED["system.recover"]  # It writes into another file: faults/test_damage.py.
del AUDITED["backups.restore"]  # It writes into another file: backups/test_restore.py.


@every(AUDITED)
def test_an_act_whose_entry_cannot_be_written_does_not_happen(
    bench: Bench, name: str, act: Act
) -> None:
    prepare(bench, name)
    bench.store.db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, ''); END"
    )
    before = dump(bench)

    if act.params.get("on_error") == "skip":
        errors = [item["error"]["slug"] for item in bench.call(name, **act.params)["items"]]
        assert errors == ["archived", "audit_unavailable"]
    else:
        with pytest.raises(AuditUnavailable):
            bench.call(name, **filled(bench, act.params))
    assert dump(bench) == before
    assert bench.audited() == []
    assert bench.changes() == []


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_act_writes_no_entry_and_changes_nothing(bench: Bench, name: str) -> None:
    before = dump(bench)

    with pytest.raises(SidecarError):
        bench.call(name, **REFUSED[name])
    assert dump(bench) == before
    assert bench.told == []


@pytest.mark.parametrize("name", sorted(READING))
def test_a_reading_method_changes_nothing(bench: Bench, name: str) -> None:
    before = dump(bench)

    for params in (simplest(params_type(METHODS[name])), {"id": "w1"}):
        with suppress(SidecarError, ValueError):
            bench.call(name, **params)
    assert dump(bench) == before
    assert bench.audited() == []


def audited_in(path: Path) -> Iterator[str]:
    """Yield the actions that a module writes entries of."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = {"audit": 0, "audit_in": 1, "append": 2}.get(node.func.attr)
            if first is not None and len(node.args) > first:
                value = node.args[first]
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def test_every_action_that_is_logged_is_in_the_list_of_actions() -> None:
    modules = Path(sidecar.__file__).parent.rglob("*.py")
    written = {action for path in modules for action in audited_in(path)}

    assert written >= {entry[0] for acts in ACTS.values() for act in acts for entry in act.entries}
    assert written <= AUDIT_ACTIONS.keys()


def test_no_entry_holds_a_title_or_a_value(bench: Bench) -> None:
    secret = "my private text"
    content = {"description": secret, "tags": [secret], "category": secret, "data": [secret]}
    save(bench, "p", name=secret, **content)
    bench.call("workflows.rename_tag", tag=secret, new_tag=f"{secret}!")
    bench.call("settings.set", key="own", value=secret, description=secret)
    bench.call("runs.start", workflow_id="p", id="run")
    bench.call("runs.finish", id="run", status="error", error_message=secret, summary=secret)
    bench.call("runs.delete", id="run")
    bench.call("workflows.delete", id="p")

    assert "private" not in str(list(read_entries(bench.store.db, 0, 500)))
    assert len(bench.audited()) == 5
