/* Sums of the leaves of fixed-depth trees, as trees.py computes them with NumPy.

   A tree of depth 5 has 32 leaves, a bit each. All nodes of a tree are asked, without branches: where a line goes right
   at a node, the leaves left of it are struck out, and the lowest bit that is left is the line's leaf (Lucchese et al.,
   QuickScorer, SIGIR 2015). Lines stand side by side, so that 4 or 8 are compared at once. In deeper trees, and by
   compilers without vectors, each line is walked down, which is slower. */

#include "kernel.h"

#define LANES 32 /* lines that go through a tree together */
#define MAX_DEPTH 8
#define MAX_NODES 31 /* of a tree whose leaves are bits of 32 */

#if HAS_VECTORS

/* The leaves that stay possible where a line goes right at each node: those not below its left child. */
static void
masks_of_right_turns(int n_leaves, uint32_t *masks)
{
    for (int n_below = n_leaves; n_below > 1; n_below /= 2) /* leaves below a node of a level */
        for (int first = 0; first < n_leaves; first += n_below) {
            uint32_t below_left = (uint32_t)((((uint64_t)1 << (n_below / 2)) - 1) << first);
            *masks++ = ~below_left;
        }
}

/* Adds the leaf of each tree to LANES lines. The next feature's column is `stride` floats further on. */
ALSO_FOR("avx2") static void
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

/* The same for all lines. Returns NULL, or what is wrong. */
static const char *
add_by_lanes(Arguments *a, int n_nodes)
{
    const float *columns = a->arrays[0].start, *threshold = a->arrays[2].start, *leaf = a->arrays[3].start;
    const int32_t *feature = a->arrays[1].start;
    float *total = a->arrays[4].start, sums[LANES] = {0};
    Py_ssize_t n_features = a->arrays[0].buffer.shape[0], n_lines = a->arrays[4].n, line = 0;
    Py_ssize_t n_trees = a->arrays[3].buffer.shape[0];
    uint32_t masks[MAX_NODES];
    masks_of_right_turns(n_nodes + 1, masks);
    for (; line + LANES <= n_lines; line += LANES)
        add_trees(columns + line, n_lines, feature, threshold, leaf, masks, n_trees, n_nodes, total + line);
    if (line == n_lines)
        return NULL;
    float *last_columns = a->memory = PyMem_RawCalloc((size_t)n_features * LANES, sizeof(float));
    if (last_columns == NULL)
        return OUT_OF_MEMORY;
    size_t n_bytes = (size_t)(n_lines - line) * sizeof(float); /* the last lines, with room beside them */
    for (Py_ssize_t column = 0; column < n_features; column++)
        memcpy(last_columns + column * LANES, columns + column * n_lines + line, n_bytes);
    add_trees(last_columns, LANES, feature, threshold, leaf, masks, n_trees, n_nodes, sums);
    memcpy(total + line, sums, n_bytes);
    return NULL;
}
#endif

/* Adds the leaf of each tree to each line, which is walked down. */
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

/* The nodes of a tree, or what is wrong with the arrays. */
static const char *
unsound(const Arguments *a, Py_ssize_t *n_nodes)
{
    const Py_buffer *columns = &a->arrays[0].buffer, *feature = &a->arrays[1].buffer, *threshold = &a->arrays[2].buffer;
    const Py_buffer *leaf = &a->arrays[3].buffer;
    if (columns->ndim != 2 || feature->ndim != 2 || threshold->ndim != 2 || leaf->ndim != 2)
        return UNFIT;
    Py_ssize_t n_leaves = leaf->shape[1], n_features = columns->shape[0];
    *n_nodes = n_leaves - 1;
    if (n_leaves < 2 || n_leaves > 1 << MAX_DEPTH || n_leaves & (n_leaves - 1) || n_features < 1
        || columns->shape[1] != a->arrays[4].n)
        return UNFIT;
    if (feature->shape[0] != leaf->shape[0] || feature->shape[1] != *n_nodes || threshold->shape[0] != leaf->shape[0]
        || threshold->shape[1] != *n_nodes)
        return UNFIT;
    const int32_t *of_node = a->arrays[1].start;
    for (Py_ssize_t node = 0; node < a->arrays[1].n; node++)
        if (of_node[node] < 0 || of_node[node] >= n_features)
            return "a node asks for a feature that is not there";
    return NULL;
}

KERNEL(leaf_sums, "af ai af af of",
"leaf_sums(columns, feature, threshold, leaf, total)\n--\n\n"
"Write to `total` (n_lines) the sum of the leaves that each line comes to. `columns` is (n_features, n_lines). `feature`\n"
"and `threshold` (n_trees, 2**depth - 1) are the nodes, level by level, `leaf` is (n_trees, 2**depth); depth is 1 to 8.\n"
"A line goes right where its feature is greater than the threshold.")
{
    Py_ssize_t n_nodes;
    const char *problem = unsound(a, &n_nodes);
    if (problem != NULL)
        return problem;
    memset(a->arrays[4].start, 0, (size_t)a->arrays[4].n * sizeof(float));
#if HAS_VECTORS
    if (n_nodes <= MAX_NODES)
        return add_by_lanes(a, (int)n_nodes);
#endif
    walk_trees(a->arrays[0].start, a->arrays[4].n, a->arrays[1].start, a->arrays[2].start, a->arrays[3].start,
               a->arrays[3].buffer.shape[0], (int)n_nodes, a->arrays[4].start);
    return NULL;
}

static PyMethodDef methods[] = {FUNCTION(leaf_sums), {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_trees", "Sums of the leaves of fixed-depth trees.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__trees(void)
{
    return PyModule_Create(&module);
}
