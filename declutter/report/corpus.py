"""What declutter did to a corpus: counts, template lines, and the pages to look at, in memory that does not grow."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from declutter.cleaner import Cleaner, learn, site_of
from declutter.lines import LABELS, Lines, Measures
from declutter.pages import Cleaned, Page
from declutter.report.odd import OddPages
from declutter.report.specimen import LINE_CHARS, NAME_CHARS, Specimen, specimen
from declutter.stages.measure.measure import measure
from declutter.stages.repeats import Profile

LARGEST_SITES = 150  # sites counted by themselves: those with the most pages in the profile,
FIRST_SITES = 150  # and the first others that are met; the pages of all other sites are counted together
SITE_SAMPLE = 2  # pages of each site to show
ALONE_SAMPLE = 12  # pages to show of those that stand alone
SITE_TEMPLATES = 200  # template lines of a site that are remembered with their text
SHARES = 20  # columns of the histogram of kept shares
SCORES = 20

#: Takes the pages of a pass and a title, and gives the pages on, as tqdm does.
Progress = Callable[[Iterable, str], Iterable]


@dataclass
class TemplateLine:
    """A line that stands on several pages of a site."""

    text: str
    pages_with: int
    kept: int = 0  # how often it was kept, of the lines seen
    seen: int = 0
    labels: Counter[str] = field(default_factory=Counter)


@dataclass
class SiteCounts:
    """What was kept and removed of one site's pages, or of all pages that stand alone (`name` is None)."""

    name: str | None
    example: str = ""  # the id of its first page
    folder: str = ""  # that all its pages stand in, with no others known of
    n_pages: int = 0
    site_pages: int = 0  # the pages its template lines were counted on
    lines: np.ndarray = field(default_factory=lambda: np.zeros((len(LABELS), 2), np.int64))  # by label; removed, kept
    chars: np.ndarray = field(default_factory=lambda: np.zeros((len(LABELS), 2), np.int64))
    templates: dict[int, TemplateLine] = field(default_factory=dict)  # by fingerprint
    sample: list[Specimen] = field(default_factory=list)

    @property
    def kept_share(self) -> float:
        """Of the characters."""
        return float(self.chars[:, 1].sum() / max(self.chars.sum(), 1))

    def top_templates(self, n: int) -> list[TemplateLine]:
        """The template lines that stand on the most pages."""
        return sorted(self.templates.values(), key=lambda line: (-line.pages_with, -line.seen))[:n]


@dataclass
class Corpus:
    """What was found in a run over a corpus."""

    sites: list[SiteCounts] = field(default_factory=list)  # most pages first; the pages that stand alone last
    n_sites: int = 0  # with two pages or more, told apart or not
    failed: dict[str, str] = field(default_factory=dict)  # where something could not be read, and why
    n_failed: int = 0  # of which `failed` may hold the first ones alone
    passed_through: int = 0
    confidence: float = 0.0  # the sum of the pages' expected F1
    share_pages: np.ndarray = field(default_factory=lambda: np.zeros(SHARES, np.int64))  # pages by kept share
    score_lines: np.ndarray = field(default_factory=lambda: np.zeros((SCORES, 2), np.int64))  # by score; removed, kept
    repeated: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))  # template lines; removed, kept
    odd: OddPages = field(default_factory=OddPages)
    settings: str = ""

    @property
    def n_pages(self) -> int:
        return sum(site.n_pages for site in self.sites)

    @property
    def lines(self) -> np.ndarray:
        """int64 (n_labels, 2): lines removed and kept, by label."""
        return sum((site.lines for site in self.sites), np.zeros((len(LABELS), 2), np.int64))

    @property
    def chars(self) -> np.ndarray:
        """int64 (n_labels, 2): characters removed and kept, by label."""
        return sum((site.chars for site in self.sites), np.zeros((len(LABELS), 2), np.int64))


def as_they_are(pages: Iterable, _title: str) -> Iterable:
    return pages


def gather(
    pages: Iterable[Page],
    cleaner: Cleaner | None = None,
    *,
    seed: int = 0,
    progress: Progress = as_they_are,
) -> Corpus:
    """Clean the pages and remember what a report shows.

    `pages` is iterated twice where the cleaner has no profile, so it must not be an iterator then. The pages to show
    are drawn by `seed`.
    """
    cleaner = cleaner or Cleaner()
    profile = cleaner.profile
    if profile is None:
        profile = learn(progress(pages, "learning the sites"))
        cleaner = replace(cleaner, profile=profile)
    corpus = _Gathering(profile, seed)
    for cleaned in cleaner.clean_pages(progress(pages, "cleaning")):
        corpus.add(cleaned)
    return corpus.done(_settings(cleaner))


def _settings(cleaner: Cleaner) -> str:
    lean = "" if cleaner.beta == 1 else f", beta {cleaner.beta:g}"
    kept = ", ".join(label for label in LABELS if label in cleaner.keep)
    return f"engine {cleaner.engine}, keeping {kept}{lean}"


class _Gathering:
    """Counts page by page."""

    def __init__(self, profile: Profile, seed: int):
        self.profile = profile
        self.random = random.Random(seed)
        ranked = sorted(profile.sites, key=lambda site: (-site.n_pages, site.name))
        self.largest = {site.name for site in ranked[:LARGEST_SITES]}
        self.sites: dict[str | None, SiteCounts] = {}
        self.corpus = Corpus(odd=OddPages(self.random))

    def add(self, cleaned: Cleaned) -> None:
        """Count one page."""
        page = cleaned.page
        lines = cleaned.lines
        measures = measure(lines)
        known = site_of(page) or self.profile.site_of(measures, 0)
        repeats = self.profile.repeats(measures, [known])
        site_pages = int(repeats.site_pages[:1].sum())
        site = self._site(known if site_pages > 1 else None)
        site.n_pages += 1
        site.site_pages = max(site.site_pages, site_pages)
        site.example, site.folder = _place(site, page.id[:NAME_CHARS])
        verdicts, rows = cleaned.verdicts, measures.rows

        def shown(note: str = "") -> Specimen:
            return specimen(page.id, lines, verdicts, rows, site=site.name, url=page.url, note=note)

        if cleaned.error is None:
            self._count(lines, measures, cleaned, repeats.pages_with, site)
            self._sample(site, shown)
        else:
            self.corpus.passed_through += 1
        scores, n_chars = verdicts.score[rows], (lines.ends - lines.starts[:-1])[rows]
        self.corpus.odd.look_at(site.name, cleaned.error, verdicts.keep[rows], n_chars, scores, shown)

    def _site(self, name: str | None) -> SiteCounts:
        if name not in self.sites and name is not None:
            others = len(self.sites.keys() - self.largest - {None})
            name = name if name in self.largest or others < FIRST_SITES else None
        if name not in self.sites:
            self.sites[name] = SiteCounts(name)
        return self.sites[name]

    def _count(
        self, lines: Lines, measures: Measures, cleaned: Cleaned, pages_with: np.ndarray, site: SiteCounts
    ) -> None:
        verdicts, rows = cleaned.verdicts, measures.rows
        keep, labels = verdicts.keep[rows].astype(np.int64), verdicts.labels[rows].astype(np.int64)
        n_chars = (lines.ends - lines.starts[:-1])[rows]
        np.add.at(site.lines, (labels, keep), 1)
        np.add.at(site.chars, (labels, keep), n_chars)
        if len(rows):
            share = float((n_chars * keep).sum() / max(n_chars.sum(), 1))
            self.corpus.share_pages[min(int(share * SHARES), SHARES - 1)] += 1
        self.corpus.confidence += cleaned.confidence or 0.0
        at = np.minimum((verdicts.score[rows] * SCORES).astype(np.int64), SCORES - 1)
        np.add.at(self.corpus.score_lines, (at, keep), 1)
        repeated = np.flatnonzero(pages_with >= 2)
        np.add.at(self.corpus.repeated, keep[repeated], 1)
        if site.name is not None:
            found = {int(measures.fingerprint[row]): row for row in repeated.tolist()}
            _remember_templates(site, found, lines, rows, pages_with, cleaned)

    def _sample(self, site: SiteCounts, shown: Callable[[], Specimen]) -> None:
        """Keep a sample of the site's pages, each as likely as any other."""
        size = SITE_SAMPLE if site.name is not None else ALONE_SAMPLE
        if len(site.sample) < size:
            site.sample.append(shown())
        elif (place := self.random.randrange(site.n_pages)) < size:
            site.sample[place] = shown()

    def done(self, settings: str) -> Corpus:
        folders = Counter(site.folder for site in self.sites.values())
        for site in self.sites.values():
            site.folder = site.folder if folders[site.folder] == 1 else ""  # a name for one site alone
        named = [site for name, site in self.sites.items() if name is not None]
        alone = [site for name, site in self.sites.items() if name is None]
        self.corpus.sites = sorted(named, key=lambda site: (-site.n_pages, _natural(site.name or ""))) + alone
        self.corpus.n_sites = sum(site.n_pages > 1 for site in self.profile.sites)
        self.corpus.settings = settings
        return self.corpus


def _place(site: SiteCounts, page_id: str) -> tuple[str, str]:
    """The id of the site's first page, and the folder of all pages up to this one."""
    folders = page_id.split("/")[:-1]
    if site.n_pages == 1:
        return page_id, "/".join(folders)
    shared = [one for one, other in zip(site.folder.split("/"), folders, strict=False)]
    while shared and shared != folders[: len(shared)]:
        shared.pop()
    return site.example, "/".join(shared)


def _natural(name: str) -> tuple[str, int, str]:
    """A key that sorts site-2 before site-10."""
    letters = name.rstrip("0123456789")
    return letters, int(name[len(letters) :] or 0) if name.isascii() else 0, name


def _remember_templates(
    site: SiteCounts,
    found: Mapping[int, int],
    lines: Lines,
    rows: np.ndarray,
    pages_with: np.ndarray,
    cleaned: Cleaned,
) -> None:
    """Note the page's template lines; `found` gives each fingerprint's place among the rows."""
    for fingerprint, place in found.items():
        row = int(rows[place])
        if fingerprint not in site.templates:
            text = lines[row].strip()[: LINE_CHARS + 1]
            site.templates[fingerprint] = TemplateLine(text, int(pages_with[place]))
        line = site.templates[fingerprint]
        line.seen, line.kept = line.seen + 1, line.kept + bool(cleaned.verdicts.keep[row])
        line.labels[LABELS[cleaned.verdicts.labels[row]]] += 1
    if len(site.templates) > 2 * SITE_TEMPLATES:
        best = sorted(site.templates.items(), key=lambda item: -item[1].pages_with)[:SITE_TEMPLATES]
        site.templates = dict(best)


def shown_sample(sites: Iterable[SiteCounts], n_pages: int) -> Iterator[Specimen]:
    """Pages to show: one of each site in turn, until there are enough."""
    waiting = [list(site.sample) for site in sites]
    n_given = 0
    while any(waiting) and n_given < n_pages:
        for sample in waiting:
            if sample and n_given < n_pages:
                n_given += 1
                yield sample.pop(0)
