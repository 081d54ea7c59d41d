/* What kernels share: how arguments become arrays, what is checked of them, and what compilers call differently.

   A function of a kernel has a specification of its arguments, one word each:
     r* w*   an array of n values, to read and to write; n is the length of the first
     R* W*   an array of one value a group
     a* o*   an array of any number of values and axes, in C order, to read and to write
     s       int64, where each group of the n values begins, and n: the pages of lines, the lines of words
     n x u   a whole number (cut to a range that no sum overflows), a float, a uint64
   The second letter of an array is its type: b bool, i int32, l int64, Q uint64, f float32, d float64; * any of a number,
   = that of the first array. Arrays marked * may be strided, all others are in one piece. Whatever does not fit raises
   ValueError, so that a function reads and writes within its arrays whatever it is called with. */

#ifndef DECLUTTER_KERNEL_H
#define DECLUTTER_KERNEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER)
#include <intrin.h>
static inline int
lowest_bit(uint64_t bits)
{
    unsigned long place;
    if (_BitScanForward(&place, (unsigned long)bits))
        return (int)place;
    _BitScanForward(&place, (unsigned long)(bits >> 32));
    return (int)place + 32;
}
#else
#define lowest_bit(bits) __builtin_ctzll(bits)
#endif

/* Vectors of WIDTH numbers; the compiler splits them where the processor's are shorter. */
#if defined(__GNUC__)
#define HAS_VECTORS 1
#define WIDTH 8
typedef float Floats __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
#else
#define HAS_VECTORS 0
#endif

/* A function is compiled for processors with `features` too where the compiler and the loader can choose. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define ALSO_FOR(features) __attribute__((target_clones(features, "default")))
#else
#define ALSO_FOR(features)
#endif

typedef enum { U8, I8, I32, U32, I64, U64, F32, F64, OTHER } Type;

typedef struct {
    Py_buffer buffer;
    void *start;
    Py_ssize_t n, stride; /* values; bytes from one to the next */
    Type type;
    char role; /* the first letter of its word in the specification */
} Array;

#define MAX_ARRAYS 6
#define MAX_NUMBERS 3
#define NO_ANSWER (-1)

typedef struct {
    Array arrays[MAX_ARRAYS];
    int n_arrays;
    const int64_t *starts; /* (n_groups + 1,) */
    Py_ssize_t n, n_groups;
    int64_t numbers[MAX_NUMBERS];
    double floats[MAX_NUMBERS];
    uint64_t seed;
    int64_t answer; /* what the function returns, None for NO_ANSWER */
    void *memory;   /* freed behind the function */
} Arguments;

/* What a kernel's function does without the GIL: NULL, or what is wrong. */
typedef const char *Work(Arguments *a);

static const char OUT_OF_MEMORY[] = "no memory", UNFIT[] = "types, sizes or numbers don't fit";

static inline Type
type_of(const Py_buffer *buffer)
{
    const char *format = buffer->format ? buffer->format : "B";
    if (format[0] == 0 || format[1] != 0) /* a record, or of another order of bytes */
        return OTHER;
    Py_ssize_t size = buffer->itemsize;
    switch (format[0]) {
    case 'f': return size == 4 ? F32 : OTHER;
    case 'd': return size == 8 ? F64 : OTHER;
    case 'b': case 'h': case 'i': case 'l': case 'q': case 'n': return size == 8 ? I64 : size == 4 ? I32 : size == 1 ? I8 : OTHER;
    case '?': case 'B': case 'H': case 'I': case 'L': case 'Q': case 'N': return size == 8 ? U64 : size == 4 ? U32 : size == 1 ? U8 : OTHER;
    }
    return OTHER;
}

static inline Type
type_called(char letter, const Array *first)
{
    switch (letter) {
    case 'b': return U8;
    case 'i': return I32;
    case 'l': return I64;
    case 'Q': return U64;
    case 'f': return F32;
    case 'd': return F64;
    case '=': return first->type;
    }
    return OTHER;
}

/* Takes an array. Returns 0 where it has another type or number of axes, or with a Python error. */
static inline int
take_array(Arguments *a, PyObject *given, char role, char letter)
{
    Array *array = &a->arrays[a->n_arrays];
    int flags = PyBUF_FORMAT | (letter == '*' ? PyBUF_STRIDES : PyBUF_C_CONTIGUOUS);
    int writes = role == 'w' || role == 'W' || role == 'o', has_any_axes = role == 'a' || role == 'o';
    if (PyObject_GetBuffer(given, &array->buffer, flags | (writes ? PyBUF_WRITABLE : 0)) < 0)
        return 0;
    a->n_arrays++;
    array->start = array->buffer.buf;
    array->role = role;
    array->type = type_of(&array->buffer);
    int is_of_type = letter == '*' ? array->type != OTHER : array->type == type_called(letter, a->arrays);
    if (!is_of_type || (array->buffer.ndim != 1 && !has_any_axes))
        return 0;
    array->n = array->buffer.len / array->buffer.itemsize;
    array->stride = array->buffer.ndim == 1 && array->buffer.strides ? array->buffer.strides[0] : array->buffer.itemsize;
    return 1;
}

/* Takes a whole number, cut to a range within which sums of a few don't overflow. */
static inline int
take_number(PyObject *given, int64_t *number)
{
    const int64_t limit = INT64_MAX / 8;
    int overflow;
    int64_t value = PyLong_AsLongLongAndOverflow(given, &overflow);
    *number = overflow > 0 || value > limit ? limit : overflow < 0 || value < -limit ? -limit : value;
    return value != -1 || overflow || !PyErr_Occurred();
}

static inline int
take(Arguments *a, PyObject *const *given, Py_ssize_t n_given, const char *specification)
{
    int n_numbers = 0, n_floats = 0;
    Py_ssize_t i = 0;
    for (const char *word = specification; *word; word += word[1] > ' ' ? 2 : 1, word += *word == ' ', i++) {
        int is_taken;
        if (i == n_given) {
            PyErr_Format(PyExc_TypeError, "more than %zd arguments are wanted: %s", n_given, specification);
            return 0;
        }
        switch (*word) {
        case 'n': is_taken = take_number(given[i], &a->numbers[n_numbers++]); break;
        case 'x': is_taken = (a->floats[n_floats++] = PyFloat_AsDouble(given[i])) != -1.0 || !PyErr_Occurred(); break;
        case 'u': is_taken = (a->seed = PyLong_AsUnsignedLongLong(given[i])) != (uint64_t)-1 || !PyErr_Occurred(); break;
        case 's': {
            Array *array = &a->arrays[a->n_arrays];
            if ((is_taken = take_array(a, given[i], 'a', 'l'))) {
                a->starts = array->start;
                a->n_groups = array->n - 1;
            }
            break;
        }
        default: is_taken = take_array(a, given[i], word[0], word[1]);
        }
        if (!is_taken)
            return 0;
    }
    if (i != n_given)
        PyErr_Format(PyExc_TypeError, "%zd arguments are wanted, not %zd: %s", i, n_given, specification);
    return i == n_given;
}

/* Whether the sizes are those of the specification, and the groups within the n values. */
static inline int
are_sizes_right(Arguments *a)
{
    a->n = a->arrays[0].n;
    for (const Array *array = a->arrays; array < a->arrays + a->n_arrays; array++)
        if (((array->role == 'r' || array->role == 'w') && array->n != a->n)
            || ((array->role == 'R' || array->role == 'W') && array->n != a->n_groups))
            return 0;
    if (a->starts == NULL)
        return 1;
    if (a->n_groups < 0 || a->starts[0] != 0 || a->starts[a->n_groups] != a->n)
        return 0;
    for (Py_ssize_t group = 0; group < a->n_groups; group++)
        if (a->starts[group + 1] < a->starts[group])
            return 0;
    return 1;
}

#define SMALL 2048 /* values; letting go of the GIL for fewer costs more than it gives */

/* Calls a kernel's function. */
static inline PyObject *
call(Work *work, const char *name, const char *specification, PyObject *const *given, Py_ssize_t n_given)
{
    Arguments a = {.answer = NO_ANSWER};
    const char *problem = NULL;
    int is_taken = take(&a, given, n_given, specification);
    if (!is_taken || !are_sizes_right(&a)) {
        problem = UNFIT;
    } else if (a.n < SMALL) {
        problem = work(&a);
    } else {
        Py_BEGIN_ALLOW_THREADS
        problem = work(&a);
        Py_END_ALLOW_THREADS
    }
    PyMem_RawFree(a.memory);
    for (int i = 0; i < a.n_arrays; i++)
        PyBuffer_Release(&a.arrays[i].buffer);
    if (PyErr_Occurred())
        return NULL;
    if (problem == OUT_OF_MEMORY)
        return PyErr_NoMemory();
    if (problem != NULL)
        return PyErr_Format(PyExc_ValueError, "%s: %s", name, problem);
    if (a.answer == NO_ANSWER)
        Py_RETURN_NONE;
    return PyLong_FromLongLong(a.answer);
}

/* KERNEL(name, specification, documentation) { ... } defines a function that Python can call, as FUNCTION(name) of a
   table of methods; `a` are its arguments. */
#define KERNEL(name, specification, documentation)                                                        \
    PyDoc_STRVAR(name##_doc, documentation);                                                              \
    static const char *work_of_##name(Arguments *a);                                                      \
    static PyObject *name(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t n_given)        \
    {                                                                                                     \
        return call(work_of_##name, #name, specification, given, n_given);                                \
    }                                                                                                     \
    static const char *work_of_##name(Arguments *a)
#define FUNCTION(name) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, name##_doc}

#endif
