"""A dataset unpacked once for a whole run: every page's HTML and dump in one file, read again piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.datasets import Dataset, Reading, dump_of
from benchmarks.declutters import page_of
from declutter.pages import Page
from declutter.train.gold import GoldPage


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a page's HTML or dump lies, in bytes of UTF-8, and what tells it from all others."""

    file: str
    start: int
    length: int
    url: str | None
    digest: bytes  # of URL and content

    def read(self) -> str:
        with open(self.file, "rb") as file:
            file.seek(self.start)
            return file.read(self.length).decode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Spooled:
    """A dataset's pages in order without their contents, and where these lie."""

    dataset: Dataset
    pages: tuple[GoldPage, ...]
    digest: str
    html: tuple[Stored, ...]  # empty for a dataset of dumps
    dumps: tuple[Stored, ...]

    def contents(self, takes: str) -> tuple[Stored, ...]:
        """The pages' "html", or their dumps ("text")."""
        return self.html if takes == "html" else self.dumps

    def sources(self, takes: str) -> list[tuple[GoldPage, Callable[[], Page]]]:
        """Each page with a function that reads it as declutter is given it."""
        return [
            (gold, partial(_read_page, gold, stored, takes))
            for gold, stored in zip(self.pages, self.contents(takes), strict=True)
        ]


def _read_page(gold: GoldPage, stored: Stored, takes: str) -> Page:
    return page_of(gold, **{takes: stored.read()})


def spool(dataset: Dataset, path: Path, cache: Path | None) -> Spooled:
    """Unpack a dataset into a new file. Raises GoldError for what can't be read."""
    reading, html, dumps = Reading(dataset), [], []
    with path.open("wb") as file:

        def store(content: str, url: str | None) -> Stored:
            digest = hashlib.sha256(f"{url}\n{content}".encode("utf-8", "surrogatepass")).digest()
            start = file.tell()
            length = file.write(content.encode("utf-8", "surrogatepass"))
            return Stored(str(path), start, length, url, digest)

        for page in reading:
            if page.html is not None:
                html.append(store(page.html, page.url))
            dumps.append(store(dump_of(page, cache), page.url))
    return Spooled(dataset, reading.pages, reading.digest, tuple(html), tuple(dumps))
