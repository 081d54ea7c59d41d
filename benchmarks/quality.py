"""Quality: declutter and its peers on the same gold pages, page by page, with intervals; one result file a dataset.

A run has three parts, and all of them keep as many processes busy as are asked for: the datasets are unpacked, the
peers answer, and the rows of the results are made, declutter's own among them.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks import options
from benchmarks.asking import ask_peers
from benchmarks.datasets import PUBLISHED, Dataset, check_folders
from benchmarks.declutters import FoldModels
from benchmarks.measures import difference
from benchmarks.peers import BY_NAME
from benchmarks.results import FOLDER as RESULTS
from benchmarks.results import about_this_run, rounded, write_result
from benchmarks.rows import AFTER, HTML, Bench, Row, family_names, groups_of, make_row, site_names
from benchmarks.spool import Spooled, spool
from benchmarks.workers import Installed


def measure(
    datasets: Sequence[Dataset],
    installed: dict[str, Installed],
    absent: dict[str, str],
    *,
    cache: Path | None = None,
    models: Path | None = None,
    jobs: int = 1,
    say: Callable[[str], None] = print,
) -> Iterator[tuple[str, dict]]:
    """The name and the result of each dataset, in plain values that JSON can hold; benchmarks/README.md has the fields.

    `cache` keeps peers' answers and dumps; `models` is a folder of fold models. `jobs` processes work at once. While it
    runs, a temporary folder holds the pages unpacked.
    """
    begin = time.monotonic()

    def tell(words: str) -> None:
        say(f"{(time.monotonic() - begin) / 60:5.1f} min  {words}")

    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(cache or temporary)
        tasks = [_Spool(dataset, Path(temporary, f"{number}.pages"), kept) for number, dataset in enumerate(datasets)]
        spooled = list(_in_processes(tasks, [], jobs))
        tell(f"{sum(len(one.pages) for one in spooled):,} pages unpacked")
        benches = [Bench(one, installed, kept, models) for one in spooled]
        asked = {BY_NAME[name]: place for name, place in installed.items()}
        if asked:
            ask_peers(asked, spooled, kept, jobs, tell)
        rows = _rows_of(benches, jobs, tell)
        for bench, of_bench, differences in zip(benches, rows, _differences_of(benches, rows, jobs), strict=True):
            yield bench.name, rounded(_result(bench, of_bench, differences, absent))


class _Spool(NamedTuple):
    dataset: Dataset
    path: Path
    cache: Path

    def do(self, benches: Sequence[Bench]) -> Spooled:
        return spool(*self)


class _MakeRow(NamedTuple):
    """A row of the bench with this number."""

    number: int
    system: str
    source: str

    def do(self, benches: Sequence[Bench]) -> Row:
        return make_row(benches[self.number], self.system, self.source)


class _Differences(NamedTuple):
    number: int
    rows: list[Row]

    def do(self, benches: Sequence[Bench]) -> list[dict]:
        return _differences(benches[self.number].spooled, self.rows)


def _rows_of(benches: Sequence[Bench], jobs: int, tell: Callable[[str], None]) -> list[list[Row]]:
    """The rows of every bench. Those that take longest come first: declutter's from HTML, then its others."""
    tasks = [
        _MakeRow(number, system, source) for number, bench in enumerate(benches) for system, source in bench.systems()
    ]
    dearest = sorted(tasks, key=lambda task: (task.system in BY_NAME, task.source != HTML, task.number))
    found = {}
    for task, row in zip(dearest, _in_processes(dearest, benches, jobs), strict=True):
        found[task] = row
        tell(f"{benches[task.number].name}: {row.about['score']:.4f} {task.system}, from {task.source}; "
             f"{row.about['status']}")  # fmt: skip
    return [[found[task] for task in tasks if task.number == number] for number in range(len(benches))]


def _differences_of(benches: Sequence[Bench], rows: Sequence[list[Row]], jobs: int) -> Iterator[list[dict]]:
    return _in_processes([_Differences(number, of_bench) for number, of_bench in enumerate(rows)], benches, jobs)


_benches: list[Bench] = []  # what the tasks of a worker process are about: given once, when it starts


def _begin(benches: Sequence[Bench]) -> None:
    _benches[:] = benches


def _do(task):
    return task.do(_benches)


def _in_processes(tasks: Sequence, benches: Sequence[Bench], jobs: int) -> Iterator:
    """What each task makes, in order; more jobs than one have processes of their own."""
    if jobs == 1:
        yield from (task.do(benches) for task in tasks)
        return
    fresh = multiprocessing.get_context("spawn")  # no fork of a process that has had threads
    with ProcessPoolExecutor(jobs, fresh, initializer=_begin, initargs=(benches,)) as processes:
        yield from processes.map(_do, tasks)


def _result(bench: Bench, rows: Sequence[Row], differences: list[dict], absent: dict[str, str]) -> dict:
    return {
        **about_this_run(), "fold_models": _fold_models(bench.models), "dataset": _about(bench.spooled),
        "pages": _page_columns(bench.spooled), "rows": [row.about for row in rows], "absent": absent,
        "differences": differences,
        "calibration": next(row.calibration for row in rows if row.calibration is not None),
    }  # fmt: skip


def _differences(spooled: Spooled, rows: Sequence[Row]) -> list[dict]:
    """declutter less each other system from the same source, and declutter after a peer less that peer."""
    groups, metric = list(groups_of(spooled)), spooled.dataset.metric
    scores = {(row.about["system"], row.about["source"]): row.scores for row in rows}
    status = {(row.about["system"], row.about["source"]): row.about["status"] for row in rows}
    found = []
    for system, source in scores:
        one = ("declutter", source)
        other = (source.removeprefix(AFTER), HTML) if source.startswith(AFTER) else (system, source)
        if one == other or one not in scores:
            continue
        for group in groups:
            pair = (scores[one][group.mask], scores[other][group.mask])
            of_pair = difference(metric, *pair, group.sites, group.families)
            found.append({
                "source": source, "than": other[0], "status": status[one], "group": group.group, "name": group.name,
                "mean": of_pair.mean, "low": of_pair.low, "high": of_pair.high,
            })  # fmt: skip
    return found


def _fold_models(folder: Path | None) -> dict[str, list[str]]:
    """The digests of the models of cross-validation that judged, by kind; empty where the shipped ones did."""
    found = {kind: FoldModels.load(folder, kind) for kind in ("text", "html")} if folder is not None else {}
    return {kind: [model.digest[:16] for model in folds.models] for kind, folds in found.items() if folds is not None}


def _about(spooled: Spooled) -> dict:
    dataset = spooled.dataset
    published, licence = PUBLISHED.get(dataset.layout, (None, None))
    return {
        "name": dataset.name, "layout": dataset.layout, "metric": dataset.metric, "digest": spooled.digest,
        "pages": len(spooled.pages), "sites": len(set(site_names(spooled))), "every": dataset.every,
        "published": published, "licence": licence,
    }  # fmt: skip


def _page_columns(spooled: Spooled) -> dict[str, list]:
    """What each page is, in the order of every row's scores."""
    return {
        "id": [page.id for page in spooled.pages], "site": site_names(spooled), "family": family_names(spooled),
        "kind": [page.kind or "unknown" for page in spooled.pages], "script": [page.script for page in spooled.pages],
    }  # fmt: skip


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=options.FOLDER)
@click.option(
    "--models", type=options.FOLDER, help="Models of `declutter train --folds-to`; without them the shipped ones."
)
@click.option("--every", default=1, type=click.IntRange(1), help="Only the pages of about one family of sites in N.")
@click.option("--jobs", default=1, type=click.IntRange(1), help="How many processes work at once.")
@options.CACHE
@options.PYTHONS
@options.PEERS
@options.RESULTS
def command(folders, models, every, jobs, cache, pythons, peers, results):
    """Score declutter and its peers on gold: WCXB, scrapinghub's benchmark, gold.jsonl sets, labelled dumps.

    Writes one result a dataset. Where the shipped models were trained on the pages, declutter's rows say so.
    """
    installed, absent = options.peers_of(pythons, peers)
    datasets = check_folders(folders, every)
    for name, found in measure(datasets, installed, absent, cache=cache, models=models, jobs=jobs, say=click.echo):
        click.echo(f"wrote {write_result(name, found, results or RESULTS)}")
