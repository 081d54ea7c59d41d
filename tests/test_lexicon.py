"""Lexicons: words looked up by their hashes, what they say of lines and those around, and how they are learned."""

from dataclasses import replace

import numpy as np
import pytest

from declutter.lines import Lines
from declutter.stages.features import WORD_FEATURE_NAMES, Pagewise, word_features
from declutter.stages.features.lexicon import NOTHING, WEIGHT_GRID, Lexicon
from declutter.stages.measure.characters import splitmix64
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines

COLUMN = {name: place for place, name in enumerate(WORD_FEATURE_NAMES)}


def hashes_of(n, first=0):
    return splitmix64(np.arange(first, first + n, dtype=np.uint64))


def test_words_are_looked_up_by_their_hashes():
    hashes = hashes_of(20_000)
    weights = (np.arange(20_000) % 64 / WEIGHT_GRID).astype(np.float32)
    lexicon = Lexicon(hashes, weights)
    known, found = lexicon.look_up(hashes)
    assert known.mean() > 0.9  # of two words on one slot, one stays
    np.testing.assert_array_equal(found[known], weights[known])
    assert not found[~known].any()
    assert not lexicon.look_up(hashes_of(5000, 50_000))[0].any()


def test_of_two_words_on_one_slot_the_first_stays():
    first, second = np.uint64(1 << 60), np.uint64((1 << 60) + 1)
    lexicon = Lexicon(np.array([first, second], np.uint64), np.array([1, 2], np.float32))
    known, weights = lexicon.look_up(np.array([first, second], np.uint64))
    assert (known.tolist(), weights.tolist()) == ([True, False], [1.0, 0.0])


def test_an_empty_lexicon_says_nothing():
    known, weights = NOTHING.look_up(hashes_of(9))
    assert not known.any() and not weights.any()
    assert NOTHING.look_up(hashes_of(0))[0].shape == (0,)


def said(lines: Lines, lexicon: Lexicon) -> np.ndarray:
    measures = measure(lines)
    return word_features(Pagewise(measures.page_starts), measures.word_starts, measures.word_hashes, lexicon)


def lexicon_of(**weights) -> Lexicon:
    measures = measure(split_lines(["\n".join(weights)]))
    return Lexicon(measures.word_hashes, np.array(list(weights.values()), np.float32))


def test_lines_say_what_their_words_say():
    lexicon = lexicon_of(because=1.0, login=-2.0)
    x = said(split_lines(["Because of that\nLogin, login\nzzz\n\nbecause"]), lexicon)
    assert x.shape == (4, len(WORD_FEATURE_NAMES)) and x.dtype == np.float32
    assert x[:, COLUMN["word_weight"]].tolist() == [1.0, -4.0, 0.0, 1.0]
    assert x[:, COLUMN["word_weight_a_word"]].tolist() == [1.0, -2.0, 0.0, 1.0]
    assert x[:, COLUMN["known_word_share"]].tolist() == [0.5, 1.0, 0.0, 1.0]  # "of" is too short to count
    assert x[:, COLUMN["word_weight_within_1"]].tolist() == [-1.0, -1.0, -1.0, 1.0]
    assert x[:, COLUMN["page_word_weight"]].tolist() == [-0.5] * 4


def test_a_page_says_the_same_alone_and_among_others():
    texts = ["login\nbecause of words\nand others", "", "because\n" * 40 + "login", "unknown"]
    lexicon = lexicon_of(because=0.123046875, login=-0.7001953125, words=0.3330078125)
    together = said(split_lines(texts), lexicon)
    alone = np.concatenate([said(split_lines([text]), lexicon) for text in texts])
    np.testing.assert_array_equal(together, alone)


def test_a_language_without_known_words_has_zeros():
    lexicon = lexicon_of(because=1.0)
    x = said(split_lines(["это слова\nкоторых нет", "日本語の文章です。"]), lexicon)
    assert not x.any()


@pytest.fixture(scope="module")
def taught():
    """Twelve families whose text says "because", and whose menus say "login"; one family says a name of its own."""
    pytest.importorskip("sklearn", reason="scikit-learn, which fits the models, is not installed")
    from declutter.train.examples import make_examples
    from declutter.train.gold import GoldPage
    from declutter.train.labelling import LabelledDump

    dumps = []
    for family in range(12):
        for number in range(2):
            menu = f"login zzz{chr(97 + family)}\nsearch login\n"
            text = menu + "because many words stand here\nand because of more\nlogin"
            is_main = np.array([0, 0, 1, 1, 0], np.int8)
            page = GoldPage("made", str(family), str(family), str(number), None, None, None, None, None, "", None, None)
            dumps.append(LabelledDump(page, "labelled", text, is_main, np.where(is_main, 1, 4).astype(np.uint8)))
    return make_examples(dumps)


def test_a_lexicon_is_learned_of_words_that_several_families_say(taught):
    from declutter.train.word_weights import learn_lexicon

    rows = np.arange(len(taught.x))
    lexicon = learn_lexicon(taught, rows, np.ones(len(rows)))
    known, weights = lexicon.look_up(measure(split_lines(["because\nlogin\nzzzd"])).word_hashes)
    assert known.tolist() == [True, True, False]  # of one family only
    assert weights[0] > 0 > weights[1]
    np.testing.assert_array_equal(lexicon.weights * WEIGHT_GRID, np.rint(lexicon.weights * WEIGHT_GRID))


def test_features_out_of_family_are_by_lexicons_of_other_families(taught):
    from declutter.train.word_weights import word_features_out_of_family

    rows = np.arange(len(taught.x))
    found = word_features_out_of_family(taught, rows, np.ones(len(rows)))
    flipped = np.array([dump.page.family == "3" for dump in taught.pages])[taught.page]
    is_main = np.where(flipped, 1 - taught.is_main, taught.is_main).astype(np.int8)
    again = word_features_out_of_family(replace(taught, is_main=is_main), rows, np.ones(len(rows)))
    np.testing.assert_array_equal(found[flipped], again[flipped])  # what a family says of itself is not used
    assert not np.array_equal(found[~flipped], again[~flipped])


def test_lines_of_one_worth_teach_no_lexicon(taught):
    from declutter.train.word_weights import learn_lexicon

    rows = np.flatnonzero(taught.is_main == 1)
    assert len(learn_lexicon(taught, rows, np.ones(len(rows)))) == 0
