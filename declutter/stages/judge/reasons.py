"""Reasons of a model's verdicts: the two strongest pieces of evidence in words, then score and cut-off.

The evidence is what the features are made of, so that it costs little; a piece comes before those that say less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from declutter.stages.features import Columns, dom_of, outline_of

LONG_RUN = 4  # short lines in a row
SAYS_THE_SAME, SAYS_OTHER = 0.4, 0.15  # share of a line's words that long lines of the page have too
HALF_A_PHRASE = 0.5
NOTHING_BUT_LINKS = 0.99
NAV_LEVELS = 8  # up to a navigation element

Evidence = tuple[
    str, Callable[[Columns, np.ndarray], np.ndarray]
]  # words, and where they are true; `keep` is bool (n,)


def _short_run(c: Columns) -> np.ndarray:
    first, beyond = c.run_bounds(c.is_short)
    return c.is_short & (beyond - first >= LONG_RUN)


def _where_html(column: Callable[[Columns], np.ndarray]) -> Callable[[Columns, np.ndarray], np.ndarray]:
    return lambda c, keep: column(c) if c.lines.dom else np.zeros(c.n, bool)


def _in_core(c: Columns) -> np.ndarray:
    first, beyond = outline_of(c).core
    return (c.row >= first) & (c.row < beyond)


FOR_TEXT: tuple[Evidence, ...] = (
    ("a heading", _where_html(lambda c: dom_of(c).heading_level > 0)),
    ("long prose", lambda c, keep: c.is_long),
    ("prose", lambda c, keep: c.is_prose & ~c.is_long),
    ("in the page's densest run of text", lambda c, keep: _in_core(c)),
    ("recurs on no other page of this site", lambda c, keep: outline_of(c).known & (c.repeats.pages_with <= 1)),
    ("says what the text says", lambda c, keep: c.measures.page_overlap >= SAYS_THE_SAME),
    ("between kept lines", lambda c, keep: c.shifted(keep, -1, False) & c.shifted(keep, 1, False)),
    ("beside kept lines", lambda c, keep: c.shifted(keep, -1, False) ^ c.shifted(keep, 1, False)),
)
AGAINST_TEXT: tuple[Evidence, ...] = (
    ("stands on {a} of {b} pages of this site", lambda c, keep: outline_of(c).template),
    ("says a phrase of menus, forms or notices", lambda c, keep: c.phrase >= HALF_A_PHRASE),
    ("in a navigation element", _where_html(lambda c: dom_of(c)["near_nav"] <= NAV_LEVELS)),
    ("nothing but links", _where_html(lambda c: dom_of(c).link_share >= NOTHING_BUT_LINKS)),
    ("among short lines", lambda c, keep: _short_run(c)),
    ("above the text", lambda c, keep: c.row < outline_of(c).core[0]),
    ("below the text", lambda c, keep: c.row >= outline_of(c).core[1]),
    ("shares few words with the text", lambda c, keep: (c.measures.page_overlap < SAYS_OTHER) & (c.words >= 3)),
    ("a short line", lambda c, keep: c.is_short),
    ("between removed lines", lambda c, keep: ~(c.shifted(keep, -1, True) | c.shifted(keep, 1, True))),
)
PIECES = (*(words for words, _ in FOR_TEXT + AGAINST_TEXT), "nothing speaks for it", "")
NOTHING, NO_SECOND = len(PIECES) - 2, len(PIECES) - 1


def model_reasons(
    columns: Columns, keep: np.ndarray, score: np.ndarray, cut: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], list[str]]]:
    """(int64 (n,), a function): a key for each line's reason, 0 or more, and what gives the words of keys.

    `keep` bool (n,), `score` and `cut` float (n,), 0..1: the model's score and the score cut off at.
    """
    kept = _strongest(FOR_TEXT, columns, keep)
    against = _strongest(AGAINST_TEXT, columns, keep)
    removed = [np.where(place < len(AGAINST_TEXT), place + len(FOR_TEXT), place) for place in against]
    first, second = (np.where(keep, a, b) for a, b in zip(kept, removed, strict=True))
    is_template = first == len(FOR_TEXT)
    on_pages = columns.repeats.pages_with, columns.repeats.site_pages
    counts = [np.where(is_template, column, 0).astype(np.int64) for column in on_pages]
    percents = [np.rint(100 * column).astype(np.int64) for column in (score, cut)]
    sizes = (len(PIECES), len(PIECES), 101, 101, *(int(column.max(initial=0)) + 1 for column in counts))
    keys = np.ravel_multi_index((first, second, *percents, *counts), sizes)

    def words_of(keys: np.ndarray) -> list[str]:
        return list(map(_in_words, *(part.tolist() for part in np.unravel_index(keys, sizes))))

    return keys, words_of


def _strongest(pieces: tuple[Evidence, ...], columns: Columns, keep: np.ndarray) -> list[np.ndarray]:
    """The first two pieces that are true of each line, int64 (n,) each; NOTHING and NO_SECOND where there are fewer."""
    is_true = np.array([where(columns, keep) for _, where in pieces])
    found = []
    for missing in (NOTHING, NO_SECOND):
        best = is_true.argmax(axis=0)
        found.append(np.where(is_true.any(axis=0), best, missing))
        is_true[best, np.arange(columns.n)] = False
    return found


@lru_cache(1 << 16)
def _in_words(first: int, second: int, percent: int, cut: int, a: int, b: int) -> str:
    evidence = ", ".join(filter(None, (PIECES[first].format(a=a, b=b), PIECES[second])))
    return f"{evidence}; score {percent}%, cut-off {cut}%"
