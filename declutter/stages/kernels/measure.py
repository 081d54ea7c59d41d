"""The NumPy twin of measure.c: what is counted in each line of a text.

Each step is looked up by the classes of a character and the one before it. Hashes are sums of random bits times powers
of an odd number, modulo 2**64, so that the hash of any run of characters is one difference times the inverse power of
its start (Rabin and Karp 1987).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from declutter.lines import code_points

MAX_CLASSES = 32  # rows and columns of the table of steps
#: What a character does behind another, as bits of the table of steps.
COUNTED, BEGINS_UNIT, BEGINS_WORD, AFTER_DOT, IS_COLON = (1 << bit for bit in range(5))
#: What a class is, as bits.
VISIBLE, SPACELESS, CLOSER = (1 << bit for bit in range(3))
MIN_WORD_CHARS = 3  # shorter words tell nothing


class Tables(NamedTuple):
    """What `rows` measures by."""

    classes: np.ndarray  # uint8 (n_points,) by code point; those beyond share the last row
    scripts: np.ndarray  # uint8 (n_points,)
    mixed: np.ndarray  # uint64 (n_points,), random bits
    powers: np.ndarray  # uint64 (n_powers,), of the odd number
    inverses: np.ndarray  # uint64 (n_powers,)
    steps: np.ndarray  # uint8 (MAX_CLASSES * MAX_CLASSES,) by the class before and the class
    traits: np.ndarray  # uint8 (n_classes,)
    worth_classes: np.ndarray  # uint8 (n_worths,), classes of scripts without spaces
    worths: np.ndarray  # float32 (n_worths,), the words that one of their characters is worth
    hashes: np.ndarray  # uint64 (n_phrases,), ascending
    categories: np.ndarray  # bool (n_phrases, n_categories)
    slots: np.ndarray  # bool (2**slot_bits,) by the first bits of a hash: whether a phrase has such
    beginnings: np.ndarray  # bool (2**slot_bits,), the same for the first characters of phrases
    lengths: np.ndarray  # int32 (n_lengths,) of phrases, in units, ascending
    space: int  # a class
    sentence_end: int  # a class
    n_categories: int
    n_spaced_lengths: int  # so many of the lengths are tried behind a word of a script with spaces
    slot_bits: int
    beginning_chars: int
    phrase_line_chars: int
    max_closers: int
    max_prefix_chars: int
    slots_a_word: int
    long_line_words: float
    counted_salt: int


def tables(arrays: tuple[np.ndarray, ...], space: int, sentence_end: int, n_categories: int, *numbers: float) -> Tables:
    """The first fields of Tables in a tuple, `slots` and `beginnings` as packed bits, then the others."""
    found = Tables._make((*arrays, space, sentence_end, n_categories, *numbers))
    return found._replace(
        steps=found.steps.ravel(),
        categories=found.categories.astype(bool),
        slots=np.unpackbits(found.slots, bitorder="little").astype(bool),
        beginnings=np.unpackbits(found.beginnings, bitorder="little").astype(bool),
    )


def rows(tables: Tables, text: str, starts: np.ndarray, page_starts: np.ndarray, first: int) -> tuple[np.ndarray, ...]:
    """The columns of lines of a text, in the order of measure.KERNEL_COLUMNS; those of several numbers by number.

    `starts` (int64, n + 1) are the lines' first characters, and the character after them all; `page_starts` (int64,
    ascending) the rows with which pages begin, where the first of these lines is row `first`.
    """
    begin = int(starts[0])
    chars = _characters(tables, text[begin : int(starts[-1])], starts - begin)
    first_at, last_at = chars.visible
    counts = _class_counts(tables, chars)
    words = chars.number(BEGINS_WORD).astype(np.float32)
    for spaceless, worth in zip(tables.worth_classes.tolist(), tables.worths, strict=True):
        words += worth * counts[spaceless]
    units = _units(tables, chars)
    weighty_line, weighty = _weighty_words(units)
    page_of = np.searchsorted(page_starts, first + chars.filled, side="right")
    return (
        first + chars.filled, counts, words,
        (counts[tables.sentence_end] - chars.number(AFTER_DOT)).astype(np.int32),
        chars.classes[first_at], chars.classes[_final_at(tables, chars)], chars.classes[last_at],
        _last_scripts(tables, chars, units), (first_at - chars.first).astype(np.int32),
        _line_hashes(units), _prefix_hashes(tables, chars, units), _phrases(tables, units),
        _page_overlap(tables, weighty_line, weighty, page_of, words),
        np.bincount(weighty_line, minlength=len(words)), weighty,
    )  # fmt: skip


class _Characters(NamedTuple):
    """The characters of some lines, and the lines that are not blank."""

    points: np.ndarray  # int64 (n_chars,), rows of the tables by code point
    classes: np.ndarray  # uint8 (n_chars,)
    steps: np.ndarray  # uint8 (n_chars,)
    filled: np.ndarray  # int64 (n,), the lines that are not blank
    first: np.ndarray  # int64 (n,), the first character of each
    beyond: np.ndarray  # int64 (n,), the one behind its last
    visible: tuple[np.ndarray, np.ndarray]  # int64 (n,), the first character of each that is seen, and the last

    def number(self, step: int) -> np.ndarray:
        """int64 (n,): how many characters of each line do this."""
        places = np.flatnonzero(self.steps & step)
        return np.searchsorted(places, self.beyond) - np.searchsorted(places, self.first)


def _characters(tables: Tables, text: str, offsets: np.ndarray) -> _Characters:
    """`offsets` are the lines' first characters, and the number of characters."""
    points = code_points(text)
    if points.max(initial=0) >= len(tables.classes):
        points = np.minimum(points, len(tables.classes) - 1)
    points = points.astype(np.int64)  # numpy indexes by int64 four times as fast
    classes = tables.classes[points]
    before = np.empty(len(classes) + 1, np.int64)
    before[1:] = classes
    before[offsets[:-1]] = tables.space  # a line of no characters may stand behind the last one
    before *= MAX_CLASSES
    before[:-1] += classes
    visible = np.flatnonzero(tables.traits[classes] & VISIBLE)
    bounds = np.searchsorted(visible, offsets)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    seen = visible[bounds[filled]], visible[bounds[filled + 1] - 1]
    steps = tables.steps[before[:-1]]
    return _Characters(points, classes, steps, filled, offsets[filled], offsets[filled + 1], seen)


def _class_counts(tables: Tables, chars: _Characters) -> np.ndarray:
    """int32 (n_classes, n)."""
    n_classes, n_lines = len(tables.traits), len(chars.filled)
    line = np.repeat(np.arange(n_lines), chars.beyond - chars.first)
    if len(line) == len(chars.classes):
        classes = chars.classes
    else:  # but for the blank lines
        classes = np.concatenate(
            [chars.classes[a:b] for a, b in zip(chars.first.tolist(), chars.beyond.tolist(), strict=True)]
            or [chars.classes[:0]]
        )
    line += classes * np.int64(n_lines)
    return np.bincount(line, minlength=n_classes * n_lines).astype(np.int32).reshape(n_classes, n_lines)


def _final_at(tables: Tables, chars: _Characters) -> np.ndarray:
    """Where each line ends but for a few quotes, brackets and marks after its last word or stop."""
    first_at, last_at = chars.visible
    at = last_at.copy()
    line = np.arange(len(at))
    for _ in range(tables.max_closers):
        line = line[(tables.traits[chars.classes[at[line]]] & CLOSER > 0) & (at[line] > first_at[line])]
        at[line] -= 1
    return at


class _Units(NamedTuple):
    """The counted characters of some lines, cut into units: words, or characters of scripts without spaces."""

    at: np.ndarray  # int64 (n_units,), the unit's first character
    starts: np.ndarray  # int64 (n_units + 1,), the same in counted characters; the last one is n_counted
    sums: np.ndarray  # uint64 (n_counted + 1,), of each counted character's random bits times a power
    inverses: np.ndarray  # uint64 (n_powers,), of the powers
    spaceless: np.ndarray  # bool (n_units,)
    line: np.ndarray  # int64 (n_units,)
    line_units: np.ndarray  # int64 (2, n), each line's first unit and the one after its last
    line_chars: np.ndarray  # int64 (2, n), the same in counted characters
    counted_before: np.ndarray  # int64 (n_chars + 1,), the counted characters before each character

    def hashes(self, first: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """uint64 hashes of runs of counted characters, before they are mixed."""
        return (self.sums[beyond] - self.sums[first]) * self.inverses[first]


def _units(tables: Tables, chars: _Characters) -> _Units:
    counted = chars.steps & COUNTED
    counted_before = np.zeros(len(counted) + 1, np.int64)
    np.cumsum(counted, out=counted_before[1:])
    mixed = tables.mixed[chars.points.compress(counted)]  # four times as fast as points[counted]
    mixed *= tables.powers[: len(mixed)]
    sums = np.zeros(len(mixed) + 1, np.uint64)
    np.cumsum(mixed, out=sums[1:])
    at = np.flatnonzero(chars.steps & BEGINS_UNIT)
    line_units = np.searchsorted(at, np.stack((chars.first, chars.beyond)))
    return _Units(
        at=at,
        starts=np.append(counted_before[at], counted_before[-1]),
        sums=sums,
        inverses=tables.inverses,
        spaceless=tables.traits[chars.classes[at]] & SPACELESS > 0,
        line=np.repeat(np.arange(len(chars.filled)), line_units[1] - line_units[0]),
        line_units=line_units,
        line_chars=counted_before[np.stack((chars.first, chars.beyond))],
        counted_before=counted_before,
    )


def _last_scripts(tables: Tables, chars: _Characters, units: _Units) -> np.ndarray:
    """uint8 (n,): the script of each line's last unit, by its first character; 0 where it has none."""
    first, beyond = units.line_units
    found = np.zeros(len(first), np.uint8)
    lines = np.flatnonzero(beyond > first)
    found[lines] = tables.scripts[chars.points[units.at[beyond[lines] - 1]]]
    return found


def _line_hashes(units: _Units) -> np.ndarray:
    first, beyond = units.line_chars
    return np.where(beyond > first, splitmix64(units.hashes(first, beyond)), np.uint64(0))


def _prefix_hashes(tables: Tables, chars: _Characters, units: _Units) -> np.ndarray:
    """uint64 (n,): of the line's characters before its first colon, where they are few; else 0."""
    colons = np.append(np.flatnonzero(chars.steps & IS_COLON), len(chars.steps))
    colon = colons[np.searchsorted(colons, chars.first)]
    first = units.line_chars[0]
    beyond = units.counted_before[np.where(colon < chars.beyond, colon, chars.first)]
    prefixes = np.zeros(len(first), np.uint64)
    short = np.flatnonzero((beyond > first) & (beyond - first <= tables.max_prefix_chars))
    prefixes[short] = splitmix64(units.hashes(first[short], beyond[short])) ^ np.uint64(tables.counted_salt)
    return prefixes


def _phrases(tables: Tables, units: _Units) -> np.ndarray:
    """float32 (n_categories, n): the greatest share of the line's characters that a phrase of the category covers."""
    chars = units.line_chars[1] - units.line_chars[0]
    covered = np.zeros((tables.n_categories, len(chars)), np.float32)
    unit = _phrase_beginnings(tables, units, chars <= tables.phrase_line_chars)
    line = units.line[unit]
    for number, length in enumerate(tables.lengths.tolist()):
        may_fit = unit + length <= units.line_units[1][line]
        if number == tables.n_spaced_lengths:  # longer phrases are of scripts without spaces
            may_fit &= units.spaceless[unit]
        line, unit = line.compress(may_fit), unit.compress(may_fit)  # no room now is no room for longer ones
        if not len(unit):
            break
        beyond = units.starts[unit + length]
        hashes = units.hashes(units.starts[unit], beyond)
        maybe = np.flatnonzero(tables.slots[_slots(tables, hashes)])
        row = np.minimum(np.searchsorted(tables.hashes, hashes[maybe]), len(tables.hashes) - 1)
        is_hit = tables.hashes[row] == hashes[maybe]
        maybe = maybe[is_hit]
        hit, category = np.nonzero(tables.categories[row[is_hit]])
        share = ((beyond[maybe] - units.starts[unit[maybe]]) / chars[line[maybe]]).astype(np.float32)
        np.maximum.at(covered, (category, line[maybe][hit]), share[hit])
    return covered


def _phrase_beginnings(tables: Tables, units: _Units, wanted: np.ndarray) -> np.ndarray:
    """The units (int64) of the wanted lines with which some phrase may begin, by their first characters: 1 in 4."""
    unit = np.flatnonzero(wanted[units.line])
    first = units.starts[unit]
    n_chars = units.starts[unit + 1] - first
    begins = np.zeros(len(unit), bool)
    for length in range(1, tables.beginning_chars + 1):  # a phrase so short can begin with a unit that is no longer
        at = slice(None) if length == tables.beginning_chars else np.flatnonzero(n_chars <= length)
        beyond = np.minimum(first[at] + length, len(units.sums) - 1)  # past the line's end there is no phrase to miss
        begins[at] |= tables.beginnings[_slots(tables, units.hashes(first[at], beyond))]
    return unit.compress(begins)


def _slots(tables: Tables, hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - tables.slot_bits)).astype(np.int64)


def _weighty_words(units: _Units) -> tuple[np.ndarray, np.ndarray]:
    """(int64 line, uint64 hash) of the words that tell something, not those of one or two letters, in order.

    Where there are no spaces, the pairs of neighbouring characters.
    """
    unit = np.flatnonzero((np.diff(units.starts) >= MIN_WORD_CHARS) | units.spaceless)
    line = units.line[unit]
    beyond = np.minimum(units.starts[unit + 1] + units.spaceless[unit], units.line_chars[1][line])
    return line, splitmix64(units.hashes(units.starts[unit], beyond))


def _page_overlap(
    tables: Tables, line: np.ndarray, hashes: np.ndarray, page_of: np.ndarray, words: np.ndarray
) -> np.ndarray:
    """float32 (n,): the share of each line's words that stand in a long line of its page.

    A title and a caption share words with the article, another article's headline few. A long line's own words
    count where another long line has them too.
    """
    n_lines = len(page_of)
    total = np.bincount(line, minlength=n_lines)
    table_starts, shifts = _word_tables(tables, page_of, total)
    slots = table_starts[line] + (hashes >> shifts[line]).astype(np.int64)
    in_long = np.flatnonzero((words >= tables.long_line_words)[line])
    owner = np.full(table_starts[-1], -1, np.int32)  # a long line that has the word, or -2 where several have
    long_slots, long_line = slots[in_long], line[in_long].astype(np.int32)
    owner[long_slots] = long_line
    owner[long_slots[owner[long_slots] != long_line]] = -2
    found = owner[slots]
    shared = (found == -2) | ((found >= 0) & (found != line))
    n_shared = np.bincount(line.compress(shared), minlength=n_lines)
    return (n_shared / np.maximum(total, 1)).astype(np.float32)


def _word_tables(tables: Tables, page_of: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the table of each line's page starts (one more row: where all end), and the shift of a hash to its slot.

    A page has a table of its own, as large as its words ask for, so that it is judged the same in any batch.
    """
    page = page_of - page_of[:1]
    n_words = np.bincount(page, weights=total, minlength=1)
    bits = np.ceil(np.log2(tables.slots_a_word * np.maximum(n_words, 1))).astype(np.int64)
    ends = np.cumsum(1 << bits)
    starts = np.append((ends - (1 << bits))[page], ends[-1:])
    return starts, (64 - bits).astype(np.uint64)[page]


def splitmix64(values: np.ndarray) -> np.ndarray:
    """uint64 in, uint64 out: every input bit changes about half of the output bits (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
