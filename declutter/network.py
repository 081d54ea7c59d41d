"""Network: what a line and its neighbours, up to ten lines away, say together of whether it is main content.

A layer reads the features of a line; a second reads what the first says of the lines at -2 to 2, a third what the
second says of those at -8, -4, 0, 4 and 8; the last one adds up what the first and the third say. (Convolutions with
gaps: Yu and Koltun 2016; over the blocks of a page: Vogels, Ganea and Eickhoff, Web2Text, 2018.)

Inputs, weights and what a layer says are multiples of powers of two, so that a layer's sums are exact in float32 in any
order (while their terms add up to less than 2**24 of the smallest step): a page is judged alike in any batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

WEIGHT_GRID = 1024.0  # weights are multiples of 1 / WEIGHT_GRID
SAID_GRID = 64.0  # what a layer says is a multiple of 1 / SAID_GRID
SCALED_LIMIT = 5.0  # scaled features are cut here, so that a freak line doesn't outvote the others
SCALED_GRID = 32.0  # they are multiples of 1 / SCALED_GRID
N_PLACES = 5  # lines that a layer reads at once: two above, the line itself, two below
NEAR_STEP, FAR_STEP = 1, 4  # from each of these lines to the next
REACH = 2 * (NEAR_STEP + FAR_STEP)  # lines above and below that bear on a line


def scaled(columns: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Features by their mean and scale, cut at SCALED_LIMIT, times SCALED_GRID: float32 (n_features, n_lines).

    `columns` has the same shape and type; `mean` and `scale` are float32 (n_features,).
    """
    found = columns - mean[:, None]
    found *= (SCALED_GRID / scale)[:, None]
    np.clip(found, -SCALED_GRID * SCALED_LIMIT, SCALED_GRID * SCALED_LIMIT, out=found)
    return np.rint(found, out=found)


def said_of(sums: np.ndarray) -> np.ndarray:
    """What a layer says, times SAID_GRID: its sums where they are positive, rounded."""
    said = sums * np.float32(SAID_GRID)
    np.maximum(said, 0, out=said)
    return np.rint(said, out=said)


class Network(NamedTuple):
    """The weights, float32. Of `line`, the rows are scaled features (`Model.scaled`), the last its intercepts."""

    line: np.ndarray  # (n_features + 1, n_line)
    near: np.ndarray  # (N_PLACES * n_near, n_line), place by place
    near_offset: np.ndarray  # (n_near,)
    far: np.ndarray  # (N_PLACES * n_near, n_near)
    far_offset: np.ndarray  # (n_near,)
    out: np.ndarray  # (n_line + n_near + 1,), the last its intercept

    @classmethod
    def silent(cls, n_features: int) -> Network:
        """One that says nothing."""
        return cls(*(np.zeros(shape, np.float32) for shape in cls.shapes(n_features, 0, 0).values()))

    @staticmethod
    def shapes(n_features: int, n_line: int, n_near: int) -> dict[str, tuple[int, ...]]:
        """The shape of each array, by name."""
        return {
            "line": (n_features + 1, n_line), "near": (N_PLACES * n_near, n_line), "near_offset": (n_near,),
            "far": (N_PLACES * n_near, n_near), "far_offset": (n_near,), "out": (n_line + n_near + 1,),
        }  # fmt: skip

    def on_grid(self) -> Network:
        """The nearest one whose sums are exact."""
        return Network(*((np.rint(array * WEIGHT_GRID) / WEIGHT_GRID).astype(np.float32) for array in self))

    def odds(self, said: np.ndarray, page: np.ndarray) -> np.ndarray:
        """What is added to each line's log-odds of main content, float32 (n_lines,).

        `said` is float32 (n_line, n_lines), what the first layer says (`said_of`); `page` int64 (n_lines,), ascending.
        All lines of a page must be there, or REACH lines more than are asked about.
        """
        grid = np.float32(SAID_GRID)
        near = said_of(read_places(said, self.near / grid, self.near_offset, page, NEAR_STEP))
        far = said_of(read_places(near, self.far / grid, self.far_offset, page, FAR_STEP))
        far += near
        n_line, out = len(said), self.out / grid
        return out[:n_line] @ said + out[n_line:-1] @ far + self.out[-1]


def read_places(values: np.ndarray, weights: np.ndarray, offset: np.ndarray, page: np.ndarray, step: int) -> np.ndarray:
    """The sums of a layer that reads N_PLACES lines, `step` apart, of the page that a line is on; (n_out, n_lines).

    `values` is (n_in, n_lines), `weights` (N_PLACES * n_out, n_in).
    """
    of_place = (weights @ values).reshape(N_PLACES, len(offset), values.shape[1])
    total = of_place[N_PLACES // 2]
    total += offset[:, None]
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
