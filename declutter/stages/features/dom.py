"""The DOM's rows of the feature table: what elements, class names and neighbours in the tree say of a line.

`html_features` gives X for lines of HTML pages: the columns of the text table (table.py), then those of DOM_FEATURES,
made of the columns that segment/html.py puts into `Lines.dom`. Sums over lines are sums of whole numbers (characters,
lines, levels), so that a page has the same features alone and in a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from declutter.lines import Measures
from declutter.stages.features.columns import Columns
from declutter.stages.features.outline import MOST_OF_PAGE, outline_of
from declutter.stages.features.table import FEATURES, Feature, _near, _share, _signed_log, filled, names_of
from declutter.stages.segment.dom import DIALOG_FAMILIES, FAMILIES, NO_ANCESTOR, TAG_CODES

LINK_ONLY_SHARE = 0.99  # share of link characters from which a line is nothing but links
HEADING_LEVELS = np.zeros(len(TAG_CODES), np.int8)  # by the code of a tag: 1 to 6, 0 for other tags
HEADING_LEVELS[[TAG_CODES[f"h{level}"] for level in range(1, 7)]] = range(1, 7)
#: What ties lines of a page together: the same tag and class of their element or its container, the same name above
#: that (a card's, a post's), the same container, the same container of containers.
LINKED_HEADING_COVERS, LINKED_HEADING_WORDS = 0.6, 8.0  # of a heading such as "You may also like"
LINKED_ITEM_SHARE, LINKED_ITEM_WORDS = 0.9, 3.0  # share of a headline's characters that are a link
LINKED_LINES = 2, 7  # with the heading
GROUPS = ("signature", "container_signature", "class_token_up", "container", "container2")
DIALOG_NAMES_COOKIES = 0.2  # share of a line in a dialog that a phrase about cookies covers
NEAR_FAMILIES = FAMILIES[: -len(DIALOG_FAMILIES)]  # those that features read
NEAR_COLUMNS = tuple(f"near_{family}" for family in NEAR_FAMILIES)


class Dom:
    """The DOM columns of the lines that are not blank, and what is summed over lines that the tree ties together."""

    def __init__(self, columns: Columns):
        self.c = columns
        self._numbers: dict[str, np.ndarray] = {}
        self._rows = None if columns.n == len(columns.lines) else columns.measures.rows

    def __getitem__(self, name: str) -> np.ndarray:
        """A column of `Lines.dom`, (n,). Raises KeyError for lines that don't come from HTML."""
        if not self.c.n:
            return np.zeros(0, np.int32)  # lines of no page at all have no columns
        column = self.c.lines.dom[name]
        return column if self._rows is None else column[self._rows]

    def number(self, group: str) -> np.ndarray:
        """int64 (n,): the same for lines of one page that have the same value in a column of GROUPS."""
        if group not in self._numbers:
            self._numbers[group] = self.c.numbered(self[group].astype(np.uint64))[0]
        return self._numbers[group]

    @property
    def closeness(self) -> np.ndarray:
        """float32 (n_families, n): the distances to NEAR_FAMILIES as 1 (the element itself), 1/2, ...; 1/65: none."""
        distances = np.concatenate([self[name] for name in NEAR_COLUMNS]).reshape(len(NEAR_COLUMNS), self.c.n)
        return np.divide(1, 1 + distances, dtype=np.float32)

    def group_sum(self, group: str, column: np.ndarray) -> np.ndarray:
        """The sum of a column over the lines of the line's group; float64 (n,)."""
        number = self.number(group)
        return np.bincount(number, weights=column)[number] if self.c.n else np.zeros(0)

    def group_share(self, group: str, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """The share of `part` in `whole`, both summed over the lines of the line's group."""
        return _share(self.group_sum(group, part), self.group_sum(group, whole))

    def same(self, group: str, by: int) -> np.ndarray:
        """Whether the line `by` lines further on is of the same group."""
        return self.c.shifted(self.number(group), by, -1) == self.number(group)

    @cached_property
    def chars(self) -> np.ndarray:
        """Visible characters, whole numbers: a row of a `pre` has its own here, in the DOM's columns its block's."""
        return self.c.visible_chars

    @cached_property
    def lines(self) -> np.ndarray:
        return np.ones(self.c.n, np.float32)

    @cached_property
    def link_share(self) -> np.ndarray:
        return _share(self["link_chars"], self["chars"]).astype(np.float32)

    @cached_property
    def link_chars(self) -> np.ndarray:
        return np.rint(self.link_share * self.chars)

    @cached_property
    def prose_chars(self) -> np.ndarray:
        """The line's characters outside of links where it is prose, whole numbers."""
        return np.where(self.c.is_prose, self.chars - self.link_chars, 0)

    @cached_property
    def page_chars(self) -> np.ndarray:
        return self.c.page_sum(self.chars)

    @cached_property
    def container_prose(self) -> np.ndarray:
        """Characters of prose in the lines of the line's container."""
        return self.group_sum("container", self.prose_chars)

    @cached_property
    def container_density(self) -> np.ndarray:
        return _share(self.container_prose, self.group_sum("container", self.chars))

    @cached_property
    def heading_level(self) -> np.ndarray:
        """1 to 6, 0 where the line is no heading."""
        return HEADING_LEVELS[self["tag"]]

    @cached_property
    def heading_row(self) -> np.ndarray:
        """The row of the nearest heading at or above the line, on its page; -1 where there is none."""
        since = self.c.lines_since(self.heading_level > 0)
        return np.where(since >= 0, self.c.row - since, -1)

    def at_heading(self, column: np.ndarray) -> np.ndarray:
        """The column's value at the nearest heading at or above the line, 0 where there is none."""
        return np.append(column, np.zeros(1, column.dtype))[self.heading_row]

    @cached_property
    def h1_distance(self) -> np.ndarray:
        """Lines from the page's first <h1> down to the line, negative above it, 0 where there is none."""
        first = self.c.page_first(self.heading_level == 1)
        return np.where(first < self.c.beyond_row, self.c.row - first, 0)

    @cached_property
    def depth_from_prose(self) -> np.ndarray:
        """How many levels deeper the line stands than the page's prose does on average, 0 without prose."""
        depth, is_prose = self["depth"], self.c.is_prose
        n_prose = self.c.page_sum(is_prose)
        return np.where(n_prose > 0, depth - _share(self.c.page_sum(depth * is_prose), n_prose), 0)


def in_consent_dialog(columns: Columns) -> np.ndarray:
    """bool (n,): the line stands in a dialog that asks for consent to cookies, by the names of the elements around it
    or by what a dialog says.

    Posts about cookies or the law, and those filed under them, are none: their names stand beside "post" or "tag".
    Nothing is a dialog on a page that is hardly anything else. Raises KeyError for lines of text dumps.
    """
    dom = dom_of(columns)
    platform, consent, cookie, notice = (dom[f"near_d_{family}"] for family in DIALOG_FAMILIES)
    inside = np.maximum(dom["depth"] - 1, 1)  # <html> and <body> say what a page has elsewhere
    found = platform < np.minimum(inside, NO_ANCESTOR)
    for distance, tells in ((consent, True), (cookie, np.abs(cookie - notice) <= 1)):
        is_post = (distance == dom["near_c_tags"]) | (distance == dom["near_c_article"])
        found |= (distance < np.minimum(inside, NO_ANCESTOR)) & tells & ~is_post
    found |= _names_cookies(columns, dom["near_dialog"] < np.minimum(inside, NO_ANCESTOR))
    return found & (columns.page_sum(columns.words * found) <= MOST_OF_PAGE * columns.page_words)


def linked_list(columns: Columns) -> np.ndarray:
    """bool (n,): a heading of links to other articles, and up to six lines under it that are links, between prose.

    All 106 such lines of the dev sets are boilerplate. Headings such as "Trending" don't count: of 45 lines under them
    17 are main content in the gold.
    """
    c, dom, outline = columns, dom_of(columns), outline_of(columns)
    heading = (outline.phrase("related") >= LINKED_HEADING_COVERS) & (c.words <= LINKED_HEADING_WORDS) & ~c.is_prose
    item = (dom.link_share >= LINKED_ITEM_SHARE) & (c.words >= LINKED_ITEM_WORDS) & ~c.is_prose & ~heading
    first, beyond = c.run_bounds(heading | item)
    above = c.shifted(c.is_prose, -1, False)
    below = np.append(c.is_prose, False)[beyond] & (beyond < c.beyond_row)
    n_lines = beyond - first
    fits = (n_lines >= LINKED_LINES[0]) & (n_lines <= LINKED_LINES[1]) & below
    return (heading | item) & fits & (heading & above)[np.minimum(first, max(c.n - 1, 0))]


def _names_cookies(columns: Columns, in_dialog: np.ndarray) -> np.ndarray:
    """Runs of lines in dialogs, by tag or role, one of which names cookies: 580 of 581 are boilerplate."""
    names = outline_of(columns).phrase("cookies") >= DIALOG_NAMES_COOKIES
    first, beyond = columns.run_bounds(in_dialog)
    before = np.concatenate(([0], np.cumsum(names)))
    return in_dialog & (before[beyond] > before[first])


def dom_of(columns: Columns) -> Dom:
    """The DOM of the columns' pages, made once."""
    return columns.derived(Dom)


def _is(*tags: str) -> Callable[[Columns], np.ndarray]:
    """Whether the line's block element is one of the tags."""
    wanted = np.zeros(len(TAG_CODES), bool)
    wanted[[TAG_CODES[tag] for tag in tags]] = True
    return lambda c: wanted[dom_of(c)["tag"]]


def _closeness(name: str) -> Callable[[Columns], np.ndarray]:
    """A distance in the tree as 1 (the element itself), 1/2, 1/3, ...; 1/65 where there is none."""
    return lambda c: np.divide(1, 1 + dom_of(c)[name], dtype=np.float32)


def _log(name: str) -> Callable[[Columns], np.ndarray]:
    return lambda c: np.log1p(dom_of(c)[name], dtype=np.float32)


def _plain(name: str) -> Callable[[Columns], np.ndarray]:
    return lambda c: dom_of(c)[name]


def _links_within(c: Columns, reach: int) -> np.ndarray:
    """Share of link characters in the lines up to `reach` lines away."""
    dom = dom_of(c)
    return c.window_share(dom.link_chars, dom.chars, reach, reach)


def _group_features(group: str) -> tuple[Feature, ...]:
    """How much of the page the line's group is, how long its lines are, and how much of it is links."""
    return (
        (f"{group}_chars_share", lambda c: _share(dom_of(c).group_sum(group, dom_of(c).chars), dom_of(c).page_chars)),
        (f"{group}_long_share", lambda c: dom_of(c).group_share(group, c.is_long, dom_of(c).lines)),
        (f"{group}_links", lambda c: dom_of(c).group_share(group, dom_of(c).link_chars, dom_of(c).chars)),
    )


TAGS: tuple[Feature, ...] = (
    ("tag_p", _is("p")),
    ("tag_li", _is("li")),
    ("tag_cell", _is("td", "th")),
    ("tag_pre", _is("pre")),
    ("tag_control", _is("button", "label", "option", "summary", "textarea")),
    ("tag_div", _is("div", "section", "article", "main", "body", "form", "other")),
    ("tag_caption", _is("figcaption", "caption")),
    ("tag_term", _is("dt")),
    ("tag_definition", _is("dd")),
    ("tag_quote", _is("blockquote")),
    ("heading_level", lambda c: dom_of(c).heading_level),
    ("says_title", _plain("is_title")),
    ("says_h1", _plain("is_h1")),
)
LINKS: tuple[Feature, ...] = (
    ("link_share", lambda c: dom_of(c).link_share),
    ("link_only", lambda c: dom_of(c).link_share >= LINK_ONLY_SHARE),
    ("links_log", _log("links")),
    *((f"link_share_{k:+d}", lambda c, k=k: c.shifted(dom_of(c).link_share, k)) for k in (-2, -1, 1, 2)),
    *((f"link_share_within_{k}", lambda c, k=k: _links_within(c, k)) for k in (3, 10)),
    ("container_link_share", _plain("container_link_share")),
    ("container2_link_share", _plain("container2_link_share")),
    ("repeat_link_share", _plain("repeat_link_share")),
)
PLACE: tuple[Feature, ...] = (
    ("depth", _plain("depth")),
    ("depth_from_prose", lambda c: dom_of(c).depth_from_prose),
    ("list_depth", _plain("list_depth")),
    ("table_depth", _plain("table_depth")),
    ("siblings_log", _log("siblings")),
    ("repeat_siblings_log", _log("repeat_siblings")),
    ("repeat_closeness", _closeness("repeat_distance")),
    ("repeat_chars_log", _log("repeat_chars")),
    ("container_share", _plain("container_share")),
    ("container2_share", _plain("container2_share")),
)
NEAR: tuple[Feature, ...] = ((NEAR_COLUMNS, lambda c: dom_of(c).closeness),)
HEADINGS: tuple[Feature, ...] = (
    *((f"heading_{k:+d}", lambda c, k=k: c.shifted(dom_of(c).heading_level, k, 0) > 0) for k in (-2, -1, 1, 2)),
    ("since_heading", lambda c: _near(np.where(dom_of(c).heading_row >= 0, c.row - dom_of(c).heading_row, -1))),
    ("level_above", lambda c: dom_of(c).at_heading(dom_of(c).heading_level)),
    ("phrase_above", lambda c: dom_of(c).at_heading(c.phrase)),
    ("h1_distance", lambda c: _signed_log(dom_of(c).h1_distance)),
)
CONTEXT: tuple[Feature, ...] = (
    *(feature for group in GROUPS[:3] for feature in _group_features(group)),
    ("container_lines_log", lambda c: np.log1p(dom_of(c).group_sum("container", dom_of(c).lines))),
    ("container_chars_log", lambda c: np.log1p(dom_of(c).group_sum("container", dom_of(c).chars))),
    ("container_prose_share", lambda c: _share(dom_of(c).container_prose, c.page_sum(dom_of(c).prose_chars))),
    ("container_prose_of_best", lambda c: _share(dom_of(c).container_prose, c.page_max(dom_of(c).container_prose))),
    ("container_density", lambda c: dom_of(c).container_density),
    ("container2_density", lambda c: dom_of(c).group_share("container2", dom_of(c).prose_chars, dom_of(c).chars)),
    *((f"same_container_{k:+d}", lambda c, k=k: dom_of(c).same("container", k)) for k in (-1, 1)),
    *((f"same_signature_{k:+d}", lambda c, k=k: dom_of(c).same("signature", k)) for k in (-1, 1)),
)

DOM_FAMILIES: dict[str, tuple[Feature, ...]] = {
    "tags": TAGS, "links": LINKS, "place": PLACE, "near": NEAR, "headings": HEADINGS, "context": CONTEXT,
}  # fmt: skip
DOM_FEATURES: tuple[Feature, ...] = tuple(feature for family in DOM_FAMILIES.values() for feature in family)
HTML_FEATURES: tuple[Feature, ...] = FEATURES + DOM_FEATURES
HTML_FEATURE_NAMES: tuple[str, ...] = names_of(HTML_FEATURES)


def html_features(columns: Columns) -> np.ndarray:
    """X of HTML pages: float32 (n_lines, n_text + n_dom) in column order, one row a line that is not blank.

    Raises KeyError for lines of text dumps, which have no DOM.
    """
    return filled(HTML_FEATURES, columns)


def page_mean(x: np.ndarray, measures: Measures) -> np.ndarray:
    """A page's features: float32 (n_features + 2,), those of its lines averaged over their words.

    The last two are the words, each line counting one more than it has, and the number of lines. `x` is float32
    (n, n_features), what `html_features` gives for the lines of `measures`.
    """
    weight = measures.words + np.float32(1.0)
    total = weight.sum()
    return np.append(weight @ x / max(total, np.float32(1.0)), np.array([total, len(weight)], np.float32))
