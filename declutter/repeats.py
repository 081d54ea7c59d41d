"""Repetition over the pages of a site: which pages belong together, and on how many of them each line stands.

A `TemplateCounter` takes pages batch by batch and answers with a `Profile`: per site, the number of distinct pages
and the number of them each line stands on. Lines are compared by fingerprint, so digits, case, spaces, bullets and
punctuation make no difference. Pages that carry the same article (crawled twice) count as one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from declutter import scripts
from declutter.errors import ProfileError
from declutter.lines import Measures, Repeats

PROFILE_VERSION = 1
WINDOW_PAGES = 20_000  # pages held as fingerprints (about 2 KB each) before they are grouped and counted
MAX_SITE_LINES = 200_000  # lines of a site that are counted; above it, lines seen once are forgotten
PROSE_WORDS = 8.0  # a line this long that ends a sentence is prose: it tells articles apart, not sites
TWIN_SHARE = 0.6  # two pages that share this much of their prose, by characters, carry the same article
LINK_LINES = 3  # pages that share so many template lines belong to one site,
LINK_SHARE = 0.2  # or so large a share of the smaller page's lines (and at least two)
LONGEST_TEMPLATE_WORDS = 25.0  # a longer line does not tie pages to a site: agencies' texts stand on many
SKETCH_LINES = 6  # the longest prose lines of a page, by which its twins are found


class Site(NamedTuple):
    """What is known of one site."""

    name: str
    n_pages: int  # distinct pages
    fingerprints: np.ndarray  # uint64 (n,), ascending
    pages_with: np.ndarray  # int32 (n,), on how many distinct pages each stands

    @property
    def n_templates(self) -> int:
        """Lines that stand on at least two distinct pages."""
        return int((self.pages_with >= 2).sum())


@dataclass(frozen=True)
class Profile:
    """What was learned of sites' templates. Profiles of different pages merge with `|`."""

    sites: tuple[Site, ...] = ()
    _index: dict[str, Site] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self):
        self._index.update({site.name: site for site in self.sites})

    def __or__(self, other: Profile) -> Profile:
        """Both profiles' counts. Sites of one name are one site; no page should stand in both profiles."""
        merged = dict(self._index)
        for site in other.sites:
            merged[site.name] = _add(merged[site.name], site) if site.name in merged else site
        return Profile(tuple(merged.values()))

    def repeats(self, measures: Measures, sites: Sequence[str | None]) -> Repeats:
        """On how many pages of its site each line stands. `sites` names the site of each page, or None."""
        found = Repeats.none(len(measures))
        index = self._template_index
        numbers = np.array([index.numbers.get(name, -1) for name in sites], np.int64)  # None is no site's name
        if (numbers < 0).any():
            numbers = np.where(numbers < 0, self._most_alike(measures, numbers < 0), numbers)
        of_row = np.repeat(numbers, np.diff(measures.page_starts))
        for number in np.unique(numbers[numbers >= 0]).tolist():
            n_pages, templates = self.sites[number].n_pages, index.templates[number]
            if n_pages < 2:
                continue
            rows = np.flatnonzero(of_row == number)
            found.site_pages[rows] = n_pages
            found.pages_with[rows] = np.maximum(_look_up(templates, measures.fingerprint[rows]), 1)
            rows = rows[measures.prefix[rows] != 0]
            found.prefix_pages[rows] = np.maximum(_look_up(templates, measures.prefix[rows]), 1)
        return found

    def site_of(self, measures: Measures, page: int) -> str | None:
        """The name of the site whose template lines the page shares."""
        wanted = np.arange(len(measures.page_starts) - 1) == page
        number = int(self._most_alike(measures, wanted)[page])
        return self.sites[number].name if number >= 0 else None

    def _most_alike(self, measures: Measures, wanted: np.ndarray) -> np.ndarray:
        """int64 (n_pages,): the row in `sites` of the site whose template lines each wanted page shares, else -1."""
        sizes = np.diff(measures.page_starts)
        rows = np.flatnonzero(_ties(measures) & np.repeat(wanted, sizes))
        page = np.repeat(np.arange(len(sizes)), sizes)[rows]
        return self._template_index.most_alike(*_distinct(measures.fingerprint[rows], page), len(sizes))

    @property
    def _template_index(self) -> _TemplateIndex:
        if "index" not in self.__dict__:
            object.__setattr__(self, "index", _template_index(self.sites))
        return self.__dict__["index"]

    def save(self, path: str | Path) -> None:
        """Write the profile as a NumPy archive of plain arrays (no pickle)."""
        arrays = {
            "declutter_profile": np.array(PROFILE_VERSION),
            "names": np.array([site.name for site in self.sites], dtype=np.str_),
            "n_pages": np.array([site.n_pages for site in self.sites], np.int64),
            "n_lines": np.array([len(site.fingerprints) for site in self.sites], np.int64),
            "fingerprints": np.concatenate([np.zeros(0, np.uint64), *(site.fingerprints for site in self.sites)]),
            "pages_with": np.concatenate([np.zeros(0, np.int32), *(site.pages_with for site in self.sites)]),
        }
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

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


def _read_sites(file: BinaryIO) -> tuple[Site, ...]:
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    version = int(arrays["declutter_profile"])
    if version != PROFILE_VERSION:
        raise ProfileError(f"profile version {version}; this release reads version {PROFILE_VERSION}")
    n_lines = arrays["n_lines"]
    prints = arrays["fingerprints"].astype(np.uint64, casting="equiv")
    pages_with = arrays["pages_with"].astype(np.int32, casting="equiv")
    if (n_lines < 0).any() or not n_lines.sum() == len(prints) == len(pages_with):
        raise ValueError("its columns do not fit together")
    columns = (np.split(column, np.cumsum(n_lines))[:-1] for column in (prints, pages_with))
    rows = zip(arrays["names"].tolist(), arrays["n_pages"].tolist(), *columns, strict=True)
    return tuple(Site(*row) for row in rows)


class _Templates(NamedTuple):
    """The lines of one site that stand on two of its pages at least."""

    fingerprints: np.ndarray  # uint64, ascending
    pages_with: np.ndarray  # int32


class _TemplateIndex(NamedTuple):
    numbers: dict[str, int]  # each site's row in the profile, by its name
    templates: list[_Templates]  # of each site
    fingerprints: np.ndarray  # uint64, ascending: every template line of every site
    owners: np.ndarray  # int64, the site of each

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
        pairs, shared = np.unique(np.repeat(page, n_owners) * len(self.templates) + owner, return_counts=True)
        page_of_pair, owner = pairs // len(self.templates), pairs % len(self.templates)
        order = np.lexsort((owner, -shared, page_of_pair))
        best = order[np.diff(page_of_pair[order], prepend=-1) > 0]  # of the sites that share most, the first
        n_prints = np.bincount(page, minlength=n_pages)[page_of_pair[best]]
        best = best[_is_link(shared[best], n_prints)]
        found[page_of_pair[best]] = owner[best]
        return found

    def _places(self, prints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first row, number of rows) of each line in the index; each distinct line is searched for once, in order."""
        distinct, inverse = np.unique(prints, return_inverse=True)
        first = np.searchsorted(self.fingerprints, distinct)
        beyond = np.searchsorted(self.fingerprints, distinct, side="right")
        return first[inverse], (beyond - first)[inverse]


def _template_index(sites: Sequence[Site]) -> _TemplateIndex:
    recur = [site.pages_with >= 2 for site in sites]
    templates = [_Templates(site.fingerprints[at], site.pages_with[at]) for site, at in zip(sites, recur, strict=True)]
    joined = np.concatenate([np.zeros(0, np.uint64), *(of_site.fingerprints for of_site in templates)])
    owners = np.repeat(np.arange(len(templates)), [len(of_site.fingerprints) for of_site in templates])
    order = np.argsort(joined, kind="stable")
    numbers = {site.name: number for number, site in enumerate(sites)}
    return _TemplateIndex(numbers, templates, joined[order], owners[order])


def _add(site: Site, other: Site) -> Site:
    prints = np.concatenate((site.fingerprints, other.fingerprints))
    counts = np.concatenate((site.pages_with, other.pages_with))
    unique, inverse = np.unique(prints, return_inverse=True)
    pages_with = np.bincount(inverse, weights=counts, minlength=len(unique)).astype(np.int32)
    return _bounded(Site(site.name, site.n_pages + other.n_pages, unique, pages_with))


def _bounded(site: Site) -> Site:
    """Forget the rarest lines of a site that has too many."""
    kept = site
    threshold = 2
    while len(kept.fingerprints) > MAX_SITE_LINES:
        often = kept.pages_with >= threshold
        kept = Site(kept.name, kept.n_pages, kept.fingerprints[often], kept.pages_with[often])
        threshold *= 2
    return kept


def _look_up(templates: _Templates, prints: np.ndarray) -> np.ndarray:
    if not len(templates.fingerprints):
        return np.zeros(len(prints), np.int32)
    row = np.minimum(np.searchsorted(templates.fingerprints, prints), len(templates.fingerprints) - 1)
    return np.where(templates.fingerprints[row] == prints, templates.pages_with[row], 0)


def _is_link(shared: np.ndarray, smaller_page_lines: np.ndarray) -> np.ndarray:
    return (shared >= LINK_LINES) | ((shared >= 2) & (shared >= LINK_SHARE * smaller_page_lines))


def _once(keys: np.ndarray) -> np.ndarray:
    """The distinct keys, ascending: np.unique, which hashes them (numpy 2.3), takes 50 times as long for a million."""
    keys = np.sort(keys)
    is_new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_new[1:])
    return keys[is_new]


def _distinct(prints: np.ndarray, page: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each page's fingerprints once, ascending, and the page of each."""
    values, rank = np.unique(prints, return_inverse=True)
    pairs = _once(page * len(values) + rank)
    return values[pairs % max(len(values), 1)], pairs // max(len(values), 1)


def _is_prose(measures: Measures) -> np.ndarray:
    ends = (measures.final_class == scripts.SENTENCE_END) | (measures.final_class == scripts.ELLIPSIS)
    return (measures.words >= PROSE_WORDS) & (ends | (measures.words >= 2 * PROSE_WORDS))


def _ties(measures: Measures) -> np.ndarray:
    """Lines that can tie a page to a site: neither the web's common phrases ("Home"), nor numbers, nor prose."""
    common = measures.phrases.max(axis=1, initial=0) >= 0.9
    letters = measures.counts[:, : scripts.N_WORD_CLASSES].sum(axis=1) - measures.counts[:, scripts.DIGIT]
    return ~common & (letters >= 2) & (measures.words <= LONGEST_TEMPLATE_WORDS)


@cache
def _suffix_list():
    from publicsuffixlist import PublicSuffixList  # 40 ms: only for pages with URLs

    return PublicSuffixList()


def registered_domain(url: str | None) -> str | None:
    """The registered domain of a URL ("www.bbc.co.uk" gives "bbc.co.uk"), or its host where it has none."""
    if not url:
        return None
    try:
        host = urlsplit(url if "//" in url else "//" + url).hostname
    except ValueError:  # a malformed address names no site
        return None
    if not host or host.rpartition(".")[2].isdigit():  # no name, or an IP address, which has no domain
        return host or None
    return _suffix_list().privatesuffix(host) or host


class _PageLines(NamedTuple):
    """What is remembered of a page until its window is counted."""

    site: str | None
    lines: np.ndarray  # uint64, unique fingerprints of its lines and of their prefixes, ascending
    ties: np.ndarray  # uint64, those of them that can tie it to a site
    prose: np.ndarray  # uint64, unique fingerprints of its prose lines, ascending
    prose_chars: np.ndarray  # int32, the length of each


def _lines_by_page(measures: Measures) -> tuple[list[np.ndarray], ...]:
    """The columns of _PageLines, but for the site, for all pages of a batch."""
    n_pages = len(measures.page_starts) - 1
    page = np.repeat(np.arange(n_pages), np.diff(measures.page_starts))
    with_prefix = np.flatnonzero(measures.prefix)
    values, rank = np.unique(np.concatenate((measures.fingerprint, measures.prefix[with_prefix])), return_inverse=True)
    key = np.concatenate((page, page[with_prefix])) * len(values) + rank  # one a page and line
    row_key = key[: len(page)]
    is_something = np.append(values, 0)[rank] != 0  # 0 stands for nothing to compare
    lines, ties = _once(key[is_something]), _once(row_key[_ties(measures)])
    prose_rows = np.flatnonzero(_is_prose(measures))
    prose, first = np.unique(row_key[prose_rows], return_index=True)
    chars = measures.counts[prose_rows[first], : scripts.N_WORD_CLASSES].sum(axis=1).astype(np.int32)
    columns = []
    for keys in (lines, ties, prose):
        bounds = np.searchsorted(keys, np.arange(1, n_pages) * len(values))
        columns.append(np.split(values[keys % max(len(values), 1)], bounds))
    return *columns, np.split(chars, bounds)


class TemplateCounter:
    """Counts, batch by batch, on how many distinct pages of its site each line stands."""

    def __init__(self):
        self._window: list[_PageLines] = []
        self._profile = Profile()
        self._n_found = 0

    def add(self, measures: Measures, sites: Sequence[str | None]) -> None:
        """Count a batch of pages; `sites` names the site of each, or None where it must be found."""
        self._window += map(_PageLines._make, zip(sites, *_lines_by_page(measures), strict=True))
        if len(self._window) >= WINDOW_PAGES:
            self._count_window()

    def profile(self) -> Profile:
        """What was counted so far."""
        self._count_window()
        return self._profile

    def _count_window(self) -> None:
        window, self._window = self._window, []
        groups: dict[str, list[_PageLines]] = {}
        unknown = []
        for page, number in zip(window, self._known_sites(window), strict=True):
            name = page.site or (self._profile.sites[number].name if number >= 0 else None)
            if name is None:
                unknown.append(page)
            else:
                groups.setdefault(name, []).append(page)
        for members in _clusters(unknown):
            self._n_found += 1
            groups[f"site-{self._n_found}"] = [unknown[member] for member in members]
        counted = Profile(tuple(_count_site(name, pages) for name, pages in groups.items()))
        self._profile = self._profile | counted

    def _known_sites(self, pages: Sequence[_PageLines]) -> list[int]:
        """The site counted before with which each page shares template lines, -1 where there is none."""
        prints = np.concatenate([np.zeros(0, np.uint64), *(page.ties for page in pages)])
        page = np.repeat(np.arange(len(pages)), [len(page.ties) for page in pages])
        return self._profile._template_index.most_alike(prints, page, len(pages)).tolist()


def _clusters(pages: Sequence[_PageLines]) -> list[list[int]]:
    """Pages that share template lines, as lists of positions; pages in input order, sites by their first page."""
    parent = list(range(len(pages)))

    def root(page: int) -> int:
        while parent[page] != page:
            parent[page] = parent[parent[page]]
            page = parent[page]
        return page

    for first, second in _linked_pairs(pages):
        a, b = root(first), root(second)
        parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for page in range(len(pages)):
        groups.setdefault(root(page), []).append(page)
    return list(groups.values())


def _linked_pairs(pages: Sequence[_PageLines]) -> Iterable[tuple[int, int]]:
    """Pairs of pages that share enough lines, each page compared with the next one that has the same line.

    Pages of one site have their own menu lines in common with nobody else, so that neighbours in those
    lines' lists of pages are of one site and meet in all of them.
    """
    if len(pages) < 2:
        return []
    n_ties = np.array([len(page.ties) for page in pages])
    prints = np.concatenate([page.ties for page in pages])
    owners = np.repeat(np.arange(len(pages)), n_ties)
    order = np.argsort(prints, kind="stable")
    prints, owners = prints[order], owners[order]
    meets = prints[1:] == prints[:-1]
    pairs, shared = np.unique(owners[:-1][meets] * len(pages) + owners[1:][meets], return_counts=True)
    first, second = pairs // len(pages), pairs % len(pages)
    smaller = np.minimum(n_ties[first], n_ties[second])
    linked = _is_link(shared, smaller)
    return zip(first[linked].tolist(), second[linked].tolist(), strict=True)


def _count_site(name: str, pages: Sequence[_PageLines]) -> Site:
    """Counts over the distinct pages: a line of two pages with the same article counts once for both."""
    group = _twins(pages)
    prints = np.concatenate([page.lines for page in pages]) if pages else np.zeros(0, np.uint64)
    owners = np.repeat(group, [len(page.lines) for page in pages])
    order = np.lexsort((owners, prints))
    prints, owners = prints[order], owners[order]
    is_new = np.ones(len(prints), bool)
    is_new[1:] = (prints[1:] != prints[:-1]) | (owners[1:] != owners[:-1])
    unique, counts = np.unique(prints[is_new], return_counts=True)
    return _bounded(Site(name, len(np.unique(group)), unique, counts.astype(np.int32)))


def _twins(pages: Sequence[_PageLines]) -> np.ndarray:
    """int64 (n_pages,): the first page that carries the same article as each page (itself where none does).

    Prose that stands on most pages of a site (a cookie notice) tells no article; it is left out of the comparison
    where a page has other prose to go by.
    """
    first_twin = np.arange(len(pages))
    if len(pages) < 2:
        return first_twin
    everywhere = _prose_everywhere(pages)
    owners: dict[int, list[int]] = {}
    sketches = []
    for number, page in enumerate(pages):
        prose, chars = _own_prose(page, everywhere)
        sketches.append((prose, chars))
        longest = prose[np.argsort(-chars, kind="stable")[:SKETCH_LINES]].tolist()
        candidates = dict.fromkeys(other for line in longest for other in owners.get(line, ()))
        for other in candidates:
            if _same_article(sketches[number], sketches[other]):
                first_twin[number] = first_twin[other]
                break
        else:
            for line in longest:
                posting = owners.setdefault(line, [])
                if len(posting) < 8:  # a line of more articles than that is no sign of one
                    posting.append(number)
    return first_twin


def _prose_everywhere(pages: Sequence[_PageLines]) -> np.ndarray:
    prints, counts = np.unique(np.concatenate([page.prose for page in pages]), return_counts=True)
    return prints[counts > len(pages) / 2] if len(pages) >= 4 else prints[:0]


def _own_prose(page: _PageLines, everywhere: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    own = ~np.isin(page.prose, everywhere)
    if page.prose_chars[own].sum() < 0.2 * page.prose_chars.sum():
        return page.prose, page.prose_chars
    return page.prose[own], page.prose_chars[own]


def _same_article(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> bool:
    shared = int(one[1][np.isin(one[0], other[0])].sum())
    union = int(one[1].sum()) + int(other[1].sum()) - shared
    return union > 0 and shared >= TWIN_SHARE * union
