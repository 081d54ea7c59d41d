"""Outline: where a page's text begins and ends, and its title, found from the columns alone, in any script.

A page's text is its best segment (the run of lines that brings the most words), joined with others near it, widened
over the lines that belong to it, and cut where comments or other articles begin. Template lines and interface phrases
never belong to it. The rules judge by the outline; the classifier reads it as features.

The constants were chosen on the dev sets `sites`, `daniel` and `fundus` as block lines and on eight of the sites in
`seeds/`, by what the rules keep (benchmarks/rules.md).
"""

from __future__ import annotations

import re
from functools import cache, cached_property, reduce

import numpy as np

from declutter.lines import Lines
from declutter.stages.features.columns import Columns
from declutter.stages.measure import characters
from declutter.stages.measure.measure import measure
from declutter.stages.measure.phrases import CATEGORIES, phrases_by_category

KNOWN_SITE_PAGES = 4  # from so many distinct pages on, a line that recurs nowhere is more likely the page's own
ALONE_COST_WORDS, KNOWN_COST_WORDS = 9.0, 5.0  # what a line must bring to a segment
UNENDED_WORTH = 0.75  # what a word of a short line without a sentence's end is worth
MAX_LINE_WORTH = 60.0  # words of one line that count, so that one long disclaimer is no article
TEMPLATE_COST_WORDS = 11.0
PHRASE_COVERS = 0.6  # share of a short line that an interface phrase must cover to exclude it
NAMED_COVERS = 0.1  # the same for "Photo: ..." or "Source: ...", followed by a name
HEADING_COVERS = 0.5  # the same for the headings of comments and of other articles
END_AFTER_SHARE = 0.35  # a heading of comments ends the text once so much of it stands above
LINKS_END_SHARE = 0.7  # the same for a heading of other articles, which may stand inside the text too
LEAD_OVERLAP = 0.3  # a lead this much in the text's own words is found across more lines
JOINED_SEGMENTS = 3
JOIN_SHARE, JOIN_LINES = 0.2, 40  # what another segment must be worth beside the best, and how near it must stand
SMALL_JOIN_SHARE, SMALL_JOIN_LINES = 0.05, 10
BRIDGE_LINES = 4  # lines that may stand between a lead and the rest of the text
TITLE_REACH = 12  # lines above the text among which its title is looked for
LEAST_TITLE_WORDS = 2.0
LIST_LINES, LIST_SHARE, ITEM_WORDS = 4, 0.6, 4.0  # a list that recurs, the share of its other items that do
LIST_SITE_PAGES = 3  # of a site of fewer pages nothing is known of its lists
NAMES_COOKIES, CONSENT_WORDS = 0.3, 8.0  # share of a short line that a phrase about cookies covers
CONSENT_NAMES, CONSENT_GAP = 3, 3  # such lines of a notice, and lines between two of them
CONSENT_EDGE, CONSENT_APART = 4, 2  # lines from the page's edge, and lines without prose that part it from the text
MOST_OF_PAGE = 0.85  # share of a page's words
READ_ALSO_WORDS = 3, 40
LIST_HEADING_COVERS, LIST_HEADING_WORDS, LEAST_ITEM_WORDS = 0.3, 10.0, 3.0
PROMO_CATEGORIES, PROMO_COVERS = ("newsletter", "follow", "ads"), 0.1
PROMO_WORDS, PROMO_GAIN_WORDS = (5, 60), 40
LONG_PHRASE_WORDS, LONG_PHRASE_CHARS = 3, 7  # the latter in scripts without spaces
NO_LETTERS, UNSPACED = re.compile(r"[\W\d_]+"), re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
UNLIKE_TEXT = 0.15  # below this overlap with the page's long lines a headline is another article's


class Outline:
    """Columns of one value a line, like those they are made of; row numbers count over the batch."""

    def __init__(self, columns: Columns):
        self.c = columns

    def phrase(self, *categories: str) -> np.ndarray:
        columns = [self.c.measures.phrases[:, CATEGORIES.index(name)] for name in categories]
        return reduce(np.maximum, columns)

    @cached_property
    def template(self) -> np.ndarray:
        """Template lines; a line of digits and marks alone recurs by chance."""
        return self.c.is_template & (self.c.letters >= 2)

    @cached_property
    def comments_heading(self) -> np.ndarray:
        return (self.phrase("comments") >= HEADING_COVERS) & self.c.is_short

    @cached_property
    def links_heading(self) -> np.ndarray:
        return (self.phrase("related", "latest") >= HEADING_COVERS) & self.c.is_short

    @cached_property
    def interface(self) -> np.ndarray:
        return (self.c.phrase >= PHRASE_COVERS) & self.c.is_short

    @cached_property
    def known(self) -> np.ndarray:
        return self.c.repeats.site_pages >= KNOWN_SITE_PAGES

    @cached_property
    def gain(self) -> np.ndarray:
        c = self.c
        worth = np.where(c.ends_sentence | c.is_long, 1.0, UNENDED_WORTH)
        gain = np.minimum(c.words, MAX_LINE_WORTH) * worth - np.where(self.known, KNOWN_COST_WORDS, ALONE_COST_WORDS)
        gain = np.where(self.template | self.interface, -TEMPLATE_COST_WORDS, gain)
        return np.where(c.letters < 2, -1.0, gain)  # line numbers, rules, bullets on their own

    @cached_property
    def segment(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.c.best_segment(self.gain)

    @cached_property
    def core(self) -> tuple[np.ndarray, np.ndarray]:
        """(first row, row beyond) of the page's text, cut at the heading of comments or of other articles."""
        c = self.c
        first, beyond = self._joined(*self.segment)
        inside = (c.row >= first) & (c.row < beyond)
        worth = np.where(inside, np.maximum(self.gain, 0), 0)
        read = c.window_sum(worth, c.n, 0) / np.maximum(c.page_sum(worth), 1)
        ends = self.comments_heading & (read >= END_AFTER_SHARE) | self.links_heading & (read >= LINKS_END_SHARE)
        return self._bridged(first), np.minimum(beyond, c.page_first(ends & inside))

    def _joined(self, first: np.ndarray, beyond: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best segment with others of the page that are worth something beside it.

        A recipe's or table's short lines part text. Nothing that marks boilerplate may stand in between.
        """
        c = self.c
        walls = self.template | self.interface | self.comments_heading | self.links_heading
        wall = np.concatenate(([0], np.cumsum(walls)))
        for _ in range(JOINED_SEGMENTS):
            outside = (c.row < first) | (c.row >= beyond)
            worth = np.where(outside, self.gain, -2 * np.abs(gain) - 1)
            other_first, other_beyond, other_gain = c.best_segment(worth)
            gap = np.where(other_first >= beyond, other_first - beyond, first - other_beyond)
            from_row, to_row = np.minimum(beyond, other_beyond), np.maximum(first, other_first)
            joins = (other_gain >= JOIN_SHARE * gain) & (gap <= JOIN_LINES) & (gap >= 0)
            joins |= (other_gain >= SMALL_JOIN_SHARE * gain) & (gap <= SMALL_JOIN_LINES) & (gap >= 0)
            joins &= wall[np.maximum(to_row, from_row)] == wall[np.minimum(from_row, c.n)]
            if not joins.any():
                break
            first = np.where(joins, np.minimum(first, other_first), first)
            beyond = np.where(joins, np.maximum(beyond, other_beyond), beyond)
        return first, beyond

    def _bridged(self, first: np.ndarray) -> np.ndarray:
        """The core's first row, moved up to a lead that captions, dates or share bars part from it."""
        c = self.c
        lead = c.is_prose & c.ends_sentence & ~self.template & (self.phrase("cookies", "privacy", "copyright") == 0)
        since = np.append(c.lines_since(lead), -1)
        related = np.append(c.measures.page_overlap, 0) >= LEAD_OVERLAP
        for _ in range(2):
            distance = np.where(first > c.first_row, since[np.maximum(first - 1, 0)], -1)
            reach = np.where(related[np.maximum(first - 1 - distance, 0)], 3 * BRIDGE_LINES, BRIDGE_LINES)
            first = np.where((distance >= 0) & (distance < reach), first - 1 - distance, first)
        return first

    @cached_property
    def inserted_links(self) -> np.ndarray:
        """Links to other articles inside the text: "Read also: ..." lines, and short lists under such a heading."""
        c = self.c
        prefixed = (self.phrase("related", "latest") >= 0.08) & ~c.ends_sentence
        prefixed &= (c.counts[:, characters.COLON] > 0) | (self.phrase("related", "latest") >= 0.3)
        heading = self.links_heading | (prefixed & c.ends_colon)
        listed = ~c.ends_sentence & ~self.comments_heading & (c.words >= 3)
        since_heading, since_other = c.lines_since(heading), c.lines_since(~listed & ~heading)
        under = (since_heading >= 0) & ((since_other < 0) | (since_other > since_heading))
        under = under & (since_heading <= 6) & listed
        prefixed |= c.has_template_prefix & ~c.ends_sentence & ~c.ends_colon & (c.words >= 3) & self.known
        return prefixed | heading | under

    @cached_property
    def list_item(self) -> np.ndarray:
        """An item has a bullet, or says without one what the bulleted line above says, as in lists of pictures."""
        c = self.c
        prints = c.measures.fingerprint
        doubled = c.has_bullet & (c.shifted(prints, 1, 0) == prints)
        return c.has_bullet | c.shifted(doubled, -1, False)

    @cached_property
    def new_item(self) -> np.ndarray:
        """A list item that recurs nowhere, in a list of LIST_LINES and more of which LIST_SHARE recur over the site.

        A list that stands on other pages too is removed, and its newest item with it: none of 28 such lines of `seeds/`
        is main content. Shorter items may be values of a form. Lists are recognised by their bullets.
        """
        c = self.c
        first, beyond = c.run_bounds(self.list_item)
        n_lines = beyond - first
        before = np.concatenate(([0], np.cumsum(c.is_template)))
        n_templates = before[beyond] - before[first]
        often = (n_lines >= LIST_LINES) & (n_templates >= LIST_SHARE * (n_lines - 1))
        known = c.repeats.site_pages >= LIST_SITE_PAGES
        return often & ~c.is_template & self.list_item & (c.words >= ITEM_WORDS) & known

    @cached_property
    def read_also(self) -> np.ndarray:
        """ "Read also: another article's headline": the words before the first colon are a phrase of links to others.

        Of 40 such lines that models keep on the dev sets, 25 are links to other articles that hand-written parsers and
        line labels leave out, and 15 such links that people who copied the gold by hand left in.
        """
        c = self.c
        says = np.isin(c.measures.prefix, _read_also_prefixes()) & ~c.ends_colon
        return says & (c.words >= READ_ALSO_WORDS[0]) & (c.words <= READ_ALSO_WORDS[1])

    @cached_property
    def list_in_text(self) -> np.ndarray:
        """A heading of links to others that ends in a colon, and two to six unended lines under it, between prose.

        All 26 such lines of the dev sets are boilerplate.
        """
        c = self.c
        says = self.phrase("related", "latest") >= LIST_HEADING_COVERS
        heading = says & c.ends_colon & (c.words <= LIST_HEADING_WORDS) & ~c.is_prose
        item = ~c.ends_sentence & ~c.ends_colon & ~c.is_prose & (c.words >= LEAST_ITEM_WORDS)
        first, beyond = c.run_bounds(heading | item)
        above = c.shifted(c.is_prose, -1, False) | c.shifted(c.is_prose, -2, False)
        below = np.append(c.is_prose, False)[beyond] & (beyond < c.beyond_row)
        n_lines = beyond - first
        fits = (n_lines >= 3) & (n_lines <= 7) & below
        return (heading | item) & fits & (heading & above)[np.minimum(first, max(c.n - 1, 0))]

    @cached_property
    def promo_line(self) -> np.ndarray:
        """A line beside a text that says a long phrase about newsletters, channels to follow, or affiliate links.

        Phrases of three words and more count, as "subscriptions" alone stands in texts too. Of 214 such lines of the
        dev sets 208 are boilerplate; of the other six five say so too, and people left them in the gold.
        """
        c = self.c
        says = self.phrase(*PROMO_CATEGORIES) >= PROMO_COVERS
        says &= (c.words >= PROMO_WORDS[0]) & (c.words <= PROMO_WORDS[1]) & (self.segment[2] >= PROMO_GAIN_WORDS)
        for row in says.nonzero()[0].tolist():
            text = _letters(c.lines[c.measures.rows[row]])
            says[row] = any(phrase in text for phrase in _promo_phrases())
        return says

    @cached_property
    def consent_notice(self) -> np.ndarray:
        """The page's first or last lines where several short ones name cookies ("Necessary cookies", "Accept all").

        A page about cookies does not count: a menu or a footer separates a notice from the text, and a notice is not
        nearly all of the page. All 9 such lines of the dev sets are boilerplate, and all 150 of a notice anywhere on
        a page.
        """
        c = self.c
        names = (self.phrase("cookies") >= NAMES_COOKIES) & (c.words <= CONSENT_WORDS)
        since, until = c.lines_since(names), c.lines_until(names)
        notice = names | (since >= 0) & (until >= 0) & (since + until <= CONSENT_GAP + 1)
        first, beyond = c.run_bounds(notice)
        before = np.concatenate(([0], np.cumsum(names)))
        prose = np.concatenate(([0], np.cumsum(c.is_prose)))
        above = prose[first] - prose[np.maximum(first - CONSENT_APART, c.first_row)]
        below = prose[np.minimum(beyond + CONSENT_APART, c.beyond_row)] - prose[beyond]
        at_top = (first - c.first_row <= CONSENT_EDGE) & (below == 0)
        at_end = (c.beyond_row - beyond <= CONSENT_EDGE) & (above == 0)
        notice &= (before[beyond] - before[first] >= CONSENT_NAMES) & (at_top | at_end)
        return notice & (c.page_sum(c.words * notice) <= MOST_OF_PAGE * c.page_words)

    @cached_property
    def text(self) -> tuple[np.ndarray, np.ndarray]:
        """The core, widened on a known site up to the next template line, interface phrase or headline list."""
        c = self.c
        first, beyond = self.core
        headline = (c.words >= 4) & (c.words <= 25) & ~c.ends_sentence & ~c.has_bullet & ~c.ends_colon
        headline &= c.measures.page_overlap < UNLIKE_TEXT
        list_begins = c.window_sum(headline, 0, 2) >= 3
        wall = self.template | self.interface
        wall_below = wall | self.comments_heading | self.links_heading | list_begins
        until = c.lines_until(wall_below)
        until = np.append(np.where(until < 0, c.beyond_row - c.row, until), 0)
        room = np.where(beyond < c.beyond_row, until[np.minimum(beyond, c.n)], 0)
        since = c.lines_since(wall)
        since = np.where(since < 0, c.row - c.first_row + 1, since)
        head = np.where(first > c.first_row, since[np.maximum(first - 1, 0)], 0)
        above_row = np.maximum(first - 1, 0)
        reach = np.where(self.known, TITLE_REACH, c.words[above_row] >= LEAST_TITLE_WORDS)
        return first - np.minimum(head, reach), beyond + np.where(self.known, room, 0)

    @cached_property
    def title_row(self) -> np.ndarray:
        """The row of each page's title, -1 where none is found: near the text's head, sharing its words."""
        c = self.c
        first = self.core[0]
        own_above = np.concatenate(([0], np.cumsum(~self.template)))  # lines that are not template lines, up to a row
        near = (c.row <= first) & (own_above[np.minimum(first, c.n)] - own_above[c.row] <= TITLE_REACH)
        listed = c.repeats.pages_with < 0.9 * c.repeats.site_pages  # on some pages as a headline
        fits = near & (c.words >= LEAST_TITLE_WORDS) & (c.words <= 40) & (~self.template | listed) & ~self.interface
        fits &= ~((c.row == first) & c.is_prose & (c.measures.sentence_ends > 0)) & (c.digit_share < 0.4)
        fits &= ~c.ends_colon & ~self.trail & ~c.has_template_prefix & (c.phrase < HEADING_COVERS)
        fits &= (c.measures.page_overlap >= 0.3) | self.known
        fits &= self.phrase("caption", "source", "author", "readingtime") < NAMED_COVERS
        closeness = 1.0 - (first - c.row) / (2.0 * TITLE_REACH)
        length = np.minimum(c.words, 8.0) / 20.0
        promise = c.measures.page_overlap + 0.5 * closeness + 0.2 * (c.page_repeats > 1) + length
        promise = np.where(fits, promise, 0)
        best = c.page_max(promise)
        return np.where(best > 0, c.page_first(fits & (promise == best)), -1)

    @cached_property
    def trail(self) -> np.ndarray:
        """Breadcrumbs and menus on one line: short items with separators between them."""
        c = self.c
        separators = c.counts[:, characters.SEPARATOR]
        return (separators >= 1) & ~c.ends_sentence & (c.words <= 6 * (separators + 1)) & (c.words <= 40)


def _letters(text: str) -> str:
    """The letters of a text, which phrases are compared by."""
    return NO_LETTERS.sub("", text.casefold())


@cache
def _promo_phrases() -> tuple[str, ...]:
    """The letters of phrases of PROMO_CATEGORIES that are long enough to be about nothing else."""
    phrases = [phrase for category in PROMO_CATEGORIES for phrase in phrases_by_category()[category]]
    has_spaces = [phrase for phrase in phrases if len(phrase.split()) >= LONG_PHRASE_WORDS]
    others = [phrase for phrase in phrases if UNSPACED.search(phrase) and len(phrase) >= LONG_PHRASE_CHARS]
    return tuple(map(_letters, has_spaces + others))


@cache
def _read_also_prefixes() -> np.ndarray:
    """Measures.prefix of lines that begin with a phrase of links to other articles, and a colon."""
    lines = [f"{phrase}: -\n" for phrase in phrases_by_category()["related"]]
    starts = np.cumsum([0, *map(len, lines)])
    return np.unique(measure(Lines("".join(lines), starts, starts[1:] - 1, np.array([0, len(lines)]))).prefix)


def outline_of(columns: Columns) -> Outline:
    """The outline of the columns' pages, found once."""
    return columns.derived(Outline)
