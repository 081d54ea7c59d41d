"""Cohesion: which lines speak of what the page's text speaks of, in any language.

An article says its words again: a line of it shares words with the lines around it and with the page's densest run. The
teaser of another article, however long, shares little but the words that every text has. Those are told by their
number on the page, so that no list of stop words is needed (Hearst 1997, TextTiling, finds topics the same way).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from declutter.stages.features.columns import Columns
from declutter.stages.features.outline import outline_of

try:
    from declutter.stages.kernels import columns as kernel
except ImportError:  # not compiled where declutter was installed: NumPy does the same, slower
    kernel = None

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
        if kernel is not None:
            self.n_distinct = kernel.number_words(hashes, self.page_words, SLOTS_A_WORD, self.word)
        else:
            number = np.unique(self._slots(hashes), return_inverse=True)[1]
            self.word[:] = number
            self.n_distinct = int(number.max(initial=-1)) + 1

    @cached_property
    def line(self) -> np.ndarray:
        """int64 (n_words,): the line of each word."""
        return np.repeat(self.c.row, np.diff(self.word_starts))

    def _slots(self, hashes: np.ndarray) -> np.ndarray:
        """int64 (n_words,): the place of each word in the table of its page.

        A page has a table of its own, as large as its words ask for, so that it is judged the same in any batch.
        """
        n_words = np.diff(self.page_words)
        page = np.repeat(np.arange(len(n_words)), n_words)
        bits = np.ceil(np.log2(SLOTS_A_WORD * np.maximum(n_words, 1))).astype(np.int64)
        starts = np.cumsum(1 << bits) - (1 << bits)
        return starts[page] + (hashes >> (64 - bits).astype(np.uint64)[page]).astype(np.int64)

    def of_line(self, marks: np.ndarray) -> np.ndarray:
        """float64 (n,): how many of each line's words are marked; marks is bool (n_words,)."""
        if kernel is not None:
            counts = np.empty(self.c.n)
            kernel.words_of_lines(marks, self.word_starts, counts)
            return counts
        return np.bincount(self.line[marks], minlength=self.c.n).astype(np.float64)

    @cached_property
    def is_content(self) -> np.ndarray:
        """bool (n_words,): not one of the words that every text has."""
        if kernel is not None:
            marks = np.empty(len(self.word), bool)
            kernel.rare_words(self.word, self.page_words, self.n_distinct, COMMON_AT_LEAST, COMMON_SHARE, marks)
            return marks
        number = np.bincount(self.word, minlength=1)[self.word]
        n_words = np.diff(self.page_words)
        return number < np.maximum(COMMON_AT_LEAST, COMMON_SHARE * np.repeat(n_words, n_words))

    def elsewhere_in(self, lines: np.ndarray) -> np.ndarray:
        """float64 (n,): content words of each line that stand in another of the marked lines (bool, n) of its page."""
        if kernel is not None:
            counts = np.empty(self.c.n)
            kernel.words_elsewhere(self.word, self.word_starts, self.n_distinct, lines, self.is_content, counts)
            return counts
        owner = np.full(self.n_distinct, -1, np.int64)  # a marked line that has the word, or -2 where several have
        inside = lines[self.line]
        words, owners = self.word[inside], self.line[inside]
        owner[words] = owners
        owner[words[owner[words] != owners]] = -2
        found = owner[self.word]
        return self.of_line(((found == -2) | ((found >= 0) & (found != self.line))) & self.is_content)

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
        if kernel is not None:
            kernel.gaps(self.word, self.word_starts, self.n_distinct, FAR, gap)
            return gap
        order = np.argsort(self.word, kind="stable")  # by word, then by line
        word, line = self.word[order], self.line[order]
        is_new = np.ones(len(word), bool)
        is_new[1:] = (word[1:] != word[:-1]) | (line[1:] != line[:-1])
        distinct = np.flatnonzero(is_new)
        steps = np.diff(line[distinct])
        steps[np.diff(word[distinct]) != 0] = FAR
        far = np.array([FAR])
        nearest = np.minimum(np.concatenate([far, steps]), np.concatenate([steps, far]))[: len(distinct)]
        gap[order] = nearest[np.cumsum(is_new) - 1]
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
    if "cohesion" not in columns.__dict__:
        columns.__dict__["cohesion"] = Cohesion(columns)
    return columns.__dict__["cohesion"]
