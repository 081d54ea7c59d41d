"""Rules: labels, scores and reasons from the same columns that the classifier reads, in any script.

What stands in the outline's text is kept; the other lines get their labels from phrases, position and shape.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from declutter.lines import (
    BODY,
    BYLINE,
    CAPTION,
    COMMENTS,
    HEADLINES,
    LABELS,
    LEGAL,
    NAVIGATION,
    PROMO,
    TITLE,
    Judgement,
)  # fmt: skip
from declutter.stages.features import Columns, dom_of, in_consent_dialog, linked_list, outline_of
from declutter.stages.features.outline import HEADING_COVERS, NAMED_COVERS, PHRASE_COVERS, TITLE_REACH
from declutter.stages.measure.phrases import CATEGORIES

CERTAIN_PAGES, CERTAIN_SHARE = 5, 0.8  # where a template line needs no model
#: Scores below which rules overrule a model; the last one even where the line could be the headline.
NEVER, UNLESS_SURE, ALWAYS, FOR_GOOD = np.array([0, 0.5, 2, np.inf], np.float32)
SLOT_PHRASE, SLOT_REPEATS = (
    0.3,
    3,
)  # a form's slot says no phrase, and stands on its page once, or with its entry in lists
CERTAIN_LIST_LINES, CERTAIN_GAIN_WORDS = 10, 150  # where a list below a text needs none,
HEADLINE_WORDS = 3, 25  # of those of its lines that are as long as headlines are
FORM_LEVELS, FORM_PHRASE = 1, 0.05  # such lines about newsletters: 187 of 188 of the dev sets are boilerplate
ITEM_WORDS, LISTED_ITEMS = 4, 3  # of an item in a list, and such items among five lines
HEADLINES_RUN_WORDS = 7  # words a line of a run above the text from which on its items are headlines
COMMENTS_ENDED, COMMENTS_REACH = (
    0.25,
    6,
)  # share of lines around that end sentences, among readers' comments
DATE_WORDS, DATE_DIGITS, DATE_REACH = 10, 0.25, 3  # of a line with a date, its share of digits, lines from the title
CREDIT_WORDS, PICTURE_WORDS = 8, 4  # of "Photo: ..." or "Source: ...", and of what stands beside a caption
RIGHTS_COVERS = 0.2  # share of a line outside of the text that a phrase about rights or cookies covers
FEW_LINES = 5  # of a page without a long line, which may be text where nothing marks boilerplate
FEW_ENDED = 0.1  # share of a run of lines that may end sentences, as headlines with a question mark do

LABEL_OF_CATEGORY = {
    "comments": COMMENTS, "share": PROMO, "follow": PROMO, "related": HEADLINES, "latest": HEADLINES, "source": BYLINE,
    "author": BYLINE, "readingtime": BYLINE, "caption": CAPTION, "navigation": NAVIGATION, "newsletter": PROMO,
    "app": PROMO, "ads": PROMO, "copyright": LEGAL, "cookies": LEGAL, "privacy": LEGAL, "contact": NAVIGATION,
    "shop": NAVIGATION, "forum": NAVIGATION,
}  # fmt: skip
LABELS_OF_CATEGORIES = np.array([LABEL_OF_CATEGORY[name] for name in CATEGORIES], np.uint8)


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
    Reason("one of {a} lines below the text, hardly any ending a sentence", 0.1),
    Reason("one of {a} lines below the text, {b} words a line", 0.12),
    Reason("one of {a} lines after the comments heading", 0.1),
    Reason("links to other articles inside the text", 0.15),
    Reason("no line of the page is long enough to be text", 0.1),
    Reason("stands in a dialog that asks for consent to cookies", 0.02),
    Reason("in a notice that asks for consent to cookies, apart from the text", 0.02),
    Reason("begins with a phrase that leads to other articles, and a colon", 0.05),
    Reason("speaks of a newsletter, in an element whose name does so too", 0.05),
    Reason("speaks of a newsletter, a channel to follow, or affiliate links, beside the text", 0.05),
    Reason("links under a heading that leads to other articles, inside the text", 0.05),
    Reason("a new item of a list whose other items stand on other pages of this site too", 0.05),
)
(
    DENSE, INSIDE, BESIDE, ABOVE_TEXT, NO_MARKS, TEMPLATE, PHRASE, TITLE_AGAIN, BESIDE_CAPTION, DATED, ABOVE,
    BELOW_UNENDED, BELOW, AFTER_COMMENTS, LISTED, NO_TEXT, CONSENT, NOTICE, READ_ALSO, NEWSLETTER,
    PROMOTES, LINKED, NEW_ITEM,
) = range(len(REASONS))  # fmt: skip
FOR_GOOD_REASONS = NOTICE, NEW_ITEM, READ_ALSO, NEWSLETTER, PROMOTES, LINKED
SCORES = np.array([reason.score for reason in REASONS], np.float32)


def judge(columns: Columns) -> Judgement:
    """The rules' labels, scores and reasons for the lines that are not blank."""
    return _Rules(columns).judgement()


class _Rules:
    """One pass over the columns; each rule writes label, reason and the reason's two numbers where it applies."""

    def __init__(self, columns: Columns):
        self.c, self.o = columns, outline_of(columns)
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
        self._say(self.o.new_item, HEADLINES, NEW_ITEM)
        self._say(self.o.list_in_text, HEADLINES, LISTED)
        self._say(self.o.read_also, HEADLINES, READ_ALSO)
        self._say(self.o.promo_line, PROMO, PROMOTES)
        if self.c.lines.dom:
            in_form = dom_of(self.c)["near_c_promo"] <= FORM_LEVELS
            self._say(linked_list(self.c), HEADLINES, LINKED)
            self._say(in_form & (self.o.phrase("newsletter") >= FORM_PHRASE), PROMO, NEWSLETTER)
        self._pages_without_text()
        self._consent_dialogs()
        return self._judgement()

    def _say(
        self,
        where: np.ndarray,
        label: int | np.ndarray,
        reason: int,
        a: int | np.ndarray = 0,
        b: int | np.ndarray = 0,
    ) -> None:
        rows = where.nonzero()[0]
        if not len(rows):  # on most pages most rules have nothing to say
            return
        self.labels[rows] = label[rows] if isinstance(label, np.ndarray) else label
        self.reason[rows] = reason
        self.a[rows] = a[rows] if isinstance(a, np.ndarray) else a
        self.b[rows] = b[rows] if isinstance(b, np.ndarray) else b

    # the rules, from the general to the certain

    def _below_or_above(self) -> None:
        c = self.c
        above = c.row < self.o.text[0]
        zone = above + 2 * (c.row >= self.o.text[1])
        joined = np.zeros(c.n, bool)
        np.equal(zone[1:], zone[:-1], out=joined[1:])
        first, beyond = c.joined_bounds(joined)
        n_lines = beyond - first
        starts = (first == c.row).nonzero()[0]
        run = np.cumsum(first == c.row) - 1
        words = np.rint(np.add.reduceat(c.words, starts)[run] / n_lines) if c.n else c.words
        n_ended = np.add.reduceat(c.ends_sentence.astype(np.int64), starts)[run] if c.n else c.row
        listed = c.window_sum((c.words >= ITEM_WORDS) & ~c.is_template, 2, 2) >= LISTED_ITEMS
        label_above = np.where((words >= HEADLINES_RUN_WORDS) & listed & (c.words >= ITEM_WORDS), HEADLINES, NAVIGATION)
        label_below = np.where((c.words >= ITEM_WORDS) & ~c.has_bullet | listed, HEADLINES, NAVIGATION)
        self._say(above, label_above, ABOVE, n_lines, words)
        few_ended = n_ended <= FEW_ENDED * n_lines
        self._say(~above & few_ended, label_below, BELOW_UNENDED, n_lines)
        self._say(~above & ~few_ended, label_below, BELOW, n_lines, words)

    def _after_comments(self) -> None:
        """Lines between the comments heading and the next heading are readers' comments where they are sentences."""
        c = self.c
        since = c.lines_since(self.o.comments_heading)
        after = (since >= 0) & (c.row >= self.o.text[1])
        since_links = c.lines_since(self.o.links_heading)
        after &= ~((since_links >= 0) & (since_links < since))
        ended = c.window_share(c.ends_sentence & after, after, COMMENTS_REACH, COMMENTS_REACH)
        n_lines = c.page_sum(after).astype(np.int64)
        self._say(after & (ended >= COMMENTS_ENDED), COMMENTS, AFTER_COMMENTS, n_lines)

    def _text(self) -> None:
        c = self.c
        first, beyond = self.o.core
        in_core = (c.row >= first) & (c.row < beyond)
        n_words = np.rint(c.page_sum(np.where(in_core, c.words, 0))).astype(np.int64)
        self._say((c.row >= self.o.text[0]) & (c.row < self.o.text[1]), BODY, BESIDE)
        self._say(in_core & c.is_prose, BODY, DENSE, beyond - first, n_words)
        self._say(in_core & ~c.is_prose, BODY, INSIDE, beyond - first, n_words)
        self._say(self.o.inserted_links & (c.row < beyond) & (c.row >= first), HEADLINES, LISTED)

    def _title(self) -> None:
        c = self.c
        is_title = c.row == self.o.title_row
        too_high = (c.row < self.o.title_row) & ((self.labels == BODY) | (self.labels == TITLE)) & ~c.is_prose
        too_high = too_high | (self.o.trail & (c.row < self.o.core[0]) & (self.labels == BODY))
        self._say(too_high, NAVIGATION, ABOVE, 1, c.words)
        self._say(is_title, TITLE, ABOVE_TEXT, np.rint(100 * c.measures.page_overlap).astype(np.int64))

    def _captions_and_bylines(self) -> None:
        c = self.c
        near = (c.row >= self.o.text[0] - TITLE_REACH) & (c.row < self.o.text[1] + 2)
        print_of_title = np.where(self.o.title_row >= 0, c.measures.fingerprint[np.maximum(self.o.title_row, 0)], 0)
        again = near & (c.measures.fingerprint == print_of_title) & (c.row > self.o.title_row) & (self.o.title_row >= 0)
        self._say(again, CAPTION, TITLE_AGAIN)
        tight = c.blank_before == 0
        page_has_blanks = c.page_sum(c.blank_before > 0) > 0
        beside = c.shifted(again, -1, False) & tight & page_has_blanks & (c.words <= PICTURE_WORDS) & ~c.ends_sentence
        self._say(beside, CAPTION, BESIDE_CAPTION)
        body = (self.labels == BODY) & ~c.is_prose
        dated = near & (c.words <= DATE_WORDS) & (c.digit_share >= DATE_DIGITS) & ~c.has_bullet & (c.letters >= 0)
        dated &= np.abs(c.row - self.o.title_row) <= DATE_REACH
        self._say(dated & (self.labels != TITLE), BYLINE, DATED)
        for categories, label in ((("source", "author", "readingtime"), BYLINE), (("caption",), CAPTION)):
            share = self.o.phrase(*categories)
            says = (body | (near & ~c.is_prose)) & (share >= 2 * NAMED_COVERS) & (c.words <= CREDIT_WORDS)
            self._say(says & (self.labels != TITLE), label, PHRASE, np.rint(100 * share).astype(np.int64))

    def _phrases(self) -> None:
        c = self.c
        covers = np.where((self.labels == BODY) | (self.labels == TITLE), PHRASE_COVERS, HEADING_COVERS)
        says = c.is_short & (c.phrase >= covers)
        label = np.zeros(c.n, np.uint8)
        label[says] = LABELS_OF_CATEGORIES[c.measures.phrases[says].argmax(axis=1)]
        self._say(says, label, PHRASE, np.rint(100 * c.phrase).astype(np.int64))
        rights = self.o.phrase("copyright", "cookies", "privacy")
        legal = (rights >= RIGHTS_COVERS) & (self.labels != BODY) & (self.labels != TITLE)
        self._say(legal, LEGAL, PHRASE, np.rint(100 * rights).astype(np.int64))

    def _templates(self) -> None:
        repeats = self.c.repeats
        was_kept = (self.labels == BODY) | (self.labels == TITLE)
        above = self.c.row < self.o.text[0]
        label = np.where(was_kept | (above & (self.labels != LEGAL)), NAVIGATION, self.labels).astype(np.uint8)
        pages_with, site_pages = repeats.pages_with.astype(np.int64), repeats.site_pages.astype(np.int64)
        self._say(self.o.template, label, TEMPLATE, pages_with, site_pages)

    def _pages_without_text(self) -> None:
        """A page none of whose lines is long enough: nothing is text, unless nothing marks boilerplate either."""
        c = self.c
        empty = self.o.segment[2] <= 0
        marks = c.page_sum(self.o.template | self.o.interface | c.has_bullet) > 0
        few = (c.n_lines <= FEW_LINES) & ~marks
        self._say(empty & few, BODY, NO_MARKS)
        lost = empty & ~few & ((self.labels == BODY) | (self.labels == TITLE))
        self._say(lost, NAVIGATION, NO_TEXT)

    def _consent_dialogs(self) -> None:
        self._say(self.o.consent_notice, LEGAL, NOTICE)
        if self.c.lines.dom:
            self._say(in_consent_dialog(self.c), LEGAL, CONSENT)

    def _judgement(self) -> Judgement:
        label_name = np.where(self.reason == PHRASE, self.labels, 0)
        sizes = (len(REASONS), len(LABELS), int(self.a.max(initial=0)) + 1, int(self.b.max(initial=0)) + 1)
        keys = np.ravel_multi_index((self.reason, label_name, self.a, self.b), sizes)  # sorts 20 times as fast as rows
        unique, codes = np.unique(keys, return_inverse=True)
        parts = (part.tolist() for part in np.unravel_index(unique, sizes))
        reasons = tuple(map(_in_words, *parts))
        score = SCORES[self.reason]
        return Judgement(self.labels, score, reasons, codes.astype(np.int32), self._certain_below())

    def _certain_below(self) -> np.ndarray:
        """float32 (n,): the score of a model below which the rules overrule it, 0 where they never do.

        In HTML they overrule it in dialogs about cookies, but at no template line: of the template lines of most pages
        that a model would keep there, 125 of 126 are main content. In dumps they overrule it at such template lines,
        unless the model is sure of one that can be a form's slot ("Ingredients", "Weight"): of those 88 of 91 are main
        content, of the others that it is sure of 2 of 60. And in dumps they overrule it at long lists of headlines
        below text: that moves token F1 by at most .001 a set, and at longer and shorter lines by down to -.004
        (benchmarks/models.md); without it a list that follows the text of a lone page is sometimes taken for text.
        """
        c = self.c
        for_good = np.isin(self.reason, FOR_GOOD_REASONS) | self.o.list_in_text
        if c.lines.dom:
            in_dialog = self.reason == CONSENT
            names_cookies = in_dialog & (self.o.phrase("cookies") >= NAMED_COVERS)  # never the page's headline
            return np.where(for_good | names_cookies, FOR_GOOD, np.where(in_dialog, ALWAYS, NEVER))
        repeats = c.repeats
        often = (repeats.pages_with >= CERTAIN_PAGES) & (repeats.pages_with >= CERTAIN_SHARE * repeats.site_pages)
        slot = (c.page_repeats <= SLOT_REPEATS) & (c.phrase < SLOT_PHRASE)
        listed = (self.reason == BELOW_UNENDED) & (self.a >= CERTAIN_LIST_LINES)
        listed &= (self.o.segment[2] >= CERTAIN_GAIN_WORDS) & (c.words >= HEADLINE_WORDS[0])
        listed &= c.words <= HEADLINE_WORDS[1]
        template = np.where(self.o.template & often, np.where(slot, UNLESS_SURE, ALWAYS), NEVER)
        return np.where(for_good, FOR_GOOD, np.where(listed, ALWAYS, template))


def _in_words(reason: int, label: int, a: int, b: int) -> str:
    return REASONS[reason].words.format(a=a, b=b, label=LABELS[label])
