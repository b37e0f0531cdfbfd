"""Random histories of runs, compared with a dictionary after each step."""

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.errors import Archived, Conflict, NotFound
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import find
from tests.harness import ManualClock, open_bench

DAY_MS = 86_400_000
BEGAN = 1_700_000_000_000
RUNS = st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6", "r7"])
FLOWS = st.sampled_from(["a", "b", "c"])
STATUSES = st.sampled_from(["success", "error", "cancelled"])
ANY_STATUSES = st.none() | st.lists(STATUSES | st.just("running"), max_size=3)
SUMMARIES = st.sampled_from(["absent", None, {"n": 1}, [1.5, "two"], "three" * 40])
COUNTS = st.none() | st.integers(0, 50)
TIMES = st.none() | st.sampled_from([BEGAN, BEGAN + 1, BEGAN + 700, BEGAN + DAY_MS])
OFFSETS_H = {None: 0, "Pacific/Kiritimati": 14, "Pacific/Honolulu": -10}
COUNTERS = ("blocks_executed", "tokens_used", "api_calls_made")

Run = dict[str, Any]


def quantile(durations: list[int], percent: int) -> int | None:
    """Return the shortest duration that `percent` of the durations do not exceed."""
    for duration in sorted(durations):
        if sum(each <= duration for each in durations) * 100 >= percent * len(durations):
            return duration
    return None


def stays(run: Run) -> bool:
    """Return whether pruning never deletes a run."""
    return bool(run["status"] == "running" or run["pinned"])


class Runs(RuleBasedStateMachine):
    """The product and a dictionary of runs, which must agree."""

    def __init__(self) -> None:
        """Begin with two workflows and no run."""
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.clock = ManualClock(now_ms=BEGAN, step_ms=0)
        self.bench = self.stack.enter_context(open_bench(Path(folder), self.clock))
        self.flows: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, Run] = {}
        self.born = 0
        self.save("a", 1)
        self.save("b", 1)

    def teardown(self) -> None:
        """Run `system.check` and close the database."""
        assert self.bench.call("system.check")["findings"] == []
        self.stack.close()

    def call(self, error: type[Exception] | None, name: str, /, **params: object) -> Any:
        """Call a method that must fail with this error, or succeed."""
        if error is None:
            return self.bench.call(name, **params)
        with pytest.raises(error) as caught:
            self.bench.call(name, **params)
        assert caught.type is error
        return None

    # --- the model ------------------------------------------------------------------------

    def newest_first(self, wanted: Callable[[Run], bool] = lambda _run: True) -> list[Run]:
        """Return the runs of the model in the order of a list."""
        found = [run for run in self.runs.values() if wanted(run)]
        return sorted(found, key=lambda run: (run["started_at"], run["born"]), reverse=True)

    def shown(self, run: Run) -> Run:
        """Return a run without the members that only the model has."""
        return {key: run[key] for key in run if key not in ("born", "summary", "stored_bytes")}

    def of(self, flow: str | None, from_at: int | None, to_at: int | None) -> list[Run]:
        """Return the runs that match the filters."""
        return self.newest_first(
            lambda run: (
                flow in (None, run["workflow_id"])
                and (from_at is None or run["started_at"] >= from_at)
                and (to_at is None or run["started_at"] < to_at)
            )
        )

    # --- workflows and time ---------------------------------------------------------------

    @rule(passed_ms=st.sampled_from([0, 1, 1, 700, DAY_MS, -300]))
    def wait(self, passed_ms: int) -> None:
        """Let time pass, or set the clock back."""
        self.clock.at_ms += passed_ms

    @rule(flow=FLOWS, times=st.integers(1, 12))
    def save(self, flow: str, times: int) -> None:
        """Save some new revisions."""
        known = self.flows.setdefault(flow, {"bodies": [], "archived": False})
        if known["archived"]:
            return
        for _ in range(times):
            known["bodies"].append(f'{{"edited":{len(known["bodies"]) + 1}}}')
            body = known["bodies"][-1]
            params = f'{{"workflow":{{"id":"{flow}","name":"n","data":{body}}}}}'
            self.bench.call_json("workflows.save", params.encode())

    @rule(flow=FLOWS, archive=st.booleans())
    def archive(self, flow: str, *, archive: bool) -> None:
        """Archive or unarchive."""
        verb = "archive" if archive else "unarchive"
        self.call(None if flow in self.flows else NotFound, f"workflows.{verb}", id=flow)
        if flow in self.flows:
            self.flows[flow]["archived"] = archive

    @rule(flow=FLOWS)
    def delete_workflow(self, flow: str) -> None:
        """Delete a workflow with its runs."""
        mine = {key for key, run in self.runs.items() if run["workflow_id"] == flow}
        result = self.call(None if flow in self.flows else NotFound, "workflows.delete", id=flow)
        assert result is None or result["runs_deleted"] == len(mine)
        self.flows.pop(flow, None)
        self.runs = {key: run for key, run in self.runs.items() if key not in mine}

    @rule(flow=FLOWS, keep=st.integers(1, 12))
    def prune_revisions(self, flow: str, keep: int) -> None:
        """Prune earlier revisions, as the setting does; see `every_revision_that_ran_is_kept`."""
        header = find(self.bench.store.db, flow)
        if header is not None:
            with self.bench.store.writing() as db:
                revisions.prune(db, header.rid, keep)

    # --- single runs ----------------------------------------------------------------------

    @rule(flow=FLOWS, key=RUNS)
    def start(self, flow: str, key: str) -> None:
        """Start a run, perhaps a second time or on a workflow that is missing or archived."""
        run = self.runs.get(key)
        if run is not None:
            error: type[Exception] | None = None if run["workflow_id"] == flow else Conflict
        elif flow not in self.flows:
            error = NotFound
        else:
            error = Archived if self.flows[flow]["archived"] else None
        result = self.call(error, "runs.start", workflow_id=flow, id=key)
        if error is not None:
            return
        if run is None:
            run = self.runs[key] = self.new_run(flow, key)
            created = True
        else:
            created = False
        assert result == {"run": self.shown(run), "created": created}

    def new_run(self, flow: str, key: str) -> Run:
        """Return a run of the model that starts now."""
        self.born += 1
        return {
            "id": key,
            "workflow_id": flow,
            "revision": len(self.flows[flow]["bodies"]),
            "status": "running",
            "interrupted": False,
            "waiting": False,
            "trigger": None,
            "started_at": self.clock.at_ms,
            "completed_at": None,
            "duration_ms": None,
            "error_message": None,
            "message_truncated": False,
            "summary_state": None,
            "summary_bytes": None,
            **dict.fromkeys(COUNTERS, 0),
            "pinned": False,
            "born": self.born,
            "summary": None,
            "stored_bytes": 0,
        }

    @rule(key=RUNS, blocks=COUNTS, tokens=COUNTS)
    def progress(self, key: str, blocks: int | None, tokens: int | None) -> None:
        """Report progress of a run, which may have ended."""
        run = self.runs.get(key)
        ended = run is not None and run["status"] != "running"
        error = NotFound if run is None else Conflict if ended else None
        self.call(error, "runs.progress", id=key, blocks_executed=blocks, tokens_used=tokens)
        if run is not None and error is None:
            self.count(run, blocks_executed=blocks, tokens_used=tokens)

    def count(self, run: Run, **counters: int | None) -> None:
        """Set the counters that are given."""
        run.update({key: value for key, value in counters.items() if value is not None})

    @rule(key=RUNS, status=STATUSES, summary=SUMMARIES, message=st.sampled_from([None, "bad"]),
          calls=COUNTS)  # fmt: skip
    def finish(
        self, key: str, status: str, summary: object, message: str | None, calls: int | None
    ) -> None:
        """End a run, perhaps a second time."""
        params: Run = {
            "id": key,
            "status": status,
            "error_message": message,
            "api_calls_made": calls,
        }
        kept = None if summary == "absent" else summary
        if summary != "absent":
            params["summary"] = summary
        run = self.runs.get(key)
        if run is None:
            self.call(NotFound, "runs.finish", **params)
            return
        changed = run["status"] == "running"
        ending = {"status": status, "error_message": message, "summary": kept}
        if kept is not None:
            ending["summary_state"] = "kept"
            ending["summary_bytes"] = len(json.dumps(kept, ensure_ascii=False).encode())
        same = ending == {name: run[name] for name in ending}
        same = same and calls in (None, run["api_calls_made"])
        result = self.call(None if changed or same else Conflict, "runs.finish", **params)
        if changed:
            now, began = self.clock.at_ms, run["started_at"]
            run.update(ending, completed_at=max(now, began), duration_ms=max(0, now - began))
            self.count(run, api_calls_made=calls)
            stored = self.bench.rows("SELECT stored_bytes FROM runs WHERE id = ?", key)[0][0]
            run["stored_bytes"] = stored or 0
        names = ("id", "status", "completed_at", "duration_ms", "message_truncated")
        if changed or same:
            found = {name: run[name] for name in (*names, "summary_state")}
            assert result == {**found, "changed": changed, "resumed": False}

    @rule(flow=FLOWS, took_ms=st.lists(st.sampled_from([0, 5, 40, 300]), min_size=1, max_size=6))
    def run_some(self, flow: str, took_ms: list[int]) -> None:
        """Start and end several runs, one after the other."""
        for duration_ms in took_ms:
            key = f"n{self.born}"
            self.start(flow, key)
            self.clock.at_ms += duration_ms
            self.finish(key, "error" if duration_ms == 40 else "success", [key], None, 2)

    @rule(key=RUNS, pinned=st.booleans())
    def pin(self, key: str, *, pinned: bool) -> None:
        """Pin or unpin."""
        error = None if key in self.runs else NotFound
        self.call(error, "runs.pin", id=key, pinned=pinned)
        if key in self.runs:
            self.runs[key]["pinned"] = pinned

    @rule(key=RUNS)
    def delete(self, key: str) -> None:
        """Delete a run, pinned or not."""
        self.call(None if key in self.runs else NotFound, "runs.delete", id=key)
        self.runs.pop(key, None)

    # --- pruning --------------------------------------------------------------------------

    @rule(
        age=st.none() | st.sampled_from([0, 1, 500, DAY_MS]),
        keep=st.none() | st.integers(0, 3),
        size=st.none() | st.sampled_from([0, 30, 90]),
        dry=st.booleans(),
    )
    def prune(self, age: int | None, keep: int | None, size: int | None, *, dry: bool) -> None:
        """Prune by one criterion or several."""
        if age is keep is size is None:
            return
        chosen = self.prunable(age, keep, size)
        result = self.bench.call(
            "runs.prune", older_than_ms=age, keep_last=keep, max_bytes=size, dry_run=dry
        )
        assert (result["deleted"], result["reached_limit"]) == (len(chosen), False)
        if dry:
            assert result["freed_bytes"] == sum(self.runs[key]["stored_bytes"] for key in chosen)
        else:
            self.runs = {key: run for key, run in self.runs.items() if key not in chosen}

    def prunable(self, age: int | None, keep: int | None, size: int | None) -> set[str]:
        """Return the runs that the criteria select and that may be deleted."""
        named: list[Run] = []
        if age is not None:
            named += self.newest_first(lambda run: run["started_at"] < self.clock.at_ms - age)
        if keep is not None:
            for flow in self.flows:
                named += self.of(flow, None, None)[keep:]
        if size is not None:
            spared, too_much = [*filter(stays, self.runs.values())], False
            taken = sum(run["stored_bytes"] for run in spared)
            for run in self.newest_first(lambda run: not stays(run)):
                taken += run["stored_bytes"]
                too_much = too_much or taken > size
                named += [run] * too_much
        return {run["id"] for run in named if not stays(run)}

    # --- lists and figures ----------------------------------------------------------------

    @rule(flow=st.none() | FLOWS, statuses=ANY_STATUSES, from_at=TIMES, to_at=TIMES,
          limit=st.integers(1, 3))  # fmt: skip
    def list_pages(
        self,
        flow: str | None,
        statuses: list[str] | None,
        from_at: int | None,
        to_at: int | None,
        limit: int,
    ) -> None:
        """Check that the pages of a list hold each matching run once."""
        params = {"workflow_id": flow, "statuses": statuses, "from_at": from_at, "to_at": to_at}
        if flow is not None and flow not in self.flows:
            self.call(NotFound, "runs.list", **params)
            return
        wanted = [
            self.shown(run)
            for run in self.of(flow, from_at, to_at)
            if not statuses or run["status"] in statuses
        ]
        found: list[Run] = []
        cursor = None
        while True:
            page = self.bench.call("runs.list", limit=limit, cursor=cursor, **params)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert len(page["items"]) == limit
        assert found == wanted

    @rule(flow=st.none() | FLOWS, from_at=TIMES, to_at=TIMES, zone=st.sampled_from([*OFFSETS_H]))
    def stats(
        self, flow: str | None, from_at: int | None, to_at: int | None, zone: str | None
    ) -> None:
        """Check the figures over the runs."""
        params = {"workflow_id": flow, "from_at": from_at, "to_at": to_at}
        error = None if flow is None or flow in self.flows else NotFound
        result = self.call(error, "runs.stats", time_zone=zone, **params)
        if result is None:
            return
        runs = self.of(flow, from_at, to_at)
        durations = [run["duration_ms"] for run in runs if run["duration_ms"] is not None]
        statuses = [run["status"] for run in runs]
        succeeded, failed = statuses.count("success"), statuses.count("error")
        rate = round(succeeded / (succeeded + failed), 4) if succeeded + failed else None
        days = [(run["started_at"] + OFFSETS_H[zone] * 3_600_000) // DAY_MS for run in runs]
        assert [day["runs"] for day in result.pop("days")] == [
            days.count(day) for day in sorted(set(days))
        ]
        assert result == {
            "runs": len(runs),
            "interrupted": 0,
            "by_status": {
                status: statuses.count(status)
                for status in ("running", "success", "error", "cancelled")
            },
            "success_rate": rate,
            "p50_ms": quantile(durations, 50),
            "p95_ms": quantile(durations, 95),
            **{name: sum(run[name] for run in runs) for name in COUNTERS},
        }

    @rule(key=RUNS)
    def get(self, key: str) -> None:
        """Check a run and its summary."""
        result = self.call(None if key in self.runs else NotFound, "runs.get", id=key)
        if result is not None:
            run = self.runs[key]
            assert result == {"run": {**self.shown(run), "summary": run["summary"]}}

    @invariant()
    def workflows_count_their_runs(self) -> None:
        """Check that the counts of each workflow match its runs."""
        for flow, known in self.flows.items():
            mine = self.of(flow, None, None)
            result = self.bench.call("workflows.get", id=flow)["workflow"]
            assert (result["run_count"], result["last_run_at"], result["revision"]) == (
                len(mine),
                mine[0]["started_at"] if mine else None,
                len(known["bodies"]),
            )

    @invariant()
    def every_revision_that_ran_is_kept(self) -> None:
        """Check that every revision that a run refers to is read byte for byte."""
        for run in self.runs.values():
            wanted = {"id": run["workflow_id"], "revision": run["revision"]}
            raw = self.bench.call_raw("workflows.get", json.dumps(wanted).encode())
            body = self.flows[run["workflow_id"]]["bodies"][run["revision"] - 1]
            assert f'"data":{body}'.encode() in raw


Runs.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestRuns = Runs.TestCase
