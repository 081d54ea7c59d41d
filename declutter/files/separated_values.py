"""CSV and TSV files, in and out: a page a row, under a header with the columns' names.

Python's csv finds the rows and their values. What is not the page's text is written as it stood, quotes and all.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import BinaryIO, ClassVar, NamedTuple

from declutter.errors import InputError
from declutter.files.encoding import UTF8, Encoding, decode
from declutter.files.jsonl import ERROR, VERDICTS
from declutter.files.page_columns import Columns, missing_page
from declutter.files.records import Failure, Options, Record
from declutter.files.streams import FileInput, megabytes
from declutter.files.verdicts import CONFIDENCE, JSON_DIGITS, PageVerdicts, confidence_of, verdict_rows
from declutter.pages import Page

DELIMITERS = ",;\t|"
WIDE = ("utf-16", "utf-32")
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}  # of TSV without quotes, as databases write it
ESCAPED = re.compile(r"\\(.)", re.S)
TO_ESCAPE = re.compile(r"[\\\n\t\r]")
MEANINGS = {escape[1]: char for char, escape in ESCAPES.items()}


class Layout(NamedTuple):
    """How a file's rows are written, and what its columns hold."""

    names: tuple[str, ...]
    header: tuple[str, ...]  # the names as they stand
    line_end: str
    delimiter: str
    has_quotes: bool
    encoding: Encoding
    columns: Columns

    def place(self, column: str | None) -> int | None:
        """The number of a column."""
        return None if column is None else _folded(self.names).index(_fold(column))

    @property
    def page_place(self) -> int:
        """The number of the page's column."""
        place = self.place(self.columns.page)
        assert place is not None  # a file without such a column has no layout
        return place

    def written(self, value: str, before: str = "") -> str:
        """A value as a field; in quotes where it needs them, or where what stood there `before` had them."""
        if not self.has_quotes:
            return TO_ESCAPE.sub(lambda found: ESCAPES[found[0]], value)
        needs_quotes = before.startswith('"') or any(char in value for char in (self.delimiter, '"', "\n", "\r"))
        return '"' + value.replace('"', '""') + '"' if needs_quotes else value

    def encoded(self, text: str) -> bytes:
        """The text in the file's encoding; what has no place in it becomes a question mark."""
        try:
            return text.encode(self.encoding.codec, self.encoding.errors)
        except UnicodeEncodeError:
            return text.encode(self.encoding.codec, "replace")


class SeparatedRow(NamedTuple):
    """A row around the place where the kept text goes."""

    layout: Layout
    fields: tuple[str, ...]  # as they stand
    values: tuple[str, ...]
    is_null: bool  # the row has no page, and keeps none


class SeparatedInput(FileInput):
    """What CSV and TSV share."""

    delimiters: ClassVar[str]

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        with self.file.open_unpacked() as stream:
            csv.field_size_limit(self.options.max_record_bytes)
            text, encoding, sample = self._decoded(stream)
            lines = _Lines(text, self.options.max_record_bytes)
            header = lines.readline()
            if not header.strip():
                return
            layout = self._layout(header, sample, encoding)
            rows = csv.reader(
                lines,
                delimiter=layout.delimiter,
                strict=True,
                quoting=csv.QUOTE_MINIMAL if layout.has_quotes else csv.QUOTE_NONE,
            )
            number = 0
            while True:
                number += 1
                try:
                    values = next(rows, None)
                except csv.Error as error:
                    yield self._unreadable(f"row {number}", f"{error}; it ends in line {lines.number}")
                    values = []
                raw = lines.take()
                if values is None:
                    return
                if values:
                    yield self._record(number, values, raw, layout, counts)

    def _decoded(self, stream: io.BufferedReader) -> tuple[io.TextIOWrapper, Encoding, str]:
        """The stream as text, its encoding, and a sample of it. Raises InputError where it is not text."""
        head = stream.peek(1)
        is_wide = b"\0" in head[:100]
        head = head[: len(head) // 4 * 4] if is_wide else head[: head.rfind(b"\n") + 1] or head
        if self.options.encoding is not None:
            encoding, sample = Encoding(self.options.encoding), head.decode(self.options.encoding, "replace")
        else:
            sample, encoding = decode(head, self.file.name)
        errors = "surrogatepass" if encoding.codec.startswith(WIDE) else "surrogateescape"
        stream.read(len(encoding.bom))
        return io.TextIOWrapper(stream, encoding.codec, errors, ""), encoding._replace(errors=errors), sample

    def _layout(self, header: str, sample: str, encoding: Encoding) -> Layout:
        """How the rows are written. Raises InputError where no column holds a page."""
        delimiter = max(self.delimiters, key=header.count)
        has_quotes = delimiter != "\t" or _has_quotes(sample)
        fields, line_end = _fields(header, delimiter, has_quotes)
        names = tuple(_value(field, has_quotes) for field in fields)
        folded = _folded(names)
        columns = Columns.found(self.options, lambda column: _fold(column) in folded)
        if columns.page is None:
            shown = ", ".join(names[:50])
            raise InputError(f"{self.file.name}: {missing_page(self.options)}. Its columns are {shown}")
        for name in (columns.url, columns.id, columns.site):
            if name is not None and _fold(name) not in folded:
                raise InputError(f"{self.file.name}: there is no column {name}")
        if columns.is_html and not encoding.codec.startswith(("utf", "UTF")):
            encoding = UTF8  # the text of HTML has characters that are entities there
        return Layout(names, fields, line_end or "\n", delimiter, has_quotes, encoding, columns)

    def _record(
        self, number: int, values: Sequence[str], raw: str, layout: Layout, counts: Counter[str]
    ) -> Record | Failure:
        columns = layout.columns
        place = layout.page_place
        if place >= len(values):
            return self._unreadable(f"row {number}", f"{len(values)} fields, and the page is in field {place + 1}")
        fields, _ = _fields(raw, layout.delimiter, layout.has_quotes)
        if [_value(field, layout.has_quotes) for field in fields] != list(values):
            fields = tuple(layout.written(value) for value in values)
        of = {name: self._at(values, layout.place(getattr(columns, name)), layout) for name in ("spare", "url", "site")}
        value, is_html = columns.read(self._at(values, place, layout), of["spare"], counts)
        rest = SeparatedRow(layout, fields, tuple(values), value is None)
        assert not isinstance(value, bytes)  # the fields of a row are str
        text, html = (None, value) if is_html and value is not None else (value or "", None)
        n_bytes = len(raw) if raw.isascii() else len(raw.encode("utf-8", "surrogatepass"))
        return Record(Page(f"{self.id}:{number}", of["site"], of["url"], text, html), rest, n_bytes)

    def _at(self, values: Sequence[str], place: int | None, layout: Layout) -> str | None:
        """The value of a field; None where it is empty."""
        value = values[place] if place is not None and place < len(values) else None
        if value and not layout.has_quotes and "\\" in value:
            value = ESCAPED.sub(lambda found: MEANINGS.get(found[1], found[0]), value)
        return value or None


class CsvInput(SeparatedInput):
    """A CSV file, with commas, semicolons, tabs or bars between its fields."""

    format = "csv"
    delimiters = DELIMITERS


class TsvInput(SeparatedInput):
    """A TSV file. Without quotes in it, `\\\\n` and `\\\\t` in a field are a line's end and a tab."""

    format = "tsv"
    delimiters = "\t"


class _Lines:
    """The lines of a text, each of at most `max_chars` characters. It remembers the lines of the current row."""

    def __init__(self, text: io.TextIOWrapper, max_chars: int):
        self._text = text
        self._max_chars = max_chars
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        self._taken.append(line)
        return line

    def readline(self) -> str:
        """The next line, "" at the end. Raises csv.Error for a line that is too long, and skips it."""
        self.number += 1
        line = self._text.readline(self._max_chars + 1)
        if len(line) <= self._max_chars or line.endswith(("\n", "\r")):
            return line
        while (line := self._text.readline(1 << 20)) and not line.endswith(("\n", "\r")):
            pass
        raise csv.Error(f"a line longer than {megabytes(self._max_chars)}, skipped; --max-record-bytes sets this")

    def take(self) -> str:
        """The lines since the last time, as they stand."""
        taken, self._taken = "".join(self._taken), []
        return taken


def _fields(raw: str, delimiter: str, has_quotes: bool) -> tuple[tuple[str, ...], str]:
    """The fields of a row as they stand, and its end."""
    body = raw.rstrip("\r\n")
    if not has_quotes or '"' not in body:
        return tuple(body.split(delimiter)), raw[len(body) :]
    fields, start = [], 0
    while True:
        end = start
        if body.startswith('"', start):
            end = body.find('"', start + 1)
            while end >= 0 and body.startswith('"', end + 1):
                end = body.find('"', end + 2)
            end = len(body) if end < 0 else end
        end = body.find(delimiter, end)
        fields.append(body[start:] if end < 0 else body[start:end])
        if end < 0:
            return tuple(fields), raw[len(body) :]
        start = end + 1


def _value(field: str, has_quotes: bool) -> str:
    if has_quotes and len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _has_quotes(sample: str) -> bool:
    """Whether the quotes in a TSV file stand round fields, and are not part of the text."""
    n_opening = len(re.findall(r'(?:^|\t)"', sample, re.M))
    return n_opening > 0 and n_opening == len(re.findall(r'"(?=\t|\r?$)', sample, re.M))


def _fold(name: str) -> str:
    return name.strip().lower()


def _folded(names: Sequence[str]) -> list[str]:
    return [_fold(name) for name in names]


def fields_of_row(record: Record) -> dict[str, object]:
    """The fields of a row, without its page."""
    row = record.rest
    assert isinstance(row, SeparatedRow)
    place = row.layout.page_place
    pairs = enumerate(zip(row.layout.names, row.values, strict=False))
    return {name: value for number, (name, value) in pairs if number != place}


class SeparatedOutput:
    """The rows of a CSV or TSV file, their text cleaned or beside it in a column of its own."""

    def __init__(self, stream: BinaryIO, options: Options, is_live: bool = False):
        self._stream = stream
        self._options = options
        self._is_live = is_live
        self._layout: Layout | None = None

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        row = record.rest
        assert isinstance(row, SeparatedRow)
        if self._layout is None:
            self._layout = row.layout
            self._stream.write(row.layout.encoding.bom)
            added = [VERDICTS, CONFIDENCE, ERROR]
            self._write_row(self._layout, list(row.layout.header), self._renamed(row.layout), added)
        judged = "" if verdicts is None else json.dumps(verdict_rows(verdicts, JSON_DIGITS), ensure_ascii=False)
        confidence = None if verdicts is None else confidence_of(verdicts, JSON_DIGITS)
        extra = [
            row.layout.written(value) for value in (judged, "" if confidence is None else str(confidence), error or "")
        ]
        self._write_row(self._layout, list(row.fields), None if row.is_null else text, extra)
        if self._is_live:
            self._stream.flush()

    def _renamed(self, layout: Layout) -> str:
        """The name of the column that the kept text stands in."""
        columns = layout.columns
        folded = _folded(layout.names)
        name = self._options.output_column or columns.renamed(lambda column: _fold(column) in folded)
        return name or layout.names[layout.page_place]

    def _write_row(self, layout: Layout, fields: list[str], text: str | None, extra: list[str]) -> None:
        place = layout.page_place
        if self._options.output_column not in (None, layout.columns.page):
            fields += [""] * (len(layout.names) - len(fields))
            fields.insert(len(layout.names), layout.written(text or ""))
        elif text is not None:
            fields[place] = layout.written(text, fields[place])
        if self._options.verdicts:
            fields += extra
        self._stream.write(layout.encoded(layout.delimiter.join(fields) + layout.line_end))

    def close(self) -> None:
        self._stream.close()
