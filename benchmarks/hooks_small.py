"""What the hooks cost over the bare library, and how fast the service answers.

    python -m benchmarks.hooks_small overhead --pages 20000     # the hosts that are installed
    python -m benchmarks.hooks_small serve --seconds 10         # needs wrk

Overhead: chunks of 5,000 pages go by turns through the bare library and the hook, and the processor time of each is
added up (all threads), so that other work on the machine does not count. Pages are those of seeds/, with every tenth
word in another place, so that they differ. All hooks but scikit-learn's clean with a profile learned before from all
pages. The host's own objects (a dataset, a frame, documents) are made before; what the host does with what comes back
(to write an Arrow file, to make documents) is part of its hook's time. Scrapy's items come one by one, so that its
rows compare with the library called page by page, over a tenth of the pages.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from declutter import Cleaner, Page, Profile, learn

SEEDS = Path(__file__).parent.parent / "seeds"
CHUNK_PAGES = 5000
ONE_BY_ONE_SHARE = 10  # what is cleaned page by page takes ten times as long
CONNECTIONS = (1, 8, 64)
WRK_SCRIPT = """
local file = io.open("{bodies}", "r")
local bodies, next_one = {{}}, 0
for line in file:lines() do bodies[#bodies + 1] = line end
request = function()
  next_one = next_one % #bodies + 1
  return wrk.format("POST", "{path}", {{["Content-Type"] = "application/json"}}, bodies[next_one])
end
"""

#: What makes the host's object of pages, and what cleans it.
Steps = tuple[Callable[[Sequence[Page]], Any], Callable[[Any], list[str]]]


def varied_pages(n_pages: int, seed: int = 0) -> Iterator[Page]:
    """Pages like those of seeds/, with the URLs of as many sites as there are folders."""
    chance = random.Random(seed)
    originals = [(path.parent.name, path.read_text("utf-8")) for path in sorted(SEEDS.rglob("*.txt"))]
    for number in range(n_pages):
        site, text = originals[number % len(originals)]
        words = text.split(" ")
        for _ in range(len(words) // 10):
            one, other = chance.randrange(len(words)), chance.randrange(len(words))
            words[one], words[other] = words[other], words[one]
        yield Page(str(number), url=f"https://www.{site}.example/{number}", text=" ".join(words))


def columns(pages: Sequence[Page]) -> dict[str, list[str]]:
    return {"text": [page.text for page in pages], "url": [page.url for page in pages]}


def bare(cleaner: Cleaner) -> Steps:
    return list, lambda pages: [cleaned.text for cleaned in cleaner.clean_pages(pages)]


def bare_one_by_one(cleaner: Cleaner) -> Steps:
    return list, lambda pages: [cleaned.text for page in pages for cleaned in cleaner.clean_pages([page])]


def bare_without_urls(cleaner: Cleaner) -> Steps:
    return lambda pages: [Page(page.id, text=page.text) for page in pages], bare(cleaner)[1]


def with_datasets(cleaner: Cleaner, folder: Path) -> Steps:
    import datasets

    from declutter.integrations.huggingface import Clean

    datasets.disable_progress_bars()
    clean = Clean(text="text", url="url", cleaner=cleaner)
    numbers = iter(range(10**6))

    def run(dataset):
        return dataset.map(clean, batched=True, cache_file_name=str(folder / f"{next(numbers)}.arrow"))["text"][:]

    return lambda pages: datasets.Dataset.from_dict(columns(pages)), run


def with_pandas(cleaner: Cleaner, _folder: Path) -> Steps:
    import pandas as pd

    from declutter.integrations.pandas import clean_column

    def run(frame):
        return clean_column(frame["text"], url=frame["url"], cleaner=cleaner).tolist()

    return lambda pages: pd.DataFrame(columns(pages)), run


def with_polars(cleaner: Cleaner, _folder: Path) -> Steps:
    import polars as pl

    from declutter.integrations.polars import clean_column

    def run(frame):
        return frame.select(clean_column("text", url="url", cleaner=cleaner))["text"].to_list()

    return lambda pages: pl.DataFrame(columns(pages)), run


def with_langchain(cleaner: Cleaner, _folder: Path) -> Steps:
    from langchain_core.documents import Document

    from declutter.integrations.langchain import CleanDocuments

    def run(documents):
        return [document.page_content for document in CleanDocuments(cleaner).transform_documents(documents)]

    return lambda pages: [Document(page.text, metadata={"source": page.url}) for page in pages], run


def with_sklearn(cleaner: Cleaner, _folder: Path) -> Steps:
    from declutter.integrations.sklearn import CleanText

    clean = CleanText()
    clean.profile_ = cleaner.profile
    return lambda pages: [page.text for page in pages], lambda texts: clean.transform(texts).tolist()


def with_scrapy(items_at_once: int) -> Callable[[Cleaner, Path], Steps]:
    """Items through the pipeline in an event loop, so many under way at a time; no crawl, which would cost more."""

    def with_items(cleaner: Cleaner, folder: Path) -> Steps:
        from scrapy.settings import Settings
        from scrapy.statscollectors import StatsCollector

        from declutter.integrations.scrapy import CleanPipeline

        cleaner.profile.save(folder / "sites.profile")
        settings = Settings({"DECLUTTER_PROFILE": str(folder / "sites.profile")})
        crawler = SimpleNamespace(settings=settings, spider=SimpleNamespace(name="benchmark"))
        crawler.stats = StatsCollector(SimpleNamespace(settings=Settings()))
        hook = CleanPipeline.from_crawler(crawler)

        async def process(items):
            slots = asyncio.Semaphore(items_at_once)

            async def one(item):
                async with slots:
                    return (await hook.process_item(item))["text"]

            return await asyncio.gather(*map(one, items))

        return lambda pages: [{"url": page.url, "text": page.text} for page in pages], lambda items: asyncio.run(
            process(items)
        )

    return with_items


#: name, package, bare library to compare with, hook
HOOKS = (
    ("datasets, `Dataset.map`", "datasets", bare, with_datasets),
    ("pandas, `clean_column`", "pandas", bare, with_pandas),
    ("polars, `clean_column`", "polars", bare, with_polars),
    ("LangChain, `CleanDocuments`", "langchain_core", bare, with_langchain),
    ("scikit-learn, `CleanText`", "sklearn", bare_without_urls, with_sklearn),
    ("Scrapy, 1 item at a time", "scrapy", bare_one_by_one, with_scrapy(1)),
    ("Scrapy, 16 items at a time", "scrapy", bare_one_by_one, with_scrapy(16)),
)


def timed(steps: Steps, pages: Sequence[Page]) -> tuple[float, list[str]]:
    """Seconds of processor time, and what is kept of each page."""
    make, run = steps
    made = make(pages)
    begin = time.process_time()
    kept = run(made)
    return time.process_time() - begin, kept


@click.group()
def command():
    """Measure the hooks of the smaller hosts, and the service."""


@command.command()
@click.option("--pages", "n_pages", default=20_000, show_default=True)
def overhead(n_pages: int):
    """The processor time of each installed hook over the bare library's."""
    pages = list(varied_pages(n_pages))
    cleaner = Cleaner(profile=learn(pages))
    chunks = [pages[first : first + CHUNK_PAGES] for first in range(0, n_pages, CHUNK_PAGES)]
    print(
        f"| hook | bare, s | hook, s | overhead | pages that differ |  <!-- {n_pages} pages -->\n|---|---|---|---|---|"
    )
    for name, package, make_bare, make_hook in HOOKS:
        if find_spec(package) is None:
            print(f"| {name} | not installed | | | |")
            continue
        with tempfile.TemporaryDirectory() as folder:
            without, hook = make_bare(cleaner), make_hook(cleaner, Path(folder))
            timed(hook, chunks[0][:50])  # what is loaded once
            seconds, n_other = [0.0, 0.0], 0
            for number, chunk in enumerate(chunks):
                chunk = chunk[::ONE_BY_ONE_SHARE] if make_bare is bare_one_by_one else chunk
                runs = [(0, without), (1, hook)]
                kept = {}
                for place, run in runs if number % 2 else runs[::-1]:
                    taken, kept[place] = timed(run, chunk)
                    seconds[place] += taken
                n_other += sum(one != other for one, other in zip(kept[0], kept[1], strict=True))
        more = seconds[1] / seconds[0] - 1
        print(f"| {name} | {seconds[0]:.1f} | {seconds[1]:.1f} | {more:+.1%} | {n_other} |", flush=True)


@contextmanager
def service(profile: Path, n_workers: int):
    """The port of a running service."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--workers", str(n_workers), "--profile", str(profile), "--quiet"]
    process = subprocess.Popen([sys.executable, "-m", "declutter.cli", "serve", *options])
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                break
            except OSError:  # not up yet
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def load(port: int, path: str, bodies: Path, connections: int, seconds: int) -> tuple[float, str, str, str]:
    """(requests a second, p50, p99, what went wrong) as wrk measures them."""
    script = bodies.with_suffix(".lua")
    script.write_text(WRK_SCRIPT.format(bodies=bodies, path=path))
    arguments = ["-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s", "-s", str(script)]
    done = subprocess.run(["wrk", *arguments, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    half, most = (re.search(rf"(?m)^\s*{share}%\s+(\S+)", done.stdout)[1] for share in (50, 99))
    wrong = re.search(r"(Non-2xx[^\n]*|Socket errors[^\n]*)", done.stdout)
    return rate, half, most, wrong[1] if wrong else ""


@command.command()
@click.option("--seconds", default=10, show_default=True, help="For each row.")
@click.option("--workers", "n_workers", default=2, show_default=True)
def serve(seconds: int, n_workers: int):
    """The service on loopback under wrk: requests a second, and how long half and 99 in 100 of them take."""
    pages = list(varied_pages(400))
    with tempfile.TemporaryDirectory() as folder:
        profile, bodies, batches = Path(folder, "p.profile"), Path(folder, "pages"), Path(folder, "batches")
        learn(pages).save(profile)
        records = [{"url": page.url, "text": page.text} for page in pages]
        bodies.write_text("".join(json.dumps(record) + "\n" for record in records))
        parts = [records[first : first + 100] for first in range(0, 400, 100)]
        batches.write_text("".join(json.dumps({"pages": part}) + "\n" for part in parts))
        size = sum(len(page.text.encode()) for page in pages) / len(pages)
        in_process(pages, Profile.load(profile))
        print(f"{size:.0f} bytes a page, {n_workers} workers")
        print("| connections | body | pages/s | p50 | p99 | wrong |")
        print("|---|---|---|---|---|---|")
        with service(profile, n_workers) as port:
            load(port, "/clean", bodies, 8, 2)  # what is loaded once
            for connections in CONNECTIONS:
                rate, half, most, wrong = load(port, "/clean", bodies, connections, seconds)
                print(f"| {connections} | 1 page | {rate:.0f} | {half} | {most} | {wrong} |", flush=True)
            rate, half, most, wrong = load(port, "/clean/pages", batches, 2 * n_workers, seconds)
            print(f"| {2 * n_workers} | 100 pages | {100 * rate:.0f} | {half} | {most} | {wrong} |", flush=True)


def in_process(pages: Sequence[Page], profile: Profile) -> None:
    """Print what the library does in one process, to compare with."""
    for name, run in (("in batches", bare), ("one by one", bare_one_by_one)):
        taken, _ = timed(run(Cleaner(profile=profile)), pages)
        print(f"The library in one process, {name}: {len(pages) / taken:.0f} pages a second of processor time.")


if __name__ == "__main__":
    command()
