"""Tests of the workers: jobs are bounded, run in order, and are cancelled by their ids."""

import threading
from collections.abc import Callable

from sidecar import limits
from sidecar.wire.workers import Workers, cancel_key

WAIT_S = 10


class TrialJob:
    """A job that waits for an event."""

    def __init__(self, key: object, begun: Callable[[object], None] = lambda _key: None) -> None:
        self.key = cancel_key(key)
        self.cancelled = threading.Event()
        self.go = threading.Event()
        self.running = threading.Event()
        self.ended = threading.Event()
        self._begun = begun

    def run(self) -> None:
        """Wait for the event."""
        self._begun(self.key[1])  # type: ignore[index]
        self.running.set()
        self.go.wait(WAIT_S)
        self.ended.set()

    def cancel(self) -> None:
        """Note the cancel."""
        self.cancelled.set()


class Woken:
    """Counts the calls of `wake`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls = 0

    def __call__(self) -> None:
        """Count a call."""
        with self._changed:
            self._calls += 1
            self._changed.notify_all()

    def wait_for(self, calls: int) -> bool:
        """Wait for this many calls."""
        with self._changed:
            return self._changed.wait_for(lambda: self._calls >= calls, WAIT_S)


def test_jobs_run_and_the_loop_is_woken_after_each() -> None:
    woken = Woken()
    workers = Workers(woken)
    jobs = [TrialJob(number) for number in range(5)]
    for job in jobs:
        job.go.set()
        assert workers.submit(job)

    assert woken.wait_for(5)
    assert all(job.ended.is_set() for job in jobs)
    assert len(workers) == 0


def test_at_most_so_many_run_at_once_and_they_begin_in_order() -> None:
    begun: list[object] = []
    woken = Woken()
    workers = Workers(woken)
    jobs = [TrialJob(number, begun.append) for number in range(6)]
    for job in jobs:
        workers.submit(job)
    running = jobs[: limits.WORKER_THREADS]
    assert all(job.running.wait(WAIT_S) for job in running)
    assert not any(job.running.is_set() for job in jobs[limits.WORKER_THREADS :])

    for job in jobs:
        job.go.set()
        assert job.ended.wait(WAIT_S)

    assert woken.wait_for(6)
    assert sorted(begun[: limits.WORKER_THREADS], key=str) == [*range(limits.WORKER_THREADS)]
    assert begun[limits.WORKER_THREADS :] == [*range(limits.WORKER_THREADS, 6)]


def test_one_more_than_may_be_in_flight_is_refused_and_there_is_room_again_later() -> None:
    woken = Woken()
    workers = Workers(woken)
    jobs = [TrialJob(number) for number in range(limits.LONG_MAX_IN_FLIGHT)]
    assert all(workers.submit(job) for job in jobs)

    assert not workers.submit(TrialJob("one more"))

    for job in jobs:
        job.go.set()
    assert woken.wait_for(len(jobs))
    last = TrialJob("later")
    last.go.set()
    assert workers.submit(last)
    assert last.ended.wait(WAIT_S)


def test_cancel_reaches_the_job_of_that_id_and_type_alone() -> None:
    workers = Workers(lambda: None)
    jobs = [TrialJob(1), TrialJob("1"), TrialJob(2)]
    for job in jobs:
        workers.submit(job)

    assert workers.cancel(cancel_key(1))
    assert not workers.cancel(cancel_key("unknown"))

    assert [job.cancelled.is_set() for job in jobs] == [True, False, False]
    for job in jobs:
        job.go.set()


def test_cancel_all_reaches_queued_and_running_ones() -> None:
    workers = Workers(lambda: None)
    jobs = [TrialJob(number) for number in range(4)]
    for job in jobs:
        workers.submit(job)

    workers.cancel_all()

    assert all(job.cancelled.is_set() for job in jobs)
    for job in jobs:
        job.go.set()


def test_an_id_keeps_its_type() -> None:
    assert len({cancel_key(key) for key in (1, "1", None, True)}) == 4
