"""Bounds for hostile HTML: what is cut before a page reaches the parser, so that time and memory stay bounded.

The parser (lexbor) runs in C and can't be interrupted. It is linear on honest pages, but three shapes are
quadratic in it (measured, selectolax 1.0.2): 100,000 nested `<div>` run for minutes, an element with 50,000
attributes for 7 s, and 37 kB of unclosed `<b id=...>` followed by paragraphs grow to 1.6 GB, since every
paragraph reopens all of them. Each is brought below a limit here, and what was cut is said.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from declutter.stages import kernels

#: Bytes (UTF-8) of a page that are parsed; the page is cut before the last "<" in front.
MAX_BYTES = 20_000_000
#: "<" of a page that are parsed; the page is cut before the next one.
MAX_TAGS = 400_000
#: Elements nested in each other; deeper start tags are left out, their text is kept. Blink has the same limit.
MAX_DEPTH = 512
#: Open formatting elements x tags: about the elements that reopening adds; 1 million take 400 MB and 2 s.
MAX_REOPENED = 1_000_000
#: Attributes of one tag (spaces and slashes outside of quotes); a tag with more loses them all.
MAX_ATTRIBUTES = 500

#: Pages with fewer "<" can't reopen too many elements, or nest too deep (16,000 nested tags parse in 1 s).
SAFE_REOPENED_TAGS, SAFE_NESTED_TAGS = 1_000, 16_000
#: Shorter tags can't hold too many attributes.
SAFE_TAG_BYTES = 4 * MAX_ATTRIBUTES

FORMATTING_NAMES = b"b big code em font i s small strike strong tt u"
FORMATTING = frozenset(FORMATTING_NAMES.split())
#: Tags that few pages have and that cost such pages some time (shown.py), and sets of them by the survey's bits.
RARE_TAGS = ("math", "rt", "template")
RARE_NAMES = " ".join(RARE_TAGS).encode()
ALL_RARE = [frozenset(name for place, name in enumerate(RARE_TAGS) if bits >> place & 1) for bits in range(8)]
TAG = re.compile(rb"<(/?)([a-zA-Z][^\s/>]*)[^>]*>")
#: Start tags that the parser itself closes or never nests: they don't count for depth.
SHALLOW = frozenset(
    b"a area base br button col dd dt embed form hr img input li link meta nobr option p param rp rt script source"
    b" style tbody td tfoot th thead title tr track wbr h1 h2 h3 h4 h5 h6".split()
)
#: A frame that React writes as if it were empty, in a `<noscript>`. Browsers don't read that; a parser that does takes
#: all the rest of the page for the frame's text (2 of 1,358 pages).
OPEN_FRAME = re.compile(rb"<iframe[^<>]*>\s*(?=</noscript)")
TAG_NAME = re.compile(rb"<[a-zA-Z][^\s/>]*")
QUOTED_OR_END = re.compile(rb"""=\s*"[^"]*"|=\s*'[^']*'|>""")
QUOTED = re.compile(rb"""=\s*"[^"]*"|=\s*'[^']*'""")


def bounded(html: bytes) -> tuple[bytes, str | None, frozenset[str]]:
    """`html` (UTF-8) within the limits above, what was cut in words (None: nothing was), and which RARE_TAGS it has.

    Honest pages cost one pass of the kernel, about 0.05 ms for 400 kB.
    """
    if b"<iframe" in html:
        html = OPEN_FRAME.sub(b"", html)
    survey = kernels.html.survey(html, FORMATTING_NAMES, RARE_NAMES, SAFE_TAG_BYTES)
    rare = ALL_RARE[survey[3]]
    if _is_modest(html, survey):
        return html, None, rare
    cuts: list[str] = []
    if len(html) > MAX_BYTES:
        html = html[: max(html.rfind(b"<", 0, MAX_BYTES), MAX_BYTES // 2)]
        cuts.append(f"cut after {MAX_BYTES:,} bytes")
    octets = np.frombuffer(html, np.uint8)
    tags = np.flatnonzero(octets == ord("<"))
    if len(tags) > MAX_TAGS:
        html = html[: tags[MAX_TAGS]]
        octets, tags = octets[: tags[MAX_TAGS]], tags[:MAX_TAGS]
        cuts.append(f"cut after {MAX_TAGS:,} tags")
    max_open = MAX_REOPENED // max(len(tags), 1)
    hostile = len(tags) > SAFE_NESTED_TAGS or (
        len(tags) > SAFE_REOPENED_TAGS and kernels.html.survey(html, FORMATTING_NAMES, b"", len(html))[2] > max_open
    )
    long_tags = tags[np.diff(tags, append=len(octets)) > SAFE_TAG_BYTES]
    if len(long_tags):
        html = _without_attribute_floods(html, long_tags.tolist(), cuts)
    if hostile:
        html = _flattened(html, max_open, cuts)
    return html, "; ".join(cuts) or None, rare


def _is_modest(html: bytes, survey: tuple[int, int, int, int]) -> bool:
    """Whether the page is within all limits, without the question which of them it would meet."""
    n_tags, n_attributes, most_open, _ = survey
    return (
        len(html) <= MAX_BYTES
        and n_tags <= SAFE_NESTED_TAGS
        and (n_tags <= SAFE_REOPENED_TAGS or most_open <= MAX_REOPENED // n_tags)
        and n_attributes <= MAX_ATTRIBUTES
    )


def _without_attribute_floods(html: bytes, places: list[int], cuts: list[str]) -> bytes:
    """`html` where the start tags at `places` have at most MAX_ATTRIBUTES attributes."""
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


def _flattened(html: bytes, max_open: int, cuts: list[str]) -> bytes:
    """`html` without the tags that nest deeper than MAX_DEPTH or keep more than `max_open` formatting elements open."""
    open_counts, skipped, drops = Counter(), Counter(), []
    depth = formatting = 0
    last_end = html.rfind(b">") + 1  # behind it each "<" would be searched to the page's end for the end of a tag
    for match in TAG.finditer(html, 0, last_end):
        name = match[2].lower()
        if name in SHALLOW:
            continue
        if match[1]:
            if skipped[name]:
                skipped[name] -= 1
                drops.append(match.span())
            elif open_counts[name]:
                open_counts[name] -= 1
                depth -= 1
                formatting -= name in FORMATTING
        elif depth >= MAX_DEPTH or (name in FORMATTING and formatting >= max_open):
            skipped[name] += 1
            drops.append(match.span())
        else:
            open_counts[name] += 1
            depth += 1
            formatting += name in FORMATTING
    if not drops:
        return html
    cuts.append(f"{len(drops):,} tags left out that nest deeper than {MAX_DEPTH} or leave too much formatting open")
    starts, ends = zip(*drops, strict=True)
    return b"".join([html[a:b] for a, b in zip((0, *ends), (*starts, len(html)), strict=True)])
