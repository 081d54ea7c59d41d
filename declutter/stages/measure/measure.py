"""Lines to Measures: what is counted in each line.

One pass in C over the text counts it (kernels/measure.c), or, where that is not installed, numpy over the code points
of many lines at once: the same bits, but four times as slow over many pages, and twelve times over a single one.
Everything later (repetition, features, rules) reads these columns; nothing else looks at characters.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from declutter.lines import Lines, Measures, code_points
from declutter.stages.measure import characters
from declutter.stages.measure.characters import character_tables, splitmix64
from declutter.stages.measure.phrases import CATEGORIES, phrases_by_category

try:
    from declutter.stages.kernels import measure as kernel
except ImportError:  # declutter was installed without a compiler; NumPy does the same, slower
    kernel = None

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
    return _by_kernel(lines, first, offsets) if kernel else _by_numpy(lines, first, offsets)


#: What the kernel makes, in this order: dtype, and numbers a line (the last column has its own length).
KERNEL_COLUMNS = {
    "rows": (np.int64, 1), "counts": (np.int32, characters.N_CLASSES), "words": (np.float32, 1),
    "sentence_ends": (np.int32, 1), "first_class": (np.uint8, 1), "final_class": (np.uint8, 1),
    "last_class": (np.uint8, 1), "script": (np.uint8, 1), "indent_chars": (np.int32, 1), "fingerprint": (np.uint64, 1),
    "prefix": (np.uint64, 1), "phrases": (np.float32, len(CATEGORIES)), "page_overlap": (np.float32, 1),
    "n_weighty": (np.int64, 1), "word_hashes": (np.uint64, 1),
}  # fmt: skip


def _by_kernel(lines: Lines, first: int, starts: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of the rows from `first` on, whose first characters are `starts` (int64), and where they end."""
    tables = _kernel_tables(max(CHUNK_CHARS, MAX_LINE_CHARS) + 1)
    starts, page_starts = (np.ascontiguousarray(rows, np.int64) for rows in (starts, lines.page_starts))
    found = kernel.rows(tables, lines.text, starts, page_starts, first)
    columns = {}
    for (name, (dtype, n_numbers)), column in zip(KERNEL_COLUMNS.items(), found, strict=True):
        numbers = np.frombuffer(column, dtype)
        columns[name] = numbers if n_numbers == 1 else numbers.reshape(n_numbers, -1).T
    return columns


@cache
def _kernel_tables(n_powers: int):
    """What the kernel measures by, for lines of fewer characters than `n_powers`."""
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

    uint8 (32, 32), as the kernel has room for 32 classes.
    1: it counts, as a word character or the first of a run of digits. 2: a unit begins (see `_cut`). 4: a word begins
    (`_words`). 8: the sentence end before it is none (`_sentence_ends`). 16: it is a colon.
    """
    before, own = np.indices((32, 32))
    is_word, was_word = own < characters.N_WORD_CLASSES, before < characters.N_WORD_CLASSES
    spaced, was_spaced = own < characters.N_SPACED_WORD_CLASSES, before < characters.N_SPACED_WORD_CLASSES
    counts = is_word & ((own != characters.DIGIT) | (before != characters.DIGIT))
    begins = is_word & (~was_word | ~spaced | (~was_spaced & (own != characters.MARK)))
    dot_is_inside = (before == characters.SENTENCE_END) & spaced
    bits = (counts, begins, spaced & ~was_word, dot_is_inside, own == characters.COLON)
    return sum(mark.astype(np.uint8) << bit for bit, mark in enumerate(bits))


def _traits() -> np.ndarray:
    """uint8 (N_CLASSES,), bits. 1: seen. 2: of words without spaces. 4: a closer."""
    own = np.arange(characters.N_CLASSES)
    spaceless = (own >= characters.N_SPACED_WORD_CLASSES) & (own < characters.N_WORD_CLASSES)
    return ((own < characters.N_VISIBLE_CLASSES) + 2 * spaceless + 4 * _CLOSERS).astype(np.uint8)


def _by_numpy(lines: Lines, first: int, starts: np.ndarray) -> dict[str, np.ndarray]:
    """The same, without the kernel."""
    tables = character_tables()
    begin = int(starts[0])
    offsets = starts - begin
    points = _table_rows(lines.text[begin : begin + int(offsets[-1])])
    classes = tables.classes[points]
    runs = _runs(classes, offsets)
    visible = np.flatnonzero(runs.classes < characters.N_VISIBLE_CLASSES)
    bounds = runs.number_before(runs.classes < characters.N_VISIBLE_CLASSES)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    first_run, last_run = visible[bounds[filled]], visible[bounds[filled + 1] - 1]
    first_at, last_at = runs.starts[first_run], runs.starts[last_run + 1] - 1
    counts = _class_counts(runs).take(filled, axis=1).T  # each class's column in one piece: later stages read columns
    words = _words(runs, counts, filled)
    units = _units(points, classes, runs, filled, tables)
    page_of = np.searchsorted(lines.page_starts, first + filled, side="right")
    weighty = _weighty_words(units)
    return {
        "rows": first + filled,
        "counts": counts,
        "words": words,
        "sentence_ends": _sentence_ends(runs)[filled],
        "first_class": runs.classes[first_run],
        "final_class": classes[_final_at(classes, first_at, last_at)],
        "last_class": runs.classes[last_run],
        "script": units.line_scripts,
        "indent_chars": (first_at - offsets[filled]).astype(np.int32),
        "fingerprint": units.line_hashes(),
        "prefix": units.prefix_hashes(),
        "phrases": _phrases(units),
        "page_overlap": _page_overlap(*weighty, page_of, words),
        "n_weighty": np.bincount(weighty.line, minlength=len(filled)),
        "word_hashes": weighty.hashes,
    }


def _table_rows(text: str) -> np.ndarray:
    """int64: the row of each character in the character tables (numpy indexes by int64 four times as fast)."""
    points = code_points(text)
    if points.max(initial=0) >= characters.TABLE_SIZE:
        points = np.minimum(points, characters.TABLE_SIZE - 1)
    return points.astype(np.int64)


class _Runs(NamedTuple):
    """A chunk as runs of characters of one class, none of which spans two lines.

    Text has a third as many runs as characters, so most of what is counted is counted in runs.
    """

    starts: np.ndarray  # int64 (n_runs + 1,), each run's first character; the last one is n_chars
    classes: np.ndarray  # uint8 (n_runs,)
    line_runs: np.ndarray  # int64 (n_lines + 1,), each line's first run; the last one is n_runs
    line: np.ndarray  # int64 (n_runs,), the line each run is of

    def number_before(self, values: np.ndarray) -> np.ndarray:
        """int64 (n_lines + 1,): the sum of one number a run over the runs before each line, and over all."""
        sums = np.zeros(len(values) + 1, np.int64)
        np.cumsum(values, out=sums[1:])
        return sums[self.line_runs]

    def follows(self, marks: np.ndarray) -> np.ndarray:
        """bool (n_runs,): whether the run before, on the same line, is marked."""
        after = np.zeros(len(marks), bool)
        after[1:] = marks[:-1]
        after[self.line_runs[:-1]] = False
        return after


def _runs(classes: np.ndarray, offsets: np.ndarray) -> _Runs:
    """`offsets` are the lines' first characters, and the number of characters; no line is without any."""
    begins_line = np.zeros(len(classes), bool)
    begins_line[offsets[:-1]] = True
    begins = begins_line.copy()  # a page may end without a terminator
    begins[1:] |= classes[1:] != classes[:-1]
    starts = np.flatnonzero(begins)
    line_runs = np.append(np.flatnonzero(begins_line[starts]), len(starts))
    line = np.repeat(np.arange(len(offsets) - 1), np.diff(line_runs))
    return _Runs(np.append(starts, len(classes)), classes[starts], line_runs, line)


def _class_counts(runs: _Runs) -> np.ndarray:
    """int32 (N_CLASSES, n_lines)."""
    n_lines = len(runs.line_runs) - 1
    cell = runs.classes * np.int64(n_lines) + runs.line
    counts = np.bincount(cell, weights=np.diff(runs.starts), minlength=n_lines * characters.N_CLASSES)
    return counts.astype(np.int32).reshape(characters.N_CLASSES, n_lines)


def _words(runs: _Runs, counts: np.ndarray, filled: np.ndarray) -> np.ndarray:
    makes_words = runs.classes < characters.N_SPACED_WORD_CLASSES
    begins = makes_words & ~runs.follows(runs.classes < characters.N_WORD_CLASSES)
    words = np.diff(runs.number_before(begins))[filled].astype(np.float32)
    for spaceless, worth in characters.WORDS_PER_CHARACTER.items():
        words += np.float32(worth) * counts[:, spaceless]
    return words


def _sentence_ends(runs: _Runs) -> np.ndarray:
    """int32 (n_lines,): sentence enders, but for the dot of 3.5 or example.org."""
    ends = np.flatnonzero(runs.classes == characters.SENTENCE_END)
    next_class = np.append(runs.classes, characters.SPACE)[ends + 1]
    # a page may end without a terminator
    next_class[np.append(runs.line, -1)[ends + 1] != runs.line[ends]] = characters.SPACE
    n_ends = runs.starts[ends + 1] - runs.starts[ends] - (next_class < characters.N_SPACED_WORD_CLASSES)
    return np.bincount(runs.line[ends], weights=n_ends, minlength=len(runs.line_runs) - 1).astype(np.int32)


def _final_at(classes: np.ndarray, first_at: np.ndarray, last_at: np.ndarray) -> np.ndarray:
    """Where the line ends but for up to MAX_CLOSERS quotes, brackets and marks after its last word or stop."""
    at = last_at.copy()
    line = np.arange(len(at))
    for _ in range(MAX_CLOSERS):
        line = line[_CLOSERS[classes[at[line]]] & (at[line] > first_at[line])]
        at[line] -= 1
    return at


class _Units(NamedTuple):
    """The word characters of a chunk, cut into units: words, or characters of scripts without spaces.

    `sums` are prefix sums of each character's random bits times a power of _MULTIPLIER, modulo 2**64; so the hash of
    any run of characters is one difference times the inverse power of its start (Rabin and Karp 1987).
    """

    sums: np.ndarray  # uint64 (n_chars + 1,)
    starts: np.ndarray  # int64 (n_units + 1,), the unit's first character; the last one is n_chars
    start_sums: np.ndarray  # uint64 (n_units + 1,), `sums` at the starts
    inverses: np.ndarray  # uint64 (n_units,), the inverse powers of the starts
    line: np.ndarray  # int64 (n_units,), the line each unit is of
    spaceless: np.ndarray | None  # bool (n_units,), None where no unit is
    line_chars: np.ndarray  # int64 (2, n_lines), each line's first character and the one after its last
    line_units: np.ndarray  # int64 (2, n_lines), the same in units
    line_scripts: np.ndarray  # uint8 (n_lines,), of the line's last word; "none" where it is a number or there is none
    prefix_ends: np.ndarray  # int64 (n_lines,), the character after the line's words before a colon; its first if none

    def hashes(self, first: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """uint64 hashes of runs of characters, the same for equal runs anywhere."""
        _, inverses = _powers(CHUNK_CHARS + 1)
        return splitmix64((self.sums[beyond] - self.sums[first]) * inverses[first])

    def line_hashes(self) -> np.ndarray:
        first, beyond = self.line_chars
        return np.where(beyond > first, self.hashes(first, beyond), np.uint64(0))

    def prefix_hashes(self) -> np.ndarray:
        first = self.line_chars[0]
        prefixes = np.zeros(len(first), np.uint64)
        short = np.flatnonzero((self.prefix_ends > first) & (self.prefix_ends - first <= MAX_PREFIX_CHARS))
        prefixes[short] = self.hashes(first[short], self.prefix_ends[short]) ^ _COUNTED
        return prefixes

    def raw_hashes(self, unit: np.ndarray, beyond: np.ndarray) -> np.ndarray:
        """uint64 hashes of the characters from a unit's first to the one before `beyond`: what `hashes` still mixes."""
        return (self.sums[beyond] - self.start_sums[unit]) * self.inverses[unit]


def _units(
    points: np.ndarray, classes: np.ndarray, runs: _Runs, filled: np.ndarray, tables: characters.CharacterTables
) -> _Units:
    """The units of the lines `filled` (int64); no other line may have any."""
    counted = _counted_chars(classes, runs)
    mixed = tables.mixed[points.compress(counted)]  # four times as fast as points[counted]
    powers, inverses = _powers(CHUNK_CHARS + 1)
    mixed *= powers[: len(mixed)]
    sums = np.zeros(len(mixed) + 1, np.uint64)
    np.cumsum(mixed, out=sums[1:])
    before = _counted_before(runs)
    cut = _cut(runs)
    starts = before[cut.run] if cut.within is None else before[cut.run] + cut.within
    line_first, line_beyond = runs.line_runs[filled], runs.line_runs[filled + 1]
    line_units = np.stack((cut.line_units[filled], cut.line_units[filled + 1]))
    line_of = np.repeat(np.arange(len(filled)), line_units[1] - line_units[0])
    starts = np.append(starts, before[-1])
    return _Units(
        sums=sums,
        starts=starts,
        start_sums=sums[starts],
        inverses=inverses[starts[:-1]],
        line=line_of,
        spaceless=None if cut.within is None else runs.classes[cut.run] >= characters.N_SPACED_WORD_CLASSES,
        line_chars=before[np.stack((line_first, line_beyond))],
        line_units=line_units,
        line_scripts=_last_scripts(points, runs, cut, line_units, tables),
        prefix_ends=before[_first_colons(runs, line_first, line_beyond)],
    )


def _counted_chars(classes: np.ndarray, runs: _Runs) -> np.ndarray:
    """bool (n_chars,): the word characters, but of a run of digits the first alone: it counts as one."""
    counted = (classes < characters.N_WORD_CLASSES) & (classes != characters.DIGIT)
    counted[runs.starts[:-1][runs.classes == characters.DIGIT]] = True
    return counted


def _counted_before(runs: _Runs) -> np.ndarray:
    """int64 (n_runs + 1,): how many characters are counted before each run."""
    n_counted = np.diff(runs.starts) * (runs.classes < characters.N_WORD_CLASSES)
    n_counted[np.flatnonzero(runs.classes == characters.DIGIT)] = 1
    before = np.zeros(len(n_counted) + 1, np.int64)
    np.cumsum(n_counted, out=before[1:])
    return before


class _Cut(NamedTuple):
    """Where units begin."""

    run: np.ndarray  # int64 (n_units,), the run
    within: np.ndarray | None  # int64 (n_units,), the character of that run; None where it is always the first
    line_units: np.ndarray  # int64 (n_lines + 1,), units before each line, and all


def _cut(runs: _Runs) -> _Cut:
    is_word = runs.classes < characters.N_WORD_CLASSES
    begins = is_word & ~runs.follows(is_word)
    spaceless = is_word & (runs.classes >= characters.N_SPACED_WORD_CLASSES)
    if not spaceless.any():
        return _Cut(np.flatnonzero(begins), None, runs.number_before(begins))
    begins |= is_word & runs.follows(spaceless) & (runs.classes != characters.MARK)
    n_units = np.where(spaceless, np.diff(runs.starts), begins)
    run = np.repeat(np.arange(len(n_units)), n_units)
    within = np.arange(len(run)) - np.repeat(np.cumsum(n_units) - n_units, n_units)
    return _Cut(run, within, runs.number_before(n_units))


def _last_scripts(
    points: np.ndarray, runs: _Runs, cut: _Cut, line_units: np.ndarray, tables: characters.CharacterTables
) -> np.ndarray:
    """uint8 (n_lines,): the script of each line's last unit, by its first character; 0 where it has none."""
    found = np.zeros(line_units.shape[1], np.uint8)
    lines = np.flatnonzero(line_units[1] > line_units[0])
    last = line_units[1][lines] - 1
    at = runs.starts[cut.run[last]]
    found[lines] = tables.scripts[points[at if cut.within is None else at + cut.within[last]]]
    return found


def _first_colons(runs: _Runs, first: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """The run of each line's first colon, the line's first run where it has none."""
    colons = np.append(np.flatnonzero(runs.classes == characters.COLON), len(runs.classes))
    run = colons[np.searchsorted(colons, first)]
    return np.where(run < beyond, run, first)


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
    """The phrases, hashed by the same code as the lines they are looked for in."""
    found: dict[int, np.ndarray] = {}
    unit_counts = set()
    tables = character_tables()
    beginnings = np.zeros(1 << SLOT_BITS, bool)
    for column, phrases in enumerate(phrases_by_category().values()):
        points = _table_rows("\n".join(phrases) + "\n")
        offsets = np.concatenate(([0], np.flatnonzero(points == ord("\n")) + 1))
        classes = tables.classes[points]
        units = _units(points, classes, _runs(classes, offsets), np.arange(len(phrases)), tables)
        unit_counts |= set((units.line_units[1] - units.line_units[0]).tolist())
        unit, beyond = units.line_units[0], units.line_chars[1]
        for value in units.raw_hashes(unit, beyond).tolist():
            found.setdefault(value, np.zeros(len(CATEGORIES), bool))[column] = True
        beginnings[_slots(units.raw_hashes(unit, np.minimum(units.line_chars[0] + BEGINNING_CHARS, beyond)))] = True
    hashes = np.array(sorted(found), np.uint64)
    slots = np.zeros(1 << SLOT_BITS, bool)
    slots[_slots(hashes)] = True
    categories = np.stack([found[value] for value in hashes.tolist()])
    lengths = tuple(n for n in sorted(unit_counts) if 0 < n <= MAX_PHRASE_UNITS)
    return _PhraseTable(hashes, categories, slots, beginnings, lengths)


def _slots(hashes: np.ndarray) -> np.ndarray:
    return (hashes >> np.uint64(64 - SLOT_BITS)).astype(np.int64)


def _phrases(units: _Units) -> np.ndarray:
    """The greatest share of each line's characters that one phrase of each category covers; float32."""
    table = _phrase_table()
    chars = units.line_chars[1] - units.line_chars[0]
    covered = np.zeros((len(CATEGORIES), len(chars)), np.float32)
    hits = []
    unit = _phrase_beginnings(units, chars <= PHRASE_LINE_CHARS)
    line = units.line[unit]
    for length in table.unit_counts:
        may_fit = unit + length <= units.line_units[1][line]
        if length == LONGEST_SPACED_PHRASE + 1:  # longer phrases are of scripts without spaces
            may_fit &= units.spaceless is not None and units.spaceless[unit]
        line, unit = line.compress(may_fit), unit.compress(may_fit)  # no room now is no room for longer ones
        if not len(unit):
            break
        beyond = units.starts[unit + length]
        hashes = units.raw_hashes(unit, beyond)
        maybe = np.flatnonzero(table.slots[_slots(hashes)])
        row = np.minimum(np.searchsorted(table.hashes, hashes[maybe]), len(table.hashes) - 1)
        is_hit = table.hashes[row] == hashes[maybe]
        maybe = maybe[is_hit]
        hits.append((row[is_hit], line[maybe], beyond[maybe] - units.starts[unit[maybe]]))
    if hits:
        row, line, n_chars = map(np.concatenate, zip(*hits, strict=True))
        hit, category = np.nonzero(table.categories[row])
        share = (n_chars / chars[line]).astype(np.float32)
        np.maximum.at(covered.reshape(-1), category * len(chars) + line[hit], share[hit])
    return covered.T


def _phrase_beginnings(units: _Units, wanted: np.ndarray) -> np.ndarray:
    """The units (int64) of the wanted lines with which some phrase may begin, by their first characters: 1 in 4."""
    table = _phrase_table()
    unit = np.flatnonzero(wanted[units.line])
    first = units.starts[unit]
    n_chars = units.starts[unit + 1] - first
    begins = np.zeros(len(unit), bool)
    for length in range(1, BEGINNING_CHARS + 1):  # a phrase so short can begin with a unit that is no longer
        at = slice(None) if length == BEGINNING_CHARS else np.flatnonzero(n_chars <= length)
        beyond = np.minimum(first[at] + length, len(units.sums) - 1)  # past the line's end there is no phrase to miss
        begins[at] |= table.beginnings[_slots(units.raw_hashes(unit[at], beyond))]
    return unit.compress(begins)


def _page_overlap(line: np.ndarray, hashes: np.ndarray, page_of: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Share of each line's words (pairs of characters without spaces) that stand in a long line of its page.

    A title and a caption share words with the article, another article's headline few. A long line's own words
    count where another long line has them too.
    """
    n_lines = len(page_of)
    total = np.bincount(line, minlength=n_lines)
    table_starts, shifts = _word_tables(page_of, total)
    slots = table_starts[line] + (hashes >> shifts[line]).astype(np.int64)
    in_long = np.flatnonzero((words >= LONG_LINE_WORDS)[line])
    owner = np.full(table_starts[-1], -1, np.int32)  # a long line that has the word, or -2 where several have
    long_slots, long_line = slots[in_long], line[in_long].astype(np.int32)
    owner[long_slots] = long_line
    owner[long_slots[owner[long_slots] != long_line]] = -2
    found = owner[slots]
    shared = (found == -2) | ((found >= 0) & (found != line))
    n_shared = np.bincount(line.compress(shared), minlength=n_lines)
    return (n_shared / np.maximum(total, 1)).astype(np.float32)


def _word_tables(page_of: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the table of each line's page starts (one more row: where all end), and the shift of a hash to its slot.

    A page has a table of its own, as large as its words ask for, so that it is judged the same in any batch.
    """
    page = page_of - page_of[:1]
    n_words = np.bincount(page, weights=total, minlength=1)
    bits = np.ceil(np.log2(SLOTS_A_WORD * np.maximum(n_words, 1))).astype(np.int64)
    ends = np.cumsum(1 << bits)
    starts = np.append((ends - (1 << bits))[page], ends[-1:])
    return starts, (64 - bits).astype(np.uint64)[page]


class _Weighty(NamedTuple):
    line: np.ndarray  # int64 (n_words,)
    hashes: np.ndarray  # uint64 (n_words,)


def _weighty_words(units: _Units) -> _Weighty:
    """The words that tell something, not those of one or two letters, in order.

    Where there are no spaces, the pairs of neighbouring characters.
    """
    is_weighty = np.diff(units.starts) >= 3
    if units.spaceless is None:
        unit = np.flatnonzero(is_weighty)
        return _Weighty(units.line[unit], splitmix64(units.raw_hashes(unit, units.starts[unit + 1])))
    unit = np.flatnonzero(is_weighty | units.spaceless)
    pairs = units.starts[unit + 1] + units.spaceless[unit]
    beyond = np.minimum(pairs, units.line_chars[1][units.line[unit]])
    return _Weighty(units.line[unit], splitmix64(units.raw_hashes(unit, beyond)))
