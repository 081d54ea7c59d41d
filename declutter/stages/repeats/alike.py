"""Which pages carry the same article, and which belong to one site, by the lines they share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from declutter.stages.repeats.sketches import PageSketch

TWIN_SHARE = 0.6  # two pages that share this much of their prose, by characters, carry the same article
LINK_LINES = 3  # pages that share so many template lines belong to one site,
LINK_SHARE = 0.2  # or so large a share of the smaller page's lines (and at least two)
SKETCH_LINES = 6  # the longest prose lines of a page, by which its twins are found
LONGEST_POSTING = 8  # a prose line of more articles than that is no sign of one


def is_link(shared: np.ndarray, smaller_page_lines: np.ndarray) -> np.ndarray:
    """Whether so many shared lines tie pages together."""
    return (shared >= LINK_LINES) | ((shared >= 2) & (shared >= LINK_SHARE * smaller_page_lines))


def clusters(pages: Sequence[PageSketch]) -> list[list[int]]:
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


def _linked_pairs(pages: Sequence[PageSketch]) -> Iterable[tuple[int, int]]:
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
    linked = is_link(shared, smaller)
    return zip(first[linked].tolist(), second[linked].tolist(), strict=True)


def twins(pages: Sequence[PageSketch], site: np.ndarray) -> np.ndarray:
    """int64 (n_pages,): the first page of its site that carries the same article as each page (itself where none does).

    `site` is int64 (n_pages,), ascending: the number of each page's site. Prose that stands on most pages of a site (a
    cookie notice) tells no article; it is left out of the comparison where a page has other prose to go by.
    """
    first_twin = np.arange(len(pages))
    proses = _own_prose(pages, site)
    owners: dict[int, list[int]] = {}  # pages with a line among their longest, of one site
    begins = np.append(True, site[1:] != site[:-1])[: len(site)].tolist()
    for number, longest in enumerate(_longest(proses)):
        if begins[number]:
            owners.clear()
        candidates = dict.fromkeys(other for line in longest for other in owners.get(line, ()))
        for other in candidates:
            if _same_article(proses[number], proses[other]):
                first_twin[number] = first_twin[other]
                break
        else:
            for line in longest:
                posting = owners.setdefault(line, [])
                if len(posting) < LONGEST_POSTING:
                    posting.append(number)
    return first_twin


Prose = tuple[np.ndarray, np.ndarray]  # of a page: fingerprints of lines, uint64, ascending, and their lengths


def _own_prose(pages: Sequence[PageSketch], site: np.ndarray) -> list[Prose]:
    """The prose of each page without that of most pages of its site, where without it a page has a fifth left."""
    proses = [(page.prose, page.prose_chars) for page in pages]
    if not proses:
        return proses
    prints, chars = (np.concatenate(column) for column in zip(*proses, strict=True))
    page = np.repeat(np.arange(len(pages)), [len(page.prose) for page in pages])
    _, line = np.unique(prints, return_inverse=True)
    _, line, counts = np.unique(site[page] * (len(prints) + 1) + line, return_inverse=True, return_counts=True)
    n_pages = np.bincount(site)[site[page]]
    is_own = (counts[line] <= n_pages / 2) | (n_pages < 4)
    if is_own.all():
        return proses
    n_own, n_chars = (np.bincount(page, weights, len(pages)) for weights in (chars * is_own, chars))
    is_own |= (n_own < 0.2 * n_chars)[page]
    starts = np.searchsorted(page[is_own], np.arange(1, len(pages)))
    return list(zip(np.split(prints[is_own], starts), np.split(chars[is_own], starts), strict=True))


def _longest(proses: Sequence[Prose]) -> list[list[int]]:
    """The fingerprints of each page's SKETCH_LINES longest lines, the longest first."""
    if not proses:
        return []
    page = np.repeat(np.arange(len(proses)), [len(prints) for prints, _ in proses])
    prints, chars = (np.concatenate(column) for column in zip(*proses, strict=True))
    order = np.lexsort((-chars, page))
    starts = np.searchsorted(page, np.arange(len(proses)))
    is_long = np.arange(len(page)) - starts[page] < SKETCH_LINES
    ends = np.cumsum(np.bincount(page[is_long], minlength=len(proses))).tolist()
    longest = prints[order[is_long]].tolist()
    return [longest[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def _same_article(one: Prose, other: Prose) -> bool:
    place = np.searchsorted(other[0], one[0])
    place[place == len(other[0])] = 0
    shared = int(one[1][other[0][place] == one[0]].sum())  # a candidate has a line, so that place 0 is there
    union = int(one[1].sum()) + int(other[1].sum()) - shared
    return union > 0 and shared >= TWIN_SHARE * union
