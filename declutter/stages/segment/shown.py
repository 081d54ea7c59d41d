"""What a browser shows where the tree says it otherwise: shadow roots and their slots, formulas, ruby, code.

A parsed page is changed here before it is written out and cut into rows. Pages that hold none of it pay nothing:
`bounds.bounded` says which of the tags a page has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from declutter.stages.segment.bounds import bounded
from declutter.stages.segment.xhtml import as_html

#: A shadow root that the page declares is written as this element: the parser keeps templates out of the tree.
SHADOW_ROOT = "shadow-root"
TEMPLATE = re.compile(rb"<(/?)template(?=[\s/>])((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>", re.I)
SHADOW_ATTRIBUTE = re.compile(rb"\sshadowroot(?:mode)?[\s=/]|\sshadowroot(?:mode)?$", re.I)
#: Shadow roots, or formulas, of a page that are looked at; the others are left as the parser reads them.
MAX_CHANGED = 5_000
#: An element that shows a formula is called this; `display` says whether it stands on a line of its own.
FORMULA = "tex"
TEX_ANNOTATION = 'annotation[encoding="application/x-tex"], annotation[encoding="TeX"], annotation[encoding="LaTeX"]'
#: Where highlighters put the numbers of lines (Hexo, highlight.js, Pygments, Rouge, Prism, CodeMirror).
LINE_NUMBERS = (
    "td.gutter, td.hljs-ln-numbers, td.linenos, td.rouge-gutter, td.blob-num, .line-numbers-rows, .linenodiv,"
    " pre .lineno, pre .linenos, pre .line-number, code .lineno, .CodeMirror-linenumber, .crayon-nums,"
    " pre.lineno, .react-syntax-highlighter-line-number"
)
DIGITS = re.compile(r"[\s\d]*")
COPY_BUTTONS = (
    "pre button, .highlight button, clipboard-copy, button[data-clipboard-text], button[data-clipboard-target],"
    ' button[class*="copy"], pre .copy-btn, .code-toolbar .toolbar'
)
MAX_BUTTON_CHARS = 30
MATH_WRAPPERS = frozenset({"span", "mjx-assistive-mml"})
DISPLAY_STYLE = re.compile(r"^\{\s*\\(?:display|text|script)style\s*(.*?)\s*\}$", re.S)
#: Elements of MathML that put their parts together with a sign between them.
SIGNS = {"msub": "_", "msup": "^", "mfrac": "/", "munder": "_", "mover": "^", "mroot": "^1/"}


def parsed(html: str) -> tuple[LexborHTMLParser | None, str | None]:
    """The tree of a page as a browser shows it, None for a page with nothing in it, and what `bounded` cut."""
    octets = html.encode("utf-8", "replace")  # a lone surrogate becomes "?"
    if b"\0" in octets:  # browsers drop them
        octets = octets.replace(b"\0", b"")
    octets, partial, rare = bounded(as_html(octets))
    if not octets or octets.isspace():
        return None, partial
    if not rare:
        return LexborHTMLParser(octets), partial
    tree = LexborHTMLParser(with_shadow_roots(octets) if "template" in rare else octets)
    _show(tree, rare)
    return tree, partial


def with_shadow_roots(page: bytes) -> bytes:
    """The page (UTF-8) with its declared shadow roots as elements."""
    if b"shadowroot" not in page:
        return page
    open_templates: list[bool] = []

    def written(found: re.Match[bytes]) -> bytes:
        if found[1]:
            is_shadow = bool(open_templates) and open_templates.pop()
            return f"</{SHADOW_ROOT}>".encode() if is_shadow else found[0]
        is_shadow = SHADOW_ATTRIBUTE.search(found[2]) is not None
        open_templates.append(is_shadow)
        return f"<{SHADOW_ROOT}>".encode() if is_shadow else found[0]

    return TEMPLATE.sub(written, page)


def _show(tree: LexborHTMLParser, rare: frozenset[str]) -> None:
    """Changes the tree of a page that has `rare` tags."""
    if "template" in rare:
        for root in tree.css(SHADOW_ROOT)[:MAX_CHANGED]:
            _fill_slots(root)
    if "pre" in rare or "code" in rare:
        _show_code(tree)
    if "rt" in rare:
        # A reading stands above its word. In the line it runs into the word, and in brackets it still parts words of
        # several rubies, which then can't be found or counted. Corpora of Japanese leave readings out.
        for node in tree.css("ruby rt, ruby rtc, ruby rp"):
            node.decompose()
    if "math" in rare:
        for node in tree.css("math")[:MAX_CHANGED]:
            _show_formula(tree, node)


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.first_child
    while child is not None:
        yield child
        child = child.next


def _fill_slots(root: LexborNode) -> None:
    """Moves what stands beside a shadow root into its slots; what no slot takes stays behind it."""
    slots: dict[str, LexborNode] = {}
    for slot in root.css("slot"):
        if _root_around(slot).mem_id == root.mem_id:
            slots.setdefault(slot.attributes.get("name") or "", slot)
    taken: list[LexborNode] = []
    for child in list(_children(root.parent)) if slots and root.parent is not None else ():
        if child.is_text_node or child.is_element_node:
            name = (child.attributes.get("slot") or "") if child.is_element_node else ""
            if child.tag != SHADOW_ROOT and name in slots and (child.is_element_node or child.text().strip()):
                slots[name].insert_before(child)
                taken.append(child)
                slots[name].attrs["filled"] = ""
    for child in taken:
        child.remove()
    for slot in slots.values():
        if "filled" in slot.attributes:
            slot.decompose()  # what it shows where nothing fills it


def _show_code(tree: LexborHTMLParser) -> None:
    """Leaves line numbers and buttons out of code, and writes code in tables and in lines as preformatted text."""
    for number in tree.css(LINE_NUMBERS):
        if DIGITS.fullmatch(number.text()):
            number.decompose()
    for button in tree.css(COPY_BUTTONS):
        if len(button.text().strip()) <= MAX_BUTTON_CHARS:
            button.decompose()
    for table in tree.css("pre table"):
        lines = [row.css("td")[-1:] for row in table.css("tr")]
        table.replace_with("\n".join(cells[0].text() if cells else "" for cells in lines))
    for code in tree.css("code:has(br)"):
        if not any(element.tag == "pre" for element in _around(code)):
            block = tree.create_node("pre")
            text = re.sub(r" *\n *", "\n", "".join(_lines_of(code)))
            block.insert_child(text.replace("\xa0", " "))
            code.replace_with(block)


def _lines_of(node: LexborNode) -> Iterator[str]:
    for child in _children(node):
        if child.is_text_node:
            yield re.sub(r"[ \t\r\n]+", " ", child.text())
        elif child.tag == "br":
            yield "\n"
        elif child.is_element_node:
            yield from _lines_of(child)


def _around(node: LexborNode) -> Iterator[LexborNode]:
    while node.parent is not None:
        node = node.parent
        yield node


def _root_around(node: LexborNode) -> LexborNode:
    while node.tag != SHADOW_ROOT and node.parent is not None:
        node = node.parent
    return node


def _show_formula(tree: LexborHTMLParser, math: LexborNode) -> None:
    """Puts a formula's TeX, or else its text, in the place of all that shows it."""
    text = _tex(math)
    is_block = math.attributes.get("display") == "block"
    place, parent = math, math.parent
    if parent is not None and parent.tag in MATH_WRAPPERS:
        for sibling in list(_children(parent.parent)) if parent.parent is not None else ():
            if sibling.is_element_node and sibling.attributes.get("aria-hidden") == "true":
                sibling.decompose()  # the same once more, as glyphs
        if parent.text(deep=True).strip() == math.text(deep=True).strip():
            place = parent  # it hides MathML from those who see
    if not text:
        place.decompose()
        return
    formula = tree.create_node(FORMULA)
    formula.insert_child(text)
    if is_block:
        line = tree.create_node("div")
        formula.attrs["display"] = "block"
        line.insert_child(formula)
        formula = line
    place.replace_with(formula)


def _tex(math: LexborNode) -> str:
    """A formula in one line: its `alttext`, else its TeX annotation, else what its elements say."""
    annotation = math.css_first(TEX_ANNOTATION)
    text = math.attributes.get("alttext") or (annotation.text() if annotation else "")
    text = " ".join(text.split())
    return DISPLAY_STYLE.sub(r"\1", text) if text else " ".join(_linear(math, 0).split())


def _linear(node: LexborNode, depth: int) -> str:
    """The text of MathML elements with the signs that say how they stand to each other."""
    if node.is_text_node:
        return node.text()
    if node.tag in {"annotation", "annotation-xml"} or depth > 100:
        return ""
    parts = [_linear(child, depth + 1).strip() for child in _children(node)]
    parts = [part for part in parts if part]
    if node.tag in SIGNS and len(parts) == 2:
        parts = [part if len(part) == 1 or part.isalnum() else f"({part})" for part in parts]
        return parts[0] + SIGNS[node.tag] + parts[1]
    if node.tag == "msqrt" and parts:
        return f"\u221a({' '.join(parts)})"
    return " ".join(parts) if node.tag in {"math", "mrow", "mtd", "mtr", "mtable", "semantics"} else "".join(parts)
