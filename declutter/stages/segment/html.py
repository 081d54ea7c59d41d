"""HTML pages -> Lines: one row per block of text, with what the DOM says of it as columns.

A page is parsed as browsers do (lexbor), the parsed tree is written out again by the parser, and that text, now
well formed, becomes rows: by one pass in C over its bytes (kernels/html.c), or, where that is not installed and for
the odd page that is not well formed, by NumPy, which cuts it at its tags by one regular expression and works on arrays
over a batch of pages (dom.py). Both give the same rows and columns. No node of the tree becomes a Python object.
lexbor, because it parses a page of 380 kB in 2 ms where libxml2 takes 5, at the same block oracle (0.975 with
`noscript` kept, libxml2 without 0.973).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from selectolax.lexbor import LexborHTMLParser

from declutter.lines import Lines
from declutter.stages.segment import dom
from declutter.stages.segment.bounds import bounded

try:
    from declutter.stages.kernels import html as kernel
except ImportError:  # installed where there was no compiler: NumPy does the same, slower
    kernel = None

#: Left out of the tree with all they hold: no text of the page, or raw text that can hold "<" (as scripts in a
#: `template` do). `noscript` stays: on some pages the posts live there.
LEFT_OUT = ["head", "script", "style", "svg", "iframe", "noframes", "noembed", "template"]
#: A tag or a comment of a serialised page. The parser escapes "<" and ">" in texts and attribute values.
TAG = re.compile(r"<(!--[^-]*(?:-(?!->)[^-]*)*--|[^>]*)>")
OG_TITLE = 'meta[property="og:title"]'
#: What parts the site's name from the headline in a <title>.
TITLE_PARTS = re.compile(r"\s+[|\-\u2013\u2014:\u00b7\u00bb\u2022]+\s+|\s*[|\u00bb]\s*")
#: Characters of HTML that are parsed before NumPy computes their rows: bounds memory.
BATCH_CHARS = 4_000_000
#: Siblings of one tag and class from which a container counts as repeated (a card, a post, a row of a list).
REPEATED_SIBLINGS = 3

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
class _Parsed:
    """One page as the parser wrote it out, and its titles."""

    html: str  # without doctype and comments before <html>
    titles: frozenset[str]  # <title> and og:title
    title_parts: frozenset[str]


def split_html(
    pages: Sequence[str | bytes], decode: Callable[[bytes], str] | None = None
) -> tuple[Lines, tuple[str | None, ...]]:
    """The text blocks of HTML pages as Lines with DOM columns (COLUMNS, near_<family>), and what was cut of each page.

    A row is the text of one block element up to the next block, whitespace folded; two `<br>` in a row part rows too;
    each line of a `pre` is a row, each table cell is. A page is its rows joined with newlines; a page without text has
    no rows. Pages given as bytes are decoded with `decode` (TypeError without one). The second answer has None, or the
    bounds that a hostile page met (bounds.py), one item a page.
    """
    parts: list[_Part] = []
    batch: list[_Parsed] = []
    batch_chars = 0
    partial: list[str | None] = []
    for page in pages:
        if isinstance(page, bytes):
            if decode is None:
                raise TypeError("split_html: a page in bytes needs decode=")
            page = decode(page)
        parsed, cut = _parsed(page)
        partial.append(cut)
        if kernel and (part := _part_by_kernel(parsed)):
            parts.append(part)
            continue
        batch.append(parsed)
        batch_chars += len(page)
        if kernel or batch_chars >= BATCH_CHARS:
            parts.append(_part_by_numpy(batch))
            batch, batch_chars = [], 0
    if batch:
        parts.append(_part_by_numpy(batch))
    return _lines(parts), tuple(partial)


def _parsed(html: str) -> tuple[_Parsed, str | None]:
    """Parses a page and writes it out again. The second answer is what `bounded` cut."""
    octets = html.encode("utf-8", "replace")  # a lone surrogate becomes "?"
    if b"\0" in octets:  # browsers drop them
        octets = octets.replace(b"\0", b"")
    octets, partial = bounded(octets)
    if not octets or octets.isspace():
        return _Parsed("<html></html>", frozenset(), frozenset()), partial
    tree = LexborHTMLParser(octets)
    titles, parts = _titles(tree)
    tree.strip_tags(LEFT_OUT)  # in 0.6 of the time that finding them by css takes
    return _Parsed(tree.root.html, titles, parts), partial


def _titles(tree: LexborHTMLParser) -> tuple[frozenset[str], frozenset[str]]:
    """What the page says it is called, folded: whole, and the parts of its <title>."""
    head = tree.head
    if head is None:
        return frozenset(), frozenset()
    title, og_title = head.css_first("title"), head.css_first(OG_TITLE)
    title = " ".join(title.text().split()) if title else ""
    og_title = " ".join(((og_title.attributes.get("content") if og_title else "") or "").split())
    return frozenset({title, og_title} - {""}), frozenset(TITLE_PARTS.split(title)) - {""}


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of some pages."""

    texts: list[str]  # of each page, its rows joined with newlines
    n_rows: np.ndarray  # int64 (n_pages,)
    chars: np.ndarray  # int64 (n_rows,)
    columns: dict[str, np.ndarray]


def _lines(parts: list[_Part]) -> Lines:
    """All parts as Lines."""
    if not parts:
        return Lines("", np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(1, np.int64))
    page_starts = np.cumsum(np.concatenate([[0], *(part.n_rows for part in parts)]))
    chars = np.concatenate([part.chars for part in parts])
    terminators = np.ones(len(chars), np.int64)
    terminators[page_starts[1:][np.diff(page_starts) > 0] - 1] = 0  # the last row of a page has none
    starts = np.concatenate([[0], np.cumsum(chars + terminators)])
    columns = parts[0].columns
    if len(parts) > 1:
        columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in columns}
    text = "".join(chain.from_iterable(part.texts for part in parts))
    return Lines(text, starts, starts[:-1] + chars, page_starts, columns)


def _title_columns(page: _Parsed, text: str, chars: np.ndarray, tag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


# ---- in C ----


@cache
def _kernel_tables():
    """What the kernel reads tags by, once."""
    return kernel.tables(*dom.kernel_tables(), int.from_bytes(os.urandom(8), "little"))


def _part_by_kernel(page: _Parsed) -> _Part | None:
    """The rows of a page; None where it is not well formed, or nests too deep."""
    found = kernel.rows(_kernel_tables(), page.html)
    if found is None:
        return None
    text, chars, columns = found
    chars = np.frombuffer(chars, np.int64)
    numbers = np.frombuffer(columns, np.int32).reshape(len(KERNEL_COLUMNS), len(chars))
    columns = dict(zip(KERNEL_COLUMNS, numbers, strict=True))
    for name in FLOAT_COLUMNS:
        columns[name] = columns[name].view(np.float32)
    for name in CODE_COLUMNS:
        columns[name] = columns[name].view(np.uint32).astype(np.uint64)
    columns["is_title"], columns["is_h1"] = _title_columns(page, text, chars, columns["tag"])
    return _Part([text], np.array([len(chars)]), chars, columns)


# ---- in NumPy ----


def _part_by_numpy(pages: list[_Parsed]) -> _Part:
    """The rows of a batch of pages, whatever they are."""
    tokens = _tokens(pages)
    blocks = _blocks(tokens)
    columns = _columns(tokens, blocks)
    n_lines = np.array([text.count("\n") + 1 for text in blocks.texts], np.int64)
    columns = {name: np.repeat(column, n_lines) for name, column in columns.items()}
    rows = "\n".join(blocks.texts).split("\n") if blocks.texts else []
    n_rows = np.bincount(blocks.page, weights=n_lines, minlength=len(pages)).astype(np.int64)
    chars = np.fromiter(map(len, rows), np.int64, len(rows))
    bounds = [0, *np.cumsum(n_rows).tolist()]
    texts, titles = [], []
    for page, start, end in zip(pages, bounds[:-1], bounds[1:], strict=True):
        texts.append("\n".join(rows[start:end]))
        titles.append(_title_columns(page, texts[-1], chars[start:end], columns["tag"][start:end]))
    columns["is_title"], columns["is_h1"] = map(np.concatenate, zip(*titles, strict=True))
    return _Part(texts, n_rows, chars, columns)


def _cut(page: _Parsed, table: dom.TagTable) -> tuple[list[int], list[str]]:
    """The tags of a page, as rows of the table, and the text behind each."""
    cut = TAG.split(page.html)
    # looked up at once, while the strings are in the processor's cache, and forgotten: pages share few of them
    tags = list(map(table.__getitem__, cut[1::2]))
    table.clear()
    return tags, [_unescaped(text) if "&" in text else text for text in cut[2::2]]


def _unescaped(text: str) -> str:
    """Undoes the four escapes that the serialiser writes."""
    return text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tags of a batch of pages in document order, each with the text that follows it, and their tree."""

    texts: list[str]
    chars: np.ndarray  # int64 (n_tokens,), characters of the text without the whitespace around it
    tag: np.ndarray  # int64 (n_tokens,), rows of `tags`
    tags: dom.TagColumns
    is_br: np.ndarray  # bool (n_tokens,)
    page_starts: np.ndarray  # int64 (n_pages + 1,), the token at which each page begins
    tree: dom.Tree
    element_tag: np.ndarray  # int64 (n_elements,), rows of `tags`


def _tokens(parsed: list[_Parsed]) -> _Tokens:
    """The tokens of a batch, pages that don't pair up mended."""
    table = dom.TagTable()
    pages = [_cut(page, table) for page in parsed]
    while True:
        tag = np.concatenate([np.array(page_tags, np.int64) for page_tags, _ in pages])
        starts = np.cumsum([0, *(len(page_tags) for page_tags, _ in pages)])
        tags = table.columns()
        kind, name = tags.kind[tag], tags.name[tag]
        broken = dom.broken_pages(kind, name, starts)
        if not len(broken):
            break
        for page in broken.tolist():
            pages[page] = dom.mended(*pages[page], table)
    texts = list(chain.from_iterable(page_texts for _, page_texts in pages))
    tree = dom.build_tree(kind)
    element_tag = tag[tree.start]
    left_out = tags.is_left_out[element_tag]
    if left_out.any():
        for place in np.flatnonzero(dom.nesting(tree, left_out[:, None])[tree.of_token, 0]).tolist():
            texts[place] = ""
    chars = np.fromiter(map(len, map(str.strip, texts)), np.int64, len(texts))
    is_br = tags.is_br[tag]
    for place in np.flatnonzero(is_br).tolist():
        texts[place] = "\n" + texts[place]
    return _Tokens(texts, chars, tag, tags, is_br, starts, tree, element_tag)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of text of a batch. Tokens first..last hold a block's text; it has no "\n" but in `pre`."""

    texts: list[str]
    page: np.ndarray  # int64 (n_blocks,)
    leaf: np.ndarray  # int64 (n_blocks,), the innermost element of the block's first text
    with_text: np.ndarray  # int64 (n_texts,), the tokens with text
    starts: np.ndarray  # int64 (n_blocks,), rows of `with_text` at which the blocks begin


def _blocks(tokens: _Tokens) -> _Blocks:
    """Joins the texts between block tags; a `<br>` right after another parts blocks too."""
    blank = tokens.chars == 0
    breaks = tokens.tags.is_block[tokens.tag]
    breaks[1:] |= tokens.is_br[1:] & tokens.is_br[:-1] & blank[:-1]
    with_text = np.flatnonzero(~blank)
    block = np.cumsum(breaks)[with_text]
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    first = with_text[starts]
    last = with_text[np.append(starts[1:], len(with_text))[: len(starts)] - 1]
    leaf = tokens.tree.of_token[first]
    in_pre = dom.nesting(tokens.tree, tokens.tags.is_pre[tokens.element_tag][:, None])[leaf, 0] > 0
    texts = ["".join(tokens.texts[a:b]) for a, b in zip(first.tolist(), (last + 1).tolist(), strict=True)]
    texts = [
        _pre_lines(text) if pre else " ".join(text.split()) for text, pre in zip(texts, in_pre.tolist(), strict=True)
    ]
    page = np.searchsorted(tokens.page_starts, first, side="right") - 1
    return _Blocks(texts, page, leaf, with_text, starts)


def _pre_lines(text: str) -> str:
    """Preformatted text without blank lines around it and spaces at the ends of its lines."""
    return "\n".join([line.rstrip() for line in text.replace("\r", "").split("\n")]).strip("\n")


def _columns(tokens: _Tokens, blocks: _Blocks) -> dict[str, np.ndarray]:
    """The DOM columns of the blocks of a batch, but for those that compare with titles."""
    tree, tags, of_element = tokens.tree, tokens.tags, tokens.element_tag
    families = tags.families[of_element]
    near = dom.distances(tree, families)
    is_link, is_list, is_table = (families[:, dom.FAMILIES.index(name)] for name in ("link", "list", "table"))
    is_block = tags.is_block[of_element]
    siblings = dom.same_siblings(tree, tags.signature[of_element])
    own = [is_block, is_link > 0, tags.token[of_element] > 0, siblings >= REPEATED_SIBLINGS, tags.is_row[of_element]]
    found = dom.nearest(tree, np.stack(own, axis=1))
    nesting = dom.nesting(tree, np.stack([is_list, is_table], axis=1))[blocks.leaf]
    page_token = tokens.page_starts[blocks.page]

    texts = _Shares(tokens, found[:, 1] >= 0)
    of_block, of_link, of_token, of_repeat, of_row = found.T
    block = of_block[blocks.leaf]
    container = of_block[tree.parent[block]]
    container2 = of_block[tree.parent[container]]
    token, repeat, row = of_token[blocks.leaf], of_repeat[block], of_row[blocks.leaf]
    token_up = np.where(token >= 0, of_token[tree.parent[token]], -1)
    depth = tree.depth
    columns = {
        "tag": tags.tag[of_element[block]],
        "depth": depth[block],
        "element": tree.start[block] - page_token,
        "table_row": np.where(row >= 0, tree.start[row] - page_token, 0),
        "list_depth": nesting[:, 0],
        "table_depth": nesting[:, 1],
        **texts.of_blocks(blocks, of_link),
        "siblings": siblings[block],
        "repeat_siblings": np.where(repeat >= 0, siblings[repeat], 0),
        "repeat_distance": np.where(repeat >= 0, depth[block] - depth[repeat], dom.NO_ANCESTOR),
        "repeat_chars": np.where(repeat >= 0, texts.chars[repeat], 0).astype(np.float32),
        "repeat_link_share": np.where(repeat >= 0, texts.link_share[repeat], 0).astype(np.float32),
        "class_token": np.where(token >= 0, tags.token[of_element[token]], 0).astype(np.uint64),
        "class_token_up": np.where(token_up >= 0, tags.token[of_element[token_up]], 0).astype(np.uint64),
        "signature": tags.signature[of_element[block]].astype(np.uint64),
        "container_signature": tags.signature[of_element[container]].astype(np.uint64),
    }
    page_chars = texts.chars[tree.of_token[page_token]]
    for name, around in (("container", container), ("container2", container2)):
        columns[name] = tree.start[around] - page_token
        columns[f"{name}_share"] = (texts.chars[around] / np.maximum(page_chars, 1)).astype(np.float32)
        columns[f"{name}_link_share"] = texts.link_share[around]
    for name, column in columns.items():
        if column.dtype == np.int64:
            columns[name] = column.astype(np.int32)
    near = near[blocks.leaf].T.astype(np.int32)
    return columns | dict(zip(NEAR_COLUMNS, near, strict=True))


class _Shares:
    """Characters of text and of links, by element and by block."""

    def __init__(self, tokens: _Tokens, in_link: np.ndarray):
        """in_link: bool (n_elements,)."""
        self.of_token = tokens.tree.of_token
        self.token_chars = tokens.chars
        self.token_link_chars = tokens.chars * in_link[self.of_token]
        self.chars = self._of_elements(self.token_chars, tokens.tree)
        self.link_share = self._of_elements(self.token_link_chars, tokens.tree) / np.maximum(self.chars, 1)

    @staticmethod
    def _of_elements(token_chars: np.ndarray, tree: dom.Tree) -> np.ndarray:
        """float32 (n_elements,): the characters between an element's start and end."""
        before = np.concatenate([[0], np.cumsum(token_chars)])
        return (before[tree.end] - before[tree.start]).astype(np.float32)

    def of_blocks(self, blocks: _Blocks, of_link: np.ndarray) -> dict[str, np.ndarray]:
        """The columns chars, link_chars, links. of_link: the nearest <a> of each element, or -1."""
        if not len(blocks.starts):
            nothing = np.zeros(0, np.float32)
            return {"chars": nothing, "link_chars": nothing, "links": np.zeros(0, np.int32)}
        chars, link_chars = (
            np.add.reduceat(of_token[blocks.with_text], blocks.starts).astype(np.float32)
            for of_token in (self.token_chars, self.token_link_chars)
        )
        link = of_link[self.of_token[blocks.with_text]]
        is_new = np.diff(link, prepend=-1) != 0
        is_new[blocks.starts] = True
        links = np.add.reduceat((is_new & (link >= 0)).astype(np.int32), blocks.starts)
        return {"chars": chars, "link_chars": link_chars, "links": links}
