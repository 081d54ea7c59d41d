"""HTML pages -> Lines: one row per block of text, with what the DOM says of it as columns.

A page is parsed as browsers do (lexbor), the parsed tree is written out again by the parser, and that text, now
well formed, becomes rows in one pass over it (kernels/html.c). No node of the tree becomes a Python object.
lexbor, because it parses a page of 380 kB in 2 ms where libxml2 takes 5, at the same block oracle (0.975 with
`noscript` kept, libxml2 without 0.973).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from selectolax.lexbor import LexborHTMLParser

from declutter.lines import Lines
from declutter.stages import kernels
from declutter.stages.kernels import twin
from declutter.stages.segment import dom
from declutter.stages.segment.bounds import undecoded, with_few_rows
from declutter.stages.segment.shown import parsed

#: Left out of the tree with all they hold: no text of the page, or raw text that can hold "<" (as scripts in a
#: `template` do). `noscript` stays: on some pages the posts live there.
LEFT_OUT = ["head", "script", "style", "svg", "iframe", "noframes", "noembed", "template"]
OG_TITLE = 'meta[property="og:title"]'
#: What parts the site's name from the headline in a <title>.
TITLE_PARTS = re.compile(r"\s+[|\-\u2013\u2014:\u00b7\u00bb\u2022]+\s+|\s*[|\u00bb]\s*")
#: Characters of HTML that are parsed before their rows are made: bounds memory.
BATCH_CHARS = 1_000_000

#: The columns of `Lines.dom` beside the distances. `near_<family>` (int32) is the number of steps from the innermost
#: element of the row's first text up to the nearest element of that family (dom.TAG_FAMILIES, CLASS_FAMILIES as
#: near_c_..., ITEM_FAMILIES as near_i_..., near_hidden): 0 is the element itself, dom.NO_ANCESTOR (64) none.
COLUMNS = {
    "tag": "int32, dom.TAG_CODES of the nearest block element",
    "depth": "int32, depth of that block element, 0 for <html>",
    "element": "int32, number of that element in its page: rows of one <pre>, or parted by <br>, have the same",
    "table_row": "int32, number of the nearest <tr> in its page, 0 outside of tables: the cells of a row have the same",
    "list_depth": "int32, lists around it",
    "table_depth": "int32, tables around it",
    "chars": "float32, characters, without the spaces between inline elements",
    "link_chars": "float32, characters inside links",
    "links": "int32, links with text",
    "siblings": "int32, block element's siblings of the same tag and class, itself included",
    "repeat_siblings": "int32, the same for the nearest ancestor that has at least 3 such (itself included), else 0",
    "repeat_distance": "int32, levels up to that ancestor, 64 without",
    "repeat_chars": "float32, characters in that ancestor, 0 without",
    "repeat_link_share": "float32, share of link characters in it",
    "container": "int32, number of the nearest block element around the row's block element, in its page",
    "container_share": "float32, that container's share of the page's characters",
    "container_link_share": "float32, share of link characters in it",
    "container2": "int32, the same for the block element around the container",
    "container2_share": "float32",
    "container2_link_share": "float32",
    "class_token": "uint64, crc32 of the first class (or the id) of the nearest element that has one, 0 without",
    "class_token_up": "uint64, the same for the next such element above",
    "signature": "uint64, crc32 of tag and class of the block element",
    "container_signature": "uint64, the same of the container",
    "is_title": "int32, 2: the row is the page's <title> or og:title; 1: a part of <title>; 0: neither",
    "is_h1": "int32, the row says what an <h1> of the page says (the <h1> too)",
}
DTYPES = {name: np.dtype(meaning.partition(",")[0]) for name, meaning in COLUMNS.items()}
NEAR_COLUMNS = tuple(f"near_{family}" for family in dom.FAMILIES)
#: What the kernel makes, in this order: all but is_title and is_h1, 4 bytes a row (uint64 columns hold crc32s).
KERNEL_COLUMNS = (*tuple(COLUMNS)[:-2], *NEAR_COLUMNS)
FLOAT_COLUMNS, CODE_COLUMNS = (
    tuple(name for name in COLUMNS if DTYPES[name] == dtype) for dtype in (np.float32, np.uint64)
)


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """One page as the parser wrote it out, and its titles."""

    html: str  # without doctype, comments before <html>, and LEFT_OUT
    titles: frozenset[str]  # <title> and og:title
    title_parts: frozenset[str]
    head: str = ""  # the page's <head>
    partial: str | None = None  # the limits of `bounded` that the page met


def split_html(
    pages: Sequence[str | bytes], decode: Callable[[bytes], str] | None = None
) -> tuple[Lines, tuple[str | None, ...]]:
    """The text blocks of HTML pages as Lines, and what was cut of each page (None: nothing): see `lines_of_html`.

    Pages given as bytes are decoded with `decode` (TypeError without one).
    """

    def text_of(page: str | bytes) -> str:
        if isinstance(page, str):
            return page
        if decode is None:
            raise TypeError("split_html: a page in bytes needs decode=")
        return decode(page)

    lines, read = lines_of_html([text_of(page) for page in pages])
    return lines, tuple(page.partial for page in read)


def lines_of_html(pages: Iterable[str]) -> tuple[Lines, list[ParsedPage]]:
    """The text blocks of HTML pages as Lines with DOM columns (COLUMNS, near_<family>), and the pages as parsed.

    A row is the text of one block element up to the next block, whitespace folded. A `<br>` begins a row, but for one
    in a heading or in the middle of a sentence; so does a custom element with no text beside it. Each line of a `pre`
    is a row with its indent, each table cell is one. A page is its rows joined with newlines; a page without text has
    no rows.
    """
    parts: list[_Part] = []
    batch: list[ParsedPage] = []
    batch_chars = 0
    all_parsed = []
    for page in pages:
        found = _parsed(page)
        all_parsed.append(found)
        batch.append(found)
        batch_chars += len(page)
        if batch_chars >= BATCH_CHARS:
            parts += _parts(batch)
            batch, batch_chars = [], 0
    return _lines(parts + _parts(batch)), all_parsed


def _parsed(html: str) -> ParsedPage:
    """Parses a page and writes it out again."""
    tree, partial = parsed(html)
    if tree is None:
        return ParsedPage("<html></html>", frozenset(), frozenset(), partial=partial)
    titles, parts = _titles(tree)
    head = (tree.head.html or "") if tree.head is not None else ""
    tree.strip_tags(LEFT_OUT)  # in 0.6 of the time that finding them by css takes
    root = tree.root
    assert root is not None and root.html is not None  # of a page that was parsed
    html, cut = with_few_rows(root.html)
    partial = "; ".join(filter(None, (partial, cut, undecoded(html)))) or None
    return ParsedPage(html, titles, parts, head, partial)


def _titles(tree: LexborHTMLParser) -> tuple[frozenset[str], frozenset[str]]:
    """What the page says it is called, folded: whole, and the parts of its <title>."""
    head = tree.head
    if head is None:
        return frozenset(), frozenset()
    title_tag, og_tag = head.css_first("title"), head.css_first(OG_TITLE)
    title = " ".join(title_tag.text().split()) if title_tag else ""
    og_title = " ".join(((og_tag.attributes.get("content") if og_tag else "") or "").split())
    return frozenset({title, og_title} - {""}), frozenset(TITLE_PARTS.split(title)) - {""}


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a page."""

    text: str  # the rows joined with newlines
    chars: np.ndarray  # int64 (n_rows,)
    columns: dict[str, np.ndarray]


def _lines(parts: list[_Part]) -> Lines:
    """All parts as Lines."""
    if not parts:
        return Lines("", np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(1, np.int64))
    page_starts = np.cumsum([0, *(len(part.chars) for part in parts)])
    chars = np.concatenate([part.chars for part in parts])
    terminators = np.ones(len(chars), np.int64)
    terminators[page_starts[1:][np.diff(page_starts) > 0] - 1] = 0  # the last row of a page has none
    starts = np.concatenate([[0], np.cumsum(chars + terminators)])
    columns = parts[0].columns
    if len(parts) > 1:
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in columns}
    text = "".join(part.text for part in parts)
    return Lines(text, starts, starts[:-1] + chars, page_starts, columns)


def _title_columns(page: ParsedPage, text: str, chars: np.ndarray, tag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns is_title and is_h1 of a page's rows. chars: int64 (n_rows,). tag: int32 (n_rows,)."""
    ends = (np.cumsum(chars + 1) - 1).tolist()

    def row(number: int) -> str:
        return text[ends[number - 1] + 1 if number else 0 : ends[number]]

    h1 = set(map(row, np.flatnonzero(tag == dom.TAG_CODES["h1"]).tolist()))
    wanted = h1 | page.titles | page.title_parts
    may_be = np.zeros(max(map(len, wanted), default=0) + 2, bool)
    may_be[list(map(len, wanted))] = True  # few rows are as long as one of them: the others are not looked at
    is_title, is_h1 = np.zeros((2, len(chars)), np.int32)
    for number in np.flatnonzero(may_be[np.minimum(chars, len(may_be) - 1)]).tolist():
        what = row(number)
        is_title[number] = 2 if what in page.titles else what in page.title_parts
        is_h1[number] = what in h1
    return is_title, is_h1


@cache
def _tables(kernel):
    """What a kernel reads tags by, once."""
    return kernel.tables(*dom.kernel_tables(), int.from_bytes(os.urandom(8), "little"))


def _parts(pages: list[ParsedPage]) -> list[_Part]:
    """The rows of each page."""
    found = kernels.html.rows(_tables(kernels.html), [page.html for page in pages])
    broken = [page.html for page, rows in zip(pages, found, strict=True) if rows is None]
    mended = iter(twin("html").rows(_tables(twin("html")), broken) if broken else ())
    return [_part(page, *(rows or next(mended))) for page, rows in zip(pages, found, strict=True)]


def _part(page: ParsedPage, text: str, chars_bytes: bytes, number_bytes: bytes) -> _Part:
    """The rows of a page from what a kernel answers."""
    chars = np.frombuffer(chars_bytes, np.int64)
    numbers = np.frombuffer(number_bytes, np.int32).reshape(len(KERNEL_COLUMNS), len(chars))
    columns: dict[str, np.ndarray] = dict(zip(KERNEL_COLUMNS, numbers, strict=True))
    for name in FLOAT_COLUMNS:
        columns[name] = columns[name].view(np.float32)
    for name in CODE_COLUMNS:
        columns[name] = columns[name].view(np.uint32).astype(np.uint64)
    columns["is_title"], columns["is_h1"] = _title_columns(page, text, chars, columns["tag"])
    return _Part(text, chars, columns)
