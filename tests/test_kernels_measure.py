"""The C kernel that measures lines and its NumPy twin give the same bits, whatever the text."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declutter.lines import Lines
from declutter.stages import kernels
from declutter.stages.measure import measure as measure_module
from declutter.stages.measure.characters import N_CLASSES
from declutter.stages.measure.phrases import phrases_by_category
from declutter.stages.segment.text import split_lines

kernel = kernels.compiled("measure")
if kernel is None:
    pytest.skip("the kernel is not compiled here", allow_module_level=True)

SEEDS = Path(__file__).parent.parent / "seeds"
LONG = "The harbor wall will close on Monday for eleven weeks, the council said, so that every crack can be filled now."
PARTS = [
    # words of many scripts, alone and in phrases
    "a", "The", "ÉCOLE", "straße", "İı", "ΣΑΣ ς", "при", "Дом", "հայ", "שלום", "النص", "می\u200cشود", "हिन्दी", "ไทย",
    "ที่นี่", "ລາວ", "ខ្មែរ", "မြန်မာ", "한국", "漢", "漢字", "あ", "カタカナ", "ｶﾀ", "𠮷", "\U00030000", "ቃል", "ᏣᎳᎩ",
    "e\u0301", "Comments", "Read also", "Share", "评论", "相关阅读", "続きを読む", "Комментарии", "التعليقات", "อ่านต่อ",
    "harbor", "weeks", LONG, "港口的风暴" * 6,
    # digits, marks, signs
    "1", "23", "٣", "½", "3.5", "example.org", "...", ".", "!?", "。", "।", "…", ":", "：", ",", ";", "•", "  • ", "*",
    "-", "–", "|", "»", "“", "”", "(", ")", "「", "」", "©", "👍", "👩\u200d👩\u200d👧", "\u0301", "\u200b", "\u200f",
    "\ufeff", "\ud800", "\udfff", "\0", "\x7f",
    # what parts words and lines
    " ", "  ", "\t", "\u00a0", "\u3000", "\n", "\n\n", "\r", "\r\n", "\u2028", "\u2029", "\x0b", "\x85",
]  # fmt: skip
dumps = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=40).map("".join)
dumps_of_latin = st.text(st.characters(max_codepoint=255), max_size=80)


def assert_same_bits(lines: Lines):
    """Holds the kernel to its twin, chunk by chunk."""
    for first, last in measure_module._chunks(lines):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "measure", kernel)
            found = measure_module._measure_rows(lines, first, last)
            patch.setattr(kernels, "measure", kernels.twin("measure"))
            twin = measure_module._measure_rows(lines, first, last)
        assert list(found) == list(twin) == list(measure_module.KERNEL_COLUMNS)
        for name, column in twin.items():
            assert found[name].dtype == column.dtype, name
            assert found[name].shape == column.shape, name
            assert found[name].tobytes() == column.tobytes(), name
            assert found[name].flags.f_contiguous, name


@settings(max_examples=400, deadline=None)
@given(st.lists(dumps | dumps_of_latin, min_size=1, max_size=6))
@pytest.mark.slow
def test_the_same_bits_with_and_without_the_kernel(texts):
    assert_same_bits(split_lines(texts))


@settings(max_examples=150, deadline=None)
@given(st.lists(dumps, min_size=1, max_size=6), st.sampled_from([(1, 1), (9, 4), (40, 40), (300, 120)]))
def test_the_same_bits_in_chunks_of_any_size(texts, sizes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure_module, "CHUNK_CHARS", sizes[0])
        patch.setattr(measure_module, "MAX_LINE_CHARS", sizes[1])
        assert_same_bits(split_lines(texts))


@pytest.mark.parametrize("last", ["", "é漢字", "\U00030000"], ids=["1 byte", "2 bytes", "4 bytes"])
def test_lines_longer_than_a_chunk_and_many_pages(last):
    words = "At 3.5 km: THE harbor wall, 漢字." if last else "At 3.5 km: THE harbor wall."
    lengths = (20, 900, measure_module.MAX_LINE_CHARS + 40, measure_module.CHUNK_CHARS + 40, 7)
    pages = [f"{LONG}\n{LONG[:40]}\n" * 3] * 400
    pages += [f"{words * (length // len(words) + 1)}\nShare {last}" for length in lengths] + [f"• {words}{last}\n"] * 9
    assert_same_bits(split_lines(pages))


def test_every_phrase_is_found_alike():
    phrases = [phrase for of_category in phrases_by_category().values() for phrase in of_category]
    text = "\n".join(f"{phrase}\n{number}: {phrase.upper()}, Smith" for number, phrase in enumerate(phrases))
    assert_same_bits(split_lines([text]))
    assert measure_module.measure(split_lines(["\n".join(phrases)])).phrases.max(axis=1).min() > 0


def test_the_slots_of_a_page_are_as_many():
    # the twin rounds a logarithm up, the kernel counts bits
    for n_words in sorted({max(0, (1 << bits) + more) for bits in range(18) for more in (-1, 0, 1)}):
        assert_same_bits(split_lines(["", "the " * n_words, f"{LONG}\n{LONG}\nthe harbor"]))


def test_real_pages_measure_the_same():
    paths = sorted(SEEDS.rglob("*.txt"))
    if not paths:
        pytest.skip("the seeds are not here")
    texts = [path.read_bytes().decode("utf-8") for path in paths]
    assert_same_bits(split_lines(texts))
    for text in texts[::10]:
        assert_same_bits(split_lines([text]))


def test_columns_can_be_written_to():
    for column in measure_module._measure_rows(split_lines([LONG]), 0, 1).values():
        assert column.flags.writeable and column.flags.aligned


TABLES = measure_module._tables(kernel, 200)
BOUNDS = np.array([0, 2])


@pytest.mark.parametrize(
    ("starts", "text"),
    [
        ([], ""), ([0, 5], "ab"), ([-1, 2], "ab"), ([0, 2, 1], "ab"), ([0, 2**62, 2], "ab"), ([2, -5, 2], "abc"),
        ([-(2**63), 2**63 - 1], "ab"), ([1, -(2**63)], "ab"), ([0, 201], "a" * 201),
    ],
)  # fmt: skip
def test_lines_that_are_not_in_the_text_are_refused(starts, text):
    with pytest.raises(ValueError, match="rows:"):
        kernel.rows(TABLES, text, np.array(starts, np.int64), BOUNDS, 0)


@pytest.mark.parametrize("bounds", [[], [0], [5, 3, 1], [-(2**63), 2**63 - 1]])
def test_any_bounds_of_pages_are_safe(bounds):
    found = kernel.rows(TABLES, "ab cde\nfgh", np.array([0, 7, 7, 10]), np.array(bounds, np.int64), 0)
    assert np.frombuffer(found[0], np.int64).tolist() == [0, 2]  # a line of no characters is blank


def test_bad_arguments_are_refused():
    starts = np.array([0, 2])
    with pytest.raises(TypeError):
        kernel.rows(TABLES, b"ab", starts, BOUNDS, 0)
    with pytest.raises(TypeError):
        kernel.rows(TABLES, "ab", [0, 2], BOUNDS, 0)
    with pytest.raises(ValueError):
        kernel.rows(object(), "ab", starts, BOUNDS, 0)
    with pytest.raises(TypeError):
        kernel.tables((), 0)
    with pytest.raises(ValueError, match="rows:"):
        kernel.rows(TABLES, "ab", starts, BOUNDS, -1)


def test_tables_that_do_not_fit_are_refused():
    arrays, *numbers = measure_module._tables.__wrapped__(SimpleNamespace(tables=lambda *given: given), 200)
    for number, array in enumerate(arrays):
        with pytest.raises(ValueError, match="tables:"):
            kernel.tables((*arrays[:number], array[:1], *arrays[number + 1 :]), *numbers)
    for number, wrong in ((0, N_CLASSES), (1, -1), (2, 0), (3, 99), (4, 40), (5, 0), (9, 0)):
        with pytest.raises(ValueError, match="tables:"):
            kernel.tables(arrays, *numbers[:number], wrong, *numbers[number + 1 :])
    with pytest.raises(ValueError, match="tables:"):
        kernel.tables(arrays[1:], *numbers)
