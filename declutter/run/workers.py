"""Workers: tasks done by several processes, their results in the order of the tasks, and no task lost with a process.

A process that dies (killed for its memory, most often) leaves its task behind. The task is done again by a new
process, page by page, and that one says which page it comes to; where it dies too, the page it named is left unjudged,
and the task is done once more without it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from declutter.errors import DeclutterError
from declutter.run.limits import Limits

AHEAD = 3  # tasks for each process that are read before the first of them is done
MAX_DEATHS = 20  # of processes on one task, before the task is given up;
MAX_BLIND_DEATHS = 3  # fewer where no page can be named
PR_SET_PDEATHSIG = 1


class Task(NamedTuple):
    """A method of the job and what it takes. Without a method `argument` is the result already."""

    method: str | None
    argument: object
    place: object = None  # kept by the one who gave the task, and handed back with the result


@dataclass(frozen=True)
class Lost:
    """The result of a task that was given up."""

    reason: str


class Alone:
    """Tasks done one after the other in this process."""

    def __init__(self, job):
        self.job = job

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, object]]:
        """Each task and its result, in order."""
        for task in tasks:
            result = task.argument
            if task.method is not None:
                result = getattr(self.job, task.method)(task.argument, self.job.limits)
            yield task, result

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class _Pending:
    """A task that was begun, or whose result waits for those before it."""

    task: Task
    result: object = None
    is_done: bool = False
    at: str | None = None  # the page that a careful process came to
    n_deaths: int = 0
    suspects: frozenset[str] = field(default_factory=frozenset)


class _Worker:
    """A process, the pipe to it, and the task it works on."""

    def __init__(self, context, job):
        self.pipe, its_end = context.Pipe()
        self.process = context.Process(target=_work, args=(its_end,), daemon=True)
        _start(self.process)
        its_end.close()
        self.job = job
        self.pending: _Pending | None = None
        self.pipe.send(("job", job))

    def begin(self, pending: _Pending, job) -> None:
        if self.job is not job:
            self.pipe.send(("job", job))
            self.job = job
        self.pending = pending
        is_careful = pending.n_deaths > 0
        self.pipe.send((pending.task.method, pending.task.argument, is_careful, pending.suspects))

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Workers:
    """Tasks done by `n` processes. `job` may be replaced between two maps."""

    def __init__(self, job, n: int):
        self.job = job
        self._context = multiprocessing.get_context("spawn")  # fork copies locks that other threads hold
        self._n = n
        self._workers: list[_Worker] = []

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, object]]:
        """Each task and its result, or Lost, in the order of the tasks, of which a few are read ahead.

        Raises what DeclutterErrors the tasks raise; RuntimeError, with the traceback, for other errors.
        """
        tasks = iter(tasks)
        first = list(islice(tasks, 2))
        if len(first) < 2 and not self._workers:  # done before a process is started
            yield from Alone(self.job).map(first)
            return
        ahead: deque[_Pending] = deque()
        waiting: deque[_Pending] = deque()  # of those ahead: not yet begun
        try:
            for task in chain(first, tasks):
                pending = _Pending(task, task.argument, is_done=task.method is None)
                ahead.append(pending)
                if not pending.is_done:
                    waiting.append(pending)
                    self._begin(waiting)  # at once, so that a process works while the next task is read
                yield from self._finished(ahead, waiting, AHEAD * self._n)
            yield from self._finished(ahead, waiting, 0)
        except BaseException:
            self.close()  # what they work on is not wanted any more
            raise

    def _finished(self, ahead: deque[_Pending], waiting: deque[_Pending], n_left: int) -> Iterator[tuple[Task, object]]:
        """Results in order, until no more than `n_left` tasks are ahead, and those that are there already."""
        while ahead:
            if ahead[0].is_done:
                pending = ahead.popleft()
                yield pending.task, pending.result
            elif len(ahead) > n_left:
                self._take(waiting)
                self._begin(waiting)
            else:
                return

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _begin(self, waiting: deque[_Pending]) -> None:
        """Give tasks to the processes that have none, starting processes where there are too few."""
        self._take(waiting, timeout=0)
        while waiting:
            worker = next((worker for worker in self._workers if worker.pending is None), None)
            if worker is None and len(self._workers) == self._n:
                return
            if worker is None:
                worker = _Worker(self._context, self.job)
                self._workers.append(worker)
            try:
                worker.begin(waiting.popleft(), self.job)
            except (BrokenPipeError, ConnectionResetError):
                self._bury(worker, waiting)

    def _take(self, waiting: deque[_Pending], timeout: float | None = None) -> None:
        """Take in what the processes say; wait for one to say something where there is no timeout."""
        by_pipe = {worker.pipe: worker for worker in self._workers if worker.pending is not None}
        for pipe in wait(list(by_pipe), timeout):
            worker = by_pipe[pipe]
            try:
                kind, value = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker, waiting)
                continue
            pending = worker.pending
            assert pending is not None  # no other worker is waited for
            if kind == "at":
                pending.at = value
            elif kind == "error":
                raise value if isinstance(value, DeclutterError) else RuntimeError(value)
            else:
                pending.result, pending.is_done = value, True
                worker.pending = None

    def _bury(self, worker: _Worker, waiting: deque[_Pending]) -> None:
        """Note the death of a process; its task goes to the front of those that wait."""
        pending = worker.pending
        worker.end()
        self._workers.remove(worker)
        if pending is None:
            return
        pending.n_deaths += 1
        if pending.at is not None:
            pending.suspects |= {pending.at}
            pending.at = None
        if pending.n_deaths >= (MAX_DEATHS if pending.suspects else MAX_BLIND_DEATHS):
            code = worker.process.exitcode
            pending.result, pending.is_done = Lost(f"{pending.n_deaths} processes died on it (exit code {code})"), True
        else:
            waiting.appendleft(pending)


def _start(process) -> None:
    """Start a process that computes on one thread, deaf to Ctrl-C, which the parent hears."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        process.start()
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _work(pipe: Connection) -> None:
    """What a process does: take tasks, give results, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # not to write on when the parent is killed
    job = None
    while True:
        try:
            message = pipe.recv()
        except EOFError:
            return
        if message[0] == "job":
            job = message[1]
            job.begin_process()
            continue
        method, argument, is_careful, suspects = message
        assert job is not None  # it is sent first
        limits: Limits = replace(job.limits, suspects=suspects)
        if is_careful:
            limits = replace(limits, on_page=lambda page_id: pipe.send(("at", page_id)))
        try:
            answer = "done", getattr(job, method)(argument, limits)
        except DeclutterError as error:
            answer = "error", error
        except MemoryError:  # as if the system had killed it
            os._exit(1)
        except Exception:  # shown by the parent, which stops
            answer = "error", traceback.format_exc()
        pipe.send(answer)
