"""The texts of one HTML page in document order, each with the elements around it.

`split_html` gives rows to judge; this gives what writing needs of a row beside its text: whether it is an item of a
list, a cell of a table, a link, code. It walks the same tree in plain Python, so only output that shows structure
pays for it: writing Markdown takes 1.3 times as long as cleaning the page.
"""

from __future__ import annotations

import html as markup
from collections.abc import Iterator
from dataclasses import dataclass, field

from declutter.stages.kernels.html import TAG
from declutter.stages.segment.dom import LEFT_OUT_TAGS, PRE_TAGS, VOID_TAGS
from declutter.stages.segment.html import LEFT_OUT
from declutter.stages.segment.shown import parsed

#: What an element can be to the text within it.
ROLES = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"), **dict.fromkeys(("td", "th"), "cell"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "code"), **dict.fromkeys(PRE_TAGS, "pre"),
    "table": "table", "a": "link",
}  # fmt: skip
LISTS = frozenset({"ul", "ol", "menu", "dir"})
#: Lists and quotes within each other that are told apart; those further in are taken for the innermost of these.
MAX_INSIDE = 16


@dataclass(eq=False, slots=True)
class Element:
    """An element of the page. `place` counts it among its parent's children of that tag, cells of both tags, from 1."""

    tag: str
    opening: str  # the tag as the parser wrote it: 'a class="x" href="/y"'
    parent: Element | None
    place: int
    is_left_out: bool = False  # its text is no text of the page
    nearest: dict[str, Element] = field(default_factory=dict)  # by ROLES: the innermost around, itself included
    inside: tuple[Element, ...] = ()  # list items and quotes around, the outermost first, itself included
    counts: dict[str, int] = field(default_factory=dict)  # children so far, by tag

    def attribute(self, name: str) -> str:
        """The attribute's value, "" where there is none."""
        _, found, rest = self.opening.partition(f' {name}="')
        return markup.unescape(rest[: rest.find('"')]) if found else ""

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


def pieces(html: str) -> list[Piece]:
    """The texts of a page, spaces between tags too, and "\\n" for `<br>`.

    Hostile pages are cut as `split_html` cuts them.
    """
    tree, _ = parsed(html)
    if tree is None:
        return []
    tree.strip_tags(LEFT_OUT)
    cut = TAG.split(tree.root.html)
    found: list[Piece] = []
    current = Element("html", "html", None, 1)
    for tag, text in zip(cut[1::2], cut[2::2], strict=True):
        current = _after(tag, current)
        if tag[:2] == "br" and tag[2:3] in ("", " "):
            text = f"\n{text}"
        if text and not current.is_left_out:
            found.append(Piece(_unescaped(text), current))
    return found


def _after(tag: str, current: Element) -> Element:
    """The innermost open element after a tag; an end tag that closes nothing changes nothing."""
    if tag[:1] == "/":
        name = tag[1:]
        if name == current.tag and current.parent is not None:
            return current.parent
        closed = next((element for element in current.path() if element.tag == name), None)
        return current if closed is None or closed.parent is None else closed.parent
    name = tag.partition(" ")[0]
    if name in VOID_TAGS or name[:1] in "!?":
        return current
    counted = "td" if name == "th" else name
    place = current.counts[counted] = current.counts.get(counted, 0) + 1
    left_out = current.is_left_out or name in LEFT_OUT_TAGS
    element = Element(name, tag, current, place, left_out, current.nearest, current.inside)
    if name in ROLES:
        element.nearest = {**current.nearest, ROLES[name]: element}
    if (name == "blockquote" or (name == "li" and current.tag in LISTS)) and len(current.inside) < MAX_INSIDE:
        element.inside = (*current.inside, element)
    return element


def _unescaped(text: str) -> str:
    """Undoes the four escapes that the parser writes."""
    if "&" not in text:
        return text
    return text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
