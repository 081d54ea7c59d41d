"""Lines to Measures: what is counted in each line, with numpy over the code points of many lines at once.

Everything later (repetition, features, rules) reads these columns; nothing else looks at characters.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from declutter import scripts
from declutter.lines import Lines, Measures
from declutter.phrases import CATEGORIES, phrases_by_category
from declutter.scripts import character_tables, code_points, splitmix64

CHUNK_CHARS = 1 << 17  # characters measured at once: 1 MB of working arrays stay near the processor
MAX_LINE_CHARS = 1 << 16  # a longer line is measured by its first characters; it is prose or data either way
PHRASE_LINE_CHARS = 160  # phrases are looked for in lines of at most so many word characters
LONGEST_SPACED_PHRASE = 5  # in units
MAX_PHRASE_UNITS = 20  # a unit is a word, or one character of a script without spaces
LONG_LINE_WORDS = 15.0  # lines from this length on lend their words to `page_overlap`
MAX_CLOSERS = 4
MAX_PREFIX_CHARS = 40  # "Read also: ..." and "Source: ..." have short prefixes
OVERLAP_BITS = 18  # slots of the table of a chunk's words, as a power of two: under 8% false answers
_MULTIPLIER = 0x9E3779B97F4A7C15 | 1  # odd, so that powers have inverses modulo 2**64
_COUNTED = np.uint64(0xD6E8FEB86659FD93)


def measure(lines: Lines) -> Measures:
    """Measure every line that is not blank."""
    parts = [_measure_rows(lines, first, last) for first, last in _chunks(lines)]
    if not parts:
        parts = [_measure_rows(Lines("\n", np.array([0, 1]), np.array([0]), np.array([0, 1])), 0, 1)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    page_starts = np.searchsorted(columns["rows"], lines.page_starts)
    return Measures(page_starts=page_starts, **columns)


def _chunks(lines: Lines) -> list[tuple[int, int]]:
    """Row ranges of at most CHUNK_CHARS characters, cut between pages where a page fits; a huge line goes alone."""
    starts, chunks, first = lines.starts, [], 0
    n_lines = len(lines)
    page_of_row_starts = lines.page_starts
    while first < n_lines:
        last = int(np.searchsorted(starts, starts[first] + CHUNK_CHARS, side="right")) - 1
        if last < n_lines:
            page = int(np.searchsorted(page_of_row_starts, last, side="right")) - 1
            if page_of_row_starts[page] > first:
                last = int(page_of_row_starts[page])
        last = min(max(last, first + 1), n_lines)
        chunks.append((first, last))
        first = last
    return chunks


def _measure_rows(lines: Lines, first: int, last: int) -> dict[str, np.ndarray]:
    tables = character_tables()
    begin = int(lines.starts[first])
    offsets = lines.starts[first : last + 1] - begin
    if offsets[-1] > CHUNK_CHARS:  # one line, longer than a chunk
        offsets = np.array([0, MAX_LINE_CHARS], np.int64)
    points = _table_rows(lines.text[begin : begin + int(offsets[-1])])
    classes = tables.classes[points]
    counts = _class_counts(classes, offsets)
    visible = np.flatnonzero(classes < scripts.N_VISIBLE_CLASSES)
    first_visible = np.searchsorted(visible, offsets[:-1])
    beyond = np.searchsorted(visible, offsets[1:])
    filled = np.flatnonzero(beyond > first_visible)
    first_at, last_at = visible[first_visible[filled]], visible[beyond[filled] - 1]
    spans = np.stack((offsets[:-1][filled], offsets[1:][filled]))
    units = _units(points, classes, spans, tables)
    words = _words(classes, counts, spans, filled)
    page_of = np.searchsorted(lines.page_starts, first + filled, side="right")
    return {
        "rows": first + filled,
        "counts": counts[filled],
        "words": words,
        "sentence_ends": _sentence_ends(classes, spans),
        "first_class": classes[first_at],
        "final_class": classes[_final_at(classes, first_at, last_at)],
        "last_class": classes[last_at],
        "script": units.line_scripts(),
        "indent_chars": (first_at - spans[0]).astype(np.int32),
        "fingerprint": units.line_hashes(),
        "prefix": units.prefix_hashes(),
        "phrases": _phrases(units),
        "page_overlap": _page_overlap(units, page_of, words),
    }


def _table_rows(text: str) -> np.ndarray:
    """int64: the row of each character in the character tables (numpy indexes by int64 four times as fast)."""
    return np.minimum(code_points(text), scripts.TABLE_SIZE - 1).astype(np.int64)


def _class_counts(classes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    n_lines = len(offsets) - 1
    cell = np.repeat(np.arange(0, n_lines * scripts.N_CLASSES, scripts.N_CLASSES), np.diff(offsets))
    cell += classes
    counts = np.bincount(cell, minlength=n_lines * scripts.N_CLASSES)
    return counts.reshape(n_lines, scripts.N_CLASSES).astype(np.int32)


def _in_spans(positions: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """How many of the ascending positions lie in each span."""
    return np.searchsorted(positions, spans[1]) - np.searchsorted(positions, spans[0])


def _words(classes: np.ndarray, counts: np.ndarray, spans: np.ndarray, filled: np.ndarray) -> np.ndarray:
    makes_words = classes < scripts.N_SPACED_WORD_CLASSES
    follows_none = np.ones(len(classes), bool)
    follows_none[1:] = classes[:-1] >= scripts.N_WORD_CLASSES
    follows_none[spans[0]] = True  # a page may end without a terminator
    words = _in_spans(np.flatnonzero(makes_words & follows_none), spans).astype(np.float32)
    for spaceless, worth in scripts.WORDS_PER_CHARACTER.items():
        words += np.float32(worth) * counts[filled, spaceless]
    return words


def _sentence_ends(classes: np.ndarray, spans: np.ndarray) -> np.ndarray:
    is_end = classes == scripts.SENTENCE_END
    is_end[:-1] &= classes[1:] >= scripts.N_SPACED_WORD_CLASSES  # not the dot of 3.5 or example.org
    return _in_spans(np.flatnonzero(is_end), spans).astype(np.int32)


def _final_at(classes: np.ndarray, first_at: np.ndarray, last_at: np.ndarray) -> np.ndarray:
    """Where the line ends but for up to MAX_CLOSERS quotes, brackets and marks after its last word or stop."""
    at = last_at.copy()
    for _ in range(MAX_CLOSERS):
        last = classes[at]
        closes = (last == scripts.QUOTE) | (last == scripts.BRACKET) | (last == scripts.MARK) | (last == scripts.SPACE)
        at -= closes & (at > first_at)
    return at


class _Units(NamedTuple):
    """The word characters of a chunk, cut into units: words, or characters of scripts without spaces.

    `sums` are prefix sums of each character's random bits times a power of _MULTIPLIER, modulo 2**64; so the hash of
    any run of characters is one difference times the inverse power of its start (Rabin and Karp 1987).
    """

    sums: np.ndarray  # uint64 (n_chars + 1,)
    starts: np.ndarray  # int64 (n_units + 1,), the unit's first character; the last one is n_chars
    line_chars: np.ndarray  # int64 (2, n_lines), each line's first character and the one after its last
    line_units: np.ndarray  # int64 (2, n_lines), the same in units
    prefix_ends: np.ndarray  # int64 (n_lines,), the character after the line's words before a colon; its first where none
    spaceless: np.ndarray  # bool (n_units,)
    scripts: np.ndarray  # uint8 (n_units,), of the unit's first character

    def hashes(self, first: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """uint64 hashes of runs of characters, the same for equal runs anywhere."""
        _, inverses = _powers(CHUNK_CHARS + 1)
        return splitmix64((self.sums[beyond] - self.sums[first]) * inverses[first])

    def line_hashes(self) -> np.ndarray:
        first, beyond = self.line_chars
        return np.where(beyond > first, self.hashes(first, beyond), np.uint64(0))

    def prefix_hashes(self) -> np.ndarray:
        first = self.line_chars[0]
        short = (self.prefix_ends > first) & (self.prefix_ends - first <= MAX_PREFIX_CHARS)
        return np.where(short, self.hashes(first, self.prefix_ends) ^ _COUNTED, np.uint64(0))

    def line_scripts(self) -> np.ndarray:
        """uint8: the script of each line's last word, "none" where it is a number or there is none."""
        first, beyond = self.line_units
        if not len(self.scripts):
            return np.zeros(len(first), np.uint8)
        return np.where(beyond > first, self.scripts[np.maximum(beyond, 1) - 1], 0).astype(np.uint8)


def _units(points: np.ndarray, classes: np.ndarray, spans: np.ndarray, tables: scripts.CharacterTables) -> _Units:
    is_word = classes < scripts.N_WORD_CLASSES
    begins = is_word.copy()
    begins[1:] &= ~is_word[:-1]
    begins[spans[0]] = is_word[spans[0]]  # a page may end without a terminator
    spaceless = is_word & (classes >= scripts.N_SPACED_WORD_CLASSES)
    if spaceless.any():
        begins |= spaceless
        begins[1:] |= spaceless[:-1] & is_word[1:] & (classes[1:] != scripts.MARK)
    is_digit = classes == scripts.DIGIT
    is_word[1:] &= ~(is_digit[1:] & is_digit[:-1]) | begins[1:]  # a run of digits counts as one
    before = np.zeros(len(points) + 1, np.int64)  # word characters before each place
    np.cumsum(is_word, out=before[1:])
    powers, _ = _powers(CHUNK_CHARS + 1)
    sums = np.zeros(before[-1] + 1, np.uint64)
    np.cumsum(tables.mixed[points[is_word]] * powers[: before[-1]], out=sums[1:])
    starts_at = np.flatnonzero(begins)
    return _Units(
        sums=sums,
        starts=before[np.append(starts_at, len(points))],
        line_chars=before[spans],
        line_units=np.searchsorted(starts_at, spans),
        prefix_ends=before[_first_colons(classes, spans)],
        spaceless=spaceless[starts_at],
        scripts=tables.scripts[points[starts_at]],
    )


def _first_colons(classes: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Where each line's first colon stands, its start where it has none."""
    colons = np.append(np.flatnonzero(classes == scripts.COLON), len(classes))
    at = colons[np.searchsorted(colons, spans[0])]
    return np.where(at < spans[1], at, spans[0])


@cache
def _powers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Powers of the multiplier and of its inverse, modulo 2**64; uint64 (n,) each."""
    inverse = pow(_MULTIPLIER, -1, 1 << 64)
    bases = []
    for base in (_MULTIPLIER, inverse):
        powers = np.full(n, base, np.uint64)
        powers[0] = 1
        bases.append(np.multiply.accumulate(powers))
    return bases[0], bases[1]


class _PhraseTable(NamedTuple):
    hashes: np.ndarray  # uint64, ascending
    categories: np.ndarray  # bool (n_phrases, n_categories)
    slots: np.ndarray  # bool, a first cheap test by the top 16 bits of a hash
    unit_counts: tuple[int, ...]  # lengths in units that phrases have


@cache
def _phrase_table() -> _PhraseTable:
    """The phrases, hashed by the same code as the lines they are looked for in."""
    found: dict[int, np.ndarray] = {}
    unit_counts = set()
    tables = character_tables()
    for column, phrases in enumerate(phrases_by_category().values()):
        text = "\n".join(phrases) + "\n"
        points = _table_rows(text)
        ends = np.flatnonzero(points == ord("\n")) + 1
        units = _units(points, tables.classes[points], np.stack((np.append(0, ends[:-1]), ends)), tables)
        unit_counts |= set((units.line_units[1] - units.line_units[0]).tolist())
        for value in units.line_hashes().tolist():
            found.setdefault(value, np.zeros(len(CATEGORIES), bool))[column] = True
    hashes = np.array(sorted(found), np.uint64)
    slots = np.zeros(1 << 16, bool)
    slots[(hashes >> np.uint64(48)).astype(np.int64)] = True
    categories = np.stack([found[value] for value in hashes.tolist()])
    return _PhraseTable(hashes, categories, slots, tuple(n for n in sorted(unit_counts) if 0 < n <= MAX_PHRASE_UNITS))


def _phrases(units: _Units) -> np.ndarray:
    """The greatest share of each line's characters that one phrase of each category covers; float32."""
    table = _phrase_table()
    chars = units.line_chars[1] - units.line_chars[0]
    covered = np.zeros((len(chars), len(CATEGORIES)), np.float32)
    line, unit = _units_of_lines(units, (chars > 0) & (chars <= PHRASE_LINE_CHARS))
    for length in table.unit_counts:
        if length == LONGEST_SPACED_PHRASE + 1:  # longer phrases are of scripts without spaces
            spaceless = units.spaceless[unit]
            line, unit = line[spaceless], unit[spaceless]
        inside = unit + length <= units.line_units[1][line]
        line, unit = line[inside], unit[inside]  # what has no room for this length has none for longer ones
        first, beyond = units.starts[unit], units.starts[unit + length]
        hashes = units.hashes(first, beyond)
        maybe = np.flatnonzero(table.slots[(hashes >> np.uint64(48)).astype(np.int64)])
        row = np.minimum(np.searchsorted(table.hashes, hashes[maybe]), len(table.hashes) - 1)
        is_hit = table.hashes[row] == hashes[maybe]
        maybe, row = maybe[is_hit], row[is_hit]
        share = ((beyond - first)[maybe] / chars[line[maybe]]).astype(np.float32)
        np.maximum.at(covered, line[maybe], table.categories[row] * share[:, None])
    return covered


def _units_of_lines(units: _Units, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(line, unit) of every unit of the wanted lines, in order; int64 each."""
    n_units = np.where(wanted, units.line_units[1] - units.line_units[0], 0)
    line = np.repeat(np.arange(len(n_units)), n_units)
    within = np.arange(len(line)) - np.repeat(np.cumsum(n_units) - n_units, n_units)
    return line, within + units.line_units[0][line]


def _page_overlap(units: _Units, page_of: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Share of each line's words (pairs of characters without spaces) that stand in a long line of its page.

    A title and a caption share words with the article, another article's headline few. A long line's own words
    count where another long line has them too.
    """
    n_lines = len(page_of)
    line, unit = _units_of_lines(units, np.ones(n_lines, bool))
    first, beyond = units.starts[unit], units.starts[unit + 1]
    spaceless = units.spaceless[unit]
    beyond = np.where(spaceless, np.minimum(beyond + 1, units.line_chars[1][line]), beyond)
    weighty = np.flatnonzero((beyond - first >= 3) | spaceless)  # words of one or two letters tell nothing
    line = line[weighty]
    slots = (units.hashes(first[weighty], beyond[weighty]) + page_of[line].astype(np.uint64) * _COUNTED) >> np.uint64(64 - OVERLAP_BITS)
    slots = slots.astype(np.int64)
    in_long = words[line] >= LONG_LINE_WORDS
    owner = np.full(1 << OVERLAP_BITS, -1, np.int32)  # a long line that has the word, or -2 where several have
    long_slots, long_line = slots[in_long], line[in_long].astype(np.int32)
    owner[long_slots] = long_line
    owner[long_slots[owner[long_slots] != long_line]] = -2
    found = owner[slots]
    shared = (found == -2) | ((found >= 0) & (found != line))
    total = np.bincount(line, minlength=n_lines)
    return (np.bincount(line, weights=shared, minlength=n_lines) / np.maximum(total, 1)).astype(np.float32)
