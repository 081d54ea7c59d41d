/* Sums of the leaves of fixed-depth trees, as trees.py computes them with NumPy.

   A tree of up to depth 5 has 32 leaves, a bit each (deeper ones are walked down, slower). All nodes of a tree are asked, without branches: where a line goes right
   at a node, the leaves left of it are struck out, and the lowest bit that is left is the line's leaf (Lucchese et al.,
   QuickScorer, SIGIR 2015). Lines stand side by side, so that 4 or 8 are compared at once. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define LANES 32      /* lines that go through a tree together */
#define MAX_DEPTH 8
#define BIT_DEPTH 5   /* leaves are bits of 32 */
#define MAX_NODES 31  /* of such a tree */

#define WIDTH 8 /* floats of one vector; the compiler splits it where the processor's are shorter */
typedef float Floats __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(4 * WIDTH)));

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_THIS_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_THIS_PROCESSOR
#endif

/* The leaves that stay possible where a line goes right at each node: those not below its left child. */
static void
masks_of_right_turns(int depth, uint32_t *masks)
{
    for (int level = 0; level < depth; level++) {
        int width = 1 << (depth - level); /* leaves below a node of this level */
        for (int place = 0; place < (1 << level); place++) {
            uint32_t below_left = (uint32_t)((((uint64_t)1 << (width / 2)) - 1) << (place * width));
            masks[(1 << level) - 1 + place] = ~below_left;
        }
    }
}

/* Adds the leaf of each tree to LANES lines. The next feature's column is `stride` floats further on. */
FOR_THIS_PROCESSOR static void
add_trees(const float *columns, Py_ssize_t stride, const int32_t *feature, const float *threshold, const float *leaf,
          const uint32_t *masks, Py_ssize_t n_trees, int n_nodes, float *total)
{
    for (Py_ssize_t tree = 0; tree < n_trees; tree++) {
        Bits possible[LANES / WIDTH];
        for (int group = 0; group < LANES / WIDTH; group++)
            possible[group] = (Bits){0} - 1;
        for (int node = 0; node < n_nodes; node++) {
            const Floats *column = (const Floats *)(columns + feature[node] * stride);
            const Bits mask = (Bits){0} + masks[node];
            for (int group = 0; group < LANES / WIDTH; group++)
                possible[group] &= mask | ~(Bits)(column[group] > threshold[node]);
        }
        for (int group = 0; group < LANES / WIDTH; group++)
            for (int lane = 0; lane < WIDTH; lane++)
                total[group * WIDTH + lane] += leaf[__builtin_ctz(possible[group][lane])];
        feature += n_nodes;
        threshold += n_nodes;
        leaf += n_nodes + 1;
    }
}

/* The same for deeper trees: each line is walked down. */
static void
walk_trees(const float *columns, Py_ssize_t n_lines, const int32_t *feature, const float *threshold, const float *leaf,
           Py_ssize_t n_trees, int n_nodes, float *total)
{
    for (Py_ssize_t tree = 0; tree < n_trees; tree++, feature += n_nodes, threshold += n_nodes, leaf += n_nodes + 1)
        for (Py_ssize_t line = 0; line < n_lines; line++) {
            int node = 0;
            while (node < n_nodes)
                node = 2 * node + 1 + (columns[feature[node] * n_lines + line] > threshold[node]);
            total[line] += leaf[node - n_nodes];
        }
}

PyDoc_STRVAR(leaf_sums_doc,
"leaf_sums(columns, feature, threshold, leaf, total)\n--\n\n"
"Write to `total` (float32, n_lines) the sum of the leaves that each line comes to. `columns` is float32\n"
"(n_features, n_lines). `feature` int32 and `threshold` float32 (n_trees, 2**depth - 1) are the nodes, level by level,\n"
"`leaf` float32 (n_trees, 2**depth); depth is 1 to 8. A line goes right where its feature is greater than the\n"
"threshold. Raises ValueError where sizes don't fit or a node asks for a feature that is not there.");

enum { COLUMNS, FEATURE, THRESHOLD, LEAF, TOTAL, N_BUFFERS };

static const char *
unsound(const Py_buffer *buffers, Py_ssize_t *depth)
{
    for (int i = 0; i < N_BUFFERS; i++)
        if (buffers[i].ndim != (i == TOTAL ? 1 : 2) || buffers[i].itemsize != 4)
            return "leaf_sums: arrays of 4 bytes with other axes are wanted";
    Py_ssize_t n_features = buffers[COLUMNS].shape[0], n_trees = buffers[LEAF].shape[0];
    Py_ssize_t n_leaves = buffers[LEAF].shape[1];
    for (*depth = 1; *depth < MAX_DEPTH && (Py_ssize_t)1 << *depth < n_leaves;)
        ++*depth;
    if ((Py_ssize_t)1 << *depth != n_leaves || n_features < 1)
        return "leaf_sums: no such depth or number of features";
    if (buffers[COLUMNS].shape[1] != buffers[TOTAL].shape[0])
        return "leaf_sums: sizes don't fit";
    for (int i = FEATURE; i <= THRESHOLD; i++)
        if (buffers[i].shape[0] != n_trees || buffers[i].shape[1] != n_leaves - 1)
            return "leaf_sums: sizes don't fit";
    for (Py_ssize_t node = 0; node < n_trees * (n_leaves - 1); node++)
        if (((int32_t *)buffers[FEATURE].buf)[node] < 0 || ((int32_t *)buffers[FEATURE].buf)[node] >= n_features)
            return "leaf_sums: a node asks for a feature that is not there";
    return NULL;
}

/* Adds up all trees. `last_columns` has room for LANES lines of each feature. */
static void
add_all(const Py_buffer *buffers, Py_ssize_t depth, float *last_columns)
{
    const float *columns = buffers[COLUMNS].buf, *threshold = buffers[THRESHOLD].buf, *leaf = buffers[LEAF].buf;
    const int32_t *feature = buffers[FEATURE].buf;
    float *total = buffers[TOTAL].buf;
    Py_ssize_t n_features = buffers[COLUMNS].shape[0], n_lines = buffers[TOTAL].shape[0], line = 0;
    Py_ssize_t n_trees = buffers[LEAF].shape[0];
    int n_nodes = (1 << depth) - 1;
    memset(total, 0, (size_t)n_lines * sizeof(float));
    if (depth > BIT_DEPTH) {
        walk_trees(columns, n_lines, feature, threshold, leaf, n_trees, n_nodes, total);
        return;
    }
    uint32_t masks[MAX_NODES];
    masks_of_right_turns((int)depth, masks);
    for (; line + LANES <= n_lines; line += LANES)
        add_trees(columns + line, n_lines, feature, threshold, leaf, masks, n_trees, n_nodes, total + line);
    if (line < n_lines) { /* the last lines, with room beside them */
        float sums[LANES] = {0};
        for (Py_ssize_t column = 0; column < n_features; column++)
            memcpy(last_columns + column * LANES, columns + column * n_lines + line, (size_t)(n_lines - line) * 4);
        add_trees(last_columns, LANES, feature, threshold, leaf, masks, n_trees, n_nodes, sums);
        memcpy(total + line, sums, (size_t)(n_lines - line) * 4);
    }
}

static PyObject *
leaf_sums(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *given[N_BUFFERS];
    Py_buffer buffers[N_BUFFERS];
    if (!PyArg_ParseTuple(args, "OOOOO", &given[0], &given[1], &given[2], &given[3], &given[4]))
        return NULL;
    for (int i = 0; i < N_BUFFERS; i++)
        if (PyObject_GetBuffer(given[i], &buffers[i], PyBUF_C_CONTIGUOUS | (i == TOTAL ? PyBUF_WRITABLE : 0)) < 0) {
            while (i-- > 0)
                PyBuffer_Release(&buffers[i]);
            return NULL;
        }
    Py_ssize_t depth;
    const char *problem = unsound(buffers, &depth);
    float *last_columns = problem ? NULL : PyMem_Calloc((size_t)buffers[COLUMNS].shape[0] * LANES, sizeof(float));
    if (last_columns != NULL) {
        Py_BEGIN_ALLOW_THREADS
        add_all(buffers, depth, last_columns);
        Py_END_ALLOW_THREADS
    }
    PyMem_Free(last_columns);
    for (int i = 0; i < N_BUFFERS; i++)
        PyBuffer_Release(&buffers[i]);
    if (problem)
        PyErr_SetString(PyExc_ValueError, problem);
    else if (last_columns == NULL)
        PyErr_NoMemory();
    else
        Py_RETURN_NONE;
    return NULL;
}

static PyMethodDef methods[] = {{"leaf_sums", leaf_sums, METH_VARARGS, leaf_sums_doc}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_trees", "Sums of the leaves of fixed-depth trees.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__trees(void)
{
    return PyModule_Create(&module);
}
