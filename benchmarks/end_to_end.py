"""Files to files: `python -m benchmarks end_to_end GOLD [--peers VENV/bin/python] [--every 4] [--rounds 3]`.

The pages of a gold set are written as the files that people have: their dumps as JSON lines, their HTML as WARC
(each record compressed for itself, as crawlers do, and plain). `declutter clean` with the model and one process is
timed on each, beside datatrove's C4 line filter on the same JSON lines and its trafilatura extractor on the same WARC
(in the environment of --peers, with JSON lines out), and beside declutter in one process on the decoded HTML in memory.
Times are of the processor, of a whole process with its children (the start too), but for the run in memory; every round
goes through all runs in another order. Rates are megabytes of dumps, or of HTML, a second.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from benchmarks.datasets import dump_of, open_dataset
from benchmarks.options import CACHE
from benchmarks.results import about_this_run, rounded, write_result
from declutter.cleaner import Cleaner
from declutter.files.inputs import inputs
from declutter.pages import Page

REPOSITORY = Path(__file__).parent.parent
IN_MEMORY = "declutter, HTML in memory"

C4 = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import C4QualityFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

source, name, out = sys.argv[1:]
steps = [  # whole pages are not dropped: counting their sentences takes a download
    JsonlReader(source, glob_pattern=name),
    C4QualityFilter(min_num_sentences=-1, filter_lorem_ipsum=False, filter_curly_bracket=False),
    JsonlWriter(out, compression=None),
]
LocalPipelineExecutor(steps, logging_dir=out + "/logs").run()
"""
TRAFILATURA = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import JsonlWriter

source, name, out = sys.argv[1:]
steps = [WarcReader(source, glob_pattern=name), Trafilatura(timeout=60), JsonlWriter(out, compression=None)]
LocalPipelineExecutor(steps, logging_dir=out + "/logs").run()
"""


def write_files(dataset, folder: Path, cache: Path | None) -> dict[str, float]:
    """The files of a run; returns the megabytes of dumps and of HTML that they hold."""
    megabytes = {"text": 0.0, "html": 0.0}
    with (
        (folder / "dumps.jsonl").open("wb") as lines,
        (folder / "pages.warc").open("wb") as plain,
        (folder / "pages.warc.gz").open("wb") as packed,
    ):
        for number, page in enumerate(dataset.pages):
            dump, html = dump_of(page, cache), page.html.encode("utf-8", "replace")
            url = page.url or f"https://{page.site}/{number}"
            line = json.dumps({"id": page.id, "url": url, "text": dump}, ensure_ascii=False)
            lines.write(line.encode("utf-8", "replace") + b"\n")
            record = warc_record(number, url, html)
            plain.write(record)
            packed.write(gzip.compress(record, 6))
            megabytes["text"] += len(dump.encode("utf-8", "replace")) / 1e6
            megabytes["html"] += len(html) / 1e6
    return megabytes


def warc_record(number: int, url: str, html: bytes) -> bytes:
    """A response, with the headers that Common Crawl gives one."""
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\nWARC-Identified-Payload-Type: text/html\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def of_process(command: list[str]) -> float:
    """Processor seconds of a command and what it starts. Raises ClickException where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{command[:4]} failed: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def of_declutter(source: Path, engine: str) -> float:
    """`declutter clean` of a file in one process."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        command = [sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--workers", "1", "--engine", engine]
        return of_process([*command, str(source), f"{out}/out"])


def of_datatrove(python: str, script: str, source: Path) -> float:
    """A pipeline of datatrove with one task."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        return of_process([python, "-c", script, str(source.parent), source.name, out])


def in_memory(pages: list[Page]) -> float:
    """The same pages in this process, both passes."""
    begin = time.process_time()
    for _ in Cleaner(engine="model").clean_pages(pages):
        pass
    return time.process_time() - begin


def decoded(source: Path) -> list[Page]:
    """The pages of a WARC file with decoded HTML."""
    (found,) = inputs([source])
    return [record.page for record in found.records()]


def runs_of(folder: Path, peers: str | None) -> dict[str, tuple[str, Callable[[], float]]]:
    """{name: (what its megabytes are of, what gives its seconds)}"""
    dumps, plain, packed = folder / "dumps.jsonl", folder / "pages.warc", folder / "pages.warc.gz"
    runs = {
        "declutter, JSON lines": ("text", partial(of_declutter, dumps, "model")),
        "declutter rules, JSON lines": ("text", partial(of_declutter, dumps, "rules")),
        "declutter, WARC": ("html", partial(of_declutter, plain, "model")),
        "declutter, WARC gzip": ("html", partial(of_declutter, packed, "model")),
        IN_MEMORY: ("html", partial(in_memory, decoded(plain))),
    }
    if peers:
        runs["datatrove C4 line filter, JSON lines"] = "text", partial(of_datatrove, peers, C4, dumps)
        runs["datatrove trafilatura, WARC gzip"] = "html", partial(of_datatrove, peers, TRAFILATURA, packed)
    return runs


def measure(runs: dict[str, tuple[str, Callable[[], float]]], megabytes: dict[str, float], n_rounds: int) -> list[dict]:
    """Rates of all runs: the median of the rounds, their range, and the ratio to the run in memory, round by round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    chance = random.Random(0)
    for _ in range(n_rounds):
        order = list(runs)
        chance.shuffle(order)
        for name in order:
            seconds[name].append(runs[name][1]())
    rows = []
    for name, (source, _) in runs.items():
        rates = [megabytes[source] / spent for spent in seconds[name]]
        row = {"run": name, "source": source, "mb_a_second": statistics.median(rates), "least": min(rates),
               "greatest": max(rates)}  # fmt: skip
        if source == "html":
            shares = [mine / its for mine, its in zip(seconds[IN_MEMORY], seconds[name], strict=True)]
            row["share_of_in_memory"] = statistics.median(shares)
        rows.append(row)
    return rows


def table(rows: list[dict]) -> str:
    """The rows as Markdown."""
    lines = ["| run | MB of | MB/s a core | range | of the rate in memory |", "|---|---|---:|---:|---:|"]
    for row in rows:
        share = f"{row['share_of_in_memory']:.2f}" if "share_of_in_memory" in row else ""
        span = f"{row['least']:.1f} to {row['greatest']:.1f}"
        lines.append(f"| {row['run']} | {row['source']} | {row['mb_a_second']:.1f} | {span} | {share} |")
    return "\n".join(lines)


@click.command()
@click.argument("gold", type=click.Path(exists=True, file_okay=False))
@click.option("--every", default=4, show_default=True, help="Pages of 1 in so many families of sites.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--peers", help="Python of an environment with datatrove and trafilatura.")
@CACHE
@click.option("--store", is_flag=True, help="Keep the figures in benchmarks/results/end_to_end.json.")
def command(gold: str, every: int, rounds: int, peers: str | None, cache: Path | None, store: bool) -> None:
    """Measure cleaning from files to files, beside datatrove."""
    dataset = open_dataset(gold, every)
    with tempfile.TemporaryDirectory() as name:
        megabytes = write_files(dataset, Path(name), cache)
        rows = measure(runs_of(Path(name), peers), megabytes, rounds)
    print(table(rows))
    if store:
        about = {"set": dataset.name, "every": every, "pages": len(dataset.pages), "megabytes": megabytes}
        write_result("end_to_end", rounded({**about_this_run(), "files": about, "rounds": rounds, "runs": rows}))


if __name__ == "__main__":
    command()
