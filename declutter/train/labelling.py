"""Labelling: gold pages to dumps whose lines are labelled, in the styles that training and scoring ask for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from threading import get_ident

import numpy as np

from declutter.cleaner import segment
from declutter.errors import GoldError
from declutter.lines import LABEL_CODES
from declutter.pages import Page
from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.dom_labels import LineLabels, PageBlocks, label_blocks, label_lines
from declutter.train.dumps import SOURCES, STYLES, make_dump
from declutter.train.f1 import bag_f1, tokens
from declutter.train.gold import MAIN_LABELS, GoldPage, read_gold
from declutter.train.snippets import label_by_snippets

UNKNOWN = 255  # the code of a line whose label isn't known
LABELLED_STYLE = "labelled"  # the style of dumps that are gold themselves
HTML_STYLE = "html"  # the style of a page that stays HTML
ALL_STYLES = (*STYLES, HTML_STYLE)
#: Token F1 that a dump's gold lines must reach for the dump to teach anything. Below it the gold was cut within lines,
#: or stands elsewhere: labels are then chance.
LEAST_ORACLE = 0.9
LABELLING = 3  # counts up when align.py, dom_labels.py or snippets.py label differently: cached labels are made again
OTHER_TERMINATORS = dict.fromkeys(map(ord, "\r\u2028\u2029"), " ")
PAGES_A_TURN = 256  # pages whose HTML is in memory at once while processes label them

#: Takes the steps of a task, a title and their number (None: not known), and returns the steps, as tqdm does.
Progress = Callable[[Iterable, str, "int | None"], Iterable]
#: The styles that a page is labelled in.
StylesOf = Callable[[GoldPage], Sequence[str]]


@dataclass(frozen=True, slots=True)
class LabelledDump:
    """A page in one style, with what is known of its lines."""

    page: GoldPage
    style: str
    text: str
    is_main: np.ndarray  # int8 (n_lines,): 1 main content, 0 boilerplate, -1 undecided or blank
    labels: np.ndarray  # uint8 (n_lines,): codes into LABELS, UNKNOWN where not known
    oracle_f1: float = 1.0  # token F1 of the lines of main content; see `oracle_f1`


def no_progress(steps: Iterable, _title: str, _n_steps: int | None) -> Iterable:
    return steps


def label_gold(
    folders: Iterable[str | Path],
    styles_of: StylesOf,
    cache: Path | None = None,
    progress: Progress = no_progress,
    jobs: int = 1,
) -> list[LabelledDump]:
    """The labelled dumps of all pages of some gold folders, in HTML_STYLE with the pages' HTML, else without it.

    `jobs` processes label at once; `styles_of` must then be one that pickle can send. Raises GoldError where a folder
    can't be read, and where there is no dump.
    """
    label = partial(_label_page, styles_of=styles_of, cache=cache)
    pages = progress(chain.from_iterable(map(read_gold, folders)), "labelling", None)
    labelled = list(chain.from_iterable(map(label, pages) if jobs == 1 else _in_processes(label, pages, jobs)))
    if not labelled:
        raise GoldError("the gold holds no page, or none in these styles")
    return labelled


def _in_processes(label: Callable, pages: Iterable[GoldPage], jobs: int) -> Iterator[list[LabelledDump]]:
    rest = iter(pages)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as processes:
        while some := list(islice(rest, PAGES_A_TURN)):
            yield from processes.map(label, some, chunksize=8)


def _label_page(page: GoldPage, styles_of: StylesOf, cache: Path | None) -> list[LabelledDump]:
    bare = replace(page, html=None)  # the HTML of all pages fills the memory: only HTML_STYLE needs it
    dumps = label_dumps(page, styles_of(page), cache)
    return [dump if dump.style == HTML_STYLE else replace(dump, page=bare) for dump in dumps]


def label_dumps(page: GoldPage, styles: Sequence[str], cache: Path | None = None) -> list[LabelledDump]:
    """The page in some styles, with the labels of its lines; a page without HTML is its own and only dump.

    A style is one of dumps.STYLES, or HTML_STYLE: the rows that cleaning makes of the page's HTML. Nothing is made of
    a page without HTML where HTML_STYLE alone is asked for.
    """
    if page.html is None:
        return [] if tuple(styles) == (HTML_STYLE,) else [_hand_labelled(page)]
    blocks: list[PageBlocks] = []  # made at most once for all styles
    return [_label_cached(page, style, text_in_style(page, style, cache), blocks, cache) for style in styles]


def label_text(page: GoldPage, style: str, text: str) -> LabelledDump:
    """The labels of any text of the page; its own, where it is a labelled dump."""
    return _hand_labelled(page) if page.labels is not None else _label_cached(page, style, text, [], None)


def text_in_style(page: GoldPage, style: str, cache: Path | None = None) -> str:
    """The text of a page with HTML in one style, its lines ended by newlines only."""
    if style == HTML_STYLE:
        return segment([Page(page.id, html=page.html)])[0].text
    return make_dump(page.html or "", style, cache).translate(OTHER_TERMINATORS)


def _label_cached(page: GoldPage, style: str, text: str, blocks: list[PageBlocks], cache: Path | None) -> LabelledDump:
    path = _labels_path(cache, page, text)
    record = _read_labels(path)
    if record is None:
        labels = _label(page, text, blocks)
        dump = _labelled(page, style, text, labels.is_main.tolist(), label_codes(labels.labels), 0.0)
        record = [dump.is_main.tolist(), dump.labels.tolist(), oracle_f1(dump)]
        _write_labels(path, record)
    return _labelled(page, style, text, *record)


def _labelled(
    page: GoldPage, style: str, text: str, is_main: list[int], codes: list[int], oracle: float
) -> LabelledDump:
    return LabelledDump(page, style, text, np.array(is_main, np.int8), np.array(codes, np.uint8), oracle)


def _label(page: GoldPage, text: str, blocks: list[PageBlocks]) -> LineLabels:
    """Labels for the lines of a text of the page, by its main text, or by the snippets where those are all its gold."""
    if page.main_text is None:
        is_main = label_by_snippets(text.split("\n"), page.wanted, page.unwanted)
        return LineLabels(["body" if main == KEEP else None for main in is_main.tolist()], is_main)
    if not blocks:
        blocks.append(label_blocks(page.html or "", page.main_text))
    return label_lines(blocks[0], text, page.main_text, has_title=page.title_in_main is not False)


def _hand_labelled(page: GoldPage) -> LabelledDump:
    labels = page.labels or ()
    is_main = [UNDECIDED if label is None else int(label in MAIN_LABELS) for label in labels]
    return _labelled(page, LABELLED_STYLE, page.text or "", is_main, label_codes(labels), 1.0)


def label_codes(labels: Iterable[str | None]) -> list[int]:
    """The code of each label; UNKNOWN for None and for labels that say only whether a line is main content."""
    return [LABEL_CODES.get(label or "", UNKNOWN) for label in labels]


def gold_text(dump: LabelledDump) -> str:
    """The main content that the gold gives for a dump; its lines of main content where the gold labels lines."""
    return _text_of(dump, dump.is_main == KEEP) if dump.page.main_text is None else dump.page.main_text


def _text_of(dump: LabelledDump, wanted: np.ndarray) -> str:
    lines = dump.text.split("\n")
    return "\n".join([lines[row] for row in np.flatnonzero(wanted).tolist()])


def oracle_f1(dump: LabelledDump) -> float:
    """Token F1 of a dump's lines of main content against the part of the gold that the dump holds, 0..1.

    What an extractor has lost doesn't count: its lines may be labelled right all the same. Undecided lines count
    whichever way is better.
    """
    gold = tokens(gold_text(dump)) & tokens(dump.text)
    decided, doubtful = tokens(_text_of(dump, dump.is_main == KEEP)), tokens(_text_of(dump, dump.is_main != DROP))
    return max(bag_f1(decided, gold), bag_f1(doubtful, gold))


def _labels_path(cache: Path | None, page: GoldPage, text: str) -> Path | None:
    """Where the labels of a page's text are kept, by all that they come from; None without a cache."""
    if cache is None:
        return None
    gold = (page.main_text, page.title_in_main, page.wanted, page.unwanted)
    digest = hashlib.sha256(f"{LABELLING}\n{gold}\n{text}\n{page.html}".encode("utf-8", "surrogatepass")).hexdigest()
    return Path(cache) / "labelled" / digest[:2] / f"{digest[:32]}.json"


def _read_labels(path: Path | None) -> list | None:
    """What `_write_labels` kept at a path, None where it kept nothing."""
    return json.loads(path.read_text("ascii")) if path is not None and path.is_file() else None


def _write_labels(path: Path | None, record: list) -> None:
    """Keep a record of labels, in one step: other processes see all of it or nothing. Without a path, keep nothing."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}-{get_ident()}")
        unfinished.write_text(json.dumps(record), "ascii")
        unfinished.replace(path)


def usable_styles(styles: Iterable[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """(the styles whose library is installed, the others with the distribution that each needs).

    Raises ValueError for an unknown style.
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
