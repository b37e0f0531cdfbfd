"""Random sequences of run requests, compared after each with a list that says what must be."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.errors import Conflict, NotFound, SidecarError
from tests.harness import ManualClock, open_bench
from tests.workflow_kit import save

WORKFLOWS = ("a", "b")
OWNERS = st.sampled_from([*WORKFLOWS, "nobody"])
IDS = st.sampled_from([f"r{number}" for number in range(8)])
ENDS = st.sampled_from(["success", "error", "cancelled"])
COUNTS = st.none() | st.integers(min_value=0, max_value=9)
MESSAGES = st.none() | st.sampled_from(["", "it broke"])
SUMMARIES = st.sampled_from([None, {"rows": 1}, "x" * 300])


class Runs(RuleBasedStateMachine):
    """The product beside a list, oldest first."""

    def __init__(self) -> None:
        """Begin with two workflows and no run."""
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.clock = ManualClock()
        self.bench = self.stack.enter_context(open_bench(Path(folder), self.clock))
        for name in WORKFLOWS:
            save(self.bench, name)
        self.model: list[dict[str, Any]] = []

    def teardown(self) -> None:
        """Close the database."""
        self.stack.close()

    def find(self, key: str) -> dict[str, Any] | None:
        """The run of that id."""
        return next((run for run in self.model if run["id"] == key), None)

    def call(self, error: type[SidecarError] | None, name: str, /, **params: object) -> Any:
        """Call a method that must fail in this way, or succeed."""
        given = {key: value for key, value in params.items() if value is not None}
        if error is None:
            return self.bench.call(name, **given)
        with pytest.raises(error) as caught:
            self.bench.call(name, **given)
        assert caught.type is error
        return None

    @rule(key=IDS, owner=OWNERS)
    def start(self, key: str, owner: str) -> None:
        """Start a run, perhaps one that was started before."""
        known = self.find(key)
        error: type[SidecarError] | None = None
        if known is not None:
            error = Conflict if known["workflow_id"] != owner else None
        elif owner == "nobody":
            error = NotFound
        result = self.call(error, "runs.start", workflow_id=owner, id=key)
        if result is None:
            return
        assert result["created"] == (known is None)
        if known is None:
            self.model.append(
                {"id": key, "workflow_id": owner, "status": "running", "pinned": False,
                 "started_at": result["started_at"], "duration_ms": None, "error_message": None,
                 "blocks_executed": 0, "tokens_used": 0, "summary": None}
            )  # fmt: skip

    @rule(key=IDS, blocks=COUNTS, tokens=COUNTS)
    def progress(self, key: str, blocks: int | None, tokens: int | None) -> None:
        """Tell how far a run is."""
        known = self.find(key)
        error = NotFound if known is None else None
        self.call(error, "runs.progress", id=key, blocks_executed=blocks, tokens_used=tokens)
        if known is not None and known["status"] == "running":
            self.count(known, blocks, tokens)

    def count(self, run: dict[str, Any], blocks: int | None, tokens: int | None) -> None:
        """Take over counters that were given."""
        run["blocks_executed"] = run["blocks_executed"] if blocks is None else blocks
        run["tokens_used"] = run["tokens_used"] if tokens is None else tokens

    @rule(key=IDS, status=ENDS, tokens=COUNTS, message=MESSAGES, summary=SUMMARIES)
    def finish(
        self, key: str, status: str, tokens: int | None, message: str | None, summary: Any
    ) -> None:
        """End a run, perhaps one that has ended."""
        known = self.find(key)
        error: type[SidecarError] | None = NotFound if known is None else None
        if known is not None and known["status"] != "running":
            before = (known["status"], known["error_message"], known["summary"])
            same = before == (status, message, summary) and tokens in (None, known["tokens_used"])
            error = None if same else Conflict
        result = self.call(
            error, "runs.finish", id=key, status=status, tokens_used=tokens,
            error_message=message, summary=summary,
        )  # fmt: skip
        if result is None or known is None:
            return
        assert result["changed"] == (known["status"] == "running")
        if result["changed"]:
            self.count(known, None, tokens)
            known.update(status=status, error_message=message, summary=summary)
            known["duration_ms"] = result["duration_ms"]

    @rule(key=IDS, pinned=st.booleans())
    def pin(self, key: str, *, pinned: bool) -> None:
        """Spare a run from pruning, or no longer."""
        known = self.find(key)
        self.call(None if known else NotFound, "runs.pin", id=key, pinned=pinned)
        if known is not None:
            known["pinned"] = pinned

    @rule(key=IDS)
    def delete(self, key: str) -> None:
        """Delete a run, whatever its state."""
        known = self.find(key)
        self.call(None if known else NotFound, "runs.delete", id=key)
        if known is not None:
            self.model.remove(known)

    @rule(keep=st.integers(min_value=0, max_value=3), dry_run=st.booleans())
    def prune_by_count(self, keep: int, *, dry_run: bool) -> None:
        """Keep the newest of each workflow."""
        doomed = [
            run
            for name in WORKFLOWS
            for run in self.of(name)[::-1][keep:]
            if run["status"] != "running" and not run["pinned"]
        ]
        self.pruned(doomed, dry_run=dry_run, keep_last=keep)

    @rule(age=st.integers(min_value=0, max_value=40), dry_run=st.booleans())
    def prune_by_age(self, age: int, *, dry_run: bool) -> None:
        """Let go of what began long enough ago."""
        before_at = self.clock.at_ms + self.clock.step_ms - age
        doomed = [
            run
            for run in self.model
            if run["started_at"] < before_at and run["status"] != "running" and not run["pinned"]
        ]
        self.pruned(doomed, dry_run=dry_run, older_than_ms=age)

    def pruned(self, doomed: list[dict[str, Any]], *, dry_run: bool, **wish: int) -> None:
        """Prune, and take those off the list."""
        result = self.bench.call("runs.prune", dry_run=dry_run, **wish)
        assert (result["deleted"], result["reached_limit"]) == (len(doomed), False)
        if not dry_run:
            self.model = [run for run in self.model if run not in doomed]

    def of(self, workflow: str) -> list[dict[str, Any]]:
        """The runs of a workflow, oldest first."""
        return [run for run in self.model if run["workflow_id"] == workflow]

    # --- what must hold after each ----------------------------------------------------------

    def listed(self, **params: object) -> list[str]:
        """Ids of all pages."""
        ids: list[str] = []
        cursor: str | None = None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = self.bench.call("runs.list", limit=3, **params, **more)
            ids += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return ids

    @invariant()
    def lists_are_those_of_the_model(self) -> None:
        """All, and those of each filter, newest first."""
        newest_first = self.model[::-1]
        assert self.listed() == [run["id"] for run in newest_first]
        for name in WORKFLOWS:
            wanted = [run["id"] for run in self.of(name)[::-1]]
            assert self.listed(workflow_id=name) == wanted
        failed = [run["id"] for run in newest_first if run["status"] == "error"]
        assert self.listed(status="error") == failed

    @invariant()
    def each_run_is_as_the_model_says(self) -> None:
        """Every field, in the list and by itself."""
        items = {item["id"]: item for item in self.bench.call("runs.list")["items"]}
        for run in self.model:
            got = self.bench.call("runs.get", id=run["id"])["run"]
            assert {name: got[name] for name in run} == run
            shown = items[run["id"]]
            assert {name: shown[name] for name in run if name != "summary"} == {
                name: value for name, value in run.items() if name != "summary"
            }

    @invariant()
    def the_workflows_count_their_runs(self) -> None:
        """The kept columns are those of the rows."""
        for name in WORKFLOWS:
            runs = self.of(name)
            workflow = self.bench.call("workflows.get", id=name)["workflow"]
            newest = max((run["started_at"] for run in runs), default=None)
            assert (workflow["run_count"], workflow["last_run_at"]) == (len(runs), newest)

    @invariant()
    def the_figures_are_those_of_the_model(self) -> None:
        """Counts, costs and median."""
        stats = self.bench.call("runs.stats")
        statuses = [run["status"] for run in self.model]
        ended = sorted(run["duration_ms"] for run in self.model if run["duration_ms"] is not None)
        assert stats["count"] == len(self.model)
        assert stats["by_status"] == {name: statuses.count(name) for name in stats["by_status"]}
        assert stats["tokens_used"] == sum(run["tokens_used"] for run in self.model)
        assert stats["p50_ms"] == (ended[min(len(ended) - 1, len(ended) // 2)] if ended else None)
        json.dumps(stats)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
