"""Parquet and Arrow files, in and out, by pyarrow: a page a row, a batch of rows in memory at a time."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

from declutter.errors import InputError, OutputError
from declutter.files.compression import Budget
from declutter.files.jsonl import VERDICTS, JsonLine, fields_of_line
from declutter.files.page_columns import (
    Columns,
    id_of,
    keys_of,
    missing_page,
    string_or_none,
    value_at,
)
from declutter.files.records import Failure, Options, Record, Row
from declutter.files.streams import FileInput, megabytes
from declutter.files.verdicts import (
    CONFIDENCE,
    PageVerdicts,
    confidences_array,
    verdicts_array,
    verdicts_type,
    without_surrogates,
)
from declutter.pages import Page

if TYPE_CHECKING:
    import pyarrow

#: Bytes of rows, before compression, that are in memory at once; larger batches were no faster.
BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 4096
DENSE_BYTES = 256 << 20  # of a batch at most, if its longest value repeats in all rows
READ_BYTES = 1 << 20
ROW_GROUP_BYTES = 32 << 20  # held until they are written: smaller row groups are slow to scan
NEW_TABLE_BYTES = 8 << 20  # of text, made into a batch at once
NEW_TABLE_ROWS = 10_000
NEW_TABLE_COMPRESSION = "zstd"


def arrow() -> ModuleType:
    """pyarrow. Raises InputError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise InputError('Parquet and Arrow take pyarrow: pip install "declutter-text[parquet]"') from error
    return pyarrow


class TableInput(FileInput):
    """The common part of Parquet and Arrow: rows to pages. The other columns are read again for the output."""

    def _records(self, counts: Counter[str]) -> Iterator[Record | Failure]:
        with self.errors():
            schema = self.schema()
            columns = self.columns(schema)
            wanted = [name for name in (columns.page, columns.spare, columns.url, columns.site) if name]
            number = 0
            for batch in self.batches(wanted):
                urls, sites = (_strings(batch, name) for name in (columns.url, columns.site))
                pages = text_values(batch.column(columns.page))
                spares = text_values(batch.column(columns.spare)) if columns.spare else [None] * len(pages)
                for value, spare, url, site in zip(pages, spares, urls, sites, strict=True):
                    yield self._record(number, *columns.read(value, spare, counts), url, site)
                    number += 1

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Arrow's errors as InputError. pyarrow is not loaded before a table is met."""
        pyarrow = arrow()
        try:
            yield
        except (pyarrow.ArrowException, NotImplementedError) as error:
            raise InputError(f"{self.file.name}: damaged, or no {self.format} file ({error})") from error

    def _record(
        self, number: int, value: str | bytes | None, is_html: bool, url: str | None, site: str | None
    ) -> Record | Failure:
        if value is None:
            return Record(Page(f"{self.id}:{number}", site, url, text=""), Row(number, True))
        n_bytes = len(value if isinstance(value, bytes) or value.isascii() else value.encode("utf-8"))
        if n_bytes > self.options.max_page_bytes:
            limit = megabytes(self.options.max_page_bytes)
            reason = f"a page longer than {limit}, skipped; --max-page-bytes sets this"
            return self._unreadable(f"row {number}", reason)
        text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
        if is_html:
            page = Page(f"{self.id}:{number}", site, url, html=value)
        else:
            page = Page(f"{self.id}:{number}", site, url, text=text)
        return Record(page, Row(number), n_bytes)

    def columns(self, schema: pyarrow.Schema) -> Columns:
        """The columns that hold a page. Raises InputError, naming the file, if they are missing or hold no text."""
        found = Columns.found(self.options, partial(_has, schema))
        if found.page is None:
            names = ", ".join(schema.names[:50])
            raise InputError(f"{self.file.name}: {missing_page(self.options)}. Its columns are {names}")
        if found.page not in schema.names or not _is_text(schema.field(found.page).type):
            kind = schema.field(found.page).type if found.page in schema.names else "part of a struct"
            raise InputError(f"{self.file.name}: the column {found.page} holds no text (it is {kind})")
        missing = [name for name in (found.url, found.id, found.site) if name and not _has(schema, name)]
        if missing:
            raise InputError(f"{self.file.name}: there is no column {missing[0]}")
        has_spare = found.spare in schema.names and _is_text(schema.field(found.spare).type)
        return found if has_spare else replace(found, spare=None)

    @abstractmethod
    def schema(self) -> pyarrow.Schema:
        """The table's columns."""

    @abstractmethod
    def batches(self, wanted: list[str] | None = None) -> Iterator[pyarrow.RecordBatch]:
        """The rows in order, of the columns wanted or of all."""


class ParquetInput(TableInput):
    """A Parquet file; its row groups are read in parts."""

    format = "parquet"

    def open_table(self) -> pyarrow.parquet.ParquetFile:
        """The open file; the caller closes it."""
        return arrow().parquet.ParquetFile(self.file.seekable(), pre_buffer=False, buffer_size=READ_BYTES)

    def schema(self) -> pyarrow.Schema:
        with self.open_table() as table:
            return table.schema_arrow

    def batches(self, wanted: list[str] | None = None) -> Iterator[pyarrow.RecordBatch]:
        budget = Budget(self.file.name, self.n_bytes)
        with self.open_table() as table:
            metadata = table.metadata
            n_bytes = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
            n_rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(1, n_bytes)))
            n_rows = min(n_rows, _most_rows(table, self.file.seekable(), wanted))
            for batch in table.iter_batches(n_rows, columns=wanted, use_threads=False):
                budget.unpack(batch.nbytes)
                yield from _parts(batch, budget)

    def compression(self) -> str:
        """What its first column is compressed with, in the words of pyarrow's writer."""
        with self.open_table() as table:
            kinds = [table.metadata.row_group(0).column(0).compression] if table.metadata.num_row_groups else ["SNAPPY"]
        return "none" if kinds == ["UNCOMPRESSED"] else kinds[0].lower()


class ArrowInput(TableInput):
    """An Arrow file (Feather 2) or stream, which is what datasets are kept in."""

    format = "arrow"

    def is_stream(self) -> bool:
        """Whether it is a stream: it has no index at its end."""
        with self.file.open() as stream:
            return not stream.peek(6).startswith(b"ARROW1")

    def schema(self) -> pyarrow.Schema:
        with arrow().memory_map(str(self.file.seekable())) as source:
            ipc = arrow().ipc
            return (ipc.open_stream(source) if self.is_stream() else ipc.open_file(source)).schema

    def batches(self, wanted: list[str] | None = None) -> Iterator[pyarrow.RecordBatch]:
        ipc = arrow().ipc
        budget = Budget(self.file.name, self.n_bytes)
        with arrow().memory_map(str(self.file.seekable())) as source:
            if self.is_stream():
                found: Iterator[pyarrow.RecordBatch] = iter(ipc.open_stream(source))
            else:
                reader = ipc.open_file(source)
                found = map(reader.get_batch, range(reader.num_record_batches))
            for batch in found:
                batch = batch if wanted is None else batch.select(_top(batch, wanted))
                _validate(batch)
                for start in range(0, batch.num_rows, MAX_BATCH_ROWS):
                    yield from _parts(batch.slice(start, MAX_BATCH_ROWS), budget)


def _validate(batch: pyarrow.RecordBatch) -> None:
    """Raise ArrowInvalid where offsets or indices lead out of the data: Arrow reads foreign memory there, or crashes.

    Text that is not UTF-8 is let through, so strings are looked at as bytes.
    """
    pyarrow = arrow()
    as_bytes = {
        pyarrow.string(): pyarrow.binary(),
        pyarrow.large_string(): pyarrow.large_binary(),
        pyarrow.string_view(): pyarrow.binary_view(),
    }
    for column in batch.columns:
        column.validate()
        if pyarrow.types.is_dictionary(column.type):
            column.indices.validate(full=True)
            indices = column.indices.drop_null()
            bounds = pyarrow.compute.min_max(indices).as_py() if len(indices) else {"min": 0, "max": -1}
            if bounds["min"] < 0 or bounds["max"] >= len(column.dictionary):
                raise pyarrow.ArrowInvalid("a dictionary index out of bounds")
            column = column.dictionary
            column.validate()
        kind = as_bytes.get(column.type)
        (column.view(kind) if kind is not None else column).validate(full=True)


def _parts(batch: pyarrow.RecordBatch, budget: Budget) -> Iterator[pyarrow.RecordBatch]:
    """The batch, in parts where a value that stands once in a dictionary fills many rows.

    Raises BudgetSpent where the rows hold far more than the file.
    """
    n_bytes = 0
    for column in batch.columns:
        if arrow().types.is_dictionary(column.type) and _is_text(column.type):
            lengths = arrow().compute.binary_length(column.dictionary).take(column.indices)
            n_bytes += arrow().compute.sum(lengths).as_py() or 0
    budget.unpack(n_bytes)
    n_rows = max(1, batch.num_rows * BATCH_BYTES // max(1, n_bytes))
    for start in range(0, batch.num_rows, n_rows):
        yield batch.slice(start, n_rows)


def _most_rows(table: pyarrow.parquet.ParquetFile, path: Path, wanted: Iterable[str] | None) -> int:
    """So many rows that even the longest value that may repeat in all of them fills no more than DENSE_BYTES.

    A value may stand once in a dictionary page, or be the prefix of others, and fill all rows of a batch.
    """
    longest = 1
    tops = None if wanted is None else {keys_of(name)[0] for name in wanted}
    with path.open("rb", buffering=0) as file:
        for group in map(table.metadata.row_group, range(table.metadata.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.physical_type != "BYTE_ARRAY" or (tops and keys_of(chunk.path_in_schema)[0] not in tops):
                    continue
                if "DELTA_BYTE_ARRAY" in chunk.encodings:
                    longest = max(longest, chunk.total_uncompressed_size)
                elif chunk.has_dictionary_page:
                    file.seek(chunk.dictionary_page_offset)
                    size = _page_bytes(file.read(32))
                    longest = max(longest, chunk.total_uncompressed_size if size is None else size)
    return max(1, DENSE_BYTES // longest)


def _page_bytes(header: bytes) -> int | None:
    """What a Parquet page unpacks to: the second number of its header, in Thrift's compact form; None: not found."""
    numbers: list[int] = []
    position = 0
    while len(numbers) < 2 and header[position : position + 1] == b"\x15":  # a field that follows the last, int32
        number = shift = 0
        while True:
            position += 1
            if position >= len(header):
                return None
            number |= (header[position] & 0x7F) << shift
            shift += 7
            if header[position] < 0x80:
                break
        numbers.append(number >> 1)  # zigzag; sizes are positive
        position += 1
    return numbers[1] if len(numbers) == 2 else None


def _top(batch: pyarrow.RecordBatch, wanted: list[str]) -> list[str]:
    """The columns wanted, those that lie in a struct by the struct's name; each once."""
    return list(dict.fromkeys(name if name in batch.schema.names else keys_of(name)[0] for name in wanted))


def _has(schema: pyarrow.Schema, column: str) -> bool:
    """Whether a table has a column, or a struct with a field of that name."""
    if column in schema.names:
        return schema.names.count(column) == 1
    first, *keys = keys_of(column)
    if first not in schema.names or not keys:
        return False
    kind = schema.field(first).type
    for key in keys:
        if not arrow().types.is_struct(kind) or kind.get_field_index(key) < 0:
            return False
        kind = kind.field(key).type
    return True


def _is_text(kind: pyarrow.DataType) -> bool:
    types = arrow().types
    if types.is_dictionary(kind):
        kind = kind.value_type
    checks = ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary", "is_binary_view")
    return any(getattr(types, check)(kind) for check in checks)


def text_values(column: pyarrow.Array) -> list[str | bytes | None]:
    """The values of a text column; what is no UTF-8, though it should be, as bytes."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        pyarrow = arrow()
        kind = column.type.value_type if pyarrow.types.is_dictionary(column.type) else column.type
        return column.cast(kind).cast(pyarrow.large_binary()).to_pylist()


def _strings(batch: pyarrow.RecordBatch, column: str | None) -> list[str | None]:
    """The URLs or sites of a batch."""
    if column is None:
        return [None] * batch.num_rows
    first = column if column in batch.schema.names else keys_of(column)[0]
    values = text_values(batch.column(first))
    return [string_or_none(value if first == column else value_at({first: value}, column)) for value in values]


class TableOutput:
    """The table of the input, in its own format or as Parquet.

    Its rows are read again beside the pages, in step with them, so that no row travels with its page.

    Rows whose page couldn't be read, or is null, keep what they have.
    """

    def __init__(self, table: TableInput, stream: BinaryIO, format: str, options: Options):
        with table.errors():
            schema = table.schema()
        columns = table.columns(schema)
        self._name = table.file.name
        self._place = schema.get_field_index(columns.page)
        self._adds = options.output_column not in (None, columns.page)
        new_name = options.output_column or columns.renamed(lambda column: column in schema.names)
        self._schema = _schema_out(schema, self._place, new_name, self._adds, options.verdicts)
        self._field = self._schema.field(len(schema) if self._adds else self._place)
        self._keeps_unread = new_name is None  # HTML under a name of text would be worse than nothing
        self._has_verdicts = options.verdicts
        self._pages: dict[int, tuple[str | None, list[pyarrow.Array]]] = {}  # by row number, of the batch
        self._batches = table.batches()
        self._start = 0  # row number of the batch's first row
        self._batch = self._next_batch()
        self._writer = _writer_for(table, stream, format, self._schema)

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        row = record.rest
        assert isinstance(row, Row)
        number, is_null = row
        while self._batch is not None and number >= self._start + self._batch.num_rows:
            self._finish_batch()
        if self._batch is None:
            raise OutputError(f"{self._name}: damaged in a column that would be carried through, before row {number}")
        judged = _judged_arrays([verdicts]) if self._has_verdicts else []
        self._pages[number] = (None if is_null else text, judged)

    def close(self) -> None:
        while self._batch is not None and not self._writer.is_closed:
            self._finish_batch()
        self._writer.close()

    def _next_batch(self) -> pyarrow.RecordBatch | None:
        try:
            return next(self._batches, None)
        except (arrow().ArrowException, OSError, InputError):
            return None  # the records of the input end here with a Failure

    def _finish_batch(self) -> None:
        with self._writer.errors():
            self._write_batch()

    def _write_batch(self) -> None:
        batch = self._batch
        assert batch is not None
        pages = [self._pages.get(number) for number in range(self._start, self._start + batch.num_rows)]
        unread = text_values(batch.column(self._place)) if self._keeps_unread and None in pages else [None] * len(pages)
        texts = [old if page is None else page[0] for page, old in zip(pages, unread, strict=True)]
        column = _text_array(texts, self._field.type)
        if self._adds:
            columns = [*batch.columns, column]
        else:
            columns = [*batch.columns[: self._place], column, *batch.columns[self._place + 1 :]]
        if self._has_verdicts:
            nothing = _judged_arrays([None])
            columns += _concatenated([page[1] if page else nothing for page in pages])
        self._writer.write(arrow().RecordBatch.from_arrays(columns, schema=self._schema))
        self._start += batch.num_rows
        self._pages.clear()
        self._batch = self._next_batch()


def _schema_out(
    schema: pyarrow.Schema, place: int, new_name: str | None, adds: bool, has_verdicts: bool
) -> pyarrow.Schema:
    """The columns of the output: the page's replaced or one added, and the verdicts."""
    pyarrow = arrow()
    old = schema.field(place)
    is_plain = not pyarrow.types.is_dictionary(old.type) and new_name in (None, old.name)
    field = pyarrow.field(new_name or old.name, old.type if is_plain else pyarrow.string(), metadata=old.metadata)
    schema = schema.append(field) if adds else schema.set(place, field)
    for field in _judged_fields() if has_verdicts else ():
        schema = schema.append(field)
    return schema


def _judged_fields() -> list[pyarrow.Field]:
    """The columns that say how a page was judged: the verdicts on its lines, and its confidence."""
    pyarrow = arrow()
    return [pyarrow.field(VERDICTS, verdicts_type()), pyarrow.field(CONFIDENCE, pyarrow.float32())]


def _judged_arrays(pages: Sequence[PageVerdicts | None]) -> list[pyarrow.Array]:
    """The values of `_judged_fields`."""
    return [verdicts_array(pages), confidences_array(pages)]


def _concatenated(pages: Iterable[list[pyarrow.Array]]) -> list[pyarrow.Array]:
    """Each of `_judged_fields` for all pages."""
    return [arrow().concat_arrays(arrays) for arrays in zip(*pages, strict=True)]


def _text_array(texts: list[str | bytes | None], kind: pyarrow.DataType) -> pyarrow.Array:
    """A column of text. What is no UTF-8 goes out as it came in where the type allows it, and as U+FFFD elsewhere."""
    pyarrow = arrow()
    types = pyarrow.types
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        texts = [text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text for text in texts]
        return pyarrow.array(texts, kind)
    try:
        return pyarrow.array(texts, kind)
    except (UnicodeEncodeError, pyarrow.ArrowInvalid):
        return pyarrow.array([_utf8(text) for text in texts], kind)


def _utf8(text: str | bytes | None) -> str | None:
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    return text and without_surrogates(text)


class _TableWriter(ABC):
    """What writes batches to a stream. Arrow's errors come out as OSError, once; nothing is written after one."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self._writer: pyarrow.parquet.ParquetWriter | pyarrow.ipc.RecordBatchWriter | None = None
        self.is_closed = False

    def write(self, batch: pyarrow.RecordBatch) -> None:
        with self.errors():
            self._write(batch)

    @abstractmethod
    def _write(self, batch: pyarrow.RecordBatch) -> None: ...

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Arrow's errors as OSError; the file is given up."""
        try:
            yield
        except (arrow().ArrowException, OSError, ValueError, AssertionError) as error:
            self._give_up()
            raise error if isinstance(error, OSError) else OSError(f"{error}") from error

    def _give_up(self) -> None:
        self.is_closed = True
        if self._writer is not None and hasattr(self._writer, "is_open"):
            self._writer.is_open = False  # else it writes its end when it is deleted
        self._writer = None
        with suppress(OSError):  # the disk is still full, and the first error is reported
            self._stream.close()

    def close(self) -> None:
        """Finish the file; nothing where it is finished or given up."""
        if self.is_closed:
            return
        with self.errors():
            self._finish()
            assert self._writer is not None  # an error closes the file
            self._writer.close()
            self._stream.close()
        self.is_closed = True

    def _finish(self) -> None:  # noqa: B027 (a stream of batches has nothing that waits)
        """Write what waits."""


class _ParquetWriter(_TableWriter):
    """Batches to row groups of a size that is quick to scan."""

    def __init__(self, stream: BinaryIO, schema: pyarrow.Schema, compression: str):
        super().__init__(stream)
        with self.errors():
            self._writer = arrow().parquet.ParquetWriter(stream, schema, compression=compression)
        self._waiting: list[pyarrow.RecordBatch] = []
        self._n_bytes = 0

    def _write(self, batch: pyarrow.RecordBatch) -> None:
        self._waiting.append(batch)
        self._n_bytes += batch.nbytes
        if self._n_bytes >= ROW_GROUP_BYTES:
            self._finish()

    def _finish(self) -> None:
        if self._waiting:
            assert self._writer is not None
            self._writer.write_table(arrow().Table.from_batches(self._waiting))
        self._waiting, self._n_bytes = [], 0


class _ArrowWriter(_TableWriter):
    """Batches to an Arrow file or stream."""

    def __init__(self, stream: BinaryIO, schema: pyarrow.Schema, is_stream: bool):
        super().__init__(stream)
        ipc = arrow().ipc
        with self.errors():
            self._writer = ipc.new_stream(stream, schema) if is_stream else ipc.new_file(stream, schema)

    def _write(self, batch: pyarrow.RecordBatch) -> None:
        assert self._writer is not None
        self._writer.write_batch(batch)


def _writer_for(
    table: TableInput, stream: BinaryIO, format: str, schema: pyarrow.Schema
) -> _ParquetWriter | _ArrowWriter:
    """What writes a table, as the input is written where the format stays."""
    if format == "arrow":
        assert isinstance(table, ArrowInput)
        return _ArrowWriter(stream, schema, table.is_stream())
    compression = table.compression() if isinstance(table, ParquetInput) else NEW_TABLE_COMPRESSION
    return _ParquetWriter(stream, schema, compression)


class NewTableOutput:
    """Pages of any input as a Parquet table: id, url, site, text, and all other fields as one JSON object."""

    def __init__(
        self, stream: BinaryIO, options: Options, fields_of: Callable[[Record], dict[str, object]] | None = None
    ):
        pyarrow = arrow()
        self._fields_of = fields_of
        names = ("id", "url", "site", options.output_column or "text", "other")
        fields = [pyarrow.field(name, pyarrow.string()) for name in names]
        if options.verdicts:
            fields += _judged_fields()
        self._schema = pyarrow.schema(fields)
        self._options = options
        self._rows: list[tuple] = []
        self._n_bytes = 0
        self._writer = _ParquetWriter(stream, self._schema, NEW_TABLE_COMPRESSION)

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        page, fields = record.page, {}
        if isinstance(record.rest, JsonLine):
            fields = fields_of_line(record.rest)
        elif isinstance(record.rest, dict):
            fields = record.rest
        elif self._fields_of is not None:
            fields = self._fields_of(record)
        page_id = id_of(fields, self._options) or page.id
        own = {"id": page_id, "url": page.url}
        rest = {name: value for name, value in fields.items() if name not in own or str(value) != own[name]}
        other = json.dumps(rest, ensure_ascii=False) if rest else None
        is_null = getattr(record.rest, "is_null", False)
        judged = _judged_arrays([verdicts]) if self._options.verdicts else None
        self._rows.append((page_id, page.url, page.site, None if is_null else text, other, judged))
        self._n_bytes += len(text)
        if self._n_bytes > NEW_TABLE_BYTES or len(self._rows) >= NEW_TABLE_ROWS:
            self._flush()

    def _flush(self) -> None:
        with self._writer.errors():
            self._write_rows()

    def _write_rows(self) -> None:
        *columns, judged = zip(*self._rows, strict=True) if self._rows else [[]] * 6
        arrays = [_text_array(list(column), arrow().string()) for column in columns]
        if self._options.verdicts:
            arrays += _concatenated([_judged_arrays([]), *judged])
        self._writer.write(arrow().RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows, self._n_bytes = [], 0

    def close(self) -> None:
        if not self._writer.is_closed:
            self._flush()
        self._writer.close()


class TableRows:
    """The rows of a table as objects, read beside the pages that were made of them, in their order."""

    def __init__(self, table: TableInput):
        with table.errors():
            self._page = table.columns(table.schema()).page
        self._batches = table.batches()
        self._batch: pyarrow.RecordBatch | None = None
        self._start = 0

    def fields(self, record: Record) -> dict[str, object]:
        """What a page's row holds but the page; to be asked in the rows' order."""
        assert isinstance(record.rest, Row)
        number = record.rest.number
        while self._batch is None or number >= self._start + self._batch.num_rows:
            self._start += self._batch.num_rows if self._batch is not None else 0
            self._batch = next(self._batches)
        return self._batch.slice(number - self._start, 1).drop_columns([self._page]).to_pylist()[0]
