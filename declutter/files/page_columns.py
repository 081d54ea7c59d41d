"""Which fields of a JSON object or columns of a table hold a page: those named, else those with a usual name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from declutter.files.records import Options

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

#: What only HTML begins with.
HTML_START = re.compile(
    r"\ufeff?\s*(?:<!--.{0,2000}?-->\s*|<\?xml[^>]{0,200}\?>\s*)*<(?:!doctype\s+html|html|head)\b", re.I | re.S
)


def looks_like_html(text: str) -> bool:
    """Whether a text begins as HTML documents do, and text never does."""
    return HTML_START.match(text, 0, 5000) is not None


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
    url: str | None
    id: str | None
    site: str | None

    @classmethod
    def found(cls, options: Options, has: Callable[[str], bool]) -> Columns:
        """Those that are named, else the first of the usual ones that `has` says is there."""
        page, is_html = options.text_column or options.html_column, options.text_column is None
        is_named = page is not None
        if not is_named:
            page = next(filter(has, TEXT_COLUMNS), None)
            is_html = page is None
            page = page or next(filter(has, HTML_COLUMNS), None)
        elif not has(page):
            page = None
        rest = (
            named or next(filter(has, usual), None)
            for named, usual in (
                (options.url_column, URL_COLUMNS),
                (options.id_column, ID_COLUMNS),
                (options.site_column, SITE_COLUMNS),
            )
        )
        return cls(page, is_html, is_named, *rest)

    def renamed(self, has: Callable[[str], bool]) -> str | None:
        """What a column that is named after HTML is called once it holds text; None where its name stays."""
        if "html" not in keys_of(self.page)[-1].lower():
            return None
        return "clean_text" if has("text") else "text"


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
