/* The layers of a network, as network.Linear.said and network.read_places compute them with NumPy.

   All sums are exact (see network.py), so that the order of terms, and whether a product is rounded before it is added,
   change nothing. LANES lines stand side by side: their inputs are gathered, and ROWS sums of each made at once. (NumPy's
   matrix product is as fast, but starts threads for products this small, which wait for each other.) */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define WIDTH 8 /* floats of one vector; the compiler splits it where the processor's are shorter */
#define VECTORS 2
#define LANES (WIDTH * VECTORS)
#define ROWS 4
#define MAX_PLACES 5 /* network.N_PLACES; a layer reads so many lines, or one */
#define MAX_STEP 64
#define ROUNDING 12582912.0f /* added and taken away again, it makes a whole number of what is below 2**22 */

typedef float Floats __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t Marks __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_THIS_PROCESSOR __attribute__((target_clones("fma", "default")))
#else
#define FOR_THIS_PROCESSOR
#endif

typedef struct { /* a layer that multiplies inputs by weights */
    Py_ssize_t n_inputs, n_rows;
    float *weights; /* (n_groups, n_inputs, ROWS): those of ROWS rows side by side, of the last group 0 beyond n_rows */
    float *inputs;  /* (n_inputs, LANES) */
    float *sums;    /* (n_groups * ROWS, LANES) */
    const float *offsets;
} Layer;

static inline Py_ssize_t
n_groups(const Layer *layer)
{
    return (layer->n_rows + ROWS - 1) / ROWS;
}

/* Sums of all rows for the lines whose inputs are there. */
FOR_THIS_PROCESSOR static void
add_up(const Layer *layer)
{
    for (Py_ssize_t group = 0; group < n_groups(layer); group++) {
        const float *weights = layer->weights + group * layer->n_inputs * ROWS;
        Floats totals[ROWS][VECTORS];
        memset(totals, 0, sizeof totals);
        for (Py_ssize_t input = 0; input < layer->n_inputs; input++)
            for (int vector = 0; vector < VECTORS; vector++) {
                Floats value = *(const Floats *)(layer->inputs + input * LANES + vector * WIDTH);
                for (int row = 0; row < ROWS; row++)
                    totals[row][vector] += value * weights[input * ROWS + row];
            }
        memcpy(layer->sums + group * ROWS * LANES, totals, sizeof totals);
    }
}

/* Writes to rows of `n_lines` floats what the sums of lines [first, first + n) and their offsets say: 0 where they are
   negative, multiplied by `grid` and rounded. With a grid of 0 the sums themselves. */
FOR_THIS_PROCESSOR static void
put_out(const Layer *layer, float grid, Py_ssize_t first, Py_ssize_t n, Py_ssize_t n_lines, float *out)
{
    for (Py_ssize_t row = 0; row < layer->n_rows; row++) {
        float found[LANES];
        for (int lane = 0; lane < LANES; lane++)
            found[lane] = layer->sums[row * LANES + lane] + layer->offsets[row];
        for (int lane = 0; grid > 0 && lane < LANES; lane++) {
            float said = found[lane] * grid;
            found[lane] = ((said > 0 ? said : 0.0f) + ROUNDING) - ROUNDING;
        }
        memcpy(out + row * n_lines + first, found, (size_t)n * sizeof(float));
    }
}

/* Scales the features of lines [first, first + n); a feature's column is `stride` floats long. */
FOR_THIS_PROCESSOR static void
scale(const Layer *layer, const float *columns, Py_ssize_t stride, Py_ssize_t first, Py_ssize_t n, const float *mean,
      const float *factor, float limit)
{
    for (Py_ssize_t feature = 0; feature < layer->n_inputs; feature++) {
        float values[LANES] = {0};
        memcpy(values, columns + feature * stride + first, (size_t)n * sizeof(float));
        for (int lane = 0; lane < LANES; lane++) {
            float value = (values[lane] - mean[feature]) * factor[feature];
            value = value > limit ? limit : value;
            value = value < -limit ? -limit : value;
            layer->inputs[feature * LANES + lane] = (value + ROUNDING) - ROUNDING;
        }
    }
}

/* Gathers what is said of the lines at each place around lines [first, first + n): 0 where it is another page's. */
FOR_THIS_PROCESSOR static void
gather(const Layer *layer, const float *values, Py_ssize_t n_values, Py_ssize_t n_lines, Py_ssize_t first, Py_ssize_t n,
       const int64_t *page, Py_ssize_t step)
{
    Py_ssize_t n_places = layer->n_inputs / n_values;
    for (Py_ssize_t place = 0; place < n_places; place++) {
        Py_ssize_t from = first + (place - n_places / 2) * step;
        float *inputs = layer->inputs + place * n_values * LANES;
        int32_t same[LANES] = {0};
        for (Py_ssize_t lane = 0; lane < n; lane++)
            same[lane] = from + lane >= 0 && from + lane < n_lines && page[from + lane] == page[first + lane] ? -1 : 0;
        if (from >= 0 && from + LANES <= n_lines)
            for (Py_ssize_t value = 0; value < n_values; value++)
                for (int vector = 0; vector < LANES; vector += WIDTH)
                    *(Marks *)(inputs + value * LANES + vector)
                        = *(const Marks *)(values + value * n_lines + from + vector) & *(const Marks *)(same + vector);
        else
            for (Py_ssize_t value = 0; value < n_values; value++)
                for (int lane = 0; lane < LANES; lane++)
                    inputs[value * LANES + lane] = same[lane] ? values[value * n_lines + from + lane] : 0.0f;
    }
}

/* Makes room. Returns 0 where memory ran out. */
static int
make_layer(Layer *layer)
{
    size_t rows = (size_t)n_groups(layer) * ROWS, inputs = (size_t)layer->n_inputs;
    layer->weights = PyMem_RawCalloc(rows * inputs + 1, sizeof(float));
    layer->inputs = PyMem_RawCalloc(inputs * LANES + 1, sizeof(float));
    layer->sums = PyMem_RawCalloc(rows * LANES + 1, sizeof(float));
    return layer->weights != NULL && layer->inputs != NULL && layer->sums != NULL;
}

/* Takes over the weights (n_rows, n) of the n inputs from `first` on. */
static void
set_weights(Layer *layer, Py_ssize_t first, Py_ssize_t n, const float *weights)
{
    for (Py_ssize_t row = 0; row < layer->n_rows; row++) {
        float *own = layer->weights + (row / ROWS * layer->n_inputs + first) * ROWS + row % ROWS;
        for (Py_ssize_t input = 0; input < n; input++)
            own[input * ROWS] = weights[row * n + input];
    }
}

/* Floats in a buffer. */
static inline Py_ssize_t
length(const Py_buffer *buffer)
{
    return buffer->len / (Py_ssize_t)sizeof(float);
}

/* Frees a layer and buffers. Returns None, or raises what is wrong; where nothing is, memory ran out. */
static PyObject *
end(Layer *layer, Py_buffer **buffers, size_t n_buffers, const char *problem, int is_done)
{
    PyMem_RawFree(layer->weights);
    PyMem_RawFree(layer->inputs);
    PyMem_RawFree(layer->sums);
    for (size_t i = 0; i < n_buffers; i++)
        PyBuffer_Release(buffers[i]);
    if (is_done)
        Py_RETURN_NONE;
    if (problem == NULL)
        return PyErr_NoMemory();
    PyErr_SetString(PyExc_ValueError, problem);
    return NULL;
}

PyDoc_STRVAR(linear_doc,
"linear(columns, mean, factor, limit, weights, offsets, grid, said)\n--\n\n"
"Write to `said` (float32, n_rows x n_lines) what a layer says of lines: positive sums, times `grid`, rounded, of\n"
"`offsets` (n_rows) and `weights` (n_rows x n_features) times features that are scaled and rounded: (column - mean) *\n"
"factor, cut at +-limit. `columns` is float32 (n_features x n_lines). Raises ValueError where sizes don't fit.");

static PyObject *
linear(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer columns, mean, factor, weights, offsets, said;
    float limit, grid;
    if (!PyArg_ParseTuple(args, "y*y*y*fy*y*fw*", &columns, &mean, &factor, &limit, &weights, &offsets, &grid, &said))
        return NULL;
    Layer layer = {.n_inputs = length(&mean), .n_rows = length(&offsets), .offsets = offsets.buf};
    Py_ssize_t n_lines = layer.n_inputs ? length(&columns) / layer.n_inputs : 0;
    const char *problem = NULL;
    if (layer.n_inputs < 1 || n_lines * layer.n_inputs != length(&columns) || length(&factor) != layer.n_inputs
        || length(&weights) != layer.n_inputs * layer.n_rows || length(&said) != n_lines * layer.n_rows)
        problem = "linear: sizes don't fit";
    int is_done = problem == NULL && make_layer(&layer);
    if (is_done) {
        Py_BEGIN_ALLOW_THREADS
        set_weights(&layer, 0, layer.n_inputs, weights.buf);
        for (Py_ssize_t line = 0; line < n_lines; line += LANES) {
            Py_ssize_t n = n_lines - line < LANES ? n_lines - line : LANES;
            scale(&layer, columns.buf, n_lines, line, n, mean.buf, factor.buf, limit);
            add_up(&layer);
            put_out(&layer, grid, line, n, n_lines, said.buf);
        }
        Py_END_ALLOW_THREADS
    }
    return end(&layer, (Py_buffer *[]){&columns, &mean, &factor, &weights, &offsets, &said}, 6, problem, is_done);
}

PyDoc_STRVAR(places_doc,
"places(values, weights, offsets, page, step, grid, sums)\n--\n\n"
"Write to `sums` (float32, n_rows x n_lines) what a layer says that reads five lines, `step` (1 to 64) apart, of the page\n"
"that a line is on, or the line alone: positive sums of `offsets` (n_rows) and `weights` (n_places * n_rows x n_values,\n"
"place by place) times `values` (n_values x n_lines), times `grid`, rounded; with a grid of 0 the sums themselves. `page`\n"
"is int64 (n_lines). Raises ValueError where sizes don't fit.");

static PyObject *
places(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer values, weights, offsets, page, sums;
    Py_ssize_t step;
    float grid;
    if (!PyArg_ParseTuple(args, "y*y*y*y*nfw*", &values, &weights, &offsets, &page, &step, &grid, &sums))
        return NULL;
    Py_ssize_t n_lines = page.len / (Py_ssize_t)sizeof(int64_t), n_values = n_lines ? length(&values) / n_lines : 0;
    Layer layer = {.n_rows = length(&offsets), .offsets = offsets.buf};
    Py_ssize_t n_places = layer.n_rows > 0 && n_values > 0 ? length(&weights) / (layer.n_rows * n_values) : 1;
    layer.n_inputs = n_places * n_values;
    const char *problem = NULL;
    if (step < 1 || step > MAX_STEP)
        problem = "places: no such step";
    else if ((n_places != 1 && n_places != MAX_PLACES) || (n_lines && n_values < 1)
             || n_values * n_lines != length(&values) || length(&sums) != layer.n_rows * n_lines
             || (n_lines && length(&weights) != layer.n_rows * layer.n_inputs))
        problem = "places: sizes don't fit";
    int is_done = problem == NULL && make_layer(&layer);
    if (is_done) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t place = 0; n_lines && place < n_places; place++)
            set_weights(&layer, place * n_values, n_values, (const float *)weights.buf + place * layer.n_rows * n_values);
        for (Py_ssize_t line = 0; line < n_lines; line += LANES) {
            Py_ssize_t n = n_lines - line < LANES ? n_lines - line : LANES;
            gather(&layer, values.buf, n_values, n_lines, line, n, page.buf, step);
            add_up(&layer);
            put_out(&layer, grid, line, n, n_lines, sums.buf);
        }
        Py_END_ALLOW_THREADS
    }
    return end(&layer, (Py_buffer *[]){&values, &weights, &offsets, &page, &sums}, 5, problem, is_done);
}

static PyMethodDef methods[] = {{"linear", linear, METH_VARARGS, linear_doc},
                                {"places", places, METH_VARARGS, places_doc},
                                {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_network", "The layers of a network.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__network(void)
{
    return PyModule_Create(&module);
}
