"""JSON lines, in and out. Everything but the page's text is kept byte for byte.

A line is not written anew from its values: the kept text replaces the page's text where it stands. So numbers, escapes,
spaces and the order of the keys stay as they were, in other fields of any kind and size.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import BinaryIO, ClassVar, NamedTuple, cast

from declutter.errors import InputError
from declutter.files.page_columns import Columns, keys_of, missing_page, string_or_none, value_at
from declutter.files.records import Failure, Options, Record
from declutter.files.streams import FileInput, megabytes
from declutter.files.verdicts import CONFIDENCE, JSON_DIGITS, PageVerdicts, confidence_of, verdict_rows
from declutter.pages import Page

SKIPPED_BYTES = 1 << 20  # of a line that is too long, at once
LINES_WITHOUT_PAGE = 100  # so many at the beginning, and the input is given up: its columns have other names
KNOWN_COLUMNS = 1000  # sets of keys whose columns are remembered
SPACE = re.compile(r"[ \t\n\r]*")
behind_space = cast("Callable[[str, int], re.Match[str]]", SPACE.match)  # it may be empty, so it always matches
LINE_ENDS = re.compile(rb"[ \t\r]*\n[ \t\r\n]*")
#: Numbers are read past, not made: one of a million digits costs nothing and can't fail.
DECODER = json.JSONDecoder(strict=False, parse_float=str, parse_int=str, parse_constant=str)
LONGEST_INT = 640  # digits: the least that Python's limit on the size of numbers can be set to
VERDICTS = "verdicts"
ERROR = "declutter_error"


class Member(NamedTuple):
    """A key of a JSON object with its value, and where they stand in the line."""

    key_start: int
    start: int  # of the value
    end: int
    value: object


class JsonLine(NamedTuple):
    """A line around the place where the kept text goes."""

    before: str
    after: str  # from the object's closing brace on, or from behind the text
    is_ascii: bool  # whether the page was written with \\u escapes only
    errors: str  # how to encode it: bytes that are no UTF-8 and lone surrogates go out as they came in
    column: str = ""  # under which the text goes
    is_null: bool = False  # there is no page, and nothing is put into the line
    is_in_array: bool = False  # an item of a JSON array


class _Lines:
    """The lines of a stream, numbered from 1. Lines longer than `max_bytes` are skipped."""

    def __init__(self, stream: BinaryIO, max_bytes: int):
        self._stream = stream
        self._max_bytes = max_bytes
        self.number = 0

    def __iter__(self) -> Iterator[bytes | None]:
        """The lines, or None in the place of one that is too long."""
        readline, limit = self._stream.readline, self._max_bytes + 1
        while True:
            self.number += 1
            line = readline(limit)
            if not line:
                return
            if len(line) == limit and not line.endswith(b"\n"):
                while (skipped := readline(SKIPPED_BYTES)) and not skipped.endswith(b"\n"):
                    pass
                yield None
            else:
                yield line


class JsonText(NamedTuple):
    """A JSON object as it stands in a file."""

    number: int  # of its line or item, from 1
    text: str | None  # without the line's end; None where it is too long
    n_bytes: int
    is_utf8: bool = True  # else bytes that are not UTF-8 stand in it as surrogates
    is_in_array: bool = False


class JsonlInput(FileInput):
    """A file of JSON objects, one a line."""

    format = "jsonl"
    unit: ClassVar[str] = "line"  # what messages number

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        with self.file.open_unpacked() as stream:
            columns = _ColumnsOfLines(self.options, counts)
            number = 0
            try:
                for found in self._texts(stream):
                    number = found.number
                    yield self._record(found, columns)
                    if columns.n_without == LINES_WITHOUT_PAGE:
                        reason = f"{LINES_WITHOUT_PAGE} {self.unit}s without a page, the rest is not read: "
                        yield self._unreadable(f"{self.unit} {number}", reason + missing_page(self.options))
                        return
            except InputError as error:
                place = f"{self.unit} {number + 1}"
                yield Failure(self.id, place, f"{error}, in or after {place}")

    def _texts(self, stream: io.BufferedReader) -> Iterator[JsonText]:
        """The objects of the stream. Raises InputError where it is cut off or damaged."""
        lines = _Lines(stream, self.options.max_record_bytes)
        for line in lines:
            if line is None:
                yield JsonText(lines.number, None, 0)
            elif not line.isspace():
                try:
                    text, is_utf8 = line.decode("utf-8"), True
                except UnicodeDecodeError:
                    text, is_utf8 = line.decode("utf-8", "surrogateescape"), False
                yield JsonText(lines.number, text.rstrip("\n"), len(line), is_utf8)

    def _record(self, found: JsonText, columns: _ColumnsOfLines) -> Record | Failure:
        place = f"{self.unit} {found.number}"
        if found.text is None:
            limit = megabytes(self.options.max_record_bytes)
            return self._unreadable(place, f"longer than {limit}, skipped; --max-record-bytes sets this")
        try:
            record = _read(found, f"{self.id}:{found.number}", columns)
            if not found.is_in_array:
                return record
            assert isinstance(record.rest, JsonLine)
            return replace(record, rest=record.rest._replace(is_in_array=True))
        except (ValueError, RecursionError) as error:
            return self._unreadable(place, str(error) or type(error).__name__)


class _ColumnsOfLines:
    """The columns of objects, found once for all objects with the same keys."""

    def __init__(self, options: Options, counts: Counter[str]):
        self.options = options
        self.counts = counts
        self.n_without = 0  # lines without a page, before the first that has one; -1 from then on
        self._known: dict[tuple[str, ...], Columns] = {}

    def of(self, fields: dict[str, object]) -> Columns:
        """The columns of an object. Raises ValueError if no column holds a page."""
        keys = tuple(fields)
        columns = self._known.get(keys)
        if columns is None or (columns.page is not None and value_at(fields, columns.page) is None):
            columns = Columns.found(self.options, lambda column: _has(fields, column))
            if len(self._known) < KNOWN_COLUMNS:
                self._known[keys] = columns
        if columns.page is None:
            self.n_without += self.n_without >= 0
            raise ValueError(missing_page(self.options))
        self.n_without = -1
        return columns


def _has(fields: dict[str, object], column: str) -> bool:
    """Whether an object has a column, be it null."""
    if column in fields:
        return True
    *parents, last = keys_of(column)
    parent = value_at(fields, ".".join(parents)) if parents else None
    return isinstance(parent, dict) and last in parent


def _read(found: JsonText, page_id: str, columns: _ColumnsOfLines) -> Record:
    """The record of an object. Raises ValueError, RecursionError where it holds no page."""
    text, errors = found.text, "backslashreplace" if found.is_utf8 else "surrogateescape"
    assert text is not None  # a line that is too long is not read
    members, end = _members(text, behind_space(text, text.startswith("\ufeff")).end())
    if behind_space(text, end).end() != len(text):
        raise ValueError(f"broken JSON: something else follows the object, at character {end + 1}")
    fields = {key: member.value for key, member in members.items()}
    held = columns.of(fields)
    assert held.page is not None  # `of` raises where there is none
    place = _place(text, members, held.page)
    spare = _place(text, members, held.spare) if held.spare else None
    spare_value = spare.value if spare and text[spare.start] == '"' else None
    value, is_html = held.read(place.value, spare_value, columns.counts)
    if value is None:
        return Record(Page(page_id, text=""), JsonLine(text, "", False, errors, is_null=True), found.n_bytes)
    if not isinstance(value, str) or (value is place.value and text[place.start] != '"'):
        raise ValueError(f"the column {held.page} holds no text")
    added = columns.options.output_column
    if added is None or added == held.page:
        rest = _replaced(text, place, held.renamed(lambda column: _has(fields, column)), errors)
    else:
        rest = _added(text, place, end, added, errors)
    site, url = (string_or_none(value_at(fields, column)) if column else None for column in (held.site, held.url))
    page = Page(page_id, site, url, *((None, value) if is_html else (value,)))
    return Record(page, rest, found.n_bytes)


def _members(text: str, start: int) -> tuple[dict[str, Member], int]:
    """The members of the object that begins at `start`, and where it ends. Raises ValueError for broken JSON."""
    if text[start : start + 1] != "{":
        raise ValueError("not a JSON object")
    members: dict[str, Member] = {}
    scan = DECODER.scan_once  # type: ignore[attr-defined]  # typeshed lacks it
    space = behind_space
    position = space(text, start + 1).end()
    if text[position : position + 1] == "}":
        return members, position + 1
    try:
        while True:
            if text[position] != '"':
                raise ValueError(f"broken JSON: no key at character {position + 1}")
            key, colon = scanstring(text, position + 1, False)
            colon = space(text, colon).end()
            if text[colon] != ":":
                raise ValueError(f"broken JSON: no colon at character {colon + 1}")
            begin = space(text, colon + 1).end()
            value, end = scan(text, begin)
            members[key] = Member(position, begin, end, value)
            position = space(text, end).end()
            if text[position] == "}":
                return members, position + 1
            if text[position] != ",":
                raise ValueError(f"broken JSON: no comma at character {position + 1}")
            position = space(text, position + 1).end()
    except StopIteration as error:
        raise ValueError(f"broken JSON: no value at character {error.value + 1}") from error
    except IndexError as error:
        raise ValueError("broken JSON: it ends too early") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"broken JSON: {error.msg}, at character {error.pos + 1}") from error


def _place(text: str, members: dict[str, Member], column: str) -> Member:
    """Where the value of a column stands."""
    if column in members:
        return members[column]
    for key in keys_of(column)[:-1]:
        members, _ = _members(text, members[key].start)
    return members[keys_of(column)[-1]]


def _replaced(text: str, place: Member, name: str | None, errors: str) -> JsonLine:
    """The line without its page, whose place the kept text takes; under another name where one is given."""
    key = f"{_quoted(name)}: " if name else text[place.key_start : place.start]
    column = name or scanstring(key, 1, False)[0]
    return JsonLine(text[: place.key_start] + key, text[place.end :], _is_escaped(text, place), errors, column)


def _added(text: str, place: Member, end: int, name: str, errors: str) -> JsonLine:
    """The line, to which the kept text comes behind all that it has."""
    before = f"{text[: end - 1].rstrip()}, {_quoted(name)}: "
    return JsonLine(before, text[end - 1 :], _is_escaped(text, place), errors, name)


def _is_escaped(text: str, place: Member) -> bool:
    """Whether a string is written in ASCII with escapes for all other characters."""
    return text.find("\\u", place.start, place.end) >= 0 and text[place.start : place.end].isascii()


def _quoted(text: str, is_ascii: bool = False) -> str:
    return encode_basestring_ascii(text) if is_ascii else encode_basestring(text)


class JsonlOutput:
    """JSON lines of any input: a JSON line keeps all that it had, other pages become objects with their fields."""

    def __init__(
        self,
        stream: BinaryIO,
        options: Options,
        is_live: bool = False,
        fields_of: Callable[[Record], dict[str, object]] | None = None,
    ):
        self._stream = stream
        self._fields_of = fields_of or _fields  # what a page's record holds besides, where it is no JSON line
        self._options = options
        self._is_live = is_live  # someone waits for each line

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        extra: dict[str, object] = {}
        if self._options.verdicts and verdicts is not None:
            extra[VERDICTS] = verdict_rows(verdicts, JSON_DIGITS)
            extra[CONFIDENCE] = confidence_of(verdicts, JSON_DIGITS)
        if error is not None:
            extra[ERROR] = error
        if isinstance(record.rest, JsonLine):
            line = _line(record.rest, text, {**_new_fields(record.rest, record.metadata), **extra})
        else:
            line = _dumped({**self._fields(record, text), **extra}).encode("utf-8", "backslashreplace")
        self._put(line, record)
        if self._is_live:
            self._stream.flush()

    def _put(self, line: bytes, record: Record) -> None:
        """Write an object as a line; one that goes over several lines is joined."""
        self._stream.write((_one_line(line) if b"\n" in line else line) + b"\n")

    def _fields(self, record: Record, text: str) -> dict[str, object]:
        """A new object for a page that was no JSON line."""
        fields = self._fields_of(record)
        if record.page.url and record.page.url not in fields.values():
            fields["url"] = record.page.url
        for name, value in (record.metadata or {}).items():
            fields.setdefault(name, value)
        is_null = getattr(record.rest, "is_null", False)
        column = self._options.output_column or ("clean_text" if "text" in fields else "text")
        return {**fields, column: None if is_null else text}

    def close(self) -> None:
        self._stream.close()


def _fields(record: Record) -> dict[str, object]:
    fields = dict(record.rest) if isinstance(record.rest, dict) else {"id": record.page.id}
    if record.metadata and "date" in fields:
        fields["crawl_date"] = fields.pop("date")  # of a WARC record: not the page's own, which is wanted here
    return fields


def _new_fields(rest: JsonLine, metadata: dict[str, str | None] | None) -> dict[str, object]:
    """The metadata that a line is given: what it has under these names stays."""
    if not metadata:
        return {}
    line = f"{rest.before}null{rest.after}"
    members, _ = _members(line, behind_space(line, line.startswith("\ufeff")).end())
    values = [member.value for member in members.values()]
    new = {name: value for name, value in metadata.items() if name not in members}
    return {name: value for name, value in new.items() if name != "url" or value not in values}


def _line(rest: JsonLine, text: str, extra: dict[str, object]) -> bytes:
    """A JSON line with the kept text in it, and the extra members behind all others."""
    value = "" if rest.is_null else _quoted(text, rest.is_ascii)
    before, after = ("", rest.before) if rest.is_null else (rest.before, rest.after)
    if extra:
        members = _dumped(extra)[1:]
        brace = after.rindex("}")
        after = f"{after[:brace].rstrip()}, {members}{after[brace + 1 :]}"
    line = f"{before}{value}{after}"
    try:
        return line.encode("utf-8", rest.errors)
    except UnicodeEncodeError:  # bytes that are no UTF-8 and escaped surrogates on one line: all become escapes
        return line.encode("utf-8", "backslashreplace")


def _one_line(text: bytes) -> bytes:
    """An object that goes over several lines as one line: only spaces between its tokens change."""
    parts: list[bytes] = []
    position = 0
    while (quote := text.find(b'"', position)) >= 0:
        end = _string_end(text, quote)
        parts += [LINE_ENDS.sub(b" ", text[position:quote]), text[quote:end].replace(b"\n", b"\\n")]
        position = end
    return b"".join([*parts, LINE_ENDS.sub(b" ", text[position:])])


def _string_end(text: bytes, quote: int) -> int:
    """Where the string that begins at `quote` ends."""
    end = text.find(b'"', quote + 1)
    while end >= 0 and (end - len(text[quote + 1 : end].rstrip(b"\\")) - quote - 1) % 2:
        end = text.find(b'"', end + 1)
    return end + 1 or len(text)


def _dumped(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    """A string for a value that JSON can't express: bytes, dates, decimals."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _int(digits: str) -> int | str:
    """The number; one that Python refuses to make, of thousands of digits, stays a string."""
    return int(digits) if len(digits) <= LONGEST_INT else digits


def fields_of_line(rest: JsonLine) -> dict[str, object]:
    """The fields of a line, without its page."""
    line = rest.before if rest.is_null else f"{rest.before}null{rest.after}"
    fields = json.loads(line.removeprefix("\ufeff"), strict=False, parse_int=_int)
    if fields.get(rest.column) is None:
        fields.pop(rest.column, None)
    return fields
