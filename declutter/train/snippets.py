"""Snippets: pages of which only some passages are known, those that must be kept and those that must not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from declutter.train.align import DROP, KEEP, UNDECIDED

#: A line is main content where wanted snippets cover so much of it, or where it holds one of LONG_SNIPPET letters. A
#: shorter one in a longer line ("salt" in the headline of another recipe) may stand there by chance.
COVERED_SHARE, LONG_SNIPPET = 0.5, 20
#: Letters from which on a snippet may begin or end within a line and run over others.
ACROSS_LINES = 12


def letters(text: str) -> str:
    """The letters and digits of a text, compatibility forms made plain (NFKC), in lower case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).lower()))


def label_by_snippets(lines: Sequence[str], wanted: Sequence[str], unwanted: Sequence[str] = ()) -> np.ndarray:
    """KEEP for lines that hold a wanted snippet, DROP for those inside an unwanted one, else UNDECIDED: int8 (n,).

    Letters and digits only are compared. A snippet may run over several lines, as a text node a line leaves it.
    """
    of_line = [letters(line) for line in lines]
    bounds = np.concatenate(([0], np.cumsum([len(line) for line in of_line], dtype=np.int64)))
    page, found = "".join(of_line), np.full(len(lines), UNDECIDED, np.int8)
    in_unwanted, _ = _cover(page, bounds, map(letters, unwanted))
    found[in_unwanted == 1.0] = DROP
    in_wanted, holds_long = _cover(page, bounds, map(letters, wanted))
    found[(in_wanted >= COVERED_SHARE) | holds_long] = KEEP
    return found


def recall(text: str, wanted: Sequence[str]) -> float:
    """Share of the wanted snippets that a text holds, 0..1, letters and digits compared."""
    page = letters(text)
    return float(np.mean([letters(snippet) in page for snippet in wanted]))


def _cover(page: str, bounds: np.ndarray, snippets: Iterator[str]) -> tuple[np.ndarray, np.ndarray]:
    """(share of each line's letters inside a snippet, whether the line holds a snippet of LONG_SNIPPET letters).

    `page` holds the letters of all lines, `bounds` int64 (n_lines + 1,) where each line's begin.
    """
    covered, holds_long = np.zeros(len(page) + 1, bool), np.zeros(len(bounds) - 1, bool)
    for snippet in filter(None, snippets):
        start = page.find(snippet)
        while start >= 0:
            end = start + len(snippet)
            first, last = np.searchsorted(bounds, (start, end - 1), side="right") - 1
            is_whole_lines = bounds[first] == start and bounds[last + 1] == end
            if first == last or is_whole_lines or len(snippet) >= ACROSS_LINES:
                covered[start:end] = True
                holds_long[first] |= first == last and len(snippet) >= LONG_SNIPPET
            start = page.find(snippet, end)
    inside = np.concatenate(([0], np.cumsum(covered)))
    n_letters = np.diff(bounds)
    return (inside[bounds[1:]] - inside[bounds[:-1]]) / np.maximum(n_letters, 1), holds_long
