"""Fitting: examples to a Model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from declutter.lines import LABELS
from declutter.stages.features import WORD_FEATURE_NAMES
from declutter.stages.features.lexicon import NOTHING
from declutter.stages.judge.model import Model
from declutter.stages.judge.network import SCALED_GRID, SCALED_LIMIT, Network
from declutter.stages.kernels.network import scaled
from declutter.train.boosting import boosted
from declutter.train.examples import Examples
from declutter.train.labelling import UNKNOWN
from declutter.train.network_training import fit_network
from declutter.train.word_weights import learn_lexicon, word_features_of, word_features_out_of_family

#: Chosen on the dev sets by cross-validation grouped by site; see benchmarks/models.md.
N_TREES = 250
DEPTH = 5
LEARNING_RATE = 0.1
TOKEN_POWER = 0.7
NETWORK_SHARE = 0.5
N_LINE = 96  # numbers that the network's first layer says of a line
LABEL_LOSS = 0.5  # what the loss of the labels weighs beside that of main content, when the network is trained
N_FOLDS = 3
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
    lines_a_page: int = 120  # about so many, drawn at random, do the trees learn from: long pages say little more
    site_power: float = 0.3  # a page weighs 1 / (pages of its site to this power): at 0 large sites are all that counts
    epochs: int = 8  # how often the network reads all pages,
    page_lines: int = 300  # of longer ones so many lines in a row
    seed: int = 0
    words: bool = True  # whether a lexicon is learned, and its features put beside the others


def line_weights(examples: Examples, site_power: float = 0.0) -> np.ndarray:
    """float64 (n,): a page weighs the less the more pages of its site there are, a line as its tokens to a power.

    The scores count words and average over pages and sites; `site_power` and TOKEN_POWER keep a large site from being
    all that is taught, and a huge paragraph from being all that its page teaches.
    """
    weight = (examples.tokens + 1.0) ** TOKEN_POWER
    of_page = np.bincount(examples.page, weights=weight, minlength=len(examples.pages))
    pages = {(dump.page.set, dump.page.site, dump.page.id) for dump in examples.pages}
    site_pages = Counter(page[:2] for page in pages)
    of_site = np.array([site_pages[dump.page.set, dump.page.site] for dump in examples.pages])
    return weight / (of_page * of_site**site_power)[examples.page]


def fit(
    examples: Examples,
    feature_names: Sequence[str],
    hyperparameters: Hyperparameters = Hyperparameters(),
    card: dict | None = None,
) -> Model:
    """A Model from examples. Undecided lines teach it their label, where that is known, and not what to keep."""
    decided = examples.is_main >= 0
    weights = line_weights(examples, hyperparameters.site_power)
    rows, weight = _drawn(examples, weights, decided, hyperparameters)
    lexicon = NOTHING
    if hyperparameters.words:
        lexicon = learn_lexicon(examples, rows, weight)
        examples = replace(examples, x=np.hstack((examples.x, word_features_out_of_family(examples, rows, weight))))
        feature_names = (*feature_names, *WORD_FEATURE_NAMES)
    share = hyperparameters.network_share
    trees = boosted(
        examples.x[rows], examples.is_main[rows], weight, n_trees=hyperparameters.n_trees, depth=hyperparameters.depth,
        learning_rate=hyperparameters.learning_rate, seed=hyperparameters.seed, share=1.0 - share,
    )  # fmt: skip
    network, mean, scale = _fit_network(examples, weights, decided, hyperparameters)
    return Model(tuple(feature_names), trees, 0.0, network, mean, scale, lexicon, card or {})


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
        hyperparameters.n_line, hyperparameters.label_loss, hyperparameters.epochs, hyperparameters.page_lines,
        hyperparameters.seed,
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


def _drawn(
    examples: Examples, weights: np.ndarray, decided: np.ndarray, hyperparameters: Hyperparameters
) -> tuple[np.ndarray, np.ndarray]:
    """(rows int64, weights) to learn from: of each page about `lines_a_page` of the lines decided, at random.

    Those drawn weigh for the others, so that every page still weighs what it did.
    """
    rows = np.flatnonzero(decided)
    n_lines = np.bincount(examples.page[rows], minlength=len(examples.pages))[examples.page[rows]]
    is_drawn = np.random.default_rng(hyperparameters.seed).random(len(rows)) * n_lines < hyperparameters.lines_a_page
    rows, n_lines = rows[is_drawn], n_lines[is_drawn]
    return rows, weights[rows] * np.maximum(n_lines / hyperparameters.lines_a_page, 1.0)


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
