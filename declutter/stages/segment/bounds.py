"""Bounds for huge and hostile HTML: what is changed before a page reaches the parser, which bounds time and memory.

The parser (lexbor) runs in C and can't be interrupted. It is linear on honest pages, but quadratic in elements that
never close (100,000 nested `<div>` or `<rt>` run for minutes), in the options of a list (50,000 for 22 s), in the
attributes of one tag (50,000 for 7 s); and 3,000 `<b id=...>` that stay open before 3,000 paragraphs take 6.7 GB, since
every paragraph reopens all of them (measured, selectolax 1.0.2). How many tags a page has is counted wherever they
stand: no comment and no attribute hides one. Beyond the limits a page is read in another way (plain.py), with all its
text; a cut is reported.
"""

from __future__ import annotations

import re

import numpy as np

from declutter.stages import kernels
from declutter.stages.segment.dom import BLOCK_TAGS, PRE_TAGS, VOID_TAGS
from declutter.stages.segment.plain import MAX_DEPTH, rewritten

#: Bytes (UTF-8) of a page that are parsed; the page is cut before the last "<" in front.
MAX_BYTES = 20_000_000
#: "<" of a page that are parsed; the page is cut before the next one.
MAX_TAGS = 400_000
#: "<" of a page that the parser gets as it is: 24,000 nested elements take it 2.3 s. None of 1,558 pages has more.
SAFE_TAGS = 24_000
#: Options of a page that the parser gets as they are: 4,000 take it 0.15 s.
SAFE_OPTIONS = 4_000
#: Formatting elements x tags: about the elements that reopening can add; 1 million take 700 MB and 2 s. On pages with
#: more (56 of 1,558) these elements get names that the parser knows nothing of, and doesn't reopen.
MAX_REOPENED = 1_000_000
#: Attributes of one tag (spaces and slashes outside of quotes); a tag with more loses them all.
MAX_ATTRIBUTES = 500
#: Pages with fewer "<" can't reopen too many elements.
SAFE_REOPENED_TAGS = 1_000
#: Shorter tags can't hold too many attributes.
SAFE_TAG_BYTES = 4 * MAX_ATTRIBUTES

#: Rows of a page. Cleaning takes about 2.5 kB a row. Of 353 pages of 300 kB and more, none has more than 2,680.
MAX_ROWS = 100_000

#: Replacement characters, of a page's text, from which a page is reported as not decoded; a few are debris.
MAX_UNDECODED, FEW_UNDECODED = 0.1, 20

FORMATTING_NAMES = b"b big code em font i nobr s small strike strong tt u"
FORMATTING = re.compile(rb"<(/?)(?=(?:" + b"|".join(FORMATTING_NAMES.split()) + rb")[\s/>])", re.I)
#: Tags that few pages have and that cost such pages some time (shown.py).
RARE_TAGS = ("math", "rt", "template", "pre", "code")
RARE_NAMES = " ".join((*RARE_TAGS, "option")).encode()
#: A frame that React writes as if it were empty, in a `<noscript>`. Browsers don't read that; a parser that does takes
#: all the rest of the page for the frame's text (2 of 1,358 pages).
OPEN_FRAME = re.compile(rb"<iframe[^<>]*>\s*(?=</noscript)")
#: A tag of a serialised page, and the text behind it.
SERIALISED = re.compile(r"<(!--[^-]*(?:-(?!->)[^-]*)*--|[^>]*)>([^<]*)")
TAG_NAME = re.compile(rb"<[a-zA-Z][^\s/>]*")
QUOTED_OR_END = re.compile(rb"""=\s*"[^"]*"|=\s*'[^']*'|>""")
QUOTED = re.compile(rb"""=\s*"[^"]*"|=\s*'[^']*'""")


def bounded(html: bytes) -> tuple[bytes, str | None, frozenset[str]]:
    """`html` (UTF-8) within the limits above, what was cut in words (None: nothing was), and which RARE_TAGS it has.

    Honest pages cost one pass of the kernel, about 0.05 ms for 400 kB.
    """
    if b"<iframe" in html:
        html = OPEN_FRAME.sub(b"", html)
    cuts: list[str] = []
    if len(html) > MAX_BYTES:
        html = html[: max(html.rfind(b"<", 0, MAX_BYTES), MAX_BYTES // 2)]
        cuts.append(f"cut after {MAX_BYTES:,} bytes")
    n_tags, n_attributes, n_formatting, named = kernels.html.survey(html, FORMATTING_NAMES, RARE_NAMES, SAFE_TAG_BYTES)
    *n_rare, n_options = named
    rare = frozenset(name for name, n in zip(RARE_TAGS, n_rare, strict=True) if n)
    if n_attributes > MAX_ATTRIBUTES:
        html = _without_attribute_floods(html, cuts)
    if n_tags > MAX_TAGS:
        html = html[: np.flatnonzero(np.frombuffer(html, np.uint8) == ord("<"))[MAX_TAGS]]
        cuts.append(f"cut after {MAX_TAGS:,} tags")
    if n_tags > SAFE_TAGS or n_options > SAFE_OPTIONS:
        html, n_too_deep = rewritten(html)
        if n_too_deep:
            cuts.append(f"{n_too_deep:,} tags left out that nest deeper than {MAX_DEPTH}")
    elif n_tags > SAFE_REOPENED_TAGS and n_formatting * n_tags > MAX_REOPENED:
        html = FORMATTING.sub(rb"<\1f", html)
    return html, "; ".join(cuts) or None, rare


def _without_attribute_floods(html: bytes, cuts: list[str]) -> bytes:
    """`html` where start tags have at most MAX_ATTRIBUTES attributes."""
    tags = np.flatnonzero(np.frombuffer(html, np.uint8) == ord("<"))
    places = tags[np.diff(tags, append=len(html)) > SAFE_TAG_BYTES].tolist()
    parts, done = [], 0
    for start, limit in zip(places, [*places[1:], len(html)], strict=True):
        name = TAG_NAME.match(html, start)
        if not name:
            continue
        end = next((m.end() for m in QUOTED_OR_END.finditer(html, start, limit) if m[0] == b">"), limit)
        if end - start > SAFE_TAG_BYTES and _attribute_count(html[start:end]) > MAX_ATTRIBUTES:
            parts += [html[done:start], name[0], b">"]
            done = end
    if not parts:
        return html
    cuts.append(f"attributes left out of {len(parts) // 3:,} tags that had more than {MAX_ATTRIBUTES}")
    return b"".join([*parts, html[done:]])


def _attribute_count(tag: bytes) -> int:
    """How many attributes a start tag has, at most."""
    rest, quoted = QUOTED.subn(b" ", tag)
    return max(quoted, len(rest.split())) + rest.count(b"/")


def undecoded(html: str) -> str | None:
    """That a serialised page is mostly replacement characters, in words (None: it isn't)."""
    if "\ufffd" not in html:
        return None
    text = "".join(found[2] for found in SERIALISED.finditer(html))
    n_lost = text.count("\ufffd")
    if n_lost <= max(FEW_UNDECODED, MAX_UNDECODED * len("".join(text.split()))):
        return None
    return f"{n_lost:,} characters are in no known encoding"


def with_few_rows(html: str) -> tuple[str, str | None]:
    """A serialised page with no more than about MAX_ROWS rows, and what was cut in words (None: nothing was)."""
    if len(html) < 2 * MAX_ROWS or html.count("<") + html.count("\n") <= MAX_ROWS:
        return html, None
    open_names: list[str] = []
    n_rows = n_pre = 0
    has_text = False
    for found in SERIALISED.finditer(html):
        tag, text = found.groups()
        name = tag.removeprefix("/").partition(" ")[0]
        if name in BLOCK_TAGS or name == "br" or "-" in name:
            n_rows += has_text
            has_text = False
        if tag.startswith("/"):
            if open_names and open_names[-1] == name:
                open_names.pop()
                n_pre -= name in PRE_TAGS
        elif name not in VOID_TAGS and name[:1] not in ("!", ""):
            open_names.append(name)
            n_pre += name in PRE_TAGS
        has_text = has_text or (text != "" and not text.isspace())
        if n_pre:
            n_rows += text.count("\n")
        if n_rows > MAX_ROWS:
            end = found.start(2) if not n_pre else _before_line(html, found.start(2), found.end(), n_rows - MAX_ROWS)
            return html[:end] + "".join(f"</{name}>" for name in reversed(open_names)), f"cut after {MAX_ROWS:,} rows"
    return html, None


def _before_line(html: str, start: int, end: int, n_lines: int) -> int:
    """Where the last `n_lines` lines of html[start:end] begin."""
    for _ in range(min(n_lines, end - start)):
        end = html.rfind("\n", start, end)
    return max(end, start)
