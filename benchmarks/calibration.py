"""Calibration: of the lines that declutter gives a score, how many are main content."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.datasets import Dataset, dump_of
from benchmarks.declutters import FoldModels, clean, page_of
from declutter.train.examples import label_dumps

N_BINS = 20


def calibrate(dataset: Dataset, models: Path | None, cache: Path | None) -> list[dict]:
    """Bins of score: from, to, lines, their mean score, and the share of them that is main content by the gold.

    Of dumps cleaned with their site's pages; lines that the gold doesn't decide are left out.
    """
    folds = FoldModels.load(models, "text") if models is not None else None
    gold: dict[str, np.ndarray] = {}

    def read():
        for page in dataset.read():
            (dump,) = label_dumps(page, ["blocks"], cache)
            of_page = page_of(page, text=dump_of(page, cache))
            gold[of_page.id] = dump.is_main
            yield page, of_page

    scores, is_main = [], []
    for cleaned in clean(read, folds, "auto", False):
        n_lines = len(cleaned.verdicts)
        scores.append(cleaned.verdicts.score)
        is_main.append(gold.pop(cleaned.page.id)[:n_lines])
    return _bins(np.concatenate(scores), np.concatenate(is_main))


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
