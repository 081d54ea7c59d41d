"""Answers: each peer runs in a process of its own, in the interpreter that has it, with a time limit for each page.

`python -m benchmarks.answers NAME` is such a process. It reads a JSON object a line (url, content, limit) and writes
one back (text, error, seconds of processor time). `NAME LIST` cleans the files that a list names, to measure a whole
process; `--versions` prints what is installed. This module imports only the standard library and `peers.py`, so that
every interpreter that has a peer can run it.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.metadata
import inspect
import json
import math
import os
import platform
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import get_ident

from benchmarks.peers import BY_NAME, PEERS, Peer

REPOSITORY = Path(__file__).parent.parent
#: Processor seconds. The slowest answer of a peer to a page of the gold sets took 21 s (goose3, 2 MB of HTML).
PAGE_SECONDS = 30.0
WAIT = 10  # how many times as long to wait for an answer: the machine may be busy, or the peer asleep
START_SECONDS = 120.0
LATE, ENDED = "no answer in", "the process ended"


@dataclass(frozen=True)
class Installed:
    """Where a peer runs, and in which release."""

    python: str
    version: str


@dataclass(frozen=True)
class Answer:
    """What a peer made of a page. `error` says why it made nothing."""

    text: str
    error: str | None = None
    seconds: float = 0.0

    @property
    def broke(self) -> bool:
        """Whether the peer's process ended or had to be ended. On a busy machine that may happen once."""
        return self.error is not None and self.error.startswith((LATE, ENDED))


def environment() -> dict[str, str]:
    """One thread each, this repository importable, and no network for libraries that would ask for one."""
    return {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


def versions() -> dict:
    """The interpreter's release, and the release of every peer's distribution that it has."""
    found = {}
    for package in sorted({peer.package for peer in PEERS if peer.package}):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "packages": found}


def find_peers(pythons: Sequence[str] = ()) -> tuple[dict[str, Installed], dict[str, str]]:
    """({peer: where it runs}, {peer: why it is absent}), searched in this interpreter and then in `pythons`."""
    homes: list[tuple[str, dict]] = []
    for python in (sys.executable, *pythons):
        command = [python, "-m", "benchmarks.answers", "--versions"]
        shown = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        homes.append((python, json.loads(shown.stdout)))
    installed, absent = {}, {}
    searched = " and ".join(f"Python {about['python']}" for _, about in homes)
    for peer in PEERS:
        home = next((home for home in homes if peer.package in (None, *home[1]["packages"])), None)
        if home is not None:
            installed[peer.name] = Installed(home[0], home[1]["packages"].get(peer.package, ""))
        else:
            absent[peer.name] = f"{peer.package} is not installed for {searched}"
    return installed, absent


class PeerProcess:
    """A peer's process. A page that takes too long or breaks the process is an error of that page alone."""

    def __init__(self, peer: Peer, installed: Installed, page_seconds: float = PAGE_SECONDS):
        self.peer, self.installed, self.page_seconds = peer, installed, page_seconds
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> PeerProcess:
        self.start()
        return self

    def __exit__(self, *_error) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process. Raises OSError where it doesn't load the peer, with the command that shows why."""
        command = [self.installed.python, "-m", "benchmarks.answers", self.peer.name]
        self.process = subprocess.Popen(
            command, env=environment(), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if not self._read_row(START_SECONDS):
            self.stop()
            raise OSError(f"{self.peer.name} does not load; run {' '.join(command)} to see why")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def ask(self, content: str, url: str | None) -> Answer:
        """The peer's answer to one page."""
        if self.process is None:
            self.start()
        request = json.dumps({"content": content, "url": url, "limit": self.page_seconds}).encode() + b"\n"
        try:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            row = self._read_row(WAIT * self.page_seconds)
        except BrokenPipeError:
            row = b""
        if row:
            return Answer(**json.loads(row))
        ended = None if row is None else self.process.wait(WAIT)
        self.stop()
        error = f"{LATE} {self.page_seconds:g} s" if ended in (None, -signal.SIGXCPU) else ENDED
        return Answer("", error, self.page_seconds)

    def _read_row(self, seconds: float) -> bytes | None:
        """One line that the process writes; b"" where the process ends, None where nothing comes in time."""
        parts = []
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while selector.select(seconds):
                part = os.read(self.process.stdout.fileno(), 1 << 20)
                parts.append(part)
                if not part:
                    return b""
                if part.endswith(b"\n"):
                    return b"".join(parts)
        return None


class Answers:
    """A folder of answers: a compressed file for each peer, release, adapter and page."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder) / "answers"

    def kept(self, peer: Peer, installed: Installed, content: str, url: str | None) -> Answer | None:
        """The peer's answer to a page, None where the folder has none."""
        path = self._path(peer, installed, content, url)
        return Answer(**json.loads(gzip.decompress(path.read_bytes()))) if path.is_file() else None

    def keep(self, peer: Peer, installed: Installed, content: str, url: str | None, answer: Answer) -> None:
        """Keep an answer and replace an older one to the same page."""
        path = self._path(peer, installed, content, url)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}-{get_ident()}")
        unfinished.write_bytes(gzip.compress(json.dumps(asdict(answer)).encode(), 1))
        unfinished.replace(path)

    def _path(self, peer: Peer, installed: Installed, content: str, url: str | None) -> Path:
        digest = hashlib.sha256(f"{url}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()
        release = f"{peer.name} {installed.version} {adapter_digest(peer)}"
        return self.folder / release / digest[:2] / f"{digest[2:32]}.gz"


@functools.cache
def adapter_digest(peer: Peer) -> str:
    """A digest of the code and the setting that run a peer: another adapter or setting gives other answers."""
    load, settings = peer.load, ()
    if isinstance(load, functools.partial):
        load, settings = load.func, (load.args, sorted(load.keywords.items()))
    return hashlib.sha256(f"{inspect.getsource(load)}{settings}".encode()).hexdigest()[:12]


#: A page as a peer gets it: its HTML or its dump, and its URL.
Question = tuple[str, "str | None"]


def ask_peers(
    peers: dict[Peer, Installed], questions: Callable[[Peer], Iterable[Question]], folder: Path, jobs: int
) -> int:
    """Ask every peer its questions whose answers aren't in the folder, in `jobs` processes; returns their number.

    A question that took too long or broke a process in an earlier run is asked again. Raises OSError for a peer that
    does not load.
    """
    store = Answers(folder)
    todo = deque(
        (peer, installed, question)
        for peer, installed in peers.items()
        for question in questions(peer)
        if (kept := store.kept(peer, installed, *question)) is None or kept.broke
    )
    n_asked = len(todo)
    with ThreadPoolExecutor(jobs) as threads:
        for done in [threads.submit(_ask, todo, store) for _ in range(jobs)]:
            done.result()
    return n_asked


def _ask(todo: deque, store: Answers) -> None:
    """Take questions as long as there are some; each peer has a process until another peer's turn comes."""
    process = None
    try:
        while todo:
            try:
                peer, installed, question = todo.popleft()
            except IndexError:  # another thread has taken the last one
                return
            if process is None or process.peer is not peer:
                if process is not None:
                    process.stop()
                process = PeerProcess(peer, installed)
            store.keep(peer, installed, *question, process.ask(*question))
    finally:
        if process is not None:
            process.stop()


def limit(seconds: float) -> None:
    """End this process with SIGXCPU once it has used so much more processor time, however busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def answer(clean, request: dict) -> Answer:
    """What a peer makes of one page. An exception becomes the answer's error: the page counts as failed."""
    if "limit" in request:
        limit(request["limit"])
    begin = time.process_time()
    try:
        text, error = clean(request["content"], request["url"]), None
        if not isinstance(text, str):
            raise TypeError(f"answered with {type(text).__name__}, not text")
    except Exception as problem:  # any peer may raise anything; it is counted and named in the result
        text, error = "", f"{type(problem).__name__}: {problem}"[:200]
    return Answer(text, error, time.process_time() - begin)


def serve(name: str) -> None:
    """Answer requests until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    clean = BY_NAME[name].load()
    print(json.dumps({"loaded": name}), file=replies, flush=True)
    for row in sys.stdin:
        print(json.dumps(asdict(answer(clean, json.loads(row)))), file=replies, flush=True)


def clean_files(name: str, list_path: str) -> None:
    """Clean the files that a list names, one a line, and throw the answers away."""
    clean = BY_NAME[name].load()
    for path in Path(list_path).read_text("utf-8").splitlines():
        answer(clean, {"content": Path(path).read_text("utf-8", "replace"), "url": None})


if __name__ == "__main__":
    if sys.argv[1] == "--versions":
        print(json.dumps(versions()))
    elif len(sys.argv) > 2:
        clean_files(*sys.argv[1:])
    else:
        serve(sys.argv[1])
