"""scikit-learn: a transformer of pages, for pipelines and columns.

>>> from sklearn.feature_extraction.text import TfidfVectorizer
>>> from sklearn.pipeline import make_pipeline
>>> from declutter.integrations.sklearn import CleanText
>>> page = "Home\\nNews\\nThe boats came back at dawn, and nobody had slept that night.\\nShare\\n"
>>> clean = CleanText().fit([page])  # learns the sites' templates
>>> clean.transform([page]).tolist()
['The boats came back at dawn, and nobody had slept that night.\\n']
>>> words = make_pipeline(CleanText(), TfidfVectorizer()).fit([page])

After another extractor:

>>> import trafilatura
>>> again = CleanText().fit_transform([trafilatura.extract(f"<p>{page}</p>") or ""])
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted
except ImportError as error:
    raise ImportError(f'{error}; install the extra: pip install "declutter-text[sklearn]"') from error

from declutter import Cleaner, Page, Profile, learn
from declutter.integrations.columns import cleaned_rows, pages_of


class CleanText(TransformerMixin, BaseEstimator):
    """Keeps the main content of pages; what it learns is the templates of their sites.

    Parameters
    ----------
    keep : collection of str, the labels to keep.
    engine : {"auto", "model", "rules"}, what decides.
    beta : float, recall against precision: 1 is even, 0.5 prefers precision, 2 recall.
    html : bool, whether the pages are HTML (str or bytes) and not text dumps.

    Attributes
    ----------
    profile_ : declutter.Profile, what was learned.
    feature_names_in_ : ndarray of str (1,), the column's name, where X was a table or a column that has one.

    X is a sequence of n pages, or a table of one column; what comes out has the same shape: an ndarray of str objects,
    (n,) or (n, 1). The pages in `transform` are judged with the profile alone, each for itself.
    """

    def __init__(
        self, keep: Collection[str] = ("title", "body"), engine: str = "auto", beta: float = 1.0, html: bool = False
    ):
        self.keep = keep
        self.engine = engine
        self.beta = beta
        self.html = html

    def fit(self, X, y=None) -> CleanText:
        """Learn the sites' templates. Raises ValueError where X holds anything but pages, or an option is unknown."""
        self._cleaner(None)
        names = getattr(X, "columns", None) if getattr(X, "name", None) is None else [X.name]
        self.profile_ = learn(list(self._pages(_column(X))))
        if names is not None and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def transform(self, X) -> np.ndarray:
        """What is kept of each page, ndarray of str objects of X's shape."""
        check_is_fitted(self)
        column = _column(X)
        kept = np.empty(len(column), object)
        cleaned = cleaned_rows(self._cleaner(self.profile_), list(self._pages(column)))
        kept[:] = [done.text for done in cleaned if done is not None]  # no value is null
        return kept.reshape(column.shape)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """The name of the one column that comes out, which is that of the one that went in; `text` if it had none."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        if input_features is not None:
            if len(input_features) != 1:
                raise ValueError(f"input_features has {len(input_features)} names, and there is one column")
            if names is not None and list(input_features) != list(names):
                raise ValueError(f"input_features is {list(input_features)}, and fit saw {list(names)}")
            names = input_features
        return np.array(["text"] if names is None else names, object)

    def _cleaner(self, profile: Profile | None) -> Cleaner:
        return Cleaner(self.keep, profile, self.engine, beta=self.beta)

    def _pages(self, column: np.ndarray) -> Iterator[Page]:
        values = column.reshape(-1).tolist()
        types = (str, bytes) if self.html else str
        for row, value in enumerate(values):
            if not isinstance(value, types):
                raise ValueError(f"X holds {type(value).__name__} in row {row}, where a page must be")
        return (page for page in pages_of({"html" if self.html else "text": values}) if page is not None)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


def _column(X) -> np.ndarray:
    """X as objects, (n,) or (n, 1): not as an array of strings, which are all as long as the longest."""
    column = np.asarray(X, object)
    if isinstance(X, (str, bytes)) or column.ndim not in (1, 2) or column.shape[1:] not in ((), (1,)):
        raise ValueError(f"X has shape {column.shape}; it must hold pages, as a sequence or a table of one column")
    return column
