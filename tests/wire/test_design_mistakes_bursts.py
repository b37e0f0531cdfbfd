"""Mistakes of the customer's design document that the group commit must not repeat."""

import apsw
import pytest

from tests.wire.loop_in_process import FaultyVFS, Served, answers, call, notifications

WORKFLOW = {"id": "w1", "name": "a", "data": {"nodes": [1]}}


def counts(served: Served) -> tuple[int, int]:
    """Workflows and audit entries on disk."""
    db = apsw.Connection(str(served.store.path), flags=apsw.SQLITE_OPEN_READONLY)
    found = [
        db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - two names of ours
        for table in ("workflows", "access_log")
    ]
    db.close()
    assert found[0] is not None
    assert found[1] is not None
    return found[0][0], found[1][0]


def test_design_mistake_10_an_act_whose_entry_cannot_be_written_does_not_happen(
    served: Served, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The design document writes the entry after the act, outside its transaction."""

    def fails(*_values: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("sidecar.context.append_entry", fails)
        told = served.send(call(1, "workflows.save", workflow=WORKFLOW))

    assert "error" in answers(told)[0]
    assert notifications(told) == []
    assert counts(served) == (0, 0)
    assert "result" in answers(served.send(call(2, "workflows.save", workflow=WORKFLOW)))[0]
    assert counts(served) == (1, 1)
    capfd.readouterr()


def test_design_mistake_12_every_commit_is_on_disk_before_it_is_answered(
    served: Served, faults: FaultyVFS
) -> None:
    """The design sets no `synchronous`; with NORMAL an answer would come before the sync."""
    synced_before = faults.synced

    told = served.send(call(1, "workflows.save", workflow=WORKFLOW))

    assert "result" in answers(told)[0]
    assert faults.synced > synced_before
    assert served.store.db.pragma("synchronous") == 2
    served.store.reopen()
    assert served.store.db.pragma("synchronous") == 2
