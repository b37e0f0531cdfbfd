"""The worker threads that run long methods and chores.

Has the threads, the queue of jobs, and the request id that each job can be cancelled by. A job runs
in one thread from its start to its end; the dispatcher says what it does and how its answer is
sent. The threads are daemons and start with the first job: most sessions need none.

A job that replaces the database file, such as a restore, runs alone. It waits, without a thread,
until the jobs before it have ended, and until it has ended no other job is accepted. So no job
sees two files, and none makes a file that another one reads.

A job that waits for a person (`Workers.pausing`) counts as if it were not there meanwhile: another
thread runs in its place, and a job that replaces the file does not wait for it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from sidecar import limits, log
from sidecar.clock import Clock
from sidecar.errors import Maintenance, OutOfResources, Overloaded, SidecarError


class Job(Protocol):
    """One piece of work, such as an accepted long request."""

    @property
    def key(self) -> object:
        """Return what a cancel finds the job by: the type and the value of its request id."""

    @property
    def replaces_file(self) -> bool:
        """Return whether the job puts another file in the place of the database."""

    @property
    def gives_way(self) -> bool:
        """Return whether the job is cancelled when one that replaces the file waits for it."""

    @property
    def runs_without_client(self) -> bool:
        """Return whether the job goes on when the client has closed stdout or has died."""

    @property
    def is_answered(self) -> bool:
        """Return whether the work is done and the answer is handed over, or is about to be."""

    def run(self) -> None:
        """Do the work and hand over the answer; never raises."""

    def cancel(self) -> None:
        """Ask the job to stop at its next safe point."""

    def refuse(self, error: SidecarError) -> None:
        """Make `run` answer with this error and do no work."""

    def report_waiting(self) -> None:
        """Report that the job waits for other jobs to end."""


def cancel_key(request_id: object) -> object:
    """Return an id with its type: 1, 1.0 and true are equal in Python but are different ids."""
    return (type(request_id), request_id)


class Workers:
    """Runs jobs in the order in which they came, at most `limits.WORKER_THREADS` at a time."""

    def __init__(self, wake: Callable[[], None], clock: Clock) -> None:
        """`wake` is called after each job has ended."""
        self._wake = wake
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._threads = 0
        self._paused: set[int] = set()
        """The ids of the jobs that wait for a person."""
        self._replacer: Job | None = None
        """The job that replaces the file, or waits to."""
        self._replacements = 0
        """How many jobs that replace the file were started."""
        self._deadline_ms: float | None = None
        """Until when the replacer waits; None when it does not wait."""

    def __len__(self) -> int:
        """Return the number of jobs that wait, are queued or are running."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Queue a job; one that replaces the file waits until it is the only one.

        Raises:
            Maintenance: another job replaces the file or waits to.
            Overloaded: the most that are allowed are in flight.
            OutOfResources: there is no thread, and the system gives none.
        """
        with self._changed:
            if self._replacer is not None and not self._replacer.is_answered:
                raise Maintenance
            if len(self._jobs) >= limits.LONG_MAX_IN_FLIGHT:
                raise Overloaded(limit=limits.LONG_MAX_IN_FLIGHT)
            others = [
                other
                for key, other in self._jobs.items()
                if not other.is_answered and key not in self._paused
            ]
            if not self._threads:
                self._start_thread()
                if not self._threads:
                    raise OutOfResources
            self._jobs[id(job)] = job
            if job.replaces_file:
                self._replacer = job
            if not (job.replaces_file and others):
                self._enqueue(job)
                return
            self._deadline_ms = self._clock.monotonic_ms() + limits.REPLACE_WAIT_MS
        job.report_waiting()
        self._cancel([other for other in others if other.gives_way])

    def run_beside(self, job: Job) -> None:
        """Run a short job at once in a thread of its own, whatever the worker threads do.

        Raises:
            Maintenance: another job replaces the file.
        """
        with self._changed:
            if self._replacer is not None and self._deadline_ms is None:
                raise Maintenance
            self._jobs[id(job)] = job
        self._run_at_once(job)

    def _enqueue(self, job: Job) -> None:
        """Give a job to the threads; the caller holds the lock."""
        self._replacements += job.replaces_file
        self._queue.append(job)
        if self._threads < len(self._jobs):
            self._start_thread()
        self._changed.notify()

    def _start_thread(self) -> None:
        """Start one more thread unless there are enough; the caller holds the lock.

        Where the system gives no further thread the jobs wait for those that there are.
        """
        if self._threads < limits.WORKER_THREADS + len(self._paused):
            try:
                threading.Thread(target=self._work, name="worker", daemon=True).start()
            except RuntimeError:
                return
            self._threads += 1

    @contextmanager
    def pausing(self, job: Job) -> Iterator[None]:
        """Let other jobs run as if `job`, which is running, were not there during the block.

        Raises:
            Maintenance: a job that replaces the file was started during the block.
        """
        with self._changed:
            before = self._replacements
            self._paused.add(id(job))
            self._start_replacer_if_alone()
            if self._queue:
                self._start_thread()
        try:
            yield
        finally:
            with self._changed:
                self._paused.discard(id(job))
                is_replaced = self._replacements != before
        if is_replaced:
            raise Maintenance

    def _start_replacer_if_alone(self) -> None:
        """Start the job that waits for the last of the others; the caller holds the lock."""
        running = len(self._jobs) - len(self._paused)
        if self._replacer and self._deadline_ms is not None and running == 1:
            self._deadline_ms = None
            self._enqueue(self._replacer)

    def timeout_ms(self) -> float | None:
        """Return for how long `expire` has nothing to do; None while no job waits."""
        deadline_ms = self._deadline_ms
        if deadline_ms is None:
            return None
        return max(0.0, deadline_ms - self._clock.monotonic_ms())

    def expire(self) -> None:
        """Refuse a job that has waited for `limits.REPLACE_WAIT_MS`."""
        if self.timeout_ms() != 0:
            return
        with self._changed:
            job = self._replacer
        # Meanwhile the job may have been started or cancelled: then it does not wait any more.
        if job is not None and self._take_from_queue(job):
            job.refuse(Maintenance())
            self._run_at_once(job)

    def cancel(self, key: object) -> bool:
        """Cancel the jobs of this request id; return False when there is none."""
        with self._changed:
            found = [job for job in self._jobs.values() if job.key == key]
        self._cancel(found)
        return bool(found)

    def leave(self, job: Job) -> None:
        """Count a job no more, although it may run on until the process ends."""
        with self._changed:
            self._jobs.pop(id(job), None)

    def cancel_all(self, *, spare_writes: bool = False) -> int:
        """Cancel every job, with `spare_writes` none of those that run without the client.

        Return how many of them are long requests that are not answered yet.
        """
        with self._changed:
            jobs = [
                job for job in self._jobs.values() if not (spare_writes and job.runs_without_client)
            ]
        requests = sum(not job.gives_way and not job.is_answered for job in jobs)
        self._cancel(jobs)
        return requests

    def _cancel(self, jobs: list[Job]) -> None:
        """Cancel these jobs; one that has not begun runs at once, so that its answer is sent."""
        for job in jobs:
            job.cancel()
            if self._take_from_queue(job):
                self._run_at_once(job)

    def _take_from_queue(self, job: Job) -> bool:
        """Remove a job that waits or is queued from there; return False when it has begun."""
        with self._changed:
            if job is self._replacer and self._deadline_ms is not None:
                self._deadline_ms = None
                return True
            if job in self._queue:
                self._queue.remove(job)
                return True
        return False

    def _run_at_once(self, job: Job) -> None:
        """Run a job that only answers with an error, beside the worker threads if it can be."""
        try:
            threading.Thread(target=self._run, args=(job,), name="refused", daemon=True).start()
        except RuntimeError:
            self._run(job)

    def _work(self) -> None:
        """Run queued jobs for ever; runs in each thread."""
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                job = self._queue.popleft()
            self._run(job)

    def _run(self, job: Job) -> None:
        """Run one job and remove it; start the job that waits for the last of the others."""
        try:
            job.run()
        except BaseException as fault:  # noqa: BLE001 - the thread has other jobs to run
            log.error("job_failed", kind=type(fault).__name__)
        finally:
            with self._changed:
                self._jobs.pop(id(job), None)
                if job is self._replacer:
                    self._replacer = None
                else:
                    self._start_replacer_if_alone()
            self._wake()
