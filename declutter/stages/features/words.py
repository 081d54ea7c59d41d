"""What a line's words and those around it say, by a lexicon that the model brings with it."""

from __future__ import annotations

import numpy as np

from declutter.stages.features.lexicon import Lexicon
from declutter.stages.features.pagewise import Pagewise

REACHES = (1, 3, 10)  # lines above and below
WORD_FEATURE_NAMES = (
    "word_weight", "word_weight_a_word", "known_words_log", "known_word_share",
    *(f"word_weight_within_{reach}" for reach in REACHES), "page_word_weight", "page_known_share",
)  # fmt: skip


def word_features(rows: Pagewise, word_starts: np.ndarray, word_hashes: np.ndarray, lexicon: Lexicon) -> np.ndarray:
    """float32 (n, 9) in column order, one row a line that is not blank; the words are those of Measures.

    Sums of weights, and weights a known word, of the line, of the lines around it and of the page. A line without
    known words has 0 everywhere but in what the lines around it say.
    """
    known, weight = lexicon.look_up(word_hashes)
    weights, knowns = _sums(weight), _sums(known)
    row, first, beyond = rows.row, rows.first_row, rows.beyond_row
    matrix = np.empty((rows.n, len(WORD_FEATURE_NAMES)), np.float32, order="F")

    def between(sums: np.ndarray, from_row: np.ndarray, to_row: np.ndarray) -> np.ndarray:
        return sums[word_starts[to_row]] - sums[word_starts[from_row]]

    total, n_known = between(weights, row, row + 1), between(knowns, row, row + 1)
    matrix[:, 0] = total
    matrix[:, 1] = total / np.maximum(n_known, 1)
    matrix[:, 2] = np.log1p(n_known)
    matrix[:, 3] = n_known / np.maximum(np.diff(word_starts), 1)
    for place, reach in enumerate(REACHES, 4):
        bounds = np.maximum(row - reach, first), np.minimum(row + reach + 1, beyond)
        matrix[:, place] = between(weights, *bounds) / np.maximum(between(knowns, *bounds), 1)
    n_known = between(knowns, first, beyond)
    matrix[:, 7] = between(weights, first, beyond) / np.maximum(n_known, 1)
    matrix[:, 8] = n_known / np.maximum(word_starts[beyond] - word_starts[first], 1)
    return matrix


def _sums(column: np.ndarray) -> np.ndarray:
    """float64 (n + 1,): the sum of all before each; exact, since weights are on a grid."""
    sums = np.zeros(len(column) + 1)
    np.cumsum(column, out=sums[1:])
    return sums
