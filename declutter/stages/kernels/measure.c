/* What is counted in each line, as measure.py counts it with NumPy: the same bits in every column.

   A line is read once, without branches on what its characters are: each step is looked up by the classes of a
   character and the one before it. Hashes are sums of random bits times powers of an odd number, modulo 2**64; here the
   powers begin anew with each line, which the hash of a run of characters does not see. All tables come from Python. */

#include "kernel.h"

#define CLASS_BITS 5
#define MAX_CLASSES (1 << CLASS_BITS) /* rows and columns of the table of steps */
#define MAX_CATEGORIES 31
#define MAX_SLOTS_A_WORD (1 << 7)
#define MAX_CHARS (1 << 23) /* measured at once: so no product of sizes overflows */
#define LANES 4             /* counts side by side: one need not wait until the last one is written */

/* What a character of a class does behind one of another: measure._steps */
enum { COUNTED = 1, BEGINS_UNIT = 2, BEGINS_WORD = 4, AFTER_DOT = 8, IS_COLON = 16 };
/* What classes are: measure._traits */
enum { VISIBLE = 1, SPACELESS = 2, CLOSER = 4 };

#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE static inline
#endif

enum { CLASSES, SCRIPTS, MIXED, POWERS, INVERSES, STEPS, TRAITS, WORTH_CLASSES, WORTHS, HASHES, CATEGORIES, SLOTS,
       BEGINNINGS, LENGTHS, N_BUFFERS };

typedef struct {
    Py_buffer buffers[N_BUFFERS];
    const uint8_t *classes, *scripts;  /* (n_points,) by code point; those beyond share the last row */
    const uint64_t *mixed;             /* (n_points,) random bits */
    const uint64_t *powers, *inverses; /* (n_powers,) */
    const uint8_t *steps;              /* (MAX_CLASSES, MAX_CLASSES) by the class before and the class */
    const uint8_t *traits;             /* (n_classes,) */
    const uint8_t *worth_classes;      /* (n_worths,) classes of scripts without spaces */
    const float *worths;               /* (n_worths,) the words that one of their characters is worth */
    const uint64_t *hashes;            /* (n_phrases,) ascending */
    const uint8_t *categories;         /* (n_phrases, n_categories) 0 or 1 */
    const uint8_t *slots, *beginnings; /* a bit for each value of the first slot_bits of a hash */
    const int32_t *lengths;            /* (n_lengths,) of phrases, in units, ascending */
    Py_ssize_t n_points, n_powers, n_classes, n_worths, n_phrases, n_categories, n_lengths;
    int space, sentence_end; /* classes */
    int n_spaced_lengths;    /* so many of the lengths are tried behind a word of a script with spaces */
    int slot_bits, beginning_chars, phrase_line_chars, max_closers, max_prefix_chars, slots_a_word;
    double long_line_words;
    unsigned long long counted_salt;
} Tables;

typedef struct { /* a line that is not blank */
    Py_ssize_t row, first, end;         /* its characters are [first, end) */
    Py_ssize_t visible, beyond_visible; /* from the first that is seen to the one after the last */
} Line;

enum { ROWS, COUNTS, WORDS, SENTENCE_ENDS, FIRST_CLASS, FINAL_CLASS, LAST_CLASS, SCRIPT, INDENT_CHARS, FINGERPRINT,
       PREFIX, PHRASES, PAGE_OVERLAP, N_WEIGHTY, WORD_HASHES, N_COLUMNS };

typedef struct {
    const Tables *tables;
    const void *data; /* the text's characters, of `kind` bytes each */
    int kind;
    Py_ssize_t n;                /* lines that are not blank */
    Line *lines;                 /* (n,) */
    Py_ssize_t n_chars, longest; /* characters of these lines, and of the longest */
    uint64_t *sums;              /* (longest + 1,) of a line's characters that count */
    uint32_t *units;             /* (longest + 1,) the counted character that a unit starts with, and its class */
    uint32_t *owners;            /* (n_owners,) the table of a page's words */
    size_t n_owners;
    char *columns[N_COLUMNS];
    Py_ssize_t n_weighty; /* of WORD_HASHES */
} Chunk;

typedef struct { /* what one reading of a line finds */
    uint32_t counts[MAX_CLASSES];
    int32_t n_counted, n_units, n_words, n_after_dot;
    int32_t prefix_chars; /* counted before the first colon; 0 where there is none */
} Reading;

ALWAYS_INLINE uint32_t
table_row(const Tables *tables, const void *data, int kind, Py_ssize_t at)
{
    if (kind == PyUnicode_1BYTE_KIND)
        return ((const Py_UCS1 *)data)[at];
    if (kind == PyUnicode_2BYTE_KIND)
        return ((const Py_UCS2 *)data)[at];
    uint32_t point = ((const Py_UCS4 *)data)[at];
    return point < (uint32_t)tables->n_points ? point : (uint32_t)tables->n_points - 1;
}

static inline uint8_t
class_at(const Chunk *chunk, Py_ssize_t at)
{
    return chunk->tables->classes[table_row(chunk->tables, chunk->data, chunk->kind, at)];
}

static inline uint64_t
splitmix64(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
}

/* Reads characters [at, end): sums, units, and what `Reading` holds. */
ALWAYS_INLINE void
read_kind(Chunk *chunk, int kind, Py_ssize_t at, Py_ssize_t end, Reading *reading)
{
    const Tables *tables = chunk->tables;
    const uint8_t *classes = tables->classes, *steps = tables->steps;
    const uint64_t *mixed = tables->mixed, *powers = tables->powers;
    uint64_t *restrict sums = chunk->sums, sum = 0;
    uint32_t *restrict units = chunk->units;
    const void *data = chunk->data;
    uint32_t n_counted = 0, n_units = 0, n_words = 0, n_after_dot = 0, prefix_chars = 0, n_colons = 0;
    uint32_t lanes[LANES][MAX_CLASSES] = {{0}};
    unsigned before = (unsigned)tables->space;
    sums[0] = 0;
    for (; at < end; at++) {
        uint32_t row = table_row(tables, data, kind, at);
        unsigned class = classes[row], step = steps[before * MAX_CLASSES + class];
        before = class;
        lanes[(size_t)at % LANES][class]++;
        units[n_units] = n_counted << CLASS_BITS | class;
        n_units += step / BEGINS_UNIT & 1;
        n_words += step / BEGINS_WORD & 1;
        sum += mixed[row] * powers[n_counted] & (0 - (uint64_t)(step & COUNTED));
        if (step & (AFTER_DOT | IS_COLON)) { /* seldom */
            n_after_dot += step / AFTER_DOT & 1;
            if (step & IS_COLON && n_colons++ == 0)
                prefix_chars = n_counted;
        }
        n_counted += step & COUNTED;
        sums[n_counted] = sum;
    }
    units[n_units] = n_counted << CLASS_BITS;
    *reading = (Reading){.n_counted = (int32_t)n_counted, .n_units = (int32_t)n_units, .n_words = (int32_t)n_words,
                         .n_after_dot = (int32_t)n_after_dot, .prefix_chars = (int32_t)prefix_chars};
    for (int class = 0; class < MAX_CLASSES; class++)
        reading->counts[class] = lanes[0][class] + lanes[1][class] + lanes[2][class] + lanes[3][class];
}

static void
read_line(Chunk *chunk, const Line *line, Reading *reading)
{
    if (chunk->kind == PyUnicode_1BYTE_KIND)
        read_kind(chunk, PyUnicode_1BYTE_KIND, line->first, line->end, reading);
    else if (chunk->kind == PyUnicode_2BYTE_KIND)
        read_kind(chunk, PyUnicode_2BYTE_KIND, line->first, line->end, reading);
    else
        read_kind(chunk, PyUnicode_4BYTE_KIND, line->first, line->end, reading);
}

/* The first counted character of a unit, or, for the number of units, the number of those characters. */
static inline int32_t
start_of(const Chunk *chunk, int32_t unit)
{
    return (int32_t)(chunk->units[unit] >> CLASS_BITS);
}

static inline int
is_spaceless(const Chunk *chunk, int32_t unit)
{
    return (chunk->tables->traits[chunk->units[unit] & (MAX_CLASSES - 1)] & SPACELESS) != 0;
}

/* The hash of a line's counted characters [first, beyond), before it is mixed. */
static inline uint64_t
raw_hash(const Chunk *chunk, int32_t first, int32_t beyond)
{
    return (chunk->sums[beyond] - chunk->sums[first]) * chunk->tables->inverses[first];
}

static inline int
has_slot(const Tables *tables, const uint8_t *bits, uint64_t hash)
{
    uint64_t slot = hash >> (64 - tables->slot_bits);
    return bits[slot / 8] >> slot % 8 & 1;
}

/* Whether a phrase may begin with a unit, by its first characters: it is the first cheap test of three. */
static int
may_begin_phrase(const Chunk *chunk, int32_t unit, int32_t n_counted)
{
    const Tables *tables = chunk->tables;
    int32_t first = start_of(chunk, unit), n_chars = start_of(chunk, unit + 1) - first;
    int32_t most = tables->beginning_chars;
    int32_t length = n_chars < most ? n_chars : most; /* a shorter phrase begins with a shorter unit */
    for (; length <= most && first + length <= n_counted; length++)
        if (has_slot(tables, tables->beginnings, raw_hash(chunk, first, first + length)))
            return 1;
    return 0;
}

/* The row of a phrase; -1 where no phrase has this hash. */
static Py_ssize_t
phrase_of(const Tables *tables, uint64_t hash)
{
    Py_ssize_t low = 0, high = tables->n_phrases;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (tables->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tables->n_phrases && tables->hashes[low] == hash ? low : -1;
}

/* Raises the shares that phrases cover of line number `line`, where they begin with this unit. */
static void
find_phrases(Chunk *chunk, Py_ssize_t line, int32_t unit, const Reading *reading)
{
    const Tables *tables = chunk->tables;
    float *shares = (float *)chunk->columns[PHRASES] + line;
    int32_t first = start_of(chunk, unit);
    Py_ssize_t n_lengths = is_spaceless(chunk, unit) ? tables->n_lengths : tables->n_spaced_lengths;
    for (Py_ssize_t i = 0; i < n_lengths && tables->lengths[i] <= reading->n_units - unit; i++) {
        int32_t beyond = start_of(chunk, unit + tables->lengths[i]);
        uint64_t hash = raw_hash(chunk, first, beyond);
        Py_ssize_t phrase = has_slot(tables, tables->slots, hash) ? phrase_of(tables, hash) : -1;
        if (phrase < 0)
            continue;
        float share = (float)((double)(beyond - first) / (double)reading->n_counted);
        for (Py_ssize_t category = 0; category < tables->n_categories; category++)
            if (tables->categories[phrase * tables->n_categories + category] && share > shares[category * chunk->n])
                shares[category * chunk->n] = share;
    }
}

/* The words that tell something, and the phrases, of line number `line`. */
static void
read_units(Chunk *chunk, Py_ssize_t line, const Reading *reading)
{
    const Tables *tables = chunk->tables;
    uint64_t *hashes = (uint64_t *)chunk->columns[WORD_HASHES] + chunk->n_weighty;
    int may_have_phrases = reading->n_counted <= tables->phrase_line_chars;
    Py_ssize_t n_weighty = 0;
    for (int32_t unit = 0; unit < reading->n_units; unit++) {
        int32_t first = start_of(chunk, unit), beyond = start_of(chunk, unit + 1);
        int spaceless = is_spaceless(chunk, unit);
        int32_t pair_beyond = beyond + (spaceless && beyond < reading->n_counted);
        hashes[n_weighty] = splitmix64(raw_hash(chunk, first, pair_beyond));
        n_weighty += spaceless | (beyond - first >= 3);
        if (may_have_phrases && may_begin_phrase(chunk, unit, reading->n_counted))
            find_phrases(chunk, line, unit, reading);
    }
    ((int64_t *)chunk->columns[N_WEIGHTY])[line] = n_weighty;
    chunk->n_weighty += n_weighty;
}

/* The class with which a line ends but for quotes, brackets and marks after its last word or stop. */
static uint8_t
final_class(const Chunk *chunk, const Line *line)
{
    Py_ssize_t at = line->beyond_visible - 1;
    for (int i = 0; i < chunk->tables->max_closers; i++)
        at -= at > line->visible && chunk->tables->traits[class_at(chunk, at)] & CLOSER;
    return class_at(chunk, at);
}

/* The script of the first character of a line's last unit; 0 where it has none. */
static uint8_t
last_script(const Chunk *chunk, const Line *line, const Reading *reading)
{
    const Tables *tables = chunk->tables;
    if (reading->n_units == 0)
        return 0;
    Py_ssize_t at = line->beyond_visible - 1;
    for (; at > line->first; at--)
        if (tables->steps[class_at(chunk, at - 1) * MAX_CLASSES + class_at(chunk, at)] & BEGINS_UNIT)
            break;
    return tables->scripts[table_row(tables, chunk->data, chunk->kind, at)];
}

/* Words, in the order and the precision in which NumPy adds them. */
static float
words_of(const Tables *tables, const Reading *reading)
{
    float words = (float)reading->n_words;
    for (Py_ssize_t i = 0; i < tables->n_worths; i++)
        words = (float)((double)words + (double)tables->worths[i] * reading->counts[tables->worth_classes[i]]);
    return words;
}

/* Writes the columns of one line, but for its page's overlap. */
static void
measure_line(Chunk *chunk, Py_ssize_t number)
{
    const Tables *tables = chunk->tables;
    const Line *line = &chunk->lines[number];
    char **columns = chunk->columns;
    Reading reading;
    read_line(chunk, line, &reading);
    ((int64_t *)columns[ROWS])[number] = line->row;
    for (Py_ssize_t class = 0; class < tables->n_classes; class++)
        ((int32_t *)columns[COUNTS])[class * chunk->n + number] = (int32_t)reading.counts[class];
    ((float *)columns[WORDS])[number] = words_of(tables, &reading);
    ((int32_t *)columns[SENTENCE_ENDS])[number]
        = (int32_t)reading.counts[tables->sentence_end] - reading.n_after_dot;
    ((uint8_t *)columns[FIRST_CLASS])[number] = class_at(chunk, line->visible);
    ((uint8_t *)columns[FINAL_CLASS])[number] = final_class(chunk, line);
    ((uint8_t *)columns[LAST_CLASS])[number] = class_at(chunk, line->beyond_visible - 1);
    ((uint8_t *)columns[SCRIPT])[number] = last_script(chunk, line, &reading);
    ((int32_t *)columns[INDENT_CHARS])[number] = (int32_t)(line->visible - line->first);
    int has_prefix = reading.prefix_chars > 0 && reading.prefix_chars <= tables->max_prefix_chars;
    ((uint64_t *)columns[FINGERPRINT])[number]
        = reading.n_counted ? splitmix64(chunk->sums[reading.n_counted]) : 0;
    ((uint64_t *)columns[PREFIX])[number]
        = has_prefix ? splitmix64(chunk->sums[reading.prefix_chars]) ^ tables->counted_salt : 0;
    read_units(chunk, number, &reading);
}

/* ---- page_overlap: a page's words in a table of slots, as measure._page_overlap has it ---- */

#define SEVERAL 0x80000000u /* more than one long line has the word */

static int
slot_shift(const Tables *tables, Py_ssize_t n_words)
{
    int bits = 1;
    while (((uint64_t)1 << bits) < (uint64_t)tables->slots_a_word * (uint64_t)(n_words > 0 ? n_words : 1))
        bits++;
    return 64 - bits;
}

/* Marks the words of a page's long lines [first, beyond), then counts them in all its lines. A slot holds the number of
   a line, from 1; one of a page before is less than any of this page, so that the table need not be cleared. */
static void
overlap_of_page(Chunk *chunk, Py_ssize_t first, Py_ssize_t beyond, const uint64_t *hashes, int shift)
{
    const int64_t *n_weighty = (const int64_t *)chunk->columns[N_WEIGHTY];
    const float *words = (const float *)chunk->columns[WORDS];
    float *overlap = (float *)chunk->columns[PAGE_OVERLAP];
    uint32_t *owners = chunk->owners;
    const uint64_t *hash = hashes;
    for (Py_ssize_t line = first; line < beyond; hash += n_weighty[line++])
        for (int64_t i = 0; i < n_weighty[line] && words[line] >= chunk->tables->long_line_words; i++) {
            uint32_t *owner = &owners[hash[i] >> shift], number = (uint32_t)line + 1;
            int is_free = (*owner & ~SEVERAL) <= (uint32_t)first;
            *owner = is_free || *owner == number ? number : SEVERAL | number;
        }
    hash = hashes;
    for (Py_ssize_t line = first; line < beyond; hash += n_weighty[line++]) {
        Py_ssize_t n_shared = 0;
        for (int64_t i = 0; i < n_weighty[line]; i++) {
            uint32_t owner = owners[hash[i] >> shift];
            n_shared += ((owner & ~SEVERAL) > (uint32_t)first) & (owner != (uint32_t)line + 1);
        }
        int64_t n_words = n_weighty[line] > 0 ? n_weighty[line] : 1;
        overlap[line] = (float)((double)n_shared / (double)n_words);
    }
}

/* The overlaps of all pages; `bounds` are the rows with which pages begin. Returns 0 where memory ran out. */
static int
overlap_of_pages(Chunk *chunk, const int64_t *bounds, Py_ssize_t n_bounds)
{
    const int64_t *n_weighty = (const int64_t *)chunk->columns[N_WEIGHTY];
    const uint64_t *hashes = (const uint64_t *)chunk->columns[WORD_HASHES];
    Py_ssize_t bound = 0;
    for (Py_ssize_t first = 0, beyond; first < chunk->n; first = beyond) {
        for (Py_ssize_t high = n_bounds; bound < high;) { /* the first bound after the row */
            Py_ssize_t middle = bound + (high - bound) / 2;
            if (bounds[middle] <= chunk->lines[first].row)
                bound = middle + 1;
            else
                high = middle;
        }
        Py_ssize_t n_words = 0;
        for (beyond = first; beyond < chunk->n; beyond++) {
            if (beyond > first && bound < n_bounds && chunk->lines[beyond].row >= bounds[bound])
                break;
            n_words += n_weighty[beyond];
        }
        int shift = slot_shift(chunk->tables, n_words);
        size_t n_slots = (size_t)1 << (64 - shift);
        if (n_slots > chunk->n_owners) {
            PyMem_RawFree(chunk->owners);
            chunk->owners = PyMem_RawCalloc(n_slots, sizeof(uint32_t));
            chunk->n_owners = n_slots;
            if (chunk->owners == NULL)
                return 0;
        }
        overlap_of_page(chunk, first, beyond, hashes, shift);
        hashes += n_words;
    }
    return 1;
}

/* ---- a chunk ---- */

/* Finds the lines that are not blank. Returns what is wrong with the starts, or NULL. */
static const char *
find_lines(Chunk *chunk, const int64_t *starts, Py_ssize_t n_rows, Py_ssize_t first_row, Py_ssize_t text_chars)
{
    const uint8_t *traits = chunk->tables->traits;
    int64_t before = starts[0];
    if (before < 0 || first_row < 0 || first_row > PY_SSIZE_T_MAX - n_rows)
        return "rows: the lines begin before the text";
    for (Py_ssize_t row = 0; row < n_rows; row++) {
        int64_t first = before, end = before = starts[row + 1];
        if (end < first || end > text_chars || end - starts[0] > MAX_CHARS)
            return "rows: the lines are not in order, not in the text, or too many";
        int64_t visible = first;
        while (visible < end && !(traits[class_at(chunk, visible)] & VISIBLE))
            visible++;
        if (visible == end)
            continue;
        int64_t beyond_visible = end;
        while (!(traits[class_at(chunk, beyond_visible - 1)] & VISIBLE))
            beyond_visible--;
        chunk->lines[chunk->n++] = (Line){first_row + row, first, end, visible, beyond_visible};
        chunk->n_chars += end - first;
        chunk->longest = end - first > chunk->longest ? end - first : chunk->longest;
    }
    return chunk->longest < chunk->tables->n_powers ? NULL : "rows: a line longer than the tables are for";
}

/* Fills the columns. Returns 0 where memory ran out. Needs no GIL. */
static int
fill_columns(Chunk *chunk, const int64_t *bounds, Py_ssize_t n_bounds)
{
    size_t room = (size_t)chunk->longest + 1;
    chunk->sums = PyMem_RawCalloc(room, sizeof(uint64_t));
    chunk->units = PyMem_RawCalloc(room, sizeof(uint32_t));
    int is_done = chunk->sums != NULL && chunk->units != NULL;
    if (is_done) {
        memset(chunk->columns[PHRASES], 0, (size_t)(chunk->n * chunk->tables->n_categories) * sizeof(float));
        for (Py_ssize_t line = 0; line < chunk->n; line++)
            measure_line(chunk, line);
        is_done = overlap_of_pages(chunk, bounds, n_bounds);
    }
    PyMem_RawFree(chunk->sums);
    PyMem_RawFree(chunk->units);
    PyMem_RawFree(chunk->owners);
    return is_done;
}

/* A tuple of bytearrays with room for the columns, NULL where memory ran out. */
static PyObject *
new_columns(Chunk *chunk)
{
    Py_ssize_t bytes_a_line[N_COLUMNS] = {
        [ROWS] = 8, [COUNTS] = 4 * chunk->tables->n_classes, [WORDS] = 4, [SENTENCE_ENDS] = 4, [FIRST_CLASS] = 1,
        [FINAL_CLASS] = 1, [LAST_CLASS] = 1, [SCRIPT] = 1, [INDENT_CHARS] = 4, [FINGERPRINT] = 8, [PREFIX] = 8,
        [PHRASES] = 4 * chunk->tables->n_categories, [PAGE_OVERLAP] = 4, [N_WEIGHTY] = 8};
    PyObject *columns = PyTuple_New(N_COLUMNS);
    for (int i = 0; columns != NULL && i < N_COLUMNS; i++) {
        Py_ssize_t size = i == WORD_HASHES ? (chunk->n_chars + 1) * 8 : bytes_a_line[i] * chunk->n;
        PyObject *column = PyByteArray_FromStringAndSize(NULL, size);
        if (column == NULL) {
            Py_CLEAR(columns);
            break;
        }
        chunk->columns[i] = PyByteArray_AS_STRING(column);
        PyTuple_SET_ITEM(columns, i, column);
    }
    return columns;
}

#define TABLES_NAME "declutter.stages.kernels.measure.tables"

PyDoc_STRVAR(rows_doc,
"rows(tables, text, starts, page_starts, first)\n--\n\n"
"Measures lines of a text (str). `starts` (int64) are their first characters and, last, the character after them all;\n"
"`page_starts` (int64, ascending) the rows with which pages begin, where the first of these lines is row `first`.\n"
"Returns a bytearray for each of measure.KERNEL_COLUMNS; those of several numbers a line hold the first number of\n"
"every line, then the second. Raises ValueError where lines are not in order, not in the text, or longer than the\n"
"tables are for.");

static PyObject *
rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *text, *columns = NULL;
    Py_buffer starts, bounds;
    Py_ssize_t first_row;
    if (!PyArg_ParseTuple(args, "OUy*y*n", &capsule, &text, &starts, &bounds, &first_row))
        return NULL;
    Chunk chunk = {.tables = PyCapsule_GetPointer(capsule, TABLES_NAME), .data = PyUnicode_DATA(text),
                   .kind = PyUnicode_KIND(text)};
    Py_ssize_t n_rows = starts.len / 8 - 1, n_bounds = bounds.len / 8;
    const char *problem = n_rows < 0 ? "rows: no starts" : NULL;
    if (chunk.tables != NULL && problem == NULL) {
        chunk.lines = PyMem_RawCalloc((size_t)n_rows + 1, sizeof(Line));
        Py_BEGIN_ALLOW_THREADS
        if (chunk.lines != NULL)
            problem = find_lines(&chunk, starts.buf, n_rows, first_row, PyUnicode_GET_LENGTH(text));
        Py_END_ALLOW_THREADS
    }
    if (problem != NULL)
        PyErr_SetString(PyExc_ValueError, problem);
    else if (chunk.tables != NULL && chunk.lines != NULL && (columns = new_columns(&chunk)) != NULL) {
        int is_done;
        Py_BEGIN_ALLOW_THREADS
        is_done = fill_columns(&chunk, bounds.buf, n_bounds);
        Py_END_ALLOW_THREADS
        if (!is_done || PyByteArray_Resize(PyTuple_GET_ITEM(columns, WORD_HASHES), chunk.n_weighty * 8) < 0)
            Py_CLEAR(columns);
    }
    if (columns == NULL && !PyErr_Occurred())
        PyErr_NoMemory();
    PyMem_RawFree(chunk.lines);
    PyBuffer_Release(&starts);
    PyBuffer_Release(&bounds);
    return columns;
}

/* ---- tables ---- */

static int
all_below(const Py_buffer *bytes, Py_ssize_t limit)
{
    for (Py_ssize_t i = 0; i < bytes->len; i++)
        if (((const uint8_t *)bytes->buf)[i] >= limit)
            return 0;
    return 1;
}

/* What of the tables doesn't fit, or NULL. `rows` relies on all of it. */
static const char *
unsound(const Tables *tables)
{
    const Py_buffer *buffers = tables->buffers;
    if (tables->n_points <= 0xFFFF || buffers[SCRIPTS].len != tables->n_points
        || buffers[MIXED].len != tables->n_points * 8 || buffers[POWERS].len != buffers[INVERSES].len)
        return "tables: the characters' tables don't fit";
    if (tables->n_classes < 1 || tables->n_classes > MAX_CLASSES || !all_below(&buffers[CLASSES], tables->n_classes)
        || !all_below(&buffers[WORTH_CLASSES], tables->n_classes) || buffers[WORTHS].len != tables->n_worths * 4
        || buffers[STEPS].len != MAX_CLASSES * MAX_CLASSES)
        return "tables: the classes don't fit";
    if (tables->space < 0 || tables->space >= tables->n_classes || tables->sentence_end < 0
        || tables->sentence_end >= tables->n_classes)
        return "tables: no such class";
    if (tables->n_categories < 1 || tables->n_categories > MAX_CATEGORIES
        || buffers[CATEGORIES].len != tables->n_phrases * tables->n_categories || tables->slot_bits < 3
        || tables->slot_bits > 30 || buffers[SLOTS].len != (Py_ssize_t)1 << (tables->slot_bits - 3)
        || buffers[BEGINNINGS].len != buffers[SLOTS].len || tables->beginning_chars < 1)
        return "tables: the phrases' tables don't fit";
    for (Py_ssize_t i = 0; i < tables->n_lengths; i++)
        if (tables->lengths[i] < 1)
            return "tables: a phrase of no units";
    if (tables->n_spaced_lengths < 0 || tables->n_spaced_lengths > tables->n_lengths || tables->slots_a_word < 1
        || tables->slots_a_word > MAX_SLOTS_A_WORD)
        return "tables: a number is out of range";
    return NULL;
}

static void
free_tables(Tables *tables)
{
    for (int i = 0; i < N_BUFFERS; i++)
        PyBuffer_Release(&tables->buffers[i]);
    PyMem_RawFree(tables);
}

static void
free_capsule(PyObject *capsule)
{
    free_tables(PyCapsule_GetPointer(capsule, TABLES_NAME));
}

/* Points the tables into their buffers. */
static void
name_buffers(Tables *tables)
{
    const Py_buffer *buffers = tables->buffers;
    tables->classes = buffers[CLASSES].buf, tables->scripts = buffers[SCRIPTS].buf, tables->mixed = buffers[MIXED].buf;
    tables->powers = buffers[POWERS].buf, tables->inverses = buffers[INVERSES].buf;
    tables->steps = buffers[STEPS].buf, tables->traits = buffers[TRAITS].buf;
    tables->worth_classes = buffers[WORTH_CLASSES].buf, tables->worths = buffers[WORTHS].buf;
    tables->hashes = buffers[HASHES].buf, tables->categories = buffers[CATEGORIES].buf;
    tables->slots = buffers[SLOTS].buf, tables->beginnings = buffers[BEGINNINGS].buf;
    tables->lengths = buffers[LENGTHS].buf;
    tables->n_points = buffers[CLASSES].len, tables->n_powers = buffers[POWERS].len / 8;
    tables->n_classes = buffers[TRAITS].len, tables->n_worths = buffers[WORTH_CLASSES].len;
    tables->n_phrases = buffers[HASHES].len / 8, tables->n_lengths = buffers[LENGTHS].len / 4;
}

PyDoc_STRVAR(tables_doc,
"tables(arrays, space, sentence_end, n_categories, n_spaced_lengths, slot_bits, beginning_chars,\n"
"       phrase_line_chars, max_closers, max_prefix_chars, slots_a_word, long_line_words, counted_salt)\n--\n\n"
"What `rows` measures by: a tuple of the arrays that measure._kernel_tables lists, which must not change any more;\n"
"two classes; and the constants of measure.py. Raises ValueError where they don't fit each other.");

static PyObject *
new_tables(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *arrays;
    Tables *tables = PyMem_RawCalloc(1, sizeof(Tables));
    if (tables == NULL)
        return PyErr_NoMemory();
    if (!PyArg_ParseTuple(args, "O!iiniiiiiiidK", &PyTuple_Type, &arrays, &tables->space, &tables->sentence_end,
                          &tables->n_categories, &tables->n_spaced_lengths, &tables->slot_bits,
                          &tables->beginning_chars, &tables->phrase_line_chars, &tables->max_closers,
                          &tables->max_prefix_chars, &tables->slots_a_word, &tables->long_line_words,
                          &tables->counted_salt)) {
        free_tables(tables);
        return NULL;
    }
    const char *problem = PyTuple_GET_SIZE(arrays) == N_BUFFERS ? NULL : "tables: not as many arrays as there are";
    for (int i = 0; problem == NULL && i < N_BUFFERS; i++)
        if (PyObject_GetBuffer(PyTuple_GET_ITEM(arrays, i), &tables->buffers[i], PyBUF_SIMPLE) < 0) {
            free_tables(tables);
            return NULL;
        }
    if (problem == NULL) {
        name_buffers(tables);
        problem = unsound(tables);
    }
    PyObject *capsule = problem ? NULL : PyCapsule_New(tables, TABLES_NAME, free_capsule);
    if (problem)
        PyErr_SetString(PyExc_ValueError, problem);
    if (capsule == NULL)
        free_tables(tables);
    return capsule;
}

static PyMethodDef methods[] = {{"tables", new_tables, METH_VARARGS, tables_doc},
                                {"rows", rows, METH_VARARGS, rows_doc},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_measure", "What is counted in each line of a text.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__measure(void)
{
    return PyModule_Create(&module);
}
