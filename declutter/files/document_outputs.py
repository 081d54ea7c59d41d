"""Pages as text files: one, or many one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from declutter.files.encoding import Encoding
from declutter.files.folders import HTML_OUTPUT
from declutter.files.records import Record
from declutter.lines import Verdicts

#: Other text becomes UTF-8; what has no place in it goes out as the bytes that it came in as.
TEXT_OUTPUT = Encoding("utf-8", "surrogateescape")


def content_of(record: Record, text: str) -> bytes:
    """A page's kept text as a file: in the page's own encoding, where it came from a file."""
    end = "\n" if record.page.html is not None and text else ""
    if isinstance(record.rest, Encoding):
        return record.rest.encode(text + end)
    try:
        return TEXT_OUTPUT.encode(text + end)
    except UnicodeEncodeError:  # a lone surrogate that JSON had as an escape
        return HTML_OUTPUT.encode(text + end)


class DocumentOutput:
    """The text of a page; or of many, in UTF-8 and parted by a blank line, where pages are not files of their own."""

    def __init__(self, stream: BinaryIO, is_live: bool = False, has_many: bool = False):
        self._stream = stream
        self._is_live = is_live
        self._has_many = has_many
        self._gap = b""  # what comes between the last page and the next

    def write(self, record: Record, text: str, verdicts: Verdicts | None = None, error: str | None = None) -> None:
        content = content_of(replace(record, rest=None) if self._has_many else record, text)
        if self._has_many and content:
            content, self._gap = self._gap + content, b"\n" if content.endswith(b"\n") else b"\n\n"
        self._stream.write(content)
        if self._is_live:
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()
