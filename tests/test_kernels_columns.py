"""The kernel of page-aware columns and shared words against its twins in NumPy, and what it refuses."""

import numpy as np
import pytest

from declutter.lines import Repeats
from declutter.stages import kernels
from declutter.stages.features import Columns, features
from declutter.stages.features.cohesion import Cohesion
from declutter.stages.features.pagewise import Pagewise
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines

kernel = kernels.compiled("columns")
pytestmark = pytest.mark.skipif(kernel is None, reason="no kernels: declutter was installed without a compiler")

PAGES = {
    "none": [], "an empty one": [0], "one line": [1], "one": [40],
    "some, with empty ones": [0, 3, 1, 0, 0, 25, 7, 0, 60, 0], "long": [3000, 2],
}  # fmt: skip


def made_rows(name):
    return Pagewise(np.concatenate(([0], np.cumsum(PAGES[name]))).astype(np.int64))


def made_columns(n, seed=0):
    """Columns of each type that features are made of; one is a strided view."""
    random = np.random.default_rng(seed)
    counts = random.integers(0, 40, (n, 3)).astype(np.float32)
    return [
        random.random(n) < 0.3, np.zeros(n, bool), counts[:, 1], counts[:, 0] / (1 + counts[:, 2]),
        random.normal(size=n) * 20, random.integers(-5, 5, n).astype(np.int8), random.integers(0, 9, n),
        random.integers(0, 9, n).astype(np.int32), random.integers(0, 1 << 63, n).astype(np.uint64) * 2 + 1,
    ]  # fmt: skip


def made_marks(n, seed=3):
    random = np.random.default_rng(seed)
    return [random.random(n) < share for share in (0.05, 0.5, 0.95)] + [np.ones(n, bool), np.zeros(n, bool)]


def by_both(monkeypatch, ask):
    """What the kernel answers, and what NumPy does."""
    monkeypatch.setattr(kernels, "columns", kernel)
    found = ask()
    monkeypatch.setattr(kernels, "columns", kernels.twin("columns"))
    return found, ask()


def assert_same(monkeypatch, ask):
    found, expected = by_both(monkeypatch, ask)
    for one, other in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize("name", PAGES)
def test_the_same_sums_with_and_without_the_kernel(name, monkeypatch):
    rows = made_rows(name)
    for column in made_columns(rows.n)[:-1]:
        for before, after in ((0, 0), (2, 2), (25, 25), (5, -1), (-1, 5), (-1, -1), (1 << 40, 0), (0, 1 << 40)):
            assert_same(monkeypatch, lambda c=column, b=before, a=after: rows.window_sum(c, b, a))
        for reach in (0, 1, 10, 5000):
            assert_same(monkeypatch, lambda c=column, r=reach: rows.window_mean(c, r))
        whole = np.arange(rows.n) % 7 / 4
        assert_same(monkeypatch, lambda c=column, w=whole: rows.window_share(c, w, 6, 2))
        assert_same(monkeypatch, lambda c=column: rows.page_sum(c))


@pytest.mark.parametrize("name", PAGES)
def test_the_same_neighbours_and_extremes(name, monkeypatch):
    rows = made_rows(name)
    for column in made_columns(rows.n):
        assert_same(monkeypatch, lambda c=column: rows.page_max(c))
        for by in (-3, -1, 0, 1, 2, 10**6):
            assert_same(monkeypatch, lambda c=column, b=by: rows.shifted(c, b, 1))


@pytest.mark.parametrize("name", PAGES)
def test_the_same_distances_and_runs(name, monkeypatch):
    rows = made_rows(name)
    for marks in made_marks(rows.n):
        for ask in (rows.lines_since, rows.lines_until, rows.run_bounds, rows.page_first, rows.page_last):
            assert_same(monkeypatch, lambda ask=ask, m=marks: ask(m))


@pytest.mark.parametrize("name", PAGES)
def test_the_same_best_segment_even_of_equal_ones(name, monkeypatch):
    rows = made_rows(name)
    random = np.random.default_rng(4)
    for gain in (random.normal(size=rows.n) * 20, random.integers(-1, 2, rows.n) / 1.0, np.zeros(rows.n)):
        assert_same(monkeypatch, lambda g=gain: rows.best_segment(g))


@pytest.mark.parametrize("name", PAGES)
def test_the_same_repeats_on_a_page(name, monkeypatch):
    rows = made_rows(name)
    random = np.random.default_rng(5)
    for keys in (random.integers(0, 9, rows.n), random.integers(0, 1 << 62, rows.n), rows.row // 2):
        keys = keys.astype(np.uint64)
        assert_same(monkeypatch, lambda k=keys: rows.counted(k))
        (found, n_found), (expected, n_expected) = by_both(monkeypatch, lambda k=keys: rows.numbered(k))
        assert n_found == n_expected == found.max(initial=-1) + 1
        pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
        assert len(pairs) == n_found  # the same lines have the same number, whatever it is


def made_batch():
    random = np.random.default_rng(6)
    words = np.array(["anger", "bridge", "canal", "dozen", "engine", "forest", "the", "及び", "город"])
    weights = np.array([1, 1, 1, 1, 1, 1, 6, 1, 1]) / 14
    pages = ["", "word", "\n\n"]
    for n_lines in (3, 30, 120):
        lines = [" ".join(random.choice(words, random.integers(0, 25), p=weights)) for _ in range(n_lines)]
        pages.append("\n".join(f"{line} x{random.integers(0, 400)}yz." for line in lines))
    lines = split_lines(pages)
    measures = measure(lines)
    return Columns(lines, measures, Repeats.none(len(measures)))


def test_the_same_shared_words(monkeypatch):
    columns = made_batch()
    marks = made_marks(columns.n)

    def ask():
        found = Cohesion(columns)
        near = [found.near(reach) for reach in (0, 1, 2, 8, 1 << 29)]
        elsewhere = [found.elsewhere_in(lines) for lines in marks]
        return found.is_content, found.gap, found.content, *near, *elsewhere

    assert_same(monkeypatch, ask)
    found = ask()
    assert 0 < found[0].mean() < 1 and found[3 + 2].sum() > 0  # there are words of both kinds


def test_the_same_features(monkeypatch):
    assert_same(monkeypatch, lambda: features(made_batch()))


def test_no_lines_at_all(monkeypatch):
    lines = split_lines([])
    columns = Columns(lines, measure(lines), Repeats.none(0))
    assert_same(monkeypatch, lambda: features(columns))


STARTS = np.array([0, 3, 5], np.int64)
ONES, BOOLS, ROWS = np.ones(5), np.ones(5, bool), np.zeros(5, np.int64)
WORDS, HASHES = np.array([0, 1, 0, 2, 1], np.int32), np.zeros(5, np.uint64)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("window_sum", (ONES, STARTS[:2], 1, 1, np.zeros(5))),  # pages that end before the lines do
        ("window_sum", (ONES, np.array([0, 9, 5]), 1, 1, np.zeros(5))),
        ("window_sum", (ONES, np.array([-1, 3, 5]), 1, 1, np.zeros(5))),
        ("window_sum", (ONES, STARTS[:0], 1, 1, np.zeros(5))),
        ("window_sum", (ONES, STARTS.astype(np.int32), 1, 1, np.zeros(5))),
        ("window_sum", (ONES, STARTS, -2, 1, np.zeros(5))),
        ("window_sum", (ONES, STARTS, 1, 1, np.zeros(4))),
        ("window_sum", (ONES, STARTS, 1, 1, np.zeros(5, np.float32))),
        ("window_sum", (ONES.reshape(5, 1), STARTS, 1, 1, np.zeros(5))),
        ("window_sum", (ONES.astype(np.float16), STARTS, 1, 1, np.zeros(5))),
        ("window_sum", (ONES.astype(">f8"), STARTS, 1, 1, np.zeros(5))),
        ("window_mean", (ONES, STARTS, -1, np.zeros(5))),
        ("window_share", (ONES, np.ones(4), STARTS, 1, 1, np.zeros(5))),
        ("shifted", (ONES, STARTS, 1, 0.0, np.zeros(5, np.float32))),
        ("lines_since", (ONES, STARTS, ROWS)),
        ("lines_until", (BOOLS, STARTS, np.zeros(5))),
        ("run_bounds", (BOOLS, STARTS, ROWS, np.zeros(4, np.int64))),
        ("page_first", (BOOLS[:4], STARTS, ROWS)),
        ("page_last", (BOOLS, STARTS, ROWS[:4])),
        ("page_max", (ONES, STARTS, ROWS)),
        ("best_segment", (ONES.astype(np.float32), STARTS, 1024, ROWS, ROWS, np.zeros(5))),
        ("number_keys", (ROWS, STARTS, 1, ROWS)),
        ("count_numbers", (np.full(5, 3), 3, ROWS, ROWS)),
        ("count_numbers", (np.full(5, -1), 3, ROWS, ROWS)),
        ("number_words", (HASHES, STARTS, 1, WORDS)),
        ("number_words", (HASHES[:4], STARTS, 8, WORDS)),
        ("rare_words", (WORDS, STARTS, 2, 4, 0.01, BOOLS)),
        ("gaps", (WORDS, STARTS, 2, 9, np.zeros(5, np.int32))),
        ("gaps", (WORDS, STARTS, 3, 9, np.zeros(4, np.int32))),
        ("words_elsewhere", (WORDS, STARTS, 3, np.ones(3, bool), BOOLS, np.zeros(2))),
        ("words_elsewhere", (WORDS, STARTS, 2, np.ones(2, bool), BOOLS, np.zeros(2))),
        ("words_of_lines", (BOOLS, STARTS, np.zeros(3))),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(name, arguments):
    with pytest.raises(ValueError):
        getattr(kernel, name)(*arguments)


def test_the_kernel_asks_for_all_its_arguments():
    with pytest.raises(TypeError):
        kernel.window_sum(ONES, STARTS)
    with pytest.raises(TypeError):
        kernel.window_sum(ONES, STARTS, "1", 1, np.zeros(5))
