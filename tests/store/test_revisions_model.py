"""Random histories of one workflow, compared with a list of what each revision was."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar import limits
from sidecar.store.workflows import revisions
from sidecar.store.workflows.header import find
from tests.harness import open_bench

BODIES = st.sampled_from(['{"a":1}', '{"a":2}', '{"a":3,"b":[1,2,3]}'])
NAMES = st.sampled_from(["one", "two"])


class History(RuleBasedStateMachine):
    """One workflow, its earlier revisions and the revisions that runs refer to."""

    def __init__(self) -> None:
        """Begin with the first revision."""
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.bench = self.stack.enter_context(open_bench(Path(folder)))
        self.revision = 0
        self.current = ("", "")
        self.past: dict[int, tuple[str, str]] = {}
        self.referred: set[int] = set()
        self.save("one", '{"a":0}')

    def teardown(self) -> None:
        """Close the database."""
        self.stack.close()

    def save(self, name: str, body: str) -> None:
        """Save; a save without changes makes no revision."""
        text = f'{{"workflow":{{"id":"w","name":"{name}","data":{body}}}}}'
        changed = self.bench.call_json("workflows.save", text.encode())["changed"]
        assert changed == ((name, body) != self.current)
        if changed:
            self.past[self.revision] = self.current
            self.revision += 1
            self.current = (name, body)
        self.past.pop(0, None)

    @rule(changes=st.lists(st.tuples(NAMES, BODIES), min_size=1, max_size=8))
    def save_some(self, changes: list[tuple[str, str]]) -> None:
        """Save several times, as an editor does."""
        for name, body in changes:
            self.save(name, body)

    @rule()
    def run(self) -> None:
        """Start a run, which refers to the current revision."""
        self.bench.call("runs.start", workflow_id="w")
        self.referred.add(self.revision)

    @rule(limit=st.integers(min_value=1, max_value=9))
    def pack(self, limit: int) -> None:
        """Pack some replaced bodies."""
        with self.bench.store.writing() as db:
            revisions.pack(db, revisions.plan_packing(db, limit))

    @rule(keep=st.integers(min_value=0, max_value=12))
    def prune(self, keep: int) -> None:
        """Prune whole groups, as `revisions.prune` does."""
        header = find(self.bench.store.db, "w")
        assert header is not None
        with self.bench.store.writing() as db:
            deleted = revisions.prune(db, header.rid, keep)
        before = len(self.past)
        if keep and before >= keep:
            bound = self.group(sorted(self.past, reverse=True)[keep - 1])
            for group in range(bound):
                self.prune_group(group)
        assert deleted == before - len(self.past)

    def group(self, revision: int) -> int:
        """Return the group of a revision."""
        return revision // limits.REVISION_GROUP

    def prune_group(self, group: int) -> None:
        """Remove a group from the model unless something needs it."""
        members = [each for each in self.past if self.group(each) == group]
        if not members or self.referred.intersection(members):
            return
        earlier = [each for each in self.past if each < min(members)]
        if earlier:
            last = max(earlier)
            after = self.past.get(last + 1, self.current if last + 1 == self.revision else None)
            if after is not None and after[1] == self.past[last][1]:
                return
        for each in members:
            del self.past[each]

    @invariant()
    def all_that_is_kept_is_what_it_was(self) -> None:
        """Check that every listed revision is read byte for byte."""
        items = self.bench.call("workflows.history", id="w", limit=500)["items"]
        assert [item["revision"] for item in items] == [
            self.revision,
            *sorted(self.past, reverse=True),
        ]
        for revision, (name, body) in self.past.items():
            wanted = json.dumps({"id": "w", "revision": revision}).encode()
            raw = self.bench.call_raw("workflows.get", wanted)
            assert f'"data":{body}'.encode() in raw
            assert json.loads(raw)["workflow"]["name"] == name


History.TestCase.settings = settings(max_examples=40, stateful_step_count=14)
TestHistory = History.TestCase
