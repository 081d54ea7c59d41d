"""Fitting: examples to a Model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from declutter.lines import LABELS
from declutter.stages.features import WORD_FEATURE_NAMES
from declutter.stages.features.lexicon import NOTHING
from declutter.stages.judge.model import LEAF_GRID, Model, Trees
from declutter.stages.judge.network import SCALED_GRID, SCALED_LIMIT, Network
from declutter.stages.kernels.network import scaled
from declutter.train.bins import bin_edges, bin_numbers
from declutter.train.examples import Examples
from declutter.train.labelling import UNKNOWN
from declutter.train.network_training import fit_network
from declutter.train.word_weights import learn_lexicon, word_features_of, word_features_out_of_family

#: Chosen on the dev sets by cross-validation grouped by site; see benchmarks/models.md.
N_TREES = 250
DEPTH = 5
LEARNING_RATE = 0.1
LEAST_LEAF_LINES = 40
TOKEN_POWER = 0.7
NETWORK_SHARE = 0.5
N_LINE = 96  # numbers that the network's first layer says of a line
LABEL_LOSS = 0.5  # what the loss of the labels weighs beside that of main content, when the network is trained
N_FOLDS = 3
LINES_A_PAGE = 200  # about so many lines of a page are learned from, drawn at random: long pages say little more
SCALE_LINES = 100_000  # lines that tell a feature's mean and scale
LABEL_POWER = 0.75  # rare labels weigh more than their lines do; at 1 as much, at 0 all labels weigh the same


@dataclass(frozen=True)
class Hyperparameters:
    """What a model depends on beside the examples."""

    n_trees: int = N_TREES
    depth: int = DEPTH
    learning_rate: float = LEARNING_RATE
    network_share: float = NETWORK_SHARE  # of the log-odds: the rest is the trees'
    n_line: int = N_LINE
    label_loss: float = LABEL_LOSS
    seed: int = 0
    words: bool = True  # whether a lexicon is learned, and its features put beside the others


def line_weights(examples: Examples) -> np.ndarray:
    """float64 (n,): every page weighs the same, and within it a line by its tokens to the power of TOKEN_POWER.

    The scores count words and average over pages; the power keeps a huge paragraph from being all that a page teaches.
    """
    weight = (examples.tokens + 1.0) ** TOKEN_POWER
    of_page = np.bincount(examples.page, weights=weight, minlength=len(examples.pages))
    return weight / of_page[examples.page]


def fit(
    examples: Examples,
    feature_names: Sequence[str],
    hyperparameters: Hyperparameters = Hyperparameters(),
    card: dict | None = None,
) -> Model:
    """A Model from examples. Undecided lines teach it their label, where that is known, and not what to keep."""
    decided = examples.is_main >= 0
    weights = line_weights(examples)
    rows, weight = _drawn(examples, weights, decided, hyperparameters.seed)
    lexicon = NOTHING
    if hyperparameters.words:
        lexicon = learn_lexicon(examples, rows, weight)
        examples = replace(examples, x=np.hstack((examples.x, word_features_out_of_family(examples, rows, weight))))
        feature_names = (*feature_names, *WORD_FEATURE_NAMES)
    trees = HistGradientBoostingClassifier(
        max_iter=hyperparameters.n_trees, max_depth=hyperparameters.depth, max_leaf_nodes=None,
        learning_rate=hyperparameters.learning_rate,
        min_samples_leaf=LEAST_LEAF_LINES, early_stopping=False, random_state=hyperparameters.seed,
    )  # fmt: skip
    edges = bin_edges(examples.x[rows])
    trees.fit(bin_numbers(examples.x[rows], edges), examples.is_main[rows], sample_weight=weight / weight.mean())
    share = hyperparameters.network_share
    network, mean, scale = _fit_network(examples, weights, decided, hyperparameters)
    grown, start = trees_of(trees, hyperparameters.depth, edges, 1.0 - share)
    return Model(tuple(feature_names), grown, start, network, mean, scale, lexicon, card or {})


def _fit_network(
    examples: Examples, weights: np.ndarray, decided: np.ndarray, hyperparameters: Hyperparameters
) -> tuple[Network, np.ndarray, np.ndarray]:
    """The network, whose log-odds are those of its share, and the (mean, scale) of the features that it reads."""
    some = examples.x[:: -(-len(examples.x) // SCALE_LINES)]
    mean, scale = some.mean(axis=0, dtype=np.float64), np.maximum(some.std(axis=0, dtype=np.float64), 1e-3)
    mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    grid, limit = np.float32(SCALED_GRID), SCALED_GRID * SCALED_LIMIT
    network = fit_network(
        examples, np.where(decided, weights, 0.0), label_weights(examples, weights),
        lambda columns: scaled(columns, mean, grid / scale, limit) / grid,
        hyperparameters.n_line, hyperparameters.label_loss, hyperparameters.seed,
    )  # fmt: skip
    network.out[0] *= hyperparameters.network_share
    network.out_offset[0] *= hyperparameters.network_share
    return network.on_grid(), mean, scale


def label_weights(examples: Examples, weights: np.ndarray) -> np.ndarray:
    """float64 (n,): what each line's label weighs, 0 where it isn't known; rare labels more than frequent ones.

    All lines of a label together weigh as much as what they weigh by `weights` (n,) to the power of LABEL_POWER.
    """
    known = examples.labels != UNKNOWN
    of_label = np.bincount(examples.labels[known], weights=weights[known], minlength=len(LABELS))
    found = np.zeros(len(weights))
    found[known] = weights[known] * of_label[examples.labels[known]] ** (LABEL_POWER - 1.0)
    return found * (weights.sum() / max(found.sum(), 1e-9))


def _drawn(examples: Examples, weights: np.ndarray, decided: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows int64, weights) to learn from: of each page about LINES_A_PAGE of the lines decided, at random.

    Those drawn weigh for the others, so that every page still weighs the same.
    """
    rows = np.flatnonzero(decided)
    n_lines = np.bincount(examples.page[rows], minlength=len(examples.pages))[examples.page[rows]]
    is_drawn = np.random.default_rng(seed).random(len(rows)) * n_lines < LINES_A_PAGE
    rows, n_lines = rows[is_drawn], n_lines[is_drawn]
    return rows, weights[rows] * np.maximum(n_lines / LINES_A_PAGE, 1.0)


def trees_of(
    fitted: HistGradientBoostingClassifier, depth: int, edges: list[np.ndarray], share: float = 1.0
) -> tuple[Trees, float]:
    """scikit-learn's trees over bins as trees over features, and the log-odds that they start from.

    Leaves above the last level are carried down to it; all values are multiplied by `share`. No public attribute of
    scikit-learn gives its trees: this function alone reads private ones, and a test compares it with `predict_proba`.
    """
    grown, start = fitted._predictors, float(fitted._baseline_prediction.item())
    feature = np.zeros((len(grown), (1 << depth) - 1), np.int32)
    threshold = np.full(feature.shape, np.inf, np.float32)  # nothing is greater: go left
    leaf = np.zeros((len(grown), 1 << depth), np.float32)  # on the grid, on which sums are exact
    for number, (predictor,) in enumerate(grown):
        nodes = predictor.nodes
        waiting = [(0, 0, 0)]  # node of scikit-learn's, level, place in the level
        while waiting:
            node, level, place = waiting.pop()
            if level == depth:
                leaf[number, place] = np.rint(nodes["value"][node] * share * LEAF_GRID) / LEAF_GRID
            elif nodes["is_leaf"][node]:
                waiting += [(node, level + 1, 2 * place), (node, level + 1, 2 * place + 1)]
            else:
                column, edge = int(nodes["feature_idx"][node]), int(nodes["num_threshold"][node])
                feature[number, (1 << level) - 1 + place] = column
                if edge < len(edges[column]):
                    threshold[number, (1 << level) - 1 + place] = edges[column][edge]
                waiting.append((nodes["left"][node], level + 1, 2 * place))
                waiting.append((nodes["right"][node], level + 1, 2 * place + 1))
    return Trees(feature, threshold, leaf), start * share


def fold_of(family: str, n_folds: int = N_FOLDS) -> int:
    """The fold of a family, by its name alone: whatever else there is, and in all sets, its pages are in one fold."""
    return int(hashlib.sha256(family.encode()).hexdigest(), 16) % n_folds


def digest(examples: Examples) -> str:
    """SHA-256 of the features, labels and words trained on."""
    content = hashlib.sha256(np.ascontiguousarray(examples.x).tobytes())
    content.update(examples.is_main.tobytes() + examples.labels.tobytes() + examples.word_hashes.tobytes())
    return content.hexdigest()


def inputs_of(model: Model, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """(X as the model reads it, page_starts) of examples: what `Model.scores` takes."""
    x = examples.x
    if len(model.feature_names) != x.shape[1]:
        x = np.hstack((x, word_features_of(examples, model.lexicon)))
    return np.asfortranarray(x), examples.page_starts


def select(examples: Examples, wanted: np.ndarray) -> Examples:
    """The examples of the wanted pages (bool, n_pages)."""
    rows = wanted[examples.page]
    number = np.cumsum(wanted) - 1
    pages = tuple(page for page, is_wanted in zip(examples.pages, wanted.tolist(), strict=True) if is_wanted)
    return Examples(
        examples.x[rows], examples.is_main[rows], examples.labels[rows], examples.tokens[rows],
        number[examples.page[rows]], examples.line[rows],
        examples.n_words[rows], examples.word_hashes[np.repeat(rows, examples.n_words)], pages,
    )  # fmt: skip
