"""Lines to Measures: what is counted in each line.

One pass over the text counts it (kernels/measure). Everything later (repetition, features, rules) reads these columns;
nothing else looks at characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np

from declutter.lines import Lines, Measures, code_points
from declutter.stages import kernels
from declutter.stages.kernels.measure import BEGINS_UNIT, COUNTED, MAX_CLASSES
from declutter.stages.measure import characters
from declutter.stages.measure.characters import character_tables
from declutter.stages.measure.phrases import CATEGORIES, phrases_by_category

CHUNK_CHARS = 1 << 17  # characters measured at once: 1 MB of working arrays stay near the processor
MAX_LINE_CHARS = 1 << 16  # a longer line is measured by its first characters; it is prose or data either way
PHRASE_LINE_CHARS = 160  # phrases are looked for in lines of at most so many word characters
LONGEST_SPACED_PHRASE = 5  # in units
SLOT_BITS = 18  # of the phrases' hashes: one in 25 of other hashes passes the test
BEGINNING_CHARS = 4  # by so many of its first characters a unit is sifted out with which no phrase begins
MAX_PHRASE_UNITS = 20  # a unit is a word, or one character of a script without spaces
LONG_LINE_WORDS = 15.0  # lines from this length on lend their words to `page_overlap`
MAX_CLOSERS = 4
MAX_PREFIX_CHARS = 40  # "Read also: ..." and "Source: ..." have short prefixes
SLOTS_A_WORD = 16  # of the table of a page's words, rounded up to a power of two: under 6% false answers
_MULTIPLIER = 0x9E3779B97F4A7C15 | 1  # odd, so that powers have inverses modulo 2**64
_COUNTED = np.uint64(0xD6E8FEB86659FD93)
_CLOSERS = np.isin(
    np.arange(characters.N_CLASSES), (characters.QUOTE, characters.BRACKET, characters.MARK, characters.SPACE)
)


def measure(lines: Lines) -> Measures:
    """Measure every line that is not blank."""
    parts = [_measure_rows(lines, first, last) for first, last in _chunks(lines)]
    if not parts:
        parts = [_measure_rows(Lines("\n", np.array([0, 1]), np.array([0]), np.array([0, 1])), 0, 1)]
    columns = parts[0]
    if len(parts) > 1:
        columns = {name: np.concatenate([part[name] for part in parts]) for name in columns}
    page_starts = np.searchsorted(columns["rows"], lines.page_starts)
    word_starts = np.zeros(len(columns["rows"]) + 1, np.int64)
    np.cumsum(columns.pop("n_weighty"), out=word_starts[1:])
    return Measures(page_starts=page_starts, word_starts=word_starts, **columns)


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
    """The columns of one chunk."""
    offsets = lines.starts[first : last + 1]
    if offsets[-1] - offsets[0] > CHUNK_CHARS:  # one line, longer than a chunk
        n_chars = min(MAX_LINE_CHARS, int(offsets[-1] - offsets[0]))
        offsets = offsets[0] + np.array([0, n_chars], np.int64)
    tables = _tables(kernels.measure, max(CHUNK_CHARS, MAX_LINE_CHARS) + 1)
    offsets, page_starts = (np.ascontiguousarray(rows, np.int64) for rows in (offsets, lines.page_starts))
    found = kernels.measure.rows(tables, lines.text, offsets, page_starts, first)
    columns = {}
    for (name, (dtype, n_numbers)), column in zip(KERNEL_COLUMNS.items(), found, strict=True):
        numbers = np.frombuffer(column, dtype)
        columns[name] = numbers if n_numbers == 1 else numbers.reshape(n_numbers, -1).T
    return columns


#: What the kernel makes, in this order: dtype, and numbers a line (the last column has its own length).
KERNEL_COLUMNS = {
    "rows": (np.int64, 1), "counts": (np.int32, characters.N_CLASSES), "words": (np.float32, 1),
    "sentence_ends": (np.int32, 1), "first_class": (np.uint8, 1), "final_class": (np.uint8, 1),
    "last_class": (np.uint8, 1), "script": (np.uint8, 1), "indent_chars": (np.int32, 1), "fingerprint": (np.uint64, 1),
    "prefix": (np.uint64, 1), "phrases": (np.float32, len(CATEGORIES)), "page_overlap": (np.float32, 1),
    "n_weighty": (np.int64, 1), "word_hashes": (np.uint64, 1),
}  # fmt: skip


@cache
def _tables(kernel: ModuleType, n_powers: int):
    """What a kernel measures by, for lines of fewer characters than `n_powers`."""
    tables, phrases = character_tables(), _phrase_table()
    lengths = phrases.unit_counts
    longer = LONGEST_SPACED_PHRASE + 1
    arrays = (
        *(tables.classes, tables.scripts, tables.mixed, *_powers(n_powers), _steps(), _traits()),
        np.array(list(characters.WORDS_PER_CHARACTER), np.uint8),
        np.array(list(characters.WORDS_PER_CHARACTER.values()), np.float32),
        *(phrases.hashes, np.ascontiguousarray(phrases.categories, np.uint8)),
        *(np.packbits(bits, bitorder="little") for bits in (phrases.slots, phrases.beginnings)),
        np.array(lengths, np.int32),
    )
    n_spaced_lengths = lengths.index(longer) if longer in lengths else len(lengths)
    classes = (characters.SPACE, characters.SENTENCE_END)
    sizes = (SLOT_BITS, BEGINNING_CHARS, PHRASE_LINE_CHARS, MAX_CLOSERS, MAX_PREFIX_CHARS, SLOTS_A_WORD)
    return kernel.tables(arrays, *classes, len(CATEGORIES), n_spaced_lengths, *sizes, LONG_LINE_WORDS, int(_COUNTED))


def _steps() -> np.ndarray:
    """What a character does, by the class before it on its line (SPACE if none) and its own, in bits.

    uint8 (MAX_CLASSES, MAX_CLASSES); the bits are those of kernels/measure: COUNTED, a word character or the first of a
    run of digits. BEGINS_UNIT, a word or a character of a script without spaces. BEGINS_WORD, of a script with spaces.
    AFTER_DOT: the sentence end before it is none, as in 3.5 or example.org. IS_COLON.
    """
    before, own = np.indices((MAX_CLASSES, MAX_CLASSES))
    is_word, was_word = own < characters.N_WORD_CLASSES, before < characters.N_WORD_CLASSES
    spaced, was_spaced = own < characters.N_SPACED_WORD_CLASSES, before < characters.N_SPACED_WORD_CLASSES
    counts = is_word & ((own != characters.DIGIT) | (before != characters.DIGIT))
    begins = is_word & (~was_word | ~spaced | (~was_spaced & (own != characters.MARK)))
    dot_is_inside = (before == characters.SENTENCE_END) & spaced
    bits = (counts, begins, spaced & ~was_word, dot_is_inside, own == characters.COLON)
    return sum(mark.astype(np.uint8) << bit for bit, mark in enumerate(bits))


def _traits() -> np.ndarray:
    """uint8 (N_CLASSES,), the bits of kernels/measure: VISIBLE, SPACELESS, CLOSER."""
    own = np.arange(characters.N_CLASSES)
    spaceless = (own >= characters.N_SPACED_WORD_CLASSES) & (own < characters.N_WORD_CLASSES)
    return ((own < characters.N_VISIBLE_CLASSES) + 2 * spaceless + 4 * _CLOSERS).astype(np.uint8)


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
    hashes: np.ndarray  # uint64, ascending; raw ones, see `_Units.raw_hashes`
    categories: np.ndarray  # bool (n_phrases, n_categories)
    slots: np.ndarray  # bool, a first cheap test by the top SLOT_BITS of a hash
    beginnings: np.ndarray  # bool, the same for the first BEGINNING_CHARS characters of phrases, or all of shorter ones
    unit_counts: tuple[int, ...]  # lengths in units that phrases have


@cache
def _phrase_table() -> _PhraseTable:
    """The phrases, hashed as the kernel hashes the lines that they are looked for in."""
    found: dict[int, np.ndarray] = {}
    unit_counts: set[int] = set()
    beginnings = np.zeros(1 << SLOT_BITS, bool)
    for column, phrases in enumerate(phrases_by_category().values()):
        hashes, hashes_of_beginnings, n_units = _phrase_hashes(phrases)
        unit_counts |= set(n_units.tolist())
        for value in hashes.tolist():
            found.setdefault(value, np.zeros(len(CATEGORIES), bool))[column] = True
        beginnings[_slots(hashes_of_beginnings)] = True
    hashes = np.array(sorted(found), np.uint64)
    slots = np.zeros(1 << SLOT_BITS, bool)
    slots[_slots(hashes)] = True
    categories = np.stack([found[value] for value in hashes.tolist()])
    lengths = tuple(n for n in sorted(unit_counts) if 0 < n <= MAX_PHRASE_UNITS)
    return _PhraseTable(hashes, categories, slots, beginnings, lengths)


def _phrase_hashes(phrases: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(uint64 hashes, not mixed; those of the first BEGINNING_CHARS characters; int64 lengths in units)."""
    tables = character_tables()
    points = np.minimum(code_points("\n".join(phrases) + "\n"), characters.TABLE_SIZE - 1)
    starts = np.cumsum([0, *(len(phrase) + 1 for phrase in phrases)])
    classes = tables.classes[points]
    steps = _steps()[np.append(characters.SPACE, classes[:-1]), classes]
    counted = (steps & COUNTED).astype(np.int64)
    number = np.cumsum(counted) - counted
    number -= np.repeat(number[starts[:-1]], np.diff(starts))  # from the phrase's first character that counts
    terms = tables.mixed[points] * _powers(int(number.max()) + 1)[0][number] * counted.astype(np.uint64)
    whole, beginning, n_units = (
        np.add.reduceat(values, starts[:-1])
        for values in (terms, np.where(number < BEGINNING_CHARS, terms, np.uint64(0)), (steps & BEGINS_UNIT) >> 1)
    )
    return whole, beginning, n_units


def _slots(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - SLOT_BITS)).astype(np.int64)
