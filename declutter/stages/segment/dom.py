"""The element tree of many pages at once, as numpy columns, and the tables that say what tags and classes mean.

A page that lexbor parsed and wrote out again is well formed: every start tag has its end tag, attribute values
never hold "<", ">" or quotes. So a list of its tags in document order is the tree, depth is a running sum, and
whatever flows from ancestors to descendants is computed one level at a time for all the pages of a batch. Each
distinct tag is read once (`TagTable`); a page has about 2,500 tags, 560 of them distinct.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

import numpy as np

#: A distance to an ancestor that isn't there. Real distances are 0 (the element itself) to 63.
NO_ANCESTOR = 64
#: Elements whose text begins on a line of its own.
BLOCK_TAGS = frozenset(
    "address article aside blockquote body button caption center dd details dialog dir div dl dt fieldset figcaption"
    " figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html label legend li listing main menu nav"
    " noscript ol optgroup option p plaintext pre search section select summary table tbody td textarea tfoot th thead"
    " tr ul xmp".split()
)
VOID_TAGS = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
#: Elements whose text is no text of the page (html.py leaves `script` and the like out before).
LEFT_OUT_TAGS = frozenset("audio canvas datalist math object template video".split())
#: Where lines and runs of spaces mean something.
PRE_TAGS = frozenset("pre listing plaintext textarea xmp".split())
#: What the column `tag` can be: the row's nearest block element. 0 is any other.
TAG_CODES = {
    tag: code
    for code, tag in enumerate(
        "other p h1 h2 h3 h4 h5 h6 li td th div pre figcaption button label dt dd blockquote section article a span"
        " option summary caption header footer aside nav main form noscript body ul table address textarea".split()
    )
}

IS_BLOCK, IS_PRE, IS_ROW, IS_BR, IS_LEFT_OUT, IS_VOID = (1 << place for place in range(6))
CODE_SHIFT = 8
_SETS = {
    IS_BLOCK: BLOCK_TAGS, IS_PRE: PRE_TAGS, IS_ROW: {"tr"}, IS_BR: {"br"}, IS_LEFT_OUT: LEFT_OUT_TAGS,
    IS_VOID: VOID_TAGS,
}  # fmt: skip
#: What each tag is, as bits, and its TAG_CODES above them; any other tag is nothing of it. kernels/html.c reads this.
TRAITS = {
    tag: sum(bit for bit, tags in _SETS.items() if tag in tags) | TAG_CODES.get(tag, 0) << CODE_SHIFT
    for tag in (*TAG_CODES, *frozenset().union(*_SETS.values()))
}

#: family: (the tags it covers, the roles). One column `near_<family>` each.
TAG_FAMILIES = {
    "article": ("article", "article"),
    "main": ("main", "main"),
    "nav": ("nav menu", "navigation menu menubar tablist toolbar"),
    "aside": ("aside", "complementary note"),
    "footer": ("footer", "contentinfo"),
    "header": ("header hgroup", "banner"),
    "form": ("form fieldset", "form search"),
    "list": ("ul ol dl", "list listbox feed"),
    "item": ("li dd dt", "listitem option"),
    "table": ("table", "table grid"),
    "figure": ("figure figcaption picture", "figure img"),
    "section": ("section", "region tabpanel"),
    "heading": ("h1 h2 h3 h4 h5 h6", "heading"),
    "control": ("button label select option textarea legend", "button switch checkbox tab combobox"),
    "link": ("a", "link"),
    "quote": ("blockquote q cite", ""),
    "code": ("pre code listing plaintext samp xmp kbd", ""),
    "dialog": ("dialog", "dialog alertdialog alert status tooltip"),
    "noscript": ("noscript", ""),
    "time": ("time", ""),
}
#: family: the words of a class or id that tell it (split at punctuation, digits and capitals, lower-cased); a word
#: ending in * stands for all that begin so. One column `near_c_<family>` each.
CLASS_FAMILIES = {
    "content": "content contents body text txt copy prose richtext rte markdown wysiwyg main primary",
    "article": "article articlebody articlesbody post posts entry story storybody single hentry blogpost postbody"
    " postcontent blog",
    "comment": "comment comments commentlist disqus respond reply replies discussion guestbook commentary",
    "forum": "thread threads message messages msg topic topics forum answer answers question qa postbit lia bbcode",
    "share": "share shares sharing social socials addthis addtoany facebook twitter whatsapp linkedin pinterest follow",
    "related": "related recommend* latest popular trending similar more recent readmore mostread recirc* upsell"
    " crosssell suggest* seealso outbrain taboola next previous prev",
    "nav": "nav navbar navsbar navigation navi menu* submenu breadcrumb breadcrumbs crumb crumbs pager paging"
    " pagination toc tab tabs dropdown megamenu skip topbar toolbar",
    "header": "header masthead head hdr banner hero jumbotron logo brand",
    "footer": "footer foot ftr bottom colophon copyright copyrights",
    "legal": "legal cookie cookies consent gdpr ccpa onetrust privacy terms disclaimer license imprint",
    "promo": "promo* newsletter newsletters subscri* signup optin cta offer offers deal deals donat* paywall campaign"
    " mailchimp",
    "ad": "ad ads adv advert* adsense dfp gpt sponsor* sponsored commercial adunit adslot banners",
    "popup": "popup* modal* overlay lightbox toast drawer offcanvas dialog flyout tooltip alert notice",
    "sidebar": "sidebar* side rail aside widget widgets secondary complementary sidenav",
    "caption": "caption captions credit credits figcaption photo gallery slideshow carousel slider swiper slick image"
    " images img",
    "author": "author authors byline* writer contributor bio avatar profile user username member",
    "date": "date dates time timestamp datetime published pubdate posted updated meta metadata info details",
    "tags": "tag tags tagcloud categories category cat label labels keywords taxonomy badge",
    "product": "product products sku cart basket price prices pricing buy shop shopping rating ratings stars stock"
    " variant*",
    "review": "review reviews testimonial testimonials feedback",
    "description": "desc description descriptions summary abstract intro lead lede overview spec specs specifications"
    " feature features standfirst deck excerpt teaser subtitle about",
    "title": "title titles headline headlines heading headings ttl name",
    "card": "card cards item items tile tiles teaser teasers grid list listing result results row cell col box block"
    " feed stream",
    "form": "form forms input field search searchbox login signin register account contact filter filters facet facets"
    " sort",
    "faq": "faq faqs accordion* collapse panel expand* toggle",
    "hidden": "hidden hide invisible none sr screenreader visuallyhidden offscreen print noprint a11y assistive",
}
#: family: the itemprop values (schema.org), lower-cased. One column `near_i_<family>` each.
ITEM_FAMILIES = {
    "body": "articlebody text reviewbody description mainentityofpage acceptedanswer suggestedanswer abstract",
    "title": "headline name alternativeheadline",
    "meta": "author datepublished datemodified publisher image url creator datecreated keywords articlesection",
    "product": "price offers sku brand aggregaterating ratingvalue pricecurrency availability review",
}
#: family: words of a class or id that tell a dialog about cookies: names of consent platforms; of what is asked for;
#: and words that tell one only beside each other. One column `near_d_<family>` each, which the rules read.
DIALOG_FAMILIES = {
    "platform": "onetrust cookiebot usercentrics cmplz didomi cky cookieyes osano iubenda borlabs klaro axeptio truste"
    " tarteaucitron cookiescript termly ketch cookieconsent cookiebanner cookiebar cookienotice cookielaw cookiemodal",
    "consent": "consent gdpr ccpa",
    "cookie": "cookie cookies",
    "notice": "banner bar law notice info message modal* popup* overlay dialog settings alert disclaimer warning",
}
#: The columns of distances, in order; `hidden` is a hidden attribute, aria-hidden or an inline style that hides.
FAMILIES = (
    *TAG_FAMILIES,
    *(f"c_{name}" for name in CLASS_FAMILIES),
    *(f"i_{name}" for name in ITEM_FAMILIES),
    "hidden",
    *(f"d_{name}" for name in DIALOG_FAMILIES),
)
BITS = {family: 1 << place for place, family in enumerate(FAMILIES)}
TAG_BITS = {tag: BITS[family] for family, (tags, _) in TAG_FAMILIES.items() for tag in tags.split()}
ROLE_BITS = {role: BITS[family] for family, (_, roles) in TAG_FAMILIES.items() for role in roles.split()}
ITEM_BITS = {prop: BITS[f"i_{family}"] for family, props in ITEM_FAMILIES.items() for prop in props.split()}
WORD_BITS: dict[str, int] = {}
for _prefix, _families in (("c_", CLASS_FAMILIES), ("d_", DIALOG_FAMILIES)):
    for _family, _words in _families.items():
        for _word in _words.split():
            WORD_BITS[_word] = WORD_BITS.get(_word, 0) | BITS[_prefix + _family]
PREFIX_BITS = [(word[:-1], WORD_BITS.pop(word)) for word in list(WORD_BITS) if word.endswith("*")]

#: An attribute of a serialised tag. Names may hold quotes (title="Nike" shoes"="").
ATTRIBUTE = re.compile(r' ([^ ][^ =]*)="([^"]*)"')
HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I | re.A)
#: Characters of a class, id, role or itemprop that are read.
MAX_NAME_CHARS = 160
HASH_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
HASH_BASE_INVERSE = pow(HASH_BASE, -1, 1 << 64)


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


_WORDS = _WordTable(WORD_BITS)
#: By length, so that the beginnings of all words are hashed once for each length.
_PREFIXES = {
    size: _WordTable({prefix: bits for prefix, bits in PREFIX_BITS if len(prefix) == size})
    for size in {len(prefix) for prefix, _ in PREFIX_BITS}
}


def class_bits(names: list[str]) -> np.ndarray:
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
    _WORDS.add_bits(word_bits, words, hashes.of(starts, ends))
    for size, table in _PREFIXES.items():
        longer = words[ends - starts >= size]
        table.add_bits(word_bits, longer, hashes.of(starts[longer], starts[longer] + size))
    sums = np.zeros(len(names), np.uint64)
    name_of_word = np.searchsorted(np.flatnonzero(octets == 0), starts)
    np.bitwise_or.at(sums, name_of_word, word_bits)
    return sums


def kernel_tables() -> tuple:
    """The tables of this file as kernels/html.c takes them."""
    dictionaries = (TRAITS, TAG_BITS, WORD_BITS, dict(PREFIX_BITS), ROLE_BITS, ITEM_BITS)
    octets = ({word.encode(): value for word, value in dictionary.items()} for dictionary in dictionaries)
    return *octets, len(FAMILIES), *(BITS[family] for family in ("link", "list", "table", "hidden"))


class TagTable(dict):
    """Serialised tags ('div class="x"', '/div') -> their row in the columns that `columns()` gives.

    Tags that differ only in attributes which nothing reads share a row. Attributes of void elements are not read.
    """

    def __init__(self):
        super().__init__()
        self.rows: dict[tuple, int] = {}

    def __missing__(self, tag: str) -> int:
        row = self[tag] = self.rows.setdefault(self._key(tag), len(self.rows))
        return row

    @staticmethod
    def _key(tag: str) -> tuple:
        """(kind, name, classes, id, role, itemprop, is hidden) of a tag."""
        if tag[:1] == "/":
            return -1, tag[1:], "", "", "", "", False
        name, space, _ = tag.partition(" ")
        if name in VOID_TAGS or name[:1] in "!?":
            return 0, name if name in VOID_TAGS else "!", "", "", "", "", False
        if not space:
            return 1, name, "", "", "", "", False
        # the first of its name counts
        found = dict(reversed(ATTRIBUTE.findall(tag, len(name))))
        read = (found.get(attribute, "")[:MAX_NAME_CHARS] for attribute in ("class", "id", "role", "itemprop"))
        hidden = "hidden" in found or found.get("aria-hidden") == "true"
        if not hidden and "style" in found:
            hidden = HIDING_STYLE.search(found["style"][:MAX_NAME_CHARS]) is not None
        return 1, name, *read, hidden

    def columns(self) -> TagColumns:
        """The rows so far as arrays."""
        kinds, names, classes, idents, roles, itemprops, hidden = zip(*self.rows, strict=True)
        distinct = {name: number for number, name in enumerate(dict.fromkeys(names))}
        name, kind = np.array([distinct[name] for name in names], np.int32), np.array(kinds, np.int32)
        bits = class_bits([f"{a} {b}" for a, b in zip(classes, idents, strict=True)])
        tag_bits = np.array([TAG_BITS.get(name, 0) for name in distinct], np.uint64)
        bits |= np.where(kind > 0, tag_bits[name], 0).astype(np.uint64)
        bits |= np.where(hidden, BITS["hidden"], 0).astype(np.uint64)
        for row, (role, itemprop) in enumerate(zip(roles, itemprops, strict=True)):
            if role or itemprop:
                props = [ITEM_BITS.get(prop, 0) for prop in itemprop.lower().split()]
                bits[row] |= np.bitwise_or.reduce([ROLE_BITS.get(role, 0), *props], dtype=np.uint64)
        # distances of one batch are computed for all families at once: bits become 0/1 columns
        unpacked = np.unpackbits(bits.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        firsts = [(a.split(" ", 1)[0] or b).encode() for a, b in zip(classes, idents, strict=True)]
        traits = np.array([TRAITS.get(name, 0) for name in distinct], np.int32)[name]
        return TagColumns(
            kind=kind,
            name=name,
            is_block=traits & IS_BLOCK > 0,
            tag=traits >> CODE_SHIFT,
            is_pre=traits & IS_PRE > 0,
            is_row=traits & IS_ROW > 0,
            is_br=traits & IS_BR > 0,
            is_left_out=traits & IS_LEFT_OUT > 0,
            families=unpacked[:, : len(FAMILIES)].copy(),
            token=np.array(list(map(crc32, firsts)), np.uint32),
            signature=np.array([crc32(f"{a} {b}".encode()) for a, b in zip(names, classes, strict=True)], np.uint32),
        )


@dataclass(frozen=True, slots=True)
class TagColumns:
    """The distinct tags of a batch, one row each."""

    kind: np.ndarray  # int32 (n_tags,), 1 start tag, -1 end tag, 0 void element, comment
    name: np.ndarray  # int32 (n_tags,), the same for a start tag and its end tag
    is_block: np.ndarray  # bool (n_tags,)
    tag: np.ndarray  # int32 (n_tags,), TAG_CODES
    is_pre: np.ndarray  # bool (n_tags,)
    is_row: np.ndarray  # bool (n_tags,), <tr>
    is_br: np.ndarray  # bool (n_tags,), <br>
    is_left_out: np.ndarray  # bool (n_tags,), its text is no text of the page
    families: np.ndarray  # uint8 (n_tags, len(FAMILIES)), 0 or 1
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


#: Elements deeper than this are seen as part of their ancestor. `bounds.MAX_DEPTH` start tags, with the elements that
#: the parser adds (tbody, tr), stay below it.
MAX_LEVELS = 2_500


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
    # a stable sort of 16-bit integers is a radix sort: linear
    starts = starts[np.argsort(depth[starts].astype(np.int16), kind="stable")]
    return starts, ends[np.argsort(depth[ends].astype(np.int16), kind="stable")]


def mended(tags: list[int], texts: list[str], table: TagTable) -> tuple[list[int], list[str]]:
    """Tags and the texts after them so that each start tag has its end tag: the slow way, for broken pages."""
    keys = list(table.rows)
    out_tags, out_texts, open_names = [table["html"]], [""], []
    for tag, text in zip(tags, texts, strict=True):
        kind, name = keys[tag][:2]
        if name == "html" or (kind < 0 and name not in open_names[-MAX_LEVELS:]):
            tag = table["!"]
        elif kind < 0:
            while (last := open_names.pop()) != name:
                out_tags.append(table["/" + last])
                out_texts.append("")
        elif kind > 0:
            open_names.append(name)
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
