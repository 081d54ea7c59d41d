"""Processes that die: no task is lost, the page that kills is found, and the order is that of the tasks."""

import os
import signal
import time
from dataclasses import dataclass

import pytest

from declutter.errors import OutputError
from declutter.run.limits import Limits
from declutter.run.workers import Alone, Lost, Task, Workers


@dataclass(frozen=True)
class Job:
    """Works on lists of pages; on a page called bad the process dies."""

    limits: Limits = Limits()
    suffix: str = ""

    def begin_process(self):
        pass

    def work(self, pages, limits):
        done = []
        for page in pages:
            if limits.on_page:
                limits.on_page(page)
            if page in limits.suspects:
                done.append("passed through")
                continue
            if page.startswith("bad"):
                os.kill(os.getpid(), signal.SIGKILL)
            if page.startswith("slow"):
                time.sleep(0.3)
            done.append(page + self.suffix)
        return done

    def die(self, _argument, _limits):
        os.kill(os.getpid(), signal.SIGKILL)

    def fail(self, error, _limits):
        raise error

    def pid(self, _argument, _limits):
        return os.getpid()


@pytest.fixture
def workers():
    pool = Workers(Job(), 2)
    yield pool
    pool.close()


def results(pool, tasks):
    return [result for _, result in pool.map(tasks)]


def test_results_come_in_the_order_of_the_tasks(workers):
    tasks = [Task("work", ["slow" if number % 4 == 0 else "a", str(number)], number) for number in range(9)]
    tasks.insert(5, Task(None, "known before"))
    expected = list(Alone(Job()).map(tasks))
    assert list(workers.map(tasks)) == expected
    assert expected[5][1] == "known before"


def test_a_page_that_kills_is_found_and_the_others_are_done(workers):
    tasks = [Task("work", ["a", "b"]), Task("work", ["c", "bad 1", "d", "bad 2"]), Task("work", ["e"])]
    assert results(workers, tasks) == [["a", "b"], ["c", "passed through", "d", "passed through"], ["e"]]


def test_a_task_on_which_every_process_dies_is_given_up(workers):
    lost, done = results(workers, [Task("die", None), Task("work", ["a"])])
    assert isinstance(lost, Lost) and "3 processes died" in lost.reason
    assert done == ["a"]


def test_errors_are_raised_where_the_results_are_read(workers):
    with pytest.raises(OutputError, match="disk"):
        results(workers, [Task("fail", OutputError("disk full")), Task("work", ["a"])])
    with pytest.raises(RuntimeError, match=r"test_workers\.py(?s:.*)ValueError: odd"):
        results(workers, [Task("fail", ValueError("odd")), Task("work", ["a"])])


def test_one_task_starts_no_process_and_two_start_two(workers):
    assert results(workers, [Task("pid", None)]) == [os.getpid()]
    assert os.getpid() not in results(workers, [Task("pid", None), Task("pid", None)])


def test_a_job_that_is_replaced_reaches_processes_that_run(workers):
    tasks = [Task("work", ["a"]), Task("work", ["b"])]
    assert results(workers, tasks) == [["a"], ["b"]]
    workers.job = Job(suffix="!")
    assert results(workers, tasks) == [["a!"], ["b!"]]


def test_tasks_are_read_only_a_few_ahead(workers):
    n_read = 0

    def tasks():
        nonlocal n_read
        for number in range(50):
            n_read += 1
            yield Task("work", [str(number)])

    for n_done, _ in enumerate(workers.map(tasks()), 1):
        assert n_read <= n_done + 8
