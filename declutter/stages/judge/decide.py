"""Scores to labels and Judgements to Verdicts: what is kept, blank lines included."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from declutter.lines import BODY, LABELS, LEGAL, TITLE, Judgement, Lines, Measures, Verdicts
from declutter.stages.features import Columns
from declutter.stages.judge.headline import choose_headline, copies
from declutter.stages.judge.reasons import model_reasons

CONFIDENT = 0.8  # a score from which on a line is the core of a page's text
RULES_LABEL_WEIGHT = 2.5  # what the rules' label adds to the model's; by the founding dumps, whose labels are by hand
SHARPEN = 1.0  # how much a page with a confident core sharpens the scores of its other lines; see choose()
HOPELESS_SCORE, HOPELESS_WORDS = 0.4, 30.0  # a page whose scores, and expected words, all lie below has no text,
HOPELESS_PAGE_WORDS = 100.0  # where it has so many words: of a smaller page the little that it says may be its text
#: Above and below the lines of a page with at least EDGE_CORE_SCORE, where those are EDGE_CORE_SHARE of its text, lines
#: of up to EDGE_WORDS words below EDGE_SCORE are main content in one of three; scores say more (benchmarks/models.md).
EDGE_CORE_SCORE, EDGE_CORE_SHARE, EDGE_WORDS, EDGE_SCORE = 0.9, 0.7, 6.0, 0.7
HEADLINE_REASONS = tuple(f"the page's headline, with a chance of {percent}%" for percent in range(101))
GRID = 4096.0  # parts of a word and of a score that are told apart
BOILERPLATE = np.array([code for code in range(len(LABELS)) if code not in (BODY, TITLE)])
IS_MAIN = np.array([code in (BODY, TITLE) for code in range(len(LABELS))])
BLANK_REASON = "blank line between kept lines"
BLANK_OUT_REASON = "blank line beside what is removed"


def choose(
    page_starts: np.ndarray, words: np.ndarray, score: np.ndarray, beta: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The lines of each page with the highest expected F score: (bool (n,), float32 (n,) the score cut off at).

    `page_starts` int64 (n_pages + 1,), `words` (n,) what each line weighs, `score` (n,) P(line is main content), 0..1.

    Of the lines with the best scores, as many are chosen as make the expected F greatest: twice the expected words of
    main content among them over the words chosen plus the expected words of main content on the page (Nan, Chai, Lee
    and Chieu 2012). `beta` under 1 prefers precision, above 1 recall. Lines of a page are not right or wrong
    independently: where a page has a confident core, doubtful lines beside it are mostly wrong together, so their
    scores are sharpened first. Of a page on which nothing is likely to be main content, nothing is chosen, unless
    recall is preferred.
    """
    sizes = np.diff(page_starts)
    page = np.repeat(np.arange(len(sizes)), sizes)
    if not len(page):
        return np.zeros(0, bool), np.zeros(0, np.float32)
    # on a grid sums are exact, in float64: a page is cut alike in any batch
    words = np.rint(np.maximum(words, 0.1).astype(np.float64) * GRID) / GRID
    mass = np.bincount(page, weights=words * score)
    core = np.bincount(page, weights=words * score * (score >= CONFIDENT)) / np.maximum(mass, 1e-9)
    doubtful = np.clip(score, 1e-6, 1 - 1e-6)
    odds = np.log(doubtful / (1 - doubtful))
    sharp = np.rint(GRID / (1.0 + np.exp(-odds * (1.0 + SHARPEN * core[page])))) / GRID
    order = np.lexsort((-sharp, page))
    weight, score, sharp_score = words[order], score[order], sharp[order]
    likely = weight * sharp_score
    chosen, right = np.cumsum(weight), np.cumsum(likely)
    filled = sizes.nonzero()[0]
    first, sizes = page_starts[filled], sizes[filled]
    chosen -= np.repeat(chosen[first] - weight[first], sizes)
    right -= np.repeat(right[first] - likely[first], sizes)
    expected = np.repeat(right[page_starts[filled + 1] - 1], sizes)
    gain = (1 + beta * beta) * right / (chosen + beta * beta * expected)
    best = np.maximum.reduceat(gain, first)
    is_best = gain == np.repeat(best, sizes)
    last = np.maximum.reduceat(np.where(is_best, np.arange(len(page)), -1), first)
    cut = np.repeat(sharp_score[last], sizes)  # the lowest score chosen, the same for all lines of a page
    hopeless = (np.maximum.reduceat(score, first) < HOPELESS_SCORE) & (mass[filled] < HOPELESS_WORDS)
    hopeless &= (np.bincount(page, weights=words)[filled] >= HOPELESS_PAGE_WORDS) & (beta <= 1.0)
    cut_score = np.where(hopeless, HOPELESS_SCORE, score[last])
    return (sharp >= cut) & ~np.repeat(hopeless, sizes), np.repeat(cut_score, sizes).astype(np.float32)


def short_at_the_edge(page_starts: np.ndarray, words: np.ndarray, score: np.ndarray) -> np.ndarray:
    """bool (n,): short lines of a doubtful score above or below a confident core that is nearly all of the text.

    The arguments are those of `choose`.
    """
    page = np.repeat(np.arange(len(page_starts) - 1), np.diff(page_starts))
    words = np.rint(words.astype(np.float64) * GRID) / GRID
    score_on_grid = np.rint(score * GRID) / GRID
    is_core = score >= EDGE_CORE_SCORE
    mass = np.bincount(page, weights=words * score_on_grid)
    core = np.bincount(page, weights=words * score_on_grid * is_core)
    before = np.concatenate(([0], np.cumsum(is_core)))
    above, up_to, of_page = before[:-1] - before[page_starts[page]], before[1:], before[page_starts[page + 1]]
    outside = (above == 0) | (up_to == of_page)
    doubtful = (words <= EDGE_WORDS) & (score < EDGE_SCORE)
    return outside & doubtful & (core[page] >= EDGE_CORE_SHARE * mass[page])


def by_model(
    columns: Columns, score: np.ndarray, label_scores: np.ndarray, rules: Judgement, beta: float = 1.0
) -> Judgement:
    """The model's judgement. Where the rules are certain they overrule it.

    The headline is kept whatever its score where the page has other text; it and its copies that are kept are titles,
    other kept lines are body. A line that is not kept has the best of the other labels. In dumps, unless recall is
    preferred, short lines at the edge of a certain text are not kept; where there is a DOM, they are mostly headings.
    """
    measures, in_dump = columns.measures, not columns.lines.dom
    may_be_headline = np.isfinite(rules.certain_below)
    headline = choose_headline(columns, np.where(may_be_headline, score, 0), may_be_headline)
    certain = (score < rules.certain_below) & ~(headline.is_kept & may_be_headline)
    open_score, open_words = np.where(certain, 0, score), np.where(certain, 0, measures.words)
    keep, cut = choose(measures.page_starts, open_words, open_score, beta)
    if in_dump and beta <= 1.0:
        keep &= ~short_at_the_edge(measures.page_starts, measures.words, open_score)
    page = np.repeat(np.arange(len(measures.page_starts) - 1), np.diff(measures.page_starts))
    has_text = np.bincount(page, keep, minlength=1)[page] > 0
    keep = (keep | headline.is_kept & has_text) & ~certain
    is_title = headline.is_headline & keep
    fit = label_scores[:, BOILERPLATE] + RULES_LABEL_WEIGHT * (rules.labels[:, None] == BOILERPLATE)
    # of the labels of template lines the model knows more, but for those told by a phrase or by a dialog's name
    removed = np.where(certain & (rules.labels == LEGAL), LEGAL, BOILERPLATE[fit.argmax(axis=1)])
    labels = np.where(keep, np.where(copies(columns, is_title), TITLE, BODY), removed)
    at_edge = ~keep & (open_score > cut)
    keys, words_of = model_reasons(columns, keep, score, np.where(at_edge, EDGE_SCORE, cut))
    by_rules, by_chance = 1 + rules.reason_codes, 1 + len(rules.reasons) + np.rint(100 * headline.chance)
    key = np.where(certain, -by_rules, np.where(keep & (score < cut), -by_chance, keys)).astype(np.int64)
    found, codes = np.unique(key, return_inverse=True)
    of_rules = (*rules.reasons, *HEADLINE_REASONS)
    reasons = (*(of_rules[-1 - k] for k in found[found < 0].tolist()), *words_of(found[found >= 0]))
    final = np.where(certain, np.minimum(score, rules.score), score).astype(np.float32)
    return Judgement(labels.astype(np.uint8), final, reasons, codes.reshape(-1).astype(np.int32), rules.certain_below)


def expected_f1(measures: Measures, score: np.ndarray, is_main: np.ndarray) -> np.ndarray:
    """float32 (n_pages,), 0..1: the F score, by words, that the lines taken for main content are expected to have.

    `score` float32 (n,) is P(line is main content), `is_main` bool (n,). On the dev sets the mean of what is reached
    lies within .05 of it, from .7 to 1, so that it needs no calibration. A page of which nothing is kept is judged by
    the words of main content that it is expected to have.
    """
    n_pages = len(measures.page_starts) - 1
    page = np.repeat(np.arange(n_pages), np.diff(measures.page_starts))
    words = np.maximum(measures.words, 0.1).astype(np.float64)
    likely = np.rint(words * score * GRID) / GRID
    right, expected = np.bincount(page, likely * is_main, n_pages), np.bincount(page, likely, n_pages)
    total = np.bincount(page, np.rint(words * GRID) / GRID * is_main, n_pages) + expected
    empty = HOPELESS_WORDS / (HOPELESS_WORDS + expected)
    return np.where(total > expected, 2 * right / np.maximum(total, 1e-9), empty).astype(np.float32)


def decide(lines: Lines, measures: Measures, judgement: Judgement, keep: Collection[str]) -> Verdicts:
    """One verdict a line. A line is kept where its label is one of `keep`.

    A blank line has the label of the line above it (at the top of a page, of the one below), and is kept where it
    follows a kept line and more kept lines follow on the page; so paragraphs stay apart and no blank lines pile up
    where something was removed.
    """
    n_lines = len(lines)
    wanted = np.array([label in keep for label in LABELS])
    keep_line = wanted[judgement.labels]
    confidence = expected_f1(measures, judgement.score, IS_MAIN[judgement.labels])
    if len(measures) == n_lines:
        codes, rows = judgement.reason_codes, range(n_lines)
        columns = judgement.labels, judgement.score, keep_line, judgement.reasons, codes
        return Verdicts(*columns, lines, rows, confidence)
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
    labels, score, reason_codes = labels.astype(np.uint8), score.astype(np.float32), reason_codes.astype(np.int32)
    return Verdicts(labels, score, keep_all, reasons, reason_codes, lines, range(n_lines), confidence)
