"""Asking peers: some processes at once share the pages of every peer, so that all are busy until the last page."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from benchmarks.answers import Answers
from benchmarks.peers import Peer
from benchmarks.spool import Spooled, Stored
from benchmarks.workers import Installed, PeerProcess


class Asked:
    """What one peer is still to be asked; its processes take from it in turn. Safe to share between threads."""

    def __init__(self, peer: Peer, installed: Installed, questions: Sequence[Stored]):
        self.peer, self.installed = peer, installed
        self.questions = deque(questions)
        self.lock, self.n_left, self.seconds = Lock(), len(questions), 0.0

    def answered(self, seconds: float) -> bool:
        """Count an answer and its processor time; whether it was the last one."""
        with self.lock:
            self.n_left -= 1
            self.seconds += seconds
            return self.n_left == 0


def ask_peers(
    peers: dict[Peer, Installed], datasets: Sequence[Spooled], folder: Path, jobs: int, say: Callable[[str], None]
) -> None:
    """Ask every peer for every page whose answer isn't kept in the folder's store, in `jobs` processes at once.

    What took too long or broke a process in an earlier run is asked for again. Raises OSError for a peer that does not
    load.
    """
    store = Answers(folder)
    asked = [
        Asked(peer, installed, [
            stored for dataset in datasets for stored in dataset.contents(peer.takes)
            if (kept := store.kept(peer, installed, stored.digest)) is None or kept.broke
        ])
        for peer, installed in peers.items()
    ]  # fmt: skip
    store.close()
    with ThreadPoolExecutor(jobs) as threads:
        for done in [threads.submit(_ask, asked, folder, say) for _ in range(jobs)]:
            done.result()


def _ask(asked: Sequence[Asked], folder: Path, say: Callable[[str], None]) -> None:
    """Ask peer after peer, each in a process, as long as it has pages left."""
    store = Answers(folder)
    try:
        for one in asked:
            with PeerProcess(one.peer, one.installed, hurried=True) as process:
                while one.questions:
                    try:
                        stored = one.questions.popleft()
                    except IndexError:  # another thread has taken the last one
                        break
                    answer = process.ask_stored(stored.file, stored.start, stored.length, stored.url)
                    store.keep(one.peer, one.installed, stored.digest, answer)
                    if one.answered(answer.seconds):
                        say(f"{one.peer.name} has answered, in {one.seconds:.0f} s of processor time")
    finally:
        store.close()
