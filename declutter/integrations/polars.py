"""polars: `clean_column` and `explain_column`, expressions over columns of pages.

>>> import polars as pl
>>> from declutter.integrations.polars import clean_column, explain_column
>>> page = "Home\\nNews\\nThe boats came back at dawn, and nobody had slept that night.\\nShare\\n"
>>> df = pl.DataFrame({"text": [page, None], "url": ["https://example.org/boats", None]})
>>> df.with_columns(clean_column("text", url="url"))["text"].to_list()
['The boats came back at dawn, and nobody had slept that night.\\n', None]
>>> lines = df.lazy().select(verdict=explain_column("text", url="url")).explode("verdict").unnest("verdict").collect()
>>> lines["label"].to_list()
['navigation', 'navigation', 'body', 'promo', None]

After another extractor, which leaves None where it finds nothing:

>>> import trafilatura
>>> html = pl.DataFrame({"html": [f"<p>{page}</p>"]})
>>> again = html.select(clean_column(pl.col("html").map_elements(trafilatura.extract, return_dtype=pl.String)))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

try:
    import polars as pl
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[polars]"') from error

from declutter import LABELS, Cleaner, Page
from declutter.files.verdicts import COLUMNS, verdict_rows
from declutter.integrations.columns import cleaned_rows, given_columns, pages_of

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

TYPES = {"int32": pl.Int32, "string": pl.String, "float32": pl.Float32, "bool": pl.Boolean}
VERDICTS = pl.List(pl.Struct({**{name: TYPES[kind] for name, kind in COLUMNS.items()}, "label": pl.Enum(LABELS)}))


def clean_column(
    text: str | pl.Expr | None = None,
    *,
    html: str | pl.Expr | None = None,
    url: str | pl.Expr | None = None,
    site: str | pl.Expr | None = None,
    cleaner: Cleaner | None = None,
) -> pl.Expr:
    """An expression for what is kept of each page, under the name of the pages' column.

    Columns are names or expressions. A row whose HTML is there is cleaned as HTML; nulls stay null. Without a profile
    the whole column is learned from first (in a group_by, each group). Rows that can't be judged are passed through
    whole, with a warning. A value that is no text fails the query.
    """
    return _mapped(_clean, pl.String, given_columns(text, html, url, site), cleaner)


def explain_column(
    text: str | pl.Expr | None = None,
    *,
    html: str | pl.Expr | None = None,
    url: str | pl.Expr | None = None,
    site: str | pl.Expr | None = None,
    cleaner: Cleaner | None = None,
) -> pl.Expr:
    """An expression for the verdicts on each page's lines, of type VERDICTS: a struct a line, blank lines included."""
    return _mapped(_explain, VERDICTS, given_columns(text, html, url, site), cleaner)


def _mapped(
    function: Callable[[tuple[str, ...], Cleaner, Sequence[pl.Series]], pl.Series],
    dtype: PolarsDataType,
    given: dict[str, str | pl.Expr],
    cleaner: Cleaner | None,
) -> pl.Expr:
    return pl.map_batches(
        list(given.values()), partial(function, tuple(given), cleaner or Cleaner()), return_dtype=dtype
    )


def _clean(names: tuple[str, ...], cleaner: Cleaner, columns: Sequence[pl.Series]) -> pl.Series:
    rows = cleaned_rows(cleaner, _pages(names, columns))
    return pl.Series(columns[0].name, [None if done is None else done.text for done in rows], pl.String)


def _explain(names: tuple[str, ...], cleaner: Cleaner, columns: Sequence[pl.Series]) -> pl.Series:
    rows = cleaned_rows(cleaner, _pages(names, columns))
    return pl.Series(columns[0].name, [done and verdict_rows(done.verdicts) for done in rows], VERDICTS)


def _pages(names: tuple[str, ...], columns: Sequence[pl.Series]) -> Iterator[Page | None]:
    return pages_of(dict(zip(names, (column.to_list() for column in columns), strict=True)))
