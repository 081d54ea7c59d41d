"""Record, Input, Output: how pages come in and go out, whatever the format.

`inputs.py` opens inputs (`inputs(names, options)`), `outputs.py` their outputs (`output_for`, `output_name`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from declutter.pages import Page

if TYPE_CHECKING:
    from declutter.files.verdicts import PageVerdicts


@dataclass(frozen=True, slots=True)
class Record:
    """One page of an input, with what its output needs to give it back.

    `page.id` is unique in a run: "folder/page.txt", "pages.jsonl:17" (line, from 1), "pages.parquet:17" (row, from 0),
    "crawl.warc.gz:12345" (offset in bytes), "pages.zip/folder/page.txt".
    """

    page: Page
    rest: object = None  # picklable: the text's Encoding, the JSON line, the row's number, the WARC headers wanted
    n_bytes: int = 0  # of the page in the input, before decoding
    metadata: dict[str, str | None] | None = None  # what an HTML page says of itself, for JSON lines

    @property
    def position(self) -> str:
        """Where in its input the page stands: the last part of its id."""
        return self.page.id.rsplit(":", 1)[-1]


class Failure(NamedTuple):
    """A page, or the rest of an input, that could not be read, judged or written as it should be."""

    input: str  # id of the input
    position: str  # "line 17", "row 17", "offset 12345", a member's name, or "" for the whole input
    reason: str  # names the file and the position, and says what to do where something can be done
    kind: str = "unreadable"  # or "unwritable", "passed through", "partial"


ONE_PAGE = frozenset({"txt", "html"})  # formats of files that are one page
WITHOUT_PAGE = "rows without a page"
READ_AS_HTML = "texts that hold HTML, read as HTML"
REVISITS = "revisit records, whose page is stored elsewhere"
MARKUP_IN_TEXT = "texts that hold HTML markup, read as text"


class Note(NamedTuple):
    """A count for the run's summary of something that is not a failure."""

    input: str  # id of the input
    what: str  # in the plural: "rows without a page"
    n: int


class Row(NamedTuple):
    """Which row of its table a page is: the `rest` of a table's Record."""

    number: int  # from 0
    is_null: bool = False  # the row has no page, and keeps none


@dataclass(frozen=True)
class Options:
    """How inputs are read and outputs written. Columns that are None are found by their usual names."""

    text_column: str | None = None  # of JSON and tables; a dot leads into an object ("content.text")
    html_column: str | None = None
    url_column: str | None = None
    id_column: str | None = None
    site_column: str | None = None
    output_column: str | None = None  # for the kept text; None: the text's own column, "text" in place of HTML
    input_format: str | None = None  # a format that `inputs.opened` knows; None: recognized
    encoding: str | None = None  # of text and HTML files; None: detected
    sites_by_folder: bool = False  # the site of a file is the folder that it stands in
    verdicts: bool = False  # JSONL and Parquet carry the verdict on every line
    one_pass: bool = False  # standard input is read once, so it needn't be kept on disk for a second time
    #: Longest page that is read, in bytes, decompressed: ten times what Common Crawl cuts its pages at (5 MB).
    max_page_bytes: int = 64 << 20
    #: Longest JSON line or WARC record that is read, in bytes; longer ones are skipped without being held.
    max_record_bytes: int = 64 << 20


class Input(Protocol):
    """One file, or standard input: the unit of output and of resuming."""

    @property
    def id(self) -> str:
        """The relative path with forward slashes."""
        ...

    @property
    def path(self) -> Path | None:
        """None for standard input."""
        ...

    @property
    def format(self) -> str:
        """txt, html, jsonl, json, csv, tsv, parquet, arrow, warc, wet, zip or tar."""
        ...

    @property
    def n_bytes(self) -> int:
        """The size on disk, 0 where it isn't known."""
        ...

    def records(self) -> Iterator[Record | Failure | Note]:
        """The pages in order, read anew at each call, a few in memory at a time; at the end what is to be counted.

        Raises nothing for what the input holds: what can't be read comes as Failure, and so does an input whose
        format needs a library that is not installed (the reason names the extra).
        """
        ...


class Output(Protocol):
    """Where the cleaned pages of one input go, in its order.

    It is opened at the first page, so an input that can't be read has no output. It raises OSError; the caller names
    the file.
    """

    def write(self, record: Record, text: str, verdicts: PageVerdicts | None = None, error: str | None = None) -> None:
        """Add a page: its kept text, its verdicts where `Options.verdicts` asks for them, why it was passed through."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...
