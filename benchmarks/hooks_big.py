"""What the hooks for clusters cost over the bare library, on one machine.

    VENV/bin/python -m benchmarks.hooks_big overhead --pages 20000              # the host that is installed there
    python -m benchmarks.hooks_big measure --pages 20000 --rounds 2 --host bare --host datatrove=VENV/bin/python
    python -m benchmarks.hooks_big measure --pages 10000 --pages 30000 --host bare --host spark=VENV/bin/python

Overhead: chunks of 5,000 pages go by turns through the bare library and through what the hook runs in a worker of its
host, in one process; the processor time of each is added up. The host's objects (documents, Arrow batches) are made
before. What the host itself does (Java, shuffles, starting workers) is in the jobs.

Jobs: pages are read from JSON lines, their sites learned, the pages cleaned and written as JSON lines: in one process
with the bare library, or with two workers of a host. The jobs go by turns. Counted is the processor time of the job's
whole tree of processes (Java, daemons and workers with it), read from /proc twice a second, so that other work on the
machine counts little; its wall time; and the most memory that its processes held together. The pages of both are those
of benchmarks/corpus.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks import corpus

TICKS = os.sysconf("SC_CLK_TCK")
POLL_SECONDS = 0.5
WORKERS = 2
CHUNK_PAGES = 5000
ARROW_ROWS = 10_000  # a batch of Spark's, unless it is told otherwise

#: What makes the host's objects of the pages, and what a worker does with them.
Step = tuple[Callable[[], Any], Callable[[Any], Any]]


def held_bytes(pid: int) -> int:
    """The proportional set size: what several processes share is divided among them. 0 for one that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


class Cost(NamedTuple):
    """What a job took, with all its processes."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float  # of all processes together; memory that some share counts once
    peak_java_mb: float  # of those that run Java, at their own highest
    digest: str  # of what was kept of each page, in the order of their ids


def bare(source: Path, out: Path) -> None:
    from declutter import Cleaner, Page

    class Pages:
        """Read twice, as a user of the library would."""

        def __iter__(self) -> Iterator[Page]:
            for row in rows(source):
                yield Page(row["id"], url=row["url"], text=row["text"])

    with open(out / "part.jsonl", "w", encoding="utf-8") as file:
        for cleaned in Cleaner().clean_pages(Pages()):
            file.write(json.dumps({"id": cleaned.page.id, "text": cleaned.text}, ensure_ascii=False) + "\n")


def with_spark(source: Path, out: Path) -> None:
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


def with_datatrove(source: Path, out: Path) -> None:
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


def with_ray(source: Path, out: Path) -> None:
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


JOBS = {"bare": bare, "spark": with_spark, "datatrove": with_datatrove, "ray": with_ray}


def rows(folder: Path) -> Iterator[dict]:
    """The objects in the folder's files of JSON lines."""
    for path in sorted(path for path in folder.rglob("*.json*") if not path.name.startswith(".")):
        with open(path, encoding="utf-8") as file:
            yield from map(json.loads, file)


def digest_of(out: Path) -> str:
    """Of all that was kept; a page of which nothing was kept counts the same whether or not it was written."""
    digest = hashlib.sha256()
    for row in sorted(rows(out), key=lambda row: row["id"]):
        if row.get("text"):
            digest.update(f"{row['id']}\0{row['text']}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:12]


class _Tree:
    """The processes of a job: the first one and all that came of it, those included whose parents have gone."""

    def __init__(self, root: int):
        self._members = {root}
        self._ticks: dict[tuple[int, str], int] = {}  # by process number and start
        self.peak_bytes = self.peak_java_bytes = 0

    def look(self) -> None:
        stats, names = {}, {}
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    start, _, rest = (path / "stat").read_text().rpartition(")")
                except (FileNotFoundError, ProcessLookupError):
                    continue  # it ended between the two looks
                stats[int(path.name)], names[int(path.name)] = rest.split(), start.partition("(")[2]
        self._members &= stats.keys()
        while new := {pid for pid, fields in stats.items() if int(fields[1]) in self._members} - self._members:
            self._members |= new
        n_bytes = n_java_bytes = 0
        for pid in self._members:
            fields = stats[pid]
            self._ticks[pid, fields[19]] = int(fields[11]) + int(fields[12])
            held = held_bytes(pid)
            n_bytes += held
            n_java_bytes += held if names[pid] == "java" else 0
        self.peak_bytes = max(self.peak_bytes, n_bytes)
        self.peak_java_bytes = max(self.peak_java_bytes, n_java_bytes)

    @property
    def cpu_seconds(self) -> float:
        return sum(self._ticks.values()) / TICKS


def cost_of(host: str, python: str, source: Path, scratch: Path) -> Cost:
    """Run a job in a process of its own. Raises CalledProcessError where it fails."""
    out = scratch / "out"
    out.mkdir()
    command = [python, "-m", "benchmarks.hooks_big", "job", host, str(source), str(out)]
    begin = time.perf_counter()
    with open(scratch / "log", "w+b") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(__file__).parent.parent)
        tree = _Tree(process.pid)
        while process.poll() is None:
            tree.look()
            time.sleep(POLL_SECONDS)
        if process.returncode:
            log.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, log.read()[-5000:].decode())
    wall = time.perf_counter() - begin
    return Cost(tree.cpu_seconds, wall, tree.peak_bytes / 1e6, tree.peak_java_bytes / 1e6, digest_of(out))


def datatrove_steps(pages: list, profile) -> tuple[Step, Step]:
    from datatrove.data import Document

    from declutter.integrations.datatrove import CleanPages, CollectPages, LearnSites

    def documents():
        return [Document(page.text, page.id, metadata={"url": page.url}) for page in pages]

    def first(made):
        with tempfile.TemporaryDirectory() as folder:
            deque(CollectPages(folder).run(iter(made)), 0)
            deque(LearnSites(folder, folder).run(), 0)

    return (documents, first), (documents, lambda made: deque(CleanPages(profile).run(iter(made)), 0))


def spark_steps(pages: list, profile) -> tuple[Step, Step]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from declutter import Cleaner, Profile
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
        deque(spark._count_sites(iter(made)), 0)

    def joined():
        sites = spark._site_names(no_site, url)
        rows = pc.index_in(sites, counts.column("site").combine_chunks())
        by_page = counts.take(rows).combine_chunks().to_struct_array().combine_chunks()
        return pa.table({"text": text, "url": url, spark.SITE: sites, spark.COUNTS: by_page}).to_batches(ARROW_ROWS)

    options = {"columns": {"text": "text", "url": "url"}, "into": "text", "verdicts": None, "error": "error"}

    def second(made):
        deque(spark._clean_batches(iter(made), cleaner=Cleaner(profile=Profile()), **options), 0)

    return (together, first), (joined, second)


def ray_steps(pages: list, profile) -> tuple[Step, Step]:
    import pyarrow as pa

    from declutter.integrations import ray

    columns = {"text": "text", "url": "url"}
    table = pa.table({"text": [page.text for page in pages], "url": [page.url for page in pages]})
    blocks = [table.slice(first, ray.BATCH_ROWS) for first in range(0, len(pages), ray.BATCH_ROWS)]

    def first(_made):
        ray._count_sites(pa.concat_tables([ray._dealt(block, columns, None, 1, False) for block in blocks]))

    clean = ray.Clean(text="text", url="url", profile=profile)
    return (lambda: None, first), (lambda: None, lambda _made: [clean(block) for block in blocks])


def bare_steps(pages: list, profile) -> tuple[Step, Step]:
    from declutter import Cleaner, learn

    return (lambda: None, lambda _made: learn(pages)), (
        lambda: None,
        lambda _made: deque(Cleaner(profile=profile).clean_pages(pages), 0),
    )


STEPS = {"datatrove": datatrove_steps, "pyspark": spark_steps, "ray": ray_steps}  # by package


def cpu_seconds(step: Step) -> float:
    make, run = step
    made = make()
    begin = time.process_time()
    run(made)
    return time.process_time() - begin


@click.group()
def command():
    """Measure the hooks for datatrove, Spark and Ray Data."""


@command.command()
@click.argument("host", type=click.Choice(list(JOBS)))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(exists=True, path_type=Path))
def job(host: str, source: Path, out: Path):
    """Run one job in this process."""
    JOBS[host](source, out)


@command.command()
@click.option("--pages", "n_pages", default=20_000, show_default=True)
@click.option("--sites", "n_sites", default=1000, show_default=True)
def overhead(n_pages: int, n_sites: int):
    """The processor time of each installed hook over the bare library's, by pass."""
    from declutter import Page, learn

    pages = [Page(row["id"], url=row["url"], text=row["text"]) for row in corpus.pages(n_pages, n_sites)]
    profile = learn(pages)
    bare_steps(pages[:256], profile)[1][1](None)  # loads the model
    click.echo("host\tpass\tbare_ms_a_page\thook_ms_a_page\toverhead")
    for host, steps_of in STEPS.items():
        if find_spec(host) is None:
            continue
        seconds = np.zeros((2, 2))  # bare library and hook, first and second pass
        for first in range(0, n_pages, CHUNK_PAGES):
            chunk = pages[first : first + CHUNK_PAGES]
            for who, make in enumerate((bare_steps, steps_of)):
                seconds[who] += [cpu_seconds(step) for step in make(chunk, profile)]
        for name, (library, hook) in zip(("first", "second", "both"), [*seconds.T, seconds.sum(axis=1)], strict=True):
            times = f"{1000 * library / n_pages:.3f}\t{1000 * hook / n_pages:.3f}"
            click.echo(f"{host}\t{name}\t{times}\t{100 * (hook / library - 1):+.1f}%")


@command.command()
@click.option("--pages", "sizes", type=int, multiple=True, default=[20_000], show_default=True)
@click.option("--sites", "n_sites", default=1000, show_default=True)
@click.option("--rounds", default=1, show_default=True)
@click.option("--host", "hosts", multiple=True, required=True, metavar="NAME[=PYTHON]")
def measure(sizes: tuple[int, ...], n_sites: int, rounds: int, hosts: tuple[str, ...]):
    """Run the jobs by turns, and print a row a job."""
    click.echo("pages\thost\tround\tcpu_s\tcpu_ms_a_page\twall_s\tpeak_mb\tof_java\tkept")
    for n_pages in sizes:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in"
            corpus.write(source, n_pages, n_sites)
            for number in range(rounds):
                for host in hosts:
                    name, _, python = host.partition("=")
                    with tempfile.TemporaryDirectory() as scratch:
                        cost = cost_of(name, python or sys.executable, source, Path(scratch))
                    click.echo(
                        f"{n_pages}\t{name}\t{number}\t{cost.cpu_seconds:.1f}\t{1000 * cost.cpu_seconds / n_pages:.3f}"
                        f"\t{cost.wall_seconds:.0f}\t{cost.peak_mb:.0f}\t{cost.peak_java_mb:.0f}\t{cost.digest}"
                    )


if __name__ == "__main__":
    command()
