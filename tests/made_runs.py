"""What the tests of the methods of runs share: a clock with two hands, and runs in short words."""

from typing import Any

from tests.harness import Bench, ManualClock

NOW = 1_700_000_000_000


class TwoHands(ManualClock):
    """A clock whose wall time can be set apart from the time that has passed."""

    def __init__(self) -> None:
        """Stand still at NOW."""
        super().__init__(NOW, step_ms=0)
        self.passed_ms = 0.0

    def monotonic_ms(self) -> float:
        """What has passed."""
        return self.passed_ms

    def wait(self, passed_ms: float, wall_ms: int | None = None) -> None:
        """Let time pass; the wall clock shows as much unless it is said otherwise."""
        self.passed_ms += passed_ms
        self.at_ms += round(passed_ms) if wall_ms is None else wall_ms


def shown(run_id: str = "r1", **more: Any) -> dict[str, Any]:
    """A run of w1 that has just begun, as a list shows it, but for what is given."""
    return {
        "id": run_id,
        "workflow_id": "w1",
        "revision": 1,
        "status": "running",
        "interrupted": False,
        "waiting": False,
        "trigger": None,
        "started_at": NOW,
        "completed_at": None,
        "duration_ms": None,
        "error_message": None,
        "message_truncated": False,
        "summary_state": None,
        "summary_bytes": None,
        "blocks_executed": 0,
        "tokens_used": 0,
        "api_calls_made": 0,
        "pinned": False,
        **more,
    }


def start(bench: Bench, run_id: str = "r1", workflow_id: str = "w1") -> dict[str, Any]:
    return bench.call("runs.start", workflow_id=workflow_id, id=run_id)


def get(bench: Bench, run_id: str = "r1") -> dict[str, Any]:
    found: dict[str, Any] = bench.call("runs.get", id=run_id)["run"]
    return found
