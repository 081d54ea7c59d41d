"""Requests that wait for a worker, and the workers that take them: the bridge from asyncio to the processes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from declutter.cleaner import Cleaner
from declutter.errors import DeclutterError
from declutter.serve.answer import Answer, Question, error_answer
from declutter.serve.workers import LostError, Worker

# Single pages that wait are cleaned together: 64 of them take a sixth of the time that they take one by one.
MOST_TOGETHER = 64
MOST_BYTES_TOGETHER = 1 << 20

logger = logging.getLogger(__name__)


class _Job(NamedTuple):
    question: Question
    answer: asyncio.Future[Answer]
    last_start: float  # time.monotonic() after which nobody waits for it any more


class Pool:
    """`n_workers` processes that answer questions, in the order in which they come.

    `seconds` is how long a job may take, and how long it may wait before.
    """

    def __init__(self, cleaner: Cleaner, n_workers: int, seconds: float):
        self._cleaner = cleaner
        self.n_workers = n_workers
        self.seconds = seconds
        self.n_busy = 0
        self.n_lost = 0  # workers that took too long or died
        self._waiting: deque[_Job] = deque()

    @property
    def n_waiting(self) -> int:
        return len(self._waiting)

    async def start(self) -> None:
        """Start the processes and wait until they are ready. Raises DeclutterError where one can't be started."""
        self._arrived = asyncio.Condition()
        self._threads = ThreadPoolExecutor(self.n_workers, "worker")
        starting = [self._in_thread(Worker, self._cleaner) for _ in range(self.n_workers)]
        self._workers = list(await asyncio.gather(*starting))
        self._tasks = [asyncio.create_task(self._serve(worker)) for worker in self._workers]

    async def close(self) -> None:
        """End the processes; nothing must be waiting."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._in_thread(worker.close) for worker in self._workers))
        self._threads.shutdown()

    async def ask(self, question: Question) -> Answer:
        """The answer to a question; one of status 503 or 504 where it took too long."""
        job = _Job(question, asyncio.get_running_loop().create_future(), time.monotonic() + self.seconds)
        async with self._arrived:
            self._waiting.append(job)
            self._arrived.notify()
        return await job.answer

    async def _serve(self, worker: Worker) -> None:
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._waiting)
                jobs = self._next_jobs()
            self.n_busy += 1
            try:
                await self._answer(worker, jobs)
            finally:
                self.n_busy -= 1

    def _next_jobs(self) -> list[_Job]:
        """The job that has waited longest and, where it is a single page, others of its kind behind it."""
        jobs = [self._waiting.popleft()]
        n_bytes = len(jobs[0].question.body)
        while jobs[0].question.kind != "pages" and self._waiting and len(jobs) < MOST_TOGETHER:
            question = self._waiting[0].question
            n_bytes += len(question.body)
            if question.kind == "pages" or n_bytes > MOST_BYTES_TOGETHER:
                break
            jobs.append(self._waiting.popleft())
        return jobs

    async def _answer(self, worker: Worker, jobs: Sequence[_Job]) -> None:
        now = time.monotonic()
        for job in jobs:
            if job.last_start < now:
                _settle(job, error_answer(503, f"no process was free for {self.seconds:g} seconds"))
        jobs = [job for job in jobs if not job.answer.done()]  # nor those whose client has gone
        if not jobs:
            return
        try:
            found = await self._in_thread(worker.ask, [job.question for job in jobs], self.seconds)
        except LostError as error:
            self.n_lost += 1
            if len(jobs) > 1:  # one of them is to blame; the others get their answer
                for job in jobs:
                    await self._answer(worker, [job._replace(last_start=float("inf"))])
                return
            late = error_answer(504, f"cleaning took longer than {self.seconds:g} seconds")
            found = [late if error.is_late else error_answer(500, "the process that cleaned died")]
        except DeclutterError as error:  # no process came up in the place of the lost one; the next job tries again
            logger.error("%s", error)
            found = [error_answer(500, "no process could be started")] * len(jobs)
        for job, answer in zip(jobs, found, strict=True):
            _settle(job, answer)

    def _in_thread(self, function, *arguments):
        return asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _settle(job: _Job, answer: Answer) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)
