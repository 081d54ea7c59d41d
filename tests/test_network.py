"""The network: what it reads of which lines, and that training it goes down the gradient."""

from dataclasses import replace

import numpy as np
import pytest

from declutter.stages.judge.network import REACH, SAID_GRID, Network
from declutter.stages.kernels.network import read_places, said_of

pytest.importorskip("sklearn", reason="scikit-learn, which the package for training needs, is not installed")

from declutter.train.fit import Hyperparameters, fit, inputs_of
from declutter.train.network_training import Lines, _first_weights, gradients_of
from tests.learning import lightgbm_or_skip
from tests.test_fit import NAMES, made_examples

lightgbm_or_skip()

LABEL_LOSS = 0.4
FEW = {"n_line": 5, "n_near": 3, "n_labels": 4}


def made_network(n_features=4, seed=0):
    random = np.random.default_rng(seed)
    return Network(*(random.normal(size=shape) for shape in Network.shapes(n_features, **FEW).values()))


def sums(network, x, page):
    """What it says of lines whose scaled features are multiples of 1 / 32: (1 + n_labels, n_lines)."""
    network = network.on_grid()
    found = (network.line[:-1].T @ x + network.line[-1][:, None]).astype(np.float32)
    return network.sums(said_of(found, SAID_GRID), page)


def test_a_layer_reads_its_places_by_hand():
    """Five lines of weights 1, 10, 100, 1000 and 10000; two pages, of which nothing of the other is read."""
    values, page = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), np.array([0, 0, 0, 1, 1])
    weights = np.array([[1.0], [10.0], [100.0], [1000.0], [10000.0]])
    found = read_places(values, weights, np.array([0.5]), page, 1)
    assert found.tolist() == [[32100.5, 3210.5, 321.5, 5400.5, 540.5]]
    assert read_places(values, weights, np.array([0.5]), page, 2)[0, :3].tolist() == [3100.5, 200.5, 310.5]
    assert read_places(values[:, :1], weights, np.array([0.5]), page[:1], 4).tolist() == [[100.5]]
    assert read_places(values, np.array([[2.0]]), np.array([0.5]), page, 1).tolist() == [[2.5, 4.5, 6.5, 8.5, 10.5]]


def test_lines_within_reach_bear_on_a_line_and_no_others():
    network = made_network()
    x, page = np.rint(np.random.default_rng(1).normal(size=(4, 60)) * 32) / 32, np.repeat([0, 1], 30)
    before = sums(network, x, page)
    for changed in (15, 29, 30):
        other = x.copy()
        other[:, changed] += 5
        moved = np.flatnonzero((sums(network, other, page) != before).any(axis=0))
        assert changed in moved and len(moved) > 3
        assert np.abs(moved - changed).max() <= REACH
        assert set(page[moved].tolist()) == {int(page[changed])}


def loss(network, lines):
    """Both mean log losses, with what layers say unrounded, in float64."""
    said = np.maximum(network.line[:-1].T @ lines.scaled + network.line[-1][:, None], 0)
    near = np.maximum(read_places(said, network.near, network.near_offset, lines.page, 1), 0)
    far = near + np.maximum(read_places(near, network.far, network.far_offset, lines.page, 4), 0)
    given, *fits = network.out @ np.concatenate((said, far)) + network.out_offset[:, None]
    losses = lines.weight * (np.logaddexp(0, given) - lines.is_main * given)
    fit = np.array(fits)[lines.labels, np.arange(len(lines.labels))]
    losses += LABEL_LOSS * lines.label_weight * (np.logaddexp.reduce(fits) - fit)
    return losses.sum() / lines.weight.sum()


def test_gradients_are_those_of_the_loss():
    random = np.random.default_rng(2)
    network = made_network(seed=3)
    page = np.repeat(np.arange(3), (1, 12, 17))
    lines = Lines(
        random.normal(size=(4, 30)), page, random.integers(0, 2, 30), random.random(30),
        random.integers(0, 4, 30), random.random(30),
    )  # fmt: skip
    gradients = gradients_of(network, lines, np.ones((FEW["n_line"], 30)), LABEL_LOSS)
    for name, array in network._asdict().items():
        for place in random.integers(0, array.size, 6).tolist():
            step = np.zeros(array.size)
            step[place] = 1e-5
            up, down = (
                loss(network._replace(**{name: array + sign * step.reshape(array.shape)}), lines) for sign in (1, -1)
            )
            expected = (up - down) / 2e-5
            assert getattr(gradients, name).reshape(-1)[place] == pytest.approx(expected, abs=2e-4, rel=1e-3), name


def test_first_weights_have_the_shapes_of_a_network():
    network = _first_weights(9, 5, np.random.default_rng(0))
    shapes = Network.shapes(9, 5, len(network.near_offset), len(network.out) - 1)
    assert {name: array.shape for name, array in network._asdict().items()} == shapes
    assert {array.dtype.name for array in network} == {"float32"}


NETWORK_ONLY = Hyperparameters(n_trees=1, depth=1, words=False, network_share=1.0)


@pytest.mark.slow
def test_a_network_learns_from_neighbours_what_no_line_tells():
    """A line is main content where the feature of the line above it is positive: trees over its own can't know."""

    def told_by_the_line_above(seed):
        examples = made_examples(seed=seed)
        above = np.roll(examples.x[:, 0], 1) > 0
        is_main = np.where(examples.line == 0, -1, above).astype(np.int8)
        return replace(examples, is_main=is_main, labels=np.where(above, 1, 4).astype(np.uint8))

    taught, other = told_by_the_line_above(0), told_by_the_line_above(1)
    asked = other.is_main >= 0
    right = {}
    for share in (0.0, 1.0):
        model = fit(taught, NAMES, replace(NETWORK_ONLY, n_trees=20, depth=3, network_share=share))
        right[share] = ((model.scores(*inputs_of(model, other)).main > 0.5) == other.is_main)[asked].mean()
    assert right[0.0] < 0.6 and right[1.0] > 0.95


@pytest.mark.slow
def test_two_trainings_give_one_network():
    models = [fit(made_examples(), NAMES, NETWORK_ONLY) for _ in range(2)]
    assert models[0].digest == models[1].digest
    assert fit(made_examples(), NAMES, replace(NETWORK_ONLY, seed=1)).digest != models[0].digest
