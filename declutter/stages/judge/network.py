"""Network: what a line and its neighbours, up to ten lines away, say together of whether it is main content, and what.

A layer reads the features of a line; a second reads what the first says of the lines at -2 to 2, a third what the
second says of those at -8, -4, 0, 4 and 8; the last one adds up what the first and the third say: once for main
content, and once for each label. (Convolutions with gaps: Yu and Koltun 2016; over the blocks of a page: Vogels, Ganea
and Eickhoff, Web2Text, 2018. Learned for two ends at once: Caruana 1997.)

Inputs, weights and what a layer says are multiples of powers of two, so that a layer's sums are exact in float32 in any
order (while their terms add up to less than 2**24 of the smallest step): a page is judged alike in any batch, and by
both of kernels/network.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from declutter.stages import kernels
from declutter.stages.kernels.network import N_PLACES

WEIGHT_GRID = 1024.0  # weights are multiples of 1 / WEIGHT_GRID
SAID_GRID = 64.0  # what a layer says is a multiple of 1 / SAID_GRID
SCALED_LIMIT = 5.0  # scaled features are cut here, so that a freak line doesn't outvote the others
SCALED_GRID = 32.0  # they are multiples of 1 / SCALED_GRID
NEAR_STEP, FAR_STEP = 1, 4  # from each of these lines to the next
REACH = 2 * (NEAR_STEP + FAR_STEP)  # lines above and below that bear on a line


class Linear(NamedTuple):
    """A layer that reads features; all float32."""

    mean: np.ndarray  # (n_features,)
    factor: np.ndarray  # (n_features,), SCALED_GRID by the scale; see kernels.network.scaled
    weights: np.ndarray  # (n_rows, n_features), of features times SCALED_GRID
    offsets: np.ndarray  # (n_rows,)

    def said(self, columns: np.ndarray) -> np.ndarray:
        """What it says of lines, float32 (n_rows, n_lines); `columns` (n_features, n_lines) are not scaled."""
        said = np.empty((len(self.offsets), columns.shape[1]), np.float32)
        kernels.network.linear(columns, self.mean, self.factor, SCALED_GRID * SCALED_LIMIT, *self[2:], SAID_GRID, said)
        return said


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
    sums = np.empty((len(offset), len(page)), np.float32)
    kernels.network.places(values, weights, offset, page, step, grid, sums)
    return sums
