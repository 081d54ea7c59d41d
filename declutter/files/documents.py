"""Text and HTML files, in and out: one page a file. The lines of a text dump come out byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from declutter.errors import InputError
from declutter.files.encoding import HTML_OUTPUT, Encoding, decode
from declutter.files.recognition import format_of_name
from declutter.files.records import READ_AS_HTML, Options, Record
from declutter.files.streams import FileInput, read_whole
from declutter.pages import Page

if TYPE_CHECKING:
    from declutter.files.verdicts import PageVerdicts

#: Other text becomes UTF-8; what has no place in it goes out as the bytes that it came in as.
TEXT_OUTPUT = Encoding("utf-8", "surrogateescape")


class TextInput(FileInput):
    """A text dump. The record's `rest` is the Encoding that its text is written in."""

    format = "txt"

    def _records(self, counts: Counter[str]) -> Iterator[Record]:
        with self.file.open_unpacked() as stream:
            data = read_whole(stream, self.options.max_page_bytes, self.file.name)
        if self.format == "html" and format_of_name(self.id) != "html" and self.options.input_format is None:
            counts[READ_AS_HTML] += 1
        yield document(data, self.id, self.file.name, self.format, self.options)


class HtmlInput(TextInput):
    """An HTML page."""

    format = "html"


def document(data: bytes, page_id: str, name: str, format: str, options: Options) -> Record:
    """The page of a file's bytes; `format` is "txt" or "html". Raises InputError, naming the file, where it's no text.

    The encoding of HTML is found when the page is judged, unless the caller names it.
    """
    site = page_id.rpartition("/")[0] or None if options.sites_by_folder else None
    if format == "html" and options.encoding is not None:
        from declutter.stages.segment.decode import decode_html  # the detector is slow to import

        return Record(Page(page_id, site, html=decode_html(data, options.encoding)), HTML_OUTPUT, len(data))
    if format == "html":
        return Record(Page(page_id, site, html=data), HTML_OUTPUT, len(data))
    text, encoding = decode(data, name) if options.encoding is None else _decoded(data, options.encoding, name)
    return Record(Page(page_id, site, text=text), encoding, len(data))


def _decoded(data: bytes, codec: str, name: str) -> tuple[str, Encoding]:
    """The text in the encoding that the caller names. Raises InputError where it is not in it."""
    encoding = Encoding(codec, "surrogateescape")
    try:
        text = data.decode(codec, "surrogateescape")
        if encoding.encode(text) == data:
            return text, encoding
    except (UnicodeError, LookupError) as error:
        raise InputError(f"{name}: not in the encoding {codec} ({error})") from error
    raise InputError(f"{name}: in the encoding {codec} its lines could not be written back as they are")


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

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        content = content_of(replace(record, rest=None) if self._has_many else record, text)
        if self._has_many and content:
            content, self._gap = self._gap + content, b"\n" if content.endswith(b"\n") else b"\n\n"
        self._stream.write(content)
        if self._is_live:
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()
