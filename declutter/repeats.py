"""Repetition over the pages of a site: which pages belong together, and on how many of them each line stands.

A `TemplateCounter` takes pages batch by batch and answers with a `Profile`: per site, the number of distinct pages
and the number of them each line stands on. Lines are compared by fingerprint, so digits, case, spaces, bullets and
punctuation make no difference. Pages that carry the same article (crawled twice) count as one page.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple
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
        for page, name in enumerate(sites):
            rows = slice(int(measures.page_starts[page]), int(measures.page_starts[page + 1]))
            site = self._index.get(name) if name is not None else None
            site = site or self._most_alike(measures, rows)
            if site is None or site.n_pages < 2:
                continue
            found.pages_with[rows] = np.maximum(_look_up(site, measures.fingerprint[rows]), 1)
            found.prefix_pages[rows] = np.maximum(_look_up(site, measures.prefix[rows]), 1)
            found.site_pages[rows] = site.n_pages
        return found

    def site_of(self, measures: Measures, page: int) -> str | None:
        """The name of the site whose template lines the page shares."""
        site = self._most_alike(measures, slice(int(measures.page_starts[page]), int(measures.page_starts[page + 1])))
        return site.name if site else None

    def _most_alike(self, measures: Measures, rows: slice) -> Site | None:
        index = self._template_index
        ties = _ties(measures)[rows]
        prints = np.unique(measures.fingerprint[rows][ties])
        if not len(index.fingerprints) or not len(prints):
            return None
        first = np.searchsorted(index.fingerprints, prints)
        beyond = np.searchsorted(index.fingerprints, prints, side="right")
        owners = np.concatenate([index.owners[a:b] for a, b in zip(first.tolist(), beyond.tolist(), strict=True) if b > a] or [[]])
        if not len(owners):
            return None
        shared = np.bincount(owners.astype(np.int64), minlength=len(self.sites))
        best = int(shared.argmax())
        return self.sites[best] if _is_link(shared[best], len(prints)) else None

    @property
    def _template_index(self) -> _TemplateIndex:
        if "index" not in self.__dict__:
            prints = [site.fingerprints[site.pages_with >= 2] for site in self.sites]
            owners = np.repeat(np.arange(len(prints)), [len(part) for part in prints])
            joined = np.concatenate(prints) if prints else np.zeros(0, np.uint64)
            order = np.argsort(joined, kind="stable")
            object.__setattr__(self, "index", _TemplateIndex(joined[order], owners[order]))
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
        """Read a profile. Raises ProfileError where the file is none, or of another version."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            version = int(arrays["declutter_profile"])
            if version != PROFILE_VERSION:
                raise ProfileError(f"{path}: profile version {version}; this release reads version {PROFILE_VERSION}")
            bounds = np.cumsum(arrays["n_lines"])[:-1]
            columns = (np.split(arrays[name], bounds) for name in ("fingerprints", "pages_with"))
            rows = zip(arrays["names"].tolist(), arrays["n_pages"].tolist(), *columns, strict=True)
            return cls(tuple(Site(*row) for row in rows))
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise ProfileError(f"{path}: not a declutter profile ({error})") from error


class _TemplateIndex(NamedTuple):
    fingerprints: np.ndarray  # uint64, ascending: every template line of every site
    owners: np.ndarray  # int64, the site of each


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


def _look_up(site: Site, prints: np.ndarray) -> np.ndarray:
    if not len(site.fingerprints):
        return np.zeros(len(prints), np.int32)
    row = np.minimum(np.searchsorted(site.fingerprints, prints), len(site.fingerprints) - 1)
    return np.where(site.fingerprints[row] == prints, site.pages_with[row], 0)


def _is_link(shared: int, smaller_page_lines: int) -> bool:
    return shared >= LINK_LINES or (shared >= 2 and shared >= LINK_SHARE * smaller_page_lines)


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
    return (_suffix_list().privatesuffix(host) or host) if host else None


class _PageLines(NamedTuple):
    """What is remembered of a page until its window is counted."""

    site: str | None
    lines: np.ndarray  # uint64, unique fingerprints of its lines and of their prefixes, ascending
    ties: np.ndarray  # uint64, those of them that can tie it to a site
    prose: np.ndarray  # uint64, unique fingerprints of its prose lines, ascending
    prose_chars: np.ndarray  # int32, the length of each


def _distinct(prints: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
    distinct = np.unique(np.concatenate((prints, prefixes)))
    return distinct[distinct != 0]  # 0 stands for nothing to compare


class TemplateCounter:
    """Counts, batch by batch, on how many distinct pages of its site each line stands."""

    def __init__(self):
        self._window: list[_PageLines] = []
        self._profile = Profile()
        self._n_found = 0

    def add(self, measures: Measures, sites: Sequence[str | None]) -> None:
        """Count a batch of pages; `sites` names the site of each, or None where it must be found."""
        chars = measures.counts[:, : scripts.N_WORD_CLASSES].sum(axis=1)
        ties, prose, prints = _ties(measures), _is_prose(measures), measures.fingerprint
        for page, site in enumerate(sites):
            rows = slice(int(measures.page_starts[page]), int(measures.page_starts[page + 1]))
            prose_prints, first = np.unique(prints[rows][prose[rows]], return_index=True)
            self._window.append(
                _PageLines(
                    site,
                    _distinct(prints[rows], measures.prefix[rows]),
                    np.unique(prints[rows][ties[rows]]),
                    prose_prints,
                    chars[rows][prose[rows]][first].astype(np.int32),
                )
            )
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
        for page in window:
            name = page.site or self._known_site(page)
            if name is None:
                unknown.append(page)
            else:
                groups.setdefault(name, []).append(page)
        for members in _clusters(unknown):
            self._n_found += 1
            groups[f"site-{self._n_found}"] = [unknown[member] for member in members]
        counted = Profile(tuple(_count_site(name, pages) for name, pages in groups.items()))
        self._profile = self._profile | counted

    def _known_site(self, page: _PageLines) -> str | None:
        index = self._profile._template_index
        at = np.isin(index.fingerprints, page.ties)
        if not at.any():
            return None
        shared = np.bincount(index.owners[at])
        best = int(shared.argmax())
        return self._profile.sites[best].name if _is_link(shared[best], len(page.ties)) else None


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
    linked = (shared >= LINK_LINES) | ((shared >= 2) & (shared >= LINK_SHARE * smaller))
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
