"""The NumPy twin of trees.c: sums of the leaves of boosted trees of one fixed depth.

Trees of a fixed depth need no pointers: node j of a level has its children at 2j and 2j + 1 of the next, so that a
block of trees is judged for thousands of lines by comparing whole columns and combining bits.
"""

from __future__ import annotations

import numpy as np

BLOCK_CELLS = 1 << 16  # trees times lines judged at once: what fits the processor's second-level cache
BLOCK_LINES = 1 << 13


def leaf_sums(
    columns: np.ndarray, feature: np.ndarray, threshold: np.ndarray, leaf: np.ndarray, total: np.ndarray
) -> None:
    """Write to `total` (float32, n_lines) the sum over the trees of the leaf that each line comes to.

    `columns` is float32 (n_features, n_lines); `feature` int32 and `threshold` float32 (n_trees, 2**depth - 1), level
    by level; `leaf` float32 (n_trees, 2**depth); depth is 1 to 8. A line goes right where its feature is greater than
    the threshold. Leaves must be multiples of a power of two, so that sums are exact in any order.
    """
    total[:] = 0
    for first in range(0, len(total), BLOCK_LINES):
        lines = columns[:, first : first + BLOCK_LINES]
        n_trees = max(1, BLOCK_CELLS // max(lines.shape[1], 1))
        for tree in range(0, len(leaf), n_trees):
            trees = slice(tree, tree + n_trees)
            total[first : first + BLOCK_LINES] += _block_sums(lines, feature[trees], threshold[trees], leaf[trees])


def _block_sums(columns: np.ndarray, feature: np.ndarray, threshold: np.ndarray, leaf: np.ndarray) -> np.ndarray:
    """The sums of some trees for some lines; float32 (n_lines,)."""
    depth = int(leaf.shape[1]).bit_length() - 1
    number = np.zeros((len(leaf), columns.shape[1]), np.uint8)
    bits: list[np.ndarray] = []
    for level in range(depth):
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        goes_right = columns[feature[:, nodes].T] > threshold[:, nodes].T[:, :, None]  # (n_nodes, n_trees, n_lines)
        for bit in bits:  # of the nodes of this level, the one that the line has come to
            half = len(goes_right) // 2
            goes_right = goes_right[:half] ^ ((goes_right[:half] ^ goes_right[half:]) & bit)
        bits.append(goes_right[0])
        number = (number << 1) | goes_right[0]
    of_tree = np.arange(len(leaf), dtype=np.int64)[:, None] << depth
    return leaf.reshape(-1)[of_tree + number].sum(axis=0, dtype=np.float32)
