"""Datasets: folders of gold pages, read page by page, with a digest of what was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from declutter.errors import GoldError
from declutter.lines import MAIN_CONTENT
from declutter.train.dumps import make_dump
from declutter.train.examples import OTHER_TERMINATORS
from declutter.train.gold import GoldPage, read_gold, read_html, registered_domain
from declutter.train.scoring import script_of

#: Every dataset that is known by name: where it is published, and its licence. Others are read all the same.
PUBLISHED = {
    "wcxb": ("Web Content Extraction Benchmark, M. Foley 2026", "CC-BY-4.0"),
    "aeb": ("https://github.com/scrapinghub/article-extraction-benchmark", "MIT (the collection)"),
}


@dataclass(frozen=True)
class Dataset:
    """A folder of gold. `layout` is wcxb, aeb, gold (gold.jsonl) or dumps; pages of 1 in `every` families are read."""

    folder: Path
    layout: str
    every: int = 1

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def metric(self) -> str:
        """What the set is scored by: word_f1 (WCXB), shingle_f1 (AEB), token_f1 (all others)."""
        return {"wcxb": "word_f1", "aeb": "shingle_f1"}.get(self.layout, "token_f1")

    def read(self) -> Iterator[GoldPage]:
        """The pages with their HTML or text, in a fixed order. Raises GoldError for what can't be read."""
        pages = _read_aeb(self.folder) if self.layout == "aeb" else read_gold(self.folder)
        return (page for page in pages if _is_drawn(page, self.every))

    @cached_property
    def pages(self) -> tuple[GoldPage, ...]:
        """The pages without HTML, so that they can be held; each with its main content and script."""
        return self._read_once.pages

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the pages and their gold."""
        return self._read_once.digest

    @cached_property
    def _read_once(self) -> Reading:
        reading = Reading(self)
        for _ in reading:
            pass
        return reading


class Reading:
    """A dataset read once from end to end; then `pages` are those without HTML, and `digest` tells pages and gold.

    Raises GoldError for what can't be read, where there is no page, and where two have the same name.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.pages: tuple[GoldPage, ...] = ()
        self.digest = ""

    def __iter__(self) -> Iterator[GoldPage]:
        digest, pages = hashlib.sha256(), []
        for page in self.dataset.read():
            parts = (page.set, page.site, page.id, page.text if page.html is None else page.html, gold_text(page))
            digest.update("\n".join(parts).encode("utf-8", "surrogatepass"))
            pages.append(replace(page, html=None, script=page.script or script_of(gold_text(page))))
            yield page
        if not pages:
            raise GoldError(f"{self.dataset.folder}: no page in it")
        if len({(page.site, page.id) for page in pages}) < len(pages):
            raise GoldError(f"{self.dataset.folder}: two pages of a site have the same id")
        self.pages, self.digest = tuple(pages), digest.hexdigest()


def open_dataset(folder: str | Path, every: int = 1) -> Dataset:
    """The dataset in a folder. Raises GoldError where it holds no gold of a known layout."""
    path = Path(folder)
    if (path / "ground-truth.json").is_file() and (path / "html").is_dir():
        return Dataset(path, "aeb", every)
    if (path / "metadata.json").is_file():
        return Dataset(path, "wcxb", every)
    read_gold(path)  # raises GoldError where there is none
    return Dataset(path, "gold" if (path / "gold.jsonl").is_file() else "dumps", every)


def _is_drawn(page: GoldPage, every: int) -> bool:
    """Whether the page's family is in the sample: drawn by name, so that it is always the same one."""
    return int(hashlib.sha256(f"{page.set}/{page.family}".encode()).hexdigest()[8:16], 16) % every == 0


def _read_aeb(folder: Path) -> Iterator[GoldPage]:
    """Pages of scrapinghub's article-extraction-benchmark: `ground-truth.json` beside `html/ID.html.gz`."""
    path = folder / "ground-truth.json"
    try:
        gold = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise GoldError(f"{path}: can't be read ({error})") from error
    for page_id, about in sorted(gold.items()):
        if not isinstance(about, dict):
            raise GoldError(f"{path}: {page_id} is no object")
        url = about.get("url")
        site = registered_domain(url.partition("://")[2].partition("/")[0]) if url else page_id
        yield GoldPage(
            set=folder.resolve().name, site=site, family=site, id=page_id, url=url, kind="article", script="Latin",
            lang=None, html=read_html(folder / "html" / f"{page_id}.html.gz"), text=None,
            main_text=about.get("articleBody", ""), labels=None,
        )  # fmt: skip


def gold_text(page: GoldPage) -> str:
    """The main content of a page; of a labelled dump, its lines of title and body."""
    if page.main_text is not None:
        return page.main_text
    rows = zip(page.text.split("\n"), page.labels, strict=True)
    return "\n".join(line for line, label in rows if label in MAIN_CONTENT)


def dump_of(page: GoldPage, cache: Path | None) -> str:
    """The page as a bare dump: its own, or the block lines of its HTML, as training labels them."""
    if page.text is not None:
        return page.text
    return make_dump(page.html, "blocks", cache).translate(OTHER_TERMINATORS)


def check_folders(folders: Sequence[str | Path], every: int = 1) -> list[Dataset]:
    """The datasets in some folders. Raises GoldError where two have the same name: their results would be mixed up."""
    found = [open_dataset(folder, every) for folder in folders]
    names = [dataset.name for dataset in found]
    for name in names:
        if names.count(name) > 1:
            raise GoldError(f"two datasets are called {name}; rename a folder")
    return found
