"""WARC and WET files, in and out: the HTML responses of a crawl, and the plain text made of them."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from declutter.errors import InputError
from declutter.files.compression import LEVELS, Budget, BudgetSpent, Unpacked, compression_of
from declutter.files.http_bodies import response, unwrapped
from declutter.files.markup import looks_like_html
from declutter.files.records import REVISITS, Failure, Record
from declutter.files.streams import FileInput, megabytes
from declutter.files.warc_records import BrokenRecord, WarcRecord, WarcRecords
from declutter.pages import Page
from declutter.stages.segment.decode import decode_html

if TYPE_CHECKING:
    from declutter.files.verdicts import PageVerdicts

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
#: What is carried from a record's headers into JSON and WET outputs.
CARRIED = {
    "id": "WARC-Record-ID",
    "url": "WARC-Target-URI",
    "date": "WARC-Date",
    "refers_to": "WARC-Refers-To",
    "languages": "WARC-Identified-Content-Language",
}
RECORD_END = b"\r\n\r\n"


class WarcInput(FileInput):
    """A WARC or WET file: responses that are HTML and succeeded, HTML resources, and conversions to text.

    Requests, metadata and other types are skipped; revisits are counted. The position of a page is its offset in
    the file as it lies on disk; where many records are compressed in one piece, the offset in what it unpacks to stands
    behind it. A broken record is a failure with its offset and URL, and reading goes on at the next.
    """

    format = "warc"

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        with self.file.open() as raw:
            kind = compression_of(raw.peek(8)[:8])
            budget = Budget(self.file.name, 0 if kind else self.n_bytes)
            unpacked = Unpacked(raw, kind, self.file.name) if kind else None
            position, fields = "0", {}
            try:
                for found in WarcRecords(raw, unpacked, self.options.max_record_bytes):
                    position, fields = _position(found.offset, unpacked), found.fields
                    budget.n_packed = max(budget.n_packed, unpacked.n_packed if unpacked else found.offset)
                    item = self._item(found, position, budget, counts)
                    if item is not None:
                        yield item
            except (InputError, OSError) as error:
                yield self._failure(position, fields, str(error))

    def _item(
        self, found: WarcRecord | BrokenRecord, position: str, budget: Budget, counts: Counter[str]
    ) -> Record | Failure | None:
        """The page of a record, or why it can't be read; None where it holds none."""
        if isinstance(found, BrokenRecord):
            return self._failure(position, found.fields, found.reason)
        try:
            return self._record(found, position, budget, counts)
        except BudgetSpent:
            raise
        except (InputError, OSError) as error:
            return self._failure(position, found.fields, str(error))

    def _failure(self, position: str, fields: dict[str, str], reason: str) -> Failure:
        reason = reason.removeprefix(f"{self.file.name}: ")
        url = _url(fields)
        return self._unreadable(f"offset {position}", f"{reason} ({url})" if url else reason)

    def _record(self, found: WarcRecord, position: str, budget: Budget, counts: Counter[str]) -> Record | None:
        """The page of a record, None where it holds none. Raises OSError where it is damaged or too long."""
        fields, body = found.fields, found.block
        counts[REVISITS] += found.kind == "revisit"
        content_type = fields.get("content-type")
        if found.kind not in ("response", "resource", "conversion"):
            return None
        if found.kind == "resource" and not _is_html_type(content_type):
            return None
        limit = min(self.options.max_page_bytes, self.options.max_record_bytes)
        if found.kind == "response":
            status, http_fields, body = response(body)
            content_type = http_fields.get("content-type")
            is_page = 200 <= status < 300 and (not content_type or _is_html_type(content_type))
            if found.block and not is_page and (status or not _begins_as_html(body)):
                return None
            if len(body) <= limit:
                try:
                    body = unwrapped(body, http_fields, limit + 1, budget)
                except OSError as error:
                    raise OSError(f"the response is damaged: {error}") from error
        if found.n_bytes > self.options.max_record_bytes or len(body) > limit:
            reason = f"a page longer than {megabytes(limit)}, skipped"
            raise OSError(f"{reason}; --max-page-bytes and --max-record-bytes set this")
        carried = {name: fields[header.lower()] for name, header in CARRIED.items() if fields.get(header.lower())}
        if "url" in carried:
            carried["url"] = _url(fields)
        page_id, url = f"{self.id}:{position}", carried.get("url")
        if found.kind == "conversion":
            return Record(Page(page_id, url=url, text=body.decode("utf-8", "replace")), carried, len(body))
        if not content_type and not _begins_as_html(body):
            return None
        html = decode_html(body, self.options.encoding or content_type)
        return Record(Page(page_id, url=url, html=html), carried, len(body))


class WetInput(WarcInput):
    """The same, of a name that says that it holds text."""

    format = "wet"


def _position(offset: int, unpacked: Unpacked | None) -> str:
    """Where in the file a record stands that begins at `offset` of what it unpacks to."""
    if unpacked is None:
        return str(offset)
    start, packed_start = unpacked.starts[0]
    while len(unpacked.starts) > 1 and unpacked.starts[1][0] <= offset:
        unpacked.starts.popleft()
        start, packed_start = unpacked.starts[0]
    return f"{packed_start}+{offset - start}" if offset > start else str(packed_start)


def _url(fields: dict[str, str]) -> str:
    return fields.get("warc-target-uri", "").strip("<>")


def _is_html_type(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() in HTML_TYPES


def _begins_as_html(body: bytes) -> bool:
    return looks_like_html(body[:5000].decode("utf-8", "replace"))


class WetOutput:
    """A WET file: a conversion record a page, each compressed for itself as crawlers do."""

    def __init__(self, stream: BinaryIO, is_gzip: bool):
        self._stream = stream
        self._is_gzip = is_gzip

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        content = text.encode("utf-8", "replace")
        lines = ["WARC/1.0", "WARC-Type: conversion"]
        fields = record.rest if isinstance(record.rest, dict) else {}
        lines += [f"{header}: {fields[name]}" for name, header in CARRIED.items() if name in fields]
        lines += ["Content-Type: text/plain", f"Content-Length: {len(content)}", "", ""]
        data = "\r\n".join(lines).encode("utf-8", "replace") + content + RECORD_END
        self._stream.write(gzip.compress(data, LEVELS["gzip"], mtime=0) if self._is_gzip else data)

    def close(self) -> None:
        self._stream.close()
