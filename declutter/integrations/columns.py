"""Columns of a table to pages, and the pages cleaned: what the hooks for tables have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from declutter import Cleaned, Cleaner, MarkupWarning, Page
from declutter.files.markup import holds_markup

Column = Sequence  # of str, or bytes for HTML; None is a null
Named = TypeVar("Named")  # how a host names a column


class UncleanedWarning(UserWarning):
    """Pages that could not be judged were passed through whole."""


def given_columns(text: Named | None, html: Named | None, url: Named | None, site: Named | None) -> dict[str, Named]:
    """The columns that are given (names, columns or expressions of the host) by what they are: text, html, url, site.

    Raises ValueError where neither text nor html is given.
    """
    if text is None and html is None:
        raise ValueError("name a column of pages: text or html")
    columns = {"text": text, "html": html, "url": url, "site": site}
    return {what: column for what, column in columns.items() if column is not None}


def pages_of(columns: Mapping[str, Column], first_row: int = 0) -> Iterator[Page | None]:
    """A page a row, None where the row has neither text nor HTML; where it has both, the HTML is the page.

    `columns` are those that `given_columns` names, text or html among them. A text that is HTML is read as HTML, with
    a MarkupWarning. A page's id is its row's number, from `first_row`.
    Raises TypeError where a value is of another type, and ValueError where the lengths differ.
    """
    lengths = {what: len(column) for what, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns have different lengths: {lengths}")
    nulls = [None] * next(iter(lengths.values()))
    rows = zip(*(columns.get(what, nulls) for what in ("text", "html", "url", "site")), strict=True)
    n_html = 0
    for row, values in enumerate(rows, first_row):
        _check_types(row, *values)
        of_text, of_html, of_url, of_site = values
        if of_html is None and of_text is not None and holds_markup(of_text):
            of_html = of_text
            n_html += 1
        if of_html is not None:
            yield Page(str(row), of_site, of_url, html=of_html)
        else:
            yield None if of_text is None else Page(str(row), of_site, of_url, text=of_text)
    if n_html:
        message = f"{n_html} of {lengths['text']} texts are HTML, and are read as HTML"
        warnings.warn(message, MarkupWarning, stacklevel=2)


def _check_types(row: int, text: object, html: object, url: object, site: object) -> None:
    for name, value, types in (
        ("text", text, str), ("html", html, (str, bytes)), ("url", url, str), ("site", site, str),
    ):  # fmt: skip
        if value is not None and not isinstance(value, types):
            raise TypeError(f"row {row}: {name} is {type(value).__name__}; it must be text")


def cleaned_rows(cleaner: Cleaner, pages: Iterable[Page | None]) -> Iterator[Cleaned | None]:
    """The pages of one table cleaned, in order; None stays None.

    Without a profile the pages are learned from first. Warns of pages that were passed through whole.
    """
    rows = list(pages)
    cleaned = cleaner.clean_pages([page for page in rows if page is not None])
    n_failed, first_failed = 0, None
    for page in rows:
        done = None if page is None else next(cleaned)
        if done is not None and done.error is not None:
            n_failed, first_failed = n_failed + 1, first_failed or done
        yield done
    if first_failed is not None:
        warnings.warn(
            f"{n_failed} of {len(rows)} pages could not be judged and were passed through whole; the first is row "
            f"{first_failed.page.id}: {first_failed.error}",
            UncleanedWarning,
            stacklevel=3,
        )
