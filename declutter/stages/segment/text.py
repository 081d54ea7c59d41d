"""Text dumps to Lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from declutter.lines import Lines, code_points

CHUNK_CHARS = 1 << 16  # characters looked at in one step: four bytes of each stay near the processor


def split_lines(texts: Sequence[str]) -> Lines:
    """The lines of text dumps, one row a physical line, blank ones included.

    A line ends at LF, CRLF, CR, U+2028 or U+2029. NEL, VT and FF do not end lines: in dumps they are debris of
    broken encodings, not line ends. A text that does not end with a terminator has one more line; an
    empty text has none.
    """
    text = texts[0] if len(texts) == 1 else "".join(texts)
    page_ends = np.cumsum([len(part) for part in texts], dtype=np.int64)
    page_offsets = np.concatenate(([0], page_ends)) if len(texts) else np.zeros(1, np.int64)
    ends, nexts = _terminators(text, page_offsets)
    # a page that stops without a terminator ends a line too
    before = np.searchsorted(nexts, page_ends, side="right") - 1
    terminated = (before >= 0) & (nexts[np.maximum(before, 0)] == page_ends) if len(nexts) else False
    closed = (page_ends == page_offsets[:-1]) | terminated
    open_ends = page_ends[~closed]
    if len(open_ends):
        ends, nexts = np.concatenate((ends, open_ends)), np.concatenate((nexts, open_ends))
        order = np.argsort(nexts, kind="stable")
        ends, nexts = ends[order], nexts[order]
    starts = np.concatenate(([0], nexts)).astype(np.int64)
    page_starts = np.searchsorted(nexts, page_offsets, side="right")
    page_starts[0] = 0
    return Lines(text, starts, ends, page_starts.astype(np.int64))


def _terminators(text: str, page_offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where lines end and where the next ones begin, in characters; int64, ascending."""
    found = []
    others = [ord(other) for other in "\r\u2028\u2029" if other in text]
    for offset in range(0, len(text), CHUNK_CHARS):
        points = code_points(text[offset : offset + CHUNK_CHARS])
        is_end = points == 0x0A
        for other in others:
            is_end |= points == other
        found.append(np.flatnonzero(is_end) + offset)
    ends = np.concatenate(found).astype(np.int64) if found else np.zeros(0, np.int64)
    nexts = ends + 1
    if len(ends) and "\r" in text:
        ends, nexts = _join_crlf(text, ends, nexts, page_offsets)
    return ends, nexts


def _join_crlf(
    text: str, ends: np.ndarray, nexts: np.ndarray, page_offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """CR and LF side by side on the same page are one terminator."""
    points = np.array([ord(text[end]) for end in ends.tolist()], np.uint32)
    touches = (ends[1:] == nexts[:-1]) & (points[:-1] == 0x0D) & (points[1:] == 0x0A)
    touches &= ~np.isin(nexts[:-1], page_offsets)
    begins_pair = np.append(touches, False)
    inside_pair = np.insert(touches, 0, False)
    nexts = nexts.copy()
    nexts[begins_pair] += 1
    return ends[~inside_pair], nexts[~inside_pair]
