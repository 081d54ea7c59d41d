"""Speed: declutter and its peers on the same pages, interleaved, as ratios to a calibration loop of the same round.

Machines differ and are busy; a ratio within a round is the same on all of them. Three measures: in process (what a page
costs once everything is loaded), whole process (start, read the files, clean them, end: time and memory), and loading.
Processor time counts all threads of a process.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks import options
from benchmarks.answers import REPOSITORY, Installed, PeerProcess, environment
from benchmarks.cost import cost_of
from benchmarks.datasets import DUMP, HTML, Dataset, dump_of, open_dataset
from benchmarks.peers import BY_NAME
from benchmarks.results import FOLDER, about_this_run, rounded, write_result
from declutter.cleaner import Cleaner
from declutter.pages import Page
from declutter.stages.repeats import Profile

CALIBRATION = "calibration: every word by a regular expression"
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Sample:
    """Pages to be cleaned again and again: the same ones as HTML and as dumps."""

    html: tuple[str, ...]
    dumps: tuple[str, ...]

    def contents(self, source: str) -> tuple[str, ...]:
        return self.html if source == HTML else self.dumps

    def megabytes(self, source: str) -> float:
        return sum(len(content.encode("utf-8", "replace")) for content in self.contents(source)) / 1e6


def draw(dataset: Dataset, n_pages: int, cache: Path | None) -> Sample:
    """So many pages of a dataset, evenly drawn; a dataset of dumps has no HTML."""
    pages = dataset.pages[:: max(1, len(dataset.pages) // n_pages)][:n_pages]
    html = tuple(page.html for page in pages if page.html is not None)
    return Sample(html, tuple(dump_of(page, cache) for page in pages))


def measure(sample: Sample, installed: dict[str, Installed], n_rounds: int) -> dict:
    """Seconds of processor time a round, and what they make in MB/s and as a ratio to the calibration loop."""
    runs = dict(_declutter_runs(sample))
    workers = []
    try:
        for name, place in installed.items():
            contents = sample.contents(BY_NAME[name].source)
            if BY_NAME[name].package and contents:
                workers.append(PeerProcess(BY_NAME[name], place))
                workers[-1].start()
                runs[name, BY_NAME[name].source] = partial(_ask, workers[-1], contents)
        seconds = _rounds(runs, sample, n_rounds)
    finally:
        for worker in workers:
            worker.stop()
    calibration = np.array(seconds.pop((CALIBRATION, DUMP)))
    return {
        "calibration": {"loop": CALIBRATION, "mb_a_second": sample.megabytes(DUMP) / float(np.median(calibration))},
        "in_process": [
            _rate(name, source, np.array(spent), calibration, sample) for (name, source), spent in seconds.items()
        ],
    }  # fmt: skip


def _rate(name: str, source: str, seconds: np.ndarray, calibration: np.ndarray, sample: Sample) -> dict:
    """`ratio` is the rate in bytes of the source against the loop's in bytes of dumps, median and range over rounds."""
    megabytes = sample.megabytes(source)
    ratios = (megabytes / seconds) / (sample.megabytes(DUMP) / calibration)
    return {
        "system": name, "source": source, "mb_a_second": megabytes / float(np.median(seconds)),
        "ratio": float(np.median(ratios)), "least_ratio": float(ratios.min()), "greatest_ratio": float(ratios.max()),
    }  # fmt: skip


def _rounds(runs: dict, sample: Sample, n_rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of every run in every round, in another order each round; one round before them warms up."""
    runs = {**runs, (CALIBRATION, DUMP): lambda: _calibrate(sample.dumps)}
    seconds: dict[tuple[str, str], list[float]] = {name: [] for name in runs}
    chance = random.Random(0)
    for number in range(n_rounds + 1):
        order = list(runs)
        chance.shuffle(order)
        for name in order:
            spent = runs[name]()
            if number:
                seconds[name].append(max(spent, 1e-9))
    return seconds


def _calibrate(dumps: Sequence[str]) -> float:
    """The loop that tells one machine from another: every word of the dumps replaced by itself."""
    return _timed(lambda: [WORD.sub(lambda found: found[0], dump) for dump in dumps])


def _timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _ask(worker: PeerProcess, contents: Sequence[str]) -> float:
    return sum(worker.ask(content, None).seconds for content in contents)


def _declutter_runs(sample: Sample) -> Iterator[tuple[tuple[str, str], Callable[[], float]]]:
    """declutter in batches that learn the sites first, and a page at a time."""
    for source in (DUMP, HTML) if sample.html else (DUMP,):
        contents = enumerate(sample.contents(source))
        field = "html" if source == HTML else "text"
        pages = [Page(str(number), site=str(number), **{field: content}) for number, content in contents]
        for name, engine in (("declutter", "auto"), ("declutter rules", "rules")):
            yield (name, source), partial(_timed, partial(_clean, Cleaner(engine=engine), [pages]))
            alone = Cleaner(engine=engine, profile=Profile())
            yield (f"{name}, page by page", source), partial(_timed, partial(_clean, alone, [[page] for page in pages]))


def _clean(cleaner: Cleaner, batches: Sequence[Sequence[Page]]) -> int:
    return sum(len(done.text) for batch in batches for done in cleaner.clean_pages(batch))


def measure_processes(sample: Sample, installed: dict[str, Installed], n_rounds: int) -> list[dict]:
    """Whole processes over the sample's files, interleaved: `declutter clean IN OUT`, and each peer's process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, commands = Path(temporary), {}
        for source, ending in ((HTML, "html"), (DUMP, "txt")):
            if not sample.contents(source):
                continue
            inputs, listed = folder / source, folder / f"{source}.list"
            inputs.mkdir()
            paths = [inputs / f"{number}.{ending}" for number in range(len(sample.contents(source)))]
            for path, content in zip(paths, sample.contents(source), strict=True):
                path.write_text(content, "utf-8", errors="replace")
            listed.write_text("".join(f"{path}\n" for path in paths), "utf-8")
            clean = [
                sys.executable,
                "-m",
                "declutter.cli",
                "clean",
                "--force",
                str(inputs),
                str(folder / f"{source}-out"),
            ]
            commands["declutter clean", source] = clean
            for name, place in installed.items():
                if BY_NAME[name].source == source:
                    commands[name, source] = [place.python, "-m", "benchmarks.answers", name, str(listed)]
        return _interleaved(commands, n_rounds)


def measure_loading(installed: dict[str, Installed], n_rounds: int) -> list[dict]:
    """What it takes to start: the interpreter alone, declutter's import, its help, its first page, and each peer."""
    python = [sys.executable, "-c"]
    commands = {
        ("python", "start"): [*python, "pass"],
        ("import declutter", "start"): [*python, "import declutter"],
        ("declutter --help", "start"): [sys.executable, "-m", "declutter.cli", "--help"],
        ("declutter.clean, first page", "start"): [*python, "import declutter; declutter.clean('One line.')"],
        ("declutter.clean_html, first page", "start"): [*python, "import declutter; declutter.clean_html('<p>One')"],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".list") as nothing:
        for name, place in installed.items():
            if BY_NAME[name].package:
                commands[name, "start"] = [place.python, "-m", "benchmarks.answers", name, nothing.name]
        return _interleaved(commands, n_rounds)


def _interleaved(commands: dict[tuple[str, str], list[str]], n_rounds: int) -> list[dict]:
    """The medians of each command's cost, and its processor time as a ratio to the first command's, round by round."""
    rounds = [{name: cost_of(command, environment()) for name, command in commands.items()} for _ in range(n_rounds)]
    first = next(iter(commands))
    rows = []
    for name in commands:
        medians = {key: float(np.median([getattr(costs[name], key) for costs in rounds]))
                   for key in ("wall", "processor", "peak_mb")}  # fmt: skip
        ratio = float(np.median([costs[name].processor / costs[first].processor for costs in rounds]))
        rows.append({"system": name[0], "source": name[1], **medians, "ratio_to_first": ratio})
    return rows


def run_stages(write: bool) -> int:
    """Run the stages against their baseline, or store a new one; the exit status of pytest."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
                   f"--rootdir={REPOSITORY}", f"--benchmark-json={file.name}", "benchmarks/stages.py"]  # fmt: skip
        env = {name: value for name, value in environment().items() if not name.startswith("PYTEST_")}
        status = subprocess.run(command, env=env, cwd=REPOSITORY).returncode
        if write:
            found = [one["extra_info"] for one in json.loads(Path(file.name).read_text("utf-8"))["benchmarks"]]
            ratios = {one["stage"]: one["ratio"] for one in found}
            write_result("stages", rounded({**about_this_run(), "ratios": ratios}))
    return 0 if write else status


@click.command()
@click.argument("folder", type=options.FOLDER, default=REPOSITORY / "seeds")
@click.option("--pages", default=24, show_default=True, type=click.IntRange(1), help="Pages drawn of the folder.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Rounds of every measure.")
@click.option("--stages", is_flag=True, help="Only the pipeline's stages, against the stored baseline.")
@click.option("--write", is_flag=True, help="With --stages: store what is measured as the baseline.")
@options.CACHE
@options.PYTHONS
@options.PEERS
@options.RESULTS
def command(folder, pages, rounds, stages, write, cache, pythons, peers, results):
    """Measure how fast declutter and its peers clean the pages of a gold FOLDER (default: seeds)."""
    if stages:
        click.get_current_context().exit(run_stages(write))
    installed, absent = options.peers_of(pythons, peers)
    dataset = open_dataset(folder)
    sample = draw(dataset, pages, cache)
    found = {
        **about_this_run(), "dataset": {"name": dataset.name, "digest": dataset.digest, "pages": len(sample.dumps)},
        "megabytes": {source: sample.megabytes(source) for source in (HTML, DUMP)}, "rounds": rounds,
        "versions": {name: place.version for name, place in installed.items()}, "absent": absent,
        **measure(sample, installed, rounds),
        "whole_process": measure_processes(sample, installed, rounds),
        "loading": measure_loading(installed, rounds),
    }  # fmt: skip
    for row in sorted(found["in_process"], key=lambda row: (row["source"], -row["ratio"])):
        click.echo(f"{row['source']}: {row['mb_a_second']:8.2f} MB/s, ratio {row['ratio']:7.3f}  {row['system']}")
    click.echo(f"wrote {write_result(f'speed-{dataset.name}', rounded(found), results or FOLDER)}")
