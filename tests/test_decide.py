"""Judgements to Verdicts: what is kept, and what becomes of the blank lines."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declutter import Cleaner, Page, learn
from declutter.lines import BODY, LABEL_CODES, LABELS, MAIN_CONTENT, NAVIGATION, TITLE, Judgement
from declutter.stages.judge.decide import (
    BLANK_OUT_REASON,
    BLANK_REASON,
    HOPELESS_SCORE,
    choose,
    decide,
    expected_f1,
    short_at_the_edge,
)
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines

CODES = {"t": TITLE, "b": BODY, "n": NAVIGATION, "c": LABEL_CODES["caption"]}


def decided(*pages, keep=MAIN_CONTENT):
    """Pages are strings of a letter a line: t, b, n, c for its label, . for a blank line."""
    texts = ["".join("\n" if letter == "." else f"{letter}\n" for letter in page) for page in pages]
    lines = split_lines(texts)
    measures = measure(lines)
    labels = np.array([CODES[letter] for page in pages for letter in page if letter != "."], np.uint8)
    score = np.linspace(0.1, 0.9, len(labels), dtype=np.float32)
    judgement = Judgement(labels, score, ("a reason",), np.zeros(len(labels), np.int32), np.zeros(len(labels), bool))
    verdicts = decide(lines, measures, judgement, keep)
    assert len(verdicts) == len(lines)
    return verdicts


def kept(*pages, keep=MAIN_CONTENT):
    return "".join("+" if keeps else "-" for keeps in decided(*pages, keep=keep).keep.tolist())


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("tbb", "+++"),
        ("nbn", "-+-"),
        ("b.b", "+++"),
        ("b..b", "++++"),
        ("n.b.n", "--+--"),  # no blank lines at the edges of what is kept
        (".b.", "-+-"),
        ("b.n.b", "++--+"),  # one run of blank lines where something was removed, not two
        ("b..n..b", "+++---+"),
        ("t.b.n", "+++--"),
        ("n.n", "---"),
        ("...", "---"),
        ("", ""),
    ],
)
def test_blank_lines(page, expected):
    assert kept(page) == expected


def test_pages_do_not_see_each_other():
    assert kept("b.", ".b", "b") == "+-" + "-+" + "+"
    assert kept("", "b.b", "...", "", ".n") == "+++" + "---" + "--"


def test_keep_names_the_labels():
    assert kept("tbcn", keep={"caption"}) == "--+-"
    assert kept("tb.cn", keep=set(LABELS)) == "+++++"
    assert kept("tb.cn", keep=()) == "-----"


def test_a_blank_line_has_the_label_and_score_of_the_line_above_and_a_reason_of_its_own():
    verdicts = decided(".n.b.b.n.")
    assert verdicts.label == ["navigation"] * 3 + ["body"] * 4 + ["navigation"] * 2
    assert verdicts.reason[4] == BLANK_REASON
    assert verdicts.reason[2] == verdicts.reason[6] == verdicts.reason[0] == BLANK_OUT_REASON
    assert verdicts.reason[1] == "a reason"
    assert verdicts.score[4] == verdicts.score[3]
    assert decided("..").score.tolist() == [0, 0]


def test_columns_have_the_types_that_are_promised():
    for page in ("b.b", "bb", ""):
        verdicts = decided(page)
        types = [column.dtype for column in (verdicts.labels, verdicts.score, verdicts.keep, verdicts.reason_codes)]
        assert types == [np.uint8, np.float32, bool, np.int32]


@given(st.lists(st.text(st.sampled_from("tbn."), max_size=10), min_size=1, max_size=4))
def test_no_page_begins_or_ends_with_a_kept_blank_line_and_no_label_decides_otherwise(pages):
    marks = iter(kept(*pages))
    for page in pages:
        of_page = [next(marks) for _ in page]
        for letter, mark in zip(page, of_page, strict=True):
            if letter != ".":
                assert mark == ("+" if letter in "tb" else "-")
        survivors = [letter for letter, mark in zip(page, of_page, strict=True) if mark == "+"]
        assert "." not in survivors[:1] + survivors[-1:]
        assert of_page == list(kept(page))  # alone as in a batch


def test_nothing_is_chosen_on_a_page_without_any_likely_text():
    starts, words = np.array([0, 3, 6]), np.full(6, 40.0, np.float32)
    score = np.array([0.3, 0.1, 0.2, 0.3, 0.1, 0.45], np.float32)  # of 120 words 24 are expected to be text
    keep, cut = choose(starts, words, score)
    assert not keep[:3].any() and keep[5]
    assert cut[:3].tolist() == [pytest.approx(HOPELESS_SCORE)] * 3
    keep, _ = choose(starts, words, score, beta=2.0)  # recall is preferred
    assert keep[0]
    keep, _ = choose(starts, words / 2, score)  # what a page of 60 words says may be its text
    assert keep[0]


def test_long_doubtful_text_is_not_given_up():
    keep, _ = choose(np.array([0, 2]), np.array([200.0, 3.0], np.float32), np.array([0.35, 0.1], np.float32))
    assert keep.tolist() == [True, False]


def test_a_page_is_cut_alike_behind_pages_of_many_words():
    random = np.random.default_rng(0)
    before = 40_000
    words = np.concatenate([np.full(before, 900.3), random.uniform(1, 40, 60)]).astype(np.float32)
    score = random.random(before + 60).astype(np.float32)
    keep, cut = choose(np.array([0, before, before + 60]), words, score)
    alone, cut_alone = choose(np.array([0, 60]), words[before:], score[before:])
    np.testing.assert_array_equal(keep[before:], alone)
    np.testing.assert_array_equal(cut[before:], cut_alone)


def test_short_doubtful_lines_stand_at_the_edge_of_a_confident_text():
    score = np.array([0.65, 0.65, 0.95, 0.65, 0.99, 0.65, 0.75], np.float32)
    words = np.array([1, 30, 60, 1, 80, 2, 2], np.float32)
    at_edge = short_at_the_edge(np.array([0, 7]), words, score)
    assert at_edge.tolist() == [True, False, False, False, False, True, False]  # not long, inside, or likely enough


def test_a_text_has_no_edge_where_little_of_it_is_certain():
    score = np.array([0.65, 0.65, 0.95, 0.6], np.float32)
    words = np.array([1, 60, 20, 1], np.float32)
    assert not short_at_the_edge(np.array([0, 4]), words, score).any()
    assert short_at_the_edge(np.array([0]), words[:0], score[:0]).shape == (0,)


def test_the_edge_of_one_page_is_not_that_of_another():
    score = np.array([0.65, 0.99, 0.65, 0.99, 0.65], np.float32)
    words = np.array([1, 80, 1, 80, 1], np.float32)
    assert short_at_the_edge(np.array([0, 2, 2, 5]), words, score).tolist() == [True, False, True, False, True]
    assert short_at_the_edge(np.array([0, 5]), words, score).tolist() == [True, False, False, False, True]


class TestConfidence:
    """What is chosen is expected to have an F score of words, by the scores alone."""

    def of(self, words, score, keeps):
        text = "\n".join(" ".join(["word"] * n) for n in words)
        measures = measure(split_lines([text]))
        return float(expected_f1(measures, np.array(score, np.float32), np.array(keeps))[0])

    def test_a_page_of_sure_lines(self):
        assert self.of([30, 20, 2], [1, 1, 0], [True, True, False]) == pytest.approx(1)

    def test_doubt_lowers_it_by_its_words(self):
        little, much = ([40, 4], [1, 0.5], [True, True]), ([40, 40], [1, 0.5], [True, True])
        assert 0.9 < self.of(*little) < 1
        assert self.of(*much) == pytest.approx(2 * 60 / (80 + 60), abs=0.01)

    def test_text_that_is_left_out_lowers_it(self):
        assert self.of([40, 40], [0.9, 0.4], [True, False]) < self.of([40, 40], [0.9, 0.1], [True, False])

    def test_a_page_of_which_nothing_is_kept(self):
        assert self.of([5, 5], [0, 0], [False, False]) == 1
        assert self.of([60, 60], [0.3, 0.3], [False, False]) < 0.5

    def test_it_is_carried_with_the_verdicts_and_alone_as_in_a_batch(self):
        pages = [
            Page(str(n), text="\n".join(["Menu", *["One sentence stands here, and it is long enough to be read."] * n]))
            for n in (0, 1, 5)
        ]
        together = list(Cleaner().clean_pages([*pages, *pages]))
        for cleaned in together:
            (alone,) = Cleaner(profile=learn([*pages, *pages])).clean_pages([cleaned.page])
            assert alone.confidence == cleaned.confidence == cleaned.verdicts.confidence[0]
            assert 0 <= cleaned.confidence <= 1


def test_a_models_reasons_name_evidence_then_score_and_cut_off():
    text = "\n".join(
        [
            "Home",
            "News",
            "Sport",
            "Letters",
            *(
                f"The {word} mill by the river was sold on Monday to a man who wants to grind spelt in it again."
                for word in ("old", "small", "red")
            ),
        ]
    )
    verdicts = Cleaner(profile=learn([])).explain(text)
    assert re.fullmatch(r"among short lines, above the text; score \d+%, cut-off \d+%", verdicts.reason[1])
    assert re.fullmatch(r"long prose, in the page's densest run of text; score \d+%, cut-off \d+%", verdicts.reason[5])
    assert verdicts[4:5].reason == [verdicts.reason[4]]
