"""Recognizes texts that are HTML, by the element that they begin with."""

from __future__ import annotations

import re
from typing import NamedTuple

HEAD_CHARS = 5000  # in which an HTML document begins: comments and declarations may stand first
SAMPLE_CHARS = 20_000
#: An HTML fragment has a tag at least once in so many characters: the longest paragraphs of the dev pages have 3,000.
CHARS_A_TAG = 3000
ELEMENTS = (
    "a|abbr|article|aside|b|base|blockquote|body|br|button|center|dd|div|dl|dt|em|figcaption|figure|font|footer|form|"
    "h[1-6]|head|header|hr|html|i|iframe|img|input|label|li|link|main|meta|nav|noscript|ol|p|picture|pre|script|section|"
    "small|span|strong|style|sub|sup|svg|table|tbody|td|th|thead|title|tr|u|ul|video"
)
ELEMENT = re.compile(rf"(?:{ELEMENTS})\Z")
TAG = re.compile(rf"<(/?)(?:{ELEMENTS})(?:\s[^<>]{{0,2000}})?/?>", re.I)
NAME = re.compile(r"<([A-Za-z_][\w.:-]{0,60})")
DOCTYPE = re.compile(r"<!doctype\s+([\w.:-]{1,60})", re.I)
SPACES = " \t\r\n\f\ufeff"


class FirstMarkup(NamedTuple):
    """The markup at the beginning of a text, in lower case; "" where there is no markup."""

    element: str
    doctype: str
    is_xml: bool  # it has an XML declaration


def first_markup(text: str) -> FirstMarkup:
    """The first element of a text, and the doctype and the XML declaration before it; comments are skipped."""
    position, doctype, is_xml = 0, "", False
    while True:
        while text[position : position + 1] and text[position] in SPACES:
            position += 1
        if text.startswith("<!--", position):
            end = text.find("-->", position)
        elif text.startswith("<?", position):
            is_xml |= text.startswith("<?xml", position)
            end = text.find("?>", position)
        elif found := DOCTYPE.match(text, position):
            doctype = found[1].lower()
            end = text.find(">", position)
        else:
            name = NAME.match(text, position)
            return FirstMarkup(name[1].lower() if name else "", doctype, is_xml)
        if end < 0:
            return FirstMarkup("", doctype, is_xml)
        position = text.find(">", end) + 1


def looks_like_html(text: str) -> bool:
    """Whether a text begins as HTML documents do and dumps never do."""
    if text[:200].lstrip(SPACES)[:1] not in ("<", ""):
        return False
    found = first_markup(text[:HEAD_CHARS])
    return found.element in ("html", "head") or found.doctype == "html"


def holds_markup(text: str) -> bool:
    """Whether a text is HTML, a document or a part of one: it begins and ends with tags of HTML."""
    start = text[:200].lstrip(SPACES)[:1]
    if start != "<":
        return start == "" and looks_like_html(text)
    found = first_markup(text[:HEAD_CHARS])
    if found.element in ("html", "head") or found.doctype == "html":
        return True
    if not ELEMENT.match(found.element) or not text[-200:].rstrip(SPACES).endswith(">"):
        return False
    tags = TAG.findall(text[:SAMPLE_CHARS])
    return len(tags) >= 2 and "/" in tags and len(text[:SAMPLE_CHARS]) <= CHARS_A_TAG * len(tags)
