"""The processes that clean: each answers one job at a time, and is replaced where it takes too long or dies."""

from __future__ import annotations

import logging
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection

from declutter.cleaner import Cleaner
from declutter.errors import DeclutterError
from declutter.serve.answer import Answer, Question, answers

START_SECONDS = 60.0  # for a worker to load the model; it takes 0.5
CLOSE_SECONDS = 5.0
READY = "ready"

logger = logging.getLogger(__name__)


class LostError(Exception):
    """The worker was lost with its job. `is_late` says that it took too long, else it died."""

    def __init__(self, is_late: bool):
        super().__init__("took too long" if is_late else "died")
        self.is_late = is_late


class Worker:
    """One process. Its methods block, and are to be called from one thread at a time."""

    def __init__(self, cleaner: Cleaner):
        self._cleaner = cleaner
        self._start()

    def _start(self) -> None:
        """Start the process and wait for it. Raises DeclutterError where it doesn't come up."""
        context = multiprocessing.get_context("spawn")  # forking a process with threads may hang the child
        self._connection, other_end = context.Pipe()
        self._process = context.Process(target=work, args=(other_end, self._cleaner), daemon=True)
        self._process.start()
        other_end.close()
        try:
            came_up = self._connection.poll(START_SECONDS) and self._connection.recv() == READY
        except EOFError:  # it died
            came_up = False
        if not came_up:
            self._kill()
            raise DeclutterError("a process that cleans could not be started; its own message stands above")

    def ask(self, questions: Sequence[Question], seconds: float) -> list[Answer]:
        """The answers, or LostError; another process is then in its place."""
        if not self._process.is_alive():  # it died since the last job, which is no fault of this one
            self._restart("died")
        try:
            self._connection.send(list(questions))
            if self._connection.poll(seconds):
                return self._connection.recv()
            is_late = True
        except (EOFError, OSError):  # the other end is closed
            is_late = False
        self._restart("took too long" if is_late else "died")
        raise LostError(is_late)

    def _restart(self, reason: str) -> None:
        logger.warning("a process that cleans %s; another is started", reason)
        self._kill()
        self._start()

    def close(self) -> None:
        """End the process, which is idle."""
        self._connection.close()  # it reads the end, and leaves
        self._process.join(CLOSE_SECONDS)
        self._kill()

    def _kill(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.join()


def work(connection: Connection, cleaner: Cleaner) -> None:
    """What the process does, until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that listens
    cleaner.clean("")  # loads the tables and the model
    connection.send(READY)
    while True:
        try:
            questions = connection.recv()
        except EOFError:
            return
        connection.send(answers(questions, cleaner))
