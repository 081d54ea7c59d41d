"""Lines and Verdicts: columns over the lines of many pages, one row a line, in document order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

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

    def part(self, rows: range) -> Lines:
        """The Lines of one page, or of some of its rows, by themselves: offsets and rows count from their first."""
        first, beyond = rows.start, rows.stop
        start, end = self.starts[first], self.starts[beyond]
        return Lines(
            self.text[start:end],
            self.starts[first : beyond + 1] - start,
            self.ends[first:beyond] - start,
            np.array([0, len(rows)], np.int64),
            {name: column[first:beyond] for name, column in self.dom.items()},
        )


@dataclass(frozen=True, slots=True)
class Measures:
    """What was counted in the lines that are not blank, one row each; `n` is their number.

    Lengths in words count scripts written without spaces by their characters, scaled so that lengths compare.
    """

    rows: np.ndarray  # int64 (n,), the row of each in Lines
    page_starts: np.ndarray  # int64 (n_pages + 1,), where each page begins among these rows
    counts: np.ndarray  # int32 (n, N_CLASSES), characters of each class of `scripts`
    words: np.ndarray  # float32 (n,)
    sentence_ends: np.ndarray  # int32 (n,), sentence enders that a letter or digit does not follow
    first_class: np.ndarray  # uint8 (n,), class of the first visible character
    final_class: np.ndarray  # uint8 (n,), class of the last visible one that is no quote or bracket
    last_class: np.ndarray  # uint8 (n,), class of the last visible character
    script: np.ndarray  # uint8 (n,), script of the last word character; a row of `scripts.SCRIPTS`
    indent_chars: np.ndarray  # int32 (n,), spaces before the first visible character
    fingerprint: np.ndarray  # uint64 (n,), the same for lines that differ in digits, case, space and punctuation only
    prefix: np.ndarray  # uint64 (n,), the same for lines with the same words before their first colon, 0 where none
    phrases: np.ndarray  # float32 (n, n_categories), share of the line an interface phrase of a category covers
    page_overlap: np.ndarray  # float32 (n,), share of the line's words that stand in a long line of its page
    word_starts: np.ndarray  # int64 (n + 1,), where each line's words begin among `word_hashes`
    word_hashes: np.ndarray  # uint64 (n_words,), words of three letters and more, or pairs of characters without spaces

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, page: int, first_row: int) -> Measures:
        """The measures of one page by themselves. `first_row` is the page's first row in Lines."""
        first, beyond = self.page_starts[page : page + 2].tolist()
        columns = {part.name: getattr(self, part.name) for part in fields(self)}
        words = self.word_starts[first : beyond + 1]
        own = {name: column[first:beyond] for name, column in columns.items()} | {
            "rows": self.rows[first:beyond] - first_row, "page_starts": np.array([0, beyond - first], np.int64),
            "word_starts": words - words[0], "word_hashes": self.word_hashes[words[0] : words[-1]],
        }  # fmt: skip
        return Measures(**own)


@dataclass(frozen=True, slots=True)
class Repeats:
    """On how many distinct pages of its site each line that is not blank stands."""

    pages_with: np.ndarray  # float32 (n,), at least 1
    site_pages: np.ndarray  # float32 (n,), distinct pages of the site, 1 where nothing is known of it
    prefix_pages: np.ndarray  # float32 (n,), on how many of them a line begins with the same words and a colon; else 1

    @property
    def is_known(self) -> np.ndarray:
        """bool (n,): whether anything is known of the line's site."""
        return (self.pages_with > 1) | (self.site_pages > 1) | (self.prefix_pages > 1)

    @classmethod
    def none(cls, n: int) -> Repeats:
        """Nothing is known of any site."""
        return cls(*(np.ones(n, np.float32) for _ in range(3)))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules or the model say of the lines that are not blank, before it is decided what to keep."""

    labels: np.ndarray  # uint8 (n,), codes into LABELS
    score: np.ndarray  # float32 (n,), P(line is main content), 0..1
    reasons: tuple[str, ...]
    reason_codes: np.ndarray  # int32 (n,), rows of `reasons`
    certain_below: np.ndarray  # float32 (n,), the other engine's score below which the judgement stands; 0: never


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was decided, one row a line: blank lines included, so that row i is line number i + 1 of a page.

    The columns are `line`, `text`, `label`, `score`, `keep` and `reason`.
    """

    labels: np.ndarray  # uint8 (n_lines,), codes into LABELS
    score: np.ndarray  # float32 (n_lines,), P(line is main content), 0..1
    keep: np.ndarray  # bool (n_lines,)
    reasons: tuple[str, ...]  # the reasons given, each once
    reason_codes: np.ndarray  # int32 (n_lines,), rows of `reasons`
    lines: Lines = field(repr=False)  # the lines judged, and perhaps others beside them
    rows: range = field(repr=False)  # the row in `lines` of each line judged
    #: float32 (n_pages,), 0..1: the F1 that each page's text is expected to have; empty where it isn't known
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice) -> Verdicts:
        """The verdicts on some of the lines, by slice, without the pages' confidence. The lines keep their numbers."""
        return Verdicts(
            self.labels[rows], self.score[rows], self.keep[rows], self.reasons, self.reason_codes[rows], self.lines,
            self.rows[rows],
        )  # fmt: skip

    def __iter__(self) -> Iterator[tuple[str, float, bool, str]]:
        """(label, score, keep, reason) of each line."""
        return zip(self.label, self.score.tolist(), self.keep.tolist(), self.reason, strict=True)

    @property
    def line(self) -> list[int]:
        """The number of each line in its page, from 1."""
        rows, page_starts = np.array(self.rows, np.int64), self.lines.page_starts
        return (rows - page_starts[np.searchsorted(page_starts, rows, side="right") - 1] + 1).tolist()

    @property
    def text(self) -> list[str]:
        """The text of each line, without its terminator."""
        text, rows = self.lines.text, np.array(self.rows, np.int64)
        bounds = zip(self.lines.starts[rows].tolist(), self.lines.ends[rows].tolist(), strict=True)
        return [text[start:end] for start, end in bounds]

    @property
    def label(self) -> list[str]:
        """The label of each line."""
        return [LABELS[code] for code in self.labels.tolist()]

    @property
    def reason(self) -> list[str]:
        """The reason of each line's verdict, in words."""
        return [self.reasons[code] for code in self.reason_codes.tolist()]


def code_points(text: str) -> np.ndarray:
    """The text as a uint32 array of code points; lone surrogates (undecodable bytes) included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
