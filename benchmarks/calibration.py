"""Calibration: of the lines that declutter gives a score, how many are main content."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from declutter.train.align import UNDECIDED, align, labels_from
from declutter.train.examples import label_dumps
from declutter.train.gold import GoldPage

N_BINS = 20


def is_main(dump: str, gold: GoldPage) -> np.ndarray:
    """int8 (n_lines,): 1 for lines of main content, 0 for others, -1 where the gold doesn't decide.

    As training labels them: by the gold laid along the dump, or by hand.
    """
    if gold.labels is not None:
        return label_dumps(gold, ["labelled"])[0].is_main
    lines = dump.split("\n")
    found = labels_from(align(lines, gold.main_text))
    found[[not line.strip() for line in lines]] = UNDECIDED
    return found


def calibrate(scores: Sequence[np.ndarray], decided: Sequence[np.ndarray]) -> list[dict]:
    """Bins of score: from, to, lines, their mean score, and the share of them that is main content by the gold.

    One array of scores and one of `is_main` a page, the latter a line longer where the dump ends in a line end; lines
    that the gold doesn't decide are left out.
    """
    return _bins(
        np.concatenate(list(scores)),
        np.concatenate([of_page[: len(score)] for score, of_page in zip(scores, decided, strict=True)]),
    )


def _bins(scores: np.ndarray, is_main: np.ndarray) -> list[dict]:
    decided = is_main >= 0
    scores, is_main = scores[decided], is_main[decided]
    number = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    found = []
    for row in range(N_BINS):
        of_bin = number == row
        if of_bin.any():
            found.append({
                "from": row / N_BINS, "to": (row + 1) / N_BINS, "lines": int(of_bin.sum()),
                "score": float(scores[of_bin].mean()), "main_share": float(is_main[of_bin].mean()),
            })  # fmt: skip
    return found
