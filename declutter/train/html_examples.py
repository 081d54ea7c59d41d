"""Gold pages with HTML to training examples: their rows labelled, and measured as a site's are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from declutter.stages.features import html_features
from declutter.stages.segment.html import split_html
from declutter.train import teach
from declutter.train.align import UNDECIDED, align, oracle
from declutter.train.examples import (
    SITE_SIZES,
    UNKNOWN,
    Examples,
    LabelledDump,
    join_groups,
    label_codes,
    labels_path,
    measure_group,
    random_groups,
    read_labels,
    write_labels,
)
from declutter.train.f1 import token_f1
from declutter.train.gold import GoldPage

STYLE = "html"
#: Token F1 that the best choice of rows must reach. Below it the gold holds what the page doesn't (text that a script
#: fetched), or was cut within blocks: the rows' labels are then chance.
LEAST_ORACLE = 0.9


def make_html_examples(
    pages: Iterable[GoldPage], seed: int = 0, sizes: Sequence[int] = SITE_SIZES, cache: Path | None = None
) -> Examples:
    """Segment, label and measure gold pages as parts of their sites: random groups, or whole sites (`sizes=()`).

    `x` is what `html_features` gives; the dumps (style "html") are the pages' rows joined by newlines, without the
    HTML. Pages below LEAST_ORACLE stay in, undecided and of unknown labels (`count_undecided`): to score, not to teach.
    Labels are kept in `cache`. Raises ValueError for a page without HTML, and where there is no page.
    """
    random = np.random.default_rng(seed)
    by_site: dict[tuple[str, str], list[GoldPage]] = {}
    for page in pages:
        if page.html is None:
            raise ValueError(f"{page.set}/{page.site}/{page.id}: no HTML")
        by_site.setdefault((page.set, page.site), []).append(page)
    if not by_site:
        raise ValueError("no pages to make examples of")
    parts, labelled = [], []
    for site in list(by_site):
        for group in random_groups(by_site.pop(site), sizes, random):  # a site's HTML is let go once it is measured
            lines, _ = split_html([page.html for page in group])
            bounds = lines.starts[lines.page_starts].tolist()
            texts = [lines.text[start:end] for start, end in zip(bounds[:-1], bounds[1:], strict=True)]
            dumps = [label_rows(page, text, cache) for page, text in zip(group, texts, strict=True)]
            parts.append(measure_group(dumps, lines, len(labelled), html_features))
            labelled += dumps
    return join_groups(parts, labelled)


def label_rows(page: GoldPage, text: str, cache: Path | None = None) -> LabelledDump:
    """The labels of a page's rows; `text` is the rows joined by newlines. Kept labels of other rows are made again."""
    path = labels_path(cache, page, STYLE)
    record = read_labels(path)
    if record is None or record[0] != text:
        taught = teach.teach(page.html, text, page.main_text)
        rows = text.split("\n")
        best_f1 = token_f1(oracle(rows, align(rows, page.main_text)), page.main_text)
        record = [text, taught.is_main.tolist(), label_codes(taught.labels), best_f1]
        write_labels(path, record)
    _, is_main, codes, best_f1 = record
    if best_f1 < LEAST_ORACLE:
        is_main, codes = [UNDECIDED] * len(is_main), [UNKNOWN] * len(codes)
    bare = replace(page, html=None)  # the HTML of all pages would fill the memory
    return LabelledDump(bare, STYLE, text, np.array(is_main, np.int8), np.array(codes, np.uint8))


def count_undecided(examples: Examples) -> int:
    """Pages without a decided row: those whose gold their rows can't give, and those without text."""
    return sum(bool((dump.is_main == UNDECIDED).all()) for dump in examples.pages)
