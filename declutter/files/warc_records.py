"""The records of a WARC file, one after the other, past those that are broken.

A record is sound if, behind the number of bytes that its header says, blank lines end it and another record or the end
of the file follows. Else the file is searched for the next record: for the next line that begins one, and, where the
packed data itself is damaged, for the next packed member.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from declutter.errors import InputError
from declutter.files.compression import BudgetSpent, Unpacked
from declutter.files.http_bodies import HEADER_END, header_fields

READ_BYTES = 1 << 18
MAX_HEADER_BYTES = 1 << 20  # Common Crawl's longest is under 10 kB
RECORD = re.compile(rb"(?:\A|\n|(?<=\n\r))(?=WARC/\d\.\d{1,2}[ \t]*\r?\n)")
VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n")
ENDS = b"\r\n\0 "  # separate records and fill up blocks
CUT_OFF = "the file is cut off in this record"
TYPES_WITH_PAGES = frozenset({"response", "resource", "conversion"})


class WarcRecord(NamedTuple):
    """A record that may hold a page, or is only counted."""

    offset: int  # in what the file unpacks to
    kind: str  # WARC-Type
    fields: dict[str, str]
    block: bytes  # b"" for kinds without pages
    n_bytes: int  # of the block, which is not read where that is more than is allowed


class BrokenRecord(NamedTuple):
    """A record that can't be read, or bytes in the place of one."""

    offset: int
    fields: dict[str, str]
    reason: str


class WarcRecords:
    """The records of a stream, which is `unpacked` where the file is compressed. Blocks are at most `max_bytes`."""

    def __init__(self, stream: io.BufferedReader, unpacked: Unpacked | None, max_bytes: int):
        self._stream = stream
        self._unpacked = unpacked
        self._max_bytes = max_bytes
        self._held = b""
        self._start = 0  # of what was not yet looked at, in what is held
        self._offset = 0  # of the same, in the stream
        self._damage: str | None = None  # why nothing more can be read before `_go_on`
        self._has_ends = False  # records of this file end in blank lines

    def __iter__(self) -> Iterator[WarcRecord | BrokenRecord]:
        while True:
            self._skip_ends()
            if not self._have(1):
                if self._damage is not None:
                    yield BrokenRecord(self._offset, {}, self._damage)
                if not self._go_on():
                    return
                continue
            found = self._next()
            yield found
            if isinstance(found, BrokenRecord) and not self._find_record() and not self._go_on():
                return

    def _next(self) -> WarcRecord | BrokenRecord:
        """The record that begins here. A broken one is passed as far as its header."""
        begin = self._offset
        self._have(16)
        if not VERSION.match(self._held, self._start):
            is_cut = not self._have(16)
            self._skip(1)
            return BrokenRecord(begin, {}, self._damage or (CUT_OFF if is_cut else "damaged, not a WARC record"))
        header = self._header()
        if header is None:
            self._skip(1)
            is_cut = self._damage is not None or not self._have(4096)
            return BrokenRecord(begin, {}, self._damage or (CUT_OFF if is_cut else "its header has no end"))
        fields = header_fields(header)
        length = fields.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 15:
            return BrokenRecord(begin, fields, "it has no Content-Length")
        return self._block(begin, fields, int(length))

    def _header(self) -> bytes | None:
        """The lines of the header behind the version, None where there is no end to them."""
        n_bytes = 4096
        while True:
            is_whole = not self._have(n_bytes)
            end = HEADER_END.search(self._held, self._start, self._start + n_bytes)
            if end is not None and RECORD.search(self._held, self._start + 1, end.start()):
                return None
            if end is not None:
                header = self._held[self._start : end.start()].partition(b"\n")[2]
                self._skip(end.end() - self._start)
                return header
            if is_whole or n_bytes >= MAX_HEADER_BYTES:
                return None
            n_bytes *= 4

    def _block(self, begin: int, fields: dict[str, str], n_bytes: int) -> WarcRecord | BrokenRecord:
        """The record of a header that was read. A broken one is not passed, so that records in it are found."""
        kind = fields.get("warc-type", "").lower()
        is_wanted = kind in TYPES_WITH_PAGES and n_bytes <= self._max_bytes
        if n_bytes > self._max_bytes:
            self._pass(n_bytes)
            return WarcRecord(begin, kind, fields, b"", n_bytes)
        is_whole = self._have(n_bytes)
        block = self._held[self._start : self._start + n_bytes] if is_wanted else b""
        if is_whole:
            reason = self._reason_behind(n_bytes)
        else:
            reason = self._damage or CUT_OFF
        if reason is not None:
            if RECORD.search(self._held, self._start, self._start + n_bytes + 16):
                reason = "its Content-Length is wrong, or its end is missing"
            return BrokenRecord(begin, fields, reason)
        self._skip(n_bytes)
        return WarcRecord(begin, kind, fields, block, n_bytes)

    def _reason_behind(self, n_bytes: int) -> str | None:
        """Why what follows the block doesn't end it; None where it does."""
        self._have(n_bytes + 16)
        rest = self._held[self._start + n_bytes : self._start + n_bytes + 16]
        ends = rest[: len(rest) - len(rest.lstrip(ENDS))]
        n_lines = ends.count(b"\n")
        self._has_ends |= n_lines >= 2
        if n_lines >= 2 or VERSION.match(rest, len(ends)):
            return None
        if len(ends) == len(rest):
            is_sound = not self._has_ends and self._damage is None
            return None if is_sound or len(rest) == 16 else self._damage or CUT_OFF
        return "its Content-Length is wrong, or its end is missing"

    def _find_record(self) -> bool:
        """Go to the next line that begins a record. What is passed is not held."""
        while True:
            found = RECORD.search(self._held, self._start)
            if found is not None:
                self._skip(found.end() - self._start)
                return True
            if len(self._held) - self._start > 32:
                self._skip(len(self._held) - self._start - 32)
            if not self._have(len(self._held) - self._start + 1):
                return False

    def _go_on(self) -> bool:
        """Go to the next packed member behind damage, if there is one."""
        if self._damage is None or self._unpacked is None or not self._unpacked.find_stream(b"WARC/"):
            return False
        self._offset += len(self._held) - self._start
        self._held, self._start, self._damage = b"", 0, None
        return True

    def _have(self, n_bytes: int) -> bool:
        """Whether so many bytes follow; they are held then."""
        n_held = len(self._held) - self._start
        if n_held >= n_bytes:
            return True
        parts = [self._held[self._start :]]
        while n_held < n_bytes and (data := self._read()):
            parts.append(data)
            n_held += len(data)
        self._held, self._start = b"".join(parts), 0
        return n_held >= n_bytes

    def _read(self) -> bytes:
        if self._damage is not None:
            return b""
        try:
            return self._unpacked.read(READ_BYTES) if self._unpacked else self._stream.read1(READ_BYTES)
        except BudgetSpent:
            raise
        except InputError as error:
            self._damage = str(error)
            return b""

    def _skip(self, n_bytes: int) -> None:
        self._start += n_bytes
        self._offset += n_bytes

    def _pass(self, n_bytes: int) -> None:
        """Skip bytes that are not held."""
        while n_bytes and self._have(1):
            n_passed = min(n_bytes, len(self._held) - self._start)
            self._skip(n_passed)
            n_bytes -= n_passed

    def _skip_ends(self) -> None:
        while self._have(1):
            rest = self._held[self._start :].lstrip(ENDS) if self._held[self._start] in ENDS else None
            if rest is None:
                return
            self._skip(len(self._held) - self._start - len(rest))
