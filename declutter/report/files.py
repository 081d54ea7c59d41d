"""From files to a report: the pages of the inputs are cleaned in memory, and one HTML file is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from declutter.cleaner import Cleaner
from declutter.errors import OutputError
from declutter.files import paths
from declutter.files.folders import STDIN
from declutter.files.inputs import inputs, read
from declutter.files.records import Failure, Options
from declutter.pages import Page
from declutter.report.corpus import Corpus, Progress, as_they_are, gather
from declutter.report.corpus_page import corpus_page

NAMED_FAILURES = 1000  # pages that can't be read and are remembered with their reason; the others are counted


class Pages:
    """The pages of files, folders and globs in any format, read anew by each iteration.

    `failed` ({place: reason}) and `n_failed` tell what could not be read the last time.
    """

    def __init__(self, names: Sequence[str], options: Options | None = None):
        self._inputs = inputs(names, options)
        self.failed: dict[str, str] = {}
        self.n_failed = 0

    def __iter__(self) -> Iterator[Page]:
        self.failed, self.n_failed = {}, 0
        for found in self._inputs:
            failures: list[Failure] = []
            for record in read(found, failures):
                yield record.page
            self._note({f"{failure.input}:{failure.position}": failure.reason for failure in failures})
        self._note(self._inputs.failed)

    def _note(self, failed: dict[str, str]) -> None:
        self.n_failed += len(failed)
        for place, reason in failed.items():
            if len(self.failed) < NAMED_FAILURES:
                self.failed[place] = reason


def write_report(
    names: Sequence[str],
    output: Path,
    cleaner: Cleaner | None = None,
    *,
    options: Options | None = None,
    seed: int = 0,
    progress: Progress = as_they_are,
) -> Corpus:
    """Clean the pages of the files, folders and globs, write the report on it to `output`, and give what it shows.

    Raises InputError where an input is missing, OutputError where the report can't be written, or lies in an input: it
    would be one of its pages the next time.
    """
    _refuse_inside(output, names)
    pages = Pages(names, options)
    corpus = gather(pages, cleaner, seed=seed, progress=progress)
    corpus.failed, corpus.n_failed = pages.failed, pages.n_failed
    paths.write_bytes(output, corpus_page(corpus, _name(names)).encode("utf-8"))
    return corpus


def _refuse_inside(output: Path, names: Sequence[str]) -> None:
    real_output = Path(os.path.realpath(output))
    for name in names:
        if name != STDIN and real_output.is_relative_to(os.path.realpath(name)):
            raise OutputError(f"{output}: the report lies inside the input {name}")


def _name(names: Sequence[str]) -> str:
    """What the report is about, in its heading."""
    first = "standard input" if names[0] == STDIN else os.path.basename(os.path.realpath(names[0]))
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"
