"""Training a network: whole pages, batch by batch, by Adam (Kingma and Ba 2015) on two weighted log losses at once.

One is that of main content, the other that of the labels: what tells kinds of boilerplate apart tells it from text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from declutter.lines import LABELS
from declutter.stages.judge.network import FAR_STEP, NEAR_STEP, Network
from declutter.stages.kernels.network import N_PLACES, neighbours, read_places
from declutter.train.examples import Examples
from declutter.train.labelling import UNKNOWN

N_NEAR = 32  # what the second and the third layer say, in numbers a line
NEVER = -100.0  # how well a label fits that no example has
LEAST_STEPS = 300  # of few pages more epochs are made
BATCH_LINES = 4096  # and fewer of few examples, so that there are
LEAST_BATCHES = 16  # of an epoch, but for batches of
LEAST_BATCH_LINES = 512
LARGEST_WEIGHT = 4.0  # of such lines, which weigh for the others
DROPPED = 0.25  # share of what the first layer says that is left out at random (Srivastava et al. 2014)
LEARNING_RATE = 0.002  # at its highest: it rises over WARM_STEPS and then falls to 0 along a cosine
WARM_STEPS = 50
MOMENTUM, SQUARES_MOMENTUM, LEAST_SQUARE = 0.9, 0.999, 1e-8  # of Adam


class Lines(NamedTuple):
    """Lines of some pages to learn from, page after page."""

    scaled: np.ndarray  # float32 (n_features, n_lines)
    page: np.ndarray  # int64 (n_lines,), ascending
    is_main: np.ndarray  # float32 (n_lines,), 0 or 1
    weight: np.ndarray  # float32 (n_lines,), 0 for lines that only stand beside others
    labels: np.ndarray  # int64 (n_lines,), codes into LABELS
    label_weight: np.ndarray  # float32 (n_lines,), 0 for lines whose label isn't known


class Span(NamedTuple):
    """Rows of one page, of which each weighs `weight` times as much as in the examples."""

    first: int
    beyond: int
    weight: float


def fit_network(
    examples: Examples,
    weight: np.ndarray,
    label_weight: np.ndarray,
    scaled: Callable[[np.ndarray], np.ndarray],
    n_line: int,
    label_loss: float,
    epochs: int,
    page_lines: int,
    seed: int,
) -> Network:
    """A network from examples; `scaled` makes scaled features, float32 (n_features, n_lines), of columns of X.

    Its first layer says `n_line` numbers a line. `label_loss` is what the loss of the labels weighs beside that of main
    content. All pages are read `epochs` times, of a page of more than `page_lines` lines so many in a row, drawn anew
    each time.

    `weight` float64 (n,) is what each line weighs, 0 for those of unknown worth, and `label_weight` (n,) what its label
    weighs, 0 for unknown ones.
    """
    random = np.random.default_rng(seed)
    weights = _first_weights(examples.x.shape[1], n_line, random)
    adam = _Adam(weights)
    page_starts = examples.page_starts
    n_lines = int(np.minimum(np.diff(page_starts), page_lines).sum())
    batch_lines = min(max(n_lines // LEAST_BATCHES, LEAST_BATCH_LINES), BATCH_LINES)
    n_batches = max(1, round(n_lines / batch_lines))
    n_epochs = max(epochs, -(-LEAST_STEPS // n_batches))
    n_steps = n_epochs * n_batches
    for _ in range(n_epochs):
        for spans in _batches(page_starts, batch_lines, page_lines, random):
            lines = _lines(examples, weight, label_weight, scaled, spans)
            if not lines.weight.any():
                continue
            adam.step(gradients_of(weights, lines, _mask(lines, n_line, random), label_loss), n_steps)
    of_label = np.bincount(examples.labels[label_weight > 0], minlength=len(LABELS))
    absent = 1 + np.flatnonzero(of_label == 0)
    weights.out[absent], weights.out_offset[absent] = 0, NEVER
    return weights.on_grid()


class _Adam:
    """Moves weights down their gradients, each by its own measure, and ever less."""

    def __init__(self, weights: Network):
        self._weights = weights
        self._means, self._squares = ([np.zeros_like(array) for array in weights] for _ in range(2))
        self._n_steps = 0

    def step(self, gradients: Network, n_steps: int) -> None:
        """Change the weights in place; `n_steps` are to be made in all."""
        self._n_steps += 1
        done = min(self._n_steps / n_steps, 1.0)
        rate = LEARNING_RATE * min(1.0, self._n_steps / WARM_STEPS) * 0.5 * (1 + np.cos(np.pi * done))
        rate = np.float32(rate / (1 - MOMENTUM**self._n_steps))
        for array, gradient, mean, square in zip(self._weights, gradients, self._means, self._squares, strict=True):
            mean += (1 - MOMENTUM) * (gradient - mean)
            square += (1 - SQUARES_MOMENTUM) * (gradient * gradient - square)
            array -= rate * mean / (np.sqrt(square / (1 - SQUARES_MOMENTUM**self._n_steps)) + LEAST_SQUARE)


def _first_weights(n_features: int, n_line: int, random: np.random.Generator) -> Network:
    """Random weights, with the variance that layers of this kind keep (He et al. 2015), and no offsets."""

    def drawn(n_out: int, n_in: int, n_read: int) -> np.ndarray:
        return (random.normal(size=(n_out, n_in)) * np.sqrt(2 / n_read)).astype(np.float32)

    shapes = Network.shapes(n_features, n_line, N_NEAR, len(LABELS))
    zero = {name: np.zeros(shapes[name], np.float32) for name in ("near_offset", "far_offset", "out_offset")}
    line = np.vstack((drawn(n_features, n_line, n_features), np.zeros((1, n_line), np.float32)))
    sizes = {name: (shapes[name][0], shapes[name][1]) for name in ("near", "far", "out")}
    near, far = (drawn(*sizes[name], N_PLACES * sizes[name][1]) for name in ("near", "far"))
    out = drawn(*sizes["out"], sizes["out"][1])
    return Network(line=line, near=near, far=far, out=out, **zero)


def _batches(
    page_starts: np.ndarray, batch_lines: int, page_lines: int, random: np.random.Generator
) -> Iterator[list[Span]]:
    """All pages in random order, in batches of at most `batch_lines` lines, or of one page."""
    batch: list[Span] = []
    n_lines = 0
    for number in random.permutation(len(page_starts) - 1).tolist():
        first, beyond = int(page_starts[number]), int(page_starts[number + 1])
        weight = 1.0
        if beyond - first > page_lines:
            weight = min((beyond - first) / page_lines, LARGEST_WEIGHT)
            first += int(random.integers(0, beyond - first - page_lines + 1))
            beyond = first + page_lines
        if batch and n_lines + beyond - first > batch_lines:
            yield batch
            batch, n_lines = [], 0
        batch.append(Span(first, beyond, weight))
        n_lines += beyond - first
    if batch:
        yield batch


def _lines(
    examples: Examples, weight: np.ndarray, label_weight: np.ndarray, scaled: Callable, spans: list[Span]
) -> Lines:
    rows = np.concatenate([np.arange(span.first, span.beyond) for span in spans])
    sizes = [span.beyond - span.first for span in spans]
    times = np.repeat([span.weight for span in spans], sizes)
    return Lines(
        scaled(np.ascontiguousarray(examples.x[rows].T)), np.repeat(np.arange(len(spans)), sizes),
        np.maximum(examples.is_main[rows], 0).astype(np.float32), (weight[rows] * times).astype(np.float32),
        np.where(examples.labels[rows] == UNKNOWN, 0, examples.labels[rows]).astype(np.int64),
        (label_weight[rows] * times).astype(np.float32),
    )  # fmt: skip


def _mask(lines: Lines, n_line: int, random: np.random.Generator) -> np.ndarray:
    """float32 (n_line, n_lines): 0 for what is left out of what the first layer says, and more than 1 for the rest."""
    stays = random.random((n_line, len(lines.page)), np.float32) >= DROPPED
    return stays.astype(np.float32) / np.float32(1 - DROPPED)


def gradients_of(weights: Network, lines: Lines, mask: np.ndarray, label_loss: float) -> Network:
    """How the loss of the lines changes with each weight; `mask` (n_line, n_lines) multiplies the first layer.

    The loss is the mean log loss of main content, and `label_loss` times that of the labels; what layers say is not
    rounded here.
    """
    sums = weights.line[:-1].T @ lines.scaled + weights.line[-1][:, None]
    said = np.maximum(sums, 0) * mask
    near_sums = read_places(said, weights.near, weights.near_offset, lines.page, NEAR_STEP)
    near = np.maximum(near_sums, 0)
    far_sums = read_places(near, weights.far, weights.far_offset, lines.page, FAR_STEP)
    far = near + np.maximum(far_sums, 0)
    inputs = np.concatenate((said, far))
    by_out = _by_sums(weights.out @ inputs + weights.out_offset[:, None], lines, label_loss)

    by_said, by_far = np.split(weights.out.T @ by_out, [len(said)])
    far_gradients, by_near = _back(by_far * (far_sums > 0), near, weights.far, lines.page, FAR_STEP)
    by_near += by_far
    near_gradients, by_first = _back(by_near * (near_sums > 0), said, weights.near, lines.page, NEAR_STEP)
    by_sums = (by_first + by_said) * mask * (sums > 0)
    line = np.vstack((lines.scaled @ by_sums.T, by_sums.sum(axis=1)[None]))
    return Network(line, *near_gradients, *far_gradients, by_out @ inputs.T, by_out.sum(axis=1))


def _by_sums(sums: np.ndarray, lines: Lines, label_loss: float) -> np.ndarray:
    """How the loss changes with each of the last layer's sums, (1 + n_labels, n_lines)."""
    total = lines.weight.sum()
    found = np.empty_like(sums)
    found[0] = lines.weight / total * (1 / (1 + np.exp(-sums[0])) - lines.is_main)
    chances = np.exp(sums[1:] - sums[1:].max(axis=0))
    chances /= chances.sum(axis=0)
    chances[lines.labels, np.arange(len(lines.labels))] -= 1
    found[1:] = label_loss / total * lines.label_weight * chances
    return found


def _back(
    by_total: np.ndarray, values: np.ndarray, weights: np.ndarray, page: np.ndarray, step: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The way back through `read_places`: (gradients of its weights and offsets), and of the values that it read."""
    n_out = len(by_total)
    by_place = np.zeros((len(weights) // n_out, *by_total.shape), np.float32)
    by_place[len(by_place) // 2] = by_total
    for place, here, there, apart in neighbours(page, step):
        read = by_place[place][:, there]
        read[:] = by_total[:, here]
        read[:, apart] = 0
    by_place = by_place.reshape(len(weights), -1)
    return (by_place @ values.T, by_total.sum(axis=1)), weights.T @ by_place
