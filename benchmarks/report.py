"""The benchmark report: result files and, where their folders are given, the worst pages, as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.datasets import check_folders
from benchmarks.report_page import SHOWN_LOSSES, Worst, benchmark_page
from benchmarks.results import FOLDER, read_results
from benchmarks.worst import losses, specimens
from declutter.errors import GoldError
from declutter.files import paths


def write_report(
    results: Path, output: Path, folders: Sequence[Path] = (), models: Path | None = None, cache: Path | None = None
) -> Path:
    """Write the report on the result files in a folder.

    `folders` hold the datasets whose worst pages are to be shown line by line, judged again by `models` (of
    `declutter train --folds-to`) or the shipped ones. Their text stands in the report, so it is not to be published
    where the datasets' licences don't allow that. Raises GoldError where there is no result, or a dataset is not the
    one that was measured.
    """
    found = read_results(results)
    if not any("rows" in result and "dataset" in result for result in found.values()):
        raise GoldError(f"{results}: no result of `python -m benchmarks quality` in it")
    worst: Worst = {}
    for folder in folders:
        dataset = check_folders([folder])[0]
        result = found.get(dataset.name)
        if result is None:
            raise GoldError(f"{folder}: no result of it in {results}")
        dataset = check_folders([folder], result["dataset"]["every"])[0]
        if dataset.digest != result["dataset"]["digest"]:
            raise GoldError(f"{folder}: not the pages that {dataset.name}.json was measured on; measure again")
        for source in ("html", "dump"):
            lost = losses(result, source, SHOWN_LOSSES)
            if lost:
                worst[dataset.name, source] = list(specimens(dataset, lost, source, models, cache))
    paths.write_bytes(output, benchmark_page(found, worst).encode("utf-8"))
    return output


@click.command()
@click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o", "--output", default="report.html", show_default=True, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option(
    "-r", "--results", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where results are."
)
@click.option(
    "--models", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Models of cross-validation."
)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="A folder with dumps and labels.")
def command(folders, output, results, models, cache):
    """Make one HTML page of the results; of the datasets in FOLDERs it shows the worst pages line by line."""
    click.echo(f"wrote {write_report(results or FOLDER, output, folders, models, cache)}")
