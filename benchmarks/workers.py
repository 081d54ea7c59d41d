"""Peers run in processes of their own, in the interpreter that has them, with a time limit a page."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import PEERS, Peer

REPOSITORY = Path(__file__).parent.parent
#: Of processor time. The slowest answer of a peer to a page of the gold sets took 21 s (goose3, 2 MB of HTML).
PAGE_SECONDS = 30.0
WAIT = 10  # times as long is waited for an answer: the machine may be busy, or the peer asleep
START_SECONDS = 120.0
LATE, ENDED = "no answer in", "the process ended"


@dataclass(frozen=True)
class Installed:
    """Where a peer runs, and in which release."""

    python: str
    version: str


@dataclass(frozen=True)
class Answer:
    """What a peer made of a page; `error` says why it made nothing."""

    text: str
    error: str | None
    seconds: float

    @property
    def broke(self) -> bool:
        """Whether the peer's process ended, or had to be ended: on a busy machine that may happen for once."""
        return self.error is not None and self.error.startswith((LATE, ENDED))


def environment() -> dict[str, str]:
    """One thread each, this repository importable, and no network for libraries that would ask for one."""
    return {
        **os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip


def find_peers(pythons: Sequence[str] = ()) -> tuple[dict[str, Installed], dict[str, str]]:
    """({peer: where it runs}, {peer: why it is absent}), looking in this interpreter and then in `pythons`."""
    found: list[tuple[str, dict]] = []
    for python in (sys.executable, *pythons):
        command = [python, "-m", "benchmarks.worker", "--versions"]
        shown = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
        found.append((python, json.loads(shown.stdout)))
    installed, absent = {}, {}
    looked_in = " and ".join(f"Python {about['python']}" for _, about in found)
    for peer in PEERS:
        homes = [(python, about["packages"]) for python, about in found]
        homes = [(python, packages) for python, packages in homes if peer.package in (None, *packages)]
        if homes:
            python, packages = homes[0]
            installed[peer.name] = Installed(python, packages.get(peer.package, ""))
        else:
            absent[peer.name] = f"{peer.package} is not installed for {looked_in}"
    return installed, absent


class PeerProcess:
    """A running worker. A page that takes too long or breaks the process is an error of that page alone.

    `hurried` takes the peer's short cuts, which leave its answers as they are (see `peers.py`).
    """

    def __init__(self, peer: Peer, installed: Installed, page_seconds: float = PAGE_SECONDS, hurried: bool = False):
        self.peer, self.installed, self.page_seconds, self.hurried = peer, installed, page_seconds, hurried
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> PeerProcess:
        self.start()
        return self

    def __exit__(self, *_error) -> None:
        self.stop()

    def start(self) -> None:
        """Start the worker. Raises OSError where it doesn't load the peer, with what it said."""
        hurried = ["--hurried"] if self.hurried else []
        command = [self.installed.python, "-m", "benchmarks.worker", *hurried, self.peer.name]
        self.process = subprocess.Popen(
            command, env=environment(), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        row = self._read_row(START_SECONDS)
        if not row:
            self.stop()
            raise OSError(f"{self.peer.name} does not load; run {' '.join(command)} to see why")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def ask(self, content: str, url: str | None) -> Answer:
        """The peer's answer to one page."""
        return self._ask({"content": content, "url": url})

    def ask_stored(self, file: str, start: int, length: int, url: str | None) -> Answer:
        """The peer's answer to a page that lies in a file, in UTF-8, from byte `start` on."""
        return self._ask({"file": file, "start": start, "length": length, "url": url})

    def _ask(self, request: dict) -> Answer:
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(json.dumps({**request, "limit": self.page_seconds}).encode() + b"\n")
            self.process.stdin.flush()
            row = self._read_row(WAIT * self.page_seconds)
        except BrokenPipeError:
            row = b""
        if row:
            reply = json.loads(row)
            return Answer(reply["text"], reply["error"], reply["seconds"])
        ended = None if row is None else self.process.wait(WAIT)
        self.stop()
        error = f"{LATE} {self.page_seconds:g} s" if ended in (None, -signal.SIGXCPU) else ENDED
        return Answer("", error, self.page_seconds)

    def _read_row(self, seconds: float) -> bytes | None:
        """One line of what the worker answers; b"" where the process ends, None where nothing comes for so long."""
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
