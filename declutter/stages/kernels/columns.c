/* Page-aware combinations of columns, and the words that lines share, as columns.py makes them with NumPy: the same bits
   in every value.

   A page alone has a few dozen lines, and NumPy's calls cost more than its work there; in a batch the gathers do. Sums
   are differences of sums over the whole batch, added up line by line in float64 as np.cumsum does. */

#include "kernel.h"
#include <math.h>

/* Does ACTION(type) for the type of an array's values. */
#define BY_TYPE(array, ACTION)         \
    switch ((array)->type) {           \
    case U8: ACTION(uint8_t); break;   \
    case I8: ACTION(int8_t); break;    \
    case I32: ACTION(int32_t); break;  \
    case U32: ACTION(uint32_t); break; \
    case I64: ACTION(int64_t); break;  \
    case U64: ACTION(uint64_t); break; \
    case F32: ACTION(float); break;    \
    case F64: ACTION(double); break;   \
    case OTHER: break;                 \
    }
#define VALUE(type, array, row) (*(const type *)((const char *)(array)->start + (row) * (array)->stride))

/* Room for n items and one more that is freed behind the function; NULL where there is no memory. */
static void *
room(Arguments *a, uint64_t n, size_t item)
{
    return a->memory = n < SIZE_MAX / 32 ? PyMem_RawMalloc((size_t)(n + 1) * item) : NULL;
}

static void *
cleared_room(Arguments *a, uint64_t n, size_t item)
{
    return a->memory = n < SIZE_MAX / 32 ? PyMem_RawCalloc((size_t)(n + 1), item) : NULL;
}

/* ---- sums over the lines around ---- */

/* Writes to sums (n + 1) the sums of the column's values up to each line. */
static void
add_up(const Array *column, double *sums)
{
    double sum = 0.0;
    sums[0] = 0.0;
#define ADD_UP(type)                                                       \
    if (column->stride == sizeof(type))                                    \
        for (Py_ssize_t row = 0; row < column->n; row++)                   \
            sums[row + 1] = sum += (double)((const type *)column->start)[row]; \
    else                                                                   \
        for (Py_ssize_t row = 0; row < column->n; row++)                   \
            sums[row + 1] = sum += (double)VALUE(type, column, row)
    BY_TYPE(column, ADD_UP)
#undef ADD_UP
}

static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Writes the column's sums over the lines from `before` lines above to `after` lines below, inside each page; both are
   -1 at least. Lines far from the page's edges need no bounds. `sums` has room for n + 1. */
static void
window_sums(const Arguments *a, const Array *column, int64_t before, int64_t after, double *sums, double *found)
{
    add_up(column, sums);
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t n = a->starts[page + 1] - a->starts[page];
        const double *of_page = sums + a->starts[page];
        double *out = found + a->starts[page];
        int64_t n_inner = n - after < 0 ? 0 : least(n - after, n), n_head = before < 0 ? 0 : least(before, n);
        for (int64_t row = 0; row < n_inner; row++)
            out[row] = of_page[row + after + 1];
        for (int64_t row = n_inner; row < n; row++)
            out[row] = of_page[n];
        for (int64_t row = 0; row < n_head; row++)
            out[row] -= of_page[0];
        for (int64_t row = n_head; row < n; row++)
            out[row] -= of_page[row - before];
    }
}

KERNEL(window_sum, "r* s n n wd",
"window_sum(column, page_starts, before, after, sums)\n--\n\n"
"Write to `sums` the sum of `column` over the lines from `before` lines above to `after` lines below, inside the page;\n"
"`before` and `after` are -1 at least.")
{
    double *sums = room(a, (uint64_t)a->n, sizeof(double));
    if (sums == NULL || a->numbers[0] < -1 || a->numbers[1] < -1)
        return sums == NULL ? OUT_OF_MEMORY : UNFIT;
    window_sums(a, a->arrays, a->numbers[0], a->numbers[1], sums, a->arrays[2].start);
    return NULL;
}

KERNEL(window_mean, "r* s n wd",
"window_mean(column, page_starts, reach, means)\n--\n\n"
"Write to `means` the mean of `column` over the lines up to `reach` lines away, inside the page.")
{
    double *sums = room(a, (uint64_t)a->n, sizeof(double)), *means = a->arrays[2].start;
    int64_t reach = a->numbers[0];
    if (sums == NULL || reach < 0)
        return sums == NULL ? OUT_OF_MEMORY : UNFIT;
    window_sums(a, a->arrays, reach, reach, sums, means);
    for (Py_ssize_t page = 0; page < a->n_groups; page++)
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++)
            means[row] /= (double)(least(a->starts[page + 1] - row, reach + 1) + least(row - a->starts[page], reach));
    return NULL;
}

KERNEL(window_share, "r* r* s n n wd",
"window_share(part, whole, page_starts, before, after, shares)\n--\n\n"
"Write to `shares` the sum of `part` over the lines around as in window_sum, divided by that of `whole`, or by 1 where\n"
"that is less.")
{
    double *sums = room(a, 2 * (uint64_t)a->n, sizeof(double)), *shares = a->arrays[3].start;
    int64_t before = a->numbers[0], after = a->numbers[1];
    if (sums == NULL || before < -1 || after < -1)
        return sums == NULL ? OUT_OF_MEMORY : UNFIT;
    double *of_whole = sums + a->n + 1;
    window_sums(a, &a->arrays[1], before, after, sums, of_whole);
    window_sums(a, &a->arrays[0], before, after, sums, shares);
    for (Py_ssize_t row = 0; row < a->n; row++)
        shares[row] /= of_whole[row] < 1.0 ? 1.0 : of_whole[row];
    return NULL;
}

/* ---- neighbours and runs ---- */

KERNEL(shifted, "r* s n x w=",
"shifted(column, page_starts, by, outside, moved)\n--\n\n"
"Write to `moved` the column's value `by` lines further on, `outside` (a float) beyond the page's edge.")
{
    const Array *column = a->arrays;
    int64_t by = a->numbers[0];
#define SHIFT(type)                                                                                \
    for (Py_ssize_t page = 0; page < a->n_groups; page++)                                          \
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++)                      \
            ((type *)a->arrays[2].start)[row] = row + by >= a->starts[page] && row + by < a->starts[page + 1] \
                ? VALUE(type, column, row + by) : (type)a->floats[0]
    BY_TYPE(column, SHIFT)
#undef SHIFT
    return NULL;
}

/* How far each line is from the nearest mark above it, or below it, on its page. */
static const char *
lines_to_mark(Arguments *a, int below)
{
    const uint8_t *marks = a->arrays[0].start;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t lines = -1;
        for (int64_t left = a->starts[page + 1] - a->starts[page]; left > 0; left--) {
            int64_t row = below ? a->starts[page] + left - 1 : a->starts[page + 1] - left;
            lines = marks[row] ? 0 : lines < 0 ? -1 : lines + 1;
            ((int64_t *)a->arrays[2].start)[row] = lines;
        }
    }
    return NULL;
}

KERNEL(lines_since, "rb s wl",
"lines_since(marks, page_starts, distance)\n--\n\n"
"Write to `distance` how many lines above the nearest marked line of the page stands, -1 where there is none.")
{
    return lines_to_mark(a, 0);
}

KERNEL(lines_until, "rb s wl",
"lines_until(marks, page_starts, distance)\n--\n\n"
"The same as lines_since for the nearest marked line below.")
{
    return lines_to_mark(a, 1);
}

KERNEL(run_bounds, "rb s wl wl",
"run_bounds(joined, page_starts, first, beyond)\n--\n\n"
"Write to `first` and `beyond` the bounds of the run that each line stands in. `joined` says which lines belong to the\n"
"run of the line above them, on the same page.")
{
    const uint8_t *joined = a->arrays[0].start;
    int64_t *first = a->arrays[2].start, *beyond = a->arrays[3].start;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t start = a->starts[page], end = a->starts[page + 1], run = start;
        for (int64_t row = start; row < end; row++)
            first[row] = run = joined[row] ? run : row;
        run = end;
        for (int64_t row = end - 1; row >= start; row--) {
            beyond[row] = run;
            run = joined[row] ? run : row;
        }
    }
    return NULL;
}

/* ---- one value for all lines of a page ---- */

/* The marked row that is found first from one end of each line's page, or the row beyond the other end. */
static const char *
page_mark(Arguments *a, int from_below)
{
    const uint8_t *marks = a->arrays[0].start;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t start = a->starts[page], end = a->starts[page + 1], found = from_below ? end - 1 : start;
        while (found >= start && found < end && !marks[found])
            found += from_below ? -1 : 1;
        for (int64_t row = start; row < end; row++)
            ((int64_t *)a->arrays[2].start)[row] = found;
    }
    return NULL;
}

KERNEL(page_first, "rb s wl",
"page_first(marks, page_starts, rows)\n--\n\n"
"Write to `rows` the first marked row of each line's page, the row beyond the page where there is none.")
{
    return page_mark(a, 0);
}

KERNEL(page_last, "rb s wl",
"page_last(marks, page_starts, rows)\n--\n\n"
"Write to `rows` the last marked row of each line's page, the row before the page where there is none.")
{
    return page_mark(a, 1);
}

KERNEL(page_max, "r* s w=",
"page_max(column, page_starts, greatest)\n--\n\n"
"Write to `greatest` the greatest value of `column` on each line's page.")
{
    const Array *column = a->arrays;
#define PAGE_MAX(type)                                                                     \
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {                                \
        type most = 0;                                                                     \
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++) {            \
            type value = VALUE(type, column, row);                                         \
            most = row == a->starts[page] || value > most ? value : most;                  \
        }                                                                                  \
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++)              \
            ((type *)a->arrays[2].start)[row] = most;                                      \
    }
    BY_TYPE(column, PAGE_MAX)
#undef PAGE_MAX
    return NULL;
}

KERNEL(best_segment, "rd s n wl wl wd",
"best_segment(gain, page_starts, grid, first, beyond, best)\n--\n\n"
"Write to `first` and `beyond` the bounds of the page's run of lines with the greatest gain, for each line, and to\n"
"`best` that gain. `gain` is counted in whole parts of 1 / grid. Of runs that gain as much, the one that ends first is\n"
"taken, and of those the shortest.")
{
    const double *gain = a->arrays[0].start, grid = (double)a->numbers[0];
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t sum = 0, lowest = 0, lowest_row = a->starts[page], rise = INT64_MIN, from = 0, to = 0;
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++) {
            if (sum <= lowest) {
                lowest = sum;
                lowest_row = row;
            }
            double parts = rint(gain[row] * grid);
            if (!(fabs(parts) < 1e12)) /* no sum of lines comes near, and none overflows */
                return UNFIT;
            sum += (int64_t)parts;
            if (sum - lowest > rise) {
                rise = sum - lowest;
                from = lowest_row;
                to = row + 1;
            }
        }
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++) {
            ((int64_t *)a->arrays[2].start)[row] = from;
            ((int64_t *)a->arrays[3].start)[row] = to;
            ((double *)a->arrays[4].start)[row] = (double)rise / grid;
        }
    }
    return NULL;
}

/* ---- lines and words that stand several times on a page ---- */

typedef struct {
    uint64_t key;
    int64_t number; /* from 1; 0 where the slot is empty */
} Slot;

static int64_t
longest_group(const Arguments *a)
{
    int64_t most = 0;
    for (Py_ssize_t group = 0; group < a->n_groups; group++)
        most = a->starts[group + 1] - a->starts[group] > most ? a->starts[group + 1] - a->starts[group] : most;
    return most;
}

/* The least power of two with which n values have so many slots each; its logarithm. */
static int
table_bits(int64_t n, int64_t slots_each)
{
    uint64_t wanted = (uint64_t)(n > 1 ? n : 1) * (uint64_t)slots_each;
    int bits = 1;
    while (((uint64_t)1 << bits) < wanted)
        bits++;
    return bits;
}

static uint64_t
mixed(uint64_t key, uint64_t seed)
{
    key = (key ^ seed) * 0x9E3779B97F4A7C15u;
    key = (key ^ (key >> 32)) * (seed | 1);
    return key ^ (key >> 29);
}

KERNEL(number_keys, "rQ s u wl",
"number_keys(keys, page_starts, seed, number)\n--\n\n"
"Write to `number` a number for each of `keys`, the same for the same key of the same page; the answer is how many there\n"
"are, and they count from 0. `seed` is a random number, so that no page can be made slow.")
{
    const uint64_t *keys = a->arrays[0].start;
    int64_t *number = a->arrays[2].start, n_distinct = 0;
    Slot *slots = cleared_room(a, (uint64_t)1 << table_bits(longest_group(a), 2), sizeof(Slot));
    if (slots == NULL)
        return OUT_OF_MEMORY;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int64_t before = n_distinct; /* slots with numbers up to here are of pages before, as good as empty */
        size_t used = (size_t)1 << table_bits(a->starts[page + 1] - a->starts[page], 2); /* small ones stay in the cache */
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++) {
            size_t slot = mixed(keys[row], a->seed) & (used - 1);
            while (slots[slot].number > before && slots[slot].key != keys[row])
                slot = (slot + 1) & (used - 1);
            if (slots[slot].number <= before)
                slots[slot] = (Slot){keys[row], ++n_distinct};
            number[row] = slots[slot].number - 1;
        }
    }
    a->answer = n_distinct;
    return NULL;
}

KERNEL(count_numbers, "rl n wl wl",
"count_numbers(number, n_distinct, occurrence, total)\n--\n\n"
"Write to `occurrence` how often each number (0 to n_distinct - 1) stood before, and to `total` how often it stands at\n"
"all.")
{
    const int64_t *number = a->arrays[0].start;
    int64_t *counts = cleared_room(a, (uint64_t)a->numbers[0], sizeof(int64_t));
    if (counts == NULL)
        return OUT_OF_MEMORY;
    for (Py_ssize_t row = 0; row < a->n; row++) {
        if (number[row] < 0 || number[row] >= a->numbers[0])
            return UNFIT;
        ((int64_t *)a->arrays[1].start)[row] = counts[number[row]]++;
    }
    for (Py_ssize_t row = 0; row < a->n; row++)
        ((int64_t *)a->arrays[2].start)[row] = counts[number[row]];
    return NULL;
}

KERNEL(number_words, "rQ s n wi",
"number_words(hashes, page_words, slots_a_word, word)\n--\n\n"
"Write to `word` a number for each of `hashes`, the same for hashes of one page that fall in one slot of the page's\n"
"table, which has a power of two and `slots_a_word` (2 at least) slots a word. The answer is how many there are.")
{
    const uint64_t *hashes = a->arrays[0].start;
    int32_t *word = a->arrays[2].start, n_distinct = 0;
    int64_t slots_a_word = a->numbers[0];
    if (slots_a_word < 2 || slots_a_word > 1 << 20 || a->n >= INT32_MAX)
        return UNFIT;
    int32_t *table = cleared_room(a, (uint64_t)1 << table_bits(longest_group(a), slots_a_word), sizeof(int32_t));
    if (table == NULL)
        return OUT_OF_MEMORY;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        int shift = 64 - table_bits(a->starts[page + 1] - a->starts[page], slots_a_word);
        int32_t before = n_distinct; /* numbers up to here are of pages before; 0 is no number in the table */
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++) {
            int32_t *slot = table + (hashes[row] >> shift);
            if (*slot <= before)
                *slot = ++n_distinct;
            word[row] = *slot - 1;
        }
    }
    a->answer = n_distinct;
    return NULL;
}

/* Room for a number for each of n_distinct words, all `value`. NULL, and what is wrong, where a word has another number
   or there is no memory. */
static int32_t *
room_for_words(Arguments *a, int value, const char **problem)
{
    const int32_t *word = a->arrays[0].start;
    int64_t n_distinct = a->numbers[0];
    int is_right = n_distinct >= 0 && n_distinct <= INT32_MAX && a->n_groups < INT32_MAX;
    for (Py_ssize_t row = 0; is_right && row < a->n; row++)
        is_right = word[row] >= 0 && word[row] < n_distinct;
    int32_t *of_words = is_right ? room(a, (uint64_t)n_distinct, sizeof(int32_t)) : NULL;
    *problem = !is_right ? UNFIT : of_words == NULL ? OUT_OF_MEMORY : NULL;
    if (of_words != NULL)
        memset(of_words, value, (size_t)n_distinct * sizeof(int32_t));
    return of_words;
}

KERNEL(rare_words, "ri s n x x wb",
"rare_words(word, page_words, n_distinct, at_least, share, marks)\n--\n\n"
"Write to `marks` which words stand less often than `at_least` times or than `share` of their page's words, whichever is\n"
"more. `word` is what number_words wrote.")
{
    const char *problem;
    const int32_t *word = a->arrays[0].start;
    int32_t *counts = room_for_words(a, 0, &problem);
    if (counts == NULL)
        return problem;
    for (Py_ssize_t row = 0; row < a->n; row++)
        counts[word[row]]++;
    for (Py_ssize_t page = 0; page < a->n_groups; page++) {
        double often = a->floats[1] * (double)(a->starts[page + 1] - a->starts[page]);
        often = often > a->floats[0] ? often : a->floats[0];
        for (int64_t row = a->starts[page]; row < a->starts[page + 1]; row++)
            ((uint8_t *)a->arrays[2].start)[row] = counts[word[row]] < often;
    }
    return NULL;
}

KERNEL(gaps, "ri s n n wi",
"gaps(word, word_starts, n_distinct, far, gap)\n--\n\n"
"Write to `gap` how many lines away the nearest other line with each word stands, `far` where there is none.")
{
    const char *problem;
    const int32_t *word = a->arrays[0].start;
    int32_t *last = room_for_words(a, -1, &problem), *gap = a->arrays[2].start, n_lines = (int32_t)a->n_groups;
    int64_t far_away = a->numbers[1];
    if (last == NULL || far_away < 0 || far_away > INT32_MAX)
        return last == NULL ? problem : UNFIT;
    for (int32_t line = 0; line < n_lines; line++) { /* lines up to the one above */
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            gap[row] = last[word[row]] < 0 ? (int32_t)far_away : line - last[word[row]];
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            last[word[row]] = line;
    }
    memset(last, -1, (size_t)a->numbers[0] * sizeof(int32_t));
    for (int32_t line = n_lines - 1; line >= 0; line--) { /* and to the one below */
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            if (last[word[row]] >= 0 && last[word[row]] - line < gap[row])
                gap[row] = last[word[row]] - line;
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            last[word[row]] = line;
    }
    return NULL;
}

KERNEL(words_elsewhere, "ri s n Rb rb Wd",
"words_elsewhere(word, word_starts, n_distinct, lines, wanted, counts)\n--\n\n"
"Write to `counts` how many of each line's `wanted` words stand in another of the marked `lines` too.")
{
    const char *problem;
    const int32_t *word = a->arrays[0].start;
    const uint8_t *lines = a->arrays[2].start, *wanted = a->arrays[3].start;
    int32_t *owner = room_for_words(a, -1, &problem), n_lines = (int32_t)a->n_groups;
    if (owner == NULL)
        return problem;
    for (int32_t line = 0; line < n_lines; line++)
        for (int64_t row = a->starts[line]; lines[line] && row < a->starts[line + 1]; row++) {
            int32_t *of_word = owner + word[row]; /* a marked line that has the word, -2 where several have, else -1 */
            *of_word = *of_word == -1 || *of_word == line ? line : -2;
        }
    for (int32_t line = 0; line < n_lines; line++) {
        int64_t count = 0;
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            count += wanted[row] && owner[word[row]] != -1 && owner[word[row]] != line;
        ((double *)a->arrays[4].start)[line] = (double)count;
    }
    return NULL;
}

KERNEL(words_of_lines, "rb s Wd",
"words_of_lines(marks, word_starts, counts)\n--\n\n"
"Write to `counts` how many of each line's words are marked.")
{
    const uint8_t *marks = a->arrays[0].start;
    for (Py_ssize_t line = 0; line < a->n_groups; line++) {
        int64_t count = 0;
        for (int64_t row = a->starts[line]; row < a->starts[line + 1]; row++)
            count += marks[row] != 0;
        ((double *)a->arrays[2].start)[line] = (double)count;
    }
    return NULL;
}

static PyMethodDef methods[] = {
    FUNCTION(window_sum), FUNCTION(window_mean), FUNCTION(window_share), FUNCTION(shifted), FUNCTION(lines_since),
    FUNCTION(lines_until), FUNCTION(run_bounds), FUNCTION(page_first), FUNCTION(page_last), FUNCTION(page_max),
    FUNCTION(best_segment), FUNCTION(number_keys), FUNCTION(count_numbers), FUNCTION(number_words),
    FUNCTION(rare_words), FUNCTION(gaps), FUNCTION(words_elsewhere), FUNCTION(words_of_lines), {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_columns", "Page-aware combinations of columns.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__columns(void)
{
    return PyModule_Create(&module);
}
