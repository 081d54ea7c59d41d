"""The interface phrases: every category of every language fires, and ordinary prose does not."""

import json
import unicodedata
from importlib import resources

import numpy as np
import pytest

from declutter.stages.measure.measure import MAX_PHRASE_UNITS, PHRASE_LINE_CHARS, measure
from declutter.stages.measure.phrases import CATEGORIES, phrases_by_category
from declutter.stages.segment.text import split_lines

LANGUAGES = json.loads(resources.files("declutter.stages.measure").joinpath("phrases.json").read_text("utf-8"))
NO_LANGUAGE = {"mul"}  # names that stand on sites of every language


def covered(lines):
    """float32 (n_lines, n_categories): the share of each line that a phrase of each category covers."""
    measures = measure(split_lines(["\n".join(lines)]))
    assert len(measures) == len(lines)
    return measures.phrases


def test_there_are_at_least_40_languages_in_12_scripts():
    assert len(LANGUAGES.keys() - NO_LANGUAGE) >= 40
    letters = "".join(table["comments"][0] for table in LANGUAGES.values())
    scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}
    assert len(scripts) >= 12


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_category_of_a_language_fires(language):
    table = LANGUAGES[language]
    assert set(table) == set(CATEGORIES)
    for column, category in enumerate(CATEGORIES):
        phrases = table[category]
        assert phrases or language in NO_LANGUAGE, f"{language} has no phrase of {category}"
        if phrases:
            found = covered(phrases)[:, column]
            assert found.tolist() == pytest.approx([1.0] * len(phrases)), f"{language}: {category}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrases_are_found_in_any_case_with_digits_marks_and_bullets_around(language):
    for column, category in enumerate(CATEGORIES):
        for phrase in LANGUAGES[language][category][:2]:
            dressed = [f"  • {phrase}:", f"{phrase} (27)", f"« {phrase} »", f"12 {phrase} ›"]
            if all(len(letter.upper()) == 1 for letter in phrase):  # ß and a few others have no single capital
                dressed.append(phrase.upper())
            assert (covered(dressed)[:, column] > 0.5).all(), f"{language}: {phrase}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_phrases_are_well_formed(language):
    for category, phrases in LANGUAGES[language].items():
        assert len(set(phrases)) == len(phrases), f"{language}: {category} says a phrase twice"
        for phrase in phrases:
            assert phrase == phrase.strip() and phrase and not any(letter.isdecimal() for letter in phrase), phrase
            assert len(phrase.split()) <= MAX_PHRASE_UNITS and len(phrase) <= 60, phrase


def test_tables_hold_each_phrase_once():
    for phrases in phrases_by_category().values():
        assert len(set(phrases)) == len(phrases)


@pytest.mark.parametrize(
    ("line", "category", "share"),
    [
        ("Comments", "comments", 1.0),
        ("Comments by our readers", "comments", 8 / 20),  # of its letters
        ("Commentstreet", "comments", 0.0),  # whole words only
        ("The Commentsy", "comments", 0.0),
        ("发表评论", "comments", 1.0),
        ("Les commentaires de Paul Commentaires", "comments", 12 / 32),
        ("شارك", "share", 1.0),
        ("شار\u200fك", "share", 0.0),
    ],
)
def test_the_share_that_a_phrase_covers(line, category, share):
    assert covered([line])[0, CATEGORIES.index(category)] == pytest.approx(share, abs=0.08)


def test_a_phrase_in_a_long_line_counts_little_and_in_a_very_long_one_nothing():
    column = CATEGORIES.index("comments")
    line = "Comments on the new harbor wall were heard at the meeting on Monday evening in the old town hall"
    assert 0 < covered([line])[0, column] < 0.15
    assert covered([line * (1 + PHRASE_LINE_CHARS // 60)])[0, column] == 0


def test_prose_in_many_scripts_is_no_phrase():
    prose = [
        "She walked down to the harbor before sunrise and counted the boats that had come back in the night.",
        "Le maire a déclaré que les travaux du vieux pont dureraient encore deux ans au moins.",
        "Рыбаки вернулись в гавань на рассвете и рассказали, что шторм застал их у дальнего берега.",
        "عاد الصيادون إلى الميناء عند الفجر وقالوا إن العاصفة فاجأتهم قرب الشاطئ البعيد.",
        "渔民们在黎明时分回到港口，说风暴在远处的海岸边追上了他们。",
        "漁師たちは夜明けに港へ戻り、遠い岸辺で嵐に襲われたと語った。",
    ]
    assert np.max(covered(prose)) < 0.2
