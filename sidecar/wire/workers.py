"""A small pool of threads for long methods.

Owns the threads, the queue of jobs and which job answers to which request id. A job is called
whole in one thread; what it does there, and how its answer travels back, is the dispatcher's.
Threads are daemons and start with the first long request: most sessions never need one.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from sidecar import limits


class Job(Protocol):
    """One accepted long request."""

    @property
    def key(self) -> object:
        """What `$/cancelRequest` names it by: the id's type and value."""

    def run(self) -> None:
        """Do it and hand the answer over; never raises."""

    def cancel(self) -> None:
        """Ask it to stop at its next safe point."""


def cancel_key(request_id: object) -> object:
    """An id with its type: 1, 1.0 and true are one dict key but not one id."""
    return (type(request_id), request_id)


class Workers:
    """Runs jobs, at most `limits.WORKER_THREADS` at once and in the order they came."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called after each job has ended."""
        self._wake = wake
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._threads = 0

    def __len__(self) -> int:
        """Jobs queued or running."""
        return len(self._jobs)

    def submit(self, job: Job) -> bool:
        """Queue a job; False when as many are in flight as may be."""
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
        """Ask the jobs of this request id to stop; False when there is none."""
        with self._changed:
            found = [job for job in self._jobs.values() if job.key == key]
        self._cancel(found)
        return bool(found)

    def cancel_all(self) -> None:
        """Ask every job to stop."""
        with self._changed:
            jobs = list(self._jobs.values())
        self._cancel(jobs)

    def _cancel(self, jobs: list[Job]) -> None:
        """Ask them to stop; those still queued say so at once, however busy the pool is."""
        for job in jobs:
            job.cancel()
        with self._changed:
            queued = [job for job in jobs if job in self._queue]
            for job in queued:
                self._queue.remove(job)
        for job in queued:
            threading.Thread(target=self._run, args=(job,), name="cancelled", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                job = self._queue.popleft()
            self._run(job)

    def _run(self, job: Job) -> None:
        try:
            job.run()
        finally:
            with self._changed:
                del self._jobs[id(job)]
            self._wake()
