import math

import numpy as np
import pytest

from declutter.lines import LABEL_CODES
from declutter.train.f1 import (
    Counts,
    confusion,
    line_counts,
    macro,
    token_f1,
    token_list,
    tokens,
    word_f1,
    words,
)  # fmt: skip


def test_words_fold_case_and_count():
    assert words("The cat, the HAT - 2 cats") == {"the": 2, "cat": 1, "hat": 1, "2": 1, "cats": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Big 新闻 news", ["big", "新", "闻", "news"]),
        ("カタカナ、ひらがな", list("カタカナひらがな")),
        ("web版2は", ["web", "版", "2", "は"]),
        ("ไทย abc", ["ไ", "ท", "ย", "abc"]),
        ("ລາວ", list("ລາວ")),
        ("ខ្មែរ។", list("ខ្មែរ")),
        ("မြန်မာ။", list("မြန်မာ")),
        ("한국어 뉴스", ["한국어", "뉴스"]),
        ("", []),
    ],
)
def test_tokens_are_characters_where_words_are_not_spaced(text, expected):
    assert token_list(text) == expected
    assert tokens(text).total() == len(expected)


def test_word_f1_is_of_multisets():
    assert word_f1("a b b c", "A b d") == pytest.approx(2 * 2 / (4 + 3))
    assert word_f1("same words", "words same") == 1.0
    assert token_f1("新闻", "新的") == pytest.approx(0.5)


@pytest.mark.parametrize(("answer", "expected"), [("", 1.0), (" - ", 1.0), ("x", 0.0)])
def test_empty_gold_wants_an_empty_answer(answer, expected):
    assert word_f1(answer, "") == expected
    assert token_f1(answer, "\n") == expected


def test_empty_answer_to_gold_scores_nothing():
    assert word_f1("", "gold") == 0.0


LABELS = ("navigation", None, "title", "byline", "body", "caption", "comments")


def test_line_counts_leave_out_blanks_captions_and_bylines():
    counts = line_counts([True, True, True, True, False, True, False], LABELS)
    assert counts == Counts(hits=1, kept=2, main=2)
    assert (counts.precision, counts.recall, counts.f1) == (0.5, 0.5, 0.5)


def test_line_counts_weigh_characters_and_take_labels_to_keep():
    keep = [False, False, True, False, True, True, False]
    assert line_counts(keep, LABELS, weights=[9, 0, 2, 5, 10, 4, 7]).main == 12
    assert line_counts(keep, LABELS, main=frozenset({"title", "body", "caption"})) == Counts(3, 3, 3)


def test_counts_add_up_and_stand_without_main_content():
    assert Counts(1, 2, 3) + Counts(1, 1, 1) == Counts(2, 3, 4)
    assert Counts().f1 == 1.0
    assert Counts(0, 3, 0).f1 == 0.0


def test_verdicts_must_fit_the_labels():
    with pytest.raises(ValueError, match="2 verdicts for 7"):
        line_counts([True, False], LABELS)
    with pytest.raises(ValueError, match="1 answers for 7"):
        confusion(["body"], LABELS)


def test_confusion_has_gold_in_rows():
    table = confusion(["body", "body", "body"], ["body", None, "headlines"])
    assert table[LABEL_CODES["headlines"], LABEL_CODES["body"]] == 1
    assert table.sum() == 2 and table.dtype == np.int64


def test_macro_weighs_sites_alike():
    assert macro([("a", 1.0), ("a", 0.0), ("b", 1.0)]) == pytest.approx(0.75)
    assert math.isnan(macro([]))
