"""Judgements to Verdicts: what is kept, blank lines included."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from declutter.lines import BODY, LABEL_CODES, LABELS, Judgement, Lines, Measures, Verdicts

BLANK_REASON = "blank line between kept lines"
BLANK_OUT_REASON = "blank line beside what is removed"


def decide(lines: Lines, measures: Measures, judgement: Judgement, keep: Collection[str]) -> Verdicts:
    """One verdict a line. A line is kept where its label is one of `keep`.

    A blank line has the label of the line above it (at the top of a page, of the one below), and is kept where it
    follows a kept line and more kept lines follow on the page; so paragraphs stay apart and no blank lines pile up
    where something was removed.
    """
    n_lines = len(lines)
    wanted = np.isin(np.arange(len(LABELS)), [LABEL_CODES[label] for label in keep])
    keep_line = wanted[judgement.labels]
    if len(measures) == n_lines:
        return Verdicts(judgement.labels, judgement.score, keep_line, judgement.reasons, judgement.reason_codes)
    is_blank = np.ones(n_lines, bool)
    is_blank[measures.rows] = False
    above = np.cumsum(~is_blank) - 1  # the last line not blank, up to here
    page = np.repeat(np.arange(lines.n_pages), np.diff(lines.page_starts))
    page_first = measures.page_starts[page]
    owner = np.minimum(np.maximum(above, page_first), len(measures) - 1)
    owned = owner < measures.page_starts[page + 1] if len(measures) else np.zeros(n_lines, bool)
    labels = np.where(owned, judgement.labels[owner], BODY) if len(measures) else np.full(n_lines, BODY)
    score = np.where(owned, judgement.score[owner], 0) if len(measures) else np.zeros(n_lines)
    kept_above = owned & (above >= page_first) & (keep_line[owner] if len(measures) else False)
    kept_upto = np.concatenate(([0], np.cumsum(keep_line)))
    more_below = kept_upto[measures.page_starts[page + 1]] > kept_upto[above + 1]
    keep_all = kept_above & (~is_blank | more_below)
    reason_codes = np.where(keep_all, len(judgement.reasons), len(judgement.reasons) + 1)
    reason_codes[measures.rows] = judgement.reason_codes
    reasons = (*judgement.reasons, BLANK_REASON, BLANK_OUT_REASON)
    return Verdicts(labels.astype(np.uint8), score.astype(np.float32), keep_all, reasons, reason_codes.astype(np.int32))
