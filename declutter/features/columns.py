"""Columns: what features and rules are made of, one value a line that is not blank, and page-aware ways to combine."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from declutter import scripts
from declutter.lines import Lines, Measures, Repeats

LONG_WORDS = 15.0  # a line from this length on is more often prose than not, in every script measured
SHORT_WORDS = 8.0  # a line below this length is more often a link or a label
GAIN_GRID = 1024  # parts of a word in which gains are counted
TEMPLATE_SHARE = 0.3  # a line on this share of a site's pages (and on two) is a template line


class Columns:
    """The columns that features are made of, and page-aware ways to combine them."""

    def __init__(self, lines: Lines, measures: Measures, repeats: Repeats):
        self.lines, self.measures, self.repeats = lines, measures, repeats
        self.n = len(measures)
        self.page_starts = measures.page_starts
        sizes = np.diff(self.page_starts)
        self.page = np.repeat(np.arange(len(sizes)), sizes)
        self.first_row = np.repeat(self.page_starts[:-1], sizes)
        self.beyond_row = np.repeat(self.page_starts[1:], sizes)
        self.row = np.arange(self.n)

    # page-aware combinations

    def shifted(self, column: np.ndarray, by: int, outside: float = 0.0) -> np.ndarray:
        """The column's value `by` lines further on (back where negative), `outside` beyond the page's edge."""
        moved = np.full(self.n, outside, column.dtype)
        if abs(by) < self.n:
            if by > 0:
                moved[:-by] = np.where(self.row[:-by] + by < self.beyond_row[:-by], column[by:], outside)
            else:
                moved[-by:] = np.where(self.row[-by:] + by >= self.first_row[-by:], column[:by], outside)
        return moved

    def window_sum(self, column: np.ndarray, before: int, after: int) -> np.ndarray:
        """The sum over the lines from `before` lines above to `after` lines below, inside the page; float64."""
        sums = np.zeros(self.n + 1)
        np.cumsum(column, out=sums[1:])
        beyond, first = np.minimum(self.row + after + 1, self.beyond_row), np.maximum(self.row - before, self.first_row)
        return sums[beyond] - sums[first]

    def window_mean(self, column: np.ndarray, reach: int) -> np.ndarray:
        size = np.minimum(self.row + reach + 1, self.beyond_row) - np.maximum(self.row - reach, self.first_row)
        return self.window_sum(column, reach, reach) / size

    def page_sum(self, column: np.ndarray) -> np.ndarray:
        """The sum over the line's page; float64."""
        sums = np.zeros(self.n + 1)
        np.cumsum(column, out=sums[1:])
        return sums[self.beyond_row] - sums[self.first_row]

    def lines_since(self, marks: np.ndarray) -> np.ndarray:
        """How many lines above the nearest marked line of the page stands (0: this line); -1 where there is none."""
        last = np.maximum.accumulate(np.where(marks, self.row, -1))
        return np.where(last >= self.first_row, self.row - last, -1)

    def lines_until(self, marks: np.ndarray) -> np.ndarray:
        """How many lines below the nearest marked line of the page stands; -1 where there is none."""
        following = np.minimum.accumulate(np.where(marks, self.row, self.n)[::-1])[::-1]
        return np.where(following < self.beyond_row, following - self.row, -1)

    def run_bounds(self, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of the run of marked lines each marked line stands in; of itself elsewhere."""
        breaks = np.ones(self.n + 1, bool)
        breaks[1:-1] = ~(marks[1:] & marks[:-1]) | (self.page[1:] != self.page[:-1])
        edges = np.flatnonzero(breaks)
        run = np.cumsum(breaks[:-1]) - 1
        return edges[run], edges[run + 1]

    # what a line is

    @cached_property
    def words(self) -> np.ndarray:
        return self.measures.words

    @cached_property
    def counts(self) -> np.ndarray:
        return self.measures.counts.astype(np.float32)

    @cached_property
    def letters(self) -> np.ndarray:
        return self.counts[:, : scripts.N_WORD_CLASSES].sum(axis=1) - self.counts[:, scripts.DIGIT]

    @cached_property
    def visible_chars(self) -> np.ndarray:
        return self.counts[:, : scripts.N_VISIBLE_CLASSES].sum(axis=1)

    @cached_property
    def ends_sentence(self) -> np.ndarray:
        final = self.measures.final_class
        return (final == scripts.SENTENCE_END) | (final == scripts.ELLIPSIS)

    @cached_property
    def ends_colon(self) -> np.ndarray:
        return self.measures.final_class == scripts.COLON

    @cached_property
    def has_bullet(self) -> np.ndarray:
        first = self.measures.first_class
        return (first == scripts.BULLET) | (first == scripts.DASH)

    @cached_property
    def is_long(self) -> np.ndarray:
        return self.words >= LONG_WORDS

    @cached_property
    def is_prose(self) -> np.ndarray:
        """Long, or of sentences: what running text is made of."""
        return self.is_long | ((self.words >= SHORT_WORDS) & self.ends_sentence)

    @cached_property
    def is_short(self) -> np.ndarray:
        return (self.words < SHORT_WORDS) & ~self.ends_sentence

    @cached_property
    def phrase(self) -> np.ndarray:
        return self.measures.phrases.max(axis=1, initial=0.0)

    @cached_property
    def blank_before(self) -> np.ndarray:
        """Blank lines between this line and the one above, on its page."""
        rows = self.measures.rows
        above = np.concatenate(([-1], rows[:-1]))
        page_first = self.lines.page_starts[:-1][self.page]
        return rows - np.maximum(above, page_first - 1) - 1

    # repetition

    @cached_property
    def page_repeats(self) -> np.ndarray:
        """How often the line stands on its own page."""
        return np.bincount(self._number_on_page, minlength=1)[self._number_on_page]

    @cached_property
    def occurrence(self) -> np.ndarray:
        """0 for the first time a line stands on its page, 1 for the second, ..."""
        number, order = np.divmod(np.sort(self._number_on_page * self.n + self.row), max(self.n, 1))
        first = np.searchsorted(number, np.arange(self.n))
        occurrence = np.empty(self.n, np.int64)
        occurrence[order] = self.row - first[number]
        return occurrence

    @cached_property
    def _number_on_page(self) -> np.ndarray:
        """int64 (n,): the same for the same line of the same page."""
        key = scripts.splitmix64(self.measures.fingerprint + self.page.astype(np.uint64))
        return np.unique(key, return_inverse=True)[1]

    @cached_property
    def site_share(self) -> np.ndarray:
        """Share of the site's other pages that have the line: 0 where nothing is known of the site."""
        others = np.maximum(self.repeats.site_pages - 1, 1)
        return (self.repeats.pages_with - 1) / others

    @cached_property
    def is_template(self) -> np.ndarray:
        repeats = self.repeats
        # two of five is chance: a headline listed beside another article
        least = np.where(repeats.site_pages >= 5, 3, 2)
        return (repeats.pages_with >= least) & (repeats.pages_with >= TEMPLATE_SHARE * repeats.site_pages)

    @cached_property
    def has_template_prefix(self) -> np.ndarray:
        """The line begins with words and a colon that stand on many pages of the site ("Source:", "Read also:")."""
        repeats = self.repeats
        often = (repeats.prefix_pages >= 2) & (repeats.prefix_pages >= TEMPLATE_SHARE * repeats.site_pages)
        return often & (repeats.prefix_pages > repeats.pages_with)  # not for being the same line

    # runs

    def best_segment(self, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(first row, row beyond, gain) of the page's best segment, for each line: the run with the greatest gain.

        Kadane's algorithm by prefix sums: the best end is where the sum stands highest above its lowest point before.
        Both are running extremes, kept apart by page through an offset that falls from page to page. Gains are counted
        in whole numbers, so that ties are broken the same way for a page alone and in a batch.
        """
        if not self.n:
            return self.row, self.row, gain
        gain = np.rint(gain * GAIN_GRID).astype(np.int64)
        fall = (np.abs(gain).sum() + 1) * self.page
        sums = np.cumsum(gain) - fall
        before = sums - gain
        lowest = np.minimum.accumulate(before)
        lowest_row = np.maximum.accumulate(np.where(before == lowest, self.row, 0))
        rise = sums - lowest
        is_filled = np.diff(self.page_starts) > 0
        starts = self.page_starts[:-1][is_filled]
        best = np.maximum.reduceat(rise, starts)
        of_page = (np.cumsum(is_filled) - 1)[self.page]
        at_best = np.where(rise == best[of_page], self.row, self.n)
        end = np.minimum.reduceat(at_best, starts)[of_page]
        first = lowest_row[end]
        return first, end + 1, best[of_page] / GAIN_GRID


def page_first(c: Columns, marks: np.ndarray) -> np.ndarray:
    """The first marked row of each line's page; the row beyond the page where there is none."""
    return _page_extreme(c, np.where(marks, c.row, c.beyond_row), np.minimum)


def page_last(c: Columns, marks: np.ndarray) -> np.ndarray:
    """The last marked row of each line's page; the row before the page where there is none."""
    return _page_extreme(c, np.where(marks, c.row, c.first_row - 1), np.maximum)


def page_max(c: Columns, column: np.ndarray) -> np.ndarray:
    """The greatest value of the column on each line's page."""
    return _page_extreme(c, column, np.maximum)


def _page_extreme(c: Columns, column: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    filled = np.diff(c.page_starts) > 0
    values = np.zeros(len(filled), column.dtype)
    if filled.any():
        values[filled] = extreme.reduceat(column, c.page_starts[:-1][filled])
    return values[c.page]
