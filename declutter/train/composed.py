"""Composed dumps: the texts of gold pages set among the headlines and menus of others, in shapes that crawls of portals
leave and gold with HTML lacks.

A site's pages are composed alike, in one of two layouts. A portal has a carousel of topics above the article, each item
a line with a bullet and the same text again with an indent, the same items on every page but for a new one; behind the
article stand headlines of other pages, often without a heading. A form has section headings and rows that recur on
every page ("Ingredients", "451 kcal"), each once a page, between paragraphs of the page's own. Nothing here is written
anywhere: the dumps stay in memory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import numpy as np

from declutter.lines import BODY, BYLINE, CAPTION, COMMENTS, HEADLINES, LEGAL, NAVIGATION, PROMO, TITLE
from declutter.train.align import DROP, KEEP, UNDECIDED
from declutter.train.fit import fold_of
from declutter.train.gold import GoldPage
from declutter.train.labelling import UNKNOWN, LabelledDump

COMPOSED_STYLE = "composed"
SITE_SHARE = 0.15  # of the sites are composed too
MAX_SITE_PAGES = 12  # of a composed site
MIN_PARAGRAPHS, MAX_PARAGRAPHS = 2, 40  # of an article
MIN_PROSE_CHARS = 40  # mean of a paragraph; shorter ones are lists, tables, posts
MIN_POOL = 12  # headlines of others, below which a page isn't composed
#: Lines of real pages that furniture, and the rows of forms (BODY), are made of: their label, and most characters.
LENT_LINES = {NAVIGATION: 60, COMMENTS: 60, PROMO: 60, LEGAL: 60, BODY: 25}
BOTTOM_LABELS = (NAVIGATION, COMMENTS, PROMO, LEGAL)
POOL_LINES = 4000  # of each label, at most
DIGITS = re.compile(r"\d+")
CUT = re.compile(r"(?<=\s)(?=[\"“«„(\[])|(?<=[\"”»)\]])(?=\s)")  # where inline elements often begin and end


@dataclass
class Pool:
    """What the pages of one language and one fold lend: folds share nothing, so that cross-validation stays blind."""

    headlines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by site
    lines: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))  # by label

    def headlines_of(self, site: str, random: Random, n: int, others_than: str) -> list[str]:
        """`n` headlines: of the site itself where it has enough, else of all sites."""
        own = self.headlines[site]
        found = own if len(own) > n else [line for lines in self.headlines.values() for line in lines]
        return [line for line in random.sample(found, min(n + 1, len(found))) if line != others_than][:n]

    def line(self, label: int, random: Random) -> str:
        return random.choice(self.lines[label])

    def is_enough(self) -> bool:
        has_lines = all(self.lines[label] for label in (NAVIGATION, COMMENTS, BODY))
        return sum(map(len, self.headlines.values())) >= MIN_POOL and has_lines


class Article(NamedTuple):
    """What a gold page says."""

    headline: str
    paragraphs: list[str]


@dataclass
class Composing:
    """The lines of a dump while it is composed."""

    lines: list[str] = field(default_factory=list)
    is_main: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def add(self, line: str, main: int, label: int = UNKNOWN) -> None:
        self.lines.append(line)
        self.is_main.append(main if line.strip() else UNDECIDED)
        self.labels.append(label if line.strip() else UNKNOWN)

    def blank(self, wanted: bool = True) -> None:
        if wanted:
            self.add("", UNDECIDED)

    def dump(self, page: GoldPage) -> LabelledDump:
        is_main, labels = np.array(self.is_main, np.int8), np.array(self.labels, np.uint8)
        return LabelledDump(page, COMPOSED_STYLE, "\n".join(self.lines), is_main, labels)


def compose_dumps(labelled: Sequence[LabelledDump], seed: int = 0, share: float = SITE_SHARE) -> list[LabelledDump]:
    """The composed dumps of a `share` of the sites, drawn by the seed; `labelled` are dumps of gold pages."""
    pages = {(dump.page.set, dump.page.site, dump.page.id): dump.page for dump in labelled}
    pools = _pools(labelled, pages.values())
    by_site: dict[tuple[str, str], list[tuple[GoldPage, Article]]] = defaultdict(list)
    for page in pages.values():
        article = _article_of(page)
        if article is not None and pools[_pool_of(page)].is_enough():
            by_site[page.set, page.site].append((page, article))
    found = []
    for (set_name, site), of_site in by_site.items():
        random = Random(f"{seed}\n{set_name}\n{site}\ncomposed")
        if random.random() < share:
            some = random.sample(of_site, min(len(of_site), MAX_SITE_PAGES))
            layout = random.choice((_Portal, _Portal, _Form))(pools[_pool_of(some[0][0])], site, random)
            found += [layout.compose(article).dump(page) for page, article in some]
    return found


def _pool_of(page: GoldPage) -> tuple[str | None, int]:
    return page.lang, fold_of(page.family)


def _pools(labelled: Sequence[LabelledDump], pages: Iterable[GoldPage]) -> dict[tuple[str | None, int], Pool]:
    pools: dict[tuple[str | None, int], Pool] = defaultdict(Pool)
    for page in pages:
        if page.headline:
            pools[_pool_of(page)].headlines[page.site].append(page.headline)
    for dump in labelled:
        lines, pool = dump.text.split("\n"), pools[_pool_of(dump.page)]
        for label, most_chars in LENT_LINES.items():
            if len(pool.lines[label]) < POOL_LINES:
                stripped = [lines[row].strip(" \t•*-·|#:") for row in np.flatnonzero(dump.labels == label).tolist()]
                pool.lines[label] += [line for line in stripped if 1 < len(line) <= most_chars]
    return pools


def _article_of(page: GoldPage) -> Article | None:
    """The headline of a page and the paragraphs below it; None where the page is something else than prose."""
    if not page.main_text or not page.headline:
        return None
    found = [" ".join(part.split()) for part in re.split(r"\n+", page.main_text)][1:]
    found = [part for part in found if part][:MAX_PARAGRAPHS]
    is_prose = len(found) >= MIN_PARAGRAPHS and sum(map(len, found)) >= MIN_PROSE_CHARS * len(found)
    return Article(page.headline, found) if is_prose else None


@dataclass
class _Portal:
    """A portal: its furniture, the same on every page, and how it writes its lists."""

    pool: Pool
    site: str
    random: Random

    def __post_init__(self) -> None:
        random, pool = self.random, self.pool
        self.top = [pool.line(NAVIGATION, random) for _ in range(random.randint(0, 8))]
        n_headlines = random.randint(0, 5)  # topics as long as headlines
        self.topics = [pool.line(NAVIGATION, random) for _ in range(random.randint(2, 9))]
        self.topics += pool.headlines_of(self.site, random, n_headlines, "")
        self.counter = pool.line(NAVIGATION, random) if random.random() < 0.5 else None
        self.bullet = random.choice(("  • ", "  • ", "• ", "  * ", "- ", "· ", "    ", ""))
        self.indent = random.choice(("    ", "    ", "  ", "\t", ""))
        self.repeats_items = random.random() < 0.7
        self.has_blanks = random.random() < 0.7
        self.has_carousel = random.random() < 0.8
        self.cuts_text = random.random() < 0.25  # a line a text node
        self.caption = pool.line(NAVIGATION, random) if random.random() < 0.5 else None
        self.source = pool.line(NAVIGATION, random) if random.random() < 0.4 else None
        self.comments = pool.line(COMMENTS, random) if random.random() < 0.6 else None
        self.heading = pool.line(NAVIGATION, random) if random.random() < 0.3 else None
        self.lists_own = random.random() < 0.3  # the page's own headline stands in a list too
        self.n_behind = random.randint(3, 25)
        self.fixed_behind = pool.headlines_of(self.site, random, random.randint(0, 6), "")
        bottom = [label for label in BOTTOM_LABELS if pool.lines[label] and random.random() < 0.3]
        self.bottom = [(pool.line(label, random), label) for label in bottom]

    def compose(self, article: Article) -> Composing:
        made = Composing()
        for line in self.top:
            made.add(line, DROP, NAVIGATION)
            made.blank(self.has_blanks and self.random.random() < 0.5)
        if self.has_carousel:
            self._carousel(made, article)
        self._article(made, article)
        self._behind(made, article)
        return made

    def _carousel(self, made: Composing, article: Article) -> None:
        random, items = self.random, [(topic, NAVIGATION) for topic in self.topics]
        if random.random() < 0.7:  # the headline of the hour
            items += [(line, HEADLINES) for line in self.pool.headlines_of(self.site, random, 1, article.headline)]
        if self.lists_own:
            items.append((article.headline, HEADLINES))
        if random.random() < 0.5:
            random.shuffle(items)
        if self.counter:
            made.add(f"{random.randint(2, 99)} {DIGITS.sub('', self.counter).strip()}", DROP, NAVIGATION)
        for line, label in items[: random.choice((0, 0, 3))]:
            made.add(self.bullet + line, DROP, label)
        for line, label in items:
            made.add(self.bullet + line, DROP, label)
            if self.repeats_items:
                made.blank(self.has_blanks)
                made.add(self.indent + line, DROP, label)
            made.blank(self.has_blanks)

    def _article(self, made: Composing, article: Article) -> None:
        made.add(article.headline, KEEP, TITLE)
        made.blank(self.has_blanks)
        for number, paragraph in enumerate(article.paragraphs):
            for piece in self._pieces(paragraph):
                made.add(piece, KEEP, BODY)
                made.blank(self.has_blanks)
            if number == 0 and self.caption:
                made.add(article.headline, UNDECIDED, CAPTION)
                made.add(self.caption, UNDECIDED, CAPTION)
                made.blank(self.has_blanks)
        if self.source:
            made.add(self.source, UNDECIDED, BYLINE)
            made.blank(self.has_blanks)

    def _pieces(self, paragraph: str) -> list[str]:
        return [piece.strip() for piece in CUT.split(paragraph) if piece.strip()] if self.cuts_text else [paragraph]

    def _behind(self, made: Composing, article: Article) -> None:
        random = self.random
        if self.comments:
            made.add(self.comments, DROP, COMMENTS)
            made.blank(self.has_blanks)
        if self.heading:
            made.add(self.heading, DROP, HEADLINES)
        others = self.pool.headlines_of(self.site, random, self.n_behind, article.headline) + self.fixed_behind
        if self.lists_own:
            others.insert(random.randrange(len(others) + 1), article.headline)
        bullet = self.bullet if random.random() < 0.3 else ""
        for line in others:
            made.add(bullet + line, DROP, HEADLINES)
            made.blank(self.has_blanks)
        for line, label in self.bottom:
            made.add(line, DROP, label)


@dataclass
class _Form(_Portal):
    """A site whose pages are filled in by form: headings and rows recur between a page's own paragraphs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [self.pool.line(BODY, self.random) for _ in range(self.random.randint(3, 8))]
        self.rows = [(name, self.random.random() < 0.5) for name in dict.fromkeys(names) if name not in self.topics]
        self.unit = self.random.choice(("kcal", "kg", "min", "cm", "€", "g", "%"))

    def _article(self, made: Composing, article: Article) -> None:
        made.add(article.headline, KEEP, TITLE)
        made.blank(self.has_blanks)
        paragraphs, rows = article.paragraphs, list(self._filled())
        step = max(1, len(paragraphs) // (len(rows) + 1))
        for number, paragraph in enumerate(paragraphs):
            made.add(paragraph, KEEP, BODY)
            made.blank(self.has_blanks)
            if number % step == step - 1 and rows and number < len(paragraphs) - 1:
                for line in rows.pop(0):
                    made.add(line, KEEP, BODY)
                made.blank(self.has_blanks)

    def _filled(self) -> Iterator[list[str]]:
        """The lines of each row: a heading, or a name with a figure beside or below it."""
        for name, has_figure in self.rows:
            number = self.random.choice((self.random.randint(2, 900), round(self.random.random() * 40, 1)))
            pair = [f"{name}: {number} {self.unit}"], [name, f"{number} {self.unit}"]
            yield self.random.choice(pair) if has_figure else [name]
