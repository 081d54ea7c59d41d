"""The headline: one line of a page, chosen among all by what the line is and where it stands.

Each piece of evidence has a weight. Their sum is a line's log-odds among the lines of its page. The best line is kept
where its chance is KEPT_CHANCE at least, and labelled a title from HEADLINE_CHANCE on. The weights are those of a
conditional logit fitted on 2,494 pages with a known headline from nine dev sets, all sites weighed alike.
Cross-validated by site, the best line is the headline on .92 of the pages from HTML and on .71 from dumps; the
outline's title was it on .55 (benchmarks/rules.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from declutter.stages.features import Columns, dom_of, outline_of
from declutter.stages.features.outline import LEAST_TITLE_WORDS

HEADLINE_CHANCE = 0.5  # of those labelled at least so likely, .95 are headlines in HTML and .83 in dumps
LEAST_DUMP_SCORE, LEAST_OVERLAP = 0.1, 0.2  # one of both must be reached in a dump: a banner reaches neither
KEPT_CHANCE = 0.15  # kept for .15 rather than .3, 4 points more headlines of dumps stay, at the same token F1
LONGEST_HEADLINE = 40.0  # words
TEXT_SCORE = 0.5  # a score from which on a line of prose is the page's text
COUNTED_WORDS = 60.0  # of one line, in what is said of the text around it
FOLLOWING_LINES = 10
NEARLY_NOTHING = 0.02  # share of the page's expected text above a line
LONG_HEADLINE = 25.0  # words
DATED_WORDS, DATED_DIGITS = 10.0, 0.25  # a line so short, with such a share of digits, is a date or time
GRID = 4096.0  # parts of a word and of a chance: sums on a grid are exact, so that a page is judged alike in any batch


class Headline(NamedTuple):
    """What is chosen."""

    is_best: np.ndarray  # bool (n,): the line of its page that is most likely the headline
    chance: np.ndarray  # float64 (n,), 0..1: that the page's headline says what the line says
    is_headline: np.ndarray  # bool (n,): the best line where it is likely enough, and no prose of a dump

    @property
    def is_kept(self) -> np.ndarray:
        return self.is_best & (self.chance >= KEPT_CHANCE)


class _Evidence:
    """What is asked of the lines, found once: columns of one value a line that is not blank."""

    def __init__(self, columns: Columns, score: np.ndarray):
        self.c, self.score = columns, score
        c = columns
        mass = np.rint(np.minimum(c.words, COUNTED_WORDS).astype(np.float64) * score * GRID) / GRID
        self.following = c.window_sum(mass, -1, FOLLOWING_LINES)
        self.above_share = c.window_sum(mass, c.n, -1) / np.maximum(c.page_sum(mass), 1)
        self.above_text = c.page_first((score >= TEXT_SCORE) & c.is_prose) - c.row
        self.above_core = outline_of(c).core[0] - c.row if c.n else c.row
        self.is_dated = (c.words <= DATED_WORDS) & (c.digit_share >= DATED_DIGITS)


#: (weight in HTML, weight in dumps, evidence).
ALONG_TEXT: tuple[tuple[float, float, Callable[[_Evidence], np.ndarray]], ...] = (
    (2.04, 2.70, lambda e: e.score),
    (-1.63, -2.77, lambda e: e.above_text <= 0),
    (-0.57, -0.45, lambda e: np.log1p(np.maximum(e.above_text, 0))),
    (1.57, 1.04, lambda e: e.above_share < NEARLY_NOTHING),
    (0.0, -1.68, lambda e: e.above_share),
    (0.0, 0.16, lambda e: np.log1p(e.following)),
    (1.38, 2.73, lambda e: e.c.measures.page_overlap),
    (-0.38, -0.37, lambda e: np.log1p(e.c.row - e.c.first_row)),
    (1.69, 3.46, lambda e: e.c.window_mean(e.c.is_template, 3)),
    (-1.34, -1.49, lambda e: outline_of(e.c).template),
    (-1.21, -2.40, lambda e: e.c.site_share),
    (0.0, 2.52, lambda e: outline_of(e.c).template & (e.c.occurrence > 0)),  # a menu's entry, said again by its page
    (-0.46, -0.94, lambda e: np.minimum(e.c.measures.sentence_ends, 2)),
    (0.68, 0.0, lambda e: e.c.is_prose),
    (0.70, 0.0, lambda e: e.c.shifted(e.is_dated, 1, False) | e.c.shifted(e.is_dated, 2, False)),
    (0.0, 1.33, lambda e: e.c.window_sum(e.is_dated, 0, 4) > 0),
    (0.0, 1.17, lambda e: np.log1p(np.minimum(e.c.words, 30))),
    (0.0, -1.23, lambda e: e.c.words < 2),
    (0.0, -2.42, lambda e: e.c.words > LONG_HEADLINE),
    (0.0, -5.22, lambda e: e.c.digit_share),
    (0.0, -0.33, lambda e: np.log1p(np.maximum(-e.above_core, 0))),
    (0.0, -2.01, lambda e: e.c.phrase),
    (0.0, -1.0, lambda e: e.c.is_prose & e.c.ends_sentence),
    (0.0, -4.0, lambda e: e.c.has_bullet),
)
IN_DOM: tuple[tuple[float, Callable[[_Evidence], np.ndarray]], ...] = (
    (3.67, lambda e: dom_of(e.c)["is_h1"] > 0),
    (3.24, lambda e: dom_of(e.c).heading_level == 2),
    (1.78, lambda e: dom_of(e.c).heading_level >= 3),
    (3.47, lambda e: dom_of(e.c)["is_title"] == 1),
    (2.53, lambda e: dom_of(e.c)["is_title"] == 2),
    (-0.62, lambda e: np.log1p(dom_of(e.c)["repeat_siblings"])),
    (1.89, lambda e: 1.0 / (1.0 + dom_of(e.c)["near_c_content"])),
    (3.23, lambda e: 1.0 / (1.0 + dom_of(e.c)["near_article"])),
    (-14.17, lambda e: 1.0 / (1.0 + dom_of(e.c)["near_nav"])),
)


def choose_headline(columns: Columns, score: np.ndarray, candidates: np.ndarray) -> Headline:
    """The headline of each page among the `candidates` (bool, n).

    `score` float32 (n,) is P(line is main content), 0..1, of a model or of the rules.

    A page without a line that could be one has none.
    """
    c = columns
    evidence = _Evidence(c, score)
    in_html = bool(c.lines.dom)
    odds = np.zeros(c.n)
    for of_html, of_dump, said in ALONG_TEXT:
        weight = of_html if in_html else of_dump
        if weight:
            odds += weight * said(evidence)
    if in_html:
        for weight, said in IN_DOM:
            odds += weight * said(evidence)
    may_be = (c.words <= LONGEST_HEADLINE) & (c.letters >= 2) & ~c.ends_colon & candidates
    may_be &= in_html | (c.words >= LEAST_TITLE_WORDS)  # a dump's single word above its text is a site's name
    may_be &= in_html | (score >= LEAST_DUMP_SCORE) | (c.measures.page_overlap >= LEAST_OVERLAP)
    odds = np.where(may_be, np.rint(odds * GRID) / GRID, -np.inf)
    best = c.page_max(odds)
    is_best = may_be & (c.row == c.page_first(may_be & (odds == best)))
    parts = np.rint(np.exp(odds - np.where(np.isfinite(best), best, 0.0)) * GRID) / GRID
    number, n_numbers = c.numbered(c.measures.fingerprint)
    of_text = np.bincount(number, weights=parts, minlength=n_numbers)[number] if c.n else parts
    chance = of_text / np.maximum(c.page_sum(parts), 1.0)
    is_heading = np.full(c.n, in_html) | ~(c.is_prose & c.ends_sentence)
    return Headline(is_best, chance, is_best & (chance >= HEADLINE_CHANCE) & is_heading)


def copies(columns: Columns, is_headline: np.ndarray) -> np.ndarray:
    """bool (n,): lines that say what the headline of their page says, the headline itself included."""
    c, lines, rows = columns, columns.lines, columns.measures.rows
    headline_row = c.page_last(is_headline)
    has_one = headline_row >= c.first_row
    prints = c.measures.fingerprint
    alike = has_one & (prints == prints[np.where(has_one, headline_row, c.row)]) & ~is_headline
    found = is_headline.copy()
    for row in alike.nonzero()[0].tolist():  # fingerprints leave digits out
        found[row] = lines[rows[row]].strip() == lines[rows[headline_row[row]]].strip()
    return found
