"""Columns: what features and rules are made of, one value a line that is not blank, and page-aware ways to combine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from declutter.lines import Lines, Measures, Repeats
from declutter.stages.features.pagewise import Pagewise
from declutter.stages.measure import characters

Derived = TypeVar("Derived")
LONG_WORDS = 15.0  # a line from this length on is more often prose than not, in every script measured
SHORT_WORDS = 8.0  # a line below this length is more often a link or a label
TEMPLATE_SHARE = 0.3  # a line on this share of a site's pages (and on two) is a template line


class Columns(Pagewise):
    """The columns that features are made of, one value a line that is not blank."""

    def __init__(self, lines: Lines, measures: Measures, repeats: Repeats):
        super().__init__(measures.page_starts)
        self.lines, self.measures, self.repeats = lines, measures, repeats
        self._derived: dict[Callable, object] = {}

    def derived(self, make: Callable[[Columns], Derived]) -> Derived:
        """make(self), made once: what other modules find in these columns."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return cast(Derived, self._derived[make])

    # what a line is

    @cached_property
    def words(self) -> np.ndarray:
        return self.measures.words

    @cached_property
    def words_log(self) -> np.ndarray:
        return np.log1p(self.words)

    @cached_property
    def words_up_to_100(self) -> np.ndarray:
        return np.minimum(self.words, 100)

    @cached_property
    def page_words(self) -> np.ndarray:
        return self.page_sum(self.words)

    @cached_property
    def counts(self) -> np.ndarray:
        return self.measures.counts.astype(np.float32)

    @cached_property
    def letters(self) -> np.ndarray:
        return self.counts[:, : characters.N_WORD_CLASSES].sum(axis=1) - self.counts[:, characters.DIGIT]

    @cached_property
    def visible_chars(self) -> np.ndarray:
        return self.counts[:, : characters.N_VISIBLE_CLASSES].sum(axis=1)

    @cached_property
    def digit_share(self) -> np.ndarray:
        return self.counts[:, characters.DIGIT] / np.maximum(self.visible_chars, 1)

    @cached_property
    def capitals_a_word(self) -> np.ndarray:
        """Capital letters a word, up to 2: menus and headlines of Latin, Greek and Cyrillic sites capitalise words."""
        return np.minimum(self.counts[:, characters.UPPER] / np.maximum(self.words, 1), 2.0)

    @cached_property
    def ends_sentence(self) -> np.ndarray:
        final = self.measures.final_class
        return (final == characters.SENTENCE_END) | (final == characters.ELLIPSIS)

    @cached_property
    def ends_colon(self) -> np.ndarray:
        return self.measures.final_class == characters.COLON

    @cached_property
    def has_bullet(self) -> np.ndarray:
        first = self.measures.first_class
        return (first == characters.BULLET) | (first == characters.DASH)

    @cached_property
    def is_long(self) -> np.ndarray:
        return self.words >= LONG_WORDS

    @cached_property
    def is_prose(self) -> np.ndarray:
        """Long, or of sentences: what running text is made of."""
        return self.is_long | ((self.words >= SHORT_WORDS) & self.ends_sentence)

    @cached_property
    def is_short(self) -> np.ndarray:
        return (self.words < SHORT_WORDS) & ~self.ends_sentence

    @cached_property
    def phrase(self) -> np.ndarray:
        return self.measures.phrases.max(axis=1, initial=0.0)

    @cached_property
    def blank_before(self) -> np.ndarray:
        """Blank lines between this line and the one above, on its page."""
        rows = self.measures.rows
        above = np.concatenate(([-1], rows[:-1]))
        page_first = self.lines.page_starts[:-1][self.page]
        return rows - np.maximum(above, page_first - 1) - 1

    # repetition

    @property
    def page_repeats(self) -> np.ndarray:
        """How often the line stands on its own page."""
        return self._counts_on_page[1]

    @property
    def occurrence(self) -> np.ndarray:
        """0 for the first time a line stands on its page, 1 for the second, ..."""
        return self._counts_on_page[0]

    @cached_property
    def _counts_on_page(self) -> tuple[np.ndarray, np.ndarray]:
        return self.counted(self.measures.fingerprint)

    @cached_property
    def site_share(self) -> np.ndarray:
        """Share of the site's other pages that have the line: 0 where nothing is known of the site."""
        others = np.maximum(self.repeats.site_pages - 1, 1)
        return (self.repeats.pages_with - 1) / others

    @cached_property
    def is_template(self) -> np.ndarray:
        repeats = self.repeats
        # two of five is chance: a headline listed beside another article
        least = np.where(repeats.site_pages >= 5, 3, 2)
        return (repeats.pages_with >= least) & (repeats.pages_with >= TEMPLATE_SHARE * repeats.site_pages)

    @cached_property
    def has_template_prefix(self) -> np.ndarray:
        """The line begins with words and a colon that stand on many pages of the site ("Source:", "Read also:")."""
        repeats = self.repeats
        often = (repeats.prefix_pages >= 2) & (repeats.prefix_pages >= TEMPLATE_SHARE * repeats.site_pages)
        return often & (repeats.prefix_pages > repeats.pages_with)  # not for being the same line
