"""What is kept of the frames that pass, and what is never kept."""

import json
import threading

import pytest

from sidecar.inspector.frames import Frame, Frames, LineRecorder
from sidecar.limits import inspector as limits
from tests.harness import ManualClock
from tests.process.child_process import request


def seen(*lines: tuple[str, bytes]) -> list[Frame]:
    """The frames of lines that go to the sidecar, or come from it."""
    frames = Frames(ManualClock())
    for direction, line in lines:
        frames.record("to" if direction == "to" else "from", line)
    return frames.after(0, 0).frames


def test_a_line_is_known_for_what_it_is() -> None:
    found = seen(
        ("to", b'{"jsonrpc":"2.0","id":"a","method":"runs.list"}'),
        ("to", b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}'),
        ("from", b'{"jsonrpc":"2.0","id":"a","result":null}'),
        ("from", b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}'),
        ("from", b'{"jsonrpc":"2.0","method":"audit.event","params":{}}'),
        ("to", b'[{"jsonrpc":"2.0","id":1,"method":"system.ping"}]'),
        ("to", b"{no json"),
        ("to", b""),
    )

    assert [(each.kind, each.method, each.id) for each in found] == [
        ("request", "runs.list", '"a"'),
        ("notification", "$/cancelRequest", None),
        ("result", "runs.list", '"a"'),
        ("error", None, "null"),
        ("notification", "audit.event", None),
        ("batch", None, None),
        ("other", None, None),
        ("other", None, None),
    ]


def test_an_answer_tells_the_time_since_its_request() -> None:
    clock = ManualClock(step_ms=0)
    frames = Frames(clock)
    frames.record("to", request("runs.list", None, 5))
    frames.record("to", request("runs.get", None, 6))
    clock.at_ms += 250
    frames.record("from", b'{"jsonrpc":"2.0","id":6,"result":{}}')
    frames.record("from", b'{"jsonrpc":"2.0","id":6,"result":{}}')
    found = [(each.method, each.duration_ms) for each in frames.after(2, 0).frames]

    assert found == [("runs.get", 250.0), (None, None)]


def test_pieces_of_any_size_are_the_same_lines() -> None:
    data = b'{"a":1}\n{"b":2}\nhalf'
    texts = []
    for size in (1, 3, len(data)):
        frames = Frames(ManualClock())
        recorder = LineRecorder(frames, "to")
        for at in range(0, len(data), size):
            recorder.feed(data[at : at + size])
        recorder.finish()
        texts.append([each.text for each in frames.after(0, 0).frames])

    assert texts == [['{"a":1}', '{"b":2}', "half"]] * 3


def test_a_long_frame_is_cut_and_still_known() -> None:
    frames = Frames(ManualClock())
    recorder = LineRecorder(frames, "to")
    line = request("workflows.save", {"workflow": {"name": "x" * 2 * limits.FRAME_KEPT_BYTES}}, 9)
    recorder.feed(line)
    (shown,) = frames.after(0, 0).frames
    whole = frames.find(1)

    assert whole is not None
    assert (shown.kind, shown.method, shown.id) == ("request", "workflows.save", "9")
    assert (shown.size_bytes, shown.whole) == (len(line) - 1, False)
    assert (len(shown.text), len(whole.text)) == (
        limits.FRAME_PREVIEW_CHARS,
        limits.FRAME_KEPT_BYTES,
    )


def test_the_oldest_frames_are_dropped() -> None:
    frames = Frames(ManualClock())
    for _ in range(limits.FRAMES_KEPT + 10):
        frames.record("to", b"{}")
    first = frames.after(0, 0).frames[0].seq
    for _ in range(40):
        frames.record("to", b'"' + b"x" * limits.FRAME_KEPT_BYTES + b'"')

    assert first == 11
    assert frames.find(limits.FRAMES_KEPT + 10 + 8) is None
    assert frames.find(limits.FRAMES_KEPT + 10 + 40) is not None


def test_who_waits_is_woken_by_the_next_frame() -> None:
    frames = Frames(ManualClock())
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(len(frames.after(0, 30).frames)))
    waiting.start()
    frames.record("to", b"{}")
    waiting.join(60)

    assert found == [1]


def test_a_number_of_an_earlier_inspector_begins_again() -> None:
    frames = Frames(ManualClock())
    frames.record("to", b"{}")

    assert [each.seq for each in frames.after(9_999, 0).frames] == [1]


SECRET = "sk-a-secret-0123456789"


@pytest.mark.parametrize(
    ("method", "params", "shown"),
    [
        ("secrets.set", {"provider": "openai", "value": SECRET}, {"provider": "openai"}),
        ("secrets.verify", {"provider": "openai", "value": SECRET}, {"provider": "openai"}),
        ("secrets.initialize", {"passphrase": SECRET}, {}),
        ("secrets.unlock", {"passphrase": SECRET}, {}),
        ("secrets.unlock", {"recovery_code": SECRET}, {}),
        ("secrets.change_passphrase", {"current": SECRET, "new": SECRET}, {}),
        ("secrets.burn", {"anything": SECRET}, {}),
    ],
)
def test_secret_params_are_hidden(method: str, params: object, shown: dict[str, str]) -> None:
    (frame,) = seen(("to", request(method, params)))

    assert (SECRET in frame.text, frame.whole) == (False, False)
    for name, value in shown.items():
        assert json.loads(frame.text)["params"][name] == value


@pytest.mark.parametrize(
    "line",
    [
        request("secrets.set", ["openai", SECRET]),
        request("secrets.set", SECRET),
        b'{"method":"secrets.set","params":{"value":"' + SECRET.encode(),
        b"[" + request("secrets.set", {"value": SECRET}) + b"]",
        b'{"method":"secrets.set","params":{"value":"' + SECRET.encode() + b'"}}',
    ],
)
def test_a_secret_in_any_other_form_is_hidden(line: bytes) -> None:
    (frame,) = seen(("to", line))

    assert (SECRET in frame.text, frame.whole) == (False, False)


def test_an_answer_to_an_unknown_request_is_hidden() -> None:
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "secrets.get", "params": {"provider": "openai"}}]
    answer = {"jsonrpc": "2.0", "id": 1, "result": {"provider": "openai", "value": SECRET}}
    found = seen(
        ("from", json.dumps([{"jsonrpc": "2.0", "id": 0, "result": {}}]).encode()),
        ("from", json.dumps(answer).encode()),
        ("to", json.dumps(batch).encode()),
        ("from", json.dumps([answer]).encode()),
    )

    assert [(each.whole, SECRET in each.text) for each in found] == [
        (True, False),
        (False, False),
        (False, False),
        (False, False),
    ]


def test_answers_with_secrets_are_hidden_and_others_are_not() -> None:
    found = seen(
        ("to", request("secrets.get", {"provider": "openai"}, 1)),
        ("from", b'{"jsonrpc":"2.0","id":1,"result":{"provider":"openai","value":"sk-0123"}}'),
        ("to", request("secrets.add_recovery", {}, 2)),
        ("from", b'{"jsonrpc":"2.0","id":2,"result":{"recovery_code":"ABCD-EFGH","slot":2}}'),
        ("to", request("secrets.status", {}, 3)),
        ("from", b'{"jsonrpc":"2.0","id":3,"result":{"state":"unlocked"}}'),
    )
    texts = [each.text for each in found if each.kind == "result"]

    assert not [text for text in texts if "0123" in text or "ABCD" in text]
    assert "unlocked" in texts[2]
    assert [each.whole for each in found if each.kind == "result"] == [False, False, True]
