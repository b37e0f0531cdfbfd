"""`audit.list`, `subscribe` and `verify`; the chain itself is tested in store/test_audit.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sidecar.handlers.every  # noqa: F401 - importing it fills the catalog
from sidecar import limits
from sidecar.errors import Cancelled, InvalidParams
from sidecar.notifications import AuditEvent, Progress
from sidecar.store.audit.log import append_entry, chain_head
from tests.harness import Bench, NoSession, open_bench
from tests.made_workflows import save
from tests.store.still_clock import NOW_MS, SteadyClock

ZEROS = "0" * 64
STEP = limits.VERIFY_STEP_ENTRIES


class RecordingSession(NoSession):
    """A session that records the calls of subscribe and unsubscribe."""

    def __init__(self) -> None:
        self.calls: list[tuple[frozenset[str] | None, int | None] | None] = []

    def subscribe(self, actions: frozenset[str] | None, after: int | None) -> None:
        """Record the arguments."""
        self.calls.append((actions, after))

    def unsubscribe(self) -> None:
        """Record None."""
        self.calls.append(None)


@pytest.fixture
def session() -> RecordingSession:
    return RecordingSession()


@pytest.fixture
def bench(tmp_path: Path, session: RecordingSession) -> Iterator[Bench]:
    """Yield a bench with four entries in its log: two saves, a setting and an archive."""
    with open_bench(tmp_path, SteadyClock()) as opened:
        opened.context.session = session
        save(opened, "w1")
        save(opened, "w2")
        opened.call("settings.set", key="theme", value="dark")
        opened.call("workflows.archive", id="w1")
        yield opened


def head(bench: Bench) -> dict[str, object]:
    """Return the head of the log as answers carry it."""
    found = chain_head(bench.store.db)
    return {"seq": found.seq, "mac": found.mac.hex()}


# --- list -------------------------------------------------------------------------------------


def seqs(bench: Bench, **params: object) -> list[int]:
    """Return the numbers of the entries that audit.list returns."""
    return [item["seq"] for item in bench.call("audit.list", **params)["items"]]


def test_a_listed_entry_equals_its_event(bench: Bench) -> None:
    events = [event for event in bench.told if isinstance(event, AuditEvent)]

    listed = bench.call("audit.list")

    assert listed["next_cursor"] is None
    assert listed["items"][3] == {
        "seq": 4,
        "action": "workflow_archive",
        "resource": "w1",
        "at": NOW_MS,
        "details": {},
        "mac": head(bench)["mac"],
    }
    assert [(event.seq, event.action, event.mac) for event in events] == [
        (item["seq"], item["action"], item["mac"]) for item in listed["items"]
    ]


def test_filters_omit_the_entries_that_they_do_not_match(bench: Bench) -> None:
    assert seqs(bench, action="workflow_save") == [1, 2]
    assert seqs(bench, resource="w1") == [1, 4]
    assert seqs(bench, action="workflow_save", resource="w1") == [1]
    assert seqs(bench, after=2) == [3, 4]
    assert seqs(bench, from_at=NOW_MS, to_at=NOW_MS + 1) == [1, 2, 3, 4]
    assert seqs(bench, to_at=NOW_MS) == []
    assert seqs(bench, after=limits.SAFE_INTEGER_MAX) == []
    assert seqs(bench, action="workflow_delete") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("after", [0, 1])
def test_pages_join_to_the_whole_log(
    bench: Bench,
    limit: int,
    descending: bool,  # noqa: FBT001 - a parameter of the test
    after: int,
) -> None:
    found: list[int] = []
    params = {"after": after, "limit": limit, "descending": descending}
    cursor: str | None = ""
    while cursor is not None:
        page = bench.call("audit.list", **params, cursor=cursor or None)
        assert 0 < len(page["items"]) <= limit
        found += [item["seq"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert found == sorted({1, 2, 3, 4} - {after}, reverse=descending)


@pytest.mark.parametrize(
    "other", [{"after": 1}, {"descending": True}, {"action": "workflow_save"}, {"to_at": 9}]
)
def test_a_cursor_binds_the_filters_and_the_direction(
    bench: Bench, other: dict[str, object]
) -> None:
    cursor = bench.call("audit.list", limit=1)["next_cursor"]

    assert bench.call("audit.list", limit=9, cursor=cursor)["items"][0]["seq"] == 2
    refusal = bench.refused(InvalidParams, "audit.list", cursor=cursor, **other)
    assert refusal == {"path": "$.params.cursor"}


OF_OLD: Any = "of_old"
"""An action that only an imported log has."""


def test_an_action_of_an_imported_log_can_be_filtered_and_an_unknown_one_is_refused(
    bench: Bench, session: RecordingSession
) -> None:
    append_entry(bench.store.db, NOW_MS, OF_OLD, "x")

    assert seqs(bench, action="of_old") == [5]
    bench.call("audit.subscribe", actions=["of_old"], after=0)
    with pytest.raises(InvalidParams) as caught:
        bench.call("audit.list", action="no_such")
    assert caught.value.data["path"] == "$.params.action"
    with pytest.raises(InvalidParams) as caught:
        bench.call("audit.subscribe", actions=["of_old", "no_such"])
    assert caught.value.data["path"] == "$.params.actions[1]"
    assert len(session.calls) == 1


def test_a_page_ends_before_the_answer_is_full(bench: Bench) -> None:
    """The details of an imported log may be of any length."""
    long = '{"text":"' + "x" * (limits.ANSWER_MAX_BYTES // 3) + '"}'
    for _ in range(4):
        append_entry(bench.store.db, NOW_MS, OF_OLD, "x", long)

    page = bench.call("audit.list", after=4)

    assert [item["seq"] for item in page["items"]] == [5, 6]
    more = bench.call("audit.list", after=4, cursor=page["next_cursor"])
    assert [item["seq"] for item in more["items"]] == [7, 8]


# --- subscribe --------------------------------------------------------------------------------


def test_a_subscription_returns_the_number_of_replayed_entries(
    bench: Bench, session: RecordingSession
) -> None:
    result = [
        bench.call("audit.subscribe"),
        bench.call("audit.subscribe", after=1),
        bench.call("audit.subscribe", after=0, actions=["workflow_save", "workflow_archive"]),
        bench.call("audit.subscribe", actions=[]),
    ]

    assert result == [
        {"replayed": count, "pruned_through": 0, "head": head(bench)} for count in (0, 3, 3, 0)
    ]
    assert session.calls == [
        (None, None),
        (None, 1),
        (frozenset({"workflow_save", "workflow_archive"}), 0),
        (frozenset(), None),
    ]


def test_a_subscriber_ahead_of_the_log_gets_every_entry_from_now_on(
    bench: Bench, session: RecordingSession
) -> None:
    """An older database was restored meanwhile: the next entry is number 5, not 100."""
    result = bench.call("audit.subscribe", after=99)

    assert result == {"replayed": 0, "pruned_through": 0, "head": head(bench)}
    assert session.calls == [(None, 4)]


def test_unsubscribe_ends_the_stream(bench: Bench, session: RecordingSession) -> None:
    assert bench.call("audit.unsubscribe") == {}
    assert session.calls == [None]


# --- verify -----------------------------------------------------------------------------------


def test_verify_returns_its_whole_verdict(bench: Bench) -> None:
    sound = {
        "status": "unsealed",
        "first_bad_seq": None,
        "reason": None,
        "verified_from": 1,
        "verified_to": 4,
        "pruned_through": 0,
        "unsealed_through": 0,
        "head": head(bench),
        "remotes": None,
    }

    assert bench.call("audit.verify") == sound
    assert bench.call("audit.verify", expect=head(bench)) == sound
    assert bench.call("audit.verify", expect={"seq": 0, "mac": ZEROS}) == sound
    assert bench.call("audit.verify", expect={"seq": 2, "mac": ZEROS}) == {
        **sound,
        "status": "forked",
        "reason": "expect",
        "first_bad_seq": 2,
        "verified_to": 1,
    }
    bench.store.db.execute("DELETE FROM access_log WHERE seq = 2")
    assert bench.call("audit.verify") == {
        **sound,
        "status": "tampered",
        "reason": "gap",
        "first_bad_seq": 2,
        "verified_to": 1,
    }


@pytest.mark.parametrize("mac", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", 7])
def test_an_anchor_with_an_invalid_code_is_refused(bench: Bench, mac: object) -> None:
    refusal = bench.refused(InvalidParams, "audit.verify", expect={"seq": 1, "mac": mac})
    assert refusal == {"path": "$.params.expect.mac"}


def test_verify_writes_nothing(bench: Bench) -> None:
    before = head(bench)
    bench.call("audit.verify")

    assert head(bench) == before


def grow(bench: Bench, count: int) -> None:
    """Append entries to the log."""
    with bench.store.writing() as db:
        for _ in range(count):
            append_entry(db, NOW_MS, "workflow_save", "w")


def test_a_long_verify_reports_progress(bench: Bench) -> None:
    grow(bench, 2 * STEP)
    bench.told.clear()
    bench.call("audit.verify")

    total = 2 * STEP + 4
    assert bench.told == [
        Progress(1, "verify", done, total, "entries") for done in (STEP, 2 * STEP, total)
    ]


def test_a_long_verify_can_be_cancelled(bench: Bench) -> None:
    grow(bench, 2 * STEP)
    bench.cancel_after_steps = 1

    with pytest.raises(Cancelled):
        bench.call("audit.verify")
