"""Figures as inline SVG, each with a text alternative and its numbers in a table.

Positions from left to right are shares of the width in percent, those from top to bottom are pixels: a figure fills the
width it is given, and its text is as large on a phone as on a desktop. Colours are classes of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from declutter.report.markup import Html, markup, tag

ROW = 40  # pixels a bar takes with the text above it
LABEL_STEP = 17  # pixels between two labels of a scatter, one above the other
NUMERIC = tuple("0123456789.−–+")  # what a number begins with
PLOT = 53  # percent of a scatter's width that its points take; its labels take the rest


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `kind` is a class of the style sheet; `low` and `high` are the ends of its interval.

    `marks` are other values on the same scale, such as the best peer's, drawn as open circles.
    """

    label: str
    value: float
    shown: str
    kind: str = "plain"
    note: str = ""  # said behind the label where there is room, which a phone has not
    low: float | None = None
    high: float | None = None
    marks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a scatter; `shown` is what its label says of it behind the name."""

    label: str
    x: float
    y: float
    shown: str
    kind: str = "plain"


@dataclass(frozen=True, slots=True)
class Bin:
    """The lines whose scores lie between `low` and `high`.

    `right` says how many of them were right to keep, 0..1, `share` what part of all lines they are.
    """

    low: float
    high: float
    mean_score: float
    right: float
    share: float


def figure(name: str, title: str, alternative: str, height: int, drawing: Iterable[Html], table: Html) -> Html:
    """A drawing with its heading, what it says in words, and its numbers. `name` is unique in a document."""
    svg = tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", alternative, id=f"{name}-text"),
        *drawing,
        role="img",
        aria_labelledby=f"{name}-title {name}-text",
        width="100%",
        height=height,
    )
    numbers = tag("details", tag("summary", "The numbers"), tag("div", table, class_="scroll"), class_="numbers")
    return tag("figure", tag("figcaption", tag("b", title), " ", alternative), svg, numbers, id=name)


def table(head: Sequence[object], rows: Iterable[Sequence[object]], class_: str | None = None) -> Html:
    """A table; cells that are numbers (or begin with a digit) stand to the right, and the first one heads its row."""
    cells = [[tag("th", row[0], scope="row"), *map(_cell, row[1:])] for row in rows]
    is_number = [' class="n' in cell[:12] for cell in cells[0]] if cells else [False] * len(head)
    titles = zip(head, is_number, strict=False)
    header = tag("tr", *[tag("th", cell, scope="col", class_="n" if right else None) for cell, right in titles])
    body = [tag("tr", *row) for row in cells]
    return tag("table", tag("thead", header), tag("tbody", *body), class_=class_)


def _cell(value: object) -> Html:
    if isinstance(value, Html) and value.startswith("<td"):
        return value
    return tag("td", value, class_="n" if str(value).startswith(NUMERIC) else None)


def bars(name: str, title: str, alternative: str, rows: Sequence[Bar], maximum: float, head: Sequence[str]) -> Html:
    """Horizontal bars from 0 to `maximum`; `head` names the columns of the table: label, value, interval, marks."""
    drawing = [part for number, bar in enumerate(rows) for part in _bar(bar, number * ROW, maximum)]
    cells = [_bar_cells(bar)[: len(head)] for bar in rows]
    return figure(name, title, alternative, ROW * len(rows), drawing, table(head, cells))


def _bar_cells(bar: Bar) -> list[str]:
    interval = "" if bar.low is None else f"{bar.low:.3f}–{bar.high:.3f}"
    return [bar.label, bar.shown, interval, " ".join(f"{mark:.3f}" for mark in bar.marks)]


def _bar(bar: Bar, top: int, maximum: float) -> Iterable[Html]:
    label = markup(bar.label, tag("tspan", f" – {bar.note}", class_="note")) if bar.note else bar.label
    yield _text(label, 0, top + 14)
    yield _text(bar.shown, 100, top + 14, anchor="end", class_="value")
    yield tag("rect", x=0, y=top + 20, width="100%", height=10, class_="track")
    yield tag("rect", x=0, y=top + 20, width=_percent(bar.value, maximum), height=10, class_=bar.kind)
    if bar.low is not None and bar.high is not None:
        low, high = _percent(bar.low, maximum), _percent(bar.high, maximum)
        yield _line(low, top + 25, high, top + 25, "whisker")
        yield from (_line(end, top + 21, end, top + 29, "whisker") for end in (low, high))
    for mark in bar.marks:
        yield tag("circle", cx=_percent(mark, maximum), cy=top + 25, r=4, class_="mark")


def histogram(
    name: str, title: str, alternative: str, labels: Sequence[str], parts: dict[str, Sequence[int]], unit: str
) -> Html:
    """Columns, one a label, of parts that stand on each other: {class: counts}.

    The first and last label, and the one in the middle, are written under them.
    """
    height, top, n = 150, 22, len(labels)
    totals = [sum(counts) for counts in zip(*parts.values(), strict=True)]
    highest = max([*totals, 1])
    drawing = [_text(f"{highest:,} {unit}", 0, 12, class_="axis"), _line("0%", top, "100%", top, "grid")]
    for column in range(n):
        y = float(top + height)
        for kind, counts in parts.items():
            tall = counts[column] / highest * height
            y -= tall
            if tall:
                x, width = f"{100 * column / n + 0.4:.2f}%", f"{100 / n - 0.8:.2f}%"
                drawing.append(tag("rect", x=x, y=f"{y:.1f}", width=width, height=f"{max(tall, 1):.1f}", class_=kind))
    drawing.append(_line("0%", top + height, "100%", top + height, "base"))
    for at, anchor, label in ((0, "start", 0), (50, "middle", n // 2), (100, "end", n - 1)):
        drawing.append(_text(labels[label], at, top + height + 16, anchor=anchor, class_="axis"))
    rows = [[label, *map(str, counts)] for label, *counts in zip(labels, *parts.values(), strict=True)]
    return figure(name, title, alternative, top + height + 22, drawing, table(["", *parts], rows))


def scatter(
    name: str,
    title: str,
    alternative: str,
    points: Sequence[Point],
    axes: tuple[str, str],
    head: Sequence[str],
) -> Html:
    """Points over a logarithmic scale from left to right.

    Their labels stand in a column beside them, the highest point first, each with a line to its point: so none covers
    another, nor a point.
    """
    height, top = max(340, LABEL_STEP * len(points) + 40), 40
    left, right = _decades([point.x for point in points])
    low, high = _tenths([point.y for point in points])
    drawing = [_text(axes[1], 0, 12, class_="axis"), _text(axes[0], 0, height + top + 32, class_="axis")]
    for tick in range(round(low * 10), round(high * 10) + 1):
        y = top + height * (high - tick / 10) / (high - low)
        drawing += [_line("0%", y, f"{PLOT}%", y, "grid"), _text(f"{tick / 10:.1f}", 0, y - 3, class_="axis")]
    for exponent in range(left, right + 1):
        at = _across(exponent, left, right)
        drawing += [_line(f"{at}%", top, f"{at}%", top + height, "grid")]
        drawing += [_text(f"{10.0**exponent:g}", at, top + height + 15, "middle", "axis")]
    ordered = sorted(points, key=lambda point: -point.y)
    places = [top + height * (high - point.y) / (high - low) for point in ordered]
    for point, y, label_y in zip(ordered, places, _apart(places, top + 8, top + height - 4), strict=True):
        drawing += _point(point, _across(math.log10(point.x), left, right), y, label_y)
    rows = [[point.label, f"{point.y:.3f}", point.shown] for point in ordered]
    return figure(name, title, alternative, height + top + 38, drawing, table(head, rows))


def _point(point: Point, at: float, y: float, label_y: float) -> list[Html]:
    label = markup(point.label, tag("tspan", f" {point.shown}", class_="note"))
    return [
        _line(f"{at:.2f}%", y, f"{PLOT + 2}%", label_y - 4, f"leader {point.kind}"),
        tag("circle", cx=f"{at:.2f}%", cy=f"{y:.1f}", r=4.5 if point.kind == "peer" else 6, class_=point.kind),
        _text(label, PLOT + 3, label_y, class_=point.kind),
    ]


def _across(exponent: float, left: int, right: int) -> float:
    return round(8 + (PLOT - 11) * (exponent - left) / (right - left), 2)


def _apart(places: Sequence[float], first: float, last: float) -> list[float]:
    """Heights for labels near their places (ascending), a step apart at least, and none outside first..last."""
    found: list[float] = []
    for place in places:
        found.append(max(place + 4, found[-1] + LABEL_STEP if found else first))
    limit = last
    for row in range(len(found) - 1, -1, -1):
        found[row] = min(found[row], limit)
        limit = found[row] - LABEL_STEP
    return found


def _decades(values: Sequence[float]) -> tuple[int, int]:
    left, right = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return left, max(right, left + 1)


def _tenths(values: Sequence[float]) -> tuple[float, float]:
    low, high = math.floor(min(values) * 10) / 10, math.ceil(max(values) * 10) / 10
    return low, high if high > low else low + 0.1


def reliability(name: str, title: str, alternative: str, bins: Sequence[Bin]) -> Html:
    """How often lines of a score were right to keep, against the score: on the diagonal where it means what it says.

    The area of a circle is the share of the lines.
    """
    size, top = 260, 10
    drawing = [_line("0%", top + size, "100%", top, "ideal")]
    for tick in (0, 25, 50, 75, 100):
        y = top + size * (1 - tick / 100)
        drawing += [_line("0%", y, "100%", y, "grid"), _line(f"{tick}%", top, f"{tick}%", top + size, "grid")]
        if 0 < tick:
            drawing.append(_text(f"{tick}%", 0.5, y + 12, class_="axis"))
    for found in bins:
        cx, cy = f"{100 * found.mean_score:.1f}%", f"{top + size * (1 - found.right):.1f}"
        radius = max(2.5, min(16.0, 26 * math.sqrt(found.share)))
        drawing.append(tag("circle", cx=cx, cy=cy, r=f"{radius:.1f}", class_="bubble"))
    for at, anchor, label in ((0, "start", "score 0"), (50, "middle", "0.5"), (100, "end", "1")):
        drawing.append(_text(label, at, top + size + 32, anchor, "axis"))
    rows = [
        [f"{bin_.low:.1f}–{bin_.high:.1f}", f"{bin_.mean_score:.3f}", f"{bin_.right:.3f}", f"{100 * bin_.share:.1f}%"]
        for bin_ in bins
    ]
    numbers = table(["scores", "mean score", "right to keep", "share of lines"], rows)
    return figure(name, title, alternative, top + size + 38, drawing, numbers)


def share_bar(kept: float) -> Html:
    """A small picture of a kept share, 0..1, beside a number that says it."""
    return tag(
        "svg",
        tag("rect", x=0, y=0, width="100%", height=8, class_="removed"),
        tag("rect", x=0, y=0, width=_percent(kept, 1), height=8, class_="kept"),
        class_="share",
        width=64,
        height=8,
        aria_hidden="true",
    )


def legend(*entries: tuple[str, str]) -> Html:
    """What the colours mean: (class, words)."""
    keys = [tag("span", tag("span", class_=f"key {kind}"), words) for kind, words in entries]
    return tag("p", *keys, class_="legend")


def _text(words: object, x: float, y: float, anchor: str = "start", class_: str | None = None) -> Html:
    return tag("text", words, x=f"{x:g}%", y=f"{y:.1f}", text_anchor=anchor, class_=class_)


def _line(x1: str, y1: float, x2: str, y2: float, class_: str) -> Html:
    return tag("line", x1=x1, y1=f"{y1:.1f}", x2=x2, y2=f"{y2:.1f}", class_=class_)


def _percent(value: float, maximum: float) -> str:
    return f"{100 * min(max(value / maximum, 0), 1):.2f}%"
