"""The character tables: classes and scripts of code points, and the bits that lines are compared by."""

import numpy as np
import pytest

from declutter.lines import code_points
from declutter.stages.measure import characters
from declutter.stages.measure.characters import SCRIPTS, character_tables, splitmix64

TABLES = character_tables()


def row(character):
    return min(ord(character), characters.TABLE_SIZE - 1)


def class_of(character):
    return TABLES.classes[row(character)]


def script_of(character):
    return SCRIPTS[TABLES.scripts[row(character)]]


@pytest.mark.parametrize(
    ("script", "ends"),
    {
        "Latin": ".!?‼⁉", "Greek": ".!\u037e", "Armenian": "։", "Arabic": "؟.!", "Urdu": "۔", "Syriac": "܀܁܂", "Devanagari": "।॥",
        "Sinhala": "෴", "Khmer": "។៕", "Myanmar": "။", "Tibetan": "།༎", "Mongolian": "᠃᠉", "Ethiopic": "።፧፨", "Han": "。！？．",
        "half-width Kana": "｡", "Nko": "߹", "Meetei": "꯫", "Ol Chiki": "᱾᱿", "Javanese": "꧉", "Balinese": "᭞᭟", "Vai": "꘎꘏",
        "Lisu": "꓿", "Bamum": "꛳꛷", "Cham": "꩝꩞꩟", "Chakma": "𑅁𑅂", "Canadian": "᙮", "small forms": "﹒﹖﹗",
    }.items(),
)  # fmt: skip
def test_sentences_end_in_every_script(script, ends):
    assert {class_of(end) for end in ends} == {characters.SENTENCE_END}


@pytest.mark.parametrize(
    ("expected", "characters"),
    [
        (characters.LOWER, "aßéяωñა"),
        (characters.UPPER, "AÉЯΩǅ"),
        (characters.LETTER, "אبकবதక한ሀªʰ"),
        (characters.MARK, "\u0301\u093e\u0bbe\u064b\u05b8"),
        (characters.DIGIT, "059٣۴३৪๕໖၇៨߉５²½Ⅷ"),
        (characters.HAN, "漢字一龥豈\U00020000\U0002a6dd\U00031350"),
        (characters.KANA, "あアｱーゟ"),
        (characters.SOUTHEAST_ASIAN, "กລកက"),
        (characters.COMMA, ",，、；،؛՝፣၊"),
        (characters.COLON, ":：፦៖"),
        (characters.QUOTE, "\"'“”«»「」״"),
        (characters.BRACKET, "()[]{}（）【】"),
        (characters.DASH, "-–—‒־"),
        (characters.BULLET, "•●◦▪■★✓*"),
        (characters.SEPARATOR, "|/›·‖→"),
        (characters.ELLIPSIS, "…⋯"),
        (characters.SYMBOL, "€$+©😀🏽\ue000\uffff"),
        (characters.SPACE, " \t\n\r\u00a0\u3000\u2028\u200b\ufeff\x85"),
        (characters.CONTROL, "\0\x07\x1b\x7f"),
    ],
)
def test_classes(expected, characters):
    assert {character: class_of(character) for character in characters} == dict.fromkeys(characters, expected)


def test_joiners_and_direction_marks_are_part_of_words_and_no_words_themselves():
    marks = "\u200c\u200d\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u00ad"
    assert {class_of(mark) for mark in marks} == {characters.MARK}


def test_lone_surrogates_are_letters_and_the_rest_of_unicode_has_a_class():
    assert class_of("\ud800") == class_of("\udcff") == characters.LETTER
    for beyond in ("\U0002ebef", "\U000e0041", "\U0010ffff"):  # rare Han, tags, private use: one row for all
        assert class_of(beyond) == characters.HAN
    assert len(TABLES.classes) == len(TABLES.scripts) == len(TABLES.mixed) == characters.TABLE_SIZE
    assert TABLES.classes.max() < characters.N_CLASSES and TABLES.scripts.max() < len(SCRIPTS)


@pytest.mark.parametrize(
    ("script", "letters"),
    {
        "Latin": "aZéſＡ", "Greek": "αἀ", "Cyrillic": "яҐ", "Armenian": "հ", "Hebrew": "אﭏ", "Arabic": "بپݐ",
        "Devanagari": "क", "Bengali": "ব", "Gurmukhi": "ਗ", "Gujarati": "ગ", "Oriya": "ଓ", "Tamil": "த", "Telugu": "త",
        "Kannada": "ಕ", "Malayalam": "മ", "Sinhala": "ස", "Thai": "ก", "Lao": "ລ", "Tibetan": "བ", "Myanmar": "က", "Georgian": "ქႵ",
        "Ethiopic": "አ", "Khmer": "ក", "Mongolian": "ᠮ", "Hangul": "한ㄱ", "Kana": "あア", "Han": "漢々", "Syriac": "ܐ", "Thaana": "ހ",
        "other": "ꠀ", "none": "7 .€😀",
    }.items(),
)  # fmt: skip
def test_scripts(script, letters):
    assert {letter: script_of(letter) for letter in letters} == dict.fromkeys(letters, script)


@pytest.mark.parametrize("same", ["aA", "éÉ", "яЯ", "σςΣ", "iıİI", "0７٣९५", "ǆǄ", "\U00010428\U00010400"])
def test_cases_and_digits_count_as_the_same_character(same):
    assert len({TABLES.mixed[row(character)] for character in same}) == 1


def test_other_characters_do_not():
    letters = "abcdefghijklmnopqrstuvwxyzабвгдеαβγאבבج漢字あ0"
    assert len({TABLES.mixed[row(letter)] for letter in letters}) == len(set(letters))


def test_code_points_of_any_string():
    text = "a\ud800漢\U0001f600"
    assert code_points(text).tolist() == [ord(character) for character in text]
    assert len(code_points("")) == 0


def test_splitmix64_is_the_published_one():
    # the first outputs for seed 0 of the authors' reference code
    golden = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        states = np.arange(3, dtype=np.uint64) * golden
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert splitmix64(states).tolist() == expected
