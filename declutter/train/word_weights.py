"""Learning a lexicon: the words that stand in the pages of several families, each with its weight.

A logistic regression over the words of a line. The trees read what a lexicon says of a line that it didn't learn from,
as they will of new pages: the lines of each part of the families are judged by a lexicon learned from the other parts.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from declutter.stages.features import WORD_FEATURE_NAMES, Pagewise, word_features
from declutter.stages.features.lexicon import NOTHING, WEIGHT_GRID, Lexicon
from declutter.train.examples import Examples

LEAST_FAMILIES = 5  # a word of fewer families may be the name of a site
N_PARTS = 3
STRENGTH = 0.3  # C of the regression
STEPS = 40  # of the solver; more change nothing


class Vocabulary(NamedTuple):
    """The distinct words of some lines to learn from."""

    hashes: np.ndarray  # uint64 (n_distinct,), sorted
    line: np.ndarray  # int64 (n_words,), places of the lines among `rows`
    word: np.ndarray  # int64 (n_words,), places in `hashes`


def learn_lexicon(examples: Examples, rows: np.ndarray, weight: np.ndarray) -> Lexicon:
    """The lexicon that `rows` (int64) of the examples teach; `weight` is float64 (n_rows,).

    Without words of LEAST_FAMILIES families, or with lines of one worth only, it is empty.
    """
    vocabulary = _vocabulary(examples, rows)
    return _learned(examples, rows, weight, vocabulary, np.ones(len(rows), bool))


def word_features_out_of_family(examples: Examples, rows: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """float32 (n, n_word_features) of all lines, each by a lexicon learned from `rows` of other families."""
    part = _families(examples) % N_PARTS
    vocabulary = _vocabulary(examples, rows)
    found = np.zeros((len(examples.x), len(WORD_FEATURE_NAMES)), np.float32)
    for number in range(N_PARTS):
        others = (part != number)[examples.page[rows]]
        lexicon = _learned(examples, rows, weight, vocabulary, others)
        lines = (part == number)[examples.page]
        found[lines] = word_features_of(examples, lexicon)[lines]
    return found


def word_features_of(examples: Examples, lexicon: Lexicon) -> np.ndarray:
    """float32 (n, n_word_features): what the lexicon says of the lines."""
    return word_features(Pagewise(examples.page_starts), _word_starts(examples), examples.word_hashes, lexicon)


def _word_starts(examples: Examples) -> np.ndarray:
    starts = np.zeros(len(examples.n_words) + 1, np.int64)
    np.cumsum(examples.n_words, out=starts[1:])
    return starts


def _families(examples: Examples) -> np.ndarray:
    """int64 (n_pages,): the number of each page's family."""
    names = [dump.page.family for dump in examples.pages]
    return np.unique(names, return_inverse=True)[1]


def _vocabulary(examples: Examples, rows: np.ndarray) -> Vocabulary:
    n_words, starts = examples.n_words[rows].astype(np.int64), _word_starts(examples)[rows]
    line = np.repeat(np.arange(len(rows)), n_words)
    place = np.arange(len(line)) - np.repeat(np.cumsum(n_words) - n_words, n_words) + np.repeat(starts, n_words)
    hashes, word = np.unique(examples.word_hashes[place], return_inverse=True)
    return Vocabulary(hashes, line, word)


def _learned(
    examples: Examples, rows: np.ndarray, weight: np.ndarray, vocabulary: Vocabulary, taught: np.ndarray
) -> Lexicon:
    """The lexicon of those rows that are `taught` (bool, n_rows)."""
    is_main = examples.is_main[rows][taught]
    seen = taught[vocabulary.line]
    line, word = (np.cumsum(taught) - 1)[vocabulary.line[seen]], vocabulary.word[seen]
    n_families = _count_families(examples, rows[taught][line], word, len(vocabulary.hashes))
    known = np.flatnonzero(n_families >= LEAST_FAMILIES)
    if not len(known) or len(set(is_main.tolist())) < 2:
        return NOTHING
    column = np.full(len(vocabulary.hashes), -1)
    column[known] = np.arange(len(known))
    inside = column[word] >= 0
    ones = np.ones(int(inside.sum()), np.float32)
    matrix = sparse.csr_matrix((ones, (line[inside], column[word[inside]])), (len(is_main), len(known)))
    regression = LogisticRegression(C=STRENGTH, max_iter=STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # STEPS are few on purpose
        regression.fit(matrix, is_main, sample_weight=weight[taught] / weight[taught].mean())
    weights = np.rint(regression.coef_[0] * WEIGHT_GRID) / WEIGHT_GRID
    order = np.argsort(-n_families[known], kind="stable")  # the most widespread first: those stay
    return Lexicon(vocabulary.hashes[known][order], weights[order].astype(np.float32))


def _count_families(examples: Examples, row: np.ndarray, word: np.ndarray, n_distinct: int) -> np.ndarray:
    """int64 (n_distinct,): in how many families each word stands; `row` is that of each word."""
    families = _families(examples)
    pairs = np.unique(word * (families.max() + 1) + families[examples.page[row]])
    return np.bincount(pairs // (families.max() + 1), minlength=n_distinct)
