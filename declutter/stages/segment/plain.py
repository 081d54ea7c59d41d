"""Huge or hostile HTML, written anew so that the parser meets nothing that takes it more than linear time.

The parser (lexbor) runs in C and can't be interrupted, and it looks through its open elements at nearly every tag: of
elements that never close, or that hide their ends in comments and attributes, it keeps thousands open. Here a page is
read by a tokenizer, and what it finds is written out with each element closed, none deeper than MAX_DEPTH, and without
the tags and attributes that no row needs. What the tokenizer takes for text is escaped, so the parser can't see it
otherwise. All texts are kept. A page of 400,000 tags takes a second.
"""

from __future__ import annotations

import re
from collections import defaultdict

from declutter.stages.segment.dom import BLOCK_TAGS, VOID_TAGS

#: Elements within each other; the tags of deeper ones are left out. Blink closes them at 512.
MAX_DEPTH = 256
#: Bytes of a tag that are read.
MAX_TAG_BYTES = 4_000
TAG = re.compile(rb"<(?:(!--)|([!?])|(/?)([a-zA-Z][^\s/>]*)(>?))")
COMMENT_END = re.compile(rb"--!?>")
QUOTE = re.compile(rb"=\s*([\"'])")
ATTRIBUTE = re.compile(
    rb"\s(class|id|role|itemprop|style|hidden|aria-hidden|href|property|content|name)(?![\w-])"
    rb"(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?",
    re.I,
)
#: Elements whose content is no markup. Only the page's title and a textarea hold text of the page.
RAW = frozenset("script style title textarea xmp iframe noembed noframes".split())
RAW_TEXT = frozenset({"title", "textarea", "xmp"})
#: Elements that are left out with what they hold.
LEFT_OUT = frozenset({"svg", "template"})
#: Tags that the parser may open again, or look through one by one: no row needs them.
DROPPED = frozenset(
    "html head body b big code em font i nobr s small strike strong tt u select optgroup selectedcontent plaintext"
    " frameset frame form".split()
)
RENAMED = {"option": "p"}
#: A start tag closes the innermost element if that is one of these.
CLOSED_BY = {
    "li": {"li", "p"}, "dt": {"dt", "dd", "p"}, "dd": {"dt", "dd", "p"}, "td": {"td", "th", "p"},
    "th": {"td", "th", "p"}, "tr": {"td", "th", "tr", "p"}, "tbody": {"td", "th", "tr", "tbody", "thead"},
    "tfoot": {"td", "th", "tr", "tbody", "thead"}, "thead": {"td", "th", "tr"}, "a": {"a"},
    "rt": {"rt", "rp"}, "rp": {"rt", "rp"}, **{f"h{n}": {f"h{n}" for n in range(1, 7)} | {"p"} for n in range(1, 7)},
}  # fmt: skip
NAME = re.compile("[a-z][a-z0-9-]*")


def rewritten(html: bytes) -> tuple[bytes, int]:
    """The page (UTF-8), and how many of its tags were left out because they nest too deep."""
    page = _Page(html)
    page.read()
    return b"".join(page.out), page.n_too_deep


class _Page:
    def __init__(self, html: bytes):
        self.html = html
        self.out: list[bytes] = []
        self.open: list[str] = []
        self.n_open: defaultdict[str, int] = defaultdict(int)
        self.n_skipped: defaultdict[str, int] = defaultdict(int)
        self.n_too_deep = 0
        self.names: dict[bytes, str] = {}  # as str, in small letters
        self.unclosed: set[str] = set()  # of RAW and LEFT_OUT, with no end tag any more

    def read(self) -> None:
        at, html, out = 0, self.html, self.out
        while found := TAG.search(html, at):
            if found.start() > at:
                out.append(html[at : found.start()].replace(b"<", b"&lt;"))
            if found[1]:
                at = self._behind_comment(found.end())
            elif found[2]:
                at = self._behind(found.end(), b">")
            else:
                at = self._behind_tag(found)
        out.append(html[at:].replace(b"<", b"&lt;"))
        while self.open:
            self._close()

    def _behind(self, at: int, mark: bytes) -> int:
        place = self.html.find(mark, at)
        return len(self.html) if place < 0 else place + len(mark)

    def _behind_comment(self, at: int) -> int:
        if self.html.startswith((b">", b"->"), at):
            return self._behind(at, b">")
        end = COMMENT_END.search(self.html, at)
        return end.end() if end else len(self.html)

    def _behind_tag(self, found: re.Match[bytes]) -> int:
        octets = found[4]
        if (name := self.names.get(octets)) is None:
            name = self.names[octets] = octets.decode("ascii", "replace").lower()
        end = found.end()
        attributes = b""
        if not found[5]:
            end = self._tag_end(end)
            attributes = self.html[found.end() : min(end, found.end() + MAX_TAG_BYTES)]
        if found[3]:
            self._end(RENAMED.get(name, name))
        elif name in RAW or name in LEFT_OUT:
            return self._behind_raw(name, attributes, end)
        elif name == "plaintext":
            self.out.append(self.html[end:].replace(b"<", b"&lt;"))
            return len(self.html)
        elif name not in DROPPED:
            self._start(RENAMED.get(name, name), attributes)
        return end

    def _tag_end(self, at: int) -> int:
        """Behind the first ">" outside of quoted values."""
        end = self.html.find(b">", at)
        while end >= 0 and (quote := QUOTE.search(self.html, at, end)):
            close = self.html.find(quote[1], quote.end())
            if close < 0:
                break  # a quote that nothing ends: the tag ends at its first ">"
            at = close + 1
            if close > end:
                end = self.html.find(b">", close)
        return len(self.html) if end < 0 else end + 1

    def _behind_raw(self, name: str, attributes: bytes, at: int) -> int:
        end = None
        if name not in self.unclosed:
            end = re.compile(rb"</" + name.encode() + rb"(?=[\s/>])", re.I).search(self.html, at)
        if end is None:
            self.unclosed.add(name)
            return at if name in LEFT_OUT or name in RAW_TEXT else len(self.html)
        if name in RAW_TEXT:
            self._start(name, attributes)
            self.out.append(self.html[at : end.start()].replace(b"<", b"&lt;"))
            self._end(name)
        return self._behind(end.start(), b">")

    def _start(self, name: str, attributes: bytes) -> None:
        if name in VOID_TAGS:
            self.out.append(b"<" + name.encode() + _kept(attributes) + b">")
            return
        closed = CLOSED_BY.get(name) or ({"p"} if name in BLOCK_TAGS else ())
        while self.open and self.open[-1] in closed:
            self._close()
        if len(self.open) >= MAX_DEPTH or (name == "a" and self.n_open["a"]) or not NAME.fullmatch(name):
            self.n_too_deep += len(self.open) >= MAX_DEPTH
            self.n_skipped[name] += 1
            self.out.append(b" " if name in BLOCK_TAGS else b"")
            return
        self.open.append(name)
        self.n_open[name] += 1
        self.out.append(f"<{name}".encode() + _kept(attributes) + b">" if attributes else f"<{name}>".encode())

    def _end(self, name: str) -> None:
        if self.n_skipped[name]:
            self.n_skipped[name] -= 1
        elif self.n_open[name]:
            while self.open[-1] != name:
                self._close()
            self._close()

    def _close(self) -> None:
        name = self.open.pop()
        self.n_open[name] -= 1
        self.out.append(f"</{name}>".encode())


def _kept(attributes: bytes) -> bytes:
    """The attributes that rows and titles are read by."""
    if b"=" not in attributes and b"hidden" not in attributes:
        return b""
    kept: dict[bytes, bytes] = {}
    for name, *values in ATTRIBUTE.findall(attributes):
        kept.setdefault(name.lower(), next(filter(None, values), b""))
    return b"".join(b" " + name + b'="' + value.replace(b'"', b"&quot;") + b'"' for name, value in kept.items())
