"""Text dumps to Lines: every terminator, page bounds, and rows that joined are the text."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from declutter.stages.segment import text as text_module
from declutter.stages.segment.text import split_lines

# the definition, in another language: what the vectorised splitter must agree with
PHYSICAL_LINE = re.compile(r"[^\n\r\u2028\u2029]*(?:\r\n|[\n\r\u2028\u2029])|[^\n\r\u2028\u2029]+")
TERMINATORS = ("\n", "\r\n", "\r", "\u2028", "\u2029")
dumps = st.text(st.sampled_from("ab \n\r\u2028\u2029\x85\x0b\x0c\x1c\ufeff\u0301\ud800\U0001f600漢"), max_size=24)


def rows(lines):
    return [lines[row] for row in range(len(lines))]


def rows_of(lines, page):
    return range(lines.page_starts[page], lines.page_starts[page + 1])


@pytest.mark.parametrize("end", TERMINATORS, ids=["LF", "CRLF", "CR", "LS", "PS"])
def test_each_terminator_ends_a_line(end):
    lines = split_lines([f"one{end}{end}two{end}"])
    assert rows(lines) == ["one", "", "two"]
    assert [lines.part(range(row, row + 1)).text for row in range(3)] == [f"one{end}", end, f"two{end}"]


@pytest.mark.parametrize("inside", ["\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\0", "\u200b", "\u2027", "\u202a"])
def test_what_looks_like_a_terminator_and_is_none(inside):
    assert rows(split_lines([f"one{inside}two"])) == [f"one{inside}two"]


def test_a_last_line_needs_no_terminator_and_an_empty_text_has_no_line():
    assert rows(split_lines(["one\ntwo"])) == ["one", "two"]
    assert len(split_lines([""])) == len(split_lines([])) == 0
    assert split_lines([]).page_starts.tolist() == [0]
    assert split_lines(["", "a", ""]).page_starts.tolist() == [0, 0, 1, 1]


def test_lf_then_cr_are_two_line_ends_and_cr_lf_are_one():
    assert rows(split_lines(["a\n\rb"])) == ["a", "", "b"]
    assert rows(split_lines(["a\r\r\nb"])) == ["a", "", "b"]


def test_pages_never_share_a_line():
    lines = split_lines(["one\r", "\ntwo", "three"])
    assert rows(lines) == ["one", "", "two", "three"]
    assert lines.page_starts.tolist() == [0, 1, 3, 4]


@given(st.lists(dumps, max_size=5))
@example(["\r", "\n", "\r\n"])
@example(["a", "", "\n"])
def test_rows_joined_are_the_pages(texts):
    lines = split_lines(texts)
    assert lines.n_pages == len(texts)
    assert lines.starts.dtype == lines.ends.dtype == lines.page_starts.dtype == np.int64
    for number, text in enumerate(texts):
        raw = [lines.part(range(row, row + 1)).text for row in rows_of(lines, number)]
        assert raw == PHYSICAL_LINE.findall(text)
        assert [lines[row] for row in rows_of(lines, number)] == [line.rstrip("\n\r\u2028\u2029") for line in raw]


@given(st.lists(dumps, max_size=4), st.integers(1, 5))
def test_the_size_of_a_step_makes_no_difference(texts, step):
    whole = split_lines(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_module, "CHUNK_CHARS", step)
        in_steps = split_lines(texts)
    for name in ("starts", "ends", "page_starts"):
        assert getattr(whole, name).tolist() == getattr(in_steps, name).tolist()
