"""Cohesion: content words that a line shares with the text around it, with the densest run, and with the lead."""

import numpy as np

from declutter.lines import Repeats
from declutter.stages.features import Columns
from declutter.stages.features.cohesion import COMMON_AT_LEAST, cohesion_of
from declutter.stages.measure.measure import measure
from declutter.stages.segment.text import split_lines

ARTICLE = [
    "The harbour council voted on Tuesday to repair the northern breakwater before the winter storms return.",
    "Engineers say the breakwater has moved four centimetres since spring, and the harbour floods at every storm.",
    "The repair will close the northern quay, and the council expects the fishing boats to move to the old harbour.",
    "Fishing crews asked the council to wait, but engineers warned that another winter could break the quay.",
]
TEASERS = [
    "A goalkeeper scored twice in one match and apologised to his own grandmother afterwards on live television.",
    "Bakers in three villages have agreed on a recipe for the regional almond cake after nine decades of dispute.",
]


def columns_of(*texts):
    lines = split_lines(list(texts))
    measures = measure(lines)
    return Columns(lines, measures, Repeats.none(len(measures)))


def shares(part, content):
    return part / np.maximum(content, 1)


def test_teasers_share_less_with_the_text_than_its_own_lines():
    cohesion = cohesion_of(columns_of("\n".join([*ARTICLE, *TEASERS])))
    for part in (cohesion.in_core, cohesion.in_lead, cohesion.near(8)):
        share = shares(part, cohesion.content)
        assert share[: len(ARTICLE)].min() > share[len(ARTICLE) :].max()


def test_a_line_does_not_count_its_own_words():
    cohesion = cohesion_of(columns_of("Harbour harbour harbour boats at night, and the harbour again."))
    assert cohesion.content.sum() > 0
    assert cohesion.in_core.tolist() == [0] and cohesion.near(8).tolist() == [0]


def test_words_that_every_text_has_are_no_content():
    text = [f"with number{letter} and {letter}thing" for letter in "abcdefgh"]
    cohesion = cohesion_of(columns_of("\n".join(text)))
    assert len(text) >= COMMON_AT_LEAST
    assert cohesion.content.tolist() == [2] * len(text)  # not "with" and "and"


def test_near_counts_lines_not_words():
    filler = [f"unlike{letter} other{letter}" for letter in "abc"]
    cohesion = cohesion_of(columns_of("\n".join(["breakwater", *filler, "breakwater"])))
    assert cohesion.near(3).tolist() == [0] * 5
    assert cohesion.near(4).tolist() == [1, 0, 0, 0, 1]


def test_a_page_has_the_same_cohesion_alone_and_in_a_batch():
    pages = ["\n".join([*ARTICLE, *TEASERS]), "漁船が帰る港。\n港に漁船が帰る。\n", "", "\n".join(TEASERS * 3)]
    batch = cohesion_of(columns_of(*pages))
    alone = [cohesion_of(columns_of(page)) for page in pages]
    for name in ("content", "in_core", "in_lead", "near_8", "core_share"):
        np.testing.assert_array_equal(
            getattr(batch, name), np.concatenate([getattr(page, name) for page in alone]), err_msg=name
        )


def test_pairs_of_characters_are_words_where_there_are_no_spaces():
    cohesion = cohesion_of(columns_of("防波堤を直す計画が決まった。\n防波堤は冬に壊れた。\n菓子の作り方"))
    share = shares(cohesion.near(8), cohesion.content)
    assert min(share[:2]) > share[2]


def test_no_lines_at_all():
    assert cohesion_of(columns_of("", "\n\n")).content.shape == (0,)
