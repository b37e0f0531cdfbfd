"""Tests that the direct lane and the lane through jsonrpcserver give the same answers.

Well-formed requests of every method, made from the catalog, are served in both lanes on two copies
of one database with equal clocks.

Where our answers differ from those of jsonrpcserver alone, the JSON-RPC 2.0 specification is
followed; `DIFFERENCES` lists all of them.
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

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar.catalog import METHODS, Method
from sidecar.context import Emitted, MethodLatency, Services
from sidecar.store.connection import Store
from sidecar.store.open_close import close_store, open_store
from sidecar.wire.burst import Burst
from sidecar.wire.dispatcher import Dispatcher
from sidecar.wire.envelope import encode_notification
from sidecar.wire.jsonrpc_lane import load_jsonrpcserver
from sidecar.wire.reply import Reply
from sidecar.wire.workers import Workers
from tests.harness import floor_vault
from tests.make_params import BODIES, params_type, simplest, values
from tests.store.still_clock import SteadyClock

MEASURED = {"resident_bytes", "threads", "descriptors", "p50_us", "p99_us"}
"""Members of an answer that are measured, so that they differ in two runs."""


class Peer:
    """The session and the post of one dispatcher; it stores what it is given."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.table: list[MethodLatency] = []

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Store the call."""
        self.told.append(("subscribe", sorted(actions or ()), after))

    def unsubscribe(self) -> None:
        """Store the call."""
        self.told.append("unsubscribe")

    def schedule(self, chore: str, delay_ms: int, *, at_latest: bool = False) -> None:
        """Ignore it: there are no chores."""

    def stop(self, reason: str) -> None:
        """Store the call."""
        self.told.append(("stop", reason))

    def latencies(self) -> list[MethodLatency]:
        """Return nothing."""
        return []

    def bursts_served(self) -> int:
        """Return none."""
        return 0

    def facts(self) -> dict[str, Any]:
        """Return the same facts in both lanes."""
        return {"pid": 1, "started_at": 2, "database": "sim.db"}

    def post_events(self, emitted: list[Emitted]) -> None:
        """Store the notifications."""
        self.told += [encode_notification(each.params) for each in emitted]

    def post_reply(self, reply: Reply) -> None:
        """Store the call."""
        self.told.append(reply.data)
        self.post_events(reply.emitted)


class Lane:
    """A dispatcher with a database of its own."""

    def __init__(self, path: Path, *, direct: bool) -> None:
        self.store: Store = open_store(path, SteadyClock()).store
        self.direct = direct
        self.folder = json.dumps(str(path.parent)).strip('"').encode()
        self.peer = Peer()
        services = Services(self.store, SteadyClock(), self.peer, floor_vault())
        self.dispatcher = Dispatcher(services, Workers(lambda: None, SteadyClock()), self.peer)

    def serve(self, line: bytes) -> list[Any]:
        """Return everything that one line causes: session calls, the answer, events."""
        self.peer.told = []
        line = bytes(bytearray(line))  # a line of its own: one that holds a secret is wiped
        burst = Burst(self.store)
        if self.direct:
            assert self.dispatcher._read_single(line) is not None
            self.dispatcher.serve_line(line, burst)
        else:
            self.dispatcher.serve_member(line, burst, burst.replies)
        assert burst.failed_by is None
        burst.commit()
        burst.release()
        for reply in burst.replies:
            if not reply.pending:
                self.peer.post_reply(reply)
        for job, _reply in burst.long_jobs:
            job.run()
        return [_masked(each, self.folder) for each in self.peer.told]


def _masked(told: Any, folder: bytes) -> Any:
    """Return an answer with its measured members and the database's folder replaced."""
    if not isinstance(told, bytes):
        return told
    told = told.replace(folder, b"here")

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
    """Return the params by position, up to the first that is absent."""
    given_ = []
    for name in method.field_names():
        if name not in params:
            break
        given_.append(params[name])
    return given_


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Generate a well-formed request or notification; some name no method or have wrong params."""
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
    """Return the folder of a closed database with a few objects of each kind."""
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
    """Return new folders, one for each example."""
    return (tmp_path_factory.mktemp("lanes") for _ in iter(int, 1))


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


# --- compared with jsonrpcserver alone ----------------------------------------------------

PING = '"jsonrpc":"2.0","id":1,"method":"system.ping"'
AGREED = [
    f"{{{PING}}}", f'{{{PING},"params":[]}}', f'{{{PING},"params":{{}}}}',
    f'{{{PING},"params":[1]}}', f'{{{PING},"params":{{"a":1}}}}', f'{{{PING},"params":[NaN]}}',
    '{"jsonrpc":"2.0","id":null,"method":"system.ping"}',
    '{"jsonrpc":"2.0","id":"a","method":"no"}',
    '{"jsonrpc":"2.0","id":true,"method":"system.ping"}', '{"jsonrpc":"2.0","id":{},"method":"m"}',
    '{"jsonrpc":"2.0","method":"system.ping"}', '{"jsonrpc":"2.0","method":"no.such"}',
    "hello", "", "1", "null", '"text"', "{}", "[]", f"[{{{PING}}}", f"[{{{PING}}},{{{PING}}}]",
    '[{"jsonrpc":"2.0","method":"system.ping"}]',
]  # fmt: skip
"""Lines that jsonrpcserver alone answers with the same code and id."""

Told = Any
"""(code, id) of an answer, None when there is no answer, a list for a batch."""

DIFFERENCES: dict[str, tuple[str, Told, Told]] = {
    # An invalid request with a readable id is answered with it (section 5: else with null).
    "id of a wrong version": (
        '{"jsonrpc":"1.0","id":1,"method":"system.ping"}', (-32600, None), (-32600, 1),
    ),
    "id beside a method that is no string": (
        '{"jsonrpc":"2.0","id":1,"method":1}', (-32600, None), (-32600, 1),
    ),
    "id without a method": ('{"jsonrpc":"2.0","id":1}', (-32600, None), (-32600, 1)),
    "id beside params of no structure": (
        f'{{{PING},"params":"x"}}', (-32600, None), (-32600, 1),
    ),
    # Each wrong member has an answer (section 7), and a batch is answered by an array.
    "a bad member fails its batch": (
        f"[{{{PING}}},5]", (-32600, None), [(None, 1), (-32600, None)],
    ),
    "a batch of one bad member": ("[1]", (-32600, None), [(-32600, None)]),
    # Additional members are ignored: the specification allows them, and clients send them.
    "an extra member": (f'{{{PING},"more":1}}', (-32600, None), (None, 1)),
    "null params": (f'{{{PING},"params":null}}', (-32600, None), (None, 1)),
    # Ids should have no fraction (section 4), and must be sent back exactly.
    "a fractional id": (
        '{"jsonrpc":"2.0","id":1.5,"method":"system.ping"}', (None, 1.5), (-32600, None),
    ),
    "an id beyond 64 bits": (
        f'{{"jsonrpc":"2.0","id":{10**30},"method":"system.ping"}}', (None, 10**30), (-32600, None),
    ),
}  # fmt: skip
"""The answers of jsonrpcserver alone, and ours. An exception's text, never sent, is one more."""


def told_by(answer: Any) -> Told:
    """Return the code and the id of an answer."""
    if isinstance(answer, list):
        return [told_by(each) for each in answer]
    return (answer.get("error", {}).get("code"), answer["id"]) if answer else None


def alone(line: str) -> Told:
    """Return the answer of jsonrpcserver alone."""
    library = load_jsonrpcserver()
    text = library.dispatch(line, {"system.ping": lambda: library.Success({})})
    return told_by(json.loads(text) if text else None)


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Lane]:
    lane = Lane(tmp_path / "sim.db", direct=False)
    yield lane
    lane.store.close()


def answered(lane: Lane, line: str) -> Told:
    """Return our answer to a line."""
    burst = Burst(lane.store)
    lane.dispatcher.serve_line(line.encode(), burst)
    burst.release()
    lines = [told for reply in burst.replies if (told := reply.line()) is not None]
    assert len(lines) <= 1
    return told_by(json.loads(lines[0]) if lines else None)


@pytest.mark.parametrize("line", AGREED)
def test_we_answer_as_jsonrpcserver_does(ours: Lane, line: str) -> None:
    assert answered(ours, line) == alone(line)


@pytest.mark.parametrize(("line", "theirs", "expected"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_where_we_differ_from_jsonrpcserver_the_specification_wins(
    ours: Lane, line: str, theirs: Told, expected: Told
) -> None:
    assert (alone(line), answered(ours, line)) == (theirs, expected)


def test_an_exceptions_text_reaches_the_peer_through_jsonrpcserver_alone() -> None:
    """This is why our methods never raise inside jsonrpcserver."""
    library = load_jsonrpcserver()

    def crash() -> None:
        raise RuntimeError("the text")

    line = '{"jsonrpc":"2.0","id":1,"method":"crash"}'
    assert "the text" in library.dispatch(line, {"crash": crash})
