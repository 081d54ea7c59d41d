"""Snippets: which lines hold them, and how many of them an answer holds."""

import pytest

from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.snippets import label_by_snippets, letters, recall


def test_letters_fold_case_width_and_marks():
    assert letters("２００ g – Pﬂaumen½, No. 5") == "200gpflaumen12no5"
    assert letters(" • — ") == ""


@pytest.mark.parametrize(
    ("lines", "wanted", "expected"),
    [
        (["Flour, 200 g", "more"], ["flour 200g"], [KEEP, UNDECIDED]),
        (["200 g", "flour", "Menu"], ["200 g flour"], [KEEP, KEEP, UNDECIDED]),  # a text node a line
        (["salt", "Salt marshes of the north, a long headline"], ["Salt"], [KEEP, UNDECIDED]),
        (["Boil the potatoes until soft. Everything after this is a long story of potatoes and where they grew, told "
          "by my aunt."], ["Boil the potatoes until soft."], [KEEP]),
        (["x sal", "t y"], ["salt"], [UNDECIDED, UNDECIDED]),  # by chance, over a line's end
        (["200 g flour, 3 eggs, salt"], ["3 eggs", "salt", "200 g flour"], [KEEP]),
        (["", "•"], ["salt"], [UNDECIDED, UNDECIDED]),
        (["小麦粉 200g", "塩"], ["小麦粉２００ｇ", "塩"], [KEEP, KEEP]),
    ],
)  # fmt: skip
def test_lines_that_hold_a_wanted_snippet_are_main_content(lines, wanted, expected):
    assert label_by_snippets(lines, wanted).tolist() == expected


def test_lines_inside_an_unwanted_snippet_are_boilerplate():
    lines = ["Share", "this page", "Share this page with your aunt", "Add salt."]
    found = label_by_snippets(lines, ["Add salt."], ["Share this page", "Add salt."])
    assert found.tolist() == [DROP, DROP, UNDECIDED, KEEP]


def test_recall_is_the_share_of_snippets_found():
    assert recall("• 200&nbsp;g flour\nBoil.", ["boil", "3 eggs"]) == 0.5
    assert recall("", ["boil"]) == 0.0
