"""Fitting: what a model learns, what it leaves out, and that cross-validation never tests on what was trained on."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn, which fits the models, is not installed")

from declutter.lines import BODY, LABEL_CODES, LABELS, TITLE
from declutter.stages.features import WORD_FEATURE_NAMES
from declutter.train.examples import Examples
from declutter.train.fit import (
    LABEL_POWER,
    TOKEN_POWER,
    Hyperparameters,
    digest,
    fit,
    fold_of,
    inputs_of,
    label_weights,
    line_weights,
    select,
)
from declutter.train.gold import GoldPage
from declutter.train.labelling import UNKNOWN, LabelledDump
from tests.learning import lightgbm_or_skip

pytestmark = pytest.mark.slow

lightgbm_or_skip()

NAVIGATION = LABEL_CODES["navigation"]
NAMES = ("long", "late", "noise")
QUICK = Hyperparameters(n_trees=12, depth=3, words=False, network_share=0.0)
LINES_A_PAGE = 40


def made_page(family, number):
    page = GoldPage("made", f"site of {family}", family, str(number), None, None, None, None, None, "", None, None)
    return LabelledDump(page, "labelled", "", np.zeros(0, np.int8), np.zeros(0, np.uint8))


def made_examples(families=("a", "b", "c", "d", "e", "f", "g", "h"), inverted=(), pages=4, seed=0):
    """Long lines are body, short ones navigation; the other way round in `inverted` families."""
    random = np.random.default_rng(seed)
    of_page = [made_page(family, number) for family in families for number in range(pages)]
    n = LINES_A_PAGE * len(of_page)
    x = random.normal(size=(n, len(NAMES))).astype(np.float32)
    page = np.repeat(np.arange(len(of_page)), LINES_A_PAGE)
    flip = np.array([dump.page.family in inverted for dump in of_page])[page]
    is_main = ((x[:, 0] > 0) ^ flip).astype(np.int8)
    labels = np.where(is_main == 1, BODY, NAVIGATION).astype(np.uint8)
    line = np.tile(np.arange(LINES_A_PAGE), len(of_page))
    no_words = np.zeros(n, np.int32), np.zeros(0, np.uint64)
    return Examples(x, is_main, labels, np.full(n, 9, np.float32), page, line, *no_words, tuple(of_page))


def score(model, examples):
    return model.scores(*inputs_of(model, examples)).main


def test_a_model_learns_what_the_examples_say():
    examples = made_examples()
    model = fit(examples, NAMES, QUICK, {"seed": 0})
    other = made_examples(seed=1)
    assert ((score(model, other) > 0.5) == other.is_main).mean() > 0.97
    found = model.scores(*inputs_of(model, other)).labels.argmax(axis=1)
    assert (found == other.labels).mean() > 0.95
    assert (model.feature_names, model.card, model.trees.depth) == (NAMES, {"seed": 0}, QUICK.depth)


def test_a_label_without_examples_is_never_given():
    model = fit(made_examples(), NAMES, QUICK)
    x = np.random.default_rng(2).normal(size=(500, 3)).astype(np.float32) * 9
    given = model.scores(x, np.array([0, 500])).labels.argmax(axis=1)
    assert {LABELS[code] for code in given.tolist()} == {"body", "navigation"}


def test_two_runs_give_one_model():
    models = [fit(made_examples(), NAMES, QUICK) for _ in range(2)]
    assert models[0].digest == models[1].digest
    assert fit(made_examples(seed=5), NAMES, QUICK).digest != models[0].digest


def test_undecided_lines_teach_nothing_of_what_to_keep():
    examples = made_examples()
    doubtful = np.random.default_rng(3).random(len(examples.x)) < 0.3
    is_main, labels = examples.is_main.copy(), examples.labels.copy()
    is_main[doubtful], labels[doubtful] = -1, TITLE
    model = fit(replace(examples, is_main=is_main, labels=labels), NAMES, QUICK)
    assert ((score(model, examples) > 0.5) == examples.is_main).mean() > 0.95
    # the same lines as boilerplate do teach
    is_main[doubtful] = 0
    taught_more = score(fit(replace(examples, is_main=is_main, labels=labels), NAMES, QUICK), examples)
    long = examples.x[:, 0] > 0.5
    assert taught_more[long].mean() < score(model, examples)[long].mean() - 0.05


def test_pages_weigh_by_the_size_of_their_site():
    """Four pages a site: each weighs half of a lone page. The dumps of a page are not several pages."""
    examples = made_examples()
    tokens = np.random.default_rng(4).integers(0, 400, len(examples.x)).astype(np.float32)
    weights = line_weights(replace(examples, tokens=tokens), 0.5)
    np.testing.assert_allclose(np.bincount(examples.page, weights=weights), 0.5)
    twice = replace(examples, pages=(*examples.pages[:1] * 2, *examples.pages[2:]))
    assert np.bincount(examples.page, weights=line_weights(twice, 0.5))[:4] == pytest.approx(3**-0.5)
    first = examples.page == 0
    a_token = weights[first] / (tokens[first] + 1) ** TOKEN_POWER
    np.testing.assert_allclose(a_token, a_token[0], rtol=1e-5)


def test_rare_labels_weigh_more_than_their_lines_do():
    examples = made_examples()
    labels = np.where(np.arange(len(examples.x)) % 16 == 0, TITLE, BODY).astype(np.uint8)
    labels[::5] = UNKNOWN
    found = label_weights(replace(examples, labels=labels), np.ones(len(labels)))
    of_label = np.array([found[labels == code].sum() for code in (TITLE, BODY)])
    n_lines = np.array([(labels == code).sum() for code in (TITLE, BODY)])
    assert not found[labels == UNKNOWN].any() and found.sum() == pytest.approx(len(labels))
    assert of_label[0] / of_label[1] == pytest.approx((n_lines[0] / n_lines[1]) ** LABEL_POWER)


def test_families_fall_into_all_folds_by_their_names():
    found = [fold_of(f"family {number}", 3) for number in range(60)]
    assert found == [fold_of(f"family {number}", 3) for number in range(60)]
    assert min(np.bincount(found, minlength=3)) >= 10


def test_select_keeps_the_rows_of_pages():
    examples = made_examples()
    wanted = np.arange(len(examples.pages)) % 3 == 1
    chosen = select(examples, wanted)
    assert [dump.page for dump in chosen.pages] == [examples.pages[row].page for row in np.flatnonzero(wanted)]
    for number, original in enumerate(np.flatnonzero(wanted).tolist()):
        np.testing.assert_array_equal(chosen.x[chosen.page == number], examples.x[examples.page == original])
        np.testing.assert_array_equal(chosen.labels[chosen.page == number], examples.labels[examples.page == original])


def test_the_digest_is_of_features_and_labels():
    examples = made_examples()
    x, labels = examples.x.copy(), examples.labels.copy()
    x[7, 1] += 1
    labels[7] = TITLE
    digests = [digest(examples), digest(replace(examples, x=x)), digest(replace(examples, labels=labels))]
    assert len(set(digests)) == 3 and digest(made_examples()) == digests[0]


def with_words(examples, seed=0):
    """The examples with one word a line, which tells what it is; nothing else does."""
    random = np.random.default_rng(100 + seed)
    words = np.where(examples.is_main == 1, 1 << 62, 1 << 63).astype(np.uint64)
    noise = random.normal(size=examples.x.shape).astype(np.float32)
    return replace(examples, x=noise, n_words=np.ones(len(words), np.int32), word_hashes=words)


def test_a_model_reads_words_where_nothing_else_tells():
    examples, other = with_words(made_examples()), with_words(made_examples(seed=1), seed=1)
    model = fit(examples, NAMES, replace(QUICK, words=True))
    assert model.feature_names == (*NAMES, *WORD_FEATURE_NAMES) and len(model.lexicon) == 2
    assert ((score(model, other) > 0.5) == other.is_main).mean() > 0.97
    without = fit(examples, NAMES, QUICK)
    assert ((score(without, other) > 0.5) == other.is_main).mean() < 0.6


def test_select_keeps_the_words_of_its_rows():
    examples = with_words(made_examples())
    n_words = (np.arange(len(examples.x)) % 3).astype(np.int32)
    words = np.repeat(np.arange(len(examples.x), dtype=np.uint64), n_words)
    chosen = select(replace(examples, n_words=n_words, word_hashes=words), np.arange(len(examples.pages)) % 2 == 1)
    rows = np.flatnonzero(examples.page % 2 == 1)
    np.testing.assert_array_equal(chosen.n_words, n_words[rows])
    np.testing.assert_array_equal(chosen.word_hashes, np.repeat(rows, n_words[rows]))
