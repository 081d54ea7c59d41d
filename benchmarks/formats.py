"""How fast each format is read and written: `python -m benchmarks.formats [--mb 50] [--repeats 3]`.

The pages are those of seeds/, over and over, with URLs; in WARC they are HTML. "read" makes Records of a file, "both"
reads it and writes what was read in the file's own format, as the runner does but for the cleaning. Rates are megabytes
of the pages as they were read (text, or HTML) a second of processor time, the median of the repeats. Each repeat goes
through all formats in turn, so that other work on the machine slows them alike. The last row is json.loads and
json.dumps on the lines of plain.jsonl, to compare with.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import statistics
import tempfile
import time
from collections import defaultdict
from itertools import cycle
from pathlib import Path

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from declutter.files.compression import packing
from declutter.files.inputs import Inputs
from declutter.files.outputs import output_for
from declutter.files.records import Failure, Options, Output, Record
from declutter.pages import Page

SEEDS = Path(__file__).parent.parent / "seeds"
KINDS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}


def seed_pages(n_bytes: int) -> list[tuple[str, str]]:
    """URLs and texts, until so many bytes are reached."""
    texts = [path.read_text("utf-8") for path in sorted(SEEDS.glob("*/*.txt"))]
    found, n_done = [], 0
    for number, text in enumerate(cycle(texts)):
        n_done += len(text.encode())
        if n_done > n_bytes:
            return found
        found.append((f"https://site-{number % 50}.example/{number}", text))


def write_jsonl(folder: Path, pages: list[tuple[str, str]]) -> None:
    """JSON lines, plain, with escapes only, and compressed."""
    lines = [{"id": number, "url": url, "text": text, "n": 1.5} for number, (url, text) in enumerate(pages)]
    plain = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    (folder / "plain.jsonl").write_bytes(plain)
    (folder / "escaped.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for suffix, kind in KINDS.items():
        with (folder / f"packed.jsonl{suffix}").open("wb") as file, packing(file, kind) as packer:
            packer.write(plain)


def write_tables(folder: Path, pages: list[tuple[str, str]]) -> None:
    """Parquet in row groups of 10,000, and Arrow."""
    urls, texts = zip(*pages, strict=True)
    table = pyarrow.table({"id": range(len(pages)), "url": urls, "text": texts})
    pyarrow.parquet.write_table(table, folder / "table.parquet", row_group_size=10_000)
    with pyarrow.ipc.new_file(str(folder / "table.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)


def write_warcs(folder: Path, pages: list[tuple[str, str]]) -> None:
    """WET with the text, WARC with a page of HTML for each, each record compressed for itself where the file is."""
    for name, kind in {"text.wet": "conversion", "html.warc": "response"}.items():
        with (folder / name).open("wb") as plain, (folder / f"{name}.gz").open("wb") as packed:
            for url, text in pages:
                record = warc_record(kind, url, text)
                plain.write(record)
                packed.write(gzip.compress(record, 6))


def warc_record(kind: str, url: str, text: str) -> bytes:
    """One record."""
    body, mime = text, "text/plain"
    if kind == "response":
        lines = "\n".join(f'<div class="line"><p>{html.escape(line)}</p></div>' for line in text.split("\n"))
        body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<!doctype html><body>{lines}</body>"
        mime = "application/http; msgtype=response"
    content = body.encode()
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Type: {mime}\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content + b"\r\n\r\n"


def write_archives(folder: Path, pages: list[tuple[str, str]]) -> None:
    """zip and tar, by the outputs themselves: an empty file is an archive without members."""
    for name in ("pages.zip", "pages.tar", "pages.tar.gz"):
        (folder / name).touch()
        (archive,) = Inputs([folder / name], Options())
        output = output_for(archive, folder / name)
        for number, (_, text) in enumerate(pages):
            output.write(Record(Page(f"{name}/{number}.txt", text=text)), text)
        output.close()


def write_documents(folder: Path, pages: list[tuple[str, str]]) -> None:
    """A folder of text files."""
    (folder / "folder").mkdir()
    for number, (_, text) in enumerate(pages):
        (folder / "folder" / f"{number}.txt").write_text(text, "utf-8")


def seconds(name: Path, out: Path | None) -> tuple[float, int]:
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


def seconds_of_json(path: Path, is_written: bool) -> tuple[float, int]:
    """The same for the standard library's JSON, which parses and writes all of each line."""
    start, n_bytes = time.process_time(), 0
    with path.open("rb") as lines:
        for line in lines:
            n_bytes += len(line)
            fields = json.loads(line)
            if is_written:
                json.dumps(fields, ensure_ascii=False).encode()
    return time.process_time() - start, n_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mb", type=float, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    pages = seed_pages(int(arguments.mb * 1e6))
    rates: dict[str, dict[bool, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as name, tempfile.NamedTemporaryFile() as out:
        folder = Path(name)
        for write in (write_documents, write_jsonl, write_tables, write_warcs, write_archives):
            write(folder, pages)
        for _ in range(arguments.repeats):
            for path in sorted(folder.iterdir()):
                for is_written in (False, True):
                    taken, n_bytes = seconds(path, Path(out.name) if is_written else None)
                    rates[path.name][is_written].append(n_bytes / taken / 1e6)
            for is_written in (False, True):
                taken, n_bytes = seconds_of_json(folder / "plain.jsonl", is_written)
                rates["(json.loads, dumps)"][is_written].append(n_bytes / taken / 1e6)
    print(f"{len(pages)} pages, MB/s\n\n| format | read | both |\n|---|---:|---:|")
    for name, by_job in rates.items():
        print(f"| {name} | {statistics.median(by_job[False]):.0f} | {statistics.median(by_job[True]):.0f} |")


if __name__ == "__main__":
    main()
