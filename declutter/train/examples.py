"""Gold pages to training examples: dumps in every style, their lines labelled, measured as a site's are."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import get_ident

import numpy as np

from declutter.cleaner import segment
from declutter.lines import LABEL_CODES, Repeats
from declutter.pages import Page
from declutter.stages.features import Columns, features, html_features
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import TemplateCounter
from declutter.train import dumps, teach
from declutter.train.align import KEEP
from declutter.train.f1 import token_list
from declutter.train.gold import MAIN_LABELS, GoldPage
from declutter.train.snippets import label_by_snippets

UNKNOWN = 255  # the code of a boilerplate line whose kind the page's DOM doesn't tell
HTML_STYLE = "html"  # the style of a page that stays HTML
SITE_SIZES = (1, 2, 5, 20)  # pages of a site seen together, so that the model knows the lone page and the site
LABELLING = 2  # counts up when align.py, teach.py or dumps.py label differently: cached labels are then made again
OTHER_TERMINATORS = dict.fromkeys(map(ord, "\r\u2028\u2029"), " ")


@dataclass(frozen=True, slots=True)
class LabelledDump:
    """A dump with what is known of its lines."""

    page: GoldPage
    style: str
    text: str
    is_main: np.ndarray  # int8 (n_lines,): 1 main content, 0 boilerplate, -1 undecided or blank
    labels: np.ndarray  # uint8 (n_lines,): codes into LABELS, UNKNOWN where not known


def label_dumps(page: GoldPage, styles: Sequence[str], cache: Path | None = None) -> list[LabelledDump]:
    """The page in some styles, with the labels of its lines; a page without HTML is its own and only dump.

    A style is one of dumps.STYLES, or HTML_STYLE: the rows that cleaning makes of the page's HTML.
    """
    if page.html is None:
        return [_hand_labelled(page)]
    blocks, found = None, []
    for style in styles:
        text = text_in_style(page, style, cache)
        path = _labels_path(cache, page, text)
        record = _read_labels(path)
        if record is None:
            blocks = blocks or teach.learn_blocks(page.html, page.gold_text)
            taught = _label(page, text, blocks)
            record = [taught.is_main.tolist(), label_codes(taught.labels)]
            _write_labels(path, record)
        is_main, codes = record
        found.append(LabelledDump(page, style, text, np.array(is_main, np.int8), np.array(codes, np.uint8)))
    return found


def text_in_style(page: GoldPage, style: str, cache: Path | None = None) -> str:
    """The text of a page with HTML in one style, its lines ended by newlines only."""
    if style == HTML_STYLE:
        return segment([Page(page.id, html=page.html)]).text
    return dumps.make_dump(page.html, style, cache).translate(OTHER_TERMINATORS)


def _label(page: GoldPage, text: str, blocks: teach.Lesson) -> teach.Taught:
    """Labels for the lines of a text of the page, by its main text, or by the snippets where those are all its gold."""
    if page.main_text is not None:
        return teach.carry(blocks, text, page.main_text, has_title=page.title_in_main is not False)
    is_main = label_by_snippets(text.split("\n"), page.wanted, page.unwanted)
    return teach.Taught(["body" if main == KEEP else None for main in is_main.tolist()], is_main)


def label_text(page: GoldPage, style: str, text: str) -> LabelledDump:
    """The labels of any text of the page; its own, where it is a labelled dump."""
    if page.labels is not None:
        return _hand_labelled(page)
    taught = _label(page, text, teach.learn_blocks(page.html, page.gold_text))
    return LabelledDump(page, style, text, taught.is_main, np.array(label_codes(taught.labels), np.uint8))


def _hand_labelled(page: GoldPage) -> LabelledDump:
    is_main = [-1 if label is None else int(label in MAIN_LABELS) for label in page.labels]
    codes = np.array(label_codes(page.labels), np.uint8)
    return LabelledDump(page, "labelled", page.text, np.array(is_main, np.int8), codes)


def label_codes(labels: Iterable[str | None]) -> list[int]:
    """The code of each label; UNKNOWN for None and for labels that say only whether a line is main content."""
    return [LABEL_CODES.get(label, UNKNOWN) for label in labels]


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


@dataclass(frozen=True, slots=True)
class Examples:
    """Lines that are not blank, as columns; one row a line."""

    x: np.ndarray  # float32 (n, n_features)
    is_main: np.ndarray  # int8 (n,): 1, 0, or -1 undecided
    labels: np.ndarray  # uint8 (n,): codes into LABELS, UNKNOWN where not known
    tokens: np.ndarray  # float32 (n,), the line's tokens as the scores count them
    page: np.ndarray  # int64 (n,), row of `pages`
    line: np.ndarray  # int64 (n,), the line's number on its page, from 0
    n_words: np.ndarray  # int32 (n,), how many of `word_hashes` are the line's
    word_hashes: np.ndarray  # uint64 (n_words,), as in Measures
    pages: tuple[LabelledDump, ...]

    @property
    def page_starts(self) -> np.ndarray:
        """int64 (n_pages + 1,): the row with which each page begins, and the end."""
        return np.searchsorted(self.page, np.arange(len(self.pages) + 1))


def make_examples(labelled: Iterable[LabelledDump], seed: int = 0, sizes: Sequence[int] = SITE_SIZES) -> Examples:
    """Measure labelled pages as parts of their sites: groups of a random size of `sizes`, or whole (`sizes=()`).

    Lines are fingerprinted together with pages of the same site and style only, as one scraper would leave them. `x`
    is what `html_features` gives for pages in HTML_STYLE, and what `features` gives for dumps. Raises ValueError where
    both are mixed, and where there is no page.
    """
    random = np.random.default_rng(seed)
    by_site: dict[tuple[str, str, str], list[LabelledDump]] = {}
    for dump in labelled:
        by_site.setdefault((dump.page.set, dump.page.site, dump.style), []).append(dump)
    are_html = {style == HTML_STYLE for _, _, style in by_site}
    if len(are_html) != 1:
        raise ValueError("HTML pages and dumps make no common examples" if are_html else "no page to make examples of")
    features_of = html_features if are_html.pop() else features
    parts, pages = [], []
    for dumps_of_site in by_site.values():
        for group in random_groups(dumps_of_site, sizes, random):
            parts.append(_measure_group(group, len(pages), features_of))
            pages += [replace(dump, page=replace(dump.page, html=None)) for dump in group]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Examples(pages=tuple(pages), **columns)


def random_groups(pages: list, sizes: Sequence[int], random: np.random.Generator) -> list[list]:
    """The pages of a site in groups of a random size of `sizes` each, in random order; one group where `sizes` is ().

    A size is drawn as often as it is small, so that about as many pages stand in groups of each size.
    """
    if not sizes:
        return [pages]
    chances = 1.0 / np.array(sizes)
    chances /= chances.sum()
    shuffled = [pages[number] for number in random.permutation(len(pages))]
    groups = []
    while shuffled:
        size = int(random.choice(sizes, p=chances))
        groups.append(shuffled[:size])
        shuffled = shuffled[size:]
    return groups


def page_of(dump: LabelledDump, site: str | None = None) -> Page:
    """A labelled page as cleaning takes it."""
    content = {"html": dump.page.html} if dump.style == HTML_STYLE else {"text": dump.text}
    return Page(f"{dump.page.set}/{dump.page.site}/{dump.page.id}", site=site, **content)


def _measure_group(
    group: Sequence[LabelledDump], first_page: int, features_of: Callable[[Columns], np.ndarray]
) -> dict[str, np.ndarray]:
    """The columns of Examples for pages of one site; pages count from `first_page`."""
    lines = segment([page_of(dump) for dump in group])
    measures = measure(lines)
    repeats = Repeats.none(len(measures))
    if len(group) > 1:
        counter = TemplateCounter()
        counter.add(measures, ["site"] * len(group))
        repeats = counter.profile().repeats(measures, ["site"] * len(group))
    page = np.repeat(np.arange(len(group)), np.diff(measures.page_starts))
    line = measures.rows - lines.page_starts[page]
    return {
        "x": features_of(Columns(lines, measures, repeats)),
        "is_main": np.concatenate([dump.is_main[line[page == number]] for number, dump in enumerate(group)]),
        "labels": np.concatenate([dump.labels[line[page == number]] for number, dump in enumerate(group)]),
        "tokens": np.array([len(token_list(lines[row])) for row in measures.rows.tolist()], np.float32),
        "page": page + first_page,
        "line": line,
        "n_words": np.diff(measures.word_starts).astype(np.int32),
        "word_hashes": measures.word_hashes,
    }
