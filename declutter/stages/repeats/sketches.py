"""Sketches: what is remembered of pages until they are counted, about 1.5 kB each, in memory or in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from declutter.lines import Measures
from declutter.stages.measure import characters

PROSE_WORDS = 8.0  # a line this long that ends a sentence is prose: it tells articles apart, not sites
LONGEST_TEMPLATE_WORDS = 25.0  # a longer line does not tie pages to a site: agencies' texts stand on many
SUFFIX = ".sketches"
MAGIC = 0x31484354_454B5344  # "DSKETCH1" in the first eight bytes
OPEN_FILES = 4096  # sketch files mapped at once; the system's limit is 65,530


class PageSketch(NamedTuple):
    """What is remembered of one page."""

    site: str | None
    lines: np.ndarray  # uint64, unique fingerprints of its lines and of their prefixes, ascending
    ties: np.ndarray  # uint64, those of them that can tie it to a site; empty where the site is known
    prose: np.ndarray  # uint64, unique fingerprints of its prose lines, ascending
    prose_chars: np.ndarray  # int32, the length of each


@dataclass(frozen=True)
class Sketches:
    """PageSketches of many pages as columns; page i has `lines[line_starts[i]:line_starts[i + 1]]`, and so on."""

    sites: tuple[str | None, ...]
    lines: np.ndarray  # uint64
    line_starts: np.ndarray  # int64 (n_pages + 1,)
    ties: np.ndarray  # uint64
    tie_starts: np.ndarray  # int64 (n_pages + 1,)
    prose: np.ndarray  # uint64
    prose_starts: np.ndarray  # int64 (n_pages + 1,)
    prose_chars: np.ndarray  # int32, beside `prose`

    def __len__(self) -> int:
        return len(self.sites)

    def __getitem__(self, page: int) -> PageSketch:
        of_prose = slice(self.prose_starts[page], self.prose_starts[page + 1])
        return PageSketch(
            self.sites[page],
            self.lines[self.line_starts[page] : self.line_starts[page + 1]],
            self.ties[self.tie_starts[page] : self.tie_starts[page + 1]],
            self.prose[of_prose],
            self.prose_chars[of_prose],
        )

    def __iter__(self) -> Iterator[PageSketch]:
        return map(self.__getitem__, range(len(self)))

    @classmethod
    def of_pages(cls, pages: Sequence[PageSketch]) -> Sketches:
        """The same pages as columns."""
        columns: list[np.ndarray] = []
        for name in ("lines", "ties", "prose"):
            values = [getattr(page, name) for page in pages]
            columns += [np.concatenate([np.zeros(0, np.uint64), *values]), _starts(values)]
        columns.append(np.concatenate([np.zeros(0, np.int32), *(page.prose_chars for page in pages)]))
        return cls(tuple(page.site for page in pages), *columns)

    @property
    def n_bytes(self) -> int:
        return sum(column.nbytes for column in self._columns()) + 64 * len(self)

    def _columns(self) -> tuple[np.ndarray, ...]:
        return (
            self.lines, self.line_starts, self.ties, self.tie_starts, self.prose, self.prose_starts, self.prose_chars
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write them to a file: MAGIC and the length of each column, the columns, the sites as JSON."""
        sites = np.frombuffer(json.dumps(self.sites).encode(), np.uint8)
        columns = (*self._columns(), sites)
        with open(path, "wb") as file:
            np.array([MAGIC, *map(len, columns)], np.uint64).tofile(file)
            for column in columns:
                column.tofile(file)

    @classmethod
    def load(cls, path: Path) -> Sketches:
        """Map a file that `save` wrote: its columns are read when they are used. Raises ValueError at another file."""
        octets = np.memmap(path, np.uint8, mode="r")
        lengths = octets[: 8 * (len(_DTYPES) + 1)].view(np.uint64).tolist()
        sizes = [length * dtype.itemsize for length, dtype in zip(lengths[1:], _DTYPES, strict=True)]
        if lengths[0] != MAGIC or 8 * len(lengths) + sum(sizes) != len(octets):
            raise ValueError(f"{path}: not a whole file of sketches")
        ends = list(accumulate(sizes, initial=8 * len(lengths)))
        parts = [octets[first:end] for first, end in zip(ends, ends[1:], strict=False)]
        columns = [np.asarray(part).view(dtype) for part, dtype in zip(parts, _DTYPES, strict=True)]
        return cls(tuple(json.loads(columns.pop().tobytes())), *columns)


def _starts(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([0, *accumulate(map(len, values))], np.int64)


def page_keys(sketches: Sketches) -> np.ndarray:
    """int64 (n_pages,): a number made of each page's lines, by which pages have an order of their own."""
    sums = np.zeros(len(sketches.lines) + 1, np.uint64)
    np.cumsum(sketches.lines * (sketches.lines | np.uint64(1)), out=sums[1:])  # modulo 2**64
    starts = sketches.line_starts
    return (sums[starts[1:]] - sums[starts[:-1]]).view(np.int64)


_DTYPES = tuple(np.dtype(name) for name in ("u8", "i8", "u8", "i8", "u8", "i8", "i4", "u1"))  # as in a file


@dataclass(frozen=True)
class SketchFolder:
    """Files of Sketches in a folder, by name; picklable, so that processes share them."""

    path: Path

    def path_of(self, name: str) -> Path:
        return self.path / f"{name}{SUFFIX}"

    def __getitem__(self, name: str) -> Sketches:
        path = self.path_of(name)
        status = os.stat(path)
        return _mapped(path, status.st_ino, status.st_mtime_ns)

    def save(self, name: str, sketches: Sketches) -> None:
        """Write a file, whole or not at all."""
        temporary = self.path / f"{name}.{os.getpid()}"
        sketches.save(temporary)
        os.replace(temporary, self.path_of(name))


@lru_cache(maxsize=OPEN_FILES)
def _mapped(path: Path, _inode: int, _changed: int) -> Sketches:
    """A file that is mapped already, unless another one has taken its place."""
    return Sketches.load(path)


def joined(parts: Sequence[Sketches]) -> Sketches:
    """The pages of all parts, in order."""
    if not parts:
        return Sketches((), *(np.zeros(n, dtype) for n, dtype in zip((0, 1, 0, 1, 0, 1, 0), _DTYPES, strict=False)))
    if len(parts) == 1:
        return parts[0]
    columns: list[np.ndarray] = []
    for column in zip(*(part._columns() for part in parts), strict=True):
        if len(columns) % 2:  # the starts stand in every second column
            ends = list(accumulate((int(starts[-1]) for starts in column), initial=0))
            moved = [starts[1:] + end for starts, end in zip(column, ends, strict=False)]
            columns.append(np.concatenate([np.zeros(1, np.int64), *moved]))
        else:
            columns.append(np.concatenate(column))
    return Sketches(tuple(site for part in parts for site in part.sites), *columns)


def sketch(measures: Measures, sites: Sequence[str | None]) -> Sketches:
    """What is to be remembered of a batch of pages; `sites` names the site of each, or None where it must be found."""
    n_pages = len(measures.page_starts) - 1
    page = np.repeat(np.arange(n_pages), np.diff(measures.page_starts))
    with_prefix = np.flatnonzero(measures.prefix)
    values, rank = np.unique(np.concatenate((measures.fingerprint, measures.prefix[with_prefix])), return_inverse=True)
    key = np.concatenate((page, page[with_prefix])) * len(values) + rank  # one a page and line
    row_key = key[: len(page)]
    is_something = np.append(values, 0)[rank] != 0  # 0 stands for nothing to compare
    is_homeless = np.array([site is None for site in sites], bool)
    lines, ties = once(key[is_something]), once(row_key[can_tie(measures) & is_homeless[page]])
    prose_rows = np.flatnonzero(_is_prose(measures))
    prose, first = np.unique(row_key[prose_rows], return_index=True)
    columns: list[np.ndarray] = []
    for keys in (lines, ties, prose):
        columns.append(values[keys % max(len(values), 1)])
        columns.append(np.searchsorted(keys, np.arange(n_pages + 1) * len(values)).astype(np.int64))
    chars = measures.counts[prose_rows[first], : characters.N_WORD_CLASSES].sum(axis=1).astype(np.int32)
    columns.append(chars)
    return Sketches(tuple(sites), *columns)


def once(keys: np.ndarray) -> np.ndarray:
    """The distinct keys, ascending: np.unique, which hashes them (numpy 2.3), takes 50 times as long for a million."""
    keys = np.sort(keys)
    is_new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]


def _is_prose(measures: Measures) -> np.ndarray:
    ends = (measures.final_class == characters.SENTENCE_END) | (measures.final_class == characters.ELLIPSIS)
    return (measures.words >= PROSE_WORDS) & (ends | (measures.words >= 2 * PROSE_WORDS))


def can_tie(measures: Measures) -> np.ndarray:
    """bool (n,): lines that can tie a page to a site: no common phrase of the web ("Home"), no number, no prose."""
    common = measures.phrases.max(axis=1, initial=0) >= 0.9
    letters = measures.counts[:, : characters.N_WORD_CLASSES].sum(axis=1) - measures.counts[:, characters.DIGIT]
    return ~common & (letters >= 2) & (measures.words <= LONGEST_TEMPLATE_WORDS)
