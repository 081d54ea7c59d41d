"""Datasets: folders of gold pages, with the score that suits each and a digest of what was read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from declutter.errors import GoldError
from declutter.pages import Page
from declutter.stages.repeats import registered_domain
from declutter.train.dumps import make_dump
from declutter.train.gold import BOILERPLATE, MAIN, GoldPage, read_gold, read_html
from declutter.train.labelling import OTHER_TERMINATORS
from declutter.train.scoring import script_of

#: Where a layout's pages are published, and their licence.
PUBLISHED = {
    "wcxb": ("Web Content Extraction Benchmark, M. Foley 2026", "CC-BY-4.0"),
    "aeb": ("https://github.com/scrapinghub/article-extraction-benchmark", "MIT (the collection)"),
}
#: The score of each layout; `scores.py` defines them.
METRICS = {"wcxb": "word_f1", "aeb": "shingle_f1", "lines": "line_f1", "snippets": "recall"}
HTML, DUMP = "html", "dump"
TWO_LABELS = {MAIN, BOILERPLATE}


@dataclass(frozen=True)
class Dataset:
    """A folder of gold, or a sample of it: whole families of sites, drawn by name, so that it is always the same one.

    `layout` is wcxb, aeb, gold (gold.jsonl), snippets (snippets.jsonl), lines (main or boilerplate a line) or dumps (a
    label a line). `every` reads one family in so many; `n_pages` stops at the family that makes so many pages.
    """

    folder: Path
    layout: str
    every: int = 1
    n_pages: int | None = None

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def metric(self) -> str:
        return METRICS.get(self.layout, "token_f1")

    @property
    def sources(self) -> tuple[str, ...]:
        """What declutter and its peers can be given: HTML and dumps, or dumps alone."""
        return (DUMP,) if self.layout in ("dumps", "lines") else (HTML, DUMP)

    @cached_property
    def pages(self) -> tuple[GoldPage, ...]:
        """The pages of the sample in a fixed order, each with its script.

        Raises GoldError for what can't be read, for an empty folder, and where two pages have the same name.
        """
        pages = list((_read_aeb if self.layout == "aeb" else read_gold)(self.folder))
        pages = [page for page in pages if page.family in self._families(pages)]
        if not pages:
            raise GoldError(f"{self.folder}: no page in it")
        if len({page_key(page) for page in pages}) < len(pages):
            raise GoldError(f"{self.folder}: two pages of a site have the same id")
        return tuple(replace(page, script=page.script or script_of(page.gold_text)) for page in pages)

    def _families(self, pages: Sequence[GoldPage]) -> set[str]:
        sizes = Counter(page.family for page in pages)
        draws = {family: int(hashlib.sha256(f"{pages[0].set}/{family}".encode()).hexdigest()[8:16], 16)
                 for family in sizes}  # fmt: skip
        drawn, n_pages = set(), 0
        for family in sorted(sizes, key=draws.__getitem__):
            if draws[family] % self.every == 0 and (self.n_pages is None or n_pages < self.n_pages):
                drawn.add(family)
                n_pages += sizes[family]
        return drawn

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the pages and their gold."""
        digest = hashlib.sha256()
        for page in self.pages:
            parts = (page.set, page.site, page.id, page.text if page.html is None else page.html, page.gold_text)
            digest.update("\n".join(parts).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def contents(self, source: str, cache: Path | None = None) -> list[str]:
        """The HTML or the dump of each page."""
        return [page.html if source == HTML else dump_of(page, cache) for page in self.pages]


def open_dataset(folder: str | Path, every: int = 1, n_pages: int | None = None) -> Dataset:
    """The dataset in a folder. Raises GoldError where it holds no gold of a known layout."""
    path = Path(folder)
    names = {"aeb": "ground-truth.json", "wcxb": "metadata.json", "gold": "gold.jsonl", "snippets": "snippets.jsonl"}
    layout = next((layout for layout, name in names.items() if (path / name).is_file()), None)
    if layout is None:
        labels = next(iter(sorted([*path.glob("*.labels.tsv"), *path.glob("*/*.labels.tsv")])), None)
        if labels is None:
            raise GoldError(f"{path}: no gold here")
        layout = (
            "lines" if {row.partition("\t")[2] for row in labels.read_text().splitlines()} <= TWO_LABELS else "dumps"
        )
    return Dataset(path, layout, every, n_pages)


def check_folders(folders: Sequence[str | Path], every: int = 1, n_pages: int | None = None) -> list[Dataset]:
    """The datasets in some folders. Raises GoldError where two have the same name: their results would be mixed up."""
    found = [open_dataset(folder, every, n_pages) for folder in folders]
    for name, number in Counter(dataset.name for dataset in found).items():
        if number > 1:
            raise GoldError(f"two datasets are called {name}; rename a folder")
    return found


def _read_aeb(folder: Path) -> Iterator[GoldPage]:
    """Pages of scrapinghub's article-extraction-benchmark: `ground-truth.json` beside `html/ID.html.gz`."""
    path = folder / "ground-truth.json"
    try:
        gold = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise GoldError(f"{path}: can't be read ({error})") from error
    for page_id, about in sorted(gold.items()):
        if not isinstance(about, dict):
            raise GoldError(f"{path}: {page_id} is not an object")
        url = about.get("url")
        site = registered_domain(url) or page_id
        yield GoldPage(
            set=folder.resolve().name, site=site, family=site, id=page_id, url=url, kind="article", script="Latin",
            lang=None, html=read_html(folder / "html" / f"{page_id}.html.gz"), text=None,
            main_text=about.get("articleBody", ""), labels=None,
        )  # fmt: skip


def dump_of(page: GoldPage, cache: Path | None = None) -> str:
    """The page as a bare dump: its own, or the block lines of its HTML, as training labels them."""
    if page.text is not None:
        return page.text
    return make_dump(page.html, "blocks", cache).translate(OTHER_TERMINATORS)


def page_key(page: GoldPage) -> str:
    """What names a page in a result: its site and id within its set."""
    return f"{page.site}/{page.id}"


def page_of(gold: GoldPage, source: str, content: str) -> Page:
    """A page with some content ("html", "dump") as declutter gets it.

    It has no site where its folder isn't one: a folder that holds labelled dumps itself may mix sites.
    """
    site = None if gold.site == gold.set else f"{gold.set}/{gold.site}"
    return Page(page_key(gold), site=site, url=gold.url, **{"html" if source == HTML else "text": content})
