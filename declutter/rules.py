"""Rules: labels, scores and reasons from the same columns that the classifier reads, in any script.

A page's text is its best segment (see `Columns.segment`), widened over the lines that belong to it and cut where comments or
other articles begin. Template lines and interface phrases never belong to it. What is left gets its label from
phrases, position and shape.

The constants were chosen on the dev sets `sites`, `daniel` and `fundus` as block lines (token F1, macro over sites):
0.965, 0.921 and 0.894 together, 0.842, 0.915 and 0.894 a page alone.
"""

from __future__ import annotations

from functools import cached_property, reduce
from typing import NamedTuple

import numpy as np

from declutter import scripts
from declutter.features import Columns, page_first, page_max
from declutter.lines import (
    BODY, BYLINE, CAPTION, COMMENTS, HEADLINES, LABELS, LEGAL, NAVIGATION, PROMO, TITLE, Judgement,
)  # fmt: skip
from declutter.phrases import CATEGORIES

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
UNLIKE_TEXT = 0.15  # below this overlap with the page's long lines a headline is another article's

LABEL_OF_CATEGORY = {
    "comments": COMMENTS, "share": PROMO, "follow": PROMO, "related": HEADLINES, "latest": HEADLINES, "source": BYLINE,
    "author": BYLINE, "readingtime": BYLINE, "caption": CAPTION, "navigation": NAVIGATION, "newsletter": PROMO,
    "app": PROMO, "ads": PROMO, "copyright": LEGAL, "cookies": LEGAL, "privacy": LEGAL, "contact": NAVIGATION,
    "shop": NAVIGATION, "forum": NAVIGATION,
}  # fmt: skip


class Reason(NamedTuple):
    words: str
    score: float


REASONS = (
    Reason("in the page's densest run of text ({a} lines, {b} words)", 0.95),
    Reason("a short line inside the page's densest run of text ({a} lines, {b} words)", 0.8),
    Reason("next to the text, with no template line between; recurs on no other page of this site", 0.7),
    Reason("stands above the text and shares {a}% of its words", 0.85),
    Reason("the page has no run of text, and nothing that marks boilerplate", 0.5),
    Reason("stands on {a} of {b} pages of this site", 0.02),
    Reason("{a}% of it is a phrase of {label} lines", 0.05),
    Reason("says the title again, inside or near the text", 0.3),
    Reason("a short line beside a caption", 0.3),
    Reason("a short line with a date or time beside the title", 0.2),
    Reason("one of {a} lines above the text, {b} words a line", 0.1),
    Reason("one of {a} lines below the text, none ending a sentence", 0.1),
    Reason("one of {a} lines below the text, {b} words a line", 0.12),
    Reason("one of {a} lines after the comments heading", 0.1),
    Reason("links to other articles inside the text", 0.15),
    Reason("no line of the page is long enough to be text", 0.1),
)
(
    DENSE, INSIDE, BESIDE, ABOVE_TEXT, NO_MARKS, TEMPLATE, PHRASE, TITLE_AGAIN, BESIDE_CAPTION, DATED, ABOVE, BELOW_UNENDED,
    BELOW, AFTER_COMMENTS, LISTED, NO_TEXT,
) = range(len(REASONS))  # fmt: skip


def judge(columns: Columns) -> Judgement:
    """The rules' labels, scores and reasons for the lines that are not blank."""
    return _Rules(columns).judgement()


class _Rules:
    """One pass over the columns; each rule writes label, reason and the reason's two numbers where it applies."""

    def __init__(self, columns: Columns):
        self.c = columns
        n = columns.n
        self.labels = np.full(n, NAVIGATION, np.uint8)
        self.reason = np.full(n, ABOVE, np.int64)
        self.a, self.b = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def judgement(self) -> Judgement:
        self._below_or_above()
        self._after_comments()
        self._text()
        self._captions_and_bylines()
        self._phrases()
        self._templates()
        self._title()
        self._pages_without_text()
        return self._judgement()

    def _say(self, where: np.ndarray, label, reason: int, a=0, b=0) -> None:
        rows = np.flatnonzero(where)
        self.labels[rows] = label[rows] if isinstance(label, np.ndarray) else label
        self.reason[rows] = reason
        self.a[rows] = a[rows] if isinstance(a, np.ndarray) else a
        self.b[rows] = b[rows] if isinstance(b, np.ndarray) else b

    # what the rules see

    def _phrase(self, *categories: str) -> np.ndarray:
        columns = [self.c.measures.phrases[:, CATEGORIES.index(name)] for name in categories]
        return reduce(np.maximum, columns)

    @cached_property
    def template(self) -> np.ndarray:
        """Template lines; a line of digits and marks alone recurs by chance."""
        return self.c.is_template & (self.c.letters >= 2)

    @cached_property
    def comments_heading(self) -> np.ndarray:
        return (self._phrase("comments") >= HEADING_COVERS) & self.c.is_short

    @cached_property
    def links_heading(self) -> np.ndarray:
        return (self._phrase("related", "latest") >= HEADING_COVERS) & self.c.is_short

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
        read = c.window_sum(worth, 1 << 40, 0) / np.maximum(c.page_sum(worth), 1)
        ends = self.comments_heading & (read >= END_AFTER_SHARE) | self.links_heading & (read >= LINKS_END_SHARE)
        return self._bridged(first), np.minimum(beyond, page_first(c, ends & inside))

    def _joined(self, first: np.ndarray, beyond: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best segment with others of the page that are worth something beside it: a recipe's or table's short lines part text.

        Nothing that marks boilerplate may stand in between.
        """
        c = self.c
        wall = np.concatenate(([0], np.cumsum(self.template | self.interface | self.comments_heading | self.links_heading)))
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
        lead = c.is_prose & c.ends_sentence & ~self.template & (self._phrase("cookies", "privacy", "copyright") == 0)
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
        prefixed = (self._phrase("related", "latest") >= 0.08) & ~c.ends_sentence
        prefixed &= (c.counts[:, scripts.COLON] > 0) | (self._phrase("related", "latest") >= 0.3)
        heading = self.links_heading | (prefixed & c.ends_colon)
        listed = ~c.ends_sentence & ~self.comments_heading & (c.words >= 3)
        since_heading, since_other = c.lines_since(heading), c.lines_since(~listed & ~heading)
        under = (since_heading >= 0) & ((since_other < 0) | (since_other > since_heading)) & (since_heading <= 6) & listed
        prefixed |= c.has_template_prefix & ~c.ends_sentence & ~c.ends_colon & (c.words >= 3) & self.known
        return prefixed | heading | under

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

    # the rules, from the general to the certain

    def _below_or_above(self) -> None:
        c = self.c
        above = c.row < self.text[0]
        zone = above * 1 + 3 * c.page
        breaks = np.ones(c.n + 1, bool)
        outside = above | (c.row >= self.text[1])
        breaks[1:-1] = (zone[1:] != zone[:-1]) | (outside[1:] != outside[:-1])
        edges = np.flatnonzero(breaks)
        run = np.cumsum(breaks[:-1]) - 1
        n_lines = np.diff(edges)[run]
        words = np.round(np.add.reduceat(c.words, edges[:-1])[run] / n_lines) if c.n else c.words
        n_ended = np.add.reduceat(c.ends_sentence.astype(np.int64), edges[:-1])[run] if c.n else c.row
        listed = c.window_sum((c.words >= 4) & ~c.is_template, 2, 2) >= 3
        label_above = np.where((words >= 7) & listed & (c.words >= 4), HEADLINES, NAVIGATION).astype(np.uint8)
        label_below = np.where((c.words >= 4) & ~c.has_bullet | listed, HEADLINES, NAVIGATION).astype(np.uint8)
        self._say(above, label_above, ABOVE, n_lines, words)
        self._say(~above & (n_ended == 0), label_below, BELOW_UNENDED, n_lines)
        self._say(~above & (n_ended > 0), label_below, BELOW, n_lines, words)

    def _after_comments(self) -> None:
        """Lines between the comments heading and the next heading are readers' comments where they are sentences."""
        c = self.c
        since = c.lines_since(self.comments_heading)
        after = (since >= 0) & (c.row >= self.text[1])
        after &= ~((c.lines_since(self.links_heading) >= 0) & (c.lines_since(self.links_heading) < since))
        ended = c.window_sum(c.ends_sentence & after, 6, 6) / np.maximum(c.window_sum(after, 6, 6), 1)
        n_lines = c.page_sum(after).astype(np.int64)
        self._say(after & (ended >= 0.25), COMMENTS, AFTER_COMMENTS, n_lines)

    def _text(self) -> None:
        c = self.c
        first, beyond = self.core
        in_core = (c.row >= first) & (c.row < beyond)
        n_words = np.round(c.page_sum(np.where(in_core, c.words, 0))).astype(np.int64)
        self._say((c.row >= self.text[0]) & (c.row < self.text[1]), BODY, BESIDE)
        self._say(in_core & c.is_prose, BODY, DENSE, beyond - first, n_words)
        self._say(in_core & ~c.is_prose, BODY, INSIDE, beyond - first, n_words)
        self._say(self.inserted_links & (c.row < beyond) & (c.row >= first), HEADLINES, LISTED)

    @cached_property
    def title_row(self) -> np.ndarray:
        """The row of each page's title, -1 where none is found: near the text's head, sharing its words."""
        c = self.c
        first = self.core[0]
        own_above = np.concatenate(([0], np.cumsum(~self.template)))  # lines that are not template lines, up to a row
        near = (c.row <= first) & (own_above[np.minimum(first, c.n)] - own_above[c.row] <= TITLE_REACH)
        listed = c.repeats.pages_with < 0.9 * c.repeats.site_pages  # on some pages as a headline
        fits = near & (c.words >= LEAST_TITLE_WORDS) & (c.words <= 40) & (~self.template | listed) & ~self.interface
        fits &= ~((c.row == first) & c.is_prose & (c.measures.sentence_ends > 0)) & (self.date_share < 0.4)
        fits &= ~c.ends_colon & ~self.trail & ~c.has_template_prefix & (c.phrase < HEADING_COVERS)
        fits &= (c.measures.page_overlap >= 0.3) | self.known
        fits &= self._phrase("caption", "source", "author", "readingtime") < NAMED_COVERS
        fits &= c.shifted(c.measures.fingerprint, -1) != c.measures.fingerprint  # a carousel says its items twice
        closeness = 1.0 - (first - c.row) / (2.0 * TITLE_REACH)
        length = np.minimum(c.words, 8.0) / 20.0
        promise = c.measures.page_overlap + 0.5 * closeness + 0.2 * (c.page_repeats > 1) + length
        promise = np.where(fits, promise, 0)
        best = page_max(c, promise)
        return np.where(best > 0, page_first(c, fits & (promise == best)), -1)

    @cached_property
    def trail(self) -> np.ndarray:
        """Breadcrumbs and menus on one line: short items with separators between them."""
        c = self.c
        separators = c.counts[:, scripts.SEPARATOR]
        return (separators >= 1) & ~c.ends_sentence & (c.words <= 6 * (separators + 1)) & (c.words <= 40)

    def _title(self) -> None:
        c = self.c
        is_title = c.row == self.title_row
        too_high = (c.row < self.title_row) & ((self.labels == BODY) | (self.labels == TITLE)) & ~c.is_prose
        self._say(too_high | (self.trail & (c.row < self.core[0]) & (self.labels == BODY)), NAVIGATION, ABOVE, 1, c.words)
        self._say(is_title, TITLE, ABOVE_TEXT, np.round(100 * c.measures.page_overlap).astype(np.int64))

    @cached_property
    def date_share(self) -> np.ndarray:
        c = self.c
        return c.counts[:, scripts.DIGIT] / np.maximum(c.visible_chars, 1)

    def _captions_and_bylines(self) -> None:
        c = self.c
        near = (c.row >= self.text[0] - TITLE_REACH) & (c.row < self.text[1] + 2)
        print_of_title = np.where(self.title_row >= 0, c.measures.fingerprint[np.maximum(self.title_row, 0)], 0)
        again = near & (c.measures.fingerprint == print_of_title) & (c.row > self.title_row) & (self.title_row >= 0)
        self._say(again, CAPTION, TITLE_AGAIN)
        tight = c.blank_before == 0
        page_has_blanks = c.page_sum(c.blank_before > 0) > 0
        beside = c.shifted(again, -1, False) & tight & page_has_blanks & (c.words <= 4) & ~c.ends_sentence
        self._say(beside, CAPTION, BESIDE_CAPTION)
        body = (self.labels == BODY) & ~c.is_prose
        dated = near & (c.words <= 10) & (self.date_share >= 0.25) & ~c.has_bullet & (c.letters >= 0)
        dated &= np.abs(c.row - self.title_row) <= 3
        self._say(dated & (self.labels != TITLE), BYLINE, DATED)
        for categories, label in ((("source", "author", "readingtime"), BYLINE), (("caption",), CAPTION)):
            share = self._phrase(*categories)
            says = (body | (near & ~c.is_prose)) & (share >= 2 * NAMED_COVERS) & (c.words <= 8) & (self.labels != TITLE)
            self._say(says, label, PHRASE, np.round(100 * share).astype(np.int64))

    def _phrases(self) -> None:
        c = self.c
        covers = np.where((self.labels == BODY) | (self.labels == TITLE), PHRASE_COVERS, HEADING_COVERS)
        says = c.is_short & (c.phrase >= covers)
        label = np.zeros(c.n, np.uint8)
        best = c.measures.phrases[says].argmax(axis=1)
        label[says] = np.array([LABEL_OF_CATEGORY[name] for name in CATEGORIES], np.uint8)[best]
        self._say(says, label, PHRASE, np.round(100 * c.phrase).astype(np.int64))
        rights = self._phrase("copyright", "cookies", "privacy")
        legal = (rights >= 0.2) & (self.labels != BODY) & (self.labels != TITLE)
        self._say(legal, LEGAL, PHRASE, np.round(100 * rights).astype(np.int64))

    def _templates(self) -> None:
        repeats = self.c.repeats
        was_kept = (self.labels == BODY) | (self.labels == TITLE)
        above = self.c.row < self.text[0]
        label = np.where(was_kept | (above & (self.labels != LEGAL)), NAVIGATION, self.labels).astype(np.uint8)
        self._say(self.template, label, TEMPLATE, repeats.pages_with.astype(np.int64), repeats.site_pages.astype(np.int64))

    def _pages_without_text(self) -> None:
        """A page none of whose lines is long enough: nothing is text, unless nothing marks boilerplate either."""
        c = self.c
        empty = self.segment[2] <= 0
        marks = c.page_sum(self.template | self.interface | c.has_bullet) > 0
        few = (c.beyond_row - c.first_row <= 5) & ~marks
        self._say(empty & few, BODY, NO_MARKS)
        lost = empty & ~few & ((self.labels == BODY) | (self.labels == TITLE))
        self._say(lost, NAVIGATION, NO_TEXT)

    def _judgement(self) -> Judgement:
        label_name = np.where(self.reason == PHRASE, self.labels, 0)
        sizes = (len(REASONS), len(LABELS), int(self.a.max(initial=0)) + 1, int(self.b.max(initial=0)) + 1)
        keys = np.ravel_multi_index((self.reason, label_name, self.a, self.b), sizes)  # sorts 20 times as fast as rows
        unique, codes = np.unique(keys, return_inverse=True)
        parts = (part.tolist() for part in np.unravel_index(unique, sizes))
        reasons = tuple(map(_in_words, *parts))
        score = np.array([reason.score for reason in REASONS], np.float32)[self.reason]
        return Judgement(self.labels, score, reasons, codes.astype(np.int32))


def _in_words(reason: int, label: int, a: int, b: int) -> str:
    return REASONS[reason].words.format(a=a, b=b, label=LABELS[label])
