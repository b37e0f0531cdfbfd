"""The worker threads that run long methods and chores.

Has the threads, the queue of jobs, and the request id that each job can be cancelled by. A job runs
in one thread from its start to its end; the dispatcher says what it does and how its answer is
sent. The threads are daemons and start with the first job: most sessions need none.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sidecar import limits


class Job(Protocol):
    """One piece of work, such as an accepted long request."""

    @property
    def key(self) -> object:
        """Return what a cancel finds the job by: the type and the value of its request id."""

    def run(self) -> None:
        """Do the work and hand over the answer; never raises."""

    def cancel(self) -> None:
        """Ask the job to stop at its next safe point."""


def cancel_key(request_id: object) -> object:
    """Return an id with its type: 1, 1.0 and true are equal in Python but are different ids."""
    return (type(request_id), request_id)


class Workers:
    """Runs jobs in the order in which they came, at most `limits.WORKER_THREADS` at a time."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called after each job has ended."""
        self._wake = wake
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._threads = 0

    def __len__(self) -> int:
        """Return the number of jobs that are queued or running."""
        return len(self._jobs)

    def submit(self, job: Job) -> bool:
        """Queue a job; return False when the most that are allowed are in flight."""
        with self._changed:
            if len(self._jobs) >= limits.LONG_MAX_IN_FLIGHT:
                return False
            self._jobs[id(job)] = job
            self._queue.append(job)
            if self._threads < limits.WORKER_THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="worker", daemon=True).start()
            self._changed.notify()
        return True

    def cancel(self, key: object) -> bool:
        """Cancel the jobs of this request id; return False when there is none."""
        with self._changed:
            found = [job for job in self._jobs.values() if job.key == key]
        self._cancel(found)
        return bool(found)

    def cancel_all(self) -> None:
        """Cancel every job."""
        with self._changed:
            jobs = list(self._jobs.values())
        self._cancel(jobs)

    def _cancel(self, jobs: list[Job]) -> None:
        """Cancel these jobs; those that are queued run at once, so that their answer is sent."""
        for job in jobs:
            job.cancel()
        with self._changed:
            queued = [job for job in jobs if job in self._queue]
            for job in queued:
                self._queue.remove(job)
        for job in queued:
            threading.Thread(target=self._run, args=(job,), name="cancelled", daemon=True).start()

    def _work(self) -> None:
        """Run queued jobs for ever; runs in each thread."""
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                job = self._queue.popleft()
            self._run(job)

    def _run(self, job: Job) -> None:
        """Run one job and remove it."""
        try:
            job.run()
        finally:
            with self._changed:
                del self._jobs[id(job)]
            self._wake()
