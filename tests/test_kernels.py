"""Compiled kernels against their twins in NumPy, and what they refuse."""

import shutil

import numpy as np
import pytest

from declutter.stages import kernels
from declutter.stages.judge.model import LEAF_GRID, MAX_DEPTH, Trees

kernel = kernels.compiled("trees")
compiled = pytest.mark.skipif(kernel is None, reason="no kernels: declutter was installed without a compiler")


def made_trees(depth, n_trees=40, n_features=9, seed=0):
    random = np.random.default_rng(seed)
    feature = random.integers(0, n_features, (n_trees, 2**depth - 1)).astype(np.int32)
    threshold = random.normal(size=feature.shape).astype(np.float32)
    threshold[random.random(threshold.shape) < 0.2] = np.inf  # as where a tree is less deep
    leaf = np.rint(random.normal(size=(n_trees, 2**depth)) * LEAF_GRID) / LEAF_GRID
    return Trees(feature, threshold, leaf.astype(np.float32))


def made_lines(n, n_features=9, seed=1):
    x = np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32)
    x[::7, 2] = np.nan
    x[::5, 3] = np.inf
    return x


@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("gcc") is None, reason="no C compiler here")
def test_kernels_are_compiled_where_there_is_a_compiler():
    assert all(map(kernels.compiled, kernels.NAMES))


@compiled
@pytest.mark.parametrize("depth", range(1, MAX_DEPTH + 1))
@pytest.mark.parametrize("n_lines", [0, 1, 31, 32, 33, 1000])
def test_the_same_sums_with_and_without_the_kernel(depth, n_lines, monkeypatch):
    trees, x = made_trees(depth), made_lines(n_lines)
    monkeypatch.setattr(kernels, "trees", kernel)
    with_kernel = trees.sum(x)
    by_columns = trees.sum(np.asfortranarray(x))
    monkeypatch.setattr(kernels, "trees", kernels.twin("trees"))
    np.testing.assert_array_equal(trees.sum(x), with_kernel)
    np.testing.assert_array_equal(by_columns, with_kernel)
    assert with_kernel.shape == (n_lines,) and with_kernel.dtype == np.float32


def test_a_line_has_the_same_sum_in_any_batch():
    trees, x = made_trees(5), made_lines(500)
    np.testing.assert_array_equal(np.concatenate([trees.sum(x[:77]), trees.sum(x[77:])]), trees.sum(x))


@compiled
@pytest.mark.parametrize(
    "change",
    [
        {"x": np.zeros((9, 49), np.float32)}, {"x": np.zeros((0, 50), np.float32)}, {"x": np.zeros(450, np.float32)},
        {"x": np.zeros((9, 50))}, {"leaf": np.zeros((40, 31), np.float32)}, {"leaf": np.zeros((39, 32), np.float32)},
        {"leaf": np.zeros((40, 1), np.float32)}, {"leaf": np.zeros((40, 512), np.float32)},
        {"feature": np.full((40, 31), 9, np.int32)}, {"feature": np.full((40, 31), -1, np.int32)},
        {"feature": np.zeros((40, 15), np.int32)}, {"threshold": np.zeros(5, np.float32)},
        {"threshold": np.zeros((40, 30), np.float32)}, {"total": np.zeros(49, np.float32)},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change):
    trees = made_trees(5)
    given = {"x": made_lines(50).T.copy(), "feature": trees.feature, "threshold": trees.threshold, "leaf": trees.leaf,
             "total": np.zeros(50, np.float32)} | change  # fmt: skip
    with pytest.raises(ValueError, match="leaf_sums"):
        kernel.leaf_sums(*given.values())


@compiled
def test_read_only_sums_are_refused():
    trees, total = made_trees(5), np.zeros(50, np.float32)
    total.flags.writeable = False
    with pytest.raises((BufferError, TypeError, ValueError)):
        kernel.leaf_sums(made_lines(50).T.copy(), trees.feature, trees.threshold, trees.leaf, total)
