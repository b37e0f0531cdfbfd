"""Tests of the workers: jobs are bounded, run in order, and are cancelled by their ids."""

import threading
from collections.abc import Callable

import pytest

from sidecar import limits
from sidecar.errors import Maintenance, Overloaded, SidecarError
from sidecar.wire.workers import Workers, cancel_key
from tests.harness import ManualClock

WAIT_S = 60


class TrialJob:
    """A job that waits for an event."""

    def __init__(
        self,
        key: object,
        begun: Callable[[object], None] = lambda _key: None,
        *,
        replaces_file: bool = False,
        gives_way: bool = False,
    ) -> None:
        self.key = cancel_key(key)
        self.replaces_file = replaces_file
        self.gives_way = gives_way
        self.runs_without_client = False
        self.is_answered = False
        self.refused_with: SidecarError | None = None
        self.waited = False
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

    def refuse(self, error: SidecarError) -> None:
        """Take note."""
        self.refused_with = error

    def report_waiting(self) -> None:
        """Take note."""
        self.waited = True


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
    workers = Workers(woken, ManualClock())
    jobs = [TrialJob(number) for number in range(5)]
    for job in jobs:
        job.go.set()
        workers.submit(job)

    assert woken.wait_for(5)
    assert all(job.ended.is_set() for job in jobs)
    assert len(workers) == 0


def test_at_most_so_many_run_at_once_and_they_begin_in_order() -> None:
    begun: list[object] = []
    woken = Woken()
    workers = Workers(woken, ManualClock())
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
    workers = Workers(woken, ManualClock())
    jobs = [TrialJob(number) for number in range(limits.LONG_MAX_IN_FLIGHT)]
    for job in jobs:
        workers.submit(job)

    with pytest.raises(Overloaded):
        workers.submit(TrialJob("one more"))

    for job in jobs:
        job.go.set()
    assert woken.wait_for(len(jobs))
    last = TrialJob("later")
    last.go.set()
    workers.submit(last)
    assert last.ended.wait(WAIT_S)


def test_cancel_reaches_the_job_of_that_id_and_type_alone() -> None:
    workers = Workers(lambda: None, ManualClock())
    jobs = [TrialJob(1), TrialJob("1"), TrialJob(2)]
    for job in jobs:
        workers.submit(job)

    assert workers.cancel(cancel_key(1))
    assert not workers.cancel(cancel_key("unknown"))

    assert [job.cancelled.is_set() for job in jobs] == [True, False, False]
    for job in jobs:
        job.go.set()


def test_cancel_all_reaches_queued_and_running_ones() -> None:
    workers = Workers(lambda: None, ManualClock())
    jobs = [TrialJob(number) for number in range(4)]
    for job in jobs:
        workers.submit(job)

    workers.cancel_all()

    assert all(job.cancelled.is_set() for job in jobs)
    for job in jobs:
        job.go.set()


def test_an_id_keeps_its_type() -> None:
    assert len({cancel_key(key) for key in (1, "1", None, True)}) == 4


# --- jobs that replace the file ------------------------------------------------------------


def test_a_job_that_replaces_the_file_waits_without_a_thread_and_then_runs_alone() -> None:
    workers = Workers(lambda: None, ManualClock())
    others = [TrialJob(number) for number in range(limits.WORKER_THREADS - 1)]
    for other in others:
        workers.submit(other)
        assert other.running.wait(WAIT_S)
    replacer = TrialJob("replacer", replaces_file=True)
    threads = threading.active_count()

    workers.submit(replacer)

    assert replacer.waited
    assert not replacer.running.is_set()
    assert threading.active_count() <= threads  # a thread of an earlier test may have ended
    for other in others:
        other.go.set()
    assert replacer.running.wait(WAIT_S)
    assert all(other.ended.is_set() for other in others)
    replacer.go.set()


class PausingJob(TrialJob):
    """A job that waits for a person, for whom the event stands."""

    def __init__(self, key: object, workers: Workers) -> None:
        super().__init__(key)
        self.resumed_with: SidecarError | None = None
        self._workers = workers

    def run(self) -> None:
        """Wait for the event while other jobs go on."""
        try:
            with self._workers.pausing(self):
                self.running.set()
                self.go.wait(WAIT_S)
        except SidecarError as error:
            self.resumed_with = error
        self.ended.set()


def test_a_job_that_waits_for_a_person_takes_no_other_jobs_place() -> None:
    workers = Workers(lambda: None, ManualClock())
    asking = PausingJob("asking", workers)
    workers.submit(asking)
    assert asking.running.wait(WAIT_S)
    others = [TrialJob(number) for number in range(limits.WORKER_THREADS)]
    for other in others:
        workers.submit(other)

    assert all(other.running.wait(WAIT_S) for other in others)
    for job in (*others, asking):
        job.go.set()
    assert asking.ended.wait(WAIT_S)
    assert asking.resumed_with is None


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_job_that_replaces_the_file_does_not_wait_for_one_that_waits_for_a_person(
    *, has_ended: bool
) -> None:
    woken = Woken()
    workers = Workers(woken, ManualClock())
    asking = PausingJob("asking", workers)
    workers.submit(asking)
    assert asking.running.wait(WAIT_S)
    replacer = TrialJob("replacer", replaces_file=True)
    workers.submit(replacer)
    assert replacer.running.wait(WAIT_S)
    if has_ended:
        replacer.go.set()
        assert woken.wait_for(1)

    asking.go.set()
    assert asking.ended.wait(WAIT_S)
    assert isinstance(asking.resumed_with, Maintenance)
    replacer.go.set()


def test_other_jobs_are_refused_while_one_replaces_the_file_or_waits_to() -> None:
    woken = Woken()
    workers = Workers(woken, ManualClock())
    first, replacer = TrialJob("first"), TrialJob("replacer", replaces_file=True)
    workers.submit(first)
    workers.submit(replacer)
    refused = [TrialJob("later"), TrialJob("other", replaces_file=True)]

    for job in refused:
        with pytest.raises(Maintenance):
            workers.submit(job)
    first.go.set()
    assert replacer.running.wait(WAIT_S)
    for job in refused:
        with pytest.raises(Maintenance):
            workers.submit(job)
    replacer.go.set()
    assert woken.wait_for(2)

    refused[0].go.set()
    workers.submit(refused[0])
    assert refused[0].ended.wait(WAIT_S)


def test_a_job_that_has_waited_too_long_is_refused_and_does_not_block_others() -> None:
    clock, woken = ManualClock(step_ms=0), Woken()
    workers = Workers(woken, clock)
    first, replacer = TrialJob("first"), TrialJob("replacer", replaces_file=True)
    workers.submit(first)
    workers.submit(replacer)
    assert workers.timeout_ms() == limits.REPLACE_WAIT_MS

    clock.at_ms += limits.REPLACE_WAIT_MS - 1
    workers.expire()
    assert replacer.refused_with is None
    clock.at_ms += 1
    replacer.go.set()
    workers.expire()

    assert isinstance(replacer.refused_with, Maintenance)
    assert woken.wait_for(1)
    assert workers.timeout_ms() is None
    workers.submit(TrialJob("later"))
    first.go.set()


def test_a_job_that_waits_can_be_cancelled() -> None:
    woken = Woken()
    workers = Workers(woken, ManualClock())
    first, replacer = TrialJob("first"), TrialJob("replacer", replaces_file=True)
    workers.submit(first)
    workers.submit(replacer)
    replacer.go.set()

    assert workers.cancel(cancel_key("replacer"))

    assert woken.wait_for(1)
    assert replacer.cancelled.is_set()
    assert not first.cancelled.is_set()
    first.go.set()


def test_a_job_that_gives_way_is_cancelled_by_one_that_replaces_the_file() -> None:
    workers = Workers(lambda: None, ManualClock())
    chore, replacer = TrialJob("chore", gives_way=True), TrialJob("replacer", replaces_file=True)
    workers.submit(chore)
    assert chore.running.wait(WAIT_S)

    workers.submit(replacer)

    assert chore.cancelled.is_set()
    chore.go.set()
    assert replacer.running.wait(WAIT_S)
    replacer.go.set()


def test_a_job_whose_answer_is_handed_over_neither_refuses_nor_delays_the_next_one() -> None:
    workers = Workers(lambda: None, ManualClock())
    for replaces_file in (True, False):
        answered = TrialJob("answered", replaces_file=replaces_file)
        workers.submit(answered)
        assert answered.running.wait(WAIT_S)
        answered.is_answered = True
        following = TrialJob("next", replaces_file=not replaces_file)
        following.go.set()

        workers.submit(following)

        assert following.ended.wait(WAIT_S)
        assert not following.waited
        answered.go.set()
        assert answered.ended.wait(WAIT_S)
