"""The NumPy twin of columns.c: page-aware combinations of columns, and the words that lines share.

Rows are lines, those of one page after those of another; `page_starts` is int64 (n_pages + 1,), where each page begins,
the last one n. `word_starts` says the same of the words of each line, `page_words` of the words of each page. The last
arguments are written to: their dtypes are int64 where they hold rows, numbers and counts of rows, else as stated.
"""

from __future__ import annotations

import numpy as np


class _Pages:
    """Where the page of each row begins and ends."""

    def __init__(self, page_starts: np.ndarray):
        self.starts, self.sizes = page_starts, np.diff(page_starts)
        self.row = np.arange(page_starts[-1])
        self.first, self.beyond = np.repeat(page_starts[:-1], self.sizes), np.repeat(page_starts[1:], self.sizes)

    @property
    def page(self) -> np.ndarray:
        """int64 (n,): the number of the row's page."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


# ---- sums over the lines around ----


def window_sum(column: np.ndarray, page_starts: np.ndarray, before: int, after: int, sums: np.ndarray) -> None:
    """The sum over the lines from `before` lines above to `after` lines below, inside the page; float64."""
    pages = _Pages(page_starts)
    sums_before = np.zeros(len(column) + 1)
    np.cumsum(column, out=sums_before[1:])
    beyond = np.minimum(pages.row + after + 1, pages.beyond)
    first = np.maximum(pages.row - before, pages.first)
    np.subtract(sums_before[beyond], sums_before[first], out=sums)


def window_mean(column: np.ndarray, page_starts: np.ndarray, reach: int, means: np.ndarray) -> None:
    """The mean over the lines up to `reach` lines away, inside the page; float64."""
    pages = _Pages(page_starts)
    window_sum(column, page_starts, reach, reach, means)
    means /= np.minimum(pages.row + reach + 1, pages.beyond) - np.maximum(pages.row - reach, pages.first)


def window_share(
    part: np.ndarray, whole: np.ndarray, page_starts: np.ndarray, before: int, after: int, shares: np.ndarray
) -> None:
    """The window sum of `part` by that of `whole`, or by 1 where that is less; float64."""
    sums = np.empty(len(whole))
    window_sum(whole, page_starts, before, after, sums)
    window_sum(part, page_starts, before, after, shares)
    shares /= np.maximum(sums, 1)


# ---- neighbours and runs ----


def shifted(column: np.ndarray, page_starts: np.ndarray, by: int, outside: float, moved: np.ndarray) -> None:
    """The column's value `by` lines further on, `outside` beyond the page's edge; the dtype of `column`."""
    pages = _Pages(page_starts)
    moved[:] = outside
    source = pages.row + by
    inside = (source >= pages.first) & (source < pages.beyond)
    moved[inside] = column[source[inside]]


def lines_since(marks: np.ndarray, page_starts: np.ndarray, distance: np.ndarray) -> None:
    """How many lines above the nearest marked line of the page stands (0: this line); -1 where there is none."""
    pages = _Pages(page_starts)
    last = np.maximum.accumulate(np.where(marks, pages.row, -1))
    distance[:] = np.where(last >= pages.first, pages.row - last, -1)


def lines_until(marks: np.ndarray, page_starts: np.ndarray, distance: np.ndarray) -> None:
    """How many lines below the nearest marked line of the page stands; -1 where there is none."""
    pages = _Pages(page_starts)
    following = np.minimum.accumulate(np.where(marks, pages.row, len(marks))[::-1])[::-1]
    distance[:] = np.where(following < pages.beyond, following - pages.row, -1)


def run_bounds(joined: np.ndarray, page_starts: np.ndarray, first: np.ndarray, beyond: np.ndarray) -> None:
    """The bounds of each line's run; `joined` (bool) says which lines belong to the run of the line above."""
    breaks = np.ones(len(joined) + 1, bool)
    breaks[:-1] = ~joined
    breaks[page_starts] = True
    edges = np.flatnonzero(breaks)
    run = np.cumsum(breaks[:-1]) - 1
    first[:], beyond[:] = edges[run], edges[run + 1]


# ---- one value for all lines of a page ----


def page_first(marks: np.ndarray, page_starts: np.ndarray, rows: np.ndarray) -> None:
    """The first marked row of each line's page; the row beyond the page where there is none."""
    pages = _Pages(page_starts)
    _page_extreme(np.where(marks, pages.row, pages.beyond), pages, np.minimum, rows)


def page_last(marks: np.ndarray, page_starts: np.ndarray, rows: np.ndarray) -> None:
    """The last marked row of each line's page; the row before the page where there is none."""
    pages = _Pages(page_starts)
    _page_extreme(np.where(marks, pages.row, pages.first - 1), pages, np.maximum, rows)


def page_max(column: np.ndarray, page_starts: np.ndarray, greatest: np.ndarray) -> None:
    """The greatest value of the column on each line's page; the dtype of `column`."""
    _page_extreme(column, _Pages(page_starts), np.maximum, greatest)


def _page_extreme(column: np.ndarray, pages: _Pages, extreme: np.ufunc, values: np.ndarray) -> None:
    is_filled = pages.sizes > 0
    if is_filled.any():
        values[:] = np.repeat(extreme.reduceat(column, pages.starts[:-1][is_filled]), pages.sizes[is_filled])


def best_segment(
    gain: np.ndarray, page_starts: np.ndarray, grid: int, first: np.ndarray, beyond: np.ndarray, best: np.ndarray
) -> None:
    """The bounds of the page's run of lines with the greatest gain, for each line, and that gain (float64).

    `gain` is float64, counted in whole parts of 1 / grid. Of runs that gain as much, the one that ends first is the
    best, and of those the shortest. This is Kadane's algorithm by prefix sums: the best end is where the sum stands
    highest above its lowest before. Both are running extremes, kept apart by page through an offset that falls from
    page to page.
    """
    if not len(gain):
        return
    pages = _Pages(page_starts)
    gain = np.rint(gain * grid).astype(np.int64)
    fall = (np.abs(gain).sum() + 1) * pages.page
    sums = np.cumsum(gain) - fall
    before = sums - gain
    lowest = np.minimum.accumulate(before)
    lowest_row = np.maximum.accumulate(np.where(before == lowest, pages.row, 0))
    rise, greatest, end = sums - lowest, np.empty(len(gain), np.int64), np.empty(len(gain), np.int64)
    _page_extreme(rise, pages, np.maximum, greatest)
    _page_extreme(np.where(rise == greatest, pages.row, len(gain)), pages, np.minimum, end)
    first[:], beyond[:], best[:] = lowest_row[end], end + 1, greatest / grid


# ---- lines and words that stand several times on a page ----


def number_keys(keys: np.ndarray, page_starts: np.ndarray, seed: int, number: np.ndarray) -> int:
    """The same number for the same key (uint64) of the same page, counted from 0; returns how many there are.

    Which number a key has differs from columns.c, which needs `seed` for its tables.
    """
    page = _Pages(page_starts).page
    order = np.lexsort((keys, page))
    is_new = np.ones(len(keys), bool)
    is_new[1:] = (keys[order][1:] != keys[order][:-1]) | (page[order][1:] != page[order][:-1])
    number[order] = np.cumsum(is_new) - 1
    return int(is_new.sum())


def count_numbers(number: np.ndarray, n_distinct: int, occurrence: np.ndarray, total: np.ndarray) -> None:
    """How often each number (int64, below n_distinct) stands before, and how often at all."""
    order = np.argsort(number, kind="stable")
    counts = np.bincount(number, minlength=n_distinct)
    occurrence[order] = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    total[:] = counts[number]


def number_words(hashes: np.ndarray, page_words: np.ndarray, slots_a_word: int, word: np.ndarray) -> int:
    """A number (int32) for each word of a page, the same for hashes (uint64) that share a slot of the page's table.

    Returns how many there are. A page has a table of its own, as large as its words ask for, so that it is judged the
    same in any batch. Which number a word has differs from columns.c.
    """
    n_words = np.diff(page_words)
    page = np.repeat(np.arange(len(n_words)), n_words)
    bits = np.ceil(np.log2(slots_a_word * np.maximum(n_words, 1))).astype(np.int64)
    starts = np.cumsum(1 << bits) - (1 << bits)
    slots = starts[page] + (hashes >> (64 - bits).astype(np.uint64)[page]).astype(np.int64)
    number = np.unique(slots, return_inverse=True)[1]
    word[:] = number
    return int(number.max(initial=-1)) + 1


def rare_words(
    word: np.ndarray, page_words: np.ndarray, n_distinct: int, at_least: float, share: float, marks: np.ndarray
) -> None:
    """Which words (bool) stand on their page less than `at_least` times, or `share` of its words if that is more."""
    number = np.bincount(word, minlength=n_distinct)[word]
    n_words = np.diff(page_words)
    np.less(number, np.maximum(at_least, share * np.repeat(n_words, n_words)), out=marks)


def words_of_lines(marks: np.ndarray, word_starts: np.ndarray, counts: np.ndarray) -> None:
    """How many of each line's words are marked (bool); float64."""
    counts[:] = np.bincount(_lines(word_starts)[marks], minlength=len(counts))


def words_elsewhere(
    word: np.ndarray,
    word_starts: np.ndarray,
    n_distinct: int,
    lines: np.ndarray,
    wanted: np.ndarray,
    counts: np.ndarray,
) -> None:
    """How many of each line's wanted words (bool) stand in another of the marked lines (bool) too; float64."""
    line = _lines(word_starts)
    owner = np.full(n_distinct, -1, np.int64)  # a marked line that has the word, or -2 where several have
    inside = lines[line]
    words, owners = word[inside], line[inside]
    owner[words] = owners
    owner[words[owner[words] != owners]] = -2
    found = owner[word]
    words_of_lines(((found == -2) | ((found >= 0) & (found != line))) & wanted, word_starts, counts)


def gaps(word: np.ndarray, word_starts: np.ndarray, n_distinct: int, far: int, gap: np.ndarray) -> None:
    """Lines up to the nearest other line that has each word, `far` where there is none; int32."""
    order = np.argsort(word, kind="stable")  # by word, then by line
    words, line = word[order], _lines(word_starts)[order]
    is_new = np.ones(len(words), bool)
    is_new[1:] = (words[1:] != words[:-1]) | (line[1:] != line[:-1])
    distinct = np.flatnonzero(is_new)
    steps = np.diff(line[distinct])
    steps[np.diff(words[distinct]) != 0] = far
    edge = np.array([far])
    nearest = np.minimum(np.concatenate([edge, steps]), np.concatenate([steps, edge]))[: len(distinct)]
    gap[order] = nearest[np.cumsum(is_new) - 1]


def _lines(word_starts: np.ndarray) -> np.ndarray:
    """int64 (n_words,): the line of each word."""
    return np.repeat(np.arange(len(word_starts) - 1), np.diff(word_starts))
