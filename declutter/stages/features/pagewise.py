"""Page-aware combinations of columns: sums over the lines around, neighbours, runs, and what is said of a page.

No line sees beyond its page, so that a page is judged the same alone and in any batch. kernels/columns.c does the same
in C where it could be compiled: ten times as fast for a page alone, where NumPy's calls cost more than its work.
"""

from __future__ import annotations

import os
from functools import cached_property

import numpy as np

try:
    from declutter.stages.kernels import columns as kernel
except ImportError:  # not compiled where declutter was installed: NumPy does the same, slower
    kernel = None

GAIN_GRID = 1024  # parts of a word in which gains are counted
SEED = int.from_bytes(os.urandom(8), "little")  # of the kernel's tables: no page can be made to fill them badly


class Pagewise:
    """The rows of some pages, one after the other. A column has one value a row, (n,)."""

    def __init__(self, page_starts: np.ndarray):
        """page_starts: int64 (n_pages + 1,), where each page begins; the last one is n."""
        self.page_starts = page_starts
        self.n = int(page_starts[-1])
        self.row = np.arange(self.n)

    @cached_property
    def page(self) -> np.ndarray:
        """int64 (n,): the number of the row's page."""
        return np.repeat(np.arange(len(self.page_starts) - 1), self.page_sizes)

    @cached_property
    def page_sizes(self) -> np.ndarray:
        return self.page_starts[1:] - self.page_starts[:-1]

    @cached_property
    def first_row(self) -> np.ndarray:
        return np.repeat(self.page_starts[:-1], self.page_sizes)

    @cached_property
    def beyond_row(self) -> np.ndarray:
        return np.repeat(self.page_starts[1:], self.page_sizes)

    @cached_property
    def n_lines(self) -> np.ndarray:
        """int64 (n,): how many rows the row's page has."""
        return self.beyond_row - self.first_row

    # sums over the lines around

    def window_sum(self, column: np.ndarray, before: int, after: int) -> np.ndarray:
        """The sum over the lines from `before` lines above to `after` lines below, inside the page; float64."""
        if kernel is not None:
            found = np.empty(self.n)
            kernel.window_sum(column, self.page_starts, before, after, found)
            return found
        sums = np.zeros(self.n + 1)
        np.cumsum(column, out=sums[1:])
        beyond, first = (
            np.minimum(self.row + after + 1, self.beyond_row),
            np.maximum(self.row - before, self.first_row),
        )
        return sums[beyond] - sums[first]

    def window_mean(self, column: np.ndarray, reach: int) -> np.ndarray:
        """The mean over the lines up to `reach` lines away, inside the page; float64."""
        if kernel is not None:
            found = np.empty(self.n)
            kernel.window_mean(column, self.page_starts, reach, found)
            return found
        size = np.minimum(self.row + reach + 1, self.beyond_row) - np.maximum(self.row - reach, self.first_row)
        return self.window_sum(column, reach, reach) / size

    def window_share(self, part: np.ndarray, whole: np.ndarray, before: int, after: int) -> np.ndarray:
        """The window sum of `part` by that of `whole`, or by 1 where that is less; float64."""
        if kernel is not None:
            found = np.empty(self.n)
            kernel.window_share(part, whole, self.page_starts, before, after, found)
            return found
        return self.window_sum(part, before, after) / np.maximum(self.window_sum(whole, before, after), 1)

    def page_sum(self, column: np.ndarray) -> np.ndarray:
        """The sum over the line's page; float64."""
        return self.window_sum(column, self.n, self.n)

    # neighbours and runs

    def shifted(self, column: np.ndarray, by: int, outside: float = 0.0) -> np.ndarray:
        """The column's value `by` lines further on (back where negative), `outside` beyond the page's edge."""
        if kernel is not None:
            moved = np.empty(self.n, column.dtype)
            kernel.shifted(column, self.page_starts, by, outside, moved)
            return moved
        moved = np.full(self.n, outside, column.dtype)
        source = self.row + by
        inside = (source >= self.first_row) & (source < self.beyond_row)
        moved[inside] = column[source[inside]]
        return moved

    def lines_since(self, marks: np.ndarray) -> np.ndarray:
        """How many lines above the nearest marked line of the page stands (0: this line); -1 where there is none."""
        if kernel is not None:
            distance = np.empty(self.n, np.int64)
            kernel.lines_since(marks, self.page_starts, distance)
            return distance
        last = np.maximum.accumulate(np.where(marks, self.row, -1))
        return np.where(last >= self.first_row, self.row - last, -1)

    def lines_until(self, marks: np.ndarray) -> np.ndarray:
        """How many lines below the nearest marked line of the page stands; -1 where there is none."""
        if kernel is not None:
            distance = np.empty(self.n, np.int64)
            kernel.lines_until(marks, self.page_starts, distance)
            return distance
        following = np.minimum.accumulate(np.where(marks, self.row, self.n)[::-1])[::-1]
        return np.where(following < self.beyond_row, following - self.row, -1)

    def run_bounds(self, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of the run of marked lines each marked line stands in; of itself elsewhere."""
        joined = np.zeros(self.n, bool)
        np.logical_and(marks[1:], marks[:-1], out=joined[1:])
        return self.joined_bounds(joined)

    def joined_bounds(self, joined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of each line's run; `joined` says which lines belong to that of the line above."""
        if kernel is not None:
            first, beyond = np.empty(self.n, np.int64), np.empty(self.n, np.int64)
            kernel.run_bounds(joined, self.page_starts, first, beyond)
            return first, beyond
        breaks = np.ones(self.n + 1, bool)
        breaks[:-1] = ~joined
        breaks[self.page_starts] = True
        edges = np.flatnonzero(breaks)
        run = np.cumsum(breaks[:-1]) - 1
        return edges[run], edges[run + 1]

    # what is said of a page, for each of its lines

    def page_first(self, marks: np.ndarray) -> np.ndarray:
        """The first marked row of each line's page; the row beyond the page where there is none."""
        if kernel is not None:
            rows = np.empty(self.n, np.int64)
            kernel.page_first(marks, self.page_starts, rows)
            return rows
        return self._page_extreme(np.where(marks, self.row, self.beyond_row), np.minimum)

    def page_last(self, marks: np.ndarray) -> np.ndarray:
        """The last marked row of each line's page; the row before the page where there is none."""
        if kernel is not None:
            rows = np.empty(self.n, np.int64)
            kernel.page_last(marks, self.page_starts, rows)
            return rows
        return self._page_extreme(np.where(marks, self.row, self.first_row - 1), np.maximum)

    def page_max(self, column: np.ndarray) -> np.ndarray:
        """The greatest value of the column on each line's page."""
        if kernel is not None:
            greatest = np.empty(self.n, column.dtype)
            kernel.page_max(column, self.page_starts, greatest)
            return greatest
        return self._page_extreme(column, np.maximum)

    def _page_extreme(self, column: np.ndarray, extreme: np.ufunc) -> np.ndarray:
        filled = self.page_sizes > 0
        values = np.zeros(len(filled), column.dtype)
        if filled.any():
            values[filled] = extreme.reduceat(column, self.page_starts[:-1][filled])
        return values[self.page]

    def best_segment(self, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(first row, row beyond, gain) of the page's best segment, for each line: the run with the greatest gain.

        `gain` is float64. Gains are counted in whole numbers, so that ties are broken the same way for a page alone
        and in a batch: of runs that gain as much, the one that ends first is the best, and of those the shortest.
        """
        if kernel is not None:
            first, beyond, best = (
                np.empty(self.n, np.int64),
                np.empty(self.n, np.int64),
                np.empty(self.n),
            )
            kernel.best_segment(gain, self.page_starts, GAIN_GRID, first, beyond, best)
            return first, beyond, best
        return self._best_segment(gain)

    def _best_segment(self, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Kadane's algorithm by prefix sums: the best end is where the sum stands highest above its lowest before.

        Both are running extremes, kept apart by page through an offset that falls from page to page.
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
        is_filled = self.page_sizes > 0
        starts = self.page_starts[:-1][is_filled]
        best = np.maximum.reduceat(rise, starts)
        of_page = (np.cumsum(is_filled) - 1)[self.page]
        at_best = np.where(rise == best[of_page], self.row, self.n)
        end = np.minimum.reduceat(at_best, starts)[of_page]
        first = lowest_row[end]
        return first, end + 1, best[of_page] / GAIN_GRID

    # what stands several times on a page

    def numbered(self, keys: np.ndarray) -> tuple[np.ndarray, int]:
        """(int64 (n,), how many): the same number for the same key (uint64) of the same page, counted from 0."""
        number = np.empty(self.n, np.int64)
        if kernel is not None:
            return number, kernel.number_keys(keys, self.page_starts, SEED, number)
        order = np.lexsort((keys, self.page))
        is_new = np.ones(self.n, bool)
        is_new[1:] = (keys[order][1:] != keys[order][:-1]) | (self.page[order][1:] != self.page[order][:-1])
        number[order] = np.cumsum(is_new) - 1
        return number, int(is_new.sum())

    def counted(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(int64 (n,), int64 (n,)): how often each key (uint64) stands above on its page, and how often at all."""
        number, n_distinct = self.numbered(keys)
        occurrence, total = np.empty(self.n, np.int64), np.empty(self.n, np.int64)
        if kernel is not None:
            kernel.count_numbers(number, n_distinct, occurrence, total)
            return occurrence, total
        order = np.argsort(number, kind="stable")
        counts = np.bincount(number, minlength=n_distinct)
        occurrence[order] = self.row - np.repeat(np.cumsum(counts) - counts, counts)
        return occurrence, counts[number]
