"""Floors: the accuracy that may not drop, on what the repository ships and on the gold sets where they are at hand.

`python -m benchmarks floors` measures and compares; `--write` raises the floors to what is measured less MARGIN.
Lowering one takes `--lower "SENTENCE"`, and the sentence must stand in CHANGELOG.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks import options
from benchmarks.accuracy import BODY_ONLY, OWN, clean
from benchmarks.datasets import Dataset, open_dataset, page_key, page_of
from benchmarks.scores import score_page, set_score
from declutter.errors import OutputError

REPOSITORY = Path(__file__).parent.parent
PATH = Path(__file__).parent / "floors.json"
MARGIN = 0.005  # below what was measured: other releases of NumPy and lxml move a few lines in ten thousand
EVERY = 8  # families of the gold sets, so that a check takes seconds
GOLD = ("wcxb_dev", "sites", "daniel", "fundus")


def datasets(gold: Path | None) -> Iterator[Dataset]:
    """The seeds, whole, and a sample of every gold set that is in the folder."""
    yield open_dataset(REPOSITORY / "seeds")
    for name in GOLD:
        if gold is not None and (gold / name).is_dir():
            yield open_dataset(gold / name, EVERY)


def measured(dataset: Dataset) -> dict[str, float]:
    """The score of each of declutter's rows, by the shipped models: "html declutter", "dump declutter rules", ...

    The models were trained on these pages: a floor shows that nothing broke, not how good declutter is.
    """
    found, sites = {}, [gold.site for gold in dataset.pages]
    for source in dataset.sources:
        contents = zip(dataset.pages, dataset.contents(source), strict=True)
        pages = [(gold, page_of(gold, source, content)) for gold, content in contents]
        for name in OWN.keys() - {BODY_ONLY}:
            texts = {done.page.id: done.text for done in clean(pages, None, name)}
            scores = [score_page(dataset.metric, texts[page_key(gold)], gold.gold_text).stored for gold, _ in pages]
            found[f"{source} {name}"] = round(set_score(dataset.metric, np.array(scores), sites), 4)
    return dict(sorted(found.items(), reverse=True))


def read_floors(path: Path = PATH) -> dict[str, dict[str, float]]:
    """The floors of each dataset."""
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def below(found: dict[str, float], floors: dict[str, float]) -> list[str]:
    """The rows below their floor, in words; a row without a score is below it, too."""
    return [
        f"{row}: {found[row]:.4f}, floor {floor:.4f}" if row in found else f"{row}: not measured, floor {floor:.4f}"
        for row, floor in floors.items()
        if not found.get(row, -1.0) >= floor
    ]


def raised(
    found: dict[str, float], floors: dict[str, float], reason: str | None = None, changelog: str = ""
) -> dict[str, float]:
    """New floors: what was measured less MARGIN, and never below the old ones without a reason in the changelog.

    Raises OutputError where a floor would go down without one.
    """
    new = {row: round(score - MARGIN, 3) for row, score in found.items()}
    lower = [row for row, floor in floors.items() if new.get(row, -1.0) < floor]
    if lower and reason is None:
        return new | {row: floors[row] for row in lower}
    if lower and " ".join(reason.split()) not in " ".join(changelog.split()):
        raise OutputError(f"to lower {', '.join(lower)}, write this sentence into CHANGELOG.md first: {reason}")
    return new


@click.command()
@click.option("--gold", type=options.FOLDER, help=f"The folder that holds the gold sets ({', '.join(GOLD)}).")
@click.option("--write", is_flag=True, help="Raise the floors to what is measured now.")
@click.option("--lower", metavar="SENTENCE", help="Let floors go down; the sentence must stand in CHANGELOG.md.")
def command(gold, write, lower):
    """Check that accuracy has not dropped; exit with 1 where it has."""
    floors, failures = read_floors(), []
    changelog = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    for dataset in datasets(gold):
        found = measured(dataset)
        if write or lower:
            floors[dataset.name] = raised(found, floors.get(dataset.name, {}), lower, changelog)
        of_set = floors.get(dataset.name, {})
        failures += below(found, of_set)
        for row, score in found.items():
            click.echo(f"{dataset.name}: {score:.4f} {row}, floor {of_set.get(row)}")
    if write or lower:
        PATH.write_text(json.dumps(floors, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for problem in failures:
        click.echo(f"below its floor: {problem}", err=True)
    if failures:
        click.get_current_context().exit(1)
