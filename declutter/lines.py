"""Lines and Verdicts: columns over the lines of many pages, one row a line, in document order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

#: What a line can be. `title` and `body` are main content, the others boilerplate.
LABELS = ("title", "body", "caption", "byline", "navigation", "headlines", "comments", "promo", "legal")
LABEL_CODES = {label: code for code, label in enumerate(LABELS)}
TITLE, BODY, CAPTION, BYLINE, NAVIGATION, HEADLINES, COMMENTS, PROMO, LEGAL = range(len(LABELS))
#: The labels kept unless the caller says otherwise.
MAIN_CONTENT = frozenset({"title", "body"})


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of many pages as columns.

    Row i is `text[starts[i]:ends[i]]`; with its line terminator it is `text[starts[i]:starts[i + 1]]`, so
    that the rows of a page joined are the page. Blank lines have rows too.
    """

    text: str  # the pages' texts, one after the other
    starts: np.ndarray  # int64 (n_lines + 1,), offsets in characters; the last one is len(text)
    ends: np.ndarray  # int64 (n_lines,), where the line's own characters end, before its terminator
    page_starts: np.ndarray  # int64 (n_pages + 1,), the row at which each page begins; the last one is n_lines
    dom: dict[str, np.ndarray] = field(default_factory=dict)  # extra columns (n_lines,) where there was HTML

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def n_pages(self) -> int:
        return len(self.page_starts) - 1

    def __getitem__(self, row: int) -> str:
        """The line without its terminator."""
        return self.text[self.starts[row] : self.ends[row]]

    def raw(self, row: int) -> str:
        """The line with its terminator, as it came in."""
        return self.text[self.starts[row] : self.starts[row + 1]]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was decided, one row a line: blank lines included, so that row i is line number i + 1 of a page."""

    labels: np.ndarray  # uint8 (n_lines,), codes into LABELS
    score: np.ndarray  # float32 (n_lines,), P(line is main content), 0..1
    keep: np.ndarray  # bool (n_lines,)
    reasons: tuple[str, ...]  # the reasons given, each once
    reason_codes: np.ndarray  # int32 (n_lines,), rows of `reasons`

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Verdicts:
        """The verdicts on some of the lines, by slice."""
        return Verdicts(self.labels[rows], self.score[rows], self.keep[rows], self.reasons, self.reason_codes[rows])

    def __iter__(self) -> Iterator[tuple[str, float, bool, str]]:
        """(label, score, keep, reason) of each line."""
        return zip(self.label, self.score.tolist(), self.keep.tolist(), self.reason, strict=True)

    @property
    def label(self) -> list[str]:
        """The label of each line."""
        return [LABELS[code] for code in self.labels.tolist()]

    @property
    def reason(self) -> list[str]:
        """The reason of each line's verdict, in words."""
        return [self.reasons[code] for code in self.reason_codes.tolist()]
