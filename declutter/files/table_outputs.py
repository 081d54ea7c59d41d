"""Parquet and Arrow files out: a table with its text cleaned and all else as it was, or a new table of pages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, BinaryIO

from declutter.errors import OutputError
from declutter.files.columns import id_of
from declutter.files.jsonl import VERDICTS, JsonLine, fields_of_line
from declutter.files.records import Options, Record
from declutter.files.tables import ParquetInput, TableInput, arrow, text_values
from declutter.lines import Verdicts

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP_BYTES = 32 << 20  # held until they are written: smaller row groups are slow to scan
NEW_TABLE_BYTES = 8 << 20  # of text, made into a batch at once
NEW_TABLE_ROWS = 10_000
NEW_TABLE_COMPRESSION = "zstd"
SURROGATE = re.compile("[\ud800-\udfff]")  # stands for a byte that is no UTF-8, or came as an escape of JSON


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
        self._pages: dict[int, tuple[str | None, Verdicts | None]] = {}  # by row number, of the batch
        self._batches = table.batches()
        self._start = 0  # row number of the batch's first row
        self._batch = self._next_batch()
        self._writer = _writer_for(table, stream, format, self._schema)

    def write(self, record: Record, text: str, verdicts: Verdicts | None = None, error: str | None = None) -> None:
        number, is_null = record.rest
        while self._batch is not None and number >= self._start + self._batch.num_rows:
            self._finish_batch()
        if self._batch is None:
            raise OutputError(f"{self._name}: damaged in a column that would be carried through, before row {number}")
        self._pages[number] = (None if is_null else text, verdicts)

    def close(self) -> None:
        while self._batch is not None:
            self._finish_batch()
        self._writer.close()

    def _next_batch(self) -> pyarrow.RecordBatch | None:
        try:
            return next(self._batches, None)
        except (arrow().ArrowException, OSError):
            return None  # the input has told: its records end here with an Unreadable

    def _finish_batch(self) -> None:
        batch = self._batch
        pages = [self._pages.get(number) for number in range(self._start, self._start + batch.num_rows)]
        unread = text_values(batch.column(self._place)) if self._keeps_unread and None in pages else [None] * len(pages)
        texts = [old if page is None else page[0] for page, old in zip(pages, unread, strict=True)]
        column = _text_array(texts, self._field.type)
        if self._adds:
            columns = [*batch.columns, column]
        else:
            columns = [*batch.columns[: self._place], column, *batch.columns[self._place + 1 :]]
        if self._has_verdicts:
            columns.append(_verdict_array([page[1] if page else None for page in pages]))
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
    return schema.append(pyarrow.field(VERDICTS, _verdict_type())) if has_verdicts else schema


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
    return text and SURROGATE.sub("\ufffd", text)


def _verdict_type() -> pyarrow.DataType:
    """The verdicts of a page: one a line."""
    pyarrow = arrow()
    fields = [("label", pyarrow.string()), ("score", pyarrow.float32()), ("keep", pyarrow.bool_())]
    return pyarrow.list_(pyarrow.struct([*fields, ("reason", pyarrow.string())]))


def _verdict_array(verdicts: list[Verdicts | None]) -> pyarrow.Array:
    rows = [
        None
        if found is None
        else [dict(zip(("label", "score", "keep", "reason"), verdict, strict=True)) for verdict in found]
        for found in verdicts
    ]
    return arrow().array(rows, _verdict_type())


class _ParquetWriter:
    """Batches to row groups of a size that is quick to scan."""

    def __init__(self, stream: BinaryIO, schema: pyarrow.Schema, compression: str):
        self._writer = arrow().parquet.ParquetWriter(stream, schema, compression=compression)
        self._waiting: list[pyarrow.RecordBatch] = []
        self._n_bytes = 0
        self._stream = stream

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._waiting.append(batch)
        self._n_bytes += batch.nbytes
        if self._n_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(arrow().Table.from_batches(self._waiting))
        self._waiting, self._n_bytes = [], 0

    def close(self) -> None:
        self._flush()
        self._writer.close()
        self._stream.close()


class _ArrowWriter:
    """Batches to an Arrow file or stream."""

    def __init__(self, stream: BinaryIO, schema: pyarrow.Schema, is_stream: bool):
        ipc = arrow().ipc
        self._writer = ipc.new_stream(stream, schema) if is_stream else ipc.new_file(stream, schema)
        self._stream = stream

    def write(self, batch: pyarrow.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
        self._stream.close()


def _writer_for(
    table: TableInput, stream: BinaryIO, format: str, schema: pyarrow.Schema
) -> _ParquetWriter | _ArrowWriter:
    """What writes a table, as the input is written where the format stays."""
    if format == "arrow":
        return _ArrowWriter(stream, schema, table.is_stream())
    compression = table.compression() if isinstance(table, ParquetInput) else NEW_TABLE_COMPRESSION
    return _ParquetWriter(stream, schema, compression)


class NewTableOutput:
    """Pages of any input as a Parquet table: id, url, site, text, and all other fields as one JSON object."""

    def __init__(self, stream: BinaryIO, options: Options):
        pyarrow = arrow()
        names = ("id", "url", "site", options.output_column or "text", "other")
        fields = [pyarrow.field(name, pyarrow.string()) for name in names]
        if options.verdicts:
            fields.append(pyarrow.field(VERDICTS, _verdict_type()))
        self._schema = pyarrow.schema(fields)
        self._options = options
        self._rows: list[tuple] = []
        self._n_bytes = 0
        self._writer = _ParquetWriter(stream, self._schema, NEW_TABLE_COMPRESSION)

    def write(self, record: Record, text: str, verdicts: Verdicts | None = None, error: str | None = None) -> None:
        page, fields = record.page, {}
        if isinstance(record.rest, JsonLine):
            fields = fields_of_line(record.rest)
        elif isinstance(record.rest, dict):
            fields = record.rest
        page_id = id_of(fields, self._options) or page.id
        own = {"id": page_id, "url": page.url}
        rest = {name: value for name, value in fields.items() if name not in own or str(value) != own[name]}
        other = json.dumps(rest, ensure_ascii=False) if rest else None
        is_null = isinstance(record.rest, JsonLine) and record.rest.is_null
        self._rows.append((page_id, page.url, page.site, None if is_null else text, other, verdicts))
        self._n_bytes += len(text)
        if self._n_bytes > NEW_TABLE_BYTES or len(self._rows) >= NEW_TABLE_ROWS:
            self._flush()

    def _flush(self) -> None:
        *columns, verdicts = zip(*self._rows, strict=True) if self._rows else [[]] * 6
        arrays = [_text_array(list(column), arrow().string()) for column in columns]
        if self._options.verdicts:
            arrays.append(_verdict_array(list(verdicts)))
        self._writer.write(arrow().RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows, self._n_bytes = [], 0

    def close(self) -> None:
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
        number = record.rest.number
        while self._batch is None or number >= self._start + self._batch.num_rows:
            self._start += self._batch.num_rows if self._batch is not None else 0
            self._batch = next(self._batches)
        return self._batch.slice(number - self._start, 1).drop_columns([self._page]).to_pylist()[0]
