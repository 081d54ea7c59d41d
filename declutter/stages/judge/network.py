"""Network: what a line and its neighbours, up to ten lines away, say together of whether it is main content, and what.

A layer reads the features of a line; a second reads what the first says of the lines at -2 to 2, a third what the
second says of those at -8, -4, 0, 4 and 8; the last one adds up what the first and the third say: once for main
content, and once for each label. (Convolutions with gaps: Yu and Koltun 2016; over the blocks of a page: Vogels, Ganea
and Eickhoff, Web2Text, 2018. Learned for two ends at once: Caruana 1997.)

Inputs, weights and what a layer says are multiples of powers of two, so that a layer's sums are exact in float32 in any
order (while their terms add up to less than 2**24 of the smallest step): a page is judged alike in any batch, and by
kernels/network.c, where it could be compiled, as by NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

try:
    from declutter.stages.kernels import network as kernel
except ImportError:  # not compiled where declutter was installed: NumPy does the same, twice as slow
    kernel = None

WEIGHT_GRID = 1024.0  # weights are multiples of 1 / WEIGHT_GRID
SAID_GRID = 64.0  # what a layer says is a multiple of 1 / SAID_GRID
SCALED_LIMIT = 5.0  # scaled features are cut here, so that a freak line doesn't outvote the others
SCALED_GRID = 32.0  # they are multiples of 1 / SCALED_GRID
N_PLACES = 5  # lines that a layer reads at once: two above, the line itself, two below
NEAR_STEP, FAR_STEP = 1, 4  # from each of these lines to the next
REACH = 2 * (NEAR_STEP + FAR_STEP)  # lines above and below that bear on a line


def scaled(columns: np.ndarray, mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Features, float32 (n_features, n_lines), less their `mean` and times a `factor` (n_features,), cut and rounded.

    `factor` is SCALED_GRID by the feature's scale; what comes out lies within SCALED_GRID * SCALED_LIMIT of 0.
    """
    found = columns - mean[:, None]
    found *= factor[:, None]
    np.clip(found, -SCALED_GRID * SCALED_LIMIT, SCALED_GRID * SCALED_LIMIT, out=found)
    return np.rint(found, out=found)


class Linear(NamedTuple):
    """A layer that reads features; all float32."""

    mean: np.ndarray  # (n_features,)
    factor: np.ndarray  # (n_features,); see `scaled`
    weights: np.ndarray  # (n_rows, n_features), of features times SCALED_GRID
    offsets: np.ndarray  # (n_rows,)

    def said(self, columns: np.ndarray) -> np.ndarray:
        """What it says of lines, float32 (n_rows, n_lines); `columns` (n_features, n_lines) are not scaled."""
        if kernel is None:
            return said_of(self.weights @ scaled(columns, self.mean, self.factor) + self.offsets[:, None])
        said = np.empty((len(self.offsets), columns.shape[1]), np.float32)
        kernel.linear(columns, self.mean, self.factor, SCALED_GRID * SCALED_LIMIT, *self[2:], SAID_GRID, said)
        return said


def said_of(sums: np.ndarray) -> np.ndarray:
    """What a layer says, times SAID_GRID: its sums where they are positive, rounded."""
    said = sums * np.float32(SAID_GRID)
    np.maximum(said, 0, out=said)
    return np.rint(said, out=said)


class Network(NamedTuple):
    """The weights, float32. Of `line`, the rows are scaled features, the last its intercepts."""

    line: np.ndarray  # (n_features + 1, n_line)
    near: np.ndarray  # (N_PLACES * n_near, n_line), place by place
    near_offset: np.ndarray  # (n_near,)
    far: np.ndarray  # (N_PLACES * n_near, n_near)
    far_offset: np.ndarray  # (n_near,)
    out: np.ndarray  # (1 + n_labels, n_line + n_near): of main content, then of each label
    out_offset: np.ndarray  # (1 + n_labels,)

    @staticmethod
    def shapes(n_features: int, n_line: int, n_near: int, n_labels: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array, by name."""
        return {
            "line": (n_features + 1, n_line), "near": (N_PLACES * n_near, n_line), "near_offset": (n_near,),
            "far": (N_PLACES * n_near, n_near), "far_offset": (n_near,),
            "out": (1 + n_labels, n_line + n_near), "out_offset": (1 + n_labels,),
        }  # fmt: skip

    def on_grid(self) -> Network:
        """The nearest one whose sums are exact."""
        return Network(*((np.rint(array * WEIGHT_GRID) / WEIGHT_GRID).astype(np.float32) for array in self))

    def sums(self, said: np.ndarray, page: np.ndarray) -> np.ndarray:
        """What is added to each line's log-odds of main content, then how well each label fits.

        float32 (1 + n_labels, n_lines). `said` is float32 (n_line, n_lines), what the first layer says; `page` int64
        (n_lines,), ascending. All lines of a page must be there, or REACH lines more than are asked about.
        """
        near = _layer(said, self.near, self.near_offset, page, NEAR_STEP, SAID_GRID)
        far = _layer(near, self.far, self.far_offset, page, FAR_STEP, SAID_GRID)
        far += near
        return _layer(np.concatenate((said, far)), self.out, self.out_offset, page, NEAR_STEP, 0.0)


def _layer(
    values: np.ndarray, weights: np.ndarray, offset: np.ndarray, page: np.ndarray, step: int, grid: float
) -> np.ndarray:
    """What a layer says of lines, or at a `grid` of 0 its sums; `values` are what layers before say."""
    weights = weights / np.float32(SAID_GRID)
    if kernel is None:
        sums = read_places(values, weights, offset, page, step)
        return said_of(sums) if grid else sums
    sums = np.empty((len(offset), len(page)), np.float32)
    kernel.places(values, weights, offset, page, step, grid, sums)
    return sums


def read_places(values: np.ndarray, weights: np.ndarray, offset: np.ndarray, page: np.ndarray, step: int) -> np.ndarray:
    """The sums of a layer that reads N_PLACES lines, `step` apart, of the page that a line is on; (n_out, n_lines).

    `values` is (n_in, n_lines), `weights` (N_PLACES * n_out, n_in), or (n_out, n_in) for a layer that reads one line.
    """
    n_places = len(weights) // len(offset)
    of_place = (weights @ values).reshape(n_places, len(offset), values.shape[1])
    total = of_place[n_places // 2]
    total += offset[:, None]
    if n_places == 1:
        return total
    for place, here, there, apart in neighbours(page, step):
        read = of_place[place][:, there]
        read[:, apart] = 0
        total[:, here] += read
    return total


def neighbours(page: np.ndarray, step: int) -> Iterator[tuple[int, slice, slice, np.ndarray]]:
    """(place, slice of the lines that read, slice of the lines they read, in these the rows that are pages apart)."""
    for place in range(N_PLACES):
        distance = (place - N_PLACES // 2) * step
        n_both = len(page) - abs(distance)
        if distance and n_both > 0:
            first, read = max(-distance, 0), max(distance, 0)
            here, there = slice(first, first + n_both), slice(read, read + n_both)
            yield place, here, there, np.flatnonzero(page[here] != page[there])
