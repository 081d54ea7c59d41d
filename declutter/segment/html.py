"""HTML pages -> Lines: one row per block of text, with what the DOM says of it as columns.

A page is parsed as browsers do (lexbor), the parsed tree is written out again by the parser, and that text, now
well formed, is cut at its tags by one regular expression; everything after works on arrays over a batch of pages
(dom.py). No node of the tree becomes a Python object. lexbor, because it parses a page of
380 kB in 2 ms where libxml2 takes 5, at the same block oracle (0.975 with `noscript` kept, libxml2 without 0.973).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from selectolax.lexbor import LexborHTMLParser

from declutter.lines import Lines
from declutter.segment import dom
from declutter.segment.bounds import bounded

#: Left out of the tree with all they hold, beside the head: no text of the page, or raw text that can hold "<".
#: `noscript` stays: on some pages the posts live there.
LEFT_OUT = "script,style,svg,iframe,noframes,noembed"
#: A tag or a comment of a serialised page. The parser escapes "<" and ">" in texts and attribute values.
TAG = re.compile(r"<(!--[^-]*(?:-(?!->)[^-]*)*--|[^>]*)>")
OG_TITLE = 'meta[property="og:title"]'
#: What parts the site's name from the headline in a <title>.
TITLE_PARTS = re.compile(r"\s+[|\-\u2013\u2014:\u00b7\u00bb\u2022]+\s+|\s*[|\u00bb]\s*")
#: Characters of HTML that are parsed before their rows are computed: bounds memory.
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


@dataclass(frozen=True, slots=True)
class _Parsed:
    """One page as tags, each with the text after it, and its titles."""

    tags: list[int]  # rows of a dom.TagTable
    texts: list[str]
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
    builder, batch, batch_chars = _Builder(), _Batch(), 0
    partial: list[str | None] = []
    for page in pages:
        if isinstance(page, bytes):
            if decode is None:
                raise TypeError("split_html: a page in bytes needs decode=")
            page = decode(page)
        partial.append(batch.parse(page))
        batch_chars += len(page)
        if batch_chars >= BATCH_CHARS:
            builder.add(batch)
            batch, batch_chars = _Batch(), 0
    if batch.pages:
        builder.add(batch)
    return builder.lines(), tuple(partial)


class _Batch:
    """Parsed pages and the table of their tags."""

    def __init__(self):
        self.pages: list[_Parsed] = []
        self.table = dom.TagTable()

    def parse(self, html: str) -> str | None:
        """Parses a page, cuts what the parser wrote at its tags, and adds it. Returns what `bounded` cut."""
        octets = html.encode("utf-8", "replace")  # a lone surrogate becomes "?"
        if b"\0" in octets:  # browsers drop them
            octets = octets.replace(b"\0", b"")
        octets, partial = bounded(octets)
        if not octets or octets.isspace():
            self.pages.append(_Parsed([self.table["html"], self.table["/html"]], ["", ""], frozenset(), frozenset()))
            return partial
        tree = LexborHTMLParser(octets)
        titles, parts = _titles(tree)
        if tree.head is not None:
            tree.head.decompose()
        for node in tree.css(LEFT_OUT):
            node.decompose()
        cut = TAG.split(tree.root.html)  # without doctype and comments before <html>
        # looked up at once, while the strings are in the processor's cache, and forgotten: pages share few of them
        tags = list(map(self.table.__getitem__, cut[1::2]))
        self.table.clear()
        texts = [_unescaped(text) if "&" in text else text for text in cut[2::2]]
        self.pages.append(_Parsed(tags, texts, titles, parts))
        return partial


def _unescaped(text: str) -> str:
    """Undoes the four escapes that the serialiser writes."""
    return text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _titles(tree: LexborHTMLParser) -> tuple[frozenset[str], frozenset[str]]:
    """What the page says it is called, folded: whole, and the parts of its <title>."""
    head = tree.head
    if head is None:
        return frozenset(), frozenset()
    title, og_title = head.css_first("title"), head.css_first(OG_TITLE)
    title = " ".join(title.text().split()) if title else ""
    og_title = " ".join(((og_title.attributes.get("content") if og_title else "") or "").split())
    return frozenset({title, og_title} - {""}), frozenset(TITLE_PARTS.split(title)) - {""}


class _Builder:
    """Collects the rows of batches; `lines()` joins them."""

    def __init__(self):
        self.rows: list[str] = []
        self.row_counts: list[np.ndarray] = [np.zeros(1, np.int64)]  # rows of each page, after a 0
        self.columns: list[dict[str, np.ndarray]] = []

    def add(self, batch: _Batch) -> None:
        """Adds the rows of a batch of pages."""
        tokens = _tokens(batch)
        blocks = _blocks(tokens)
        columns = _columns(tokens, blocks)
        columns["is_title"], columns["is_h1"] = _title_columns(batch.pages, blocks, columns["tag"])
        lines = np.array([text.count("\n") + 1 for text in blocks.texts], np.int64)
        self.columns.append({name: np.repeat(column, lines) for name, column in columns.items()})
        self.rows += "\n".join(blocks.texts).split("\n") if blocks.texts else []
        self.row_counts.append(np.bincount(blocks.page, weights=lines, minlength=len(batch.pages)).astype(np.int64))

    def lines(self) -> Lines:
        """The rows added so far as Lines."""
        page_starts = np.cumsum(np.concatenate(self.row_counts))
        bounds = page_starts.tolist()
        text = "".join(["\n".join(self.rows[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)])
        chars = np.fromiter(map(len, self.rows), np.int64, len(self.rows))
        terminators = np.ones(len(self.rows), np.int64)
        terminators[page_starts[1:][np.diff(page_starts) > 0] - 1] = 0  # the last row of a page has none
        starts = np.concatenate([[0], np.cumsum(chars + terminators)])
        names = self.columns[0] if self.columns else ()
        columns = {name: np.concatenate([batch[name] for batch in self.columns]) for name in names}
        return Lines(text, starts, starts[:-1] + chars, page_starts, columns)


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


def _tokens(batch: _Batch) -> _Tokens:
    """The tokens of a batch, pages that don't pair up mended."""
    pages = [(page.tags, page.texts) for page in batch.pages]
    while True:
        tag = np.concatenate([np.array(page_tags, np.int64) for page_tags, _ in pages])
        starts = np.cumsum([0, *(len(page_tags) for page_tags, _ in pages)])
        tags = batch.table.columns()
        kind, name = tags.kind[tag], tags.name[tag]
        broken = dom.broken_pages(kind, name, starts)
        if not len(broken):
            break
        for page in broken.tolist():
            pages[page] = dom.mended(*pages[page], batch.table)
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
    return columns | {f"near_{family}": near[place] for place, family in enumerate(dom.FAMILIES)}


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


def _title_columns(batch: list[_Parsed], blocks: _Blocks, tag: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns is_title and is_h1: int32 (n_blocks,)."""
    bounds = np.searchsorted(blocks.page, np.arange(len(batch) + 1)).tolist()
    is_heading = (tag == dom.TAG_CODES["h1"]).tolist()
    is_title, is_h1 = [], []
    for page, start, end in zip(batch, bounds[:-1], bounds[1:], strict=True):
        texts = blocks.texts[start:end]
        h1 = {text for text, heading in zip(texts, is_heading[start:end], strict=True) if heading}
        is_title += [2 if text in page.titles else int(text in page.title_parts) for text in texts]
        is_h1 += [int(text in h1) for text in texts]
    return np.array(is_title, np.int32), np.array(is_h1, np.int32)
