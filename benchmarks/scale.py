"""How time and memory grow with the number of pages, and whether a run that is killed can be resumed.

The pages are synthetic but varied. A site takes its shape from a page of seeds/: what stands on several pages of that
seed site becomes the new site's template, with words of its own for the words that name a site; what stands on one page
only is the material of its articles, whose words are drawn anew for each page. Pages are made one by one from the seed
and their number, so that a corpus of a million is the corpus of ten thousand continued, and none is held in memory.
"""

from __future__ import annotations

import filecmp
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import click
import psutil

from benchmarks import options
from benchmarks.answers import REPOSITORY, environment
from benchmarks.cost import cost_of

SEEDS = REPOSITORY / "seeds"
PAGES_A_FILE = 5000
N_SITES = 5000
TINY_LINES = 12
OWN_WORDS = 0.25  # share of a template's words that are the site's own
TWINS = 0.01  # pages that carry an article crawled before, with other surroundings
WORD = re.compile(r"\w{4,}")
CLEAN = [sys.executable, "-m", "declutter.cli", "clean", "--quiet"]
LOOK_SECONDS = 0.05
SPARES_RUN = 1 / 3  # of kills hit one of the run's processes instead of the run


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
    """Write a corpus as JSON lines. Returns its size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    n_bytes = 0
    for first in range(0, n_pages, pages_a_file):
        rows = pages(min(pages_a_file, n_pages - first), n_sites, seed, first)
        path = folder / f"part-{first // pages_a_file:05d}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        n_bytes += path.stat().st_size
    return n_bytes


def write_tiny(folder: Path, n_pages: int, n_sites: int = N_SITES, seed: int = 0) -> int:
    """Write the first TINY_LINES lines of each page to a text file of its own. Returns the size of all in bytes."""
    n_bytes = 0
    for number, made in enumerate(pages(n_pages, n_sites, seed)):
        path = folder / f"{number // 1000:05d}" / f"{made['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        n_bytes += path.write_bytes("".join(f"{line}\n" for line in made["text"].split("\n")[:TINY_LINES]).encode())
    return n_bytes


def write_one(folder: Path, n_pages: int, n_sites: int = N_SITES, seed: int = 0) -> int:
    """Write one gzip file: PAGES_A_FILE pages, again and again. Returns the size of what it unpacks to, in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = pages(min(n_pages, PAGES_A_FILE), n_sites, seed)
    plain = "".join(json.dumps(made, ensure_ascii=False) + "\n" for made in rows).encode()
    n_members = -(-n_pages // PAGES_A_FILE)
    with (folder / "one.jsonl.gz").open("wb") as file:
        file.writelines(repeat(gzip.compress(plain, 6), n_members))
    return n_members * len(plain)


FORMS = {"dumps": write, "tiny": write_tiny, "one": write_one}


@click.group()
def command():
    """Time and memory by number of pages; runs that are killed; a corpus for both."""


@command.command()
@click.argument("folder", type=options.NEW_FOLDER)
@click.option("--pages", "n_pages", default=10_000, show_default=True)
@click.option("--sites", "n_sites", default=N_SITES, show_default=True)
@click.option("--seed", default=0, show_default=True)
def corpus(folder: Path, n_pages: int, n_sites: int, seed: int):
    """Write a corpus of JSON lines into FOLDER; the pages of all sites are mixed, as a crawl mixes them."""
    n_bytes = write(folder, n_pages, n_sites, seed)
    click.echo(f"{n_pages} pages of {n_sites} sites, {n_bytes / 1e6:.1f} MB in {folder}")


@command.command()
@click.argument("sizes", metavar="PAGES...", type=int, nargs=-1, required=True)
@click.option("--sites", "n_sites", default=N_SITES, show_default=True)
@click.option("--workers", multiple=True, type=int, default=[2], help="May be given several times; they take turns.")
@click.option("--engine", default="auto", show_default=True)
@click.option("--profile", type=click.Path(exists=True), help="One pass, with this profile.")
@click.option("--as", "form", type=click.Choice(list(FORMS)), default="dumps", help="Tiny files, or a large one.")
@click.option("--folder", type=options.NEW_FOLDER, help="Where the corpora are made and kept.")
def grow(sizes, n_sites: int, workers, engine: str, profile: str | None, form: str, folder: Path | None):
    """Clean corpora of so many PAGES with `declutter clean`, and print a row of time and memory for each.

    Memory is the peak of all processes together. `--as one` makes a gzip file of all pages.
    """
    made = folder or Path(tempfile.mkdtemp(prefix="scale-"))
    click.echo("|   pages |     MB | workers | seconds | cpu seconds | cpu ms a page | MB/s a cpu | peak MB |")
    click.echo("|--------:|-------:|--------:|--------:|------------:|--------------:|-----------:|--------:|")
    for n_pages in sizes:
        source = made / f"{form}-{n_pages}-{n_sites}"
        megabytes = FORMS[form](source, n_pages, n_sites) / 1e6
        for n_workers in workers:
            with tempfile.TemporaryDirectory(prefix="scale-out-", dir=made) as out:
                given = ["--workers", str(n_workers), "--engine", engine, *(["--profile", profile] if profile else [])]
                cost = cost_of([*CLEAN, *given, str(source), out], environment(), LOOK_SECONDS)
            click.echo(
                f"| {n_pages:7} | {megabytes:6.1f} | {n_workers:7} | {cost.wall:7.1f} | {cost.processor:11.1f} "
                f"| {1000 * cost.processor / n_pages:13.2f} | {megabytes / cost.processor:10.2f} "
                f"| {cost.peak_mb:7.0f} |"
            )
    if folder is None:
        shutil.rmtree(made)


@command.command()
@click.option("--kills", default=50, show_default=True)
@click.option("--pages", "n_pages", default=20_000, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--seed", default=0, show_default=True)
def crash(kills: int, n_pages: int, workers: int, seed: int):
    """Kill a run at random moments and resume it; exit with 1 where its outputs differ from an undisturbed run's.

    Every third kill hits one of the processes instead of the run, which must go on by itself.
    """
    with tempfile.TemporaryDirectory(prefix="crash-") as name:
        folder = Path(name)
        write(folder / "in" / "small", n_pages // 2, 200, seed, pages_a_file=250)
        write(folder / "in" / "large", n_pages // 2, 200, seed + 1, pages_a_file=n_pages)
        (folder / "nothing").mkdir()
        given = ["--engine", "rules", "--workers", str(workers)]
        start = cost_of([*CLEAN, *given, str(folder / "nothing"), str(folder / "nothing-out")], environment()).wall
        whole = cost_of([*CLEAN, *given, str(folder / "in"), str(folder / "undisturbed")], environment()).wall
        click.echo(f"undisturbed: {whole:.1f} s")
        begin = time.monotonic()
        command = [*CLEAN, *given, "--resume", str(folder / "in"), str(folder / "crashed")]
        made, begun = _killed(command, kills, workers, 2 * start + whole / max(kills, 1), seed)
        click.echo(f"{made} kills, begun {begun} times: {time.monotonic() - begin:.1f} s")
        unlike = differences(folder / "undisturbed", folder / "crashed")
        click.echo(f"outputs differ: {unlike}" if unlike else "the outputs are the same")
        click.get_current_context().exit(bool(unlike))


def _killed(command: list[str], kills: int, workers: int, seconds: float, seed: int) -> tuple[int, int]:
    """Run to the end through so many kills, each within so many seconds; (kills made, times the run was begun)."""
    chance, made, begun = random.Random(seed), 0, 0
    while True:
        process = psutil.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
        begun += 1
        while made < kills and process.poll() is None:
            spares_run = workers > 1 and chance.random() < SPARES_RUN
            made += _kill_one(process, chance, chance.uniform(0.1, seconds), spares_run)
            if not spares_run:
                break
        error = process.communicate()[1]
        if process.returncode == 0:
            return made, begun
        if process.returncode != -signal.SIGKILL:
            raise OSError(f"the run ended with {process.returncode}: {error}")


def _kill_one(process: psutil.Popen, chance: random.Random, seconds: float, spares_run: bool) -> bool:
    """Kill the run, or one of its processes, after some seconds. Returns whether there was something to kill."""
    try:
        process.wait(seconds)
    except psutil.TimeoutExpired:
        try:
            victims = process.children() if spares_run else [process]
            if victims:
                os.kill(chance.choice(victims).pid, signal.SIGKILL)
            return bool(victims)
        except (psutil.NoSuchProcess, ProcessLookupError):  # it has just ended
            pass
    return False


def differences(one: Path, other: Path) -> list[str]:
    """Names of files that are not the same in both folders."""
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*") if path.is_file()}
    _, unlike, missing = filecmp.cmpfiles(one, other, sorted(map(str, names)), shallow=False)
    return unlike + missing
