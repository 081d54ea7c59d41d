"""The processes that clean for the service: they are replaced where they die or take too long."""

import asyncio
import json
import os
import signal
import threading

import pytest

from declutter import Cleaner
from declutter.errors import DeclutterError
from declutter.serve import pool as pool_module
from declutter.serve.answer import Answer, Question
from declutter.serve.pool import Pool
from declutter.serve.workers import LostError, Worker

SMALL = Question("page", "application/json", (), b'{"text": "Home\\n"}', 10)
LARGE = Question("raw", "text/plain", (), b"The boats came back at dawn, and nobody had slept.\n" * 100_000, 10)


@pytest.fixture
def worker():
    found = Worker(Cleaner())
    yield found
    found.close()


def test_a_worker_that_takes_too_long_is_replaced(worker):
    before = worker._process.pid
    with pytest.raises(LostError) as lost:
        worker.ask([LARGE], 0.1)
    assert lost.value.is_late
    assert [answer.status for answer in worker.ask([SMALL, SMALL], 60)] == [200, 200]
    assert worker._process.pid != before


def test_a_worker_that_is_killed_is_replaced(worker):
    threading.Timer(0.2, os.kill, (worker._process.pid, signal.SIGKILL)).start()
    with pytest.raises(LostError) as lost:
        worker.ask([LARGE], 60)
    assert not lost.value.is_late
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.join()  # it dies while nothing is asked: nobody is told
    assert [answer.status for answer in worker.ask([SMALL], 60)] == [200]


def test_a_worker_leaves_when_it_is_closed():
    worker = Worker(Cleaner())
    worker.close()
    assert worker._process.exitcode == 0


class FakeWorker:
    """Answers with what it was asked together; is lost over b"late" and b"dead", and at b"end" for good."""

    def __init__(self, _cleaner):
        self.free = threading.Event()

    def ask(self, questions, _seconds):
        bodies = [question.body for question in questions]
        if bodies == [b"wait"]:
            self.free.wait(10)
        if b"end" in bodies:
            raise DeclutterError("no process")
        for body in (b"late", b"dead"):
            if body in bodies:
                raise LostError(body == b"late")
        return [Answer(200, json.dumps([body.decode() for body in bodies]).encode()) for _ in bodies]

    def close(self):
        pass


def asked_behind_another(monkeypatch, bodies, kinds=None, seconds=10.0):
    """The answers to questions that wait together for the one worker, and the pool."""
    monkeypatch.setattr(pool_module, "Worker", FakeWorker)

    async def ask():
        pool = Pool(Cleaner(), 1, seconds)
        await pool.start()
        first = asyncio.create_task(pool.ask(Question("page", "", (), b"wait", 1)))
        await asyncio.sleep(0.05)
        questions = [
            Question(kind, "", (), body, 1) for kind, body in zip(kinds or ["page"] * len(bodies), bodies, strict=True)
        ]
        others = [asyncio.create_task(pool.ask(question)) for question in questions]
        await asyncio.sleep(0.05)
        assert (pool.n_busy, pool.n_waiting) == (1, len(bodies))
        pool._workers[0].free.set()
        answers = await asyncio.gather(*others)
        assert (await first).status == 200
        await pool.close()
        return answers, pool

    return asyncio.run(ask())


def test_single_pages_that_wait_are_asked_together(monkeypatch):
    kinds = ["page", "raw", "pages", "page"]
    answers, _ = asked_behind_another(monkeypatch, [b"a", b"b", b"c", b"d"], kinds)
    assert [json.loads(answer.body) for answer in answers] == [["a", "b"], ["a", "b"], ["c"], ["d"]]
    half = "x" * (pool_module.MOST_BYTES_TOGETHER // 2)
    answers, _ = asked_behind_another(monkeypatch, [half.encode()] * 3)
    assert [len(json.loads(answer.body)) for answer in answers] == [2, 2, 1]


def test_who_is_asked_together_with_a_bad_page_gets_its_answer(monkeypatch):
    answers, pool = asked_behind_another(monkeypatch, [b"a", b"late", b"dead", b"end", b"b"])
    assert [answer.status for answer in answers] == [500] * 5  # the pool could not go on at all
    answers, pool = asked_behind_another(monkeypatch, [b"a", b"late", b"dead", b"b"])
    assert [answer.status for answer in answers] == [200, 504, 500, 200]
    assert pool.n_lost == 3


def test_who_waits_too_long_is_sent_away(monkeypatch):
    answers, _ = asked_behind_another(monkeypatch, [b"a", b"b"], seconds=0.01)
    assert [answer.status for answer in answers] == [503, 503]
