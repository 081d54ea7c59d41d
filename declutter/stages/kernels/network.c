/* The layers of a network, as network.py computes them with NumPy.

   All sums are exact (see judge/network.py), so that the order of terms, and whether a product is rounded before it is added,
   change nothing. LANES lines stand side by side: their inputs are gathered, and ROWS sums of each made at once. (NumPy's
   matrix product is as fast, but starts threads for products this small, which wait for each other.) */

#include "kernel.h"

#define LANES 16     /* lines that stand side by side */
#define ROWS 4
#define MAX_PLACES 5 /* network.N_PLACES; a layer reads so many lines, or one */
#define MAX_STEP 64
#define ROUNDING 12582912.0f /* added and taken away again, it makes a whole number of what is below 2**22 */

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
ALSO_FOR("fma") static void
add_up(const Layer *layer)
{
    for (Py_ssize_t group = 0; group < n_groups(layer); group++) {
        const float *weights = layer->weights + group * layer->n_inputs * ROWS;
#if HAS_VECTORS
        Floats totals[ROWS][LANES / WIDTH];
        memset(totals, 0, sizeof totals);
        for (Py_ssize_t input = 0; input < layer->n_inputs; input++)
            for (int vector = 0; vector < LANES / WIDTH; vector++) {
                Floats value = *(const Floats *)(layer->inputs + input * LANES + vector * WIDTH);
                for (int row = 0; row < ROWS; row++)
                    totals[row][vector] += value * weights[input * ROWS + row];
            }
#else
        float totals[ROWS][LANES] = {{0}};
        for (Py_ssize_t input = 0; input < layer->n_inputs; input++)
            for (int row = 0; row < ROWS; row++)
                for (int lane = 0; lane < LANES; lane++)
                    totals[row][lane] += layer->inputs[input * LANES + lane] * weights[input * ROWS + row];
#endif
        memcpy(layer->sums + group * ROWS * LANES, totals, sizeof totals);
    }
}

/* Writes to rows of `n_lines` floats what the sums of lines [first, first + n) and their offsets say: 0 where they are
   negative, multiplied by `grid` and rounded. With a grid of 0 the sums themselves. */
ALSO_FOR("fma") static void
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
ALSO_FOR("fma") static void
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
ALSO_FOR("fma") static void
gather(const Layer *layer, const float *values, Py_ssize_t n_values, Py_ssize_t n_lines, Py_ssize_t first, Py_ssize_t n,
       const int64_t *page, Py_ssize_t step)
{
    Py_ssize_t n_places = layer->n_inputs / n_values;
    for (Py_ssize_t place = 0; place < n_places; place++) {
        Py_ssize_t from = first + (place - n_places / 2) * step;
        float *inputs = layer->inputs + place * n_values * LANES;
        uint32_t same[LANES] = {0};
        for (Py_ssize_t lane = 0; lane < n; lane++)
            same[lane] = from + lane >= 0 && from + lane < n_lines && page[from + lane] == page[first + lane] ? UINT32_MAX : 0;
        for (Py_ssize_t value = 0; value < n_values; value++, inputs += LANES) {
            Py_ssize_t at = value * n_lines + from;
#if HAS_VECTORS
            if (from >= 0 && from + LANES <= n_lines) {
                for (int vector = 0; vector < LANES; vector += WIDTH)
                    *(Bits *)(inputs + vector) = *(const Bits *)(values + at + vector) & *(const Bits *)(same + vector);
                continue;
            }
#endif
            for (int lane = 0; lane < LANES; lane++)
                inputs[lane] = same[lane] ? values[at + lane] : 0.0f;
        }
    }
}

/* Makes room. Returns 0 where memory ran out. */
static int
make_layer(Arguments *a, Layer *layer)
{
    size_t rows = (size_t)n_groups(layer) * ROWS, inputs = (size_t)layer->n_inputs;
    layer->weights = a->memory = PyMem_RawCalloc(rows * inputs + inputs * LANES + rows * LANES + 1, sizeof(float));
    layer->inputs = layer->weights + rows * inputs;
    layer->sums = layer->inputs + inputs * LANES;
    return layer->weights != NULL;
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

KERNEL(linear, "af af af x af af x of",
"linear(columns, mean, factor, limit, weights, offsets, grid, said)\n--\n\n"
"Write to `said` (n_rows, n_lines) what a layer says of lines: positive sums, times `grid`, rounded, of `offsets`\n"
"(n_rows) and `weights` (n_rows, n_features) times features that are scaled and rounded: (column - mean) * factor, cut\n"
"at +-limit. `columns` is (n_features, n_lines).")
{
    const Array *columns = &a->arrays[0], *mean = &a->arrays[1], *factor = &a->arrays[2], *weights = &a->arrays[3];
    const Array *offsets = &a->arrays[4], *said = &a->arrays[5];
    Layer layer = {.n_inputs = mean->n, .n_rows = offsets->n, .offsets = offsets->start};
    Py_ssize_t n_lines = layer.n_inputs ? columns->n / layer.n_inputs : 0;
    if (layer.n_inputs < 1 || n_lines * layer.n_inputs != columns->n || factor->n != layer.n_inputs
        || weights->n != layer.n_inputs * layer.n_rows || said->n != n_lines * layer.n_rows)
        return UNFIT;
    if (!make_layer(a, &layer))
        return OUT_OF_MEMORY;
    set_weights(&layer, 0, layer.n_inputs, weights->start);
    for (Py_ssize_t line = 0; line < n_lines; line += LANES) {
        Py_ssize_t n = n_lines - line < LANES ? n_lines - line : LANES;
        scale(&layer, columns->start, n_lines, line, n, mean->start, factor->start, (float)a->floats[0]);
        add_up(&layer);
        put_out(&layer, (float)a->floats[1], line, n, n_lines, said->start);
    }
    return NULL;
}

KERNEL(places, "af af af al n x of",
"places(values, weights, offsets, page, step, grid, sums)\n--\n\n"
"Write to `sums` (n_rows, n_lines) what a layer says that reads five lines, `step` (1 to 64) apart, of the page that a\n"
"line is on, or the line alone: positive sums of `offsets` (n_rows) and `weights` (n_places * n_rows, n_values), place by\n"
"place, times `values` (n_values, n_lines), times `grid`, rounded; with a grid of 0 the sums themselves. `page` is\n"
"(n_lines).")
{
    const Array *values = &a->arrays[0], *weights = &a->arrays[1], *offsets = &a->arrays[2], *page = &a->arrays[3];
    const Array *sums = &a->arrays[4];
    Py_ssize_t n_lines = page->n, n_values = n_lines ? values->n / n_lines : 0, step = (Py_ssize_t)a->numbers[0];
    Layer layer = {.n_rows = offsets->n, .offsets = offsets->start};
    Py_ssize_t n_places = layer.n_rows > 0 && n_values > 0 ? weights->n / (layer.n_rows * n_values) : 1;
    layer.n_inputs = n_places * n_values;
    if (step < 1 || step > MAX_STEP || (n_places != 1 && n_places != MAX_PLACES) || (n_lines && n_values < 1)
        || n_values * n_lines != values->n || sums->n != layer.n_rows * n_lines
        || (n_lines && weights->n != layer.n_rows * layer.n_inputs))
        return UNFIT;
    if (!make_layer(a, &layer))
        return OUT_OF_MEMORY;
    for (Py_ssize_t place = 0; n_lines && place < n_places; place++)
        set_weights(&layer, place * n_values, n_values, (const float *)weights->start + place * layer.n_rows * n_values);
    for (Py_ssize_t line = 0; line < n_lines; line += LANES) {
        Py_ssize_t n = n_lines - line < LANES ? n_lines - line : LANES;
        gather(&layer, values->start, n_values, n_lines, line, n, page->start, step);
        add_up(&layer);
        put_out(&layer, (float)a->floats[0], line, n, n_lines, sums->start);
    }
    return NULL;
}

static PyMethodDef methods[] = {FUNCTION(linear), FUNCTION(places), {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_network", "The layers of a network.", 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC
PyInit__network(void)
{
    return PyModule_Create(&module);
}
