"""Speed: declutter and its peers on the same pages, interleaved, as ratios to a calibration loop of the same round.

Machines differ and are busy with other things; a ratio within a round doesn't mind. Three measures: in process (what a
page costs once everything is loaded), whole process (start, read the files, clean them, end: time and memory), and
loading. Processor time counts all threads of a process.
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

from benchmarks.datasets import Dataset, dump_of, open_dataset
from benchmarks.options import CACHE, FOLDER, PEERS, PYTHONS, RESULTS, peers_of
from benchmarks.peers import BY_NAME
from benchmarks.results import FOLDER as DEFAULT
from benchmarks.results import about_this_run, rounded, write_result
from benchmarks.workers import REPOSITORY, Installed, PeerProcess, environment
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

    def megabytes(self, source: str) -> float:
        contents = self.html if source == "html" else self.dumps
        return sum(len(content.encode("utf-8", "replace")) for content in contents) / 1e6


def draw(dataset: Dataset, n_pages: int, cache: Path | None) -> Sample:
    """So many pages of a dataset, evenly drawn; a dataset of dumps has no HTML."""
    step = max(1, len(dataset.pages) // n_pages)
    pages = [page for number, page in enumerate(dataset.read()) if number % step == 0][:n_pages]
    html = tuple(page.html for page in pages if page.html is not None)
    return Sample(html, tuple(dump_of(page, cache) for page in pages))


def measure(sample: Sample, installed: dict[str, Installed], n_rounds: int) -> dict:
    """Seconds of processor time a round, and what they make in MB/s and as a ratio to the calibration loop."""
    runs = dict(_declutter_runs(sample))
    workers = {name: PeerProcess(BY_NAME[name], place) for name, place in installed.items() if BY_NAME[name].package}
    try:
        for name, worker in workers.items():
            if sample.html or BY_NAME[name].takes == "text":
                worker.start()
                contents = sample.html if BY_NAME[name].takes == "html" else sample.dumps
                runs[name, BY_NAME[name].takes] = partial(_ask, worker, contents)
        seconds = _rounds(runs, sample, n_rounds)
    finally:
        for worker in workers.values():
            worker.stop()
    calibration = np.array(seconds.pop((CALIBRATION, "text")))
    return {
        "calibration": {"loop": CALIBRATION, "mb_a_second": sample.megabytes("text") / float(np.median(calibration))},
        "in_process": [
            _rate(name, source, np.array(spent), calibration, sample) for (name, source), spent in seconds.items()
        ],
    }  # fmt: skip


def _rate(name: str, source: str, seconds: np.ndarray, calibration: np.ndarray, sample: Sample) -> dict:
    """`ratio` is the rate in bytes of the source against the loop's in bytes of dumps, median and range over rounds."""
    megabytes = sample.megabytes(source)
    ratios = (megabytes / seconds) / (sample.megabytes("text") / calibration)
    return {
        "system": name, "source": source, "mb_a_second": megabytes / float(np.median(seconds)),
        "ratio": float(np.median(ratios)), "least_ratio": float(ratios.min()), "greatest_ratio": float(ratios.max()),
    }  # fmt: skip


def _rounds(runs: dict, sample: Sample, n_rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds of every run in every round, in another order each round; one round before them warms up."""
    runs = {**runs, (CALIBRATION, "text"): lambda: _calibrate(sample.dumps)}
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
    sources = [("text", sample.dumps)] + ([("html", sample.html)] if sample.html else [])
    for source, contents in sources:
        pages = [Page(str(number), site=str(number), **{source: content}) for number, content in enumerate(contents)]
        for name, engine in (("declutter", "auto"), ("declutter rules", "rules")):
            cleaner = Cleaner(engine=engine)
            yield (name, source), partial(_timed, partial(_clean_all, cleaner, pages))
            alone = Cleaner(engine=engine, profile=Profile())
            yield (f"{name}, page by page", source), partial(_timed, partial(_clean_each, alone, pages))


def _clean_all(cleaner: Cleaner, pages: Sequence[Page]) -> int:
    return sum(len(done.text) for done in cleaner.clean_pages(pages))


def _clean_each(cleaner: Cleaner, pages: Sequence[Page]) -> int:
    return sum(len(done.text) for page in pages for done in cleaner.clean_pages([page]))


def run_process(command: Sequence[str]) -> dict[str, float]:
    """Wall and processor seconds of a process and its children, and the peak memory (MB) of the largest of them.

    Raises OSError where the command fails.
    """
    launch = [sys.executable, "-m", "benchmarks.launch", *command]
    found = json.loads(subprocess.run(launch, env=environment(), capture_output=True, text=True, check=True).stdout)
    if status := found.pop("status"):
        raise OSError(f"{' '.join(command)}: ended with {status}")
    return found


def measure_processes(sample: Sample, installed: dict[str, Installed], n_rounds: int) -> list[dict]:
    """Whole processes over the sample's files, interleaved: `declutter clean IN OUT`, and each peer's worker."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        commands = dict(_file_commands(sample, installed, folder))
        return _interleaved(commands, n_rounds)


def _file_commands(
    sample: Sample, installed: dict[str, Installed], folder: Path
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    for source, contents, ending in (("html", sample.html, "html"), ("text", sample.dumps, "txt")):
        if not contents:
            continue
        inputs, listed = folder / source, folder / f"{source}.list"
        inputs.mkdir()
        paths = [inputs / f"{number}.{ending}" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(content, "utf-8", errors="replace")
        listed.write_text("".join(f"{path}\n" for path in paths), "utf-8")
        clean = [sys.executable, "-m", "declutter.cli", "clean", str(inputs), str(folder / f"{source}-out"), "--force"]
        yield ("declutter clean", source), clean
        for name, place in installed.items():
            if BY_NAME[name].takes == source:
                yield (name, source), [place.python, "-m", "benchmarks.worker", name, str(listed)]


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
                commands[name, "start"] = [place.python, "-m", "benchmarks.worker", name, nothing.name]
        return _interleaved(commands, n_rounds)


def _interleaved(commands: dict[tuple[str, str], list[str]], n_rounds: int) -> list[dict]:
    found: dict[tuple[str, str], list[dict[str, float]]] = {name: [] for name in commands}
    first = next(iter(commands))
    for _ in range(n_rounds):
        for name, command in commands.items():
            found[name].append(run_process(command))
    rows = []
    for (name, source), rounds in found.items():
        ratios = [one["processor"] / own["processor"] for one, own in zip(rounds, found[first], strict=True)]
        medians = {key: float(np.median([one[key] for one in rounds])) for key in rounds[0]}
        rows.append({"system": name, "source": source, **medians, "ratio_to_first": float(np.median(ratios))})
    return rows


@click.command()
@click.argument("folder", type=FOLDER, default=REPOSITORY / "seeds")
@click.option("--pages", default=24, show_default=True, type=click.IntRange(1), help="Pages drawn of the folder.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Rounds of every measure.")
@click.option("--stages", is_flag=True, help="Only the pipeline's stages, against the stored baseline.")
@click.option("--write", is_flag=True, help="With --stages: store what is measured as the baseline.")
@CACHE
@PYTHONS
@PEERS
@RESULTS
def command(folder, pages, rounds, stages, write, cache, pythons, peers, results):
    """Measure how fast declutter and its peers clean the pages of a gold FOLDER (default: seeds)."""
    if stages:
        from benchmarks.stages import check_stages

        slower = check_stages(write, click.echo)
        click.get_current_context().exit(1 if slower else 0)
    installed, absent = peers_of(pythons, peers)
    dataset = open_dataset(folder)
    sample = draw(dataset, pages, cache)
    found = {
        **about_this_run(), "dataset": {"name": dataset.name, "digest": dataset.digest, "pages": len(sample.dumps)},
        "megabytes": {"html": sample.megabytes("html"), "text": sample.megabytes("text")}, "rounds": rounds,
        "versions": {name: place.version for name, place in installed.items()}, "absent": absent,
        **measure(sample, installed, rounds),
        "whole_process": measure_processes(sample, installed, rounds),
        "loading": measure_loading(installed, rounds),
    }  # fmt: skip
    for row in sorted(found["in_process"], key=lambda row: (row["source"], -row["ratio"])):
        click.echo(f"{row['source']}: {row['mb_a_second']:8.2f} MB/s, ratio {row['ratio']:7.3f}  {row['system']}")
    click.echo(f"wrote {write_result(f'speed-{dataset.name}', rounded(found), results or DEFAULT)}")
