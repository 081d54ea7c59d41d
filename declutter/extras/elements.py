"""The elements of an HTML page around its kept rows: lists, tables, links, code, headings.

They are found in the page as the parser wrote it (`Markup.body`): it is cut at its tags by one regular expression, and
only what is around kept rows becomes objects. Rows and texts have the same visible characters in the same order, which
says where each row stands.
"""

from __future__ import annotations

import html as markup
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from declutter.lines import Lines
from declutter.stages.segment.dom import BLOCK_TAGS, LEFT_OUT_TAGS, PRE_TAGS, VOID_TAGS

#: A tag or a comment, parted into name and attributes. In texts and attribute values, "<" and ">" are escaped.
TAG = re.compile(r"<(!--[^-]*(?:-(?!->)[^-]*)*--|[^\s>]*)([^>]*)>")
#: What an element can be to the text within it.
ROLES = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"), **dict.fromkeys(("td", "th"), "cell"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"), **dict.fromkeys(PRE_TAGS, "pre"),
    "table": "table", "a": "link", "tex": "formula",
}  # fmt: skip
LISTS = frozenset({"ul", "ol", "menu", "dir"})
COUNTED = {"li": "li", "td": "cell", "th": "cell"}  # elements that have a place among their siblings
#: Levels of nested lists and quotes that are distinguished; deeper ones count as the innermost of these.
MAX_INSIDE = 16


@dataclass(eq=False, slots=True)
class Element:
    """An element of the page. `place` counts list items and cells among their siblings, from 1."""

    tag: str
    attributes: str  # as the parser wrote them: ' class="x" href="/y"'
    parent: Element | None
    place: int
    nearest: dict[str, Element] = field(default_factory=dict)  # by ROLES: the innermost around, itself included
    inside: tuple[Element, ...] = ()  # list items and quotes around, the outermost first, itself included

    def attribute(self, name: str) -> str:
        """The attribute's value, "" where there is none."""
        return attribute_of(self.attributes, name)

    def path(self) -> Iterator[Element]:
        """The element and those around it, innermost first."""
        element: Element | None = self
        while element is not None:
            yield element
            element = element.parent


@dataclass(frozen=True, slots=True)
class Piece:
    """A text between two tags, and the innermost element around it."""

    text: str
    element: Element


def attribute_of(tag: str, name: str) -> str:
    """The value of an attribute of a start tag that the parser wrote, "" where it has none."""
    _, found, rest = tag.partition(f' {name}="')
    return markup.unescape(rest[: rest.find('"')]) if found else ""


def unescaped(text: str) -> str:
    """Undoes the four escapes that the parser writes in texts."""
    if "&" not in text:
        return text
    return text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def text_of(html: str) -> str:
    """The text in HTML that the parser wrote, without its tags."""
    return unescaped(TAG.sub("", html))


def html_within(html: str, start: re.Match) -> str:
    """The HTML within the element that begins at a start tag; the match's first group is the tag's name."""
    if start[1] in VOID_TAGS:
        return ""
    depth = 1
    for tag in re.compile(rf"<(/?){re.escape(start[1])}(?=[ >])").finditer(html, start.end()):
        depth += -1 if tag[1] else 1
        if not depth:
            return html[start.end() : tag.start()]
    return ""


def n_visible(text: str) -> int:
    """The characters of a text but for spaces."""
    return len("".join(text.split()))


class Tree:
    """The tags of a page and the texts behind them, by number; elements are those that begin at a start tag."""

    def __init__(self, body: str):
        cut = TAG.split(body)
        self.names, self.attributes = cut[1::3], cut[2::3]
        self.texts = [unescaped(text) for text in cut[3::3]]
        self._elements: dict[int, Element] = {}
        self._walk()

    def _walk(self) -> None:
        """Sets `parent` of each start tag, `inner`, the innermost open element behind each tag, and `place`."""
        names, texts = self.names, self.texts
        self.parent = parent = [-1] * len(names)
        self.inner: list[int] = []
        self.place: dict[int, int] = {}
        counts: dict[tuple[int, str], int] = {}
        current, left_out = -1, -1
        for number, name in enumerate(names):
            if name[:1] == "/":
                closed = current
                while closed >= 0 and names[closed] != name[1:]:
                    closed = parent[closed]
                if closed >= 0:  # an end tag that closes nothing changes nothing
                    current = parent[closed]
                    left_out = left_out if closed > left_out else -1
            elif name in VOID_TAGS:
                if name == "br":
                    texts[number] = f"\n{texts[number]}"
            elif name[:1] not in ("!", "?", ""):
                parent[number] = current
                if name in COUNTED:
                    key = current, COUNTED[name]
                    self.place[number] = counts[key] = counts.get(key, 0) + 1
                current = number
                if left_out < 0 and name in LEFT_OUT_TAGS:
                    left_out = number
            if left_out >= 0:
                texts[number] = ""
            self.inner.append(current)

    @cached_property
    def ends(self) -> list[int]:
        """The visible characters of the page up to the end of each text."""
        return list(accumulate([n_visible(text) if text else 0 for text in self.texts]))

    def element(self, number: int) -> Element | None:
        """The element that begins at a start tag; None for -1."""
        path = []
        while number >= 0 and number not in self._elements:
            path.append(number)
            number = self.parent[number]
        element = self._elements.get(number)
        for inner in reversed(path):
            element = self._elements[inner] = _within(
                element, self.names[inner], self.attributes[inner], self.place.get(inner, 1)
            )
        return element

    def pieces(self, first: int, beyond: int) -> list[Piece] | None:
        """The texts of visible characters `first` to `beyond`; None where they are no whole texts."""
        begin, end = bisect_right(self.ends, first), bisect_left(self.ends, beyond)
        if end >= len(self.ends) or self.ends[end] != beyond or (self.ends[begin - 1] if begin else 0) != first:
            return None
        found = []
        for text, inner in zip(self.texts[begin : end + 1], self.inner[begin : end + 1], strict=True):
            if text:
                element = self.element(inner)
                assert element is not None  # the page's root is around all texts
                found.append(Piece(text, element))
        return found

    def is_broken(self, character: int) -> bool:
        """Whether nothing but one `<br>`, and tags that are no blocks, stands before a visible character's text."""
        text = bisect_right(self.ends, character)
        first = bisect_left(self.ends, character) + 1 if character else 0
        between = [name.removeprefix("/") for name in self.names[first : text + 1]]
        return between.count("br") == 1 and not BLOCK_TAGS.intersection(between)

    def element_at(self, character: int) -> Element | None:
        """The innermost element around a visible character."""
        number = bisect_right(self.ends, character)
        return self.element(self.inner[number]) if number < len(self.ends) else None


def _within(parent: Element | None, name: str, attributes: str, place: int) -> Element:
    if parent is None:
        return Element(name, attributes, None, place)
    element = Element(name, attributes, parent, place, parent.nearest, parent.inside)
    if name in ROLES:
        element.nearest = {**parent.nearest, ROLES[name]: element}
    is_item = name == "blockquote" or (name == "li" and parent.tag in LISTS)
    if is_item and len(parent.inside) < MAX_INSIDE:
        element.inside = (*parent.inside, element)
    return element


def rows_in_tree(
    lines: Lines, rows: Sequence[int], body: str
) -> Iterator[tuple[int, list[Piece], Element | None, bool]]:
    """Each of some rows of a page, its pieces, the innermost element around it, and whether it goes on with a row.

    It does where a `<br>` parts it from the row before, which is among `rows` too. A row that the tree doesn't have has
    neither pieces nor element; one of preformatted text has no pieces. A blank row is of the element of the row before
    it: it is a line of a <pre>.
    """
    tree = Tree(body)
    starts, ends, text = lines.starts.tolist(), lines.ends.tolist(), lines.text
    at = seen = 0  # visible characters before offset `seen` of the text
    element: Element | None = None
    before = -2
    for row in rows:
        at += n_visible(text[seen : starts[row]])
        size = n_visible(text[starts[row] : ends[row]])
        pieces: list[Piece] = []
        goes_on = False
        if size:
            element = tree.element_at(at)
            if element is not None and "pre" not in element.nearest:
                found = tree.pieces(at, at + size)
                pieces, element = (found, found[0].element) if found else ([], None)
                goes_on = row == before + 1 and bool(pieces) and tree.is_broken(at)
        at, seen, before = at + size, ends[row], row
        yield row, pieces, element, goes_on
