"""Verdicts to text: what is kept of a page, what is removed, and the page rebuilt from both."""

from __future__ import annotations

import re

import numpy as np

from declutter.lines import Lines, Verdicts

LINE = re.compile(r"[^\n\r\u2028\u2029]*(?:\r\n|[\n\r\u2028\u2029])|[^\n\r\u2028\u2029]+")  # a physical line
RECORD = re.compile(r"([0-9]+)(\+?)\t([a-z]+)\t")


def kept_texts(lines: Lines, keep: np.ndarray) -> list[str]:
    """The lines to keep of each page, `keep` (bool, n_lines) says which, each with the terminator it came with."""
    parted = np.zeros(len(keep) + 1, bool)  # a run of kept lines ends with its page
    parted[lines.page_starts] = True
    before, after = np.append(False, keep[:-1]), np.append(keep[1:], False)
    first = np.flatnonzero(keep & (~before | parted[:-1]))
    last = np.flatnonzero(keep & (~after | parted[1:]))
    text = lines.text
    bounds = zip(lines.starts[first].tolist(), lines.starts[last + 1].tolist(), strict=True)
    runs = [text[start:end] for start, end in bounds]
    of_pages = np.searchsorted(first, lines.page_starts).tolist()
    return ["".join(runs[start:end]) for start, end in zip(of_pages, of_pages[1:], strict=False)]


def removed_text(lines: Lines, verdicts: Verdicts) -> str:
    """The lines of one page that were not kept, one record each, from which `rebuild` makes the page again.

    A record is `<line number>TAB<label>TAB<the line with its terminator>`; the terminator is the record's end,
    so that only a line without one, the page's last, leaves its record open. The number counts physical lines
    from 1. A `+` behind it says that the kept lines before and after this run of removed lines end in CR and
    begin with LF: side by side they read as one line, and they are two.
    """
    rows = np.flatnonzero(~verdicts.keep).tolist()
    label, starts = verdicts.label, lines.starts.tolist()
    marks = {row: "+" for row in rows if _parts_cr_from_lf(lines, verdicts.keep, row)} if "\r" in lines.text else {}
    return "".join(
        [f"{row + 1}{marks.get(row, '')}\t{label[row]}\t{lines.text[starts[row] : starts[row + 1]]}" for row in rows]
    )


def _parts_cr_from_lf(lines: Lines, keep: np.ndarray, row: int) -> bool:
    """Whether a run of removed lines begins at `row` between a kept line that ends in CR and a kept LF."""
    if row == 0 or not keep[row - 1] or not lines.text.endswith("\r", 0, lines.starts[row]):
        return False
    after = row + int(np.argmax(keep[row:]))
    return bool(keep[after]) and lines.text.startswith("\n", lines.starts[after])


def rebuild(kept: str, removed: str) -> str:
    """The page of which `kept` and `removed` were made.

    Raises ValueError where they don't belong together.
    """
    waiting = LINE.findall(kept)[::-1]  # the next one last
    lines: list[str] = []
    for record in LINE.findall(removed):
        match = RECORD.match(record)
        n_before = int(match[1]) - 1 - len(lines) if match else -1
        if match is None or not 0 <= n_before <= len(waiting):
            raise ValueError(f"not the removed lines of this page, at {record[:60]!r}")
        lines.extend(waiting.pop() for _ in range(n_before))
        if match[2]:
            lines[-1] = lines[-1].removesuffix("\n")
            waiting.append("\n")
        lines.append(record[match.end() :])
    return "".join(lines + waiting[::-1])
