"""Training for the kinds of pages: gold pages with HTML and a kind to a model file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from declutter.errors import GoldError
from declutter.extras.kinds import KINDS, SCALED_LIMIT, KindModel, page_features
from declutter.files import paths
from declutter.pages import Page
from declutter.train.fit import fold_of
from declutter.train.gold import GoldPage, read_gold
from declutter.train.markdown_tables import markdown_table

REGULARISATION = 0.03  # C of the logistic regression; .01 to .03 differ by less than chance (benchmarks/kinds.md)
N_FOLDS = 5
STEPS = 300


def train_kinds(gold_folders: Sequence[str | Path], out: str | Path, cross_validation: bool = True) -> KindModel:
    """Train the model of page kinds on gold pages that have HTML and a kind, and write it to `out`.

    The model's card holds the accuracy in cross-validation by family and the confusion of kinds. Raises GoldError
    where no page has a kind, OutputError where `out` can't be written.
    """
    pages = [page for page in chain.from_iterable(map(read_gold, gold_folders)) if page.html and page.kind in KINDS]
    if not pages:
        raise GoldError(f"{', '.join(map(str, gold_folders))}: no page with HTML and one of the kinds {KINDS}")
    x = np.concatenate([features_of(page) for page in pages])
    kinds = np.array([KINDS.index(page.kind) for page in pages])
    data = [Path(folder).resolve().name for folder in gold_folders]
    card = {"pages": len(pages), "data": data, "regularisation": REGULARISATION}
    if cross_validation:
        found = kinds_out_of_family(x, kinds, pages)
        card |= {"accuracy": round(float((found == kinds).mean()), 4), "confusion": confusion(kinds, found).tolist()}
    model = fit_kinds(x, kinds, card)
    with paths.whole_file(Path(out)) as temporary:
        model.save(temporary)
    return model


def features_of(page: GoldPage) -> np.ndarray:
    """float32 (1, n_features): the features of a gold page."""
    return page_features([Page(page.id, url=page.url, html=page.html)])


def fit_kinds(x: np.ndarray, kinds: np.ndarray, card: dict) -> KindModel:
    """A KindModel from page features and rows of KINDS, int (n_pages,). A kind without a page is never given."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    scaled = np.clip((x - mean) / scale, -SCALED_LIMIT, SCALED_LIMIT)
    softmax = LogisticRegression(C=REGULARISATION, max_iter=STEPS).fit(scaled, kinds)
    weights = np.zeros((x.shape[1] + 1, len(KINDS)), np.float32)
    weights[-1] = -1e3
    several = len(softmax.classes_) > 2  # of two classes scikit-learn gives the weights of the second alone
    coefficients = softmax.coef_ if several else np.vstack((-softmax.coef_, softmax.coef_)) / 2
    intercepts = softmax.intercept_ if several else np.append(-softmax.intercept_, softmax.intercept_) / 2
    weights[:-1, softmax.classes_] = coefficients.T
    weights[-1, softmax.classes_] = intercepts
    return KindModel(mean.astype(np.float32), scale.astype(np.float32), weights, card)


def kinds_out_of_family(x: np.ndarray, kinds: np.ndarray, pages: Iterable[GoldPage]) -> np.ndarray:
    """int64 (n_pages,): the kind that a model gives each page which saw no page of its family."""
    folds = np.array([fold_of(page.family, N_FOLDS) for page in pages])
    found = np.zeros(len(kinds), np.int64)
    for fold in set(folds.tolist()):
        tested = folds == fold
        if not tested.all():
            found[tested] = fit_kinds(x[~tested], kinds[~tested], {}).probabilities(x[tested]).argmax(axis=1)
    return found


def confusion(kinds: np.ndarray, found: np.ndarray) -> np.ndarray:
    """int64 (n_kinds, n_kinds): pages by their kind (rows) and the kind found (columns)."""
    counts = np.zeros((len(KINDS), len(KINDS)), np.int64)
    np.add.at(counts, (kinds, found), 1)
    return counts


def confusion_text(counts: Sequence[Sequence[int]]) -> str:
    """The confusion as a table, with the share of each kind's pages that were found."""
    pairs = zip(KINDS, counts, strict=True)
    rows = [(kind, *row, row[place] / max(sum(row), 1)) for place, (kind, row) in enumerate(pairs)]
    return markdown_table(("kind \\ found", *KINDS, "recall"), rows)
