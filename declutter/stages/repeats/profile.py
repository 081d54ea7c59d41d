"""Profile: on how many pages of each site its lines stand; mergeable, storable, and looked up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from declutter.errors import ProfileError
from declutter.lines import Measures, Repeats
from declutter.stages.repeats.alike import is_link
from declutter.stages.repeats.sketches import can_tie, once

PROFILE_VERSION = 2  # 1 had no `n_seen`, and its names as an array of strings
MAX_SITE_LINES = 200_000  # lines of a site that are counted; above it, the rarest are forgotten
KNOWN_WELL_PAGES = 32  # of a site with so many distinct pages the lines seen once are forgotten: they are no templates


class Site(NamedTuple):
    """What is known of one site."""

    name: str
    n_pages: int  # distinct pages that were counted
    fingerprints: np.ndarray  # uint64 (n,), ascending
    pages_with: np.ndarray  # int32 (n,), on how many of the counted pages each stands
    n_seen: int = 0  # pages of the site, those included that were not counted, the site's being known well enough

    @property
    def n_templates(self) -> int:
        """Lines that stand on at least two distinct pages."""
        return int((self.pages_with >= 2).sum())


class _Columns(NamedTuple):
    """All sites of a profile: the lines of site i are `fingerprints[starts[i]:starts[i + 1]]`."""

    names: np.ndarray  # uint8, the names as a JSON array in UTF-8: no name's length makes room for all the others
    n_pages: np.ndarray  # int64 (n_sites,)
    n_seen: np.ndarray  # int64 (n_sites,)
    starts: np.ndarray  # int64 (n_sites + 1,)
    fingerprints: np.ndarray  # uint64
    pages_with: np.ndarray  # int32
    keys: np.ndarray  # uint64 (n_sites,), hashes of the names, ascending
    key_sites: np.ndarray  # int64 (n_sites,), the site of each


def _columns(sites: Sequence[Site]) -> _Columns:
    keys = np.array([_key(site.name) for site in sites], np.uint64)
    order = np.argsort(keys, kind="stable")
    n_lines = [len(site.fingerprints) for site in sites]
    return _Columns(
        names=np.frombuffer(json.dumps([site.name for site in sites]).encode(), np.uint8),
        n_pages=np.array([site.n_pages for site in sites], np.int64),
        n_seen=np.array([max(site.n_seen, site.n_pages) for site in sites], np.int64),
        starts=np.concatenate(([0], np.cumsum(n_lines, dtype=np.int64))).astype(np.int64),
        fingerprints=np.concatenate([np.zeros(0, np.uint64), *(site.fingerprints for site in sites)]),
        pages_with=np.concatenate([np.zeros(0, np.int32), *(site.pages_with for site in sites)]),
        keys=keys[order],
        key_sites=order.astype(np.int64),
    )


@lru_cache(maxsize=65_536)
def _key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class Profile:
    """What was learned of sites' templates. Profiles of different pages merge with `|`."""

    version = PROFILE_VERSION

    def __init__(self, sites: Iterable[Site] = ()):
        self._columns = _columns(tuple(sites))

    def __len__(self) -> int:
        """The number of sites."""
        return len(self._columns.n_pages)

    def __bool__(self) -> bool:
        """Any profile is one, an empty one too."""
        return True

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """The sites, in the order in which they were met."""
        columns = self._columns
        n_pages, n_seen = columns.n_pages.tolist(), columns.n_seen.tolist()
        return tuple(
            Site(name, n_pages[number], *self._lines_of(number), n_seen[number])
            for number, name in enumerate(self._names)
        )

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """The name of each site, its distinct pages that were counted, and all that were seen."""
        columns = self._columns
        return zip(self._names, columns.n_pages.tolist(), columns.n_seen.tolist(), strict=True)

    @property
    def _names(self) -> list[str]:
        return json.loads(self._columns.names.tobytes())

    def _lines_of(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        columns = self._columns
        rows = slice(int(columns.starts[number]), int(columns.starts[number + 1]))
        return columns.fingerprints[rows], columns.pages_with[rows]

    def __or__(self, other: Profile) -> Profile:
        """Both profiles' counts. Sites of one name are one site; no page should stand in both profiles."""
        merged = {site.name: site for site in self.sites}
        for site in other.sites:
            merged[site.name] = _add(merged[site.name], site) if site.name in merged else site
        return Profile(merged.values())

    def repeats(self, measures: Measures, sites: Sequence[str | None]) -> Repeats:
        """On how many pages of its site each line stands. `sites` names the site of each page, or None."""
        found = Repeats.none(len(measures))
        if not len(self):
            return found
        numbers = np.array([self._number(name) for name in sites], np.int64)
        if (numbers < 0).any():
            numbers = np.where(numbers < 0, self._most_alike(measures, numbers < 0), numbers)
        of_row = np.repeat(numbers, np.diff(measures.page_starts))
        for number in np.unique(numbers[numbers >= 0]).tolist():
            n_pages = int(self._columns.n_pages[number])
            if n_pages < 2:
                continue
            of_site = self._lines_of(number)
            rows = np.flatnonzero(of_row == number)
            found.site_pages[rows] = n_pages
            found.pages_with[rows] = np.maximum(_look_up(*of_site, measures.fingerprint[rows]), 1)
            rows = rows[measures.prefix[rows] != 0]
            found.prefix_pages[rows] = np.maximum(_look_up(*of_site, measures.prefix[rows]), 1)
        return found

    def site_of(self, measures: Measures, page: int) -> str | None:
        """The name of the site whose template lines the page shares."""
        wanted = np.arange(len(measures.page_starts) - 1) == page
        number = int(self._most_alike(measures, wanted)[page])
        return self.sites[number].name if number >= 0 else None

    def _number(self, name: str | None) -> int:
        """The row of a site, -1 where there is none."""
        columns = self._columns
        if name is None or not len(columns.keys):
            return -1
        row = min(int(np.searchsorted(columns.keys, np.uint64(_key(name)))), len(columns.keys) - 1)
        return int(columns.key_sites[row]) if int(columns.keys[row]) == _key(name) else -1

    def _most_alike(self, measures: Measures, wanted: np.ndarray) -> np.ndarray:
        """int64 (n_pages,): the row in `sites` of the site whose template lines each wanted page shares, else -1."""
        sizes = np.diff(measures.page_starts)
        rows = np.flatnonzero(can_tie(measures) & np.repeat(wanted, sizes))
        page = np.repeat(np.arange(len(sizes)), sizes)[rows]
        return self.template_index.most_alike(*_distinct(measures.fingerprint[rows], page), len(sizes))

    @cached_property
    def template_index(self) -> TemplateIndex:
        """The template lines of all sites; made when a page comes whose site has to be found."""
        columns = self._columns
        recur = columns.pages_with >= 2
        prints = columns.fingerprints[recur]
        owners = np.repeat(np.arange(len(self)), np.diff(columns.starts))[recur]
        order = np.argsort(prints, kind="stable")
        sums = np.zeros(len(columns.fingerprints) + 1, np.uint64)
        np.cumsum(columns.fingerprints, out=sums[1:])  # modulo 2**64
        rank = np.argsort(np.argsort(sums[columns.starts[1:]] - sums[columns.starts[:-1]], kind="stable"))
        return TemplateIndex(prints[order], owners[order], rank)

    def save(self, path: str | Path) -> None:
        """Write the profile as a NumPy archive of plain arrays (no pickle)."""
        columns = self._columns
        with open(path, "wb") as file:
            np.savez_compressed(
                file,
                declutter_profile=np.array(PROFILE_VERSION),
                names=columns.names,
                n_pages=columns.n_pages,
                n_seen=columns.n_seen,
                n_lines=np.diff(columns.starts),
                fingerprints=columns.fingerprints,
                pages_with=columns.pages_with,
            )

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read a profile. Raises ProfileError where the file is none or of another version, OSError as `open` does."""
        with open(path, "rb") as file:
            try:
                return cls(_read_sites(file))
            except ProfileError as error:
                raise ProfileError(f"{path}: {error}") from error
            except Exception as error:  # zipfile and numpy raise a dozen kinds of errors at damaged bytes
                raise ProfileError(f"{path}: not a declutter profile ({error})") from error

    def save_columns(self, folder: Path) -> None:
        """Write each column to a file of a new folder, to be mapped by many processes, which then share its memory."""
        folder.mkdir()
        for name, column in self._columns._asdict().items():
            np.save(folder / f"{name}.npy", column, allow_pickle=False)

    @classmethod
    def map_columns(cls, folder: Path) -> Profile:
        """What `save_columns` wrote, read as it is needed."""
        profile = cls()
        columns = (np.load(folder / f"{name}.npy", "r", allow_pickle=False) for name in _Columns._fields)
        profile._columns = _Columns(*columns)
        return profile


def _read_sites(file: BinaryIO) -> tuple[Site, ...]:
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    version = int(arrays["declutter_profile"])
    if version not in (1, PROFILE_VERSION):
        raise ProfileError(f"profile version {version}; this release reads versions 1 to {PROFILE_VERSION}")
    n_lines = arrays["n_lines"]
    prints = arrays["fingerprints"].astype(np.uint64, casting="equiv")
    pages_with = arrays["pages_with"].astype(np.int32, casting="equiv")
    if (n_lines < 0).any() or not n_lines.sum() == len(prints) == len(pages_with):
        raise ValueError("its columns do not fit together")
    names = arrays["names"].tolist() if version == 1 else _read_names(arrays["names"])
    n_pages = arrays["n_pages"].astype(np.int64, casting="equiv").tolist()
    n_seen = n_pages if version == 1 else arrays["n_seen"].astype(np.int64, casting="equiv").tolist()
    columns = (np.split(column, np.cumsum(n_lines))[:-1] for column in (prints, pages_with))
    return tuple(Site(*row) for row in zip(names, n_pages, *columns, n_seen, strict=True))


def _read_names(octets: np.ndarray) -> list[str]:
    names = json.loads(octets.astype(np.uint8, casting="equiv").tobytes())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("its names are not a list of names")
    return names


class TemplateIndex(NamedTuple):
    """The lines of every site that stand on two of its pages at least."""

    fingerprints: np.ndarray  # uint64, ascending
    owners: np.ndarray  # int64, the site of each
    rank: np.ndarray  # int64 (n_sites,), the place of each site in an order of the sites' own, by their lines

    def most_alike(self, prints: np.ndarray, page: np.ndarray, n_pages: int) -> np.ndarray:
        """int64 (n_pages,): the site with which each page shares the most template lines, -1 where that is chance.

        `prints` are the lines that can tie a page to a site, each once a page, and `page` the page of each, ascending.
        """
        found = np.full(n_pages, -1, np.int64)
        first, n_owners = self._places(prints)
        ends = np.cumsum(n_owners)
        if not len(ends) or not ends[-1]:
            return found
        within = np.arange(ends[-1]) - np.repeat(ends - n_owners, n_owners)
        owner = self.owners[np.repeat(first, n_owners) + within]
        n_sites = len(self.rank)
        pairs, shared = np.unique(np.repeat(page, n_owners) * n_sites + owner, return_counts=True)
        page_of_pair, owner = pairs // n_sites, pairs % n_sites
        order = np.lexsort((self.rank[owner], -shared, page_of_pair))
        best = order[np.diff(page_of_pair[order], prepend=-1) > 0]  # of the sites that share most, one by its lines
        n_prints = np.bincount(page, minlength=n_pages)[page_of_pair[best]]
        best = best[is_link(shared[best], n_prints)]
        found[page_of_pair[best]] = owner[best]
        return found

    def _places(self, prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, number of rows) of each line in the index; each distinct line is searched for once, in order."""
        distinct, inverse = np.unique(prints, return_inverse=True)
        first = np.searchsorted(self.fingerprints, distinct)
        beyond = np.searchsorted(self.fingerprints, distinct, side="right")
        return first[inverse], (beyond - first)[inverse]


def _add(site: Site, other: Site) -> Site:
    prints = np.concatenate((site.fingerprints, other.fingerprints))
    counts = np.concatenate((site.pages_with, other.pages_with))
    unique, inverse = np.unique(prints, return_inverse=True)
    pages_with = np.bincount(inverse, weights=counts, minlength=len(unique)).astype(np.int32)
    n_pages, n_seen = site.n_pages + other.n_pages, site.n_seen + other.n_seen
    return bounded(Site(site.name, n_pages, unique, pages_with, n_seen), 2 if n_pages >= KNOWN_WELL_PAGES else 1)


def bounded(site: Site, rarest: int = 1) -> Site:
    """Forget the lines of a site that stand on fewer than `rarest` pages, and more where it has too many."""
    kept = site
    threshold = rarest
    while threshold > 1 or len(kept.fingerprints) > MAX_SITE_LINES:
        often = kept.pages_with >= threshold
        kept = kept._replace(fingerprints=kept.fingerprints[often], pages_with=kept.pages_with[often])
        if len(kept.fingerprints) <= MAX_SITE_LINES:
            break
        threshold *= 2
    return kept


def _look_up(fingerprints: np.ndarray, pages_with: np.ndarray, prints: np.ndarray) -> np.ndarray:
    if not len(fingerprints):
        return np.zeros(len(prints), np.int32)
    row = np.minimum(np.searchsorted(fingerprints, prints), len(fingerprints) - 1)
    return np.where(fingerprints[row] == prints, pages_with[row], 0)


def _distinct(prints: np.ndarray, page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each page's fingerprints once, ascending, and the page of each."""
    values, rank = np.unique(prints, return_inverse=True)
    pairs = once(page * len(values) + rank)
    return values[pairs % max(len(values), 1)], pairs // max(len(values), 1)
