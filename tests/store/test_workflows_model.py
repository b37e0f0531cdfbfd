"""Random sequences of requests, compared after each with a dictionary of what must be stored."""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sidecar.errors import Archived, Conflict, NotFound
from sidecar.store.search import indexes
from sidecar.store.search.compare_index import find_wrong
from sidecar.store.workflows import revisions
from tests.harness import ManualClock, index_all, open_bench

IDS = st.sampled_from(["a", "b", "c", "d"])
NAMES = st.sampled_from(["one", "Two", "\u4e2d\u6587", "x y"])
TAGS = st.lists(st.sampled_from(["t1", "t2", 'q"', "\u00e9"]), max_size=4)
CATEGORIES = st.sampled_from(["general", "sales"])
BODIES = st.sampled_from(["[1]", '{"n": 1.10}', ' {"a" : [true]} ', "[2]"])
EXPECTED = st.sampled_from([None, None, None, 0, 1, 2])


class Workflows(RuleBasedStateMachine):
    """The product and a dictionary of workflows, which must agree."""

    def __init__(self) -> None:
        """Begin with an empty database and an empty dictionary."""
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.clock = ManualClock()
        self.bench = self.stack.enter_context(open_bench(Path(folder), self.clock))
        self.model: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        """Close the database."""
        self.stack.close()

    def expect(self, key: str, expected: int | None) -> type[Exception] | None:
        """Return the error with which a write of content to `key` must fail."""
        known = self.model.get(key)
        if known and known["archived"]:
            return Archived
        revision = known["revision"] if known else 0
        return Conflict if expected not in (None, revision) else None

    def call(self, error: type[Exception] | None, name: str, /, **params: object) -> Any:
        """Call a method that must fail with this error, or succeed."""
        return self.call_json(error, name, msg(params).encode())

    def call_json(self, error: type[Exception] | None, name: str, params: bytes) -> Any:
        """Call a method with params as JSON; return None after the expected error."""
        if error is None:
            return self.bench.call_json(name, params)
        with pytest.raises(error) as caught:
            self.bench.call_json(name, params)
        assert caught.type is error
        return None

    def write(self, key: str, content: dict[str, Any], result: Any) -> None:
        """Check the result of a successful write and take it into the dictionary."""
        known = self.model.get(key)
        changed = known is None or content != known["content"]
        if known is None:
            known = self.model[key] = {"revision": 0, "archived": False, "past": {}}
        elif changed:
            known["past"][known["revision"]] = known["content"]
        known["content"] = content
        known["revision"] += changed
        if changed:
            known["updated_at"] = result["updated_at"]
        assert result["changed"] == changed
        assert result["revision"] == known["revision"]
        assert result["updated_at"] == known["updated_at"]

    @rule(key=IDS, name=NAMES, tags=TAGS, category=CATEGORIES, body=BODIES, expected=EXPECTED)
    def save(
        self, key: str, name: str, tags: list[str], category: str, body: str, expected: int | None
    ) -> None:
        """Save the whole workflow."""
        error = self.expect(key, expected)
        workflow = {"id": key, "name": name, "tags": tags, "category": category, "data": 0}
        text = msg({"workflow": workflow, "expected_revision": expected})
        params = text.replace('"data":0', f'"data":{body}').encode()
        result = self.call_json(error, "workflows.save", params)
        if result is None:
            return
        folded = list(dict.fromkeys(tags))
        content = {"name": name, "tags": folded, "category": category, "body": body.strip()}
        self.write(key, content, result)

    @rule(key=IDS, name=NAMES, tags=TAGS, expected=EXPECTED)
    def update(self, key: str, name: str, tags: list[str], expected: int | None) -> None:
        """Change name and tags alone."""
        error = self.expect(key, expected) if key in self.model else NotFound
        result = self.call(
            error, "workflows.update", id=key, name=name, tags=tags, expected_revision=expected
        )
        if result is not None:
            content = {**self.model[key]["content"], "name": name}
            content["tags"] = list(dict.fromkeys(tags))
            self.write(key, content, result)

    @rule(key=IDS, back=st.integers(min_value=0, max_value=3), expected=EXPECTED)
    def revert(self, key: str, back: int, expected: int | None) -> None:
        """Revert by some revisions, perhaps more than there are."""
        known = self.model.get(key)
        revision = max(1, (known["revision"] if known else 0) - back)
        error = self.expect(key, expected) if known else NotFound
        result = self.call(
            error, "workflows.revert", id=key, revision=revision, expected_revision=expected
        )
        if known is not None and result is not None:
            self.write(key, known["past"].get(revision, known["content"]), result)

    @rule(limit=st.integers(min_value=1, max_value=5))
    def pack(self, limit: int) -> None:
        """Pack some replaced bodies."""
        with self.bench.store.writing() as db:
            revisions.pack(db, revisions.plan_packing(db, limit))

    @invariant()
    def every_earlier_revision_is_what_it_was(self) -> None:
        """Check that the history lists every earlier revision and each is read byte for byte."""
        for key, known in self.model.items():
            listed = self.bench.call("workflows.history", id=key)["items"]
            assert [item["revision"] for item in listed] == [
                known["revision"],
                *sorted(known["past"], reverse=True),
            ]
            for revision, content in known["past"].items():
                raw = self.bench.call_raw(
                    "workflows.get", msg({"id": key, "revision": revision}).encode()
                )
                workflow = json.loads(raw)["workflow"]
                assert content["body"].encode() in raw
                assert (workflow["name"], workflow["tags"], workflow["category"]) == (
                    content["name"],
                    content["tags"],
                    content["category"],
                )

    @rule(key=IDS, archive=st.booleans())
    def archive(self, key: str, *, archive: bool) -> None:
        """Archive or unarchive."""
        error = None if key in self.model else NotFound
        verb = "archive" if archive else "unarchive"
        if self.call(error, f"workflows.{verb}", id=key) is not None:
            self.model[key]["archived"] = archive

    @rule(key=IDS)
    def delete(self, key: str) -> None:
        """Delete for good."""
        error = None if key in self.model else NotFound
        self.call(error, "workflows.delete", id=key)
        self.model.pop(key, None)

    @invariant()
    def lists_and_reads_agree(self) -> None:
        """Check every list and every read against the dictionary."""
        for archived in (False, True):
            wanted = sorted(
                (key for key, known in self.model.items() if known["archived"] == archived),
                key=lambda key: -int(self.model[key]["updated_at"]),
            )
            items = self.bench.call("workflows.list", archived=archived)["items"]
            assert [item["id"] for item in items] == wanted
        for key, known in self.model.items():
            raw = self.bench.call_raw("workflows.get", msg({"id": key}).encode())
            assert known["content"]["body"].encode() in raw
        tags: dict[str, int] = {}
        for known in self.model.values():
            for tag in () if known["archived"] else known["content"]["tags"]:
                tags[tag] = tags.get(tag, 0) + 1
        counted = self.bench.call("workflows.tags")["items"]
        assert [(item["tag"], item["workflows"]) for item in counted] == sorted(tags.items())

    @invariant()
    def the_indexes_agree_with_the_rows(self) -> None:
        """Compare the indexes with the rows after an update that is then rolled back."""
        db = self.bench.store.db
        db.execute("SAVEPOINT looked")
        index_all(db)
        assert find_wrong(db, lambda _done: None) == []
        db.execute("ROLLBACK TO looked")
        db.execute("RELEASE looked")

    @rule(again=st.booleans())
    def index(self, again: bool) -> None:  # noqa: FBT001 - hypothesis hands it so
        """Update the indexes, or rebuild them."""
        if again:
            with self.bench.store.writing() as db:
                indexes.mark_all_pending(db)
                index_all(db)
        else:
            indexes.update_for_search(self.bench.store)


def msg(value: object) -> str:
    """Return a value as JSON without spaces."""
    return json.dumps(value, separators=(",", ":"))


Workflows.TestCase.settings = settings(max_examples=100, stateful_step_count=12)
TestWorkflows = Workflows.TestCase
