"""The network's kernel against its twin in NumPy, to the last bit, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declutter.stages import kernels
from declutter.stages.judge.network import SAID_GRID, WEIGHT_GRID, Linear, Network

kernel = kernels.compiled("network")
compiled = pytest.mark.skipif(kernel is None, reason="no kernels: declutter was installed without a compiler")


def on_grid(random, *shape, grid=WEIGHT_GRID):
    return (np.rint(random.normal(size=shape) * grid) / grid).astype(np.float32)


def made_layer(n_features=11, n_rows=9, seed=0):
    random = np.random.default_rng(seed)
    mean = random.normal(size=n_features).astype(np.float32)
    factor = (32 / random.uniform(0.1, 3, n_features)).astype(np.float32)
    weights = on_grid(random, n_rows, n_features) / np.float32(32)
    return Linear(mean, factor, weights, on_grid(random, n_rows))


def both_ways(function):
    """(by the kernel, by NumPy)"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "network", kernel)
        by_kernel = function()
        patch.setattr(kernels, "network", kernels.twin("network"))
        return by_kernel, function()


@compiled
@given(st.integers(1, 40), st.integers(0, 9), st.integers(0, 70), st.integers(0, 1000))
def test_a_layer_of_features_says_the_same_with_and_without_the_kernel(n_features, n_rows, n_lines, seed):
    random = np.random.default_rng(seed)
    layer = made_layer(n_features, n_rows, seed)
    columns = (random.normal(size=(n_features, n_lines)) * 3).astype(np.float32)
    columns[0, ::7] = np.inf
    by_kernel, by_numpy = both_ways(lambda: layer.said(columns))
    np.testing.assert_array_equal(by_kernel, by_numpy)
    assert by_kernel.shape == (n_rows, n_lines) and by_kernel.dtype == np.float32


@compiled
@given(st.lists(st.integers(1, 40), max_size=8), st.integers(0, 1000))
def test_the_same_sums_with_and_without_the_kernel(sizes, seed):
    random = np.random.default_rng(seed)
    network = Network(*(on_grid(random, *shape) for shape in Network.shapes(3, 7, 5, 4).values()))
    page = np.repeat(np.arange(len(sizes)), sizes)
    said = np.rint(np.maximum(random.normal(size=(7, len(page))), 0) * SAID_GRID).astype(np.float32)
    by_kernel, by_numpy = both_ways(lambda: network.sums(said, page))
    np.testing.assert_array_equal(by_kernel, by_numpy)
    assert by_kernel.shape == (5, len(page)) and by_kernel.dtype == np.float32


LINEAR = {
    "columns": np.zeros((3, 50), np.float32), "mean": np.zeros(3, np.float32),
    "factor": np.ones(3, np.float32), "limit": 5.0, "weights": np.zeros((2, 3), np.float32),
    "offsets": np.zeros(2, np.float32), "grid": 64.0, "said": np.zeros((2, 50), np.float32),
}  # fmt: skip
PLACES = {
    "values": np.zeros((3, 50), np.float32), "weights": np.zeros((10, 3), np.float32),
    "offsets": np.zeros(2, np.float32), "page": np.zeros(50, np.int64), "step": 1, "grid": 64.0,
    "sums": np.zeros((2, 50), np.float32),
}  # fmt: skip


@compiled
def test_what_fits_is_taken():
    kernel.linear(*LINEAR.values())
    kernel.places(*PLACES.values())
    kernel.places(*(PLACES | {"weights": np.zeros((2, 3), np.float32), "grid": 0.0}).values())


@compiled
@pytest.mark.parametrize(
    "change",
    [
        {"columns": np.zeros((3, 49), np.float32)}, {"columns": np.zeros(151, np.float32)},
        {"columns": np.zeros((3, 51), np.float32)}, {"mean": np.zeros(2, np.float32)},
        {"mean": np.zeros(0, np.float32)}, {"factor": np.ones(2, np.float32)},
        {"weights": np.zeros((2, 2), np.float32)}, {"offsets": np.zeros(3, np.float32)},
        {"said": np.zeros((2, 49), np.float32)}, {"said": np.zeros((2, 51), np.float32)},
    ],
)  # fmt: skip
def test_sums_of_what_does_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="linear"):
        kernel.linear(*(LINEAR | change).values())


@compiled
@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((3, 49), np.float32)}, {"weights": np.zeros((10, 2), np.float32)},
        {"offsets": np.zeros(3, np.float32)}, {"page": np.zeros(49, np.int64)}, {"step": 0}, {"step": 65},
        {"sums": np.zeros((2, 49), np.float32)}, {"step": -1}, {"weights": np.zeros((4, 3), np.float32)},
        {"values": np.zeros(0, np.float32), "weights": np.zeros(0, np.float32)},
    ],
)  # fmt: skip
def test_places_of_what_does_not_fit_are_refused(change):
    with pytest.raises(ValueError, match="places"):
        kernel.places(*(PLACES | change).values())


@compiled
def test_read_only_answers_are_refused():
    for function, given_values, answer in ((kernel.linear, LINEAR, "said"), (kernel.places, PLACES, "sums")):
        frozen = given_values[answer].copy()
        frozen.flags.writeable = False
        with pytest.raises((BufferError, TypeError, ValueError)):
            function(*(given_values | {answer: frozen}).values())
