"""Labelling: gold folders to labelled dumps, in the styles that training and scoring ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from random import Random

import numpy as np

from declutter.errors import GoldError
from declutter.train.align import DROP, KEEP
from declutter.train.dumps import SOURCES, STYLES
from declutter.train.examples import HTML_STYLE, LabelledDump, label_dumps
from declutter.train.f1 import bag_f1, tokens
from declutter.train.gold import GoldPage, read_gold

LEAST_ORACLE = 0.9  # token F1 that a dump's gold lines must reach for the dump to teach anything

ALL_STYLES = (*STYLES, HTML_STYLE)

#: Takes what a step goes over, a title and their number (None: not known), and gives it on, as tqdm does.
Progress = Callable[[Iterable, str, "int | None"], Iterable]


def no_progress(steps: Iterable, _title: str, _n_steps: int | None) -> Iterable:
    return steps


def usable_styles(styles: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """(the styles whose library is installed, the others with the distribution that each needs).

    Raises ValueError for a style that nobody knows.
    """
    styles = tuple(dict.fromkeys(styles))
    if unknown := [style for style in styles if style not in ALL_STYLES]:
        raise ValueError(f"no such dump style: {', '.join(unknown)}; styles are {', '.join(ALL_STYLES)}")
    missing = {style: SOURCES[style] for style in styles if style in SOURCES and not _is_installed(SOURCES[style])}
    return tuple(style for style in styles if style not in missing), missing


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def draw_styles(
    page: GoldPage, always: Sequence[str], others: Sequence[str], n_drawn: int, seed: int
) -> tuple[str, ...]:
    """The styles that a page is dumped in: `always`, and `n_drawn` of `others`, by the seed and the page alone."""
    random = Random(f"{seed}\n{page.set}\n{page.site}\n{page.id}")
    return (*always, *random.sample(list(others), min(n_drawn, len(others))))


def label_gold(
    folders: Iterable[str | Path],
    styles_of: Callable[[GoldPage], Sequence[str]],
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> list[LabelledDump]:
    """The labelled dumps of all pages of some gold folders, in HTML_STYLE with the pages' HTML, else without it.

    Raises GoldError where a folder can't be read, and where there is no page.
    """
    labelled: list[LabelledDump] = []
    for page in progress(_read_all(folders), "labelling", None):
        bare = replace(page, html=None)  # the HTML of all pages fills the memory: it stays where it is judged
        dumps = label_dumps(page, styles_of(page), cache)
        labelled += [dump if dump.style == HTML_STYLE else replace(dump, page=bare) for dump in dumps]
    if not labelled:
        raise GoldError("the gold holds no page, or none in these dump styles")
    return labelled


def _read_all(folders: Iterable[str | Path]) -> Iterator[GoldPage]:
    for folder in folders:
        yield from read_gold(folder)


def gold_text(dump: LabelledDump) -> str:
    """The main content that the gold gives for a dump; its lines of main content where the gold labels lines."""
    return _text_of(dump, dump.is_main == KEEP) if dump.page.main_text is None else dump.page.main_text


def _text_of(dump: LabelledDump, wanted: np.ndarray) -> str:
    lines = dump.text.split("\n")
    return "\n".join([lines[row] for row in np.flatnonzero(wanted).tolist()])


def oracle_f1(dump: LabelledDump) -> float:
    """Token F1 of a dump's lines of main content against what of the gold the dump holds, 0..1.

    What an extractor has lost is not held against it: its lines may be labelled right all the same. Undecided lines
    are counted whichever way is better.
    """
    gold = tokens(gold_text(dump)) & tokens(dump.text)
    decided, doubtful = tokens(_text_of(dump, dump.is_main == KEEP)), tokens(_text_of(dump, dump.is_main != DROP))
    return max(bag_f1(decided, gold), bag_f1(doubtful, gold))
