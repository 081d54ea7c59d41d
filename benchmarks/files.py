"""Files to files: what reading and writing each format costs, and cleaning whole files, beside datatrove.

`formats` reads and writes the seeds, over and over, in every format. `end_to_end` writes the pages of a gold set as the
files that people have: dumps as JSON lines, HTML as WARC, plain and with each record compressed for itself, as
crawlers do. It times `declutter clean` on each with the model and one process, beside datatrove's C4 line filter on the
same JSON lines, its trafilatura extractor on the same WARC, and declutter on the decoded HTML in memory. Times are
processor times; every round goes through all runs, so that other work on the machine slows them alike.
"""

from __future__ import annotations

import gzip
import html
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import cycle
from pathlib import Path

import click

from benchmarks import options
from benchmarks.answers import REPOSITORY, environment
from benchmarks.cost import cost_of
from benchmarks.datasets import DUMP, HTML, Dataset, open_dataset
from benchmarks.results import about_this_run, rounded, write_result
from declutter.cleaner import Cleaner
from declutter.files.compression import packing
from declutter.files.inputs import Inputs
from declutter.files.outputs import output_for
from declutter.files.records import Failure, Options, Output, Record
from declutter.pages import Page

SEEDS = REPOSITORY / "seeds"
KINDS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}
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


def write_jsonl(path: Path, pages: Iterable[tuple[str, str]], *, is_escaped: bool = False) -> int:
    """Pages (URL, text) as JSON lines; returns the size in bytes."""
    rows = [{"id": number, "url": url, "text": text, "n": 1.5} for number, (url, text) in enumerate(pages)]
    lines = "".join(json.dumps(row, ensure_ascii=is_escaped) + "\n" for row in rows)
    return path.write_bytes(lines.encode("utf-8", "replace"))


def write_warc(path: Path, pages: Iterable[tuple[str, str]], kind: str) -> None:
    """Pages (URL, HTML or text) as records of a WARC file, each compressed for itself where the file is."""
    with path.open("wb") as file:
        for number, (url, content) in enumerate(pages):
            record = warc_record(number, url, content.encode("utf-8", "replace"), kind)
            file.write(gzip.compress(record, 6) if path.suffix == ".gz" else record)


def warc_record(number: int, url: str, content: bytes, kind: str) -> bytes:
    """A "response" with HTML or a "conversion" with text, with the headers that Common Crawl gives one."""
    mime = "text/plain"
    if kind == "response":
        mime = "application/http; msgtype=response"
        content = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + content
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\nWARC-Identified-Payload-Type: text/html\r\n"
        f"Content-Type: {mime}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content + b"\r\n\r\n"


@click.group()
def command():
    """Read, write and clean files of all formats."""


def seed_pages(n_bytes: int) -> list[tuple[str, str]]:
    """URLs and texts, until so many bytes are reached."""
    texts = [path.read_text("utf-8") for path in sorted(SEEDS.glob("*/*.txt"))]
    found, n_done = [], 0
    for number, text in enumerate(cycle(texts)):
        n_done += len(text.encode())
        if n_done > n_bytes:
            return found
        found.append((f"https://site-{number % 50}.example/{number}", text))


def write_formats(folder: Path, pages: list[tuple[str, str]]) -> None:
    """The pages in every format: documents, JSON lines, tables, WARC, archives."""
    import pyarrow
    import pyarrow.ipc
    import pyarrow.parquet

    (folder / "folder").mkdir()
    for number, (_, text) in enumerate(pages):
        (folder / "folder" / f"{number}.txt").write_text(text, "utf-8")
    write_jsonl(folder / "plain.jsonl", pages)
    write_jsonl(folder / "escaped.jsonl", pages, is_escaped=True)
    for suffix, kind in KINDS.items():
        with (folder / f"packed.jsonl{suffix}").open("wb") as file, packing(file, kind) as packer:
            packer.write((folder / "plain.jsonl").read_bytes())
    urls, texts = zip(*pages, strict=True)
    table = pyarrow.table({"id": range(len(pages)), "url": urls, "text": texts})
    pyarrow.parquet.write_table(table, folder / "table.parquet", row_group_size=10_000)
    with pyarrow.ipc.new_file(str(folder / "table.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)
    htmls = [(url, f"<!doctype html><body>{_divs(text)}</body>") for url, text in pages]
    for ending in ("", ".gz"):
        write_warc(folder / f"text.wet{ending}", pages, "conversion")
        write_warc(folder / f"html.warc{ending}", htmls, "response")
    for name in ("pages.zip", "pages.tar", "pages.tar.gz"):
        (folder / name).touch()  # an empty file is an archive without members
        (archive,) = Inputs([folder / name], Options())
        output = output_for(archive, folder / name)
        for number, (_, text) in enumerate(pages):
            output.write(Record(Page(f"{name}/{number}.txt", text=text)), text)
        output.close()


def _divs(text: str) -> str:
    return "\n".join(f'<div class="line"><p>{html.escape(line)}</p></div>' for line in text.split("\n"))


def seconds_of(name: Path, out: Path | None) -> tuple[float, int]:
    """The time to read a file or folder, and to write it to `out` where given; and the bytes of its pages."""
    start, n_bytes = time.process_time(), 0
    for found in Inputs([name], Options()):
        output: Output | None = None
        for record in found.records():
            if isinstance(record, Failure):
                raise ValueError(record.reason)
            n_bytes += record.n_bytes
            if out is not None:
                output = output or output_for(found, out)
                output.write(record, record.page.text if record.page.html is None else record.page.html)
        if output is not None:
            output.close()
    return time.process_time() - start, n_bytes


def seconds_of_json(path: Path, out: Path | None) -> tuple[float, int]:
    """The same for the standard library's JSON, which parses and writes all of each line."""
    start, n_bytes = time.process_time(), 0
    with path.open("rb") as lines:
        for line in lines:
            n_bytes += len(line)
            fields = json.loads(line)
            if out is not None:
                json.dumps(fields, ensure_ascii=False).encode()
    return time.process_time() - start, n_bytes


@command.command()
@click.option("--mb", default=50.0, show_default=True, help="Megabytes of text in each file.")
@click.option("--repeats", default=3, show_default=True)
def formats(mb: float, repeats: int):
    """Print how fast each format is read, and read and written ("both"): megabytes of pages a second, medians.

    The last row is json.loads and json.dumps on the lines of plain.jsonl, to compare with.
    """
    pages = seed_pages(int(mb * 1e6))
    rates: dict[str, tuple[list[float], list[float]]] = {}
    with tempfile.TemporaryDirectory() as name, tempfile.NamedTemporaryFile() as out:
        folder = Path(name)
        write_formats(folder, pages)
        runs = {path.name: partial(seconds_of, path) for path in sorted(folder.iterdir())}
        runs["(json.loads, dumps)"] = partial(seconds_of_json, folder / "plain.jsonl")
        for _ in range(repeats):
            for name, run in runs.items():
                for written, of_job in zip((None, Path(out.name)), rates.setdefault(name, ([], [])), strict=True):
                    taken, n_bytes = run(written)
                    of_job.append(n_bytes / taken / 1e6)
    click.echo(f"{len(pages)} pages, MB/s\n\n| format | read | both |\n|---|---:|---:|")
    for name, (read, both) in rates.items():
        click.echo(f"| {name} | {statistics.median(read):.0f} | {statistics.median(both):.0f} |")


def write_files(dataset: Dataset, folder: Path, cache: Path | None) -> dict[str, float]:
    """The files of a run; returns the megabytes of dumps and of HTML that they hold."""
    urls = [page.url or f"https://{page.site}/{number}" for number, page in enumerate(dataset.pages)]
    pages = {source: list(zip(urls, dataset.contents(source, cache), strict=True)) for source in (DUMP, HTML)}
    write_jsonl(folder / "dumps.jsonl", pages[DUMP])
    for name in ("pages.warc", "pages.warc.gz"):
        write_warc(folder / name, pages[HTML], "response")
    return {
        source: sum(len(content.encode("utf-8", "replace")) for _, content in of) / 1e6 for source, of in pages.items()
    }


def of_declutter(source: Path, engine: str) -> float:
    """`declutter clean` of a file in one process."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        command = [sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--workers", "1", "--engine", engine]
        return cost_of([*command, str(source), f"{out}/out"], environment()).processor


def of_datatrove(python: str, script: str, source: Path) -> float:
    """A pipeline of datatrove with one task."""
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        return cost_of([python, "-c", script, str(source.parent), source.name, out], environment()).processor


def in_memory(pages: list[Page]) -> float:
    """The same pages in this process, both passes."""
    begin = time.process_time()
    for _ in Cleaner(engine="model").clean_pages(pages):
        pass
    return time.process_time() - begin


def decoded(source: Path) -> list[Page]:
    """The pages of a WARC file with decoded HTML."""
    (found,) = Inputs([source], Options())
    return [record.page for record in found.records()]


def runs_of(folder: Path, peers: str | None) -> dict[str, tuple[str, Callable[[], float]]]:
    """{name: (what its megabytes are of, what gives its seconds)}"""
    dumps, plain, packed = folder / "dumps.jsonl", folder / "pages.warc", folder / "pages.warc.gz"
    runs = {
        "declutter, JSON lines": (DUMP, partial(of_declutter, dumps, "model")),
        "declutter rules, JSON lines": (DUMP, partial(of_declutter, dumps, "rules")),
        "declutter, WARC": (HTML, partial(of_declutter, plain, "model")),
        "declutter, WARC gzip": (HTML, partial(of_declutter, packed, "model")),
        IN_MEMORY: (HTML, partial(in_memory, decoded(plain))),
    }
    if peers:
        runs["datatrove C4 line filter, JSON lines"] = DUMP, partial(of_datatrove, peers, C4, dumps)
        runs["datatrove trafilatura, WARC gzip"] = HTML, partial(of_datatrove, peers, TRAFILATURA, packed)
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
        if source == HTML:
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


@command.command()
@click.argument("gold", type=options.FOLDER)
@click.option("--every", default=4, show_default=True, help="Pages of 1 in so many families of sites.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--peers", help="Python of an environment with datatrove and trafilatura.")
@options.CACHE
@click.option("--store", is_flag=True, help="Keep the figures in benchmarks/results/end_to_end.json.")
def end_to_end(gold: Path, every: int, rounds: int, peers: str | None, cache: Path | None, store: bool):
    """Measure cleaning from files to files, beside datatrove."""
    dataset = open_dataset(gold, every)
    with tempfile.TemporaryDirectory() as name:
        megabytes = write_files(dataset, Path(name), cache)
        rows = measure(runs_of(Path(name), peers), megabytes, rounds)
    click.echo(table(rows))
    if store:
        about = {"set": dataset.name, "every": every, "pages": len(dataset.pages), "megabytes": megabytes}
        write_result("end_to_end", rounded({**about_this_run(), "files": about, "rounds": rounds, "runs": rows}))
