"""Which fields of a JSON object or columns of a table hold a page: those named, else those with a usual name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from declutter.files.markup import holds_markup
from declutter.files.records import MARKUP_IN_TEXT, READ_AS_HTML, WITHOUT_PAGE, Options

#: The usual names, the likeliest first; a dot leads into an object. From C4, FineWeb, OSCAR, CC-Net, RedPajama,
#: news-please, LangChain, datatrove, trafilatura and Common Crawl's own headers.
TEXT_COLUMNS = (
    "text",
    "content",
    "raw_content",
    "raw_text",
    "body",
    "page_content",
    "maintext",
    "main_text",
    "plain_text",
    "extracted_text",
    "article",
    "document",
)
HTML_COLUMNS = ("html", "raw_html", "html_content", "page_html", "raw_page", "page_source")
URL_COLUMNS = (
    "url",
    "uri",
    "source_url",
    "page_url",
    "link",
    "warc-target-uri",
    "warc_target_uri",
    "target_uri",
    "metadata.url",
    "meta.url",
    "warc_headers.warc-target-uri",
    "metadata.warc-target-uri",
)
ID_COLUMNS = ("id", "_id", "doc_id", "docid", "document_id", "uuid", "warc-record-id", "warc_headers.warc-record-id")
SITE_COLUMNS = ("site", "source_domain", "hostname", "website")  # not "domain": in corpora that is often a topic


def keys_of(column: str) -> list[str]:
    """The keys that lead to a column: "metadata.url" stands in the object "metadata"."""
    return column.split(".")


def value_at(fields: Mapping, column: str) -> object:
    """The value of a column in an object, None where it isn't there. A key with dots in it comes first."""
    if column in fields:
        return fields[column]
    value: object = fields
    for key in keys_of(column):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


@dataclass(frozen=True)
class Columns:
    """The columns that hold a page; None where there is none."""

    page: str | None  # text or HTML
    is_html: bool
    is_named: bool  # by the caller
    spare: str | None  # HTML beside text, or text beside HTML: read in rows where the page's column is empty
    url: str | None
    id: str | None
    site: str | None

    @classmethod
    def found(cls, options: Options, has: Callable[[str], bool]) -> Columns:
        """Those that are named, else the first of the usual ones that `has` says is there."""
        named = (options.text_column, options.html_column)
        is_named = any(named)
        text = _first(options.text_column, TEXT_COLUMNS, has)
        html = _first(options.html_column, HTML_COLUMNS, has)
        is_html = options.text_column is None if is_named else text is None
        page, spare = (html, text) if is_html else (text, html)
        if page is None and is_named and all(named):
            page, spare, is_html = html, None, True
        url = _first(options.url_column, URL_COLUMNS, has, is_asked=False)
        page_id = _first(options.id_column, ID_COLUMNS, has, is_asked=False)
        site = _first(options.site_column, SITE_COLUMNS, has, is_asked=False)
        return cls(page, is_html, is_named, spare, url, page_id, site)

    def read(self, value, spare, counts: Counter[str]) -> tuple[str | bytes | None, bool]:
        """A row's page and whether it is HTML, from the values of the page's column and the spare one.

        A text that is HTML is read as HTML, unless its column was named as text. `counts` counts what is noteworthy.
        """
        is_html = self.is_html
        if not value and spare and isinstance(spare, str | bytes):
            value, is_html = spare, not is_html
        if value is None:
            counts[WITHOUT_PAGE] += 1
        elif not is_html and isinstance(value, str) and holds_markup(value):
            is_html = not self.is_named
            counts[READ_AS_HTML if is_html else MARKUP_IN_TEXT] += 1
        return value, is_html

    def renamed(self, has: Callable[[str], bool]) -> str | None:
        """What a column that is named after HTML is called once it holds text; None where its name stays."""
        if self.page is None or "html" not in keys_of(self.page)[-1].lower():
            return None
        return "clean_text" if has("text") else "text"


def _first(named: str | None, usual: Sequence[str], has: Callable[[str], bool], is_asked: bool = True) -> str | None:
    """The column that is named, if `is_asked` only where it is there; else the first usual one that is there."""
    if named is not None:
        return named if not is_asked or has(named) else None
    return next(filter(has, usual), None)


def missing_page(options: Options) -> str:
    """Why a record holds no page, and what to do."""
    named = options.text_column or options.html_column
    if named:
        return f"there is no column {named}"
    return (
        f"no column holds a page (text: {', '.join(TEXT_COLUMNS)}; HTML: {', '.join(HTML_COLUMNS)}); "
        "name it with --text-column or --html-column"
    )


def id_of(fields: Mapping, options: Options) -> str | None:
    """What an object calls itself, None where it has no id."""
    columns = (options.id_column,) if options.id_column else ID_COLUMNS
    found = (string_or_none(value_at(fields, column)) for column in columns)
    return next((value for value in found if value is not None), None)


def string_or_none(value: object) -> str | None:
    """A URL, id or site as a string; numbers are ids too."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else None
