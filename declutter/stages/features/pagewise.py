"""Page-aware combinations of columns: sums over the lines around, neighbours, runs, and what is said of a page.

No line sees beyond its page, so that a page is judged the same alone and in any batch. The
work is done by kernels/columns, whose compiled form is ten times as fast as NumPy for a page alone.
"""

from __future__ import annotations

import os
from functools import cached_property

import numpy as np

from declutter.stages import kernels

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
        found = np.empty(self.n)
        kernels.columns.window_sum(column, self.page_starts, before, after, found)
        return found

    def window_mean(self, column: np.ndarray, reach: int) -> np.ndarray:
        """The mean over the lines up to `reach` lines away, inside the page; float64."""
        found = np.empty(self.n)
        kernels.columns.window_mean(column, self.page_starts, reach, found)
        return found

    def window_share(self, part: np.ndarray, whole: np.ndarray, before: int, after: int) -> np.ndarray:
        """The window sum of `part` by that of `whole`, or by 1 where that is less; float64."""
        found = np.empty(self.n)
        kernels.columns.window_share(part, whole, self.page_starts, before, after, found)
        return found

    def page_sum(self, column: np.ndarray) -> np.ndarray:
        """The sum over the line's page; float64."""
        return self.window_sum(column, self.n, self.n)

    # neighbours and runs

    def shifted(self, column: np.ndarray, by: int, outside: float = 0.0) -> np.ndarray:
        """The column's value `by` lines further on (back where negative), `outside` beyond the page's edge."""
        moved = np.empty(self.n, column.dtype)
        kernels.columns.shifted(column, self.page_starts, by, outside, moved)
        return moved

    def lines_since(self, marks: np.ndarray) -> np.ndarray:
        """How many lines above the nearest marked line of the page stands (0: this line); -1 where there is none."""
        distance = np.empty(self.n, np.int64)
        kernels.columns.lines_since(marks, self.page_starts, distance)
        return distance

    def lines_until(self, marks: np.ndarray) -> np.ndarray:
        """How many lines below the nearest marked line of the page stands; -1 where there is none."""
        distance = np.empty(self.n, np.int64)
        kernels.columns.lines_until(marks, self.page_starts, distance)
        return distance

    def run_bounds(self, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of the run of marked lines each marked line stands in; of itself elsewhere."""
        joined = np.zeros(self.n, bool)
        np.logical_and(marks[1:], marks[:-1], out=joined[1:])
        return self.joined_bounds(joined)

    def joined_bounds(self, joined: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of each line's run; `joined` says which lines belong to that of the line above."""
        first, beyond = np.empty(self.n, np.int64), np.empty(self.n, np.int64)
        kernels.columns.run_bounds(joined, self.page_starts, first, beyond)
        return first, beyond

    # what is said of a page, for each of its lines

    def page_first(self, marks: np.ndarray) -> np.ndarray:
        """The first marked row of each line's page; the row beyond the page where there is none."""
        rows = np.empty(self.n, np.int64)
        kernels.columns.page_first(marks, self.page_starts, rows)
        return rows

    def page_last(self, marks: np.ndarray) -> np.ndarray:
        """The last marked row of each line's page; the row before the page where there is none."""
        rows = np.empty(self.n, np.int64)
        kernels.columns.page_last(marks, self.page_starts, rows)
        return rows

    def page_max(self, column: np.ndarray) -> np.ndarray:
        """The greatest value of the column on each line's page."""
        greatest = np.empty(self.n, column.dtype)
        kernels.columns.page_max(column, self.page_starts, greatest)
        return greatest

    def best_segment(self, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(first row, row beyond, gain) of the page's best segment, for each line: the run with the greatest gain.

        `gain` is float64. Gains are counted in whole numbers, so that ties are broken the same way for a page alone
        and in a batch: of runs that gain as much, the one that ends first is the best, and of those the shortest.
        """
        first, beyond, best = (
            np.empty(self.n, np.int64),
            np.empty(self.n, np.int64),
            np.empty(self.n),
        )
        kernels.columns.best_segment(gain, self.page_starts, GAIN_GRID, first, beyond, best)
        return first, beyond, best

    # what stands several times on a page

    def numbered(self, keys: np.ndarray) -> tuple[np.ndarray, int]:
        """(int64 (n,), how many): the same number for the same key (uint64) of the same page, counted from 0."""
        number = np.empty(self.n, np.int64)
        return number, kernels.columns.number_keys(keys, self.page_starts, SEED, number)

    def counted(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(int64 (n,), int64 (n,)): how often each key (uint64) stands above on its page, and how often at all."""
        number, n_distinct = self.numbered(keys)
        occurrence, total = np.empty(self.n, np.int64), np.empty(self.n, np.int64)
        kernels.columns.count_numbers(number, n_distinct, occurrence, total)
        return occurrence, total
