"""XHTML -> the HTML that says the same, for a parser of HTML.

To such a parser `<title/>` or `<script/>` is a start tag, and what follows is swallowed; CDATA is a comment. A page
that declares itself XML is rewritten before it is parsed: empty elements get end tags, CDATA becomes text. A parser of
XML would stop, or lose text, at the first fault, and `&nbsp;` without the DTD is one; old XHTML is full of both.
Rewritten, a page loses nothing, well formed or not. Entities that a page defines are not expanded.
"""

from __future__ import annotations

import re

from declutter.stages.segment.dom import VOID_TAGS

#: Bytes at the beginning in which a page declares itself XML.
HEAD_BYTES = 2_048
DECLARATION = re.compile(
    rb"""^\s*<\?xml\s|<(?:[\w.-]{1,64}:)?html\s[^>]*?xmlns(?::\w{1,64})?\s*=\s*["']http://www\.w3\.org/1999/xhtml["']"""
)
PREFIX = re.compile(rb"""<(?!html\s)([\w.-]{1,64}):html\s""")
SUBSET = re.compile(rb"(<!DOCTYPE\s[^>\[]{0,1000})\[[^\]]*\]\s*>", re.I)
CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.S)
EMPTY = re.compile(
    rb"<(?!(?:" + "|".join(sorted(VOID_TAGS)).encode() + rb")[\s/])([a-zA-Z][\w:.-]*)"
    rb"""((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*/>"""
)
VOID_END = re.compile(rb"</(?:" + "|".join(sorted(VOID_TAGS)).encode() + rb")\s*>")


def as_html(page: bytes) -> bytes:
    """A page (UTF-8) as it is to be parsed: rewritten where it declares itself XML."""
    if not DECLARATION.search(page, 0, HEAD_BYTES):
        return page
    if prefix := PREFIX.search(page, 0, HEAD_BYTES):
        page = re.sub(rb"<(/?)" + re.escape(prefix[1]) + rb":", rb"<\1", page)
    if b"<![CDATA[" in page:
        page = CDATA.sub(lambda found: _escaped(found[1]), page)
    page = SUBSET.sub(rb"\1>", page)
    page = VOID_END.sub(b"", page)
    return EMPTY.sub(rb"<\1\2></\1>", page) if b"/>" in page else page


def _escaped(text: bytes) -> bytes:
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
