"""Lexicon: how much single words speak for main content, as learned from the pages of many families.

A word that is not in it says nothing, so that a language it knows nothing of is judged as if there were none.
"""

from __future__ import annotations

import numpy as np

WEIGHT_GRID = 1024.0  # weights are multiples of 1 / WEIGHT_GRID, so that their sums are exact in any order
SLOTS_A_WORD = 8  # of the table that words are looked up in, rounded up to a power of two
LEAST_BITS = 8


class Lexicon:
    """Hashes of words (Measures.word_hashes) and their weights: log-odds of main content, 0 for neither.

    `hashes` is uint64 (n,), `weights` float32 (n,). Of two words that fall on one slot of the table the first stays.
    """

    def __init__(self, hashes: np.ndarray, weights: np.ndarray):
        self.hashes, self.weights = hashes, weights
        bits = max(LEAST_BITS, int(len(hashes) * SLOTS_A_WORD - 1).bit_length())
        self._shift = np.uint64(64 - bits)
        self._hashes = np.zeros(1 << bits, np.uint64)
        self._weights = np.zeros(1 << bits, np.float32)
        slots = (hashes >> self._shift)[::-1]  # the last one assigned stays
        self._hashes[slots], self._weights[slots] = hashes[::-1], weights[::-1]

    def __len__(self) -> int:
        return len(self.hashes)

    def look_up(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(is known bool, weight float32) of each word; uint64 (n_words,). The weight of an unknown word is 0."""
        slots = (hashes >> self._shift).astype(np.int64)
        known = self._hashes[slots] == hashes
        return known, np.where(known, self._weights[slots], np.float32(0))


NOTHING = Lexicon(np.zeros(0, np.uint64), np.zeros(0, np.float32))
