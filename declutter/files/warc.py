"""WARC and WET files, in and out: the HTML responses of a crawl, and the plain text made of them."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from declutter.errors import InputError
from declutter.files.compression import BUFFER_BYTES, LEVELS, Unpacked, compression_of
from declutter.files.markup import looks_like_html
from declutter.files.records import Failure, Record
from declutter.files.streams import FileInput, megabytes
from declutter.pages import Page
from declutter.stages.segment.decode import decode_html

if TYPE_CHECKING:
    from declutter.lines import Verdicts

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
#: What is carried from a record's headers into JSON and WET outputs.
CARRIED = {
    "id": "WARC-Record-ID",
    "url": "WARC-Target-URI",
    "date": "WARC-Date",
    "refers_to": "WARC-Refers-To",
    "languages": "WARC-Identified-Content-Language",
}
CUT_OFF = "the file is cut off in this record"
RECORD_END = b"\r\n\r\n"
#: The codings that browsers know; the readers are fastwarc's, which is there where responses are read.
READERS = {
    "gzip": "GzipReader",
    "x-gzip": "GzipReader",
    "br": "BrotliReader",
    "zstd": "ZstdReader",
    "chunked": "ChunkedReader",
}
NO_CODINGS = frozenset({"identity", "utf-8", "none", ""})
READ_BYTES = 1 << 20
MAX_CODINGS = 4  # servers send one; a chain of them is a bomb


class _Watched:
    """A stream of which the last bytes are known: fastwarc takes a file that is cut off for one that ends.

    It has no `seek`: fastwarc 2.0 takes whatever has one for a file that can seek, and panics where it can't.
    """

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._tail = b""
        self._position = 0

    def read(self, n_bytes: int) -> bytes:
        data = self._stream.read1(n_bytes)  # not more at once than is there: what comes before damage is read
        self._position += len(data)
        self._tail = (self._tail + data[-len(RECORD_END) :])[-len(RECORD_END) :]
        return data

    def tell(self) -> int:
        return self._position

    @property
    def is_cut(self) -> bool:
        """Whether what was read doesn't end as a record does, in empty lines; some writers fill up with more."""
        return bool(self._tail) and (len(self._tail) < len(RECORD_END) or self._tail.strip(b"\r\n\0 ") != b"")


class WarcInput(FileInput):
    """A WARC or WET file: responses that are HTML and succeeded, HTML resources, and conversions to text.

    Requests, metadata, revisits and other types are passed over. The position of a page is its offset in the file as
    it lies on disk; where many records are compressed in one piece, the offset in what it unpacks to stands behind it.
    """

    format = "warc"

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        with self.file.open() as raw:
            kind = compression_of(raw.peek(8)[:8])
            unpacked = Unpacked(raw, kind, self.file.name) if kind else None
            stream = _Watched(io.BufferedReader(unpacked, BUFFER_BYTES) if unpacked else raw)
            position, last = "0", None  # the last page is held until it's known that the file goes on behind it
            try:
                for warc_record in _archive(stream):
                    if last is not None:
                        yield last
                    last = None
                    position = _position(warc_record.stream_pos, unpacked)
                    last = self._record(warc_record, position)
            except (InputError, OSError) as error:
                if last is not None:
                    yield last
                yield Failure(self.id, f"offset {position}", self._broken(error, position))
                return
            if stream.is_cut:
                yield self._unreadable(f"offset {position}", CUT_OFF)
            elif last is not None:
                yield last

    def _broken(self, error: Exception, position: str) -> str:
        if isinstance(error, InputError):
            return f"{error}, in or after the record at offset {position}"
        return f"{self.file.name}: damaged, nothing is read after the record at offset {position} ({error})"

    def _record(self, warc_record, position: str) -> Record | Failure | None:
        """The page of a record, None where it holds none."""
        kind = (warc_record.headers.get("WARC-Type") or "").lower()
        if kind == "response" and not _is_html_response(warc_record):
            return None
        content_type = _content_type(warc_record, kind)
        if kind == "resource" and not _is_html_type(content_type):
            return None
        try:
            body = self._body(warc_record, kind)
        except OSError as error:
            return self._unreadable(f"offset {position}", str(error))
        fields = {name: warc_record.headers.get(header) for name, header in CARRIED.items()}
        fields = {name: value.strip("<>") if name == "url" else value for name, value in fields.items() if value}
        page_id, url = f"{self.id}:{position}", fields.get("url")
        if kind == "conversion":
            return Record(Page(page_id, url=url, text=body.decode("utf-8", "replace")), fields, len(body))
        if not content_type and not _begins_as_html(body):
            return None
        html = decode_html(body, self.options.encoding or content_type)
        return Record(Page(page_id, url=url, html=html), fields, len(body))

    def _body(self, warc_record, kind: str) -> bytes:
        """The page's bytes. Raises OSError where they are cut off, damaged or too many."""
        limit = min(self.options.max_page_bytes, self.options.max_record_bytes)
        # not limit + 1 at once: fastwarc makes room for what it is asked for, which took three quarters of its time
        body = warc_record.reader.read(min(warc_record.content_length, limit) + 1)
        if len(body) < min(warc_record.content_length, limit):
            raise OSError(CUT_OFF)
        if kind == "response" and len(body) <= limit:
            try:
                body = unwrapped(body, warc_record.http_headers.get, limit + 1)
            except OSError as error:
                if not _begins_as_html(body):  # many crawlers keep the headers of a body that they have unwrapped
                    raise OSError(f"the response is damaged: {error}") from error
        if len(body) > limit:
            raise OSError(
                f"a page longer than {megabytes(limit)}, skipped; --max-page-bytes and --max-record-bytes set this"
            )
        return body


class WetInput(WarcInput):
    """The same, of a name that says that it holds text."""

    format = "wet"


def _archive(stream: BinaryIO) -> Iterator:
    """The records that may hold pages, and those of other types too: the last of them shows where a file is cut."""
    try:
        from fastwarc.warc import ArchiveIterator, WarcRecordType
    except ImportError as error:
        raise InputError('WARC can\'t be read without its library: pip install "declutter-text[warc]"') from error
    types = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    return ArchiveIterator(stream, record_types=types, parse_http=True, stream_detect=False)


def _position(offset: int, unpacked: Unpacked | None) -> str:
    """Where in the file a record stands that begins at `offset` of what it unpacks to."""
    if unpacked is None:
        return str(offset)
    start, packed_start = unpacked.starts[0]
    while len(unpacked.starts) > 1 and unpacked.starts[1][0] <= offset:
        unpacked.starts.popleft()
        start, packed_start = unpacked.starts[0]
    return f"{packed_start}+{offset - start}" if offset > start else str(packed_start)


def _is_html_response(warc_record) -> bool:
    """Whether a response succeeded and is HTML, or says nothing of its type."""
    headers = warc_record.http_headers
    if headers is None or not 200 <= (headers.status_code or 0) < 300:
        return False
    return not warc_record.http_content_type or _is_html_type(warc_record.http_content_type)


def _is_html_type(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() in HTML_TYPES


def _begins_as_html(body: bytes) -> bool:
    return looks_like_html(body[:5000].decode("utf-8", "replace"))


def _content_type(warc_record, kind: str) -> str | None:
    """The Content-Type that the page came with, and with it its encoding."""
    headers = warc_record.http_headers if kind == "response" else warc_record.headers
    return headers.get("Content-Type")


class WetOutput:
    """A WET file: a conversion record a page, each compressed for itself as crawlers do."""

    def __init__(self, stream: BinaryIO, is_gzip: bool):
        self._stream = stream
        self._is_gzip = is_gzip

    def write(self, record: Record, text: str, verdicts: Verdicts | None = None, error: str | None = None) -> None:
        content = text.encode("utf-8", "replace")
        lines = ["WARC/1.0", "WARC-Type: conversion"]
        fields = record.rest if isinstance(record.rest, dict) else {}
        lines += [f"{header}: {fields[name]}" for name, header in CARRIED.items() if name in fields]
        lines += ["Content-Type: text/plain", f"Content-Length: {len(content)}", "", ""]
        data = "\r\n".join(lines).encode("utf-8", "replace") + content + RECORD_END
        self._stream.write(gzip.compress(data, LEVELS["gzip"], mtime=0) if self._is_gzip else data)

    def close(self) -> None:
        self._stream.close()


def unwrapped(body: bytes, header: Callable[[str], str | None], max_bytes: int) -> bytes:
    """The body; at most `max_bytes` of it, so that one byte more than a limit shows that it is longer.

    `header` gives a response's header by name. Raises OSError where the body is not what the headers say.
    """
    names = [header("Content-Encoding"), header("Transfer-Encoding")]
    codings = [coding.strip().lower() for name in names for coding in (name or "").split(",")]
    codings = [coding for coding in codings if coding not in NO_CODINGS]
    if len(codings) > MAX_CODINGS:
        raise OSError(f"encoded {len(codings)} times")
    for coding in reversed(codings):
        if coding == "deflate":
            body = _inflated(body, max_bytes)
        elif coding in READERS:
            from fastwarc import stream_io

            body = _read(getattr(stream_io, READERS[coding])(io.BytesIO(body)), max_bytes)
        else:
            raise OSError(f"an unknown encoding, {coding[:40]}")
    return body


def _read(reader, max_bytes: int) -> bytes:
    """All of it, up to `max_bytes`: in pieces, as fastwarc makes room for all that it is asked for."""
    parts, n_left = [], max_bytes
    while n_left and (part := reader.read(min(n_left, READ_BYTES))):
        parts.append(part)
        n_left -= len(part)
    return b"".join(parts)


def _inflated(body: bytes, max_bytes: int) -> bytes:
    """Deflate comes with zlib's header, as the standard has it, and without."""
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        unpacker = zlib.decompressobj(wbits)
        try:
            data = unpacker.decompress(body, max_bytes)
        except zlib.error:  # the other kind, or damaged
            continue
        if unpacker.eof or len(data) == max_bytes:
            return data
    raise OSError("damaged deflate data")
