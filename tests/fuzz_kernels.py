"""Calls compiled kernels with random arguments, lines and pages for some seconds, and compares them with their twins.

python tests/fuzz_kernels.py FOLDER SECONDS SEED; FOLDER holds a build of declutter/stages/kernels (see
test_kernels_sanitized.py, which builds them with sanitizers). Ends with exit code 0, or as the sanitizer or an
AssertionError ends it; what was tried last is on standard error.
"""

import dataclasses
import importlib.util
import random
import sys
import time
from pathlib import Path

import numpy as np

REFUSALS = (ValueError, TypeError, BufferError, OverflowError, MemoryError, SystemError)
NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    31,
    64,
    65,
    1 << 16,
    1 << 31,
    -(1 << 31),
    1 << 62,
    -(1 << 63),
    1 << 64,
    1 << 80,
    0.5,
    1e300,
)
NUMBERS += (float("nan"), float("-inf"), None, "3", b"3")
DTYPES = (np.bool_, np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.float32)
DTYPES += (np.float64, np.complex64, ">i8", ">f4", "S3", object)
WORDS = (
    "the harbor",
    "a",
    "Über",
    "漢字",
    "𠮷",
    "ไทย",
    "3.5",
    ".",
    ": ",
    "“x”",
    "\u200b",
    "\ud800",
    "\0",
    "\n",
    " ",
    "•",
    "Read also",
    "é",
)
TAGS = (
    "div",
    "p",
    "b",
    "a",
    "td",
    "tr",
    "table",
    "ul",
    "li",
    "pre",
    "br",
    "rt",
    "template",
    "h1",
    "x-y",
    "é",
    "html",
    "svg",
    "button",
)
ATTRIBUTES = (
    'class="nav menuItem"',
    'class="é"',
    'id="x1"',
    'role="list"',
    'itemprop="name é"',
    'style="display:none"',
    "hidden",
    "=",
    'a"b="c"',
    "class=x",
)
TEXTS = (*WORDS, "&amp;", "&lt", "&nbsp;", "<", ">", "<!--", "-->", "<!---->", '"', "\x1c", "\u2003", "word " * 30)


def load(folder: Path):
    """The package's kernels from `folder`, and the package."""
    names = ("columns", "html", "measure", "network", "trees")
    for name in names:
        [path] = folder.rglob(f"_{name}.*")
        spec = importlib.util.spec_from_file_location(f"declutter.stages.kernels._{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[spec.name] = module
    from declutter.stages import kernels

    assert kernels.in_use() == "compiled" and kernels.html.__file__.startswith(str(folder))
    return kernels


# ---- arguments that fit ----


def starts(draw: random.Random, n: int) -> np.ndarray:
    bounds = sorted(draw.randint(0, n) for _ in range(draw.randint(0, 5)))
    return np.array([0, *bounds, n], np.int64)


def column(draw: random.Random, n: int) -> np.ndarray:
    values = np.array([draw.choice((0, 1, 2, 3, 0.5, 40)) for _ in range(n)])
    return values.astype(
        draw.choice((np.bool_, np.int8, np.uint8, np.int32, np.uint32, np.int64, np.float32, np.float64))
    )


def column_call(draw: random.Random) -> tuple[str, list]:
    """A function of the kernel of columns, and arguments that fit, what is written to last."""
    n = draw.choice((0, 1, 2, 9, 40))
    bounds, values, marks = starts(draw, n), column(draw, n), column(draw, n) > 0
    number, keys = np.array([draw.randint(0, 4) for _ in range(n)], np.int64), column(draw, n).astype(np.uint64)
    n_lines = len(bounds) - 1
    rows, others, floats = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    of_lines, word, reach = np.empty(n_lines), number.astype(np.int32), draw.choice((-1, 0, 1, 5, 1 << 40))
    return draw.choice(
        (
            ("window_sum", [values, bounds, reach, draw.randint(-1, 9), floats]),
            ("window_mean", [values, bounds, abs(reach), floats]),
            ("window_share", [values, column(draw, n), bounds, reach, draw.randint(-1, 9), floats]),
            ("shifted", [values, bounds, draw.randint(-9, 9), 1.0, np.empty(n, values.dtype)]),
            ("lines_since", [marks, bounds, rows]),
            ("lines_until", [marks, bounds, rows]),
            ("run_bounds", [marks, bounds, rows, others]),
            ("page_first", [marks, bounds, rows]),
            ("page_last", [marks, bounds, rows]),
            ("page_max", [values, bounds, np.empty(n, values.dtype)]),
            ("best_segment", [values.astype(np.float64) - 1.5, bounds, 1024, rows, others, floats]),
            ("number_keys", [keys, bounds, draw.getrandbits(64), rows]),
            ("count_numbers", [number, 5, rows, others]),
            ("number_words", [keys << np.uint64(60), bounds, 8, np.empty(n, np.int32)]),
            ("rare_words", [word, bounds, 5, 4.0, 0.01, np.empty(n, bool)]),
            ("words_of_lines", [marks, bounds, of_lines]),
            ("words_elsewhere", [word, bounds, 5, column(draw, n_lines) > 0, marks, of_lines]),
            ("gaps", [word, bounds, 5, 99, np.empty(n, np.int32)]),
        )
    )


def tree_call(draw: random.Random) -> tuple[str, list]:
    depth, n_trees, n_lines, n_features = draw.randint(1, 8), draw.randint(0, 9), draw.choice((0, 1, 31, 32, 70)), 4
    make = np.random.default_rng(draw.getrandbits(32))
    feature = make.integers(0, n_features, (n_trees, 2**depth - 1)).astype(np.int32)
    leaf = make.integers(-99, 99, (n_trees, 2**depth)).astype(np.float32)
    columns, threshold = (
        make.normal(size=shape).astype(np.float32) for shape in ((n_features, n_lines), feature.shape)
    )
    return "leaf_sums", [columns, feature, threshold, leaf, np.empty(n_lines, np.float32)]


def network_call(draw: random.Random) -> tuple[str, list]:
    n_lines, n_values, n_rows = draw.choice((0, 1, 15, 16, 17, 40)), draw.randint(1, 9), draw.randint(1, 9)
    make = np.random.default_rng(draw.getrandbits(32))

    def whole(*shape):
        return make.integers(-9, 9, shape).astype(np.float32)

    answer, grid = np.empty((n_rows, n_lines), np.float32), draw.choice((0.0, 64.0))
    if draw.random() < 0.5:
        return "linear", [whole(n_values, n_lines), whole(n_values), whole(n_values), 160.0, whole(n_rows, n_values),
                          whole(n_rows), 64.0, answer]  # fmt: skip
    page = np.repeat(np.arange(9), n_lines // 9 + 1)[:n_lines]
    weights = whole(draw.choice((1, 5)) * n_rows, n_values)
    return "places", [whole(n_values, n_lines), weights, whole(n_rows), page, draw.randint(1, 64), grid, answer]


def text(draw: random.Random, parts, n: int = 40) -> str:
    return "".join(draw.choice(parts) for _ in range(draw.randint(0, n)))


def page(draw: random.Random, depth: int = 0) -> str:
    """A serialised page or nearly one."""
    parts = []
    for _ in range(draw.randint(0, 6)):
        name = draw.choice(TAGS)
        attributes = "".join(f" {draw.choice(ATTRIBUTES)}" for _ in range(draw.choice((0, 0, 1, 2))))
        inner = page(draw, depth + 1) if depth < 5 and draw.random() < 0.6 else text(draw, TEXTS, 6)
        end = f"</{name}>" if draw.random() < 0.98 else ""
        parts.append(f"<{name}{attributes}>{inner}{end}")
    return f"<html>{''.join(parts)}</html>" if depth == 0 and draw.random() < 0.97 else "".join(parts)


# ---- arguments that may not ----


def changed(draw: random.Random, value):
    """Something like the argument that a kernel must take or refuse."""
    if not isinstance(value, np.ndarray):
        return (
            draw.choice(NUMBERS)
            if isinstance(value, (int, float))
            else draw.choice((value, None, b"", "", [], 3, object()))
        )
    n = len(value)
    with np.errstate(all="ignore"):
        shorter, longer = value[: draw.randint(0, n)], np.resize(value, (n + draw.randint(1, 9), *value.shape[1:]))
        other = value.astype(draw.choice(DTYPES)) if value.dtype.kind in "biuf" else value
    filled = value.copy()
    if filled.size and filled.dtype.kind in "iuf":
        filled.reshape(-1)[draw.randrange(filled.size)] = draw.choice((0, 1, 99, np.iinfo(np.int8).max))
    if filled.size and filled.dtype.kind == "i":
        bounds = np.iinfo(filled.dtype)
        filled.reshape(-1)[draw.randrange(filled.size)] = draw.choice((-1, bounds.min, bounds.max))
    frozen = value.copy()
    frozen.flags.writeable = False
    return draw.choice(
        (shorter, longer, other, filled, frozen, value[::-1], np.repeat(value, 2, axis=0)[::2], value.reshape(1, -1),
         value.reshape(-1, 1), value[:0], value.tobytes(), memoryview(value.copy()), value.tolist(), None,
         np.asfortranarray(value), value.reshape(-1))
    )  # fmt: skip


def call(kernel, name: str, arguments: list):
    try:
        return getattr(kernel, name)(*arguments)
    except REFUSALS as error:
        return type(error)


def try_call(draw: random.Random, kernel, twin, name: str, arguments: list) -> None:
    """One call with arguments that fit, compared with the twin; then some with changed ones."""
    mine, others = ([value.copy() if isinstance(value, np.ndarray) else value for value in arguments] for _ in range(2))
    found, expected = getattr(kernel, name)(*mine), getattr(twin, name)(*others)
    assert found == expected, name
    if name not in ("number_keys", "number_words"):  # which number is given does not matter
        for one, other in zip(mine, others, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    for _ in range(4):
        given = list(arguments)
        for _ in range(draw.choice((1, 1, 2, 3))):
            place = draw.randrange(len(given))
            given[place] = changed(draw, given[place])
        call(kernel, name, given if draw.random() < 0.95 else given[:-1])


def try_html(draw: random.Random, kernels, tables) -> None:
    pages = [page(draw) for _ in range(draw.randint(0, 3))]
    twin = kernels.twin("html")
    for rows, expected in zip(kernels.html.rows(tables[0], pages), twin.rows(tables[1], pages), strict=True):
        if rows is not None:
            assert rows[0] == expected[0] and rows[1] == expected[1].tobytes() and rows[2] == expected[2].tobytes(), (
                pages
            )
    octets = "".join(pages).encode("utf-8", "replace")
    octets = octets[draw.randint(0, len(octets)) :]
    short = draw.choice((0, 9, 99))
    arguments = (octets, b"b i strong", draw.choice((b"", b"rt template")), short)
    assert kernels.html.survey(*arguments) == twin.survey(*arguments), octets
    call(kernels.html, "rows", [draw.choice(tables[:1] * 9 + [None, object()]), changed(draw, pages)])


def try_measure(draw: random.Random, kernels, tables) -> None:
    words = [text(draw, WORDS) for _ in range(draw.randint(0, 9))]
    whole = "\n".join(words)
    bounds = np.array(sorted(draw.randint(0, len(whole)) for _ in range(draw.randint(1, 9))), np.int64)
    pages = np.array(sorted(draw.randint(0, 12) for _ in range(draw.randint(0, 4))), np.int64)
    found = kernels.measure.rows(tables[0], whole, bounds, pages, draw.randint(0, 3))
    assert all(len(one) % 4 == 0 or one for one in found)
    call(
        kernels.measure,
        "rows",
        [tables[0], *(changed(draw, one) for one in (whole, bounds, pages)), draw.choice(NUMBERS)],
    )
    call(kernels.measure, "rows", [tables[0], whole, changed(draw, bounds), pages, 0])
    arrays, *numbers = tables[2]
    place = draw.randrange(len(arrays))
    arrays = (*arrays[:place], changed(draw, arrays[place]), *arrays[place + 1 :])
    held = call(kernels.measure, "tables", [arrays, *numbers])
    if not isinstance(held, type):
        call(kernels.measure, "rows", [held, whole, bounds, pages, 0])


def try_measure_alike(draw: random.Random, kernels, measure, split_lines) -> None:
    """Whole texts by both kernels."""
    lines = split_lines([text(draw, WORDS, 90) for _ in range(draw.randint(1, 4))])
    found = measure.measure(lines)
    compiled = kernels.measure
    kernels.measure = kernels.twin("measure")
    expected = measure.measure(lines)
    kernels.measure = compiled
    for field in dataclasses.fields(expected):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name), err_msg=field.name)


def main(folder: str, seconds: str, seed: str) -> None:
    kernels = load(Path(folder))
    from types import SimpleNamespace

    from declutter.stages.measure import measure
    from declutter.stages.segment import html
    from declutter.stages.segment.text import split_lines

    of_html = [html._tables(kernels.html), html._tables(kernels.twin("html"))]
    given = measure._tables.__wrapped__(SimpleNamespace(tables=lambda *values: values), 200_000)
    of_measure = [measure._tables(kernels.measure, 200_000), None, given]
    end, n_rounds = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        draw = random.Random(f"{seed}-{n_rounds}")
        print(f"round {n_rounds} of seed {seed}", file=sys.stderr)
        for make, name in ((column_call, "columns"), (tree_call, "trees"), (network_call, "network")):
            for _ in range(20):
                try_call(draw, getattr(kernels, name), kernels.twin(name), *make(draw))
        for _ in range(5):
            try_html(draw, kernels, of_html)
            try_measure(draw, kernels, of_measure)
        try_measure_alike(draw, kernels, measure, split_lines)
        n_rounds += 1
    print(f"{n_rounds} rounds")


if __name__ == "__main__":
    main(*sys.argv[1:])
