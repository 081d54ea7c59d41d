"""Specimen: a page picked to be looked at, its lines with their verdicts, cut to what a report can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from declutter.lines import LABELS, Lines, Verdicts
from declutter.report.figures import share_bar
from declutter.report.markup import Html, markup, page_text, tag

SHOWN_LINES = 80  # of a page
SHOWN_OF_A_RUN = {True: 12, False: 7}  # of lines kept, or removed, one after the other; the rest is counted
LINE_CHARS = 280
NAME_CHARS = 160  # of ids, URLs and reasons


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with its verdict. `is_right` is None where no gold is known."""

    number: int  # from 1
    text: str
    label: str
    score: float
    keep: bool
    reason: str
    is_right: bool | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Lines that are not shown."""

    n_lines: int
    n_kept: int


@dataclass(frozen=True, slots=True)
class Specimen:
    """One page and the lines shown of it. `note` says why the page was picked."""

    id: str
    site: str | None
    url: str | None
    note: str
    n_lines: int  # that are not blank
    n_kept: int
    kept_share: float  # of its characters
    shown: tuple[ShownLine | LeftOut, ...]


def specimen(
    page_id: str,
    lines: Lines,
    verdicts: Verdicts,
    rows: np.ndarray,
    *,
    site: str | None = None,
    url: str | None = None,
    note: str = "",
    gold: np.ndarray | None = None,
) -> Specimen:
    """The page as a report shows it.

    `rows` int64 (n,) are those of its lines that are not blank; `gold` int8 (n_lines,) is 1 for those that belong
    to the main content, 0 for others, -1 where that is not decided.
    """
    keep = verdicts.keep[rows]
    n_chars = (lines.ends - lines.starts[:-1])[rows]
    shown = tuple(
        item if isinstance(item, LeftOut) else _shown_line(item, lines, verdicts, gold) for item in _picked(rows, keep)
    )
    return Specimen(
        page_id[:NAME_CHARS],
        site,
        url and url[:NAME_CHARS],
        note,
        len(rows),
        int(keep.sum()),
        float(n_chars[keep].sum() / max(n_chars.sum(), 1)),
        shown,
    )


def _picked(rows: np.ndarray, keep: np.ndarray) -> Iterator[int | LeftOut]:
    """The rows to show. Of a long run of lines kept or removed its begin and its last line are shown."""
    n_shown, begin = 0, 0
    while begin < len(rows) and n_shown < SHOWN_LINES:
        changes = np.flatnonzero(keep[begin:] != keep[begin])
        end = begin + int(changes[0]) if len(changes) else len(rows)
        run, most = rows[begin:end].tolist(), SHOWN_OF_A_RUN[bool(keep[begin])]
        if len(run) <= most + 1:
            yield from run
        else:
            yield from run[: most - 1]
            yield LeftOut(len(run) - most, (len(run) - most) * int(keep[begin]))
            yield run[-1]
        n_shown, begin = n_shown + min(len(run), most + 1), end
    if begin < len(rows):
        yield LeftOut(len(rows) - begin, int(keep[begin:].sum()))


def _shown_line(row: int, lines: Lines, verdicts: Verdicts, gold: np.ndarray | None) -> ShownLine:
    keep, reason = bool(verdicts.keep[row]), verdicts.reasons[verdicts.reason_codes[row]]
    text = lines.text[lines.starts[row] : min(lines.ends[row], lines.starts[row] + 4 * LINE_CHARS)].strip()
    is_right = None if gold is None or gold[row] < 0 else bool(gold[row]) == keep
    label, score = LABELS[verdicts.labels[row]], float(verdicts.score[row])
    return ShownLine(row + 1, text[: LINE_CHARS + 1], label, score, keep, reason, is_right)


def specimen_html(found: Specimen, *, note: str | None = None, is_open: bool = False) -> Html:
    """A page that folds: its name and shares, and its lines coloured, label and score beside them.

    The reason is shown under the line that the pointer is on, or that was tapped or reached with the keyboard. `note`
    stands for the page's own.
    """
    share = f"{100 * found.kept_share:.0f}% of characters kept, {found.n_kept:,} of {found.n_lines:,} lines"
    note = found.note if note is None else note
    summary = tag(
        "summary",
        tag("b", page_text(found.id, NAME_CHARS)),
        tag("small", share_bar(found.kept_share), " ", share, class_="facts"),
        tag("small", page_text(note, 2 * NAME_CHARS), class_="reason") if note else None,
    )
    about = tag("p", page_text(found.url, NAME_CHARS), class_="about") if found.url else None
    lines = [_left_out_html(item) if isinstance(item, LeftOut) else _line_html(item) for item in found.shown]
    return tag("details", summary, about, tag("ol", *lines, class_="lines"), class_="page", open=is_open)


def _line_html(line: ShownLine) -> Html:
    classes = "keep" if line.keep else "drop"
    if line.is_right is False:
        classes += " wrong"
    verdict = "kept" if line.keep else "removed"
    if line.is_right is not None:
        verdict += ", rightly" if line.is_right else ", wrongly"
    about = f"Line {line.number}, {verdict}, score {line.score:.2f}: "
    why = tag("span", about, page_text(line.reason, NAME_CHARS), class_="why")
    return tag(
        "li",
        tag("span", tag("b", line.label), f" {line.score:.2f}", class_="verdict"),
        page_text(line.text, LINE_CHARS),
        why,
        class_=classes,
        tabindex="0",
    )


def _left_out_html(gap: LeftOut) -> Html:
    what = "kept" if gap.n_kept == gap.n_lines else "removed" if not gap.n_kept else f"{gap.n_kept:,} of them kept"
    count = f"{gap.n_lines:,} more line{'s' if gap.n_lines > 1 else ''}"
    joint = ", " if 0 < gap.n_kept < gap.n_lines else " "
    return tag("li", markup(count, joint, what), class_="keep gap" if gap.n_kept == gap.n_lines else "drop gap")
