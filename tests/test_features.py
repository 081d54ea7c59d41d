"""The feature table: finite, named once, and the same for a page alone or in a batch."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.lines import Repeats
from declutter.stages.features import FAMILIES, FEATURE_NAMES, Columns, features
from declutter.stages.features.table import names_of
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines

MENU = [
    "Home",
    "Politics",
    "Weather",
    "Sign in",
    "",
    "Read also: a wall",
    "Comments (3)",
    "Share",
    "  • Latest news",
    "ニュース",
    "התחברות",
]
PROSE = [
    "The harbor wall will close on Monday for eleven weeks, the council said, so that its cracks can be filled.",
    "“We have waited for two years,” said the master of the harbor. “Now we shall see who pays for it.”",
    "渔民们在黎明时分回到港口，说风暴在遥远的海岸附近追上了他们，船上的灯都灭了。",
    "قال رئيس البلدية إن أعمال الترميم ستستمر عامين على الأقل، وإن الشارع سيبقى مغلقا طوال هذه المدة.",
    "It rained.", "£61.20", "News | Sport | Food", "Who pays:", "and so on",
    "12:30", "Photo: A. Bell", "---", "\U0001f600",
]  # fmt: skip
pages = st.lists(st.sampled_from(MENU + PROSE), max_size=25).map("\n".join)


def columns_of(texts, repeats=None):
    lines = split_lines(texts)
    measures = measure(lines)
    return Columns(lines, measures, repeats or Repeats.none(len(measures)))


def random_repeats(n, seed):
    draw = np.random.default_rng(seed)
    site_pages = np.full(n, 6, np.float32)
    return Repeats(draw.integers(1, 7, n).astype(np.float32), site_pages, draw.integers(1, 7, n).astype(np.float32))


def rows_of(columns, page):
    return slice(int(columns.page_starts[page]), int(columns.page_starts[page + 1]))


def sample_texts(n_pages, seed=1):
    draw = random.Random(seed)
    return ["\n".join(draw.choices(MENU + PROSE, k=draw.randrange(0, 60))) for _ in range(n_pages)]


def test_names_are_unique_and_every_feature_has_a_family():
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == sum(len(names_of(rows)) for rows in FAMILIES.values())


def test_the_matrix_has_a_row_a_line_that_is_not_blank_and_a_column_a_feature():
    columns = columns_of(sample_texts(20))
    matrix = features(columns)
    assert matrix.shape == (columns.n, len(FEATURE_NAMES))
    assert matrix.dtype == np.float32
    assert np.isfinite(matrix).all()
    assert columns.n == sum(1 for text in sample_texts(20) for line in text.split("\n") if line)


@pytest.mark.parametrize("texts", [[], [""], ["\n\n"], ["", "\n", ""]])
def test_nothing_to_judge_gives_no_rows(texts):
    assert features(columns_of(texts)).shape == (0, len(FEATURE_NAMES))


def test_every_feature_tells_some_lines_apart():
    texts = sample_texts(40)
    columns = columns_of(texts)
    matrix = features(columns_of(texts, random_repeats(columns.n, 3)))
    constant = {name for name, column in zip(FEATURE_NAMES, matrix.T, strict=True) if column.min() == column.max()}
    phrases = ("phrase_", "page_forum", "page_author", "page_shop")
    phrases_not_in_the_sample = {name for name in constant if name.startswith(phrases)}
    assert constant - phrases_not_in_the_sample <= {"site_pages_log", "ends_ellipsis"}  # one site, no ellipsis here


def test_the_same_pages_give_the_same_values():
    texts = sample_texts(20)
    np.testing.assert_array_equal(features(columns_of(texts)), features(columns_of(texts)))


def assert_invariant(texts, seed):
    together = columns_of(texts, random_repeats(columns_of(texts).n, seed))
    matrix = features(together)
    assert np.isfinite(matrix).all()
    for page, text in enumerate(texts):
        rows = rows_of(together, page)
        repeats = Repeats(
            *(getattr(together.repeats, name)[rows] for name in ("pages_with", "site_pages", "prefix_pages"))
        )
        alone = features(columns_of([text], repeats))
        different = np.abs(matrix[rows] - alone) > 1e-5 * (1 + np.abs(alone))
        assert not different.any(), [FEATURE_NAMES[column] for column in np.flatnonzero(different.any(axis=0))]


@settings(max_examples=60, deadline=None)
@given(st.lists(pages, min_size=2, max_size=5), st.integers(0, 9))
def test_a_page_has_the_same_values_alone_and_in_a_batch(texts, seed):
    assert_invariant(texts, seed)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(st.sampled_from("aB. \n1:•漢あ\u200c\ud800|"), max_size=30), min_size=2, max_size=4),
    st.integers(0, 9),
)
def test_odd_pages_have_the_same_values_alone_and_in_a_batch(texts, seed):
    assert_invariant(texts, seed)


def test_many_pages_have_the_same_values_alone_and_in_a_batch():
    assert_invariant([*sample_texts(120), "", "\n", "Home"], 5)


class TestColumns:
    """The page-aware combinations, against the plain way to say them."""

    texts = ["a\nb\nc", "", "d", "e\nf\ng\nh"]
    pages = [[0, 1, 2], [3], [4, 5, 6, 7]]

    def columns(self):
        return columns_of(self.texts)

    def expected(self, of_row):
        return [of_row(row, page) for page in self.pages for row in page]

    @pytest.mark.parametrize("by", [-9, -3, -2, -1, 1, 2, 3, 9])
    def test_shifted(self, by):
        values = np.arange(1.0, 9.0)
        wanted = self.expected(lambda row, page: values[row + by] if row + by in page else -5.0)
        assert self.columns().shifted(values, by, -5.0).tolist() == wanted

    @pytest.mark.parametrize(
        ("before", "after"), [(0, 0), (1, 1), (2, 0), (0, 2), (1 << 40, -1), (-1, 1 << 40), (5, -1)]
    )
    def test_window_sum(self, before, after):
        values = np.arange(1.0, 9.0)
        wanted = self.expected(
            lambda row, page: sum(values[other] for other in page if -before <= other - row <= after)
        )
        assert self.columns().window_sum(values, before, after).tolist() == wanted

    @pytest.mark.parametrize("marked", [[], [0], [2, 3], [1, 4, 6], range(8)])
    def test_distances_to_marks(self, marked):
        marks = np.isin(np.arange(8), list(marked))
        since = self.expected(lambda row, page: min((row - m for m in marked if m in page and m <= row), default=-1))
        until = self.expected(lambda row, page: min((m - row for m in marked if m in page and m >= row), default=-1))
        assert self.columns().lines_since(marks).tolist() == since
        assert self.columns().lines_until(marks).tolist() == until

    def test_runs_of_marked_lines_end_with_the_page(self):
        first, beyond = self.columns().run_bounds(np.array([0, 1, 1, 1, 1, 1, 0, 1], bool))
        assert list(zip(first.tolist(), beyond.tolist(), strict=True)) == [
            (0, 1), (1, 3), (1, 3), (3, 4), (4, 6), (4, 6), (6, 7), (7, 8)
        ]  # fmt: skip

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.integers(-9, 9), min_size=8, max_size=8))
    def test_best_segment_is_the_run_with_the_greatest_gain(self, gains):
        gain = np.array(gains, np.float64)
        first, beyond, best = self.columns().best_segment(gain)
        for page in self.pages:
            runs = {(a, b): sum(gains[a:b]) for a in page for b in range(a + 1, page[-1] + 2)}
            assert {best[row] for row in page} == {max(runs.values())}
            assert runs[first[page[0]], beyond[page[0]]] == max(runs.values())

    def test_a_line_that_stands_twice_on_its_page(self):
        columns = columns_of(["Home 5\nWeather\n• HOME 12", "Home 5"])
        assert columns.page_repeats.tolist() == [2, 1, 2, 1]
        assert columns.occurrence.tolist() == [0, 0, 1, 0]

    def test_blank_lines_before(self):
        assert columns_of(["\n\na\n\nb\nc", "d", "\ne"]).blank_before.tolist() == [2, 1, 0, 0, 1]
