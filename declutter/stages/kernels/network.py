"""The NumPy twin of network.c: the layers of a network.

Inputs, weights and what a layer says are multiples of powers of two, so that a layer's sums are exact in float32 in any
order (see judge/network.py): both ways of adding up give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

N_PLACES = 5  # lines that a layer reads at once: two above, the line itself, two below
#: Multiplications up to which OpenBLAS starts no threads. In products of a layer's size threads wait for each other: on
#: two busy cores a text of 100,000 lines took 46 s, 8.7 s of processor time; by one thread it takes 10 s, 1.4 s.
ONE_THREAD = 1 << 18


def linear(
    columns: np.ndarray, mean: np.ndarray, factor: np.ndarray, limit: float, weights: np.ndarray, offsets: np.ndarray,
    grid: float, said: np.ndarray,
) -> None:  # fmt: skip
    """Write to `said` (float32, (n_rows, n_lines)) what a layer says: its positive sums, times `grid`, rounded.

    The sums are `offsets` (n_rows,) plus `weights` (n_rows, n_features) times scaled features (see `scaled`).
    """
    said[:] = said_of(by_one_thread(weights, scaled(columns, mean, factor, limit)) + offsets[:, None], grid)


def scaled(columns: np.ndarray, mean: np.ndarray, factor: np.ndarray, limit: float) -> np.ndarray:
    """Features, float32 (n_features, n_lines): (columns - mean) * factor, cut at +-limit and rounded."""
    found = columns - mean[:, None]
    found *= factor[:, None]
    np.clip(found, -limit, limit, out=found)
    return np.rint(found, out=found)


def said_of(sums: np.ndarray, grid: float) -> np.ndarray:
    """The sums where they are positive, times `grid`, rounded."""
    said = sums * np.float32(grid)
    np.maximum(said, 0, out=said)
    return np.rint(said, out=said)


def places(
    values: np.ndarray, weights: np.ndarray, offsets: np.ndarray, page: np.ndarray, step: int, grid: float,
    sums: np.ndarray,
) -> None:  # fmt: skip
    """Write to `sums` (float32, (n_rows, n_lines)) what a layer says that reads N_PLACES lines, or one.

    The lines stand `step` (1 to 64) apart and are read where they are of the same page; `page` is int64 (n_lines,).
    `values` is float32 (n_values, n_lines), `weights` (n_places * n_rows, n_values), place by place. With a `grid` of 0
    the answer is the sums themselves, else `said_of` them.
    """
    found = read_places(values, weights, offsets, page, step, by_one_thread)
    sums[:] = said_of(found, grid) if grid else found


def by_one_thread(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """weights @ values, by pieces; float32 (n_rows, n_lines)."""
    found = np.empty((len(weights), values.shape[1]), np.float32)
    n_lines = max(1, ONE_THREAD // max(weights.size, 1))
    for first in range(0, values.shape[1], n_lines):
        lines = slice(first, first + n_lines)
        found[:, lines] = weights @ values[:, lines]
    return found


def read_places(
    values: np.ndarray, weights: np.ndarray, offset: np.ndarray, page: np.ndarray, step: int,
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.matmul,
) -> np.ndarray:  # fmt: skip
    """The sums of a layer that reads lines `step` apart (see `places`); (n_rows, n_lines)."""
    n_places = len(weights) // len(offset)
    of_place = multiply(weights, values).reshape(n_places, len(offset), values.shape[1])
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
