"""The feature table: one row a column of X, from what was measured, counted over the site, and said by neighbours.

`features(lines, measures, repeats)` gives float32 `(n_lines, n_features)` over the lines that are not blank. The
rules and the classifier read the same columns. Each feature is a (name, function) row of FEATURES; a function takes
`Columns`, which knows the pages' bounds, and returns one value a line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from declutter import scripts
from declutter.lines import Lines, Measures, Repeats
from declutter.phrases import CATEGORIES

LONG_WORDS = 15.0  # a line from this length on is more often prose than not, in every script measured
SHORT_WORDS = 8.0  # a line below this length is more often a link or a label
SEGMENT_COST_WORDS = 11.0  # what a line must bring to belong to the best segment; see benchmarks/rules.md
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
        return sums[np.minimum(self.row + after + 1, self.beyond_row)] - sums[np.maximum(self.row - before, self.first_row)]

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
        least = np.where(repeats.site_pages >= 5, 3, 2)  # two of five is chance: a headline listed beside another article
        return (repeats.pages_with >= least) & (repeats.pages_with >= TEMPLATE_SHARE * repeats.site_pages)

    @cached_property
    def has_template_prefix(self) -> np.ndarray:
        """The line begins with words and a colon that stand on many pages of the site ("Source:", "Read also:")."""
        repeats = self.repeats
        often = (repeats.prefix_pages >= 2) & (repeats.prefix_pages >= TEMPLATE_SHARE * repeats.site_pages)
        return often & (repeats.prefix_pages > repeats.pages_with)  # not for being the same line

    # the page's best segment

    @cached_property
    def gain(self) -> np.ndarray:
        """What a line brings to a segment of running text, in words; negative for what interrupts one."""
        weight = np.minimum(self.words, 60.0) * np.where(self.ends_sentence | self.is_long, 1.0, 0.7)
        gain = weight - SEGMENT_COST_WORDS
        return np.where(self.is_template | (self.phrase >= 0.6), -SEGMENT_COST_WORDS, gain)

    @cached_property
    def segment(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.best_segment(self.gain)

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


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


def _near(distance: np.ndarray, limit: int = 50) -> np.ndarray:
    """A distance in lines as a closeness: 1 here, 1/2 a line away, 0 where there is none."""
    return np.where(distance < 0, 0.0, 1.0 / (1.0 + np.minimum(np.abs(distance), limit)))


Feature = tuple[str, Callable[[Columns], np.ndarray]]

LENGTH: tuple[Feature, ...] = (
    ("words_log", lambda c: np.log1p(c.words)),
    ("chars_log", lambda c: np.log1p(c.visible_chars)),
    ("chars_a_word", lambda c: _share(c.letters, c.words)),
)
CHARACTERS: tuple[Feature, ...] = (
    ("upper_share", lambda c: _share(c.counts[:, scripts.UPPER], c.letters)),
    ("digit_share", lambda c: _share(c.counts[:, scripts.DIGIT], c.visible_chars)),
    ("comma_share", lambda c: _share(c.counts[:, scripts.COMMA], c.words)),
    ("colon_count", lambda c: c.counts[:, scripts.COLON]),
    ("separator_share", lambda c: _share(c.counts[:, scripts.SEPARATOR], c.visible_chars)),
    ("symbol_share", lambda c: _share(c.counts[:, scripts.SYMBOL], c.visible_chars)),
    ("bracket_share", lambda c: _share(c.counts[:, scripts.BRACKET], c.visible_chars)),
    ("quote_count", lambda c: np.minimum(c.counts[:, scripts.QUOTE], 8)),
    ("sentence_ends", lambda c: np.minimum(c.measures.sentence_ends, 10)),
    ("ends_sentence", lambda c: c.ends_sentence),
    ("ends_colon", lambda c: c.ends_colon),
    ("ends_ellipsis", lambda c: c.measures.final_class == scripts.ELLIPSIS),
    ("has_bullet", lambda c: c.has_bullet),
    ("starts_lower", lambda c: c.measures.first_class == scripts.LOWER),
    ("starts_digit", lambda c: c.measures.first_class == scripts.DIGIT),
    ("starts_symbol", lambda c: (c.measures.first_class >= scripts.SEPARATOR)),
    ("other_script", lambda c: _other_script(c)),
)
LAYOUT: tuple[Feature, ...] = (
    ("indent", lambda c: np.minimum(c.measures.indent_chars, 12)),
    ("blank_before", lambda c: np.minimum(c.blank_before, 4)),
    ("blank_after", lambda c: c.shifted(np.minimum(c.blank_before, 4), 1)),
    ("page_blank_share", lambda c: _share(c.page_sum(c.blank_before > 0), c.page_sum(np.ones(c.n)))),
)
POSITION: tuple[Feature, ...] = (
    ("position", lambda c: (c.row - c.first_row) / np.maximum(c.beyond_row - c.first_row - 1, 1)),
    ("lines_above_log", lambda c: np.log1p(c.row - c.first_row)),
    ("lines_below_log", lambda c: np.log1p(c.beyond_row - c.row - 1)),
    ("words_above_share", lambda c: _share(c.window_sum(c.words, 1 << 40, -1), c.page_sum(c.words))),
)
PAGE: tuple[Feature, ...] = (
    ("page_lines_log", lambda c: np.log1p(c.beyond_row - c.first_row)),
    ("page_words_log", lambda c: np.log1p(c.page_sum(c.words))),
    ("page_prose_share", lambda c: _share(c.page_sum(c.words * c.is_prose), c.page_sum(c.words))),
    ("page_short_share", lambda c: _share(c.page_sum(c.is_short), c.beyond_row - c.first_row)),
)
REPETITION: tuple[Feature, ...] = (
    ("page_repeats_log", lambda c: np.log1p(c.page_repeats - 1)),
    ("occurrence", lambda c: np.minimum(c.occurrence, 5)),
    ("site_share", lambda c: c.site_share),
    ("site_pages_log", lambda c: np.log1p(c.repeats.site_pages - 1)),
    ("pages_with_log", lambda c: np.log1p(c.repeats.pages_with - 1)),
    ("prefix_share", lambda c: (c.repeats.prefix_pages - 1) / np.maximum(c.repeats.site_pages - 1, 1)),
    ("template_near", lambda c: c.window_mean(c.is_template, 2)),
    ("template_around", lambda c: c.window_mean(c.is_template, 8)),
    ("templates_below", lambda c: _near(c.lines_until(c.is_template))),
    ("templates_above", lambda c: _near(c.lines_since(c.is_template))),
    ("page_template_share", lambda c: _share(c.page_sum(c.is_template), c.beyond_row - c.first_row)),
)
PHRASES: tuple[Feature, ...] = (
    *((f"phrase_{name}", lambda c, k=k: c.measures.phrases[:, k]) for k, name in enumerate(CATEGORIES)),
    ("phrase_near", lambda c: c.window_mean(c.phrase, 2)),
    ("phrase_around", lambda c: c.window_mean(c.phrase, 8)),
    ("since_comments", lambda c: _near(c.lines_since(c.measures.phrases[:, CATEGORIES.index("comments")] > 0.5))),
    ("since_related", lambda c: _near(c.lines_since(_heads_links(c)))),
    ("after_end_phrase", lambda c: _after_end_phrase(c)),
)
NEIGHBOURS: tuple[Feature, ...] = (
    *((f"words_log_{k:+d}", lambda c, k=k: c.shifted(np.log1p(c.words), k, -1.0)) for k in (-3, -2, -1, 1, 2, 3)),
    *((f"ends_sentence_{k:+d}", lambda c, k=k: c.shifted(c.ends_sentence, k, False)) for k in (-2, -1, 1, 2)),
    *((f"phrase_{k:+d}", lambda c, k=k: c.shifted(c.phrase, k)) for k in (-2, -1, 1, 2)),
    *((f"site_share_{k:+d}", lambda c, k=k: c.shifted(c.site_share, k)) for k in (-2, -1, 1, 2)),
    *((f"overlap_{k:+d}", lambda c, k=k: c.shifted(c.measures.page_overlap, k)) for k in (-1, 1)),
    *((f"has_bullet_{k:+d}", lambda c, k=k: c.shifted(c.has_bullet, k, False)) for k in (-1, 1)),
)
DENSITY: tuple[Feature, ...] = (
    *((f"long_within_{k}", lambda c, k=k: c.window_mean(c.is_long, k)) for k in (3, 10, 25)),
    *((f"prose_within_{k}", lambda c, k=k: c.window_mean(c.is_prose, k)) for k in (1, 3, 10)),
    *((f"words_within_{k}", lambda c, k=k: np.log1p(c.window_mean(np.minimum(c.words, 100), k))) for k in (1, 3, 10, 25)),
    ("words_above_5", lambda c: np.log1p(c.window_sum(np.minimum(c.words, 100), 5, -1))),
    ("words_below_5", lambda c: np.log1p(c.window_sum(np.minimum(c.words, 100), -1, 5))),
    ("words_below_15", lambda c: np.log1p(c.window_sum(np.minimum(c.words, 100), -1, 15))),
    ("words_above_15", lambda c: np.log1p(c.window_sum(np.minimum(c.words, 100), 15, -1))),
    ("bullets_within_3", lambda c: c.window_mean(c.has_bullet, 3)),
    ("since_prose", lambda c: _near(c.lines_since(c.is_prose))),
    ("until_prose", lambda c: _near(c.lines_until(c.is_prose))),
    ("first_prose", lambda c: _signed_log(c.row - page_first(c, c.is_prose))),
    ("last_prose", lambda c: _signed_log(c.row - page_last(c, c.is_prose))),
    ("short_run_log", lambda c: np.log1p(_run_length(c, c.is_short))),
    ("short_run_position", lambda c: np.log1p(np.where(c.is_short, c.row - c.run_bounds(c.is_short)[0], 0))),
    ("unended_run_log", lambda c: np.log1p(_run_length(c, ~c.ends_sentence))),
    ("prose_run_log", lambda c: np.log1p(_run_length(c, c.is_prose))),
)
SEGMENT: tuple[Feature, ...] = (
    ("in_segment", lambda c: (c.row >= c.segment[0]) & (c.row < c.segment[1])),
    ("segment_start", lambda c: _signed_log(c.row - c.segment[0])),
    ("segment_end", lambda c: _signed_log(c.row - c.segment[1] + 1)),
    ("segment_lines_log", lambda c: np.log1p(c.segment[1] - c.segment[0])),
    ("segment_gain_log", lambda c: np.log1p(np.maximum(c.segment[2], 0))),
    ("segment_gain_share", lambda c: _share(np.maximum(c.segment[2], 0), c.page_sum(c.words))),
    ("gain", lambda c: c.gain),
    ("overlap", lambda c: c.measures.page_overlap),
    ("overlap_within_3", lambda c: c.window_mean(c.measures.page_overlap, 3)),
)


def _other_script(c: Columns) -> np.ndarray:
    """The line's last word is in another script than most lines of the page."""
    script = c.measures.script
    cells = np.bincount(
        c.page * len(scripts.SCRIPTS) + script, weights=c.letters, minlength=(len(c.page_starts) - 1) * len(scripts.SCRIPTS)
    ).reshape(-1, len(scripts.SCRIPTS))  # fmt: skip
    cells[:, 0] = 0
    main = cells.argmax(axis=1) if len(cells) else np.zeros(0, np.int64)
    return (script != main[c.page]) & (script != 0)


def _heads_links(c: Columns) -> np.ndarray:
    phrases = c.measures.phrases
    return (phrases[:, CATEGORIES.index("related")] > 0.5) | (phrases[:, CATEGORIES.index("latest")] > 0.5)


def _after_end_phrase(c: Columns) -> np.ndarray:
    """How many comment, related or latest headings stand above the line and below the page's first prose; up to 3."""
    comments = c.measures.phrases[:, CATEGORIES.index("comments")] > 0.5
    heads = (comments | _heads_links(c)) & (c.row > page_first(c, c.is_prose))
    return np.minimum(c.window_sum(heads, 1 << 40, 0), 3)


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


def _run_length(c: Columns, marks: np.ndarray) -> np.ndarray:
    first, beyond = c.run_bounds(marks)
    return np.where(marks, beyond - first, 0)


def _signed_log(distance: np.ndarray) -> np.ndarray:
    return np.sign(distance) * np.log1p(np.abs(distance))


FAMILIES: dict[str, tuple[Feature, ...]] = {
    "length": LENGTH, "characters": CHARACTERS, "layout": LAYOUT, "position": POSITION, "page": PAGE,
    "repetition": REPETITION, "phrases": PHRASES, "neighbours": NEIGHBOURS, "density": DENSITY, "segment": SEGMENT,
}  # fmt: skip
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES.values() for feature in family)
FEATURE_NAMES: tuple[str, ...] = tuple(name for name, _ in FEATURES)


def features(columns: Columns) -> np.ndarray:
    """X: float32 (n_lines, n_features) in column order, one row a line that is not blank."""
    matrix = np.empty((columns.n, len(FEATURES)), np.float32, order="F")
    for number, (_, function) in enumerate(FEATURES):
        matrix[:, number] = function(columns)
    return matrix
