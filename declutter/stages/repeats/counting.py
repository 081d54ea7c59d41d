"""TemplateCounter: sketches of pages, batch by batch, to the counts of a Profile.

The order in which pages come makes no difference up to COUNTED_PAGES of a known site and WINDOW_PAGES of unknown ones.
Pages whose site is known are counted at the end, site by site: their sketches wait in memory, and on disk above
SPILL_BYTES. Of a large site only some pages are counted (`is_counted`). Pages whose site must be found are grouped by
the lines they share, WINDOW_PAGES at a time; pages of a later window join the sites found before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from declutter.lines import Measures
from declutter.stages.repeats.alike import clusters, twins
from declutter.stages.repeats.profile import KNOWN_WELL_PAGES, Profile, Site, bounded
from declutter.stages.repeats.sketches import PageSketch, Sketches, SketchFolder, joined, page_keys, sketch

WINDOW_PAGES = 20_000  # pages of unknown sites that are held before they are grouped and counted
COUNTED_PAGES = 64  # so many first pages of a site are all counted; of later ones half, then a quarter, ...
PART_BYTES = 1 << 24  # sketches that are joined to one part
SPILL_BYTES = 1 << 26  # sketches in memory; more go to a temporary folder
TASK_PAGES = 4000  # pages of whole sites that are counted at a time

#: What `map` is for one process: gives the results of a function for each of the tasks, in order.
Mapping = Callable[[Callable, Iterable], Iterable]


def is_counted(number: int) -> bool:
    """Whether a site's page, by its number from 0, is counted: the first 64, then 32 of every doubling.

    A few dozen pages tell the templates; the later ones see to it that a section that comes late is seen too.
    """
    return number < COUNTED_PAGES or number % (1 << (number // COUNTED_PAGES).bit_length()) == 0


class TemplateCounter:
    """Counts, batch by batch, on how many distinct pages of its site each line stands.

    `folder` holds sketches in files where others wrote them (`add_file`).
    """

    def __init__(self, folder: SketchFolder | None = None):
        self._folder = folder
        self._store = _Store(folder)
        self._numbers: dict[str, int] = {}  # of the known sites, in the order in which they were met
        self._n_seen: list[int] = []  # pages of each known site
        self._places: list[np.ndarray] = []  # int64 (n, 4): site, key, part and page in it, of the pages to be counted
        self._homeless = _Homeless()

    def add(self, measures: Measures, sites: Sequence[str | None]) -> None:
        """Count a batch of pages; `sites` names the site of each, or None where it must be found."""
        self.add_sketches(sketch(measures, sites))

    def add_sketches(self, sketches: Sketches) -> None:
        """Count a batch of pages that were sketched."""
        self._note(sketches, *self._store.add(sketches))

    def add_file(self, name: str) -> None:
        """Count the pages of a file of the folder."""
        assert self._folder is not None  # given with the counter
        self._note(Sketches.load(self._folder.path_of(name)), self._store.adopt(name), 0)

    def profile(self, tasks: Mapping = map, rarest: int = 1) -> Profile:
        """What was counted so far. `tasks` may use more processes where all sketches are in files.

        Lines on fewer than `rarest` pages of their site are left out; with 2 nothing is lost but the counts that
        another profile would add to.
        """
        places = np.concatenate([np.zeros((0, 4), np.int64), *self._places])
        places = np.delete(places[np.lexsort((places[:, 1], places[:, 0]))], 1, axis=1)
        names = list(self._numbers)
        counted = tasks(partial(count_sites, self._store.parts(), rarest), _site_tasks(names, places))
        known = [site for sites in counted for site in sites]
        known = [site._replace(n_seen=self._n_seen[self._numbers[site.name]]) for site in known]
        found = [bounded(site, rarest) for site in self._homeless.sites()]
        return Profile([*known, *(site._replace(name=self._free_name(site.name)) for site in found)])

    def _free_name(self, name: str) -> str:
        """The name of a site that was found, changed where a known site is called so."""
        while name in self._numbers:
            name += "-found"
        return name

    def _note(self, sketches: Sketches, part: int, first: int) -> None:
        """Choose the pages to be counted of a batch that begins at page `first` of a part of the store."""
        places = []
        for page, (name, key) in enumerate(zip(sketches.sites, page_keys(sketches).tolist(), strict=True)):
            if name is None:
                self._homeless.add(sketches[page], key)
                continue
            site = self._numbers.setdefault(name, len(self._numbers))
            if site == len(self._n_seen):
                self._n_seen.append(0)
            if is_counted(self._n_seen[site]):
                places.append((site, key, part, first + page))
            self._n_seen[site] += 1
        if places:
            self._places.append(np.array(places, np.int64))


@dataclass(frozen=True)
class _Parts:
    """Sketches by number, in memory or in files; picklable, which is wanted where all are in files."""

    in_memory: dict[int, Sketches]
    folder: SketchFolder | None
    names: dict[int, str]  # of the files

    def __getitem__(self, number: int) -> Sketches:
        if number in self.in_memory:
            return self.in_memory[number]
        assert self.folder is not None  # where the others are
        return self.folder[self.names[number]]


class _Store:
    """Sketches in numbered parts: the last ones in memory, the others in files of a folder."""

    def __init__(self, folder: SketchFolder | None = None):
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory | None = None
        self._in_memory: dict[int, Sketches] = {}
        self._names: dict[int, str] = {}
        self._last: list[Sketches] = []  # batches that will make the part `_n_parts`
        self._last_bytes = self._last_pages = self._n_parts = 0

    def add(self, sketches: Sketches) -> tuple[int, int]:
        """Add a batch; returns its part and the number of its first page in it."""
        if self._last_bytes > PART_BYTES:
            self._close_part()
        place = self._n_parts, self._last_pages
        self._last.append(sketches)
        self._last_bytes += sketches.n_bytes
        self._last_pages += len(sketches)
        return place

    def adopt(self, name: str) -> int:
        """Take in a file of the folder; returns its part."""
        self._close_part()
        self._names[self._n_parts] = name
        self._n_parts += 1
        return self._n_parts - 1

    def parts(self) -> _Parts:
        """All parts."""
        self._close_part()
        return _Parts(self._in_memory, self._folder, self._names)

    def _close_part(self) -> None:
        if not self._last:
            return
        self._in_memory[self._n_parts] = joined(self._last)
        self._last, self._last_bytes, self._last_pages = [], 0, 0
        self._n_parts += 1
        if sum(part.n_bytes for part in self._in_memory.values()) > SPILL_BYTES:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="declutter-")  # deleted with this object
            self._folder = SketchFolder(Path(self._temporary.name))
        for number, part in self._in_memory.items():
            self._names[number] = f"spilled-{number}"
            self._folder.save(self._names[number], part)
        self._in_memory.clear()


def _site_tasks(names: list[str], places: np.ndarray) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Whole sites, about TASK_PAGES pages at a time: their names and the (part, page) of each one's pages."""
    starts = np.searchsorted(places[:, 0], np.arange(len(names) + 1))
    first = 0
    while first < len(names):
        after = int(np.searchsorted(starts, starts[first] + TASK_PAGES, side="right")) - 1
        after = min(max(after, first + 1), len(names))
        yield names[first:after], [places[starts[n] : starts[n + 1], 1:] for n in range(first, after)]
        first = after


def count_sites(parts: _Parts, rarest: int, task: tuple[list[str], list[np.ndarray]]) -> list[Site]:
    """The counts of some sites; `parts` gives the Sketches of a part by its number."""
    names, places = task
    groups = [[parts[part][page] for part, page in of_site.tolist()] for of_site in places]
    return [bounded(site, rarest) for site in count_groups(names, groups)]


def count_groups(names: Iterable[str], groups: Sequence[Sequence[PageSketch]]) -> Iterator[Site]:
    """The counts of sites, of each by its name and its pages."""
    sizes = [len(pages) for pages in groups]
    first_twin = twins([page for pages in groups for page in pages], np.repeat(np.arange(len(groups)), sizes))
    starts = np.cumsum([0, *sizes]).tolist()
    for name, pages, first in zip(names, groups, starts, strict=False):
        yield _count_site(name, pages, first_twin[first : first + len(pages)] - first)


def _count_site(name: str, pages: Sequence[PageSketch], group: np.ndarray) -> Site:
    """Counts over the distinct pages: a line of two pages with the same article counts once for both.

    `group` is int64 (n_pages,), the first page with the same article as each page.
    """
    prints = np.concatenate([page.lines for page in pages]) if pages else np.zeros(0, np.uint64)
    owners = np.repeat(group, [len(page.lines) for page in pages])
    order = np.lexsort((owners, prints))
    prints, owners = prints[order], owners[order]
    is_new = np.ones(len(prints), bool)
    is_new[1:] = (prints[1:] != prints[:-1]) | (owners[1:] != owners[:-1])
    prints = prints[is_new]
    firsts = np.flatnonzero(np.append(True, prints[1:] != prints[:-1])[: len(prints)])  # np.unique would sort again
    unique, counts = prints[firsts], np.diff(np.append(firsts, len(prints)))
    n_pages = int((group == np.arange(len(pages))).sum())
    site = Site(name, n_pages, unique, counts.astype(np.int32), len(pages))
    return bounded(site, 2 if n_pages >= KNOWN_WELL_PAGES else 1)


class _Homeless:
    """Pages whose site must be found: grouped by what they share, a window at a time."""

    def __init__(self) -> None:
        self._window: list[tuple[int, PageSketch]] = []  # with the pages' keys
        self._profile = Profile()
        self._n_seen: dict[str, int] = {}  # pages of each site found

    def add(self, page: PageSketch, key: int) -> None:
        """Remember a page; the columns are copied, as those given may be slices of a whole batch."""
        self._window.append((key, PageSketch(page.site, *(np.array(column) for column in page[1:]))))
        if len(self._window) >= WINDOW_PAGES:
            self._count_window()

    def sites(self) -> list[Site]:
        """The sites found so far."""
        self._count_window()
        return [site._replace(n_seen=self._n_seen[site.name]) for site in self._profile.sites]

    def _count_window(self) -> None:
        """Group and count the pages of the window in an order of their own; the order they came in only gives names."""
        keys = [key for key, _ in self._window]
        came = sorted(range(len(keys)), key=keys.__getitem__)
        window = [self._window[place][1] for place in came]
        self._window = []
        groups: dict[str, list[PageSketch]] = {}
        unknown = []
        for place, page, number in zip(came, window, self._known_sites(window), strict=True):
            if number < 0:
                unknown.append((place, page))
            else:
                self._note(groups, self._profile.sites[number].name, page)
        found = [[unknown[member] for member in members] for members in clusters([page for _, page in unknown])]
        for members in sorted(found, key=lambda members: min(place for place, _ in members)):
            name = f"site-{len(self._n_seen) + 1}"
            for _, page in members:
                self._note(groups, name, page)
        self._profile |= Profile(count_groups(groups, list(groups.values())))

    def _note(self, groups: dict[str, list[PageSketch]], name: str, page: PageSketch) -> None:
        number = self._n_seen.setdefault(name, 0)
        self._n_seen[name] += 1
        if is_counted(number):
            groups.setdefault(name, []).append(page)

    def _known_sites(self, pages: Sequence[PageSketch]) -> list[int]:
        """The site counted before with which each page shares template lines, -1 where there is none."""
        prints = np.concatenate([np.zeros(0, np.uint64), *(page.ties for page in pages)])
        page = np.repeat(np.arange(len(pages)), [len(page.ties) for page in pages])
        return self._profile.template_index.most_alike(prints, page, len(pages)).tolist()
