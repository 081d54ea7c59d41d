"""Dumps: the text that scrapers leave of an HTML page, in every style they leave it in."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from threading import get_ident
from types import ModuleType

from lxml import etree

#: Elements whose text isn't on the page. `noscript` stays in: 1.4% of the WCXB pages (Discourse forums) hold their
#: posts there and nowhere else (token recall of keeping everything .989 with it, .975 without).
LEFT_OUT = frozenset({"head", "title", "script", "style", "template", "svg", "iframe", "noframes"})

#: Elements that begin and end a line: `display: block`, list items, table parts, and choices in forms. Cells are
#: lines of their own, since layout tables hold whole articles in one.
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "listing", "main", "menu", "nav", "ol",
    "optgroup", "option", "p", "plaintext", "pre", "search", "section", "select", "summary", "table", "tbody", "td",
    "textarea", "tfoot", "th", "thead", "tr", "ul", "xmp",
})  # fmt: skip

WHITESPACE = re.compile(r"[ \t\n\r\f\v\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def parse(html: str) -> etree._Element | None:
    """The root element of a page as libxml2 repairs it, None where there is nothing to parse."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    content = html.replace("\x00", "").encode("utf-8", "replace")
    return etree.fromstring(content, parser) if content.strip() else None


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the block-lines dump, with the elements its text stands in, in order."""

    text: str
    pieces: tuple[tuple[str, etree._Element], ...]  # (text as in the source, the element it stands directly in)


def walk(root: etree._Element | None) -> Iterator[Block]:
    """The blocks of a page in document order; blocks without text are left out."""
    pieces: list[tuple[str, etree._Element]] = []
    for piece in _pieces(root):
        if piece is not None:
            pieces.append(piece)
            continue
        text = WHITESPACE.sub(" ", "".join(text for text, _ in pieces)).strip()
        if text:
            yield Block(text, tuple(pieces))
        pieces.clear()


def _pieces(root: etree._Element | None) -> Iterator[tuple[str, etree._Element] | None]:
    """The text nodes of a page with their elements, in order, and None wherever a line ends."""
    if root is None:
        return
    skipped = None  # the left out element that we are inside of
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            if skipped is not None:
                continue
            if element.tag in LEFT_OUT:
                skipped = element
                continue
            if element.tag in BLOCKS or element.tag == "br":
                yield None
            if element.text:
                yield element.text, element
            continue
        if skipped is element:
            skipped = None
        elif skipped is not None:
            continue
        elif element.tag in BLOCKS:
            yield None
        if element.tail and element.getparent() is not None:
            yield element.tail, element.getparent()
    yield None


def blocks(html: str) -> str:
    """The reference: the text of each block-level element on a line of its own, inline elements joined, whitespace
    folded, no blank lines."""
    return "\n".join(block.text for block in walk(parse(html)))


def get_text(html: str) -> str:
    """BeautifulSoup's `get_text("\\n")`: a line a text node, with the white space of the source."""
    bs4 = _library("bs4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of XHTML and of pages as short as a file name
        return bs4.BeautifulSoup(html, "lxml").get_text("\n")


def text_content(html: str) -> str:
    """lxml's `text_content()` of the body without scripts and styles; line breaks are those of the source."""
    root = parse(html)
    if root is None:
        return ""
    etree.strip_elements(root, "script", "style", "template", with_tail=False)
    body = root.find("body")
    return "" if body is None else "".join(body.itertext())


def inscriptis(html: str) -> str:
    """inscriptis, default settings: laid out as a text browser would."""
    return _library("inscriptis").get_text(html) if html.strip() else ""


def html2text(html: str) -> str:
    """html2text: Markdown, without link targets and images, lines not wrapped."""
    converter = _library("html2text").HTML2Text(bodywidth=0)
    converter.ignore_links = converter.ignore_images = True
    return converter.handle(html)


def html2text_links(html: str) -> str:
    """html2text, default settings: Markdown with link targets, wrapped at 78 columns."""
    return _library("html2text").html2text(html)


def resiliparse(html: str) -> str:
    """resiliparse's plain text of the whole page: bullets, indents, blank lines between blocks."""
    return _library("resiliparse.extract.html2text").extract_plain_text(html)


def resiliparse_main(html: str) -> str:
    """resiliparse's plain text of what it takes for the main content."""
    return _library("resiliparse.extract.html2text").extract_plain_text(html, main_content=True)


def trafilatura(html: str) -> str:
    """trafilatura's main content with comments, default settings; empty where it finds none."""
    return _library("trafilatura").extract(html) or ""


def trafilatura_bare(html: str) -> str:
    """trafilatura's main content without comments; empty where it finds none."""
    return _library("trafilatura").extract(html, include_comments=False) or ""


HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
#: Elements beside LEFT_OUT whose text a browser that runs scripts doesn't show.
UNRENDERED = LEFT_OUT | {"noscript", "textarea", "audio", "video", "object", "canvas", "datalist"}
#: Elements that innerText parts from their surroundings by a blank line, by the margins that browsers give them.
PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "dl", "pre", "figure"})


def inner_text(html: str) -> str:
    """As a browser's `innerText` of the body: blank lines round paragraphs, tabs between cells, no hidden parts."""
    root = parse(html)
    body = None if root is None else root.find("body")
    if body is None:
        return ""
    parts: list[str | int] = []
    _render(body, parts)
    return _join_rendered(parts)


def _is_hidden(element: etree._Element) -> bool:
    if element.tag in UNRENDERED or "hidden" in element.attrib:
        return True
    return HIDDEN_STYLE.search(element.get("style", "")) is not None


def _render(body: etree._Element, parts: list[str | int]) -> None:
    """Append what is shown of an element, in order: text, and the number of line ends asked for between texts."""
    skipped = None
    in_pre = 0
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if event == "start" and skipped is None:
            if _is_hidden(element):
                skipped = element
                continue
            _render_edge(element, parts)
            in_pre += element.tag == "pre"
            _render_text(element.text, parts, in_pre)
        elif event == "end" and (skipped is None or skipped is element):
            if skipped is None:
                in_pre -= element.tag == "pre"
                _render_edge(element, parts, at_end=True)
            skipped = None
            if element is not body:
                _render_text(element.tail, parts, in_pre)


def _render_text(text: str | None, parts: list[str | int], in_pre: int) -> None:
    if text:
        parts.append(text if in_pre else WHITESPACE.sub(" ", text))


def _render_edge(element: etree._Element, parts: list[str | int], at_end: bool = False) -> None:
    """Append the line ends that an element asks for where it begins or ends."""
    if element.tag == "br":
        parts.extend(["\n"] * (not at_end))
    elif element.tag in ("td", "th"):
        if at_end and element.getnext() is not None:
            parts.append("\t")
    elif element.tag in PARAGRAPHS:
        parts.append(2)
    elif element.tag in BLOCKS:
        parts.append(1)


def _join_rendered(parts: list[str | int]) -> str:
    """Join rendered parts: of the line ends asked for in one place only the most count, spaces fold across parts."""
    joined: list[str] = []
    line_ends = 0
    last = "\n"
    for part in parts:
        if isinstance(part, int):
            line_ends = max(line_ends, part)
            continue
        if line_ends or last in " \n\t":
            part = part.lstrip(" ")
        if not part:
            continue
        if line_ends and joined:
            joined.append("\n" * (line_ends - (last == "\n")))  # code often ends with a line end of its own
        joined.append(part)
        line_ends, last = 0, part[-1]
    return re.sub(r" +(?=\n)", "", "".join(joined)).strip()


def _library(name: str) -> ModuleType:
    """An extractor's module, or an ImportError that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"this dump style needs {name.partition('.')[0]}: pip install {DISTRIBUTIONS[name]}"
        ) from error


DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "inscriptis": "inscriptis",
    "html2text": "html2text",
    "resiliparse.extract.html2text": "resiliparse",
    "trafilatura": "trafilatura",
}

#: Every style: its name and what makes it.
STYLES: dict[str, Callable[[str], str]] = {
    "blocks": blocks,
    "get_text": get_text,
    "text_content": text_content,
    "inscriptis": inscriptis,
    "html2text": html2text,
    "html2text_links": html2text_links,
    "resiliparse": resiliparse,
    "resiliparse_main": resiliparse_main,
    "trafilatura": trafilatura,
    "trafilatura_bare": trafilatura_bare,
    "inner_text": inner_text,
}
#: The library that each style comes from; the others are made here.
SOURCES = {
    "get_text": "beautifulsoup4", "inscriptis": "inscriptis", "html2text": "html2text", "html2text_links": "html2text",
    "resiliparse": "resiliparse", "resiliparse_main": "resiliparse", "trafilatura": "trafilatura",
    "trafilatura_bare": "trafilatura",
}  # fmt: skip


def make_dump(html: str, style: str, cache: Path | None = None) -> str:
    """A page's dump in one style. With a cache folder it is made once and then read from there.

    A cached dump is named by the digest of the page, the style, and the release of the library (or the source of
    this module) that made it: nothing stale is ever read.
    """
    if style not in STYLES:
        raise ValueError(f"unknown dump style {style!r}; known are {', '.join(STYLES)}")
    if cache is None:
        return STYLES[style](html)
    name = hashlib.sha256(f"{_maker(style)}\n{html}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    path = Path(cache) / style / name[:2] / f"{name}.txt"
    if path.is_file():
        return path.read_bytes().decode("utf-8", "surrogatepass")
    dump = STYLES[style](html)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}")
    unfinished.write_bytes(dump.encode("utf-8", "surrogatepass"))
    unfinished.replace(path)
    return dump


@functools.cache
def _maker(style: str) -> str:
    """What made a dump: style with the library's release, or with a digest of this module."""
    if style in SOURCES:
        return f"{style} {SOURCES[style]} {metadata.version(SOURCES[style])}"
    return f"{style} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"
