/* Sums of the leaves of fixed-depth trees, as model.Trees.sum computes them with NumPy.

   A tree of depth 5 has 32 leaves, a bit each. All nodes of a tree are asked, without branches: where a line goes right
   at a node, the leaves left of it are struck out, and the lowest bit that is left is the line's leaf (Lucchese et al.,
   QuickScorer, SIGIR 2015). Lines stand side by side, so that 4 or 8 are compared at once. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define LANES 32      /* lines that go through a tree together */
#define MAX_DEPTH 5   /* leaves are bits of 32 */
#define MAX_NODES 31

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

PyDoc_STRVAR(leaf_sums_doc,
"leaf_sums(x, feature, threshold, leaf, n_features, depth, total)\n--\n\n"
"Write to `total` (float32, n_lines) the sum of the leaves that each line comes to. `x` (float32, n_features x n_lines)\n"
"holds the features' columns one after the other. `feature` int32 and `threshold` float32 hold 2**depth - 1 nodes a tree, level by level, `leaf` float32\n"
"2**depth; depth is 1 to 5. A line goes right where its feature is greater than the threshold.\n"
"Raises ValueError where sizes don't fit or a node asks for a feature that is not there.");

static const char *
unsound(const Py_buffer *x, const Py_buffer *feature, const Py_buffer *threshold, const Py_buffer *leaf,
        Py_ssize_t n_features, int depth, Py_ssize_t n_lines)
{
    if (depth < 1 || depth > MAX_DEPTH || n_features < 1)
        return "leaf_sums: no such depth or number of features";
    Py_ssize_t n_nodes = ((Py_ssize_t)1 << depth) - 1, n_trees = leaf->len / 4 / (n_nodes + 1);
    if (x->len != n_lines * n_features * 4 || feature->len != n_trees * n_nodes * 4
        || threshold->len != n_trees * n_nodes * 4 || leaf->len != n_trees * (n_nodes + 1) * 4)
        return "leaf_sums: sizes don't fit";
    for (Py_ssize_t node = 0; node < n_trees * n_nodes; node++)
        if (((int32_t *)feature->buf)[node] < 0 || ((int32_t *)feature->buf)[node] >= n_features)
            return "leaf_sums: a node asks for a feature that is not there";
    return NULL;
}

static PyObject *
leaf_sums(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer x, feature, threshold, leaf, total;
    Py_ssize_t n_features;
    int depth;
    if (!PyArg_ParseTuple(args, "y*y*y*y*niw*", &x, &feature, &threshold, &leaf, &n_features, &depth, &total))
        return NULL;
    Py_ssize_t n_lines = total.len / 4;
    const char *problem = unsound(&x, &feature, &threshold, &leaf, n_features, depth, n_lines);
    float *last_columns = problem ? NULL : PyMem_Calloc((size_t)n_features * LANES, sizeof(float));
    if (last_columns != NULL) {
        uint32_t masks[MAX_NODES];
        masks_of_right_turns(depth, masks);
        int n_nodes = (1 << depth) - 1;
        Py_ssize_t n_trees = leaf.len / 4 / (n_nodes + 1), line = 0;
        Py_BEGIN_ALLOW_THREADS
        memset(total.buf, 0, total.len);
        for (; line + LANES <= n_lines; line += LANES)
            add_trees((const float *)x.buf + line, n_lines, feature.buf, threshold.buf, leaf.buf, masks, n_trees, n_nodes,
                      (float *)total.buf + line);
        if (line < n_lines) { /* the last lines, with room beside them */
            float sums[LANES] = {0};
            for (Py_ssize_t column = 0; column < n_features; column++)
                memcpy(last_columns + column * LANES, (const float *)x.buf + column * n_lines + line, (n_lines - line) * 4);
            add_trees(last_columns, LANES, feature.buf, threshold.buf, leaf.buf, masks, n_trees, n_nodes, sums);
            memcpy((float *)total.buf + line, sums, (n_lines - line) * 4);
        }
        Py_END_ALLOW_THREADS
        PyMem_Free(last_columns);
    }
    PyBuffer_Release(&x);
    PyBuffer_Release(&feature);
    PyBuffer_Release(&threshold);
    PyBuffer_Release(&leaf);
    PyBuffer_Release(&total);
    if (problem) {
        PyErr_SetString(PyExc_ValueError, problem);
        return NULL;
    }
    if (last_columns == NULL)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"leaf_sums", leaf_sums, METH_VARARGS, leaf_sums_doc}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "trees", "Sums of the leaves of fixed-depth trees.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit_trees(void)
{
    return PyModule_Create(&module);
}
