"""Summary: what a run did, page by page, added up over shards; and the failures, each with its place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from declutter.files.records import Failure
from declutter.lines import LABELS, Verdicts
from declutter.pages import Cleaned
from declutter.stages.judge.decide import BLANK_OUT_REASON, BLANK_REASON

BLANK_REASONS = {BLANK_REASON, BLANK_OUT_REASON}


@dataclass
class Summary:
    """What a run did."""

    n_pages: int = 0  # cleaned or learned from
    failures: list[Failure] = field(default_factory=list)
    partial: list[Failure] = field(default_factory=list)  # hostile HTML pages of which a part was judged
    kept_lines: Counter[str] = field(default_factory=Counter)  # by label; blank lines are not counted
    removed_lines: Counter[str] = field(default_factory=Counter)
    sites: list[tuple[str, int]] = field(default_factory=list)  # name and pages, most pages first
    notes: Counter[str] = field(default_factory=Counter)  # what was noteworthy in reading, counted
    bytes_in: int = 0
    bytes_kept: int = 0

    @property
    def failed(self) -> dict[str, str]:
        """{page or input: reason}"""
        return {failure.position or failure.input: failure.reason for failure in self.failures}

    def count(self, cleaned: Cleaned, n_bytes: int) -> None:
        """Count a page that was judged; `n_bytes` are those of the input."""
        self.n_pages += 1
        self.bytes_in += n_bytes
        text = cleaned.text
        self.bytes_kept += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        count_lines(cleaned.verdicts, self)

    def add(self, other: Summary) -> None:
        """Add what another shard of the run did."""
        self.n_pages += other.n_pages
        self.failures += other.failures
        self.partial += other.partial
        self.notes.update(other.notes)
        self.kept_lines.update(other.kept_lines)
        self.removed_lines.update(other.removed_lines)
        self.bytes_in += other.bytes_in
        self.bytes_kept += other.bytes_kept

    def as_json(self) -> dict:
        """What `from_json` makes the summary of again."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: dict) -> Summary:
        summary = cls(**values)
        summary.failures = [Failure(*failure) for failure in summary.failures]
        summary.partial = [Failure(*failure) for failure in summary.partial]
        summary.kept_lines, summary.removed_lines = Counter(summary.kept_lines), Counter(summary.removed_lines)
        summary.notes = Counter(summary.notes)
        summary.sites = [(name, n_pages) for name, n_pages in summary.sites]
        return summary


def count_lines(verdicts: Verdicts, summary: Summary) -> None:
    """Count the lines that are not blank by label, kept and removed."""
    counted = _is_counted(verdicts.reasons)[verdicts.reason_codes]
    codes = verdicts.labels[counted] + len(LABELS) * verdicts.keep[counted]
    numbers = np.bincount(codes, minlength=2 * len(LABELS)).tolist()
    for counter, of_labels in (
        (summary.removed_lines, numbers[: len(LABELS)]),
        (summary.kept_lines, numbers[len(LABELS) :]),
    ):
        for label, number in zip(LABELS, of_labels, strict=True):
            if number:
                counter[label] += number


@lru_cache(maxsize=1)
def _is_counted(reasons: tuple[str, ...]) -> np.ndarray:
    """bool (n_reasons,): whether a line with this reason is not blank. The pages of a batch have the same reasons."""
    return np.array([reason not in BLANK_REASONS for reason in reasons], bool)
