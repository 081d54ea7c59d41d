"""What the hooks cost over the bare library, and how fast the service answers.

Overhead: chunks of pages go by turns through the bare library and the hook, in one process, and the processor time of
each is added up (all threads), so that other work on the machine does not count. The host's own objects (a dataset,
documents, Arrow batches) are made before; what the host does with what comes back is part of its hook's time. The
hooks of datatrove, Spark and Ray are timed in both passes; the others clean with a profile that was learned before.
Scrapy's items come one by one: its rows compare with the library called page by page, over a tenth of the pages.

Jobs: pages are read from JSON lines, their sites learned, the pages cleaned and written as JSON lines, in one process
with the bare library or with two workers of a host. All processes count. Pages are those of `scale.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import click

from benchmarks import scale
from benchmarks.answers import environment
from benchmarks.cost import cost_of
from declutter import Cleaner, Page, Profile, learn

LOOK_SECONDS = 0.5  # a look at all processes of a cluster takes a while
WORKERS = 2
CHUNK_PAGES = 5000
ONE_BY_ONE_SHARE = 10  # a page cleaned by itself takes ten times as long
ARROW_ROWS = 10_000  # a batch of Spark's by default
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


class Step(NamedTuple):
    """A pass over some pages: makes the host's objects, then works on them and returns what is kept, if it cleans."""

    make: Callable[[], Any]
    run: Callable[[Any], list[str] | None]


def ended(results: Iterable) -> None:
    """Use up an iterator."""
    deque(results, 0)


def texts_of(cleaned: Iterable) -> list[str]:
    return [done.text for done in cleaned]


def bare(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    first = Step(lambda: None, lambda _: ended([learn(pages)]))
    return [first, Step(lambda: None, lambda _: texts_of(Cleaner(profile=profile).clean_pages(pages)))]


def bare_one_by_one(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    cleaner = Cleaner(profile=profile)
    return [Step(lambda: None, lambda _: [text for page in pages for text in texts_of(cleaner.clean_pages([page]))])]


def bare_without_urls(pages: list[Page], profile: Profile, folder: Path) -> list[Step]:
    return bare([Page(page.id, text=page.text) for page in pages], profile, folder)


def columns(pages: list[Page]) -> dict[str, list[str]]:
    return {"text": [page.text for page in pages], "url": [page.url for page in pages]}


def with_datatrove(pages: list[Page], profile: Profile, folder: Path) -> list[Step]:
    from datatrove.data import Document

    from declutter.integrations.datatrove import CleanPages, CollectPages, LearnSites

    def documents():
        return [Document(page.text, page.id, metadata={"url": page.url}) for page in pages]

    def first(made):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            ended(CollectPages(scratch).run(iter(made)))
            ended(LearnSites(scratch, scratch).run())

    def second(made):
        return [document.text for document in CleanPages(profile).run(iter(made))]

    return [Step(documents, first), Step(documents, second)]


def with_spark(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from declutter.integrations import spark
    from declutter.integrations.counts import counts_table

    text, url = pa.array([page.text for page in pages]), pa.array([page.url for page in pages])
    no_site = pa.nulls(len(pages), pa.string())
    counts = counts_table(profile.sites)

    def together():  # what Java does between the two
        table = pa.table({"site": spark._site_names(no_site, url), "text": text})
        return table.sort_by("site").combine_chunks().to_batches(ARROW_ROWS)

    def first(made):
        spark._site_names(no_site, url)
        ended(spark._count_sites(iter(made)))

    def joined():
        sites = spark._site_names(no_site, url)
        rows = pc.index_in(sites, counts.column("site").combine_chunks())
        by_page = counts.take(rows).combine_chunks().to_struct_array().combine_chunks()
        return pa.table({"text": text, "url": url, spark.SITE: sites, spark.COUNTS: by_page}).to_batches(ARROW_ROWS)

    given = {"columns": {"text": "text", "url": "url"}, "into": "text", "verdicts": None, "error": "error"}

    def second(made):
        ended(spark._clean_batches(iter(made), cleaner=Cleaner(profile=Profile()), **given))

    return [Step(together, first), Step(joined, second)]


def with_ray(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    import pyarrow as pa

    from declutter.integrations import ray

    names, table = {"text": "text", "url": "url"}, pa.table(columns(pages))
    blocks = [table.slice(first, ray.BATCH_ROWS) for first in range(0, len(pages), ray.BATCH_ROWS)]

    def first(_):
        ray._count_sites(pa.concat_tables([ray._dealt(block, names, None, 1, False) for block in blocks]))

    clean = ray.Clean(text="text", url="url", profile=profile)
    return [Step(lambda: None, first), Step(lambda: None, lambda _: ended(map(clean, blocks)))]


def with_datasets(pages: list[Page], profile: Profile, folder: Path) -> list[Step]:
    import datasets

    from declutter.integrations.huggingface import Clean

    datasets.disable_progress_bars()
    clean = Clean(text="text", url="url", cleaner=Cleaner(profile=profile))

    def run(dataset):
        return dataset.map(clean, batched=True, cache_file_name=str(folder / f"{time.monotonic_ns()}.arrow"))["text"][:]

    return [Step(lambda: datasets.Dataset.from_dict(columns(pages)), run)]


def with_pandas(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    import pandas as pd

    from declutter.integrations.pandas import clean_column

    def run(frame):
        return clean_column(frame["text"], url=frame["url"], cleaner=Cleaner(profile=profile)).tolist()

    return [Step(lambda: pd.DataFrame(columns(pages)), run)]


def with_polars(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    import polars as pl

    from declutter.integrations.polars import clean_column

    def run(frame):
        return frame.select(clean_column("text", url="url", cleaner=Cleaner(profile=profile)))["text"].to_list()

    return [Step(lambda: pl.DataFrame(columns(pages)), run)]


def with_langchain(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    from langchain_core.documents import Document

    from declutter.integrations.langchain import CleanDocuments

    def run(documents):
        cleaned = CleanDocuments(Cleaner(profile=profile)).transform_documents(documents)
        return [document.page_content for document in cleaned]

    return [Step(lambda: [Document(page.text, metadata={"source": page.url}) for page in pages], run)]


def with_sklearn(pages: list[Page], profile: Profile, _folder: Path) -> list[Step]:
    from declutter.integrations.sklearn import CleanText

    clean = CleanText()
    clean.profile_ = profile
    return [Step(lambda: [page.text for page in pages], lambda texts: clean.transform(texts).tolist())]


def with_scrapy(n_at_once: int, pages: list[Page], profile: Profile, folder: Path) -> list[Step]:
    """Items through the pipeline in an event loop, so many at a time; no crawl, which would cost more."""
    from scrapy.settings import Settings
    from scrapy.statscollectors import StatsCollector

    from declutter.integrations.scrapy import CleanPipeline

    profile.save(folder / "sites.profile")
    crawler = SimpleNamespace(
        settings=Settings({"DECLUTTER_PROFILE": str(folder / "sites.profile")}),
        spider=SimpleNamespace(name="benchmark"), stats=StatsCollector(SimpleNamespace(settings=Settings())),
    )  # fmt: skip
    hook = CleanPipeline.from_crawler(crawler)

    async def process(items):
        slots = asyncio.Semaphore(n_at_once)

        async def one(item):
            async with slots:
                return (await hook.process_item(item))["text"]

        return await asyncio.gather(*map(one, items))

    def run(items):
        return asyncio.run(process(items))

    return [Step(lambda: [{"url": page.url, "text": page.text} for page in pages], run)]


#: Name, package, bare library to compare with, hook.
HOOKS = (
    ("datatrove", "datatrove", bare, with_datatrove),
    ("Spark", "pyspark", bare, with_spark),
    ("Ray Data", "ray", bare, with_ray),
    ("datasets, `Dataset.map`", "datasets", bare, with_datasets),
    ("pandas, `clean_column`", "pandas", bare, with_pandas),
    ("polars, `clean_column`", "polars", bare, with_polars),
    ("LangChain, `CleanDocuments`", "langchain_core", bare, with_langchain),
    ("scikit-learn, `CleanText`", "sklearn", bare_without_urls, with_sklearn),
    ("Scrapy, 1 item at a time", "scrapy", bare_one_by_one, partial(with_scrapy, 1)),
    ("Scrapy, 16 items at a time", "scrapy", bare_one_by_one, partial(with_scrapy, 16)),
)


def timed(step: Step) -> tuple[float, list[str] | None]:
    """Processor seconds and the text kept from each page."""
    made = step.make()
    begin = time.process_time()
    found = step.run(made)
    return time.process_time() - begin, found


def seed_pages(n_pages: int, n_sites: int = scale.N_SITES) -> list[Page]:
    return [Page(row["id"], url=row["url"], text=row["text"]) for row in scale.pages(n_pages, n_sites)]


@click.group()
def command():
    """Measure the hooks beside the bare library, and the service."""


@command.command()
@click.option("--pages", "n_pages", default=20_000, show_default=True)
@click.option("--sites", "n_sites", default=1000, show_default=True)
@click.option("--host", "hosts", multiple=True, metavar="PACKAGE", help="Only the hooks of this package.")
def overhead(n_pages: int, n_sites: int, hosts: tuple[str, ...]):
    """The processor time of each installed hook over the bare library's, by pass."""
    pages = seed_pages(n_pages, n_sites)
    profile = learn(pages)
    chunks = [pages[first : first + CHUNK_PAGES] for first in range(0, n_pages, CHUNK_PAGES)]
    click.echo(f"| hook | pass | bare, s | hook, s | overhead | pages that differ |  <!-- {n_pages} pages -->")
    click.echo("|---|---|---|---|---|---|")
    for name, package, make_bare, make_hook in HOOKS:
        if hosts and package not in hosts:
            continue
        if find_spec(package) is None:
            click.echo(f"| {name} | not installed | | | | |")
            continue
        with tempfile.TemporaryDirectory() as folder:
            seconds, n_unlike = _overhead(chunks, profile, make_bare, make_hook, Path(folder))
        if len(seconds) > 1:
            seconds["both"] = [sum(spent) for spent in zip(*seconds.values(), strict=True)]
        for label, (library, hook) in seconds.items():
            more = f"{hook / library - 1:+.1%}"
            click.echo(f"| {name} | {label} | {library:.1f} | {hook:.1f} | {more} | {n_unlike} |")


def _overhead(
    chunks: list[list[Page]], profile: Profile, make_bare: Callable, make_hook: Callable, folder: Path
) -> tuple[dict[str, list[float]], int]:
    """{pass: seconds of the library and of the hook}, and how many pages the two clean differently."""
    for step in make_hook(chunks[0][:50], profile, folder):  # loads what is loaded once
        timed(step)
    seconds: dict[str, list[float]] = {}
    n_unlike = 0
    for number, chunk in enumerate(chunks):
        chunk = chunk[::ONE_BY_ONE_SHARE] if make_bare is bare_one_by_one else chunk
        hook = make_hook(chunk, profile, folder)
        library = make_bare(chunk, profile, folder)[-len(hook) :]
        for label, pair in zip(("first", "second")[-len(hook) :], zip(library, hook, strict=True), strict=True):
            runs = [timed(step) for step in (pair if number % 2 else pair[::-1])]
            (spent, one), (hook_spent, other) = runs if number % 2 else runs[::-1]
            of_pass = seconds.setdefault(label, [0.0, 0.0])
            of_pass[0] += spent
            of_pass[1] += hook_spent
            if other is not None:
                n_unlike += sum(mine != its for mine, its in zip(one, other, strict=True))
    return seconds, n_unlike


def job_bare(source: Path, out: Path) -> None:
    class Pages:
        """Read twice, as a user of the library would."""

        def __iter__(self) -> Iterator[Page]:
            for row in rows(source):
                yield Page(row["id"], url=row["url"], text=row["text"])

    with open(out / "part.jsonl", "w", encoding="utf-8") as file:
        for cleaned in Cleaner().clean_pages(Pages()):
            file.write(json.dumps({"id": cleaned.page.id, "text": cleaned.text}, ensure_ascii=False) + "\n")


def job_spark(source: Path, out: Path) -> None:
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    from declutter.integrations.spark import clean_dataframe

    builder = SparkSession.builder.master(f"local[{WORKERS}]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.memory", "1g").config("spark.sql.shuffle.partitions", "8").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    df = spark.read.schema("id string, url string, text string").json(str(source))
    # in the order of the files, which is that of the bare library
    df = df.withColumn("number", F.regexp_extract("id", r"\d+", 0).cast("long"))
    clean_dataframe(df, text="text", url="url", id="number").select("id", "text").write.mode("overwrite").json(str(out))
    spark.stop()


def job_datatrove(source: Path, out: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from declutter.integrations.datatrove import CleanPages, CollectPages, LearnSites

    scratch = tempfile.TemporaryDirectory(dir=out.parent)
    folder = Path(scratch.name)
    reader, n_tasks = JsonlReader(str(source)), max(WORKERS, len(list(source.iterdir())))
    pipelines = [
        ([reader, CollectPages(str(folder / "pages"), n_buckets=WORKERS)], n_tasks),
        ([LearnSites(str(folder / "pages"), str(folder / "profiles"))], WORKERS),
        ([reader, CleanPages(str(folder / "profiles")), JsonlWriter(str(out), compression=None)], n_tasks),
    ]
    for number, (steps, tasks) in enumerate(pipelines):
        logs = str(folder / f"logs-{number}")
        LocalPipelineExecutor(steps, tasks=tasks, workers=WORKERS, logging_dir=logs).run()
    scratch.cleanup()


def job_ray(source: Path, out: Path) -> None:
    import pyarrow.compute as pc
    import ray

    from declutter.integrations.ray import clean_dataset

    # two slots more than actors, which keep theirs: reading and writing would wait for ever
    ray.init(num_cpus=WORKERS + 2, include_dashboard=False, object_store_memory=1 << 29, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    dataset = ray.data.read_json(str(source), override_num_blocks=max(WORKERS, len(list(source.iterdir()))))

    def numbered(table):
        """In the order of the files, which is that of the bare library."""
        return table.append_column("number", pc.cast(pc.replace_substring(table["id"], "page-", ""), "int64"))

    compute = ray.data.ActorPoolStrategy(size=WORKERS)
    dataset = dataset.map_batches(numbered, batch_format="pyarrow")
    cleaned = clean_dataset(dataset, text="text", url="url", id="number", compute=compute)
    cleaned.select_columns(["id", "text"]).write_json(str(out))
    ray.shutdown()


JOBS = {"bare": job_bare, "spark": job_spark, "datatrove": job_datatrove, "ray": job_ray}


def rows(folder: Path) -> Iterator[dict]:
    """The objects in the folder's files of JSON lines."""
    for path in sorted(path for path in folder.rglob("*.json*") if not path.name.startswith(".")):
        with open(path, encoding="utf-8") as file:
            yield from map(json.loads, file)


def digest_of(out: Path) -> str:
    """A digest of what was kept; a page of which nothing was kept counts the same whether or not it was written."""
    digest = hashlib.sha256()
    for row in sorted(rows(out), key=lambda row: row["id"]):
        if row.get("text"):
            digest.update(f"{row['id']}\0{row['text']}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]


@command.command(hidden=True)
@click.argument("host", type=click.Choice(list(JOBS)))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(exists=True, path_type=Path))
def job(host: str, source: Path, out: Path):
    """Run one job in this process."""
    JOBS[host](source, out)


@command.command()
@click.option("--pages", "sizes", type=int, multiple=True, default=[20_000], show_default=True)
@click.option("--sites", "n_sites", default=1000, show_default=True)
@click.option("--rounds", default=1, show_default=True)
@click.option("--host", "hosts", multiple=True, required=True, metavar="NAME[=PYTHON]")
def jobs(sizes: tuple[int, ...], n_sites: int, rounds: int, hosts: tuple[str, ...]):
    """Run whole jobs by turns, each in a process of its host's interpreter, and print a row a job."""
    click.echo("pages\thost\tround\tcpu_s\tcpu_ms_a_page\twall_s\tpeak_mb\tof_java\tkept")
    for n_pages in sizes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in"
            scale.write(source, n_pages, n_sites)
            for number in range(rounds):
                for host in hosts:
                    name, _, python = host.partition("=")
                    with tempfile.TemporaryDirectory() as out:
                        command = [python or sys.executable, "-m", "benchmarks", "hooks", "job", name, str(source), out]
                        cost = cost_of(command, environment(), LOOK_SECONDS)
                        digest = digest_of(Path(out))
                    click.echo(
                        f"{n_pages}\t{name}\t{number}\t{cost.processor:.1f}\t{1000 * cost.processor / n_pages:.3f}"
                        f"\t{cost.wall:.0f}\t{cost.peak_mb:.0f}\t{cost.java_mb:.0f}\t{digest}"
                    )


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
    pages = seed_pages(400)
    with tempfile.TemporaryDirectory() as folder:
        profile, bodies, batches = Path(folder, "p.profile"), Path(folder, "pages"), Path(folder, "batches")
        learn(pages).save(profile)
        records = [{"url": page.url, "text": page.text} for page in pages]
        bodies.write_text("".join(json.dumps(record) + "\n" for record in records))
        parts = [records[first : first + 100] for first in range(0, 400, 100)]
        batches.write_text("".join(json.dumps({"pages": part}) + "\n" for part in parts))
        size = sum(len(page.text.encode()) for page in pages) / len(pages)
        for name, make in (("in batches", bare), ("one by one", bare_one_by_one)):
            taken, _ = timed(make(pages, Profile.load(profile), Path(folder))[-1])
            click.echo(
                f"The library in one process, {name}: {len(pages) / taken:.0f} pages a second of processor time."
            )
        click.echo(f"{size:.0f} bytes a page, {n_workers} workers")
        click.echo("| connections | body | pages/s | p50 | p99 | wrong |\n|---|---|---|---|---|---|")
        with service(profile, n_workers) as port:
            load(port, "/clean", bodies, 8, 2)  # loads what is loaded once
            for connections in CONNECTIONS:
                rate, half, most, wrong = load(port, "/clean", bodies, connections, seconds)
                click.echo(f"| {connections} | 1 page | {rate:.0f} | {half} | {most} | {wrong} |")
            rate, half, most, wrong = load(port, "/clean/pages", batches, 2 * n_workers, seconds)
            click.echo(f"| {2 * n_workers} | 100 pages | {100 * rate:.0f} | {half} | {most} | {wrong} |")
