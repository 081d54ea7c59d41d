"""Many files: learn the sites' templates in a first pass, clean and write in a second, count and report."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from declutter import write
from declutter.cleaner import Cleaner, segment
from declutter.cleaner import learn as learn_profile
from declutter.decide import BLANK_OUT_REASON, BLANK_REASON
from declutter.errors import InputError, OutputError
from declutter.formats.encoding import Encoding
from declutter.formats.folders import STDIN, Folders, Source
from declutter.lines import LABELS, Lines, Verdicts
from declutter.pages import Cleaned, Page
from declutter.repeats import Profile

REMOVED_SUFFIX = ".removed.tsv"
BLANK_REASONS = {BLANK_REASON, BLANK_OUT_REASON}


def _same(pages: Iterable, _title: str, _n_pages: int) -> Iterable:
    return pages


#: Takes the pages of a pass, a title and their number, and gives the pages on, as tqdm does.
Progress = Callable[[Iterable, str, int], Iterable]


@dataclass
class Summary:
    """What a run did."""

    n_pages: int = 0  # cleaned or learned from
    failed: dict[str, str] = field(default_factory=dict)  # page id: reason
    kept_lines: Counter[str] = field(default_factory=Counter)  # by label; blank lines are not counted
    removed_lines: Counter[str] = field(default_factory=Counter)
    sites: list[tuple[str, int]] = field(default_factory=list)  # name and distinct pages, most pages first
    bytes_in: int = 0
    bytes_kept: int = 0


@dataclass(frozen=True)
class Outputs:
    """Where the outputs go: `out` is a folder that mirrors the inputs, a file for a single page, or None for stdout.

    An HTML page's text goes to its name with `.txt` appended. `removed` is a folder, or None.
    """

    out: Path | None
    is_file: bool
    removed: Path | None

    def kept_path(self, source: Source) -> Path:
        if self.is_file:
            return self.out
        if source.is_html and os.path.lexists(f"{source.path}.txt"):
            raise OutputError(f"{source.id}: its output would have the name of {source.id}.txt; clean them apart")
        return write.path_inside(self.out, source.id, ".txt" if source.is_html else "")

    def removed_path(self, source: Source) -> Path:
        return write.path_inside(self.removed, source.id, REMOVED_SUFFIX)

    def existing(self, sources: Iterable[Source]) -> list[Path]:
        """The outputs that are there already."""
        found = []
        for source in sources:
            paths = [self.kept_path] if self.out is not None else []
            paths += [self.removed_path] if self.removed is not None else []
            for path_of in paths:
                try:
                    path = path_of(source)
                except OutputError:
                    continue  # nothing is replaced there; `clean` will report the page
                if os.path.lexists(path):
                    found.append(path)
        return found


def outputs_for(folders: Folders, out: str, removed: str | None = None) -> Outputs:
    """Where the outputs of `folders` go.

    `out` is `-` for stdout, or a folder, or, where the only input is one file, a file name with an extension.
    Raises OutputError where an output folder is, holds, or lies inside an input.
    """
    is_single = len(folders.inputs) == 1 and (folders.inputs[0] is None or not folders.inputs[0].is_dir())
    out_path = None if out == STDIN else Path(out)
    removed_path = None if removed is None else Path(removed)
    is_file = out_path is not None and is_single and not out_path.is_dir()
    is_file = is_file and not out.endswith(os.sep) and (out_path.suffix != "" or out_path.is_file())
    if out_path is not None and not is_file and out_path.exists() and not out_path.is_dir():
        raise OutputError(f"{out}: a file, where a folder is needed")
    for path in [out_path, removed_path]:
        if path is not None:
            _refuse_overlap(path, [found for found in folders.inputs if found is not None])
    return Outputs(out_path, is_file, removed_path)


def _refuse_overlap(out: Path, inputs: Sequence[Path]) -> None:
    real_out = Path(os.path.realpath(out))
    for path in [*inputs, *map(Path, map(os.path.realpath, inputs))]:  # a link counts with what it leads to
        if real_out == path or (out.exists() and path.exists() and os.path.samefile(out, path)):
            raise OutputError(f"{out}: the output is the input")
        if real_out.is_relative_to(path):
            raise OutputError(f"{out}: the output lies inside the input {path}")
        if path.is_relative_to(real_out):
            raise OutputError(f"{out}: the input {path} lies inside the output")


def clean(
    folders: Folders,
    outputs: Outputs,
    cleaner: Cleaner | None = None,
    *,
    dry_run: bool = False,
    progress: Progress = _same,
) -> Summary:
    """Clean every page and write what is kept, and what was removed where `outputs` has a place for it.

    The first pass learns the sites' templates, unless the `cleaner` has a profile; the second cleans and writes, in
    order, with a few pages in memory. A page that can't be read, judged or written is noted in the summary's
    `failed`, and the others are done.
    """
    summary = Summary(failed=folders.failed)
    n_sources = sum(1 for _ in folders.sources())
    cleaner = cleaner or Cleaner()
    if cleaner.profile is None:
        cleaner = replace(cleaner, profile=learn_profile(progress(folders, "learning the sites", n_sources)))
        summary.sites = _sites(cleaner.profile)
    waiting: deque[tuple[Source, Encoding]] = deque()  # read, and not yet cleaned
    pages = progress(_pages(folders, waiting), "cleaning", n_sources)
    for cleaned in cleaner.clean_pages(pages):
        source, encoding = waiting.popleft()
        try:
            _finish(cleaned, source, encoding, None if dry_run else outputs, summary)
        except OutputError as error:
            if outputs.out is None:
                raise  # standard output is one for all pages
            summary.failed[source.id] = str(error)
    return summary


def _pages(folders: Folders, waiting: deque[tuple[Source, Encoding]]) -> Iterator[Page]:
    for source, page, encoding in folders.read():
        waiting.append((source, encoding))
        yield page


def _finish(cleaned: Cleaned, source: Source, encoding: Encoding, outputs: Outputs | None, summary: Summary) -> None:
    """Write one page and count it. A page that could not be judged is written whole, and counts as failed."""
    end = "\n" if cleaned.page.html is not None and cleaned.text else ""
    content = encoding.encode(cleaned.text + end)
    if outputs is not None:
        if outputs.removed is not None:
            keeps_all = cleaned.verdicts.keep.all()  # always so where the page could not be judged
            removed = "" if keeps_all else write.removed_text(segment([cleaned.page]), cleaned.verdicts)
            write.write_bytes(outputs.removed_path(source), encoding.encode(removed))
        if outputs.out is None:
            write.write_stdout(content)
        else:
            write.write_bytes(outputs.kept_path(source), content)
    if cleaned.error is not None:
        summary.failed[source.id] = f"{source.id}: passed through whole, {cleaned.error}"
        return
    summary.n_pages += 1
    summary.bytes_kept += len(content)
    summary.bytes_in += _n_bytes(cleaned.page, encoding)
    _count_lines(cleaned.verdicts, summary)


def _n_bytes(page: Page, encoding: Encoding) -> int:
    if page.html is not None:
        return len(page.html)
    return len(page.text) if page.text.isascii() else len(encoding.encode(page.text))


def _count_lines(verdicts: Verdicts, summary: Summary) -> None:
    counted = np.array([reason not in BLANK_REASONS for reason in verdicts.reasons], bool)[verdicts.reason_codes]
    for keep, counter in ((verdicts.keep, summary.kept_lines), (~verdicts.keep, summary.removed_lines)):
        numbers = np.bincount(verdicts.labels[counted & keep], minlength=len(LABELS)).tolist()
        counter.update({label: number for label, number in zip(LABELS, numbers, strict=True) if number})


def _sites(profile: Profile) -> list[tuple[str, int]]:
    return sorted(((site.name, site.n_pages) for site in profile.sites), key=lambda site: (-site[1], site[0]))


def learn(folders: Folders, path: Path, *, progress: Progress = _same) -> Summary:
    """Learn the sites of the readable pages, and write the profile to `path`, which must not be an input."""
    _refuse_overlap(path, [found for found in folders.inputs if found is not None])
    n_sources = sum(1 for _ in folders.sources())
    profile = learn_profile(progress(folders, "learning the sites", n_sources))
    with write.whole_file(path) as temporary:
        profile.save(temporary)
    n_pages = sum(1 for source in folders.sources() if source.id not in folders.failed)
    return Summary(n_pages, folders.failed, sites=_sites(profile))


def explain(name: str, cleaner: Cleaner) -> tuple[Lines, Verdicts]:
    """The Lines of one file (or stdin, `-`) and the Verdicts on them. Raises InputError where it can't be read."""
    folders = Folders([name])
    pages = list(folders)
    if len(pages) != 1:
        raise InputError("; ".join(folders.failed.values()) or f"{name}: {len(pages)} pages, and explain takes one")
    page = pages[0]
    return segment([page]), cleaner.explain(page.text) if page.html is None else cleaner.explain_html(page.html)
