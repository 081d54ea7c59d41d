"""Where F1 is lost: what was kept too much and what was missed, by kind of page and sort of line.

The F1 of a page's words is 2 hits / (kept + gold), so 1 - F1 is exactly (kept too much + missed) / (kept + gold): each
word too many and each word missed costs the same. Each is laid at the door of a line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from declutter.lines import LABELS
from declutter.train.examples import UNKNOWN, Examples
from declutter.train.f1 import words
from declutter.train.tables import table

EXTRA, MISSED, ABSENT = "kept too much", "missed", "not in the page"
#: Feature that is above 0: what a line is called in the table; the first that holds.
SORTS = (
    ("heading_level", "heading"), ("tag_cell", "table cell"), ("tag_pre", "code"), ("tag_caption", "caption"),
    ("tag_control", "control"), ("tag_li", "list item"), ("link_only", "link"), ("tag_p", "paragraph"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loss:
    """A part of 1 - F1 of one page."""

    kind: str  # of the page
    cause: str  # EXTRA, MISSED or ABSENT
    label: str  # of the line in the gold; "main content", or "unknown" boilerplate
    sort: str  # of the line, from its element
    f1: float


def losses(
    examples: Examples,
    keep: np.ndarray,
    feature_names: Sequence[str],
    bag: Callable[[str], Counter[str]] = words,
) -> Iterator[Loss]:
    """What each line costs, for the lines kept (bool, n); a page's parts add up to 1 - F1 of its bags of words.

    Words of the gold are found first in kept lines, those of main content before others: what a kept line has beyond
    that was kept too much. What is left of the gold is missed in lines that were not kept, or is not in the page.
    """
    page_starts = examples.page_starts
    sorts = sorts_of(examples.x, feature_names)
    for number, dump in enumerate(examples.pages):
        rows = np.arange(page_starts[number], page_starts[number + 1])
        lines = dump.text.split("\n")
        bags = {row: bag(lines[examples.line[row]]) for row in rows.tolist()}
        gold = bag(dump.page.main_text)
        size = gold.total() + sum(bags[row].total() for row in rows[keep[rows]].tolist())
        best_first = rows[np.argsort(-examples.is_main[rows], kind="stable")]
        kind = dump.page.kind or "unknown"
        for cause, of_lines in ((EXTRA, best_first[keep[best_first]]), (MISSED, best_first[~keep[best_first]])):
            for row in of_lines.tolist():
                hits = bags[row] & gold
                gold -= hits
                count = bags[row].total() - hits.total() if cause == EXTRA else hits.total()
                if count:
                    yield Loss(kind, cause, _label(examples, row), sorts[row], count / size)
        if gold.total():
            yield Loss(kind, ABSENT, "main content", "none", gold.total() / size)


def _label(examples: Examples, row: int) -> str:
    if examples.is_main[row] == 1:
        return "main content"
    code = examples.labels[row]
    return "unknown" if code == UNKNOWN or examples.is_main[row] < 0 else LABELS[code]


def sorts_of(x: np.ndarray, feature_names: Sequence[str]) -> list[str]:
    """What each line is by its element (SORTS), "other" where it is none of them or the features don't tell."""
    sorts = np.full(len(x), "other", "U16")
    for feature, sort in reversed(SORTS):
        if feature in feature_names:
            sorts[x[:, list(feature_names).index(feature)] > 0] = sort
    return sorts.tolist()


def losses_text(found: Sequence[Loss], pages_of_kind: dict[str, int]) -> str:
    """Tables of loss in points of F1 (hundredths), by kind of page: by cause, then by label and sort of line.

    A kind's column is the mean over its pages, `all` over all pages.
    """
    parts = {
        "cause": lambda loss: loss.cause,
        "label of the line": lambda loss: f"{loss.cause}: {loss.label}",
        "sort of line": lambda loss: f"{loss.cause}: {loss.sort}",
    }
    return "\n\n".join(_table(name, found, key, pages_of_kind) for name, key in parts.items()) + "\n"


def _table(name: str, found: Sequence[Loss], key: Callable[[Loss], str], pages_of_kind: dict[str, int]) -> str:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for loss in found:
        sums[key(loss)][loss.kind] += 100 * loss.f1
    n_pages = sum(pages_of_kind.values())
    rows = [
        (row, of_kind.total() / n_pages, *(of_kind[kind] / n for kind, n in pages_of_kind.items()))
        for row, of_kind in sorted(sums.items(), key=lambda item: -item[1].total())
    ]
    whole = ("all", *(sum(row[column] for row in rows) for column in range(1, len(pages_of_kind) + 2)))
    return table((name, "all", *pages_of_kind), [*rows, whole])
