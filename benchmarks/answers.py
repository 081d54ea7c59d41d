"""Answers kept: what a peer made of a page, by the peer, its release, its setting and the page's content."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sqlite3
import zlib
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.workers import Answer, Installed

LOCK_SECONDS = 60.0  # other threads and runs write to the same store


class Answers:
    """A store of answers in one SQLite file of a folder."""

    def __init__(self, folder: str | Path):
        Path(folder).mkdir(parents=True, exist_ok=True)
        path = Path(folder) / "answers.sqlite"
        self.store = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)  # each answer is kept at once
        self.store.execute("PRAGMA journal_mode = WAL")
        self.store.execute("PRAGMA synchronous = OFF")  # a lost answer is asked for again
        self.store.execute(
            "CREATE TABLE IF NOT EXISTS answers"
            " (peer TEXT, version TEXT, digest BLOB, text BLOB, error TEXT, seconds REAL,"
            " PRIMARY KEY (peer, version, digest)) WITHOUT ROWID"
        )

    def close(self) -> None:
        self.store.close()

    def kept(self, peer: Peer, installed: Installed, digest: bytes) -> Answer | None:
        """The peer's answer to the page with this digest, if there is one."""
        found = self.store.execute(
            "SELECT text, error, seconds FROM answers WHERE peer = ? AND version = ? AND digest = ?",
            (peer.name, _release(peer, installed), digest),
        ).fetchone()
        if found is None:
            return None
        text, error, seconds = found
        return Answer(zlib.decompress(text).decode("utf-8", "surrogatepass"), error, seconds)

    def keep(self, peer: Peer, installed: Installed, digest: bytes, answer: Answer) -> None:
        """Keep an answer, instead of an older one to the same page."""
        text = zlib.compress(answer.text.encode("utf-8", "surrogatepass"), 1)
        self.store.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (peer.name, _release(peer, installed), digest, text, answer.error, answer.seconds),
        )


def _release(peer: Peer, installed: Installed) -> str:
    return f"{installed.version} {_adapter_digest(peer)}"


@functools.cache
def _adapter_digest(peer: Peer) -> str:
    """What is run for a peer: answers of another adapter, or of another setting, are no answers of this one."""
    load, settings = peer.load, ()
    if isinstance(load, functools.partial):
        load, settings = load.func, (load.args, sorted(load.keywords.items()))
    return hashlib.sha256(f"{inspect.getsource(load)}{settings}".encode()).hexdigest()[:12]
