"""How time and memory grow with the number of pages: `python benchmarks/scale.py [OPTIONS] PAGES...`.

For each number of pages a corpus of --sites sites (corpus.py) is made and cleaned by `declutter clean`; wall time,
processor time of all processes, and the peak of their memory together (proportional set sizes, read every 50 ms) are
printed as a row of a table, beside megabytes a second and, with --workers 1 2, the two numbers of processes one after
the other on each corpus, so that both meet the same load of the machine. `--as tiny` makes a text file of each page,
`--as one` one gzip file of all.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import corpus

REPOSITORY = Path(__file__).parent.parent
WRITERS = {"dumps": corpus.write, "tiny": corpus.write_tiny, "one": corpus.write_one}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def held_bytes(pid: int) -> int:
    """The proportional set size: what several processes share is divided among them. 0 for one that has ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def memory_of(pid: int) -> int:
    """Bytes of a process and of those it started; shared pages are counted once."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has just ended
        return 0
    return held_bytes(pid) + sum(map(memory_of, map(int, children)))


class Peak(threading.Thread):
    """Watches the memory of a process until it ends."""

    def __init__(self, process: subprocess.Popen):
        super().__init__(daemon=True)
        self._process = process
        self.n_bytes = 0

    def run(self) -> None:
        while self._process.poll() is None:
            self.n_bytes = max(self.n_bytes, memory_of(self._process.pid))
            time.sleep(0.05)


def measure(source: Path, workers: int, engine: str, profile: Path | None) -> dict[str, float]:
    """One run: seconds, processor seconds, and peak memory in bytes."""
    with tempfile.TemporaryDirectory(prefix="scale-out-", dir=source.parent) as out:
        command = [
            sys.executable, "-m", "declutter.cli", "clean", "--quiet", "--workers", str(workers), "--engine", engine,
            *(["--profile", str(profile)] if profile else []), str(source), out,
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        process = subprocess.Popen(command, env=ENVIRONMENT)
        peak = Peak(process)
        peak.start()
        if process.wait():
            raise SystemExit(f"clean failed with {process.returncode}")
        seconds = time.perf_counter() - began
        peak.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": used, "memory": peak.n_bytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=int, nargs="+")
    parser.add_argument("--sites", type=int, default=corpus.N_SITES)
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--profile", type=Path, help="one pass, with this profile")
    parser.add_argument("--as", dest="form", choices=WRITERS, default="dumps", help="tiny files, or one of gigabytes")
    parser.add_argument("--folder", type=Path, help="where the corpora are made (and kept)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="scale-"))
    print("|   pages |     MB | workers | seconds | cpu seconds | cpu ms a page | MB/s a cpu | peak MB |")
    print("|--------:|-------:|--------:|--------:|------------:|--------------:|-----------:|--------:|")
    for n_pages in options.pages:
        source = folder / f"{options.form}-{n_pages}-{options.sites}"
        n_bytes = WRITERS[options.form](source, n_pages, options.sites)
        for workers in options.workers:
            found = measure(source, workers, options.engine, options.profile)
            print(
                f"| {n_pages:7} | {n_bytes / 1e6:6.1f} | {workers:7} | {found['seconds']:7.1f} | {found['cpu']:11.1f} "
                f"| {1000 * found['cpu'] / n_pages:13.2f} | {n_bytes / 1e6 / found['cpu']:10.2f} "
                f"| {found['memory'] / 1e6:7.0f} |",
                flush=True,
            )
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
