"""Answers kept: what a peer made of a page, by the peer, its release, its setting and the page's content."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.peers import Peer
from benchmarks.workers import Answer, Installed, PeerProcess

LOCK_SECONDS = 60.0  # other threads and runs write to the same store


class Answers:
    """A store of answers in one SQLite file of a folder; in memory where no folder is given."""

    def __init__(self, folder: str | Path | None = None):
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else Path(folder) / "answers.sqlite"
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

    def ask(self, peer: Peer, installed: Installed, pages: Iterable[tuple[str, str | None]]) -> Iterator[Answer]:
        """The peer's answer to (content, url) of each page, in order; asked for once, and kept."""
        release = f"{installed.version} {_adapter_digest(peer)}"
        process = PeerProcess(peer, installed)  # started at the first page whose answer isn't kept
        try:
            for content, url in pages:
                key = (peer.name, release, _digest(content, url))
                kept = self._kept(key)
                if kept is None:
                    kept = process.ask(content, url)
                    if not kept.broke:  # on a busy machine a page may take too long for once
                        self._keep(key, kept)
                yield kept
        finally:
            process.stop()

    def _kept(self, key: tuple[str, str, bytes]) -> Answer | None:
        found = self.store.execute(
            "SELECT text, error, seconds FROM answers WHERE peer = ? AND version = ? AND digest = ?", key
        ).fetchone()
        if found is None:
            return None
        text, error, seconds = found
        return Answer(zlib.decompress(text).decode("utf-8", "surrogatepass"), error, seconds)

    def _keep(self, key: tuple[str, str, bytes], answer: Answer) -> None:
        text = zlib.compress(answer.text.encode("utf-8", "surrogatepass"), 1)
        self.store.execute(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", (*key, text, answer.error, answer.seconds)
        )


def _adapter_digest(peer: Peer) -> str:
    """What is run for a peer: answers of another adapter, or of another setting, are no answers of this one."""
    load, settings = peer.load, ()
    if isinstance(load, functools.partial):
        load, settings = load.func, (load.args, sorted(load.keywords.items()))
    return hashlib.sha256(f"{inspect.getsource(load)}{settings}".encode()).hexdigest()[:12]


def _digest(content: str, url: str | None) -> bytes:
    return hashlib.sha256(f"{url}\n{content}".encode("utf-8", "surrogatepass")).digest()
