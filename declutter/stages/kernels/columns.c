/* Page-aware combinations of columns, as features/pagewise.py makes them with NumPy, and the words that lines share, as
   features/cohesion.py counts them: the same bits in every value.

   A page alone has a few dozen lines, and NumPy's calls cost more than its work there; in a batch the gathers do. Sums
   are differences of sums over the whole batch, added up line by line in float64 as np.cumsum does. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAX_ARRAYS 7

/* ---- arrays ---- */

typedef enum { U8, I8, I32, U32, I64, U64, F32, F64, OTHER } Type;

typedef struct { /* an array of one axis */
    Py_buffer buffer;
    const char *start;
    Py_ssize_t n, stride; /* bytes from one value to the next */
    Type type;
} Array;

static Type
type_of(const Py_buffer *buffer)
{
    const char *format = buffer->format ? buffer->format : "B";
    char code = format[0];
    if (strlen(format) != 1) /* of another order of bytes, or a record */
        return OTHER;
    int is_signed = strchr("bhilqn", code) != NULL, is_unsigned = strchr("?BHILQN", code) != NULL;
    switch (buffer->itemsize) {
    case 1: return is_signed ? I8 : is_unsigned ? U8 : OTHER;
    case 4: return is_signed ? I32 : is_unsigned ? U32 : code == 'f' ? F32 : OTHER;
    case 8: return is_signed ? I64 : is_unsigned ? U64 : code == 'd' ? F64 : OTHER;
    }
    return OTHER;
}

static void
release(Array *arrays, int n_arrays)
{
    for (int number = 0; number < n_arrays; number++)
        PyBuffer_Release(&arrays[number].buffer);
}

/* Takes arrays from the arguments, a letter of `kinds` each: 'r' to read, 'w' to write and contiguous. 0 for an error. */
static int
take(PyObject *const *arguments, const char *kinds, Array *arrays)
{
    int n_arrays = (int)strlen(kinds);
    for (int number = 0; number < n_arrays; number++) {
        Array *array = arrays + number;
        int flags = PyBUF_FORMAT | (kinds[number] == 'w' ? PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE : PyBUF_STRIDES);
        if (PyObject_GetBuffer(arguments[number], &array->buffer, flags) < 0) {
            release(arrays, number);
            return 0;
        }
        array->type = type_of(&array->buffer);
        if (array->buffer.ndim != 1 || array->type == OTHER) {
            PyErr_SetString(PyExc_ValueError, "columns: an array of one axis and a number type is wanted");
            release(arrays, number + 1);
            return 0;
        }
        array->start = array->buffer.buf;
        array->n = array->buffer.shape[0];
        array->stride = array->buffer.strides[0];
    }
    return 1;
}

static int
is_packed(const Array *array, Type type)
{
    return array->type == type && (array->n < 2 || array->stride == array->buffer.itemsize);
}

/* Whether the array says where each page begins, and where the last one of n lines ends. */
static int
are_starts(const Array *starts, Py_ssize_t n)
{
    if (!is_packed(starts, I64) || starts->n < 1)
        return 0;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 1; page < starts->n; page++)
        if (start[page] < start[page - 1])
            return 0;
    return start[0] == 0 && start[starts->n - 1] == n;
}

static PyObject *
refuse(const char *problem)
{
    PyErr_SetString(PyExc_ValueError, problem);
    return NULL;
}

#define SIZES "columns: types or sizes don't fit"

/* Ends a function that has no other answer: lets go of its arrays, and refuses where they did not fit. */
static PyObject *
done(Array *arrays, int n_arrays, int fits)
{
    release(arrays, n_arrays);
    if (!fits)
        return refuse(SIZES);
    Py_RETURN_NONE;
}

/* The same for one that worked in `memory`, NULL where there was none to have; 0 with an error set where it failed. */
static int
has_ended(Array *arrays, int n_arrays, int fits, void *memory)
{
    release(arrays, n_arrays);
    if (!fits)
        refuse(SIZES);
    else if (memory == NULL)
        PyErr_NoMemory();
    PyMem_Free(memory);
    return fits && memory != NULL;
}

/* Does ACTION(type) for the type of an array's values. */
#define BY_TYPE(array, ACTION) \
    switch ((array)->type) {   \
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

/* An argument that is a whole number, cut to -limit..limit. Negative with an error set where it is none. */
static int
take_number(PyObject *argument, Py_ssize_t limit, Py_ssize_t *number)
{
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(argument, &overflow);
    if (value == -1 && PyErr_Occurred())
        return -1;
    *number = overflow > 0 || value > limit ? limit : overflow < 0 || value < -limit ? -limit : (Py_ssize_t)value;
    return 0;
}

static int
has_arguments(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given != wanted)
        PyErr_Format(PyExc_TypeError, "columns: %zd arguments are wanted, not %zd", wanted, given);
    return given == wanted;
}

/* ---- sums over the lines around ---- */

/* Writes to sums (n + 1) the sums of the column's values up to each line. */
static void
add_up(const Array *column, double *sums)
{
    double sum = 0.0;
    sums[0] = 0.0;
#define ADD_UP(type)                                                                   \
    if (column->stride == sizeof(type))                                                \
        for (Py_ssize_t row = 0; row < column->n; row++)                               \
            sums[row + 1] = sum += (double)((const type *)column->start)[row];         \
    else                                                                               \
        for (Py_ssize_t row = 0; row < column->n; row++)                               \
            sums[row + 1] = sum += (double)*(const type *)(column->start + row * column->stride)
    BY_TYPE(column, ADD_UP)
#undef ADD_UP
}

static Py_ssize_t
least(Py_ssize_t a, Py_ssize_t b)
{
    return a < b ? a : b;
}

/* Writes the sums over the lines from `before` lines above to `after` lines below, inside each page; both are -1 at
   least. Lines far from the page's edges need no bounds. */
static void
window_differences(const double *sums, const Array *starts, Py_ssize_t before, Py_ssize_t after, double *found)
{
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 0; page + 1 < starts->n; page++) {
        Py_ssize_t n = (Py_ssize_t)(start[page + 1] - start[page]);
        const double *of_page = sums + start[page];
        double *out = found + start[page];
        Py_ssize_t n_inner = n - after < 0 ? 0 : least(n - after, n), n_head = before < 0 ? 0 : least(before, n);
        for (Py_ssize_t row = 0; row < n_inner; row++)
            out[row] = of_page[row + after + 1];
        for (Py_ssize_t row = n_inner; row < n; row++)
            out[row] = of_page[n];
        for (Py_ssize_t row = 0; row < n_head; row++)
            out[row] -= of_page[0];
        for (Py_ssize_t row = n_head; row < n; row++)
            out[row] -= of_page[row - before];
    }
}

PyDoc_STRVAR(window_sum_doc,
"window_sum(column, page_starts, before, after, sums)\n--\n\n"
"Write to `sums` (float64, n) the sum of `column` (numbers, n) over the lines from `before` lines above to `after` lines\n"
"below, inside the page. `page_starts` is int64 (n_pages + 1); `before` and `after` are -1 at least.\n"
"Raises ValueError where sizes don't fit, as all functions here do.");

static PyObject *
window_sum(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *column = arrays, *starts = arrays + 1, *found = arrays + 2;
    Py_ssize_t before, after;
    if (!has_arguments(n_arguments, 5) || take_number(arguments[2], PY_SSIZE_T_MAX / 2, &before) < 0
        || take_number(arguments[3], PY_SSIZE_T_MAX / 2, &after) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[4]};
    if (!take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, column->n) && found->n == column->n && found->type == F64 && before >= -1 && after >= -1;
    double *sums = fits ? PyMem_Malloc((size_t)(column->n + 1) * sizeof(double)) : NULL;
    if (sums != NULL) {
        add_up(column, sums);
        window_differences(sums, starts, before, after, found->buffer.buf);
    }
    if (!has_ended(arrays, 3, fits, sums))
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(window_mean_doc,
"window_mean(column, page_starts, reach, means)\n--\n\n"
"Write to `means` (float64, n) the mean of `column` over the lines up to `reach` lines away, inside the page.");

static PyObject *
window_mean(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *column = arrays, *starts = arrays + 1, *found = arrays + 2;
    Py_ssize_t reach;
    if (!has_arguments(n_arguments, 4) || take_number(arguments[2], PY_SSIZE_T_MAX / 4, &reach) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[3]};
    if (!take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, column->n) && found->n == column->n && found->type == F64 && reach >= 0;
    double *sums = fits ? PyMem_Malloc((size_t)(column->n + 1) * sizeof(double)) : NULL;
    if (sums != NULL) {
        double *means = found->buffer.buf;
        const int64_t *start = (const int64_t *)starts->start;
        add_up(column, sums);
        window_differences(sums, starts, reach, reach, means);
        for (Py_ssize_t page = 0; page + 1 < starts->n; page++)
            for (int64_t row = start[page]; row < start[page + 1]; row++) {
                int64_t below = start[page + 1] - row < reach + 1 ? start[page + 1] - row : reach + 1;
                int64_t above = row - start[page] < reach ? row - start[page] : reach;
                means[row] /= (double)(below + above);
            }
    }
    if (!has_ended(arrays, 3, fits, sums))
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(window_share_doc,
"window_share(part, whole, page_starts, before, after, shares)\n--\n\n"
"Write to `shares` (float64, n) the sum of `part` over the lines around as in window_sum, divided by that of `whole`, or\n"
"by 1 where that is less.");

static PyObject *
window_share(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[4], *part = arrays, *whole = arrays + 1, *starts = arrays + 2, *found = arrays + 3;
    Py_ssize_t before, after;
    if (!has_arguments(n_arguments, 6) || take_number(arguments[3], PY_SSIZE_T_MAX / 2, &before) < 0
        || take_number(arguments[4], PY_SSIZE_T_MAX / 2, &after) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[2], arguments[5]};
    if (!take(given, "rrrw", arrays))
        return NULL;
    Py_ssize_t n = part->n;
    int fits = are_starts(starts, n) && whole->n == n && found->n == n && found->type == F64 && before >= -1 && after >= -1;
    double *sums = fits ? PyMem_Malloc((size_t)(2 * n + 1) * sizeof(double)) : NULL;
    if (sums != NULL) {
        double *of_whole = sums + n + 1, *shares = found->buffer.buf;
        add_up(whole, sums);
        window_differences(sums, starts, before, after, of_whole);
        add_up(part, sums);
        window_differences(sums, starts, before, after, shares);
        for (Py_ssize_t row = 0; row < n; row++)
            shares[row] /= of_whole[row] < 1.0 ? 1.0 : of_whole[row];
    }
    if (!has_ended(arrays, 4, fits, sums))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- neighbours and runs ---- */

PyDoc_STRVAR(shifted_doc,
"shifted(column, page_starts, by, outside, moved)\n--\n\n"
"Write to `moved` (the type of `column`, n) the column's value `by` lines further on, `outside` (a float) beyond the\n"
"page's edge.");

static void
shift(const Array *column, const Array *starts, Py_ssize_t by, double outside, void *moved)
{
    const int64_t *start = (const int64_t *)starts->start;
#define SHIFT(type)                                                                                     \
    for (Py_ssize_t page = 0; page + 1 < starts->n; page++)                                             \
        for (int64_t row = start[page]; row < start[page + 1]; row++)                                   \
            ((type *)moved)[row] = row + by >= start[page] && row + by < start[page + 1]                \
                ? *(const type *)(column->start + (row + by) * column->stride) : (type)outside
    BY_TYPE(column, SHIFT)
#undef SHIFT
}

static PyObject *
shifted(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *column = arrays, *starts = arrays + 1, *moved = arrays + 2;
    Py_ssize_t by;
    if (!has_arguments(n_arguments, 5) || take_number(arguments[2], PY_SSIZE_T_MAX / 4, &by) < 0)
        return NULL;
    double outside = PyFloat_AsDouble(arguments[3]);
    PyObject *const given[] = {arguments[0], arguments[1], arguments[4]};
    if ((outside == -1.0 && PyErr_Occurred()) || !take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, column->n) && moved->n == column->n && moved->type == column->type;
    if (fits)
        shift(column, starts, by, outside, moved->buffer.buf);
    return done(arrays, 3, fits);
}

/* How far each line is from the nearest mark above it, or below it, on its page. */
static PyObject *
lines_to_mark(PyObject *const *arguments, Py_ssize_t n_arguments, int below)
{
    Array arrays[3], *marks = arrays, *starts = arrays + 1, *distance = arrays + 2;
    if (!has_arguments(n_arguments, 3) || !take(arguments, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, marks->n) && is_packed(marks, U8) && distance->n == marks->n && distance->type == I64;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 0; fits && page + 1 < starts->n; page++) {
        int64_t lines = -1;
        for (int64_t left = start[page + 1] - start[page]; left > 0; left--) {
            int64_t row = below ? start[page] + left - 1 : start[page + 1] - left;
            lines = marks->start[row] ? 0 : lines < 0 ? -1 : lines + 1;
            ((int64_t *)distance->buffer.buf)[row] = lines;
        }
    }
    return done(arrays, 3, fits);
}

PyDoc_STRVAR(lines_since_doc,
"lines_since(marks, page_starts, distance)\n--\n\n"
"Write to `distance` (int64, n) how many lines above the nearest marked line of the page stands, -1 where there is none.\n"
"`marks` is bool (n).");

static PyObject *
lines_since(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    return lines_to_mark(arguments, n_arguments, 0);
}

PyDoc_STRVAR(lines_until_doc,
"lines_until(marks, page_starts, distance)\n--\n\n"
"The same as lines_since for the nearest marked line below.");

static PyObject *
lines_until(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    return lines_to_mark(arguments, n_arguments, 1);
}

PyDoc_STRVAR(run_bounds_doc,
"run_bounds(joined, page_starts, first, beyond)\n--\n\n"
"Write to `first` and `beyond` (int64, n) the bounds of the run that each line stands in. `joined` (bool, n) says which\n"
"lines belong to the run of the line above them, on the same page.");

static PyObject *
run_bounds(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[4], *joined = arrays, *starts = arrays + 1, *first = arrays + 2, *beyond = arrays + 3;
    if (!has_arguments(n_arguments, 4) || !take(arguments, "rrww", arrays))
        return NULL;
    int fits = are_starts(starts, joined->n) && is_packed(joined, U8) && first->n == joined->n && first->type == I64
        && beyond->n == joined->n && beyond->type == I64;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 0; fits && page + 1 < starts->n; page++) {
        int64_t run = start[page];
        for (int64_t row = start[page]; row < start[page + 1]; row++) {
            if (!joined->start[row])
                run = row;
            ((int64_t *)first->buffer.buf)[row] = run;
        }
        run = start[page + 1];
        for (int64_t row = start[page + 1] - 1; row >= start[page]; row--) {
            ((int64_t *)beyond->buffer.buf)[row] = run;
            if (!joined->start[row])
                run = row;
        }
    }
    return done(arrays, 4, fits);
}

/* ---- what is said of a page, for each of its lines ---- */

/* The marked row that is found first from one end of each line's page, or the row beyond the other end. */
static PyObject *
page_mark(PyObject *const *arguments, Py_ssize_t n_arguments, int from_below)
{
    Array arrays[3], *marks = arrays, *starts = arrays + 1, *rows = arrays + 2;
    if (!has_arguments(n_arguments, 3) || !take(arguments, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, marks->n) && is_packed(marks, U8) && rows->n == marks->n && rows->type == I64;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 0; fits && page + 1 < starts->n; page++) {
        int64_t found = from_below ? start[page + 1] - 1 : start[page];
        while (found >= start[page] && found < start[page + 1] && !marks->start[found])
            found += from_below ? -1 : 1;
        for (int64_t row = start[page]; row < start[page + 1]; row++)
            ((int64_t *)rows->buffer.buf)[row] = found;
    }
    return done(arrays, 3, fits);
}

PyDoc_STRVAR(page_first_doc,
"page_first(marks, page_starts, rows)\n--\n\n"
"Write to `rows` (int64, n) the first marked row of each line's page, the row beyond the page where there is none.");

static PyObject *
page_first(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    return page_mark(arguments, n_arguments, 0);
}

PyDoc_STRVAR(page_last_doc,
"page_last(marks, page_starts, rows)\n--\n\n"
"Write to `rows` (int64, n) the last marked row of each line's page, the row before the page where there is none.");

static PyObject *
page_last(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    return page_mark(arguments, n_arguments, 1);
}

PyDoc_STRVAR(page_max_doc,
"page_max(column, page_starts, greatest)\n--\n\n"
"Write to `greatest` (the type of `column`, n) the greatest value of each line's page; none may be NaN.");

static PyObject *
page_max(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *column = arrays, *starts = arrays + 1, *greatest = arrays + 2;
    if (!has_arguments(n_arguments, 3) || !take(arguments, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, column->n) && greatest->n == column->n && greatest->type == column->type;
    const int64_t *start = (const int64_t *)starts->start;
#define PAGE_MAX(type)                                                                    \
    for (Py_ssize_t page = 0; page + 1 < starts->n; page++) {                             \
        if (start[page] == start[page + 1])                                               \
            continue;                                                                     \
        type most = *(const type *)(column->start + start[page] * column->stride);        \
        for (int64_t row = start[page] + 1; row < start[page + 1]; row++) {               \
            type value = *(const type *)(column->start + row * column->stride);           \
            most = value > most ? value : most;                                           \
        }                                                                                 \
        for (int64_t row = start[page]; row < start[page + 1]; row++)                     \
            ((type *)greatest->buffer.buf)[row] = most;                                   \
    }
    if (fits)
        BY_TYPE(column, PAGE_MAX)
#undef PAGE_MAX
    return done(arrays, 3, fits);
}

PyDoc_STRVAR(best_segment_doc,
"best_segment(gain, page_starts, grid, first, beyond, best)\n--\n\n"
"Write to `first` and `beyond` (int64, n) the bounds of the page's run of lines with the greatest gain, for each line,\n"
"and to `best` (float64, n) that gain. `gain` is float64 (n), counted in whole parts of 1 / grid. Of runs that gain as\n"
"much, the one that ends first is taken, and of those the shortest.");

static PyObject *
best_segment(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[5], *gain = arrays, *starts = arrays + 1, *first = arrays + 2, *beyond = arrays + 3, *best = arrays + 4;
    Py_ssize_t grid;
    if (!has_arguments(n_arguments, 6) || take_number(arguments[2], 1 << 30, &grid) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[3], arguments[4], arguments[5]};
    if (!take(given, "rrwww", arrays))
        return NULL;
    int fits = are_starts(starts, gain->n) && is_packed(gain, F64) && first->n == gain->n && first->type == I64
        && beyond->n == gain->n && beyond->type == I64 && best->n == gain->n && best->type == F64;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t page = 0; fits && page + 1 < starts->n; page++) {
        int64_t sum = 0, lowest = 0, lowest_row = start[page], rise = INT64_MIN, from = 0, to = 0;
        for (int64_t row = start[page]; row < start[page + 1]; row++) {
            if (sum <= lowest) {
                lowest = sum;
                lowest_row = row;
            }
            sum += (int64_t)rint(((const double *)gain->start)[row] * (double)grid);
            if (sum - lowest > rise) {
                rise = sum - lowest;
                from = lowest_row;
                to = row + 1;
            }
        }
        for (int64_t row = start[page]; row < start[page + 1]; row++) {
            ((int64_t *)first->buffer.buf)[row] = from;
            ((int64_t *)beyond->buffer.buf)[row] = to;
            ((double *)best->buffer.buf)[row] = (double)rise / (double)grid;
        }
    }
    return done(arrays, 5, fits);
}

/* ---- lines and words that stand several times on a page ---- */

typedef struct {
    uint64_t key;
    int64_t number; /* -1 where the slot is empty */
} Slot;

/* The slots for the keys of the largest page, a power of two, half of them empty at least; 0 where there are too many. */
static size_t
slots_wanted(const Array *starts)
{
    const int64_t *start = (const int64_t *)starts->start;
    int64_t most = 1;
    for (Py_ssize_t page = 0; page + 1 < starts->n; page++)
        most = start[page + 1] - start[page] > most ? start[page + 1] - start[page] : most;
    size_t n_slots = 2;
    while (n_slots < 2 * (size_t)most && n_slots <= SIZE_MAX / sizeof(Slot) / 4)
        n_slots *= 2;
    return n_slots;
}

static uint64_t
mixed(uint64_t key, uint64_t seed)
{
    key = (key ^ seed) * 0x9E3779B97F4A7C15u;
    key = (key ^ (key >> 32)) * (seed | 1);
    return key ^ (key >> 29);
}

/* Numbers the keys from 0, the same for the same key of the same page; the number of distinct ones. */
static int64_t
number_of_keys(const uint64_t *keys, const Array *starts, uint64_t seed, Slot *slots, size_t n_slots, int64_t *number)
{
    const int64_t *start = (const int64_t *)starts->start;
    int64_t n_distinct = 0, first_number = 0;
    for (size_t slot = 0; slot < n_slots; slot++)
        slots[slot].number = -1;
    for (Py_ssize_t page = 0; page + 1 < starts->n; page++) {
        first_number = n_distinct; /* slots with lower numbers are of pages before, as good as empty */
        size_t used = 2;
        while (used < 2 * (size_t)(start[page + 1] - start[page]))
            used *= 2; /* small pages stay in the processor's cache */
        for (int64_t row = start[page]; row < start[page + 1]; row++) {
            size_t slot = mixed(keys[row], seed) & (used - 1);
            while (slots[slot].number >= first_number && slots[slot].key != keys[row])
                slot = (slot + 1) & (used - 1);
            if (slots[slot].number < first_number)
                slots[slot] = (Slot){keys[row], n_distinct++};
            number[row] = slots[slot].number;
        }
    }
    return n_distinct;
}

PyDoc_STRVAR(number_keys_doc,
"number_keys(keys, page_starts, seed, number)\n--\n\n"
"Write to `number` (int64, n) a number for each of `keys` (uint64, n), the same for the same key of the same page; the\n"
"answer is how many there are, and they count from 0. `seed` is a random number, so that no page can be made slow.");

static PyObject *
number_keys(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *keys = arrays, *starts = arrays + 1, *number = arrays + 2;
    if (!has_arguments(n_arguments, 4))
        return NULL;
    unsigned long long seed = PyLong_AsUnsignedLongLong(arguments[2]);
    PyObject *const given[] = {arguments[0], arguments[1], arguments[3]};
    if ((seed == (unsigned long long)-1 && PyErr_Occurred()) || !take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, keys->n) && is_packed(keys, U64) && number->n == keys->n && number->type == I64;
    size_t n_slots = fits ? slots_wanted(starts) : 0;
    Slot *slots = fits ? PyMem_Malloc(n_slots * sizeof(Slot)) : NULL;
    int64_t n_distinct = 0;
    if (slots != NULL) {
        const uint64_t *of_row = (const uint64_t *)keys->start;
        Py_BEGIN_ALLOW_THREADS
        n_distinct = number_of_keys(of_row, starts, seed, slots, n_slots, number->buffer.buf);
        Py_END_ALLOW_THREADS
    }
    return has_ended(arrays, 3, fits, slots) ? PyLong_FromLongLong(n_distinct) : NULL;
}

PyDoc_STRVAR(count_numbers_doc,
"count_numbers(number, n_distinct, occurrence, total)\n--\n\n"
"Write to `occurrence` (int64, n) how often each number (int64, n; 0 to n_distinct - 1) stood before, and to `total`\n"
"(int64, n) how often it stands at all.");

static int
are_below(const Array *number, Py_ssize_t n_distinct)
{
    const char *value = number->start;
    for (Py_ssize_t row = 0; row < number->n; row++, value += number->stride) {
        int64_t of_row = number->type == I64 ? *(const int64_t *)value : *(const int32_t *)value;
        if (of_row < 0 || of_row >= n_distinct)
            return 0;
    }
    return 1;
}

static PyObject *
count_numbers(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *number = arrays, *occurrence = arrays + 1, *total = arrays + 2;
    Py_ssize_t n_distinct;
    if (!has_arguments(n_arguments, 4) || take_number(arguments[1], PY_SSIZE_T_MAX / 16, &n_distinct) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[2], arguments[3]};
    if (!take(given, "rww", arrays))
        return NULL;
    int fits = is_packed(number, I64) && occurrence->n == number->n && occurrence->type == I64 && total->n == number->n
        && total->type == I64 && are_below(number, n_distinct);
    int64_t *counts = fits ? PyMem_Calloc((size_t)n_distinct + 1, sizeof(int64_t)) : NULL;
    if (counts != NULL) {
        const int64_t *of_row = (const int64_t *)number->start;
        for (Py_ssize_t row = 0; row < number->n; row++)
            ((int64_t *)occurrence->buffer.buf)[row] = counts[of_row[row]]++;
        for (Py_ssize_t row = 0; row < number->n; row++)
            ((int64_t *)total->buffer.buf)[row] = counts[of_row[row]];
    }
    if (!has_ended(arrays, 3, fits, counts))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- words that lines share ---- */

/* The bits of the table of a page's words: the least with which it has so many slots a word. */
static int
table_bits(int64_t n_words, Py_ssize_t slots_a_word)
{
    uint64_t wanted = (uint64_t)(n_words > 1 ? n_words : 1) * (uint64_t)slots_a_word;
    int bits = 1;
    while (((uint64_t)1 << bits) < wanted)
        bits++;
    return bits;
}

PyDoc_STRVAR(number_words_doc,
"number_words(hashes, page_words, slots_a_word, word)\n--\n\n"
"Write to `word` (int32, n_words) a number for each of `hashes` (uint64, n_words), the same for hashes of one page that\n"
"fall in one slot of the page's table, which has a power of two and `slots_a_word` (2 at least) slots a word. The answer\n"
"is how many there are. `page_words` (int64, n_pages + 1) says where each page's words begin.");

static PyObject *
number_words(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *hashes = arrays, *starts = arrays + 1, *word = arrays + 2;
    Py_ssize_t slots_a_word;
    if (!has_arguments(n_arguments, 4) || take_number(arguments[2], 1 << 20, &slots_a_word) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[3]};
    if (!take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, hashes->n) && is_packed(hashes, U64) && word->n == hashes->n && word->type == I32
        && slots_a_word >= 2 && hashes->n < INT32_MAX;
    const int64_t *start = (const int64_t *)starts->start;
    int64_t most = 0;
    for (Py_ssize_t page = 0; fits && page + 1 < starts->n; page++)
        most = start[page + 1] - start[page] > most ? start[page + 1] - start[page] : most;
    int32_t *table = fits ? PyMem_Calloc((size_t)1 << table_bits(most, slots_a_word), sizeof(int32_t)) : NULL;
    int32_t n_distinct = 0;
    if (table != NULL) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t page = 0; page + 1 < starts->n; page++) {
            int shift = 64 - table_bits(start[page + 1] - start[page], slots_a_word);
            int32_t before = n_distinct; /* numbers up to here are of pages before; 0 is no number in the table */
            for (int64_t row = start[page]; row < start[page + 1]; row++) {
                int32_t *slot = table + (((const uint64_t *)hashes->start)[row] >> shift);
                if (*slot <= before)
                    *slot = ++n_distinct;
                ((int32_t *)word->buffer.buf)[row] = *slot - 1;
            }
        }
        Py_END_ALLOW_THREADS
    }
    return has_ended(arrays, 3, fits, table) ? PyLong_FromLong(n_distinct) : NULL;
}

PyDoc_STRVAR(rare_words_doc,
"rare_words(word, page_words, n_distinct, at_least, share, marks)\n--\n\n"
"Write to `marks` (bool, n_words) which words stand less often than `at_least` times or than `share` of their page's\n"
"words, whichever is more. `word` is what number_words wrote.");

static PyObject *
rare_words(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *word = arrays, *starts = arrays + 1, *marks = arrays + 2;
    Py_ssize_t n_distinct;
    if (!has_arguments(n_arguments, 6) || take_number(arguments[2], INT32_MAX, &n_distinct) < 0)
        return NULL;
    double at_least = PyFloat_AsDouble(arguments[3]), share = PyFloat_AsDouble(arguments[4]);
    PyObject *const given[] = {arguments[0], arguments[1], arguments[5]};
    if (PyErr_Occurred() || !take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, word->n) && is_packed(word, I32) && marks->n == word->n && marks->type == U8
        && are_below(word, n_distinct);
    int32_t *counts = fits ? PyMem_Calloc((size_t)n_distinct + 1, sizeof(int32_t)) : NULL;
    if (counts != NULL) {
        const int32_t *of_row = (const int32_t *)word->start;
        const int64_t *start = (const int64_t *)starts->start;
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t row = 0; row < word->n; row++)
            counts[of_row[row]]++;
        for (Py_ssize_t page = 0; page + 1 < starts->n; page++) {
            double often = share * (double)(start[page + 1] - start[page]);
            often = often > at_least ? often : at_least;
            for (int64_t row = start[page]; row < start[page + 1]; row++)
                ((uint8_t *)marks->buffer.buf)[row] = counts[of_row[row]] < often;
        }
        Py_END_ALLOW_THREADS
    }
    if (!has_ended(arrays, 3, fits, counts))
        return NULL;
    Py_RETURN_NONE;
}

/* Writes to gap the lines up to the nearest other line that has each word; last (n_distinct, -1) is left in disorder. */
static void
find_gaps(const int32_t *word, const Array *line_starts, int32_t *last, int32_t far_away, int32_t *gap)
{
    const int64_t *start = (const int64_t *)line_starts->start;
    int32_t n_lines = (int32_t)(line_starts->n - 1);
    int64_t n_words = start[n_lines];
    for (int32_t line = 0; line < n_lines; line++) { /* lines up to the one above */
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            gap[row] = last[word[row]] < 0 ? far_away : line - last[word[row]];
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            last[word[row]] = line;
    }
    for (int64_t row = 0; row < n_words; row++)
        last[word[row]] = -1;
    for (int32_t line = n_lines - 1; line >= 0; line--) { /* and to the one below */
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            if (last[word[row]] >= 0 && last[word[row]] - line < gap[row])
                gap[row] = last[word[row]] - line;
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            last[word[row]] = line;
    }
}

PyDoc_STRVAR(gaps_doc,
"gaps(word, word_starts, n_distinct, far, gap)\n--\n\n"
"Write to `gap` (int32, n_words) how many lines away the nearest other line with each word stands, `far` where there is\n"
"none. `word_starts` (int64, n_lines + 1) says where each line's words begin.");

static PyObject *
gaps(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *word = arrays, *starts = arrays + 1, *gap = arrays + 2;
    Py_ssize_t n_distinct, far_away;
    if (!has_arguments(n_arguments, 5) || take_number(arguments[2], INT32_MAX, &n_distinct) < 0
        || take_number(arguments[3], INT32_MAX, &far_away) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[4]};
    if (!take(given, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, word->n) && starts->n < INT32_MAX && is_packed(word, I32) && gap->n == word->n
        && gap->type == I32 && are_below(word, n_distinct);
    int32_t *last = fits ? PyMem_Malloc(((size_t)n_distinct + 1) * sizeof(int32_t)) : NULL;
    if (last != NULL) {
        Py_BEGIN_ALLOW_THREADS
        memset(last, -1, ((size_t)n_distinct + 1) * sizeof(int32_t));
        find_gaps((const int32_t *)word->start, starts, last, (int32_t)far_away, gap->buffer.buf);
        Py_END_ALLOW_THREADS
    }
    if (!has_ended(arrays, 3, fits, last))
        return NULL;
    Py_RETURN_NONE;
}

/* Adds to each line's count its wanted words that stand in another of the marked lines. */
static void
count_elsewhere(const int32_t *word, const Array *line_starts, const uint8_t *lines, const uint8_t *wanted,
                int32_t *owner, double *counts)
{
    const int64_t *start = (const int64_t *)line_starts->start;
    int32_t n_lines = (int32_t)(line_starts->n - 1);
    for (int32_t line = 0; line < n_lines; line++)
        for (int64_t row = start[line]; lines[line] && row < start[line + 1]; row++) {
            int32_t *of_word = owner + word[row]; /* a marked line that has the word, -2 where several have, else -1 */
            *of_word = *of_word == -1 || *of_word == line ? line : -2;
        }
    for (int32_t line = 0; line < n_lines; line++) {
        int64_t count = 0;
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            count += wanted[row] && owner[word[row]] != -1 && owner[word[row]] != line;
        counts[line] = (double)count;
    }
}

PyDoc_STRVAR(words_elsewhere_doc,
"words_elsewhere(word, word_starts, n_distinct, lines, wanted, counts)\n--\n\n"
"Write to `counts` (float64, n_lines) how many of each line's `wanted` (bool, n_words) words stand in another of the\n"
"marked `lines` (bool, n_lines) too.");

static PyObject *
words_elsewhere(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[5], *word = arrays, *starts = arrays + 1, *lines = arrays + 2, *wanted = arrays + 3, *counts = arrays + 4;
    Py_ssize_t n_distinct;
    if (!has_arguments(n_arguments, 6) || take_number(arguments[2], INT32_MAX, &n_distinct) < 0)
        return NULL;
    PyObject *const given[] = {arguments[0], arguments[1], arguments[3], arguments[4], arguments[5]};
    if (!take(given, "rrrrw", arrays))
        return NULL;
    int fits = are_starts(starts, word->n) && starts->n < INT32_MAX && is_packed(word, I32) && is_packed(lines, U8)
        && lines->n == starts->n - 1 && is_packed(wanted, U8) && wanted->n == word->n && counts->n == lines->n
        && counts->type == F64 && are_below(word, n_distinct);
    int32_t *owner = fits ? PyMem_Malloc(((size_t)n_distinct + 1) * sizeof(int32_t)) : NULL;
    if (owner != NULL) {
        Py_BEGIN_ALLOW_THREADS
        memset(owner, -1, ((size_t)n_distinct + 1) * sizeof(int32_t));
        count_elsewhere((const int32_t *)word->start, starts, (const uint8_t *)lines->start,
                        (const uint8_t *)wanted->start, owner, counts->buffer.buf);
        Py_END_ALLOW_THREADS
    }
    if (!has_ended(arrays, 5, fits, owner))
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(words_of_lines_doc,
"words_of_lines(marks, word_starts, counts)\n--\n\n"
"Write to `counts` (float64, n_lines) how many of each line's words are marked; `marks` is bool (n_words).");

static PyObject *
words_of_lines(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t n_arguments)
{
    Array arrays[3], *marks = arrays, *starts = arrays + 1, *counts = arrays + 2;
    if (!has_arguments(n_arguments, 3) || !take(arguments, "rrw", arrays))
        return NULL;
    int fits = are_starts(starts, marks->n) && is_packed(marks, U8) && counts->n == starts->n - 1 && counts->type == F64;
    const int64_t *start = (const int64_t *)starts->start;
    for (Py_ssize_t line = 0; fits && line + 1 < starts->n; line++) {
        int64_t count = 0;
        for (int64_t row = start[line]; row < start[line + 1]; row++)
            count += marks->start[row] != 0;
        ((double *)counts->buffer.buf)[line] = (double)count;
    }
    return done(arrays, 3, fits);
}

#define FUNCTION(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, name##_doc}

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
