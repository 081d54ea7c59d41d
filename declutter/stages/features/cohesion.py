"""Cohesion: which lines speak of what the page's text speaks of, in any language.

An article says its words again: a line of it shares words with the lines around it and with the page's densest run. The
teaser of another article, however long, shares little but the words that every text has. Those are told by their
number on the page, so that no list of stop words is needed (Hearst 1997, TextTiling, finds topics the same way).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from declutter.stages import kernels
from declutter.stages.features.columns import Columns
from declutter.stages.features.outline import outline_of

SLOTS_A_WORD = 8  # of the table of a page's words, rounded up to a power of two: under 12% false answers
COMMON_AT_LEAST = 4  # a word that stands so often on a page, and so often among its words, is one that every text has
COMMON_SHARE = 0.01
LEAD_LINES = 3  # of the page's densest run: they say what it is about
NEAR_LINES = (2, 8)
FAR = 1 << 30  # lines; farther than any page is long


class Cohesion:
    """Numbers of words, one value a line that is not blank; shares are left to the feature table."""

    def __init__(self, columns: Columns):
        self.c = columns
        self.word_starts = columns.measures.word_starts
        hashes = columns.measures.word_hashes
        self.page_words = self.word_starts[columns.page_starts]  # int64 (n_pages + 1,), where each page's words begin
        self.word = np.empty(len(hashes), np.int32)  # the same for the same word of a page; small numbers, small tables
        self.n_distinct = kernels.columns.number_words(hashes, self.page_words, SLOTS_A_WORD, self.word)

    def of_line(self, marks: np.ndarray) -> np.ndarray:
        """float64 (n,): how many of each line's words are marked; marks is bool (n_words,)."""
        counts = np.empty(self.c.n)
        kernels.columns.words_of_lines(marks, self.word_starts, counts)
        return counts

    @cached_property
    def is_content(self) -> np.ndarray:
        """bool (n_words,): not one of the words that every text has."""
        marks = np.empty(len(self.word), bool)
        kernels.columns.rare_words(self.word, self.page_words, self.n_distinct, COMMON_AT_LEAST, COMMON_SHARE, marks)
        return marks

    def elsewhere_in(self, lines: np.ndarray) -> np.ndarray:
        """float64 (n,): content words of each line that stand in another of the marked lines (bool, n) of its page."""
        counts = np.empty(self.c.n)
        kernels.columns.words_elsewhere(self.word, self.word_starts, self.n_distinct, lines, self.is_content, counts)
        return counts

    @cached_property
    def content(self) -> np.ndarray:
        """Content words of each line."""
        return self.of_line(self.is_content)

    @cached_property
    def in_core(self) -> np.ndarray:
        """Content words of each line that stand elsewhere in the page's densest run."""
        return self.elsewhere_in(self.core_lines)

    @cached_property
    def core_lines(self) -> np.ndarray:
        first, beyond = outline_of(self.c).core
        return (self.c.row >= first) & (self.c.row < beyond)

    @cached_property
    def in_lead(self) -> np.ndarray:
        """Content words of each line that stand in the title or the first lines of the densest run."""
        c = self.c
        prose = self.core_lines & c.is_prose
        lead = prose & (c.window_sum(prose, c.n, 0) <= LEAD_LINES)
        return self.elsewhere_in(lead | (c.row == outline_of(c).title_row))

    @cached_property
    def gap(self) -> np.ndarray:
        """int32 (n_words,): lines up to the nearest other line that has the word; FAR where there is none."""
        gap = np.empty(len(self.word), np.int32)
        kernels.columns.gaps(self.word, self.word_starts, self.n_distinct, FAR, gap)
        return gap

    def near(self, reach: int) -> np.ndarray:
        """Content words of each line that stand in another line at most `reach` lines away."""
        return self.of_line((self.gap <= reach) & self.is_content)

    @cached_property
    def near_8(self) -> np.ndarray:
        return self.near(8)

    def share(self, part: str, before: int, after: int) -> np.ndarray:
        """The share of a number of words ("in_core") in the content words of the lines around (Columns.window_sum)."""
        return self.c.window_share(getattr(self, part), self.content, before, after)

    @cached_property
    def core_share(self) -> np.ndarray:
        """The share of the densest run's content words that it says in several lines."""
        c, inside = self.c, self.core_lines
        return c.page_sum(self.in_core * inside) / np.maximum(c.page_sum(self.content * inside), 1)


def cohesion_of(columns: Columns) -> Cohesion:
    """The cohesion of the columns' pages, found once."""
    return columns.derived(Cohesion)
