"""The two lanes: what jsonrpcserver carries and what goes straight give the same answers.

The property: well-formed requests of every method, made from the catalog, are served in the
direct lane and through jsonrpcserver on two copies of one database under equal clocks.

Where our answers differ from what jsonrpcserver alone would say, the JSON-RPC 2.0 specification
wins; `DIFFERENCES` is the whole list.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sidecar.handlers  # noqa: F401 - importing it fills the catalog
from sidecar.catalog import METHODS, Method
from sidecar.context import Emitted, MethodLatency
from sidecar.store.connection import Store
from sidecar.store.opening import close_store, open_store
from sidecar.wire.burst import Burst
from sidecar.wire.dispatcher import Dispatcher
from sidecar.wire.envelope import encode_notification
from sidecar.wire.jsonrpc_lane import load_jsonrpcserver
from sidecar.wire.reply import Reply
from sidecar.wire.workers import Workers
from tests.making import BODIES, params_type, values
from tests.store.steady import SteadyClock

MEASURED = {"resident_bytes", "threads", "descriptors", "p50_us", "p99_us"}
"""Members of an answer that are measured, not served: two runs never agree on them."""


class Peer:
    """The session and the post of one dispatcher; keeps what it is given."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.table: list[MethodLatency] = []

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Keep it."""
        self.told.append(("subscribe", sorted(actions or ()), after))

    def unsubscribe(self) -> None:
        """Keep it."""
        self.told.append("unsubscribe")

    def stop(self, reason: str) -> None:
        """Keep it."""
        self.told.append(("stop", reason))

    def latencies(self) -> list[MethodLatency]:
        """None."""
        return []

    def facts(self) -> dict[str, Any]:
        """The same for both."""
        return {"pid": 1, "started_at": 2, "database": "sim.db"}

    def post_events(self, emitted: list[Emitted]) -> None:
        """Keep them."""
        self.told += [encode_notification(each.params) for each in emitted]

    def post_reply(self, reply: Reply) -> None:
        """Keep it."""
        self.told.append(reply.data)
        self.post_events(reply.emitted)


class Lane:
    """A dispatcher over a database of its own."""

    def __init__(self, path: Path, *, direct: bool) -> None:
        self.store: Store = open_store(path, SteadyClock()).store
        self.direct = direct
        self.peer = Peer()
        clock = SteadyClock()
        workers = Workers(lambda: None)
        self.dispatcher = Dispatcher(self.store, clock, self.peer, workers, self.peer)

    def serve(self, line: bytes) -> list[Any]:
        """Everything that one line leads to: session calls, the answer, events."""
        self.peer.told = []
        burst = Burst(self.store)
        if self.direct:
            assert self.dispatcher._read_single(line) is not None
            self.dispatcher.serve_line(line, burst)
        else:
            self.dispatcher.serve_member(line, burst, burst.replies)
        assert burst.lost is None
        burst.commit()
        burst.release()
        for reply in burst.replies:
            if not reply.pending:
                self.peer.post_reply(reply)
        for job, _reply in burst.long_jobs:
            job.run()
        return [_masked(each) for each in self.peer.told]


def _masked(told: Any) -> Any:
    """An answer with its measured members blotted out."""
    if not isinstance(told, bytes):
        return told

    def mask(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: "measured" if key in MEASURED else mask(member)
                for key, member in value.items()
            }
        return [mask(item) for item in value] if isinstance(value, list) else value

    return mask(msgspec.json.decode(told))


# --- the property -------------------------------------------------------------------------

ANY_ID = st.integers(-(2**63), 2**64 - 1) | st.text(max_size=6) | st.none()


def by_position(method: Method, params: dict[str, Any]) -> list[Any]:
    """As many members as are there without a gap."""
    given_ = []
    for name in method.field_names():
        if name not in params:
            break
        given_.append(params[name])
    return given_


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One well-formed request or notification; now and then of no method, or with wrong params."""
    name = draw(st.sampled_from([*METHODS, "workflows.safe", "", "$/unknown"]))
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": name}
    if draw(st.integers(0, 4)):
        message["id"] = draw(ANY_ID)
    method = METHODS.get(name)
    way = draw(st.sampled_from(["name", "name", "name", "position", "null", "absent", "wrong"]))
    params = draw(values(params_type(method))) if method is not None else {}
    if way == "name":
        message["params"] = params
    elif way == "position":
        message["params"] = by_position(method, params) if method is not None else []
    elif way == "null":
        message["params"] = None
    elif way == "wrong":
        message["params"] = {**params, draw(st.text(max_size=4)): draw(st.sampled_from(BODIES))}
    order = draw(st.permutations(list(message)))
    return json.dumps(
        {key: message[key] for key in order}, ensure_ascii=draw(st.booleans())
    ).encode()


WORKFLOW = {"id": "w1", "name": "Mail 🎈", "data": {"nodes": [1.10]}, "tags": ["a", "w2"]}
FIRST = [
    ("workflows.save", {"workflow": WORKFLOW}),
    ("workflows.save", {"workflow": {**WORKFLOW, "id": "w2", "name": "two words"}}),
    ("workflows.archive", {"id": "w2"}),
    ("runs.start", {"workflow_id": "w1", "id": "r1"}),
    ("settings.set", {"key": "trial.key", "value": [1, None]}),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a little of everything, closed."""
    path = tmp_path_factory.mktemp("template") / "sim.db"
    lane = Lane(path, direct=True)
    for number, (name, params) in enumerate(FIRST):
        message = {"jsonrpc": "2.0", "id": number, "method": name, "params": params}
        told = lane.serve(msgspec.json.encode(message))
        assert "result" in told[0], told
    close_store(lane.store)
    return path.parent


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Fresh folders for each example."""
    return (tmp_path_factory.mktemp("lanes") for _ in iter(int, 1))  # type: ignore[return-value]


@settings(max_examples=70)
@given(lines=st.lists(requests(), min_size=1, max_size=12))
def test_both_lanes_give_the_same_answers_and_events(
    template: Path, places: Iterator[Path], lines: list[bytes]
) -> None:
    place = next(places)
    lanes = []
    for direct in (True, False):
        folder = place / str(direct)
        shutil.copytree(template, folder)
        lanes.append(Lane(folder / "sim.db", direct=direct))
    try:
        for line in lines:
            straight, through = (lane.serve(line) for lane in lanes)

            assert straight == through
    finally:
        for lane in lanes:
            lane.store.close()
        shutil.rmtree(place)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_served_the_same_at_its_simplest(
    template: Path, tmp_path: Path, name: str
) -> None:
    from tests.making import simplest

    told = []
    params = simplest(params_type(METHODS[name]))
    line = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": name, "params": params})
    for direct in (True, False):
        shutil.copytree(template, tmp_path / str(direct))
        lane = Lane(tmp_path / str(direct) / "sim.db", direct=direct)
        told.append(lane.serve(line))
        lane.store.close()

    assert told[0] == told[1]
    assert any(isinstance(each, dict) and each.get("id") == 1 for each in told[0])
