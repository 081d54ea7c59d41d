"""Parquet and Arrow files in: a page a row, a batch of rows in memory at a time, by pyarrow."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from declutter.errors import InputError
from declutter.files.columns import Columns, keys_of, looks_like_html, missing_page, string_or_none, value_at
from declutter.files.files import FileInput, megabytes
from declutter.files.records import Record, Row, Unreadable
from declutter.pages import Page

if TYPE_CHECKING:
    import pyarrow

#: Bytes of rows, before compression, that are in memory at once; larger batches were no faster.
BATCH_BYTES = 16 << 20
MAX_BATCH_ROWS = 4096
READ_BYTES = 1 << 20


def arrow():
    """pyarrow. Raises InputError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError as error:
        raise InputError('Parquet and Arrow take pyarrow: pip install "declutter-text[parquet]"') from error
    return pyarrow


class TableInput(FileInput):
    """What Parquet and Arrow share: rows to pages. The columns that hold no page wait for the output."""

    def _records(self) -> Iterator[Record | Unreadable]:
        with self.errors():
            schema = self.schema()
            columns = self.columns(schema)
            wanted = [name for name in (columns.page, columns.url, columns.site) if name]
            number = 0
            for batch in self.batches(wanted):
                urls, sites = (_strings(batch, name) for name in (columns.url, columns.site))
                for value, url, site in zip(text_values(batch.column(columns.page)), urls, sites, strict=True):
                    yield self._record(number, value, url, site, columns)
                    number += 1

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Arrow's errors as InputError. pyarrow is not loaded before a table is met."""
        pyarrow = arrow()
        try:
            yield
        except (pyarrow.ArrowException, NotImplementedError) as error:
            raise InputError(f"{self.file.name}: damaged, or no {self.format} file ({error})") from error

    def _record(self, number: int, value: str | bytes | None, url, site, columns: Columns) -> Record | Unreadable:
        if value is None:
            return Record(Page(f"{self.id}:{number}", site, url, text=""), Row(number, True))
        n_bytes = len(value if isinstance(value, bytes) or value.isascii() else value.encode("utf-8"))
        if n_bytes > self.options.max_page_bytes:
            limit = megabytes(self.options.max_page_bytes)
            reason = f"a page longer than {limit}, skipped; --max-page-bytes sets this"
            return self._unreadable(f"row {number}", reason)
        text = value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")
        if columns.is_html or (not columns.is_named and looks_like_html(text)):
            page = Page(f"{self.id}:{number}", site, url, html=value)
        else:
            page = Page(f"{self.id}:{number}", site, url, text=text)
        return Record(page, Row(number), n_bytes)

    def columns(self, schema: pyarrow.Schema) -> Columns:
        """The columns that hold a page. Raises InputError, naming the file, where there are none or of other types."""
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
        return found

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
        with self.open_table() as table:
            metadata = table.metadata
            n_bytes = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
            n_rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(1, n_bytes)))
            yield from table.iter_batches(n_rows, columns=wanted, use_threads=False)

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
        with arrow().memory_map(str(self.file.seekable())) as source:
            if self.is_stream():
                found: Iterator[pyarrow.RecordBatch] = iter(ipc.open_stream(source))
            else:
                reader = ipc.open_file(source)
                found = map(reader.get_batch, range(reader.num_record_batches))
            for batch in found:
                for start in range(0, batch.num_rows, MAX_BATCH_ROWS):
                    part = batch.slice(start, MAX_BATCH_ROWS)
                    yield part if wanted is None else part.select(_top(part, wanted))


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
