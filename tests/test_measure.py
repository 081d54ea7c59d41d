"""What is counted in lines: words in any script, ends, fingerprints, prefixes; the same alone and in a batch."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declutter.lines import Measures
from declutter.stages.measure import characters
from declutter.stages.measure import measure as measure_module
from declutter.stages.measure.measure import MAX_LINE_CHARS, measure
from declutter.stages.segment.text import split_lines

ALPHABET = "aB é1٣ \t\n\r.:,•-«»|漢あกက한\u200c\u200f\u0301\ud800\U0001f600\U00030000\0"
dumps = st.text(st.sampled_from(ALPHABET), max_size=60)
NO_COLUMNS = ("rows", "page_starts", "word_starts", "word_hashes")
COLUMNS = [column.name for column in dataclasses.fields(Measures) if column.name not in NO_COLUMNS]


def measured(*lines):
    measures = measure(split_lines(["\n".join(lines)]))
    assert len(measures) == len(lines)
    return measures


def fingerprints(*lines):
    return measured(*lines).fingerprint.tolist()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("The harbor, again: it's 3.5 km!", 8),  # it s, 3 5
        ("می‌شود گفت", 2),  # a joiner inside a word
        ("كِتَابٌ جَدِيدٌ", 2),  # vowel marks
        ("हिन्दी में समाचार", 3),
        ("한국어 뉴스", 2),
        ("ሰላም፡ለዓለም", 2),
        ("e\u0301te\u0301", 1),
        ("👍 😀", 0),
        ("© 2024", 1),
    ],
)
def test_words_of_scripts_with_spaces(line, words):
    assert measured(line).words[0] == words


@pytest.mark.parametrize(
    ("line", "script", "n_characters"),
    [
        ("渔民们在黎明回到港口", characters.HAN, 10),
        ("あしたはあめ", characters.KANA, 6),
        ("วันนี้ฝนตก", characters.SOUTHEAST_ASIAN, 7),  # vowel and tone marks above are none of their own
    ],
)
def test_words_of_scripts_without_spaces(line, script, n_characters):
    assert measured(line).words[0] == pytest.approx(n_characters * characters.WORDS_PER_CHARACTER[script])


def test_length_compares_across_scripts():
    # one sentence, translated
    lengths = measured(
        "The fishermen came back to the harbor at dawn and said that the storm had caught them near the far shore.",
        "渔民们在黎明时分回到港口，说风暴在遥远的海岸附近追上了他们。",
        "漁師たちは夜明けに港へ戻り、遠い岸の近くで嵐に襲われたと語った。",
        "ชาวประมงกลับมาถึงท่าเรือตอนรุ่งสางและบอกว่าพายุไล่ทันพวกเขาใกล้ชายฝั่งอันไกลโพ้น",
    ).words
    assert lengths.min() > 0.5 * lengths.max()


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("It rained.", characters.SENTENCE_END),
        ("“It rained.”", characters.SENTENCE_END),
        ("(“It rained.” )", characters.SENTENCE_END),
        ("«هطل المطر؟»", characters.SENTENCE_END),
        ("下雨了。」", characters.SENTENCE_END),
        ("वर्षा हुई।", characters.SENTENCE_END),
        ("ភ្លៀង។", characters.SENTENCE_END),
        ("It rained…", characters.ELLIPSIS),
        ("It rained.\u200f", characters.SENTENCE_END),
        ("Read also:", characters.COLON),
        ("It rained", characters.LOWER),
        ("2024", characters.DIGIT),
    ],
)
def test_how_a_line_ends(line, final):
    assert measured(line).final_class[0] == final


def test_sentence_ends_inside_words_do_not_count():
    assert measured("At 3.5 km from example.org. There. And there").sentence_ends[0] == 2


def test_blank_lines_have_no_row_and_others_keep_theirs():
    measures = measure(split_lines(["\n \t\na\n\u200b\u00a0\n", "", "\0\n", "b"]))
    assert measures.rows.tolist() == [2, 5]
    assert measures.page_starts.tolist() == [0, 1, 1, 1, 2]


def test_indent_first_and_last_class_and_counts():
    measures = measured("  \t• one", "\u3000「二」")
    assert measures.indent_chars.tolist() == [3, 1]
    assert measures.first_class.tolist() == [characters.BULLET, characters.QUOTE]
    assert measures.last_class.tolist() == [characters.LOWER, characters.QUOTE]
    assert measures.counts[0, characters.LOWER] == 3 and measures.counts[1, characters.HAN] == 1


def test_script_is_that_of_the_last_word():
    measures = measured("Read this на русском", "по-русски: English", "漢字", "12 345", "---")
    names = [characters.SCRIPTS[row] for row in measures.script.tolist()]
    assert names == ["Cyrillic", "Latin", "Han", "none", "none"]


@pytest.mark.parametrize(
    "same",
    [
        ("Comments (3)", "comments (27)", "  • COMMENTS: 1204", "Comments — 5!", "Comments 3"),
        ("12 min read", "7 MIN READ", "- 1 min, read."),
        ("التعليقات ٣", "• التعليقات (١٢٠)", "التعليقات: 9"),
        ("评论（3）", "评论 128", "【评论】99"),
        ("ΣΧΟΛΙΑ", "σχολια", "Σχολια:"),
        ("İSTANBUL HABERLERİ", "istanbul haberleri", "ıstanbul haberlerı"),
    ],
)
def test_fingerprints_do_not_see_digits_case_space_bullets_and_punctuation(same):
    assert len(set(fingerprints(*same))) == 1
    assert fingerprints(*same)[0] != 0


def test_fingerprints_differ_otherwise():
    lines = [
        "Comments", "Comment", "Comments 3", "Comments 3 by 4", "Share", "Shares", "Share this", "This share",
        "ab", "ba", "aab", "abb", "a", "aa", "Résumé", "Resume", "评论", "论评", "评评论",
        "التعليقات", "تعليقات", "می‌شود",
        "Сегодня", "Вчера", "1", "1a", "a1",
    ]  # fmt: skip
    assert len(set(fingerprints(*lines))) == len(lines)


def test_a_line_of_marks_alone_has_no_fingerprint():
    assert fingerprints("---", "• |", "😀") == [0, 0, 0]


@given(st.text(st.sampled_from("ab漢あกбγ"), min_size=1, max_size=12), st.data())
def test_fingerprints_of_dressed_lines_are_equal(words, data):
    marks = st.text(st.sampled_from(" \t•-–*.:|()«»…"), max_size=4)
    dressed = data.draw(marks) + "".join(letter + data.draw(marks) for letter in words.upper())
    assert fingerprints(words, dressed)[0] == fingerprints(words, dressed)[1] != 0


@given(st.lists(st.text(st.sampled_from("abcдеж漢字あ1"), min_size=1, max_size=6), min_size=2, max_size=8))
def test_fingerprints_are_equal_for_equal_words_only(lines):
    def key(line):  # runs of digits count as one
        return "".join(character for at, character in enumerate(line) if character != "1" or line[at - 1 : at] != "1")

    by_print = {}
    for line, value in zip(lines, fingerprints(*lines), strict=True):
        assert by_print.setdefault(value, key(line)) == key(line)
    assert len(by_print) == len({key(line) for line in lines})


def test_prefixes_are_the_words_before_the_first_colon():
    prefix = measured(
        "Source: Agency", "  • SOURCE 3: somebody else", "Source", "Source — none", "Sources: many",
        "来源：新华", "来源： 其他", ": none"
    ).prefix.tolist()  # fmt: skip
    assert prefix[2] == prefix[3] == prefix[7] == 0
    assert prefix[5] == prefix[6] != 0
    assert len({prefix[0], prefix[4], prefix[5], 0}) == 4
    assert prefix[0] not in fingerprints("Source")  # "Source: ..." is not the line "Source"


PAGE = """Harbor wall to close for eleven weeks
Pie contest draws a record crowd
The harbor wall will close on Monday for eleven weeks, the council said, so that cracks wider than a fist can be filled.
The weeks without the wall will be hard for everyone who lands fish there, said the master of the harbor on Monday."""


def test_page_overlap_tells_the_title_from_another_headline():
    title, other, first, _ = measure(split_lines([PAGE])).page_overlap.tolist()
    assert title > 0.8
    assert other < 0.3
    assert 0.2 < first < 0.7  # of its own words only those of the other long line count


def test_page_overlap_stays_on_the_page():
    title = PAGE.split("\n")[0]
    assert measure(split_lines([PAGE, title])).page_overlap[-1] == 0


def test_no_lines_at_all():
    for texts in ([], [""], ["\n\n", ""]):
        measures = measure(split_lines(texts))
        assert len(measures) == 0
        assert measures.page_starts.tolist() == [0] * (len(texts) + 1)
        assert measures.counts.shape == (0, characters.N_CLASSES)


def test_a_huge_line_is_measured_by_its_beginning_and_the_lines_beside_it_whole():
    huge = "word " * 60_000
    assert len(huge) > 2 * MAX_LINE_CHARS
    measures = measured("before it.", huge, "after it.")
    assert measures.words.tolist() == [2, pytest.approx(MAX_LINE_CHARS / 5, rel=0.01), 2]
    assert measures.fingerprint.tolist()[::2] == fingerprints("before it.", "after it.")


def assert_same(batch, rows, alone):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(batch, name)[rows], getattr(alone, name), err_msg=name)
    words = slice(batch.word_starts[rows.start], batch.word_starts[rows.stop])
    np.testing.assert_array_equal(batch.word_hashes[words], alone.word_hashes)
    np.testing.assert_array_equal(np.diff(batch.word_starts)[rows], np.diff(alone.word_starts))


@given(st.lists(dumps, min_size=1, max_size=5))
def test_a_page_measures_the_same_alone_and_in_a_batch(texts):
    batch = measure(split_lines(texts))
    for number, text in enumerate(texts):
        rows = slice(batch.page_starts[number], batch.page_starts[number + 1])
        assert_same(batch, rows, measure(split_lines([text])))


def test_real_pages_measure_the_same_alone_and_in_a_batch(monkeypatch):
    texts = [f"{PAGE.replace('harbor', name)}\n" * 3 for name in ("harbor", "market", "школа", "学校")] * 8
    whole = measure(split_lines(texts))
    monkeypatch.setattr(measure_module, "CHUNK_CHARS", 2000)  # many steps, cut between pages
    in_steps = measure(split_lines(texts))
    for number, text in enumerate(texts):
        alone = measure(split_lines([text]))
        assert_same(whole, slice(whole.page_starts[number], whole.page_starts[number + 1]), alone)
        assert_same(in_steps, slice(in_steps.page_starts[number], in_steps.page_starts[number + 1]), alone)


def test_a_page_larger_than_a_step_measures_the_same_behind_another(monkeypatch):
    monkeypatch.setattr(measure_module, "CHUNK_CHARS", 700)
    large = f"{PAGE}\n" * 4
    alone = measure(split_lines([large]))
    batch = measure(split_lines([PAGE, large, PAGE]))
    assert_same(batch, slice(batch.page_starts[1], batch.page_starts[2]), alone)


def test_the_words_of_a_line_are_those_of_three_letters_and_more():
    measures = measured("The old boat of St. Ives", "- 12 -", "THE BOAT")
    assert np.diff(measures.word_starts).tolist() == [4, 0, 2]
    first, last = measures.word_hashes[:4].tolist(), measures.word_hashes[4:].tolist()
    assert last == [first[0], first[2]]


def test_where_there_are_no_spaces_words_are_pairs_of_characters():
    measures = measured("漁船が帰る", "漁船")
    pairs = measures.word_hashes[: measures.word_starts[1]].tolist()
    assert len(pairs) == 5  # the last character stands alone
    assert measures.word_hashes[measures.word_starts[1]] == pairs[0]
