"""The feature table: each row a name and a function of Columns that gives a column of X, or names and their columns."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from declutter.stages.features.cohesion import NEAR_LINES, cohesion_of
from declutter.stages.features.columns import Columns
from declutter.stages.features.outline import outline_of
from declutter.stages.measure import characters
from declutter.stages.measure.phrases import CATEGORIES


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.maximum(whole, 1)


def _near(distance: np.ndarray) -> np.ndarray:
    """A distance in lines (int64, -1 for none) as a closeness: 1 here, 1/2 a line away, 0 where there is none."""
    return CLOSENESS[np.minimum(distance, FARTHEST)]


Feature = tuple[str | tuple[str, ...], Callable[[Columns], np.ndarray]]  # of several names: (n_names, n_lines)

FARTHEST = 50  # lines: what stands farther away is as close as what stands there
CLOSENESS = np.append(1.0 / (1.0 + np.arange(FARTHEST + 1)), 0.0)  # by distance; the last for -1

CATEGORY_COLUMN = {name: column for column, name in enumerate(CATEGORIES)}  # of Measures.phrases

LENGTH: tuple[Feature, ...] = (
    ("words_log", lambda c: c.words_log),
    ("chars_log", lambda c: np.log1p(c.visible_chars)),
    ("chars_a_word", lambda c: _share(c.letters, c.words)),
    ("words_to_mean", lambda c: c.words_log - np.log1p(_share(c.page_words, c.n_lines))),
    ("words_to_longest", lambda c: c.words_log - np.log1p(c.page_max(c.words))),
)
CHARACTERS: tuple[Feature, ...] = (
    ("upper_share", lambda c: _share(c.counts[:, characters.UPPER], c.letters)),
    ("capitals_a_word", lambda c: c.capitals_a_word),
    ("digit_share", lambda c: c.digit_share),
    ("comma_share", lambda c: _share(c.counts[:, characters.COMMA], c.words)),
    ("colon_count", lambda c: c.counts[:, characters.COLON]),
    ("separator_share", lambda c: _share(c.counts[:, characters.SEPARATOR], c.visible_chars)),
    ("symbol_share", lambda c: _share(c.counts[:, characters.SYMBOL], c.visible_chars)),
    ("bracket_share", lambda c: _share(c.counts[:, characters.BRACKET], c.visible_chars)),
    ("quote_count", lambda c: np.minimum(c.counts[:, characters.QUOTE], 8)),
    ("sentence_ends", lambda c: np.minimum(c.measures.sentence_ends, 10)),
    ("ends_sentence", lambda c: c.ends_sentence),
    ("ends_colon", lambda c: c.ends_colon),
    ("ends_ellipsis", lambda c: c.measures.final_class == characters.ELLIPSIS),
    ("has_bullet", lambda c: c.has_bullet),
    ("starts_lower", lambda c: c.measures.first_class == characters.LOWER),
    ("starts_digit", lambda c: c.measures.first_class == characters.DIGIT),
    ("starts_symbol", lambda c: c.measures.first_class >= characters.SEPARATOR),
    ("other_script", lambda c: _other_script(c)),
)
LAYOUT: tuple[Feature, ...] = (
    ("indent", lambda c: np.minimum(c.measures.indent_chars, 12)),
    ("blank_before", lambda c: np.minimum(c.blank_before, 4)),
    ("blank_after", lambda c: c.shifted(np.minimum(c.blank_before, 4), 1)),
    ("page_blank_share", lambda c: _share(c.page_sum(c.blank_before > 0), c.n_lines)),
)
POSITION: tuple[Feature, ...] = (
    ("position", lambda c: (c.row - c.first_row) / np.maximum(c.n_lines - 1, 1)),
    ("lines_above_log", lambda c: np.log1p(c.row - c.first_row)),
    ("lines_below_log", lambda c: np.log1p(c.beyond_row - c.row - 1)),
    ("words_above_share", lambda c: _share(c.window_sum(c.words, c.n, -1), c.page_words)),
)
PAGE: tuple[Feature, ...] = (
    ("page_lines_log", lambda c: np.log1p(c.n_lines)),
    ("page_words_log", lambda c: np.log1p(c.page_words)),
    ("page_prose_share", lambda c: _share(c.page_sum(c.words * c.is_prose), c.page_words)),
    ("page_prose_lines_log", lambda c: np.log1p(c.page_sum(c.is_prose))),
    ("page_ended_share", lambda c: _share(c.page_sum(c.ends_sentence), c.n_lines)),
    ("page_bullet_share", lambda c: _share(c.page_sum(c.has_bullet), c.n_lines)),
    *(
        (f"page_{name}", lambda c, k=CATEGORY_COLUMN[name]: np.log1p(c.page_sum(c.measures.phrases[:, k] > 0.3)))
        for name in ("comments", "forum", "shop", "author", "related")
    ),
    ("page_short_share", lambda c: _share(c.page_sum(c.is_short), c.n_lines)),
)
REPETITION: tuple[Feature, ...] = (
    ("page_repeats_log", lambda c: np.log1p(c.page_repeats - 1)),
    ("occurrence", lambda c: np.minimum(c.occurrence, 5)),
    ("site_share", lambda c: c.site_share),
    ("site_pages_log", lambda c: np.log1p(c.repeats.site_pages - 1)),
    ("pages_with_log", lambda c: np.log1p(c.repeats.pages_with - 1)),
    ("prefix_share", lambda c: (c.repeats.prefix_pages - 1) / np.maximum(c.repeats.site_pages - 1, 1)),
    ("template_near", lambda c: c.window_mean(c.is_template, 2)),
    ("template_around", lambda c: c.window_mean(c.is_template, 8)),
    ("templates_below", lambda c: _near(c.lines_until(c.is_template))),
    ("templates_above", lambda c: _near(c.lines_since(c.is_template))),
    ("page_template_share", lambda c: _share(c.page_sum(c.is_template), c.n_lines)),
)
PHRASES: tuple[Feature, ...] = (
    (tuple(f"phrase_{name}" for name in CATEGORIES), lambda c: c.measures.phrases.T),
    ("phrase_near", lambda c: c.window_mean(c.phrase, 2)),
    ("phrase_around", lambda c: c.window_mean(c.phrase, 8)),
    ("since_comments", lambda c: _near(c.lines_since(c.measures.phrases[:, CATEGORIES.index("comments")] > 0.5))),
    ("since_related", lambda c: _near(c.lines_since(_heads_links(c)))),
    ("after_end_phrase", lambda c: _after_end_phrase(c)),
)
NEIGHBOURS: tuple[Feature, ...] = (
    *((f"words_log_{k:+d}", lambda c, k=k: c.shifted(c.words_log, k, -1.0)) for k in (-3, -2, -1, 1, 2, 3)),
    *((f"ends_sentence_{k:+d}", lambda c, k=k: c.shifted(c.ends_sentence, k, False)) for k in (-2, -1, 1, 2)),
    *((f"phrase_{k:+d}", lambda c, k=k: c.shifted(c.phrase, k)) for k in (-2, -1, 1, 2)),
    *((f"site_share_{k:+d}", lambda c, k=k: c.shifted(c.site_share, k)) for k in (-2, -1, 1, 2)),
    *((f"overlap_{k:+d}", lambda c, k=k: c.shifted(c.measures.page_overlap, k)) for k in (-1, 1)),
    *((f"capitals_a_word_{k:+d}", lambda c, k=k: c.shifted(c.capitals_a_word, k)) for k in (-1, 1)),
    *((f"digit_share_{k:+d}", lambda c, k=k: c.shifted(c.digit_share, k)) for k in (-1, 1)),
    *((f"repeats_{k:+d}", lambda c, k=k: c.shifted(c.page_repeats > 1, k, False)) for k in (-1, 1)),
    *((f"has_bullet_{k:+d}", lambda c, k=k: c.shifted(c.has_bullet, k, False)) for k in (-1, 1)),
)
DENSITY: tuple[Feature, ...] = (
    *((f"long_within_{k}", lambda c, k=k: c.window_mean(c.is_long, k)) for k in (3, 10, 25)),
    *((f"prose_within_{k}", lambda c, k=k: c.window_mean(c.is_prose, k)) for k in (1, 3, 10)),
    *((f"words_within_{k}", lambda c, k=k: np.log1p(c.window_mean(c.words_up_to_100, k))) for k in (1, 3, 10, 25)),
    ("words_above_5", lambda c: np.log1p(c.window_sum(c.words_up_to_100, 5, -1))),
    ("words_below_5", lambda c: np.log1p(c.window_sum(c.words_up_to_100, -1, 5))),
    ("words_below_15", lambda c: np.log1p(c.window_sum(c.words_up_to_100, -1, 15))),
    ("words_above_15", lambda c: np.log1p(c.window_sum(c.words_up_to_100, 15, -1))),
    *((f"ended_within_{k}", lambda c, k=k: c.window_mean(c.ends_sentence, k)) for k in (3, 10)),
    *((f"capitals_within_{k}", lambda c, k=k: c.window_mean(c.capitals_a_word, k)) for k in (3, 10)),
    ("digits_within_3", lambda c: c.window_mean(c.digit_share, 3)),
    ("commas_within_3", lambda c: c.window_mean(_share(c.counts[:, characters.COMMA], c.words), 3)),
    ("similar_run_log", lambda c: np.log1p(_similar_run(c))),
    ("bullets_within_3", lambda c: c.window_mean(c.has_bullet, 3)),
    ("since_prose", lambda c: _near(c.lines_since(c.is_prose))),
    ("until_prose", lambda c: _near(c.lines_until(c.is_prose))),
    ("first_prose", lambda c: _signed_log(c.row - c.page_first(c.is_prose))),
    ("last_prose", lambda c: _signed_log(c.row - c.page_last(c.is_prose))),
    ("short_run_log", lambda c: np.log1p(_run_length(c, c.is_short))),
    ("short_run_position", lambda c: np.log1p(np.where(c.is_short, c.row - c.run_bounds(c.is_short)[0], 0))),
    ("unended_run_log", lambda c: np.log1p(_run_length(c, ~c.ends_sentence))),
    ("prose_run_log", lambda c: np.log1p(_run_length(c, c.is_prose))),
)
OUTLINE: tuple[Feature, ...] = (
    ("in_core", lambda c: (c.row >= outline_of(c).core[0]) & (c.row < outline_of(c).core[1])),
    ("in_text", lambda c: (c.row >= outline_of(c).text[0]) & (c.row < outline_of(c).text[1])),
    ("core_start", lambda c: _signed_log(c.row - outline_of(c).core[0])),
    ("core_end", lambda c: _signed_log(c.row - outline_of(c).core[1] + 1)),
    ("text_end", lambda c: _signed_log(c.row - outline_of(c).text[1] + 1)),
    ("core_lines_log", lambda c: np.log1p(np.maximum(outline_of(c).core[1] - outline_of(c).core[0], 0))),
    ("segment_gain_log", lambda c: np.log1p(np.maximum(outline_of(c).segment[2], 0))),
    ("segment_gain_share", lambda c: _share(np.maximum(outline_of(c).segment[2], 0), c.page_words)),
    ("is_title", lambda c: c.row == outline_of(c).title_row),
    (
        "title_distance",
        lambda c: np.where(outline_of(c).title_row >= 0, _signed_log(c.row - outline_of(c).title_row), 0),
    ),
    ("inserted_link", lambda c: outline_of(c).inserted_links),
    ("trail", lambda c: outline_of(c).trail),
    ("gain", lambda c: outline_of(c).gain),
    ("overlap", lambda c: c.measures.page_overlap),
    ("overlap_within_3", lambda c: c.window_mean(c.measures.page_overlap, 3)),
)
COHESION: tuple[Feature, ...] = (
    ("content_words_log", lambda c: np.log1p(cohesion_of(c).content)),
    ("content_share", lambda c: _share(cohesion_of(c).content, np.diff(c.measures.word_starts))),
    *((f"said_within_{k}", lambda c, k=k: _share(cohesion_of(c).near(k), cohesion_of(c).content)) for k in NEAR_LINES),
    ("said_in_core", lambda c: _share(cohesion_of(c).in_core, cohesion_of(c).content)),
    ("said_in_lead", lambda c: _share(cohesion_of(c).in_lead, cohesion_of(c).content)),
    *(
        (f"said_{name}_{before}_{after}", lambda c, b=before, a=after, part=part: cohesion_of(c).share(part, b, a))
        for name, part in (("near", "near_8"), ("core", "in_core"), ("lead", "in_lead"))
        for before, after in ((2, 2), (6, 6), (10, -1), (-1, 10), (0, 4), (4, 0))
    ),
    ("said_in_core_by_core", lambda c: cohesion_of(c).core_share),
    ("said_core_2_2_to_core", lambda c: cohesion_of(c).share("in_core", 2, 2) - cohesion_of(c).core_share),
    ("said_in_core_by_page", lambda c: _share(c.page_sum(cohesion_of(c).in_core), c.page_sum(cohesion_of(c).content))),
)


def _similar_run(c: Columns) -> np.ndarray:
    """How many lines in a row are like this one: the same kind of beginning and end, and about the same length."""
    words, first_class = c.words_log, c.measures.first_class
    like = np.zeros(c.n, bool)
    like[1:] = (
        (np.abs(words[1:] - words[:-1]) < 0.5)
        & (c.ends_sentence[1:] == c.ends_sentence[:-1])
        & (first_class[1:] == first_class[:-1])
    )
    first, beyond = c.joined_bounds(like)
    return beyond - first


def _other_script(c: Columns) -> np.ndarray:
    """The line's last word is in another script than most lines of the page."""
    script = c.measures.script
    cells = np.bincount(
        c.page * len(characters.SCRIPTS) + script, weights=c.letters,
        minlength=(len(c.page_starts) - 1) * len(characters.SCRIPTS),
    ).reshape(-1, len(characters.SCRIPTS))  # fmt: skip
    cells[:, 0] = 0
    main = cells.argmax(axis=1) if len(cells) else np.zeros(0, np.int64)
    return (script != main[c.page]) & (script != 0)


def _heads_links(c: Columns) -> np.ndarray:
    phrases = c.measures.phrases
    return (phrases[:, CATEGORIES.index("related")] > 0.5) | (phrases[:, CATEGORIES.index("latest")] > 0.5)


def _after_end_phrase(c: Columns) -> np.ndarray:
    """How many comment, related or latest headings stand above the line and below the page's first prose; up to 3."""
    comments = c.measures.phrases[:, CATEGORIES.index("comments")] > 0.5
    heads = (comments | _heads_links(c)) & (c.row > c.page_first(c.is_prose))
    return np.minimum(c.window_sum(heads, c.n, 0), 3)


def _run_length(c: Columns, marks: np.ndarray) -> np.ndarray:
    first, beyond = c.run_bounds(marks)
    return np.where(marks, beyond - first, 0)


def _signed_log(distance: np.ndarray) -> np.ndarray:
    return np.sign(distance) * np.log1p(np.abs(distance))


FAMILIES: dict[str, tuple[Feature, ...]] = {
    "length": LENGTH, "characters": CHARACTERS, "layout": LAYOUT, "position": POSITION, "page": PAGE,
    "repetition": REPETITION, "phrases": PHRASES, "neighbours": NEIGHBOURS, "density": DENSITY, "outline": OUTLINE,
    "cohesion": COHESION,
}  # fmt: skip
FEATURES: tuple[Feature, ...] = tuple(feature for family in FAMILIES.values() for feature in family)


@cache
def names_of(table: tuple[Feature, ...]) -> tuple[str, ...]:
    """The names of the columns that a table gives, in order."""
    return tuple(name for names, _ in table for name in ((names,) if isinstance(names, str) else names))


FEATURE_NAMES: tuple[str, ...] = names_of(FEATURES)


def features(columns: Columns, of_words: np.ndarray | None = None) -> np.ndarray:
    """X: float32 (n_lines, n_features) in column order, one row a line that is not blank.

    `of_words`, float32 (n_lines, n_word_features) as `word_features` gives it, is put beside the feature table.
    """
    return filled(FEATURES, columns, of_words)


def filled(table: tuple[Feature, ...], columns: Columns, more: np.ndarray | None = None) -> np.ndarray:
    """The features of a table, and the columns of `more` beside them."""
    n_names = len(names_of(table))
    rows = np.empty((n_names + (0 if more is None else more.shape[1]), columns.n), np.float32)
    at = 0
    for names, function in table:
        beyond = at + (1 if isinstance(names, str) else len(names))
        rows[at:beyond] = function(columns)
        at = beyond
    if more is not None:
        rows[n_names:] = more.T
    return rows.T
