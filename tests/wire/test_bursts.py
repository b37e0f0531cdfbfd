"""Tests of bursts: one COMMIT for all requests that waited, and what happens when one fails."""

import os

import apsw
import pytest

from sidecar import limits
from tests.wire.loop_in_process import (
    SENTINEL,
    FaultyVFS,
    Served,
    answers,
    call,
    entries,
    notifications,
    outcomes,
)


def test_what_waits_together_is_one_transaction_and_answered_in_order(served: Served) -> None:
    served.store.db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: traced.append(event["sql"]))
    traced: list[str] = []

    told = served.send(*(call(number, "trial.write", key=f"k{number}") for number in range(20)))

    assert [each["id"] for each in answers(told)] == [*range(20)]
    assert [each["result"]["entries"] for each in answers(told)] == [*range(1, 21)]
    assert traced.count("BEGIN IMMEDIATE") == traced.count("COMMIT") == 1
    assert entries(served) == [f"k{number}" for number in range(20)]


def test_answers_of_a_burst_leave_before_its_events(served: Served) -> None:
    told = served.send(call(1, "trial.write", key="a"), call(2, "trial.write", key="b"))

    assert [each.get("id", each.get("method")) for each in told] == [
        1, 2, "audit.event", "audit.event",
    ]  # fmt: skip


def test_a_failing_member_is_undone_alone_and_burns_no_number(served: Served) -> None:
    told = served.send(
        call(1, "trial.write", key="a"),
        call(2, "trial.refuse", key="b"),
        call(3, "trial.crash", key="c"),
        call(4, "trial.read", key=""),
        call(5, "trial.write", key="d"),
    )

    assert [slug for slug, _ in outcomes(told)] == ["ok", "conflict", "internal", "ok", "ok"]
    assert answers(told)[3]["result"]["entries"] == 1
    assert [each["params"]["seq"] for each in notifications(told)] == [1, 2]
    assert entries(served) == ["a", "d"]


def test_the_first_to_write_is_undone_by_rolling_back_and_later_ones_alone(
    served: Served,
) -> None:
    traced: list[str] = []
    served.store.db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: traced.append(event["sql"]))

    told = served.send(
        call(1, "trial.read", key=""),
        call(2, "trial.refuse", key="b"),
        call(3, "trial.crash", key="c"),
        call(4, "trial.read", key=""),
        call(5, "trial.write", key="a"),
        call(6, "trial.refuse", key="e"),
        call(7, "trial.write", key="d"),
    )

    assert [slug for slug, _ in outcomes(told)] == [
        "ok", "conflict", "internal", "ok", "ok", "conflict", "ok",
    ]  # fmt: skip
    assert [each["params"]["seq"] for each in notifications(told)] == [1, 2]
    assert entries(served) == ["a", "d"]
    kept = ("BEGIN IMMEDIATE", "ROLLBACK", "SAVEPOINT part", "ROLLBACK TO part", "COMMIT")
    assert [sql for sql in traced if sql in kept] == [
        "BEGIN IMMEDIATE", "ROLLBACK",
        "BEGIN IMMEDIATE", "ROLLBACK",
        "BEGIN IMMEDIATE", "SAVEPOINT part", "ROLLBACK TO part", "SAVEPOINT part", "COMMIT",
    ]  # fmt: skip


def test_nothing_of_an_exception_reaches_the_wire(
    served: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    told = served.send(call(1, "trial.crash", key="k"), call(2, "trial.give_up", key="k"))

    assert SENTINEL not in str(told)
    for each in told:
        assert each["error"]["code"] == -32603
        assert each["error"]["data"]["incident"]
        assert set(each["error"]["data"]) == {"slug", "retryable", "incident"} | (
            {"outcome"} & set(each["error"]["data"])
        )
    capfd.readouterr()


@pytest.mark.parametrize(
    ("fault", "slug"), [(apsw.IOError, "storage_failed"), (apsw.FullError, "database_full")]
)
def test_when_the_commit_fails_the_whole_burst_is_told_that_its_outcome_is_unknown(
    served: Served, faults: FaultyVFS, fault: type[apsw.Error], slug: str
) -> None:
    faults.armed["sync"] = fault

    told = served.send(
        call(1, "trial.write", key="a"),
        call(2, "trial.refuse", key="b"),
        call(3, "trial.read", key=""),
        call(4, "trial.write", key="c"),
    )

    assert outcomes(told) == [
        (slug, "unknown"), ("conflict", None), (slug, "unknown"), (slug, "unknown"),
    ]  # fmt: skip
    assert notifications(told) == []
    assert SENTINEL not in str(told)


def test_after_a_failed_commit_the_connection_is_new_and_the_next_request_works(
    served: Served, faults: FaultyVFS
) -> None:
    served.send(call(1, "trial.write", key="a"))
    before = served.store.db
    faults.armed["sync"] = apsw.IOError
    served.send(call(2, "trial.write", key="b"))

    told = served.send(call(3, "trial.write", key="c"), call(4, "trial.read", key=""))

    assert served.store.db is not before
    assert outcomes(told) == [("ok", None)] * 2
    assert entries(served)[-1] == "c"
    assert "a" in entries(served)


@pytest.mark.parametrize(
    ("fault", "slug"), [(apsw.IOError, "storage_failed"), (apsw.FullError, "database_full")]
)
def test_an_io_error_within_a_burst_undoes_all_of_it_and_says_so(
    served: Served, faults: FaultyVFS, fault: type[apsw.Error], slug: str
) -> None:
    """SQLite ends the whole transaction; no request of it may be acknowledged."""
    faults.armed["write"] = fault

    told = served.send(
        call(1, "trial.write", key="a"),
        call(2, "trial.flood", key="b"),
        call(3, "trial.write", key="c"),
    )

    assert outcomes(told)[0] == (slug, "not_applied")
    assert outcomes(told)[1][0] == slug
    assert outcomes(told)[2] == ("ok", None)
    assert entries(served) == ["c"]
    assert [each["params"]["resource"] for each in notifications(told)] == ["c"]


def test_a_batch_writes_nothing_after_a_read_within_it_has_lost_its_transaction(
    served: Served, faults: FaultyVFS
) -> None:
    """SQLite ends the transaction also when a read fails; alone, a write would be committed."""
    body = {"nodes": [os.urandom(20_000).hex()]}
    served.send(call(1, "workflows.save", workflow={"id": "w", "name": "w", "data": body}))
    served.store.reopen()
    served.send(call(2, "trial.write", key="pages of a write are in the cache now"))
    before = entries(served)
    faults.armed["read"] = apsw.IOError

    told = served.send(
        [
            call(3, "trial.write", key="a"),
            call(4, "workflows.get", id="w"),
            call(5, "trial.write", key="b"),
            call(6, "trial.refuse", key="c"),
        ],
        call(7, "trial.write", key="d"),
    )

    assert not faults.armed
    assert entries(served) == [*before, "d"]
    batch, last = answers(told)
    assert outcomes(batch) == [("storage_failed", "not_applied")] * 4
    assert "result" in last


def test_a_disk_that_has_room_again_needs_no_restart(served: Served, faults: FaultyVFS) -> None:
    faults.armed["write"] = apsw.FullError

    told = served.send(call(1, "trial.write", key="a"))
    again = served.send(call(2, "trial.read", key=""), call(3, "trial.write", key="b"))

    assert outcomes(told) == [("database_full", "unknown")]
    assert outcomes(again) == [("ok", None)] * 2


def test_a_burst_ends_at_its_bound(served: Served) -> None:
    count = limits.BURST_MAX_REQUESTS * 2 + 5
    traced: list[str] = []
    served.store.db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: traced.append(event["sql"]))

    told = served.send(*(call(number, "trial.write", key="k") for number in range(count)))

    assert len(answers(told)) == count
    assert traced.count("COMMIT") >= 3


def test_a_burst_that_only_reads_begins_no_transaction(served: Served) -> None:
    traced: list[str] = []
    served.store.db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: traced.append(event["sql"]))

    served.send(call(1, "trial.read", key=""), call(2, "trial.read", key=""))

    assert "BEGIN IMMEDIATE" not in traced
    assert not served.store.in_transaction


def test_a_notification_is_served_and_audited_but_never_answered(served: Served) -> None:
    told = served.send({"jsonrpc": "2.0", "method": "trial.write", "params": {"key": "n"}})

    assert [each["method"] for each in told] == ["audit.event"]
    assert entries(served) == ["n"]


def test_a_batch_is_one_line_in_order_and_its_members_fail_alone(served: Served) -> None:
    told = served.send(
        [
            call(1, "trial.write", key="a"),
            {"jsonrpc": "2.0", "method": "trial.write", "params": ["b"]},
            call(2, "trial.refuse", key="c"),
            7,
            call(3, "no.such", key="d"),
            call("4", "trial.read", key=""),
        ]
    )

    (batch,) = answers(told)
    assert [each["id"] for each in batch] == [1, 2, None, 3, "4"]
    assert [each.get("error", {}).get("code") for each in batch] == [
        None, -32051, -32600, -32601, None,
    ]  # fmt: skip
    assert batch[-1]["result"]["entries"] == 2
    assert entries(served) == ["a", "b"]


def test_a_batch_of_notifications_alone_is_not_answered(served: Served) -> None:
    note = {"jsonrpc": "2.0", "method": "trial.write", "params": {"key": "n"}}

    assert answers(served.send([note, note])) == []
    assert entries(served) == ["n", "n"]


def test_a_batch_waits_for_its_long_member(served: Served) -> None:
    told = served.send(
        [call(1, "trial.write", key="a"), call(2, "trial.think", key="b")],
        call(3, "trial.read", key=""),
    )

    lines = answers(told)
    assert [each["id"] for each in next(each for each in lines if isinstance(each, list))] == [1, 2]
    assert sum(isinstance(each, list) for each in lines) == 1
    assert entries(served) == ["a", "b", "b"]


@pytest.mark.parametrize("count", [0, limits.BATCH_MAX_MEMBERS + 1])
def test_a_batch_with_too_few_or_too_many_members_is_one_invalid_request(
    served: Served, count: int
) -> None:
    (told,) = served.send([call(1, "trial.write", key="a")] * count)

    assert (told["id"], told["error"]["code"]) == (None, -32600)
    assert entries(served) == []


def test_an_answer_that_cannot_be_encoded_undoes_its_request(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that gets an error must be able to trust that nothing happened."""
    monkeypatch.setattr(limits, "ANSWER_MAX_BYTES", 10)

    told = served.send(call(1, "trial.write", key="a"))

    assert [slug for slug, _ in outcomes(told)] == ["too_large"]
    assert entries(served) == []
