"""pandas: `clean_column` and `explain_column` for columns of pages.

>>> import pandas as pd
>>> from declutter.integrations.pandas import clean_column, explain_column
>>> page = "Home\\nNews\\nThe boats came back at dawn, and nobody had slept that night.\\nShare\\n"
>>> df = pd.DataFrame({"text": [page, None], "url": ["https://example.org/boats", None]}, index=[7, 8])
>>> df["main"] = clean_column(df["text"], url=df["url"])  # index, nulls and type stay
>>> df["main"][7]
'The boats came back at dawn, and nobody had slept that night.\\n'
>>> explain_column(df["text"], url=df["url"])[["line", "label", "keep"]]
   line       label   keep
7     1  navigation  False
7     2  navigation  False
7     3        body   True
7     4       promo  False

After another extractor, which leaves None where it finds nothing:

>>> import trafilatura
>>> html = pd.Series([f"<p>{page}</p>"])
>>> main = clean_column(html.map(trafilatura.extract))
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

try:
    import pandas as pd
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[pandas]"') from error

from declutter import Cleaned, Cleaner, Verdicts
from declutter.integrations.columns import cleaned_rows, given_columns, pages_of


def clean_column(
    text: pd.Series | None = None,
    *,
    html: pd.Series | None = None,
    url: pd.Series | None = None,
    site: pd.Series | None = None,
    cleaner: Cleaner | None = None,
) -> pd.Series:
    """What is kept of each page, with the index and name of the pages' column, and its type where that holds strings.

    A row whose HTML is there is cleaned as HTML; nulls stay as they are. Without a profile the column is learned from
    first. Rows that can't be judged are passed through whole, with a warning. Raises ValueError where the columns
    have different indexes, TypeError where a value is no text.
    """
    cleaned = _cleaned(text, html, url, site, cleaner)
    pages = _pages_of(text, html)
    values = [null if done is None else done.text for done, null in zip(cleaned, pages, strict=True)]
    keeps_type = pd.api.types.is_string_dtype(pages.dtype) and not isinstance(pages.dtype, pd.CategoricalDtype)
    return pd.Series(values, index=pages.index, name=pages.name, dtype=pages.dtype if keeps_type else None)


def explain_column(
    text: pd.Series | None = None,
    *,
    html: pd.Series | None = None,
    url: pd.Series | None = None,
    site: pd.Series | None = None,
    cleaner: Cleaner | None = None,
) -> pd.DataFrame:
    """The verdicts on the lines of the pages: a row a line, blank lines included, under the index of its page.

    Columns: line (int64, from 1), text, label and reason (category), score (float32), keep (bool). Nulls have no lines.
    """
    rows: list[np.ndarray] = []
    parts: list[Verdicts] = []
    for row, done in enumerate(_cleaned(text, html, url, site, cleaner)):
        if done is not None:
            rows.append(np.full(len(done.verdicts), row))
            parts.append(done.verdicts)
    index = _pages_of(text, html).index
    columns = {
        "line": np.array([line for part in parts for line in part.line], np.int64),
        "text": [text for part in parts for text in part.text],
        "label": pd.Categorical([label for part in parts for label in part.label]),
        "score": np.concatenate([np.zeros(0, np.float32), *(part.score for part in parts)]),
        "keep": np.concatenate([np.zeros(0, bool), *(part.keep for part in parts)]),
        "reason": pd.Categorical([reason for part in parts for reason in part.reason]),
    }
    return pd.DataFrame(columns, index=index.take(np.concatenate([np.zeros(0, np.int64), *rows])))


def _pages_of(text: pd.Series | None, html: pd.Series | None) -> pd.Series:
    """The column of pages, which gives the results their index: that of text where there are both."""
    pages = html if text is None else text
    assert pages is not None  # given_columns refuses it
    return pages


def _cleaned(
    text: pd.Series | None,
    html: pd.Series | None,
    url: pd.Series | None,
    site: pd.Series | None,
    cleaner: Cleaner | None,
) -> Iterator[Cleaned | None]:
    given: dict[str, pd.Series] = given_columns(text, html, url, site)
    indexes = [column.index for column in given.values()]
    if any(not index.equals(indexes[0]) for index in indexes):
        raise ValueError(f"the columns {', '.join(given)} have different indexes")
    return cleaned_rows(cleaner or Cleaner(), pages_of({name: _values(column) for name, column in given.items()}))


def _values(column: pd.Series) -> list:
    """The column's values, None for every kind of null."""
    is_null = column.isna().tolist()
    return [None if null else value for value, null in zip(column.tolist(), is_null, strict=True)]
