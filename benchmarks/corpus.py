"""A corpus of synthetic but varied pages: `python benchmarks/corpus.py FOLDER [--pages N] [--sites N] [--seed N]`.

Writes FOLDER/part-00000.jsonl, ...: dumps with `url`, `text` and `id`, PAGES_A_FILE a file, pages of all sites mixed as
a crawl mixes them. A site takes its shape from a page of seeds/: what stands on several pages of that seed site becomes
the new site's template, with words of its own for the words that name a site; what stands on one page only is the
material of its articles, whose words are drawn anew for each page. The pages are made one by one from the seed and
their number, so that a corpus of a million is the corpus of ten thousand continued, and none is held in memory.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

SEEDS = Path(__file__).parent.parent / "seeds"
PAGES_A_FILE = 5000
N_SITES = 5000
TINY_LINES = 12
OWN_WORDS = 0.25  # share of a template's words that are the site's own
TWINS = 0.01  # pages that carry an article crawled before, with other surroundings
WORD = re.compile(r"\w{4,}")


class SeedSite(NamedTuple):
    """What the pages of a site of seeds/ are made of."""

    pages: list[list[str]]  # lines of each page
    templates: frozenset[str]  # lines that stand on two pages at least
    words: list[str]  # of its articles


@lru_cache(maxsize=1)
def seed_sites() -> list[SeedSite]:
    """The sites of seeds/."""
    found = []
    for folder in sorted(path for path in SEEDS.iterdir() if path.is_dir()):
        pages = [path.read_text("utf-8").split("\n") for path in sorted(folder.glob("*.txt"))]
        counts = Counter(line for page in pages for line in set(page))
        templates = frozenset(line for line, n_pages in counts.items() if n_pages > 1)
        prose = " ".join(line for page in pages for line in page if line not in templates)
        found.append(SeedSite(pages, templates, sorted(set(WORD.findall(prose)))))
    return found


class Site(NamedTuple):
    """A site of the corpus."""

    domain: str
    shape: SeedSite
    names: dict[str, str]  # words of the template, and the site's own for them


@lru_cache(maxsize=N_SITES)
def site_of(number: int, seed: int) -> Site:
    """A site by its number."""
    chance = random.Random(f"site {seed} {number}")
    shape = seed_sites()[number % len(seed_sites())]
    words = sorted({word for line in shape.templates for word in WORD.findall(line)})
    renamed = chance.sample(words, int(OWN_WORDS * len(words)))
    return Site(f"site-{number}.example", shape, {word: chance.choice(shape.words) for word in renamed})


def page(number: int, n_sites: int = N_SITES, seed: int = 0) -> dict[str, str]:
    """A page by its number: id, url and text."""
    chance = random.Random(f"page {seed} {number}")
    site = site_of(chance.randrange(n_sites), seed)
    article = random.Random(f"page {seed} {number // 100}") if chance.random() < TWINS else chance
    lines = article.choice(site.shape.pages)
    made = []
    for line in lines:
        if line in site.shape.templates:
            made.append(WORD.sub(lambda match: site.names.get(match[0], match[0]), line))
        elif article.random() > 0.1:  # no two articles have all lines of the page that they are made of
            made.append(WORD.sub(lambda _: article.choice(site.shape.words), line))
    return {"id": f"page-{number}", "url": f"https://www.{site.domain}/{number}.html", "text": "\n".join(made)}


def pages(n_pages: int, n_sites: int = N_SITES, seed: int = 0, first: int = 0) -> Iterator[dict[str, str]]:
    """Pages by number, made one by one."""
    return (page(number, n_sites, seed) for number in range(first, first + n_pages))


def write(folder: Path, n_pages: int, n_sites: int = N_SITES, seed: int = 0, pages_a_file: int = PAGES_A_FILE) -> int:
    """Write a corpus. Returns its size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    n_bytes = 0
    for first in range(0, n_pages, pages_a_file):
        path = folder / f"part-{first // pages_a_file:05d}.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for made in pages(min(pages_a_file, n_pages - first), n_sites, seed, first):
                file.write(json.dumps(made, ensure_ascii=False) + "\n")
        n_bytes += path.stat().st_size
    return n_bytes


def write_tiny(folder: Path, n_pages: int, n_sites: int = N_SITES, seed: int = 0) -> int:
    """Write the first TINY_LINES lines of each page to a text file of its own. Returns the size of all in bytes."""
    n_bytes = 0
    for number, made in enumerate(pages(n_pages, n_sites, seed)):
        path = folder / f"{number // 1000:05d}" / f"{made['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{line}\n" for line in made["text"].split("\n")[:TINY_LINES]).encode()
        path.write_bytes(content)
        n_bytes += len(content)
    return n_bytes


def write_one(folder: Path, n_pages: int, n_sites: int = N_SITES, seed: int = 0) -> int:
    """Write one gzip file: PAGES_A_FILE pages, again and again. Returns the size of what it unpacks to, in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = pages(min(n_pages, PAGES_A_FILE), n_sites, seed)
    plain = "".join(json.dumps(made, ensure_ascii=False) + "\n" for made in rows).encode()
    member, n_members = gzip.compress(plain, 6), -(-n_pages // PAGES_A_FILE)
    with open(folder / "one.jsonl.gz", "wb") as file:
        for _ in range(n_members):
            file.write(member)
    return n_members * len(plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--sites", type=int, default=N_SITES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    n_bytes = write(options.folder, options.pages, options.sites, options.seed)
    print(f"{options.pages} pages of {options.sites} sites, {n_bytes / 1e6:.1f} MB in {options.folder}")


if __name__ == "__main__":
    main()
