"""The NumPy twin of html.c: serialised HTML pages -> their rows of text and the DOM columns of each.

A page that lexbor parsed and wrote out again is well formed: every start tag has its end tag, and attribute values
never hold "<", ">" or quotes. So a list of its tags in document order is the tree, depth is a running sum, and
whatever flows from ancestors to descendants is computed one level at a time for all the pages of a batch. Each
distinct tag is read once (`TagTable`); a page has about 2,500 tags, 560 of them distinct. Pages that are not well
formed are mended first, which html.c leaves to this module.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from zlib import crc32

import numpy as np

#: Stands for the distance to an ancestor that isn't there. Real distances are 0 (the element itself) to 63.
NO_ANCESTOR = 64
#: Siblings of one tag and class from which a container counts as repeated (a card, a post, a row of a list).
REPEATED_SIBLINGS = 3
#: The traits of a tag, as bits; its code stands above them.
IS_BLOCK, IS_PRE, IS_ROW, IS_BR, IS_LEFT_OUT, IS_VOID, IS_ONE_LINE, IS_CUSTOM = (1 << place for place in range(8))
CODE_SHIFT = 8
#: A `<br>` is typesetting where a line of so many characters goes on behind it in the middle of a sentence: it ends in
#: none of SENTENCE_ENDS, and a small letter follows. In the gold of wcxb_dev and cleaneval, which people wrote, 262 of
#: 310 such `<br>` part no lines; of the others 3,640 of 4,929 part lines, and 3,620 of 3,647 in seven other sets. In
#: headings 80 of 135 don't, and a headline is one line.
MIN_WRAPPED_CHARS = 45
SENTENCE_ENDS = frozenset(".!?:;\"')]\u2026\u201d\u2019\u00bb")
SMALL_LETTER = re.compile("[a-z\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f]")
#: A tag or a comment of a serialised page. The parser escapes "<" and ">" in texts and attribute values.
TAG = re.compile(r"<(!--[^-]*(?:-(?!->)[^-]*)*--|[^>]*)>")
#: An attribute of a serialised tag. Names may hold quotes (title="Nike" shoes"="").
ATTRIBUTE = re.compile(r' ([^ ][^ =]*)="([^"]*)"')
HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I | re.A)
#: Characters of a class, id, role or itemprop that are read.
MAX_NAME_CHARS = 160
HASH_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
HASH_BASE_INVERSE = pow(HASH_BASE, -1, 1 << 64)
#: Elements deeper than this are read as part of their ancestor. `bounds.MAX_DEPTH` start tags, with the elements that
#: the parser adds (tbody, tr), stay below it.
MAX_LEVELS = 2_500


class Tables:
    """What `rows` reads tags by. The arguments are those of `tables`, with str for bytes."""

    def __init__(self, dictionaries: Sequence[dict[bytes, int]], n_families: int, bits: Sequence[int]):
        self.traits, self.families, words, prefixes, self.roles, self.properties = (
            {word.decode(): value for word, value in dictionary.items()} for dictionary in dictionaries
        )
        self.n_families = n_families
        self.link, self.list, self.table, self.hidden = bits
        self.words = _WordTable(words)
        #: By length, so that the beginnings of all words are hashed once for each length.
        self.prefixes = {
            size: _WordTable({prefix: bits for prefix, bits in prefixes.items() if len(prefix) == size})
            for size in {len(prefix) for prefix in prefixes}
        }


def tables(
    traits: dict[bytes, int], families: dict[bytes, int], words: dict[bytes, int], prefixes: dict[bytes, int],
    roles: dict[bytes, int], properties: dict[bytes, int], n_families: int, link: int, list: int, table: int,
    hidden: int, seed: int,
) -> Tables:  # fmt: skip
    """What `rows` reads tags by.

    The traits of tags, and the families, as bits, of tags, of the words of classes, of beginnings of such words, of
    roles and of the words of an itemprop; the number of families; the bits of four of them. html.c needs `seed`.
    """
    dictionaries = (traits, families, words, prefixes, roles, properties)
    return Tables(dictionaries, n_families, (link, list, table, hidden))


def rows(tables: Tables, pages: Sequence[str]) -> list[tuple[str, np.ndarray, np.ndarray] | None]:
    """The rows of serialised pages: (their text, joined with newlines; the characters of each; their columns) a page.

    The characters are int64 (n_rows,), the columns int32 (n_columns, n_rows) in the order of segment.html's
    KERNEL_COLUMNS; columns of float32 and of crc32 sums hold the same bits. html.c answers None for a page that is not
    well formed; this module mends it.
    """
    if not pages:
        return []
    tokens = _tokens(pages, tables)
    blocks = _blocks(tokens)
    n_lines = np.array([text.count("\n") + 1 for text in blocks.texts], np.int64)
    columns = np.repeat(_columns(tokens, blocks, tables), n_lines, axis=1)
    lines = "\n".join(blocks.texts).split("\n") if blocks.texts else []
    chars = np.fromiter(map(len, lines), np.int64, len(lines))
    n_rows = np.bincount(blocks.page, weights=n_lines, minlength=len(pages)).astype(np.int64)
    bounds = [0, *np.cumsum(n_rows).tolist()]
    return [
        ("\n".join(lines[start:end]), chars[start:end], np.ascontiguousarray(columns[:, start:end]))
        for start, end in zip(bounds[:-1], bounds[1:], strict=True)
    ]


# ---- words of classes ----


class _WordHashes:
    """Polynomial hashes, modulo 2^64, of any stretches of `octets`."""

    def __init__(self, octets: np.ndarray):
        power = np.full(len(octets) + 1, HASH_BASE, np.uint64)
        inverse = np.full(len(octets) + 1, HASH_BASE_INVERSE, np.uint64)
        power[0] = inverse[0] = 1
        self.inverse = np.multiply.accumulate(inverse)
        self.before = np.zeros(len(octets) + 1, np.uint64)
        np.cumsum(np.multiply.accumulate(power[:-1]) * octets, out=self.before[1:])

    def of(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """uint64 (n_words,): the hash of each `octets[start:end]`."""
        return (self.before[ends] - self.before[starts]) * self.inverse[starts]


class _WordTable:
    """Words (or beginnings of words) -> their families as bits, looked up for many words at once."""

    def __init__(self, bits: dict[str, int]):
        ends = np.cumsum([len(word) for word in bits])
        octets = np.frombuffer("".join(bits).encode(), np.uint8)
        hashes = _WordHashes(octets).of(np.append(0, ends[:-1]), ends)
        order = np.argsort(hashes)
        self.hashes, self.bits = hashes[order], np.array(list(bits.values()), np.uint64)[order]
        self.may_be = np.zeros(1 << 16, bool)  # by the top 16 bits: nearly all other words end here
        self.may_be[self.hashes >> np.uint64(48)] = True

    def add_bits(self, bits: np.ndarray, rows: np.ndarray, hashes: np.ndarray) -> None:
        """Adds to `bits[rows]` the families of the words with these hashes."""
        known = np.flatnonzero(self.may_be[hashes >> np.uint64(48)])
        place = np.minimum(np.searchsorted(self.hashes, hashes[known]), len(self.hashes) - 1)
        bits[rows[known]] |= np.where(self.hashes[place] == hashes[known], self.bits[place], 0).astype(np.uint64)


def class_bits(tables: Tables, names: list[str]) -> np.ndarray:
    """uint64 (n_names,): the class families of class and id attributes, as bits.

    No name holds a NUL (they part the names here). A word begins at a letter after a non-letter, or at a capital
    after a small letter.
    """
    if not names:
        return np.zeros(0, np.uint64)
    octets = np.frombuffer("\0".join(names).encode("ascii", "replace"), np.uint8)
    lower = octets | 0x20
    is_letter = (lower >= ord("a")) & (lower <= ord("z"))
    is_capital = is_letter & (octets < ord("a"))
    begins = is_letter.copy()
    begins[1:] &= ~is_letter[:-1] | (is_capital[1:] & ~is_capital[:-1])
    starts = np.flatnonzero(begins)
    stops = np.flatnonzero(begins | ~is_letter)
    ends = np.append(stops, len(octets))[np.searchsorted(stops, starts, side="right")]
    word_bits = np.zeros(len(starts), np.uint64)
    words = np.arange(len(starts))
    hashes = _WordHashes(lower)
    tables.words.add_bits(word_bits, words, hashes.of(starts, ends))
    for size, table in tables.prefixes.items():
        longer = words[ends - starts >= size]
        table.add_bits(word_bits, longer, hashes.of(starts[longer], starts[longer] + size))
    sums = np.zeros(len(names), np.uint64)
    name_of_word = np.searchsorted(np.flatnonzero(octets == 0), starts)
    np.bitwise_or.at(sums, name_of_word, word_bits)
    return sums


# ---- tags ----


class TagTable(dict):
    """Serialised tags ('div class="x"', '/div') -> their row in the columns that `columns()` gives.

    Tags that differ only in attributes which nothing reads share a row. Attributes of void elements are not read.
    """

    def __init__(self, tables: Tables):
        super().__init__()
        self.tables = tables
        self.rows: dict[tuple, int] = {}

    def __missing__(self, tag: str) -> int:
        row = self[tag] = self.rows.setdefault(self._key(tag), len(self.rows))
        return row

    def _key(self, tag: str) -> tuple:
        """(kind, name, classes, id, role, itemprop, is hidden) of a tag."""
        if tag[:1] == "/":
            return -1, tag[1:], "", "", "", "", False
        name, space, _ = tag.partition(" ")
        is_void = self.tables.traits.get(name, 0) & IS_VOID
        if is_void or name[:1] in "!?":
            return 0, name if is_void else "!", "", "", "", "", False
        if not space:
            return 1, name, "", "", "", "", False
        # the first of its name counts
        found = dict(reversed(ATTRIBUTE.findall(tag, len(name))))
        read = (found.get(attribute, "")[:MAX_NAME_CHARS] for attribute in ("class", "id", "role", "itemprop"))
        hidden = found.get("hidden", "until-found") != "until-found" or found.get("aria-hidden") == "true"
        if not hidden and "style" in found:
            hidden = HIDING_STYLE.search(found["style"][:MAX_NAME_CHARS]) is not None
        return 1, name, *read, hidden

    def columns(self) -> TagColumns:
        """The rows so far as arrays."""
        tables = self.tables
        kinds, names, classes, idents, roles, itemprops, hidden = zip(*self.rows, strict=True)
        distinct = {name: number for number, name in enumerate(dict.fromkeys(names))}
        name, kind = np.array([distinct[name] for name in names], np.int32), np.array(kinds, np.int32)
        bits = class_bits(tables, [f"{a} {b}" for a, b in zip(classes, idents, strict=True)])
        tag_bits = np.array([tables.families.get(name, 0) for name in distinct], np.uint64)
        bits |= np.where(kind > 0, tag_bits[name], 0).astype(np.uint64)
        bits |= np.where(hidden, tables.hidden, 0).astype(np.uint64)
        for row, (role, itemprop) in enumerate(zip(roles, itemprops, strict=True)):
            if role or itemprop:
                props = [tables.properties.get(prop, 0) for prop in itemprop.lower().split()]
                bits[row] |= np.bitwise_or.reduce([tables.roles.get(role, 0), *props], dtype=np.uint64)
        # distances of one batch are computed for all families at once: bits become 0/1 columns
        unpacked = np.unpackbits(bits.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        firsts = [_octets(a.split(" ", 1)[0] or b) for a, b in zip(classes, idents, strict=True)]
        of_names = [tables.traits.get(name, IS_CUSTOM if "-" in name else 0) for name in distinct]
        traits = np.array(of_names, np.int32)[name]
        return TagColumns(
            kind=kind,
            name=name,
            is_block=traits & IS_BLOCK > 0,
            tag=traits >> CODE_SHIFT,
            is_pre=traits & IS_PRE > 0,
            is_row=traits & IS_ROW > 0,
            is_br=traits & IS_BR > 0,
            is_left_out=traits & IS_LEFT_OUT > 0,
            is_one_line=traits & IS_ONE_LINE > 0,
            is_custom=traits & IS_CUSTOM > 0,
            families=unpacked[:, : tables.n_families].copy(),
            token=np.array(list(map(crc32, firsts)), np.uint32),
            signature=np.array([crc32(_octets(f"{a} {b}")) for a, b in zip(names, classes, strict=True)], np.uint32),
        )


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class TagColumns:
    """The distinct tags of a batch, one row each."""

    kind: np.ndarray  # int32 (n_tags,), 1 start tag, -1 end tag, 0 void element, comment
    name: np.ndarray  # int32 (n_tags,), the same for a start tag and its end tag
    is_block: np.ndarray  # bool (n_tags,)
    tag: np.ndarray  # int32 (n_tags,), its code
    is_pre: np.ndarray  # bool (n_tags,)
    is_row: np.ndarray  # bool (n_tags,), <tr>
    is_br: np.ndarray  # bool (n_tags,), <br>
    is_left_out: np.ndarray  # bool (n_tags,), its text is no text of the page
    is_one_line: np.ndarray  # bool (n_tags,), a `<br>` in it begins no row
    is_custom: np.ndarray  # bool (n_tags,), its name has a "-"
    families: np.ndarray  # uint8 (n_tags, n_families), 0 or 1
    token: np.ndarray  # uint32 (n_tags,), crc32 of the first class (else of the id), 0 for none
    signature: np.ndarray  # uint32 (n_tags,), crc32 of name and class attribute


@dataclass(frozen=True, slots=True)
class Tree:
    """The elements of a batch of pages, ordered by depth, then by place in the document."""

    start: np.ndarray  # int64 (n_elements,), the token that opens it
    end: np.ndarray  # int64 (n_elements,), the token that closes it
    parent: np.ndarray  # int64 (n_elements,), a root is its own parent
    level_starts: np.ndarray  # int64 (n_levels + 1,), the first element of each depth
    of_token: np.ndarray  # int64 (n_tokens,), the innermost element of the text that follows the token

    @property
    def depth(self) -> np.ndarray:
        """int32 (n_elements,), 0 for a root."""
        return np.repeat(np.arange(len(self.level_starts) - 1, dtype=np.int32), np.diff(self.level_starts))


# ---- the tree ----


def broken_pages(kind: np.ndarray, name: np.ndarray, token_starts: np.ndarray) -> np.ndarray:
    """The pages whose tags don't pair up. Only raw text that holds "<" (`xmp`, `plaintext`) or odd names do that.

    kind, name: int32 (n_tokens,). token_starts: int64 (n_pages + 1,), no page is empty.
    """
    depth = np.cumsum(kind)
    before = depth[token_starts[:-1]] - kind[token_starts[:-1]]
    lowest = np.minimum.reduceat(depth, token_starts[:-1])
    broken = (depth[token_starts[1:] - 1] != before) | (lowest < before)
    if not broken.any():
        starts, ends = _pairs(kind, depth)
        wrong = starts[name[starts] != name[ends]]
        broken[np.searchsorted(token_starts, wrong, side="right") - 1] = True
    return np.flatnonzero(broken)


def _pairs(kind: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that open elements and those that close them, by depth, then in document order."""
    starts, ends = np.flatnonzero(kind == 1), np.flatnonzero(kind == -1)
    if depth.max(initial=0) <= np.iinfo(np.int16).max:  # a stable sort of 16-bit integers is a radix sort: linear
        depth = depth.astype(np.int16)
    starts = starts[np.argsort(depth[starts], kind="stable")]
    return starts, ends[np.argsort(depth[ends], kind="stable")]


def mended(tags: list[int], texts: list[str], table: TagTable) -> tuple[list[int], list[str]]:
    """Tags and the texts after them so that each start tag has its end tag: the slow way, for broken pages."""
    keys = list(table.rows)
    out_tags, out_texts = [table["html"]], [""]
    open_names: list[str] = []
    n_open: Counter[str] = Counter()
    for tag, text in zip(tags, texts, strict=True):
        kind, name = keys[tag][:2]
        if name == "html" or (kind < 0 and not n_open[name]):
            tag = table["!"]
        elif kind < 0:
            while (last := open_names.pop()) != name:
                n_open[last] -= 1
                out_tags.append(table["/" + last])
                out_texts.append("")
            n_open[name] -= 1
        elif kind > 0:
            open_names.append(name)
            n_open[name] += 1
        out_tags.append(tag)
        out_texts.append(text)
    ends = [table["/" + name] for name in reversed(open_names)] + [table["/html"]]
    return out_tags + ends, out_texts + [""] * len(ends)


def build_tree(kind: np.ndarray) -> Tree:
    """The tree of tokens that pair up (see `broken_pages`). kind: int32 (n_tokens,)."""
    depth = np.cumsum(kind)
    if depth.max() > MAX_LEVELS:
        kind = np.where(depth - (kind > 0) >= MAX_LEVELS, 0, kind)
        depth = np.cumsum(kind)
    start, end = _pairs(kind, depth)
    levels = np.searchsorted(depth[start], np.arange(1, depth.max() + 2))
    parent = np.empty(len(start), np.int64)
    parent[: levels[1]] = np.arange(levels[1])
    for above, here, below in zip(levels[:-2].tolist(), levels[1:-1].tolist(), levels[2:].tolist(), strict=True):
        parent[here:below] = np.searchsorted(start[above:here], start[here:below]) + (above - 1)
    of_token = np.full(len(kind), -1, np.int64)
    of_token[start] = np.arange(len(start))
    of_token[end] = parent
    last_known = np.maximum.accumulate(np.where(of_token >= 0, np.arange(len(kind)), 0))
    return Tree(start, end, parent, levels, of_token[last_known])


def distances(tree: Tree, own: np.ndarray) -> np.ndarray:
    """Steps from each element up to the nearest element of each family, itself included.

    own: uint8 (n_elements, n_families), 1 where the element is of the family.
    Returns uint8 (n_elements, n_families), NO_ANCESTOR where there is none.
    """
    near = np.empty_like(own)
    others = 1 - own
    levels = tree.level_starts.tolist()
    near[: levels[1]] = others[: levels[1]] * NO_ANCESTOR
    for here, below in zip(levels[1:-1], levels[2:], strict=True):
        level = near[tree.parent[here:below]]
        level += 1
        np.minimum(level, NO_ANCESTOR, out=level)
        level *= others[here:below]
        near[here:below] = level
    return near


def nearest(tree: Tree, own: np.ndarray) -> np.ndarray:
    """The nearest element of each kind, itself included.

    own: bool (n_elements, n_kinds). Returns int64 (n_elements, n_kinds), -1 where there is none.
    """
    found = np.where(own, np.arange(len(own))[:, None], -1)
    levels = tree.level_starts.tolist()
    for here, below in zip(levels[1:-1], levels[2:], strict=True):
        level = found[here:below]
        np.copyto(level, found[tree.parent[here:below]], where=level < 0)
    return found


def nesting(tree: Tree, own: np.ndarray) -> np.ndarray:
    """How many elements of each kind each element stands in, itself included.

    own: 0 or 1, (n_elements, n_kinds). Returns int32 of the same shape.
    """
    counts = own.astype(np.int32)
    levels = tree.level_starts.tolist()
    for here, below in zip(levels[1:-1], levels[2:], strict=True):
        counts[here:below] += counts[tree.parent[here:below]]
    return counts


def same_siblings(tree: Tree, signature: np.ndarray) -> np.ndarray:
    """The children of each element's parent that have its tag and class, itself included: int32 (n_elements,)."""
    # roots are their own parents, so that roots of different pages never count as siblings
    key = (tree.parent.astype(np.uint64) << np.uint64(32)) | signature
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.int32)


# ---- tokens and blocks of text ----


def _cut(html: str, table: TagTable) -> tuple[list[int], list[str]]:
    """The tags of a page, as rows of the table, and the text behind each."""
    cut = TAG.split(html)
    if len(cut) == 1:  # no tags at all
        cut = TAG.split("<html></html>")
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
    tags: TagColumns
    is_br: np.ndarray  # bool (n_tokens,)
    page_starts: np.ndarray  # int64 (n_pages + 1,), the token at which each page begins
    tree: Tree
    element_tag: np.ndarray  # int64 (n_elements,), rows of `tags`


def _joined(pages: list[tuple[list[int], list[str]]], table: TagTable) -> tuple[np.ndarray, np.ndarray, TagColumns]:
    """The tags of a batch (int64, rows of the table), where each page begins and the end, and the table's columns."""
    tag = np.concatenate([np.array(page_tags, np.int64) for page_tags, _ in pages])
    return tag, np.cumsum([0, *(len(page_tags) for page_tags, _ in pages)]), table.columns()


def _tokens(htmls: Sequence[str], tables: Tables) -> _Tokens:
    """The tokens of a batch, pages that don't pair up mended."""
    table = TagTable(tables)
    pages = [_cut(html, table) for html in htmls]
    tag, starts, tags = _joined(pages, table)
    for _ in range(2):  # pages of other numbers of end tags than start tags, then pages whose end tags close others
        broken = broken_pages(tags.kind[tag], tags.name[tag], starts).tolist()
        for page in broken:
            page_tags, page_texts = pages[page]
            pages[page] = mended(page_tags, page_texts, table)
        if broken:
            tag, starts, tags = _joined(pages, table)
    texts = list(chain.from_iterable(page_texts for _, page_texts in pages))
    tree = build_tree(tags.kind[tag])
    element_tag = tag[tree.start]
    left_out = tags.is_left_out[element_tag]
    if left_out.any():
        for place in np.flatnonzero(nesting(tree, left_out[:, None])[tree.of_token, 0]).tolist():
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
    """Joins the texts between block tags, custom elements with no text beside them, and `<br>` that part rows."""
    of_token, tags = tokens.tree.of_token, tokens.tags
    traits = np.stack([tags.is_pre, tags.is_one_line], axis=1)[tokens.element_tag]
    is_pre, is_one_line = (nesting(tokens.tree, traits) > 0).T
    with_text = np.flatnonzero(tokens.chars)
    breaks = tags.is_block[tokens.tag] | _custom_breaks(tokens, with_text)
    brs = np.cumsum(tokens.is_br & ~is_pre[of_token])
    block = np.cumsum(breaks)
    parts = _br_breaks(tokens, with_text, block, brs, is_one_line)
    block_of_text = block[with_text] + np.cumsum(parts)
    starts = np.flatnonzero(np.diff(block_of_text, prepend=-1))
    first = with_text[starts]
    last = with_text[np.append(starts[1:], len(with_text))[: len(starts)] - 1]
    leaf = of_token[first]
    in_pre = is_pre[leaf]
    # in preformatted text the spaces in front are those of the block: they begin where it does
    begins = np.maximum.accumulate(np.where(breaks, np.arange(len(breaks)), 0))[first]
    begins = np.where(in_pre, begins, first).tolist()
    texts = ["".join(tokens.texts[a:b]) for a, b in zip(begins, (last + 1).tolist(), strict=True)]
    texts = [
        _pre_lines(text) if pre else " ".join(text.split()) for text, pre in zip(texts, in_pre.tolist(), strict=True)
    ]
    page = np.searchsorted(tokens.page_starts, first, side="right") - 1
    return _Blocks(texts, page, leaf, with_text, starts)


def _custom_breaks(tokens: _Tokens, with_text: np.ndarray) -> np.ndarray:
    """bool (n_tokens,): tags of custom elements with no text directly beside them, so far and right behind."""
    tree, tags = tokens.tree, tokens.tags
    breaks = np.zeros(len(tokens.tag), bool)
    places = np.flatnonzero(tags.is_custom[tokens.tag] & (tags.kind[tokens.tag] != 0))
    if not len(places):
        return breaks
    own = (tags.is_block | tags.is_custom)[tokens.element_tag]
    owner = nearest(tree, own[:, None])[:, 0]
    first_text = np.full(len(owner), len(breaks))
    np.minimum.at(first_text, owner[tree.of_token[with_text]], with_text)
    starts = tags.kind[tokens.tag[places]] > 0
    around = np.where(starts, tree.parent[tree.of_token[places]], tree.of_token[places])
    breaks[places] = (first_text[owner[around]] >= places) & (starts | (tokens.chars[places] == 0))
    return breaks


def _br_breaks(
    tokens: _Tokens, with_text: np.ndarray, block: np.ndarray, brs: np.ndarray, is_one_line: np.ndarray
) -> np.ndarray:
    """bool (n_texts,): the texts before which `<br>` begins a row.

    block, brs: int64 (n_tokens,), the blocks and `<br>` so far. is_one_line: bool (n_elements,).
    """
    if not len(with_text):
        return np.zeros(0, bool)
    n_brs = np.diff(brs[with_text], prepend=brs[with_text[0]])
    same = np.diff(block[with_text], prepend=-1) == 0
    n_brs[~same] = 0
    parts = n_brs > 1
    begins = np.flatnonzero(~same | (n_brs > 0))
    line_chars = np.add.reduceat(tokens.chars[with_text], begins)
    for line, text in enumerate(begins.tolist()):
        if n_brs[text] == 1 and not is_one_line[tokens.tree.of_token[with_text[text]]]:
            before = tokens.texts[with_text[text - 1]].rstrip()
            goes_on = line_chars[line - 1] >= MIN_WRAPPED_CHARS and before[-1] not in SENTENCE_ENDS
            parts[text] = not (goes_on and SMALL_LETTER.match(tokens.texts[with_text[text]].lstrip()))
    return parts


def _pre_lines(text: str) -> str:
    """Preformatted text without blank lines around it and spaces at the ends of its lines."""
    return "\n".join([line.rstrip() for line in text.replace("\r", "").split("\n")]).strip("\n")


def _columns(tokens: _Tokens, blocks: _Blocks, tables: Tables) -> np.ndarray:
    """The DOM columns of the blocks of a batch, int32 (n_columns, n_blocks); float32 and uint32 as the same bits."""
    tree, tags, of_element = tokens.tree, tokens.tags, tokens.element_tag
    families = tags.families[of_element]
    near = distances(tree, families)
    is_link, is_list, is_table = (families[:, bit.bit_length() - 1] for bit in (tables.link, tables.list, tables.table))
    is_block = tags.is_block[of_element]
    siblings = same_siblings(tree, tags.signature[of_element])
    own = [is_block, is_link > 0, tags.token[of_element] > 0, siblings >= REPEATED_SIBLINGS, tags.is_row[of_element]]
    found = nearest(tree, np.stack(own, axis=1))
    lists_and_tables = nesting(tree, np.stack([is_list, is_table], axis=1))[blocks.leaf]
    page_token = tokens.page_starts[blocks.page]

    texts = _Shares(tokens, found[:, 1] >= 0)
    of_block, of_link, of_token, of_repeat, of_row = found.T
    block = of_block[blocks.leaf]
    container = of_block[tree.parent[block]]
    container2 = of_block[tree.parent[container]]
    token, repeat, row = of_token[blocks.leaf], of_repeat[block], of_row[blocks.leaf]
    token_up = np.where(token >= 0, of_token[tree.parent[token]], -1)
    depth = tree.depth
    page_chars = np.maximum(texts.chars[tree.of_token[page_token]], 1)
    columns = (
        tags.tag[of_element[block]], depth[block], tree.start[block] - page_token,
        np.where(row >= 0, tree.start[row] - page_token, 0), *lists_and_tables.T, *texts.of_blocks(blocks, of_link),
        siblings[block], np.where(repeat >= 0, siblings[repeat], 0),
        np.where(repeat >= 0, depth[block] - depth[repeat], NO_ANCESTOR),
        np.where(repeat >= 0, texts.chars[repeat], np.float32(0)),
        np.where(repeat >= 0, texts.link_share[repeat], np.float32(0)),
        tree.start[container] - page_token, texts.chars[container] / page_chars, texts.link_share[container],
        tree.start[container2] - page_token, texts.chars[container2] / page_chars, texts.link_share[container2],
        np.where(token >= 0, tags.token[of_element[token]], np.uint32(0)),
        np.where(token_up >= 0, tags.token[of_element[token_up]], np.uint32(0)),
        tags.signature[of_element[block]], tags.signature[of_element[container]], *near[blocks.leaf].T,
    )  # fmt: skip
    return np.stack([_bits(column) for column in columns])


def _bits(column: np.ndarray) -> np.ndarray:
    """int32: whole numbers, or the bits of float32 and uint32."""
    return column.view(np.int32) if column.dtype in (np.float32, np.uint32) else column.astype(np.int32)


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
    def _of_elements(token_chars: np.ndarray, tree: Tree) -> np.ndarray:
        """float32 (n_elements,): the characters between an element's start and end."""
        before = np.concatenate([[0], np.cumsum(token_chars)])
        return (before[tree.end] - before[tree.start]).astype(np.float32)

    def of_blocks(self, blocks: _Blocks, of_link: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Characters and link characters (float32), links (int32). of_link: each element's nearest <a>, or -1."""
        if not len(blocks.starts):
            return np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32)
        chars, link_chars = (
            np.add.reduceat(of_token[blocks.with_text], blocks.starts).astype(np.float32)
            for of_token in (self.token_chars, self.token_link_chars)
        )
        link = of_link[self.of_token[blocks.with_text]]
        is_new = np.diff(link, prepend=-1) != 0
        is_new[blocks.starts] = True
        links = np.add.reduceat((is_new & (link >= 0)).astype(np.int32), blocks.starts)
        return chars, link_chars, links


# ---- what bounds.py asks of a page before it is parsed ----

TAG_NAME = re.compile(rb"<[a-zA-Z]")
QUOTED_OR_END = re.compile(rb"""=[\t-\r ]*(?:"[^"]*"|'[^']*')|[\s\x1c-\x1f/]|>""")


def survey(html: bytes, names: bytes, rare: bytes, short: int) -> tuple[int, int, int, tuple[int, ...]]:
    """What a page has before it is parsed.

    How many "<"; how many attributes a start tag of more than `short` bytes has, at most; how many start tags of these
    names (parted by spaces), at most; how many of each of the rare names.
    """
    places = np.flatnonzero(np.frombuffer(html, np.uint8) == ord("<"))
    long_tags = np.flatnonzero(np.diff(places, append=len(html)) > short).tolist()
    places_and_end = [*places.tolist(), len(html)]
    n_attributes = max((_most_attributes(html, *places_and_end[tag : tag + 2]) for tag in long_tags), default=0)
    wanted = b"|".join([*names.split(), *rare.split()])
    starts = Counter(name.lower() for name in re.findall(b"<(" + wanted + rb")(?=[\s/>])", html, re.I))
    n_starts = sum(starts[name] for name in names.split())
    return len(places), n_attributes, n_starts, tuple(starts[name] for name in rare.split())


def _most_attributes(html: bytes, start: int, limit: int) -> int:
    """How many attributes the start tag at `start` has, at most; 0 where none begins there."""
    if not TAG_NAME.match(html, start, limit):
        return 0
    n = 1
    for found in QUOTED_OR_END.finditer(html, start + 1, limit):
        if found[0] == b">":
            break
        n += 1
    return n
