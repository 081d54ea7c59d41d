"""Labels of a dump's lines, from the DOM of the HTML page that the dump came from.

The page's blocks get labels from their elements (tags, roles, class and id names, link targets, lists of links) where
those are clear, and the lines of any dump of the page take the labels of the blocks whose tokens they hold. What is
main content comes from the gold alone, aligned with the dump itself.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from lxml import etree

from declutter.train.align import DROP, KEEP, UNDECIDED, align, labels_from, match
from declutter.train.dumps import BLOCKS, Block, parse, walk
from declutter.train.f1 import bag_f1, token_list, tokens

#: Names that sites give to parts of a page, in the words of class and id attributes. Where names of several families
#: stand over a line, the family listed first wins: a date among the comments is part of the comments. "menu" is the
#: navigation that says so most plainly.
CLASS_FAMILIES = {
    "comments": r"comment\w*|disqus\w*|respond|repl(?:y|ies)|discussion|kommentar\w*|comentario\w*|commentaire\w*"
    r"|yorum\w*|livere|utterances|giscus|cusdis|trackbacks?|guestbook",
    "headlines": r"related\w*|yarpp\w*|latest\w*|recent\w*|popular\w*|trending|most-?(?:read|viewed|commented)\w*"
    r"|recommend\w*|similar\w*|teasers?|(?:more|other|top)-?(?:news|articles?|stories|posts)|read-?(?:also|more|next)"
    r"|you-m(?:ay|ight)|also-like|outbrain|taboola|zergnet|news-?(?:list|feed|ticker)|onward|top-?stories",
    "promo": r"share\w*|sharing|social\w*|addthis\w*|addtoany|a2a|newsletter\w*|subscri\w*|sign-?up|ads?|advert\w*"
    r"|adsense|adsbygoogle|dfp|sponsor\w*|promo\w*|cta|donat\w*|paywall|follow\w*|app-?store|coupons?|campaign",
    "caption": r"caption\w*|figcaption|wp-caption\w*|credits?|(?:photo|image|img)-?(?:credit|by|source|desc\w*)",
    "legal": r"cookies?\w*|gdpr|ccpa|consent\w*|copyright\w*|legal|disclaimer\w*|privacy|terms|licen[cs]e\w*|imprint"
    r"|impressum",
    "byline": r"byline\w*|authors?\w*|date|datetime|dateline|time|timestamp|published|pubdate|posted\w*|updated"
    r"|modified|meta|post-?meta|entry-?meta|writer|reporter|vcard|read(?:ing)?-time|source",
    "menu": r"nav\w*|menu\w*|submenu|breadcrumbs?|crumbs?|pagina\w*|pager",
    "navigation": r"toc|skip\w*|search\w*|lang\w*|tags?"
    r"|tag-?(?:cloud|list)|categor\w*|cat-links|topics?|archives?|sitemap|tabs?|toolbar|masthead|log-?in|logo"
    r"|branding|site-(?:title|name|header|description)|topbar|drawer|hamburger|back-to-top|prev|next|previous",
}
CLASS_PATTERNS = {label: re.compile(rf"-(?:{names})(?=-)") for label, names in CLASS_FAMILIES.items()}
PRECEDENCE = tuple(CLASS_FAMILIES)

TAG_LABELS = {"nav": "menu", "figure": "caption", "figcaption": "caption", "time": "byline", "address": "byline"}
ROLE_LABELS = dict.fromkeys(("navigation", "search", "menu", "menubar", "tablist", "toolbar"), "menu")
ITEMPROP_LABELS = {
    "author": "byline", "datepublished": "byline", "datemodified": "byline", "datecreated": "byline",
    "comment": "comments", "caption": "caption", "breadcrumb": "menu",
}  # fmt: skip
REL_LABELS = {"author": "byline", "tag": "navigation", "next": "navigation", "prev": "navigation", "license": "legal"}
HREF_LABELS = (
    (
        "promo",
        re.compile(r"sharer|/intent/|/share\b|[?&]share=|\bt\.me/|wa\.me/|api\.whatsapp|addtoany", re.IGNORECASE),
    ),
    ("legal", re.compile(r"privacy|/terms|cookie|imprint|impressum|/legal|disclaimer|gdpr|datenschutz", re.IGNORECASE)),
)
COPYRIGHT = re.compile(r"©|\(c\)\s*\d{4}|\bcopyright\b|all rights reserved", re.IGNORECASE)
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})

MAX_MAIN_SHARE = 0.02  # a part of the page that holds more of the main content isn't named after its boilerplate
MAX_PAGE_SHARE = 0.5  # one that holds more of the page is the page
MAX_BYLINE_WORDS, MAX_CAPTION_WORDS, MAX_COPYRIGHT_WORDS = 25, 80, 60
NEAR_MAIN_BLOCKS = 12  # bylines and captions stand so near to main content; the dates of other articles don't
LINK_SHARE = 0.8  # a line is a link from this share of its characters
MENU_WORDS, HEADLINE_WORDS = 3.0, 5.0  # links up to so long make menus, from so long on headlines
LONG_LINK_WORDS = 6.0  # links in menus are headlines from so long on
CHARACTERS_A_WORD = 2.0  # in scripts written without spaces
LISTED = frozenset({"navigation", "headlines", "comments", "promo"})  # labels that come in lists
MAX_UNMATCHED = 12  # the same for lines of a dump, blank ones included, that no block was found for
MAX_BETWEEN = 3  # unnamed blocks in a row that take the label of the blocks round them
MIN_TITLE_TOKENS, TITLE_PART = 3, 0.4  # a part of a title element that is the title
TITLE_F1 = 0.8  # tokens that a title shares with the page's h1 or title element


@dataclass(frozen=True, slots=True)
class PageBlocks:
    """The blocks of one page in order, with their labels by the DOM."""

    texts: tuple[str, ...]
    labels: tuple[str | None, ...]  # None where the DOM doesn't say
    titles: tuple[str, ...]  # h1 and title elements, og:title


class LineLabels(NamedTuple):
    """The lines of a dump."""

    labels: list[str | None]  # None for blank and undecided lines, and for boilerplate of an unknown kind
    is_main: np.ndarray  # int8 (n_lines,): 1 main content, 0 boilerplate, -1 undecided or blank
    # A title is undecided where the gold leaves it out, as WCXB does on three pages in four.


def label_lines(blocks: PageBlocks, dump: str, main_text: str, has_title: bool = True) -> LineLabels:
    """Labels for the lines of `dump.split("\\n")`; `blocks` are those of the page that the dump came from.

    A headline that the gold's text lacks is undecided, and so is every line with the same words where the gold is one
    without titles (`has_title` false).
    """
    lines = dump.split("\n")
    is_main = labels_from(align(lines, main_text))
    is_main[[not line.strip() for line in lines]] = UNDECIDED
    block_of = match(lines, blocks.texts)
    labels = [
        blocks.labels[block] if main == DROP and block >= 0 else "body" if main == KEEP else None
        for main, block in zip(is_main.tolist(), block_of.tolist(), strict=True)
    ]
    unmatched = (block_of < 0) & (is_main != KEEP)
    _fill_between(labels, unmatched, max_lines=MAX_UNMATCHED)
    for row in np.flatnonzero(is_main == UNDECIDED):
        labels[row] = None
    title = _title_line(lines, is_main, blocks.titles)
    if title is not None:
        labels[title] = "title"
        if is_main[title] == DROP:
            is_main[title] = UNDECIDED
            if not has_title:
                is_main[_same_tokens(lines, title) & (is_main == DROP)] = UNDECIDED
    return LineLabels(labels, is_main)


def _same_tokens(lines: Sequence[str], row: int) -> np.ndarray:
    """bool (n_lines,): the lines with the tokens of the one at `row`."""
    wanted = tokens(lines[row])
    return np.array([tokens(line) == wanted for line in lines], bool)


def _title_line(lines: Sequence[str], is_main: np.ndarray, titles: Sequence[str]) -> int | None:
    """The line that says what the page's own titles say: one of the first of the main content, or else, where the
    gold leaves titles out, the nearest of the lines before it."""
    with_tokens = np.array([bool(token_list(line)) for line in lines])
    main = np.flatnonzero((is_main == KEEP) & with_tokens)
    before = np.flatnonzero((is_main == DROP) & with_tokens & (np.arange(len(lines)) < min(main, default=0)))
    wanted = [tokens(title) for title in titles]
    for row in (*main[:4].tolist(), *before[: -NEAR_MAIN_BLOCKS - 1 : -1].tolist()):
        line = tokens(lines[row])
        if any(_says_title(line, title) for title in wanted):
            return row
    return None


def _says_title(line: Counter[str], title: Counter[str]) -> bool:
    """A line says a title if it is it, nearly, or a large part of it (a title element often names the site too)."""
    is_part = line <= title and line.total() >= max(MIN_TITLE_TOKENS, TITLE_PART * title.total())
    return is_part or bag_f1(line, title) >= TITLE_F1


def label_blocks(html: str, main_text: str) -> PageBlocks:
    """The label that the DOM gives each block of a page that isn't main content."""
    root = parse(html)
    blocks = list(walk(root))
    texts = tuple(block.text for block in blocks)
    is_main = labels_from(align(texts, main_text)) != DROP
    page = _Page(blocks, is_main)
    labels = [None if main else page.label(row) for row, main in enumerate(is_main.tolist())]
    _label_link_lists(page, labels)
    _label_between(page, labels)
    return PageBlocks(texts, tuple(labels), _titles(root))


def _titles(root: etree._Element | None) -> tuple[str, ...]:
    if root is None:
        return ()
    found = ["".join(element.itertext()).strip() for element in root.iter("title", "h1")]
    found += [element.get("content", "") for element in root.iter("meta") if element.get("property") == "og:title"]
    return tuple(dict.fromkeys(title for title in found if title))


class _Page:
    """The blocks of a page with what is asked of them more than once."""

    def __init__(self, blocks: Sequence[Block], is_main: np.ndarray):
        self.blocks = blocks
        self.is_main = is_main
        self.words = [_count_words(block.text) for block in blocks]
        self.parents = [_container(block) for block in blocks]
        self.is_link = [_link_share(block) >= LINK_SHARE for block in blocks]
        self.page_words: dict[etree._Element, float] = defaultdict(float)
        self.main_words: dict[etree._Element, float] = defaultdict(float)
        for parent, words, main in zip(self.parents, self.words, is_main.tolist(), strict=True):
            for element in (parent, *parent.iterancestors()):
                self.page_words[element] += words
                if main:
                    self.main_words[element] += words
        self.all_words = sum(self.words)
        self.all_main_words = sum(words for words, main in zip(self.words, is_main.tolist(), strict=True) if main)
        main_rows = np.flatnonzero(is_main)
        near = np.searchsorted(main_rows, np.arange(len(blocks)) + [[-NEAR_MAIN_BLOCKS], [NEAR_MAIN_BLOCKS + 1]])
        self.is_near_main = near[0] < near[1]

    def label(self, row: int) -> str | None:
        """What the elements over a block say it is."""
        named = self._named(row)
        wide = [label for label in ("comments", "headlines", "promo") if label in named]
        if "menu" in named and self.is_link[row] and self.words[row] <= MENU_WORDS:  # noqa: SIM102
            if named.index("menu") < min((named.index(label) for label in wide), default=len(named)):
                return "navigation"  # a menu inside a list of headlines, not headlines in a menu
        for label in PRECEDENCE:
            if label in named and self._fits(row, label):
                return label if label not in ("menu", "navigation") else self._menu_or_headline(row)
            if label == "caption" and self._is_copyright(row):
                return "legal"
        return None

    def _menu_or_headline(self, row: int) -> str:
        """Menus and tag lists hold short links; a long link in one is the headline of an article it shows."""
        return "headlines" if self.is_link[row] and self.words[row] >= LONG_LINK_WORDS else "navigation"

    def _is_copyright(self, row: int) -> bool:
        return self.words[row] <= MAX_COPYRIGHT_WORDS and COPYRIGHT.search(self.blocks[row].text) is not None

    def _fits(self, row: int, label: str) -> bool:
        if label == "byline":
            return bool(self.is_near_main[row]) and self.words[row] <= MAX_BYLINE_WORDS
        if label == "caption":
            return bool(self.is_near_main[row]) and self.words[row] <= MAX_CAPTION_WORDS
        return True

    def _named(self, row: int) -> list[str]:
        """The labels of the elements over a block, the innermost first."""
        block, named = self.blocks[row], []
        if self.is_link[row]:
            named += _link_labels(block)
        inline = [element for _, element in block.pieces if element is not self.parents[row]]
        if len(block.pieces) == 1 or len({id(element) for element in inline}) == 1:
            named += [label for element in inline[:1] for label in _element_labels(element)]
        for element in (self.parents[row], *self.parents[row].iterancestors()):
            if element.tag in ("body", "html") or self.page_words[element] > MAX_PAGE_SHARE * self.all_words:
                break
            if self.main_words[element] > MAX_MAIN_SHARE * self.all_main_words:
                break
            named += _element_labels(element)
            if element.tag in ("header", "footer") and not self.main_words[element] and self.is_link[row]:
                named += ["navigation"] * (self.words[row] <= MENU_WORDS)
        return named


def _container(block: Block) -> etree._Element:
    """The block-level element that a block stands in."""
    element = block.pieces[0][1]
    for text, owner in block.pieces:
        if text.strip():
            element = owner
            break
    while element.tag not in BLOCKS and element.getparent() is not None:
        element = element.getparent()
    return element


def _count_words(text: str) -> float:
    """Words of a line; characters of scripts without spaces count as parts of one."""
    found = token_list(text)
    singles = sum(len(token) == 1 and ord(token) > 0xE00 for token in found)
    return len(found) - singles + singles / CHARACTERS_A_WORD


def _link_share(block: Block) -> float:
    """Share of a block's characters that stand inside links."""
    linked = whole = 0
    for text, element in block.pieces:
        n_chars = len(text.strip())
        whole += n_chars
        if n_chars and _link_over(element) is not None:
            linked += n_chars
    return linked / whole if whole else 0.0


def _link_over(element: etree._Element) -> etree._Element | None:
    """The link that an element stands in, looked for up to four steps above (cards are links round blocks)."""
    for _ in range(5):
        if element is None:
            return None
        if element.tag == "a":
            return element if element.get("href") else None
        element = element.getparent()
    return None


def _link_labels(block: Block) -> list[str]:
    """What the link that a block consists of says by its target and relation."""
    link = next((over for text, element in block.pieces if text.strip() and (over := _link_over(element)) is not None))
    target = link.get("href", "")
    labels = [label for label, pattern in HREF_LABELS if pattern.search(target)]
    return labels + [REL_LABELS[name] for name in link.get("rel", "").lower().split() if name in REL_LABELS]


def _element_labels(element: etree._Element) -> list[str]:
    """The labels that an element's tag, role, microdata, class and id stand for."""
    labels = [TAG_LABELS[element.tag]] if element.tag in TAG_LABELS else []
    role, itemprop = element.get("role", "").lower(), element.get("itemprop", "").lower()
    labels += [table[name] for table, name in ((ROLE_LABELS, role), (ITEMPROP_LABELS, itemprop)) if name in table]
    return labels + list(_name_labels(f"{element.get('class', '')} {element.get('id', '')}"))


@lru_cache(maxsize=100_000)
def _name_labels(names: str) -> tuple[str, ...]:
    """The families that class and id names belong to."""
    if not names.strip():
        return ()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", names)
    hyphened = f"-{re.sub(r'[^a-z0-9]+', '-', words.lower())}-"
    return tuple(label for label, pattern in CLASS_PATTERNS.items() if pattern.search(hyphened))


def _label_link_lists(page: _Page, labels: list[str | None]) -> None:
    """Name blocks that the DOM left unnamed by the list of links they stand in."""
    is_link, words = np.array(page.is_link, dtype=bool), np.array(page.words)
    as_menu, as_headline = is_link & (words <= MENU_WORDS), is_link & (words >= HEADLINE_WORDS)
    outside = ~page.is_main
    for row, label in enumerate(labels):
        if label is not None or page.is_main[row] or not page.is_link[row]:
            continue
        around = slice(max(0, row - 4), row + 5)
        if as_menu[row] and (as_menu & outside)[around].sum() >= 4:
            labels[row] = "navigation"
        elif as_headline[row] and ((as_headline & outside)[around].sum() >= 3 or page.is_near_main[row]):
            labels[row] = "headlines"


def _label_between(page: _Page, labels: list[str | None]) -> None:
    """Name the heading over a list as the list, and up to MAX_BETWEEN blocks between two of one kind as they are."""
    for row in range(len(labels) - 2):
        is_heading = page.parents[row].tag in HEADINGS and not page.is_link[row] and not page.is_main[row]
        if labels[row] is None and is_heading and labels[row + 1] == labels[row + 2] in LISTED:
            labels[row] = labels[row + 1]
    unnamed = [label is None and words <= MAX_BYLINE_WORDS for label, words in zip(labels, page.words, strict=True)]
    _fill_between(labels, np.array(unnamed, dtype=bool) & ~page.is_main, MAX_BETWEEN)


def _fill_between(labels: list[str | None], is_open: np.ndarray, max_lines: int) -> None:
    """Give runs of at most `max_lines` open lines the label of both their neighbours where that is one and LISTED."""
    edges = np.flatnonzero(np.diff(is_open.astype(np.int8), prepend=0, append=0))
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        is_inside = 0 < first and end < len(labels) and end - first <= max_lines
        if is_inside and labels[first - 1] == labels[end] in LISTED:
            labels[first:end] = [labels[end]] * (end - first)
