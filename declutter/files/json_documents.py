"""JSON files that are not lines, in and out: an array of objects, or objects that each go over several lines."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed lacks it
from typing import cast

from declutter.errors import InputError
from declutter.files.jsonl import JsonlInput, JsonlOutput, JsonText
from declutter.files.records import Record
from declutter.files.streams import megabytes

READ_BYTES = 1 << 18
BETWEEN = re.compile(r"[ \t\n\r\ufeff]*")
behind_space = cast("Callable[[str, int], re.Match[str]]", BETWEEN.match)  # it may be empty, so it always matches
BRACKET = re.compile(r'["{}\[\]]')
PLAIN = re.compile(r"[^,\]\s]+")  # a number or a word in the place of an object


class JsonInput(JsonlInput):
    """A file that is an array of objects, or holds objects one after the other. Each object is a page."""

    format = "json"
    unit = "item"

    def _texts(self, stream: io.BufferedReader) -> Iterator[JsonText]:
        max_chars = self.options.max_record_bytes
        values = _Values(stream, max_chars, self.file.name)
        for number, (text, is_in_array) in enumerate(values, 1):
            if len(text) > max_chars:
                yield JsonText(number, None, 0)
                continue
            try:
                n_bytes, is_utf8 = len(text if text.isascii() else text.encode("utf-8")), True
            except UnicodeEncodeError:
                n_bytes, is_utf8 = len(text.encode("utf-8", "surrogateescape")), False
            yield JsonText(number, text, n_bytes, is_utf8, is_in_array)


class _Values:
    """The values of a stream of JSON: those in an array, or the stream's own; one in memory at a time."""

    def __init__(self, stream: io.BufferedReader, max_chars: int, name: str):
        self._stream = stream
        self._max_chars = max_chars
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._position = 0

    def __iter__(self) -> Iterator[tuple[str, bool]]:
        """Each value as it stands, and whether it is in an array. Raises InputError where one is broken or too long."""
        is_in_array = is_after_value = False
        while (char := self._next_char()) or is_in_array:
            if not char:
                raise InputError(f"{self._name}: cut off, the JSON array has no end")
            if is_in_array and char == "]":
                is_in_array = is_after_value = False
                self._position += 1
            elif is_in_array and char == "," and is_after_value:
                is_after_value = False
                self._position += 1
            elif char == "[" and not is_in_array:
                is_in_array, is_after_value = True, False
                self._position += 1
            elif is_after_value and is_in_array:
                raise InputError(f"{self._name}: broken JSON, no comma between two items")
            else:
                end = self._end_of_value(char)
                text, self._position = self._text[self._position : end], end
                is_after_value = True
                yield text, is_in_array

    def _next_char(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            self._position = behind_space(self._text, self._position).end()
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read():
                return ""

    def _read(self) -> bool:
        """Read on, as much again as is held; what was passed is dropped."""
        held = self._text[self._position :]
        if len(held) > self._max_chars:
            limit = megabytes(self._max_chars)
            raise InputError(f"{self._name}: an item longer than {limit}; --max-record-bytes sets this")
        data = self._stream.read1(max(READ_BYTES, len(held)))
        self._text, self._position = held + self._decoder.decode(data, not data), 0
        return bool(data)

    def _end_of_value(self, char: str) -> int:
        """Where the value that begins at the position ends, which may be broken inside."""
        if char not in '"{[':
            return self._end_of_word()
        depth, offset = 0, 0  # of what is looked at, from the position on
        while True:
            found = BRACKET.search(self._text, self._position + offset)
            if found is None:
                offset = len(self._text) - self._position
                self._read_more()
                continue
            offset = found.end() - self._position
            if found[0] == '"':
                offset = self._end_of_string(offset)
            else:
                depth += 1 if found[0] in "{[" else -1
            if depth <= 0:
                return self._position + offset

    def _end_of_string(self, offset: int) -> int:
        """The offset behind the string whose opening quote ends at `offset`."""
        while True:
            try:
                return scanstring(self._text, self._position + offset, False)[1] - self._position
            except json.JSONDecodeError as error:
                if error.msg.startswith("Unterminated") or error.pos + 6 >= len(self._text):
                    self._read_more()
                    continue
            return self._text.index('"', self._position + offset) + 1 - self._position  # a broken escape

    def _end_of_word(self) -> int:
        while True:
            found = PLAIN.match(self._text, self._position)
            end = found.end() if found else self._position + 1
            if end < len(self._text) or not self._read():
                return end

    def _read_more(self) -> None:
        if not self._read():
            raise InputError(f"{self._name}: cut off in the middle of an item")


class JsonOutput(JsonlOutput):
    """The items of an array as an array, each as it stood; other objects one after the other."""

    _is_array: bool | None = None

    def _put(self, line: bytes, record: Record) -> None:
        if self._is_array is None:
            self._is_array = getattr(record.rest, "is_in_array", True)
            self._stream.write(b"[\n" if self._is_array else b"")
        elif self._is_array:
            self._stream.write(b",\n")
        self._stream.write(line if self._is_array else line + b"\n")

    def close(self) -> None:
        if self._stream.closed:
            return
        self._stream.write(b"[]\n" if self._is_array is None else b"\n]\n" if self._is_array else b"")
        self._stream.close()
